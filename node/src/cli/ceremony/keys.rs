//! (C4) to (C6): the keys, their backup, and that everybody has the same.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use quorate_protocol::PartyId;
use serde_json::json;

use super::{Flow, ask, view};
use crate::ceremony::preflight::Stage;
use crate::ceremony::room::{Room, State};
use crate::cli::exit::{Exit, Failure};
use crate::cli::passphrase::{self, PassphraseFile};
use crate::cli::terminal::{Paint, clean};
use crate::cli::{quoted, slug, time};
use crate::home::{GroupKeys, Home, HomeError, KeyPart, Origin, Passphrase};
use crate::roster::Network;
use crate::roster::text::hex;

/// What to give where nobody can be asked.
const BACKUP_FLAG: &str = "--backup-passphrase-file FILE";

/// How long it may take the others to hear our last words before we leave all the same: somebody
/// may have just restarted. Our node says them again.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// Whether a backup of the member's keys was made and tried.
///
/// # Errors
/// What happened to the data directory is not known.
pub fn is_backed_up(home: &Home) -> Result<bool, HomeError> {
    Ok(home.history()?.drill.is_some())
}

/// Waits for the keys, and keeps them.
///
/// # Errors
/// They cannot be written.
pub async fn make(
    flow: &mut Flow<'_>,
    network: &Network,
    me: PartyId,
    room: &mut Room,
) -> Result<(), Failure> {
    if flow.has_keys()? {
        return Ok(());
    }
    let mut begun = None;
    let (keys, bytes) = flow
        .until(
            room,
            |state, width| {
                let mut lines = view::making(network, state);
                if !state.begun {
                    lines.extend(view::members(network, me, &state.board, width));
                }
                lines
            },
            |state| {
                begun = begun.or_else(|| state.begun.then(Instant::now));
                state.keys.clone().map(|keys| (keys, state.bytes_sent))
            },
        )
        .await?;
    let took = begun.map(|begun| begun.elapsed()).unwrap_or_default();
    flow.unlocked.save_key_part(&KeyPart::First((*keys).clone()), Origin::Members)?;
    room.reached(Stage::Keys);
    let group = GroupKeys::of(&keys, Origin::Members);
    flow.event(
        "keys",
        json!({
            "certificate_key": hex(&group.certificate),
            "document_key": hex(&group.document),
            "digest": group.digest.to_string(),
            "bytes_sent": bytes,
            "took_ms": time::millis(took),
        }),
    );
    let took = time::length(took);
    let faint = format!("({took}, {bytes} bytes sent)");
    let faint = flow.context.terminal.painted_talk(Paint::Faint, faint);
    flow.say(&format!("  keys       made together, without a dealer  {faint}"));
    Ok(())
}

/// Writes a backup and tries it, unless that was done before.
///
/// # Errors
/// It cannot be written, or what was written is of no use.
pub async fn back_up(flow: &mut Flow<'_>) -> Result<(), Failure> {
    let home = flow.unlocked.home().clone();
    if is_backed_up(&home)? {
        return Ok(());
    }
    flow.screen.settle();
    let path = backup_path(flow).await?;
    if !path.exists() {
        let passphrase = backup_passphrase(flow, true).await?;
        tokio::task::block_in_place(|| flow.unlocked.write_backup(&path, &passphrase))?;
        flow.event("backup", json!({ "file": path }));
        flow.say(&format!(
            "  backup     {}: keep it and its passphrase apart, and off this machine",
            quoted(&path)
        ));
    }
    // The drill: as on the day when it is needed, with the passphrase as it was kept.
    loop {
        let passphrase = backup_passphrase(flow, false).await?;
        let tried = tokio::task::block_in_place(|| home.drill(&path, &passphrase));
        match tried.map_err(Failure::from) {
            Err(failure) if flow.asks() && failure.exit == Exit::NotAuthorised => {
                flow.say(&format!("  {}", failure.what));
            }
            result => {
                result?;
                flow.event("drill", json!({ "file": path }));
                flow.say("  drill      the backup opens, and holds this member's keys");
                return Ok(());
            }
        }
    }
}

async fn backup_path(flow: &mut Flow<'_>) -> Result<PathBuf, Failure> {
    if let Some(path) = &flow.arguments.backup {
        return Ok(path.clone());
    }
    let usual = format!("{}.backup", slug(flow.name()));
    let question = format!("  Where to write the backup of this member's keys? [{usual}]");
    let answer = ask::line(&question).await?;
    Ok(PathBuf::from(if answer.is_empty() { usual } else { answer }))
}

async fn backup_passphrase(flow: &Flow<'_>, new: bool) -> Result<Passphrase, Failure> {
    if let Some(file) = &flow.arguments.backup_passphrase_file {
        return PassphraseFile::new(file).read();
    }
    let asked = tokio::task::spawn_blocking(move || match new {
        true => passphrase::prompt_twice("  a passphrase for the backup: ", BACKUP_FLAG),
        false => {
            passphrase::prompt("  drill: the passphrase of the backup, once more: ", BACKUP_FLAG)
        }
    });
    asked.await.unwrap_or_else(|_| Err(Failure::new(Exit::Internal, "the prompt has panicked")))
}

/// Waits until as many as are waited for have the same keys; true if nobody needs this member's
/// ceremony any more.
///
/// # Errors
/// The ceremony has failed.
pub async fn confirmed(
    flow: &mut Flow<'_>,
    network: &Network,
    at_least: usize,
    room: &mut Room,
) -> Result<bool, Failure> {
    flow.done_here = true;
    let (n, everyone) = (network.committee().n(), network.committee().everyone());
    let state = flow
        .until(
            room,
            |state, _| {
                let missing = everyone.difference(state.confirmed);
                vec![
                    format!("  confirmed  {} of {n} have the same keys", state.confirmed.len()),
                    format!("  waiting for  {}", view::list(network, missing)),
                    "  this organisation is done: Ctrl-C and `quorate run` if you like".to_owned(),
                ]
            },
            |state| (state.confirmed.len() >= at_least).then(|| state.clone()),
        )
        .await?;
    let told = told(flow, network, room);
    let state = match tokio::time::timeout(LAST_WORDS, told).await {
        Ok(state) => state?,
        Err(_) => state,
    };
    summary(flow, network, Some(&state))?;
    Ok(state.confirmed == everyone && state.unacknowledged == 0)
}

/// Waits until everybody has taken care of what we said.
async fn told(flow: &mut Flow<'_>, network: &Network, room: &mut Room) -> Result<State, Failure> {
    let everyone = network.committee().everyone();
    let waiting = |state: &State, _: usize| {
        let missing = everyone.difference(state.board.connected());
        match missing.is_empty() {
            true => Vec::new(),
            false => vec![format!("  away       {}, for a moment?", view::list(network, missing))],
        }
    };
    flow.until(room, waiting, |state| (state.unacknowledged == 0).then(|| state.clone())).await
}

/// What came of it.
///
/// # Errors
/// The public keys cannot be read.
pub fn summary(
    flow: &mut Flow<'_>,
    network: &Network,
    state: Option<&State>,
) -> Result<(), Failure> {
    let Some(keys) = flow.unlocked.home().group_keys()? else { return Ok(()) };
    let everyone = network.committee().everyone();
    let confirmed = state.map_or(everyone, |state| state.confirmed);
    let missing = everyone.difference(confirmed);
    if missing.is_empty() {
        flow.say("  confirmed  all members have the same keys");
    } else {
        flow.say(&format!(
            "  confirmed  by {}; {} can finish later while this node runs",
            view::list(network, confirmed),
            view::list(network, missing)
        ));
    }
    let certificate = hex(&keys.certificate);
    flow.event(
        "done",
        json!({
            "network": network.name(),
            "certificate_key": certificate,
            "document_key": hex(&keys.document),
            "confirmed": view::plain(network, confirmed),
            "missing": view::plain(network, missing),
        }),
    );
    let terminal = &flow.context.terminal;
    if !terminal.json {
        let (name, flag) = (clean(network.name()), flow.context.global.data_dir_flag());
        terminal.say(format_args!("{name} has its keys: nobody ever held them whole"));
        if !flow.arguments.run {
            terminal.say(format_args!("next: quorate run{flag}"));
        }
        terminal.line(format_args!("certificate key: {certificate}"));
    }
    Ok(())
}
