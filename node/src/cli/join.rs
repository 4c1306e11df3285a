//! `quorate join`

use std::path::{Path, PathBuf};
use std::time::Duration;

use quorate_protocol::committee::PartyId;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::exit::{Exit, Failure};
use super::terminal::{Paint, clean, names};
use super::{Context, passphrase};
use crate::ceremony::folder::Folder;
use crate::ceremony::gathering::{Refusal, Registration};
use crate::ceremony::invite::Invite;
use crate::ceremony::rendezvous::{self, Heard};
use crate::cli::time;
use crate::home::{Home, Unlocked};
use crate::roster::{DealtKeys, Network};

/// How long the coordinator is tried before `quorate ceremony` is left to do it.
const PATIENCE: Duration = Duration::from_secs(4);

/// Join the network of an invite, or of a network file
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// The invite that the coordinator sent, or a network file
    #[arg(value_name = "INVITE")]
    network: String,

    /// This organisation's keys from `quorate network deal`, with a network file
    #[arg(long, value_name = "FILE")]
    dealt_keys: Option<PathBuf>,

    #[command(flatten)]
    passphrase: passphrase::Source,
}

/// `quorate join`
pub fn join(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let home = Home::open(&context.global.data_dir())?;
    // A file of this name is what is meant, whatever it is called.
    let file = Path::new(&arguments.network);
    if !file.exists() && (Invite::is_meant(&arguments.network) || !looks_like_a_path(file)) {
        return by_invite(context, arguments, &home);
    }
    let network = Network::read(file)?;
    match &arguments.dealt_keys {
        Some(dealt) => with_dealt_keys(context, arguments, &home, &network, dealt),
        None => by_file(context, &home, &network),
    }
}

fn looks_like_a_path(path: &Path) -> bool {
    path.components().count() > 1 || path.extension().is_some()
}

/// Accepts an invite, and registers with the coordinator if it is there.
fn by_invite(context: &Context, arguments: &Arguments, home: &Home) -> Result<Exit, Failure> {
    let terminal = &context.terminal;
    let invite = Invite::parse(&arguments.network)
        .map_err(|error| Failure::new(Exit::Invalid, &error).hint(error.hint()))?;
    if arguments.dealt_keys.is_some() {
        return Err(Failure::new(Exit::Usage, "keys are dealt for a network file, not an invite")
            .hint("quorate join network.toml --dealt-keys FILE"));
    }
    if invite.is_expired(time::now_ms()) {
        let what = format!("the invite has expired: {}", invite.expiry());
        return Err(Failure::new(Exit::Invalid, what)
            .hint("ask the coordinator for a new one; is this machine's clock right?"));
    }
    let folder = Folder::of(home);
    check_free(home, &folder)?;
    drop(home.lock()?);
    let unlocked = arguments.passphrase.unlock(home)?;
    folder.save_invite(&invite)?;
    let name = clean(&invite.network);
    terminal.say(format_args!(
        "{}: {} organisations, invited to {}",
        terminal.painted_talk(Paint::Strong, &name),
        invite.members,
        invite.rendezvous,
    ));
    let registered = context.block_on(register(&unlocked, &invite))?;
    match &registered {
        Registered::Listed(listed) => {
            let missing = invite.members.saturating_sub(listed.len());
            terminal.say(format_args!("registered: {}", names(listed)));
            if missing > 0 {
                terminal.say(format_args!("{missing} more to come"));
            }
        }
        Registered::Not(why) => terminal.say(format_args!(
            "not registered yet, the coordinator is not there ({why}); `quorate ceremony` does it"
        )),
    }
    terminal.say(format_args!("next: quorate ceremony{}", context.global.data_dir_flag()));
    let listed = match &registered {
        Registered::Listed(listed) => Some(listed),
        Registered::Not(_) => None,
    };
    if terminal.json {
        terminal.object(&json!({
            "organisation": home.card().name,
            "network": invite.network,
            "members": invite.members,
            "rendezvous": invite.rendezvous.to_string(),
            "registered": listed,
        }));
    } else {
        terminal.line(format_args!("invited: {name}"));
    }
    Ok(Exit::Ok)
}

/// A data directory joins one network, and a coordinator joins its own.
fn check_free(home: &Home, folder: &Folder) -> Result<(), Failure> {
    if let Some(network) = home.network()? {
        let what = format!("this organisation is in a network already: {:?}", network.name());
        return Err(Failure::new(Exit::Conflict, what)
            .hint("one data directory belongs to one network: use another --data-dir"));
    }
    if folder.is_coordinator() {
        let what = "this organisation has begun a network itself, and is in it without an invite";
        return Err(Failure::new(Exit::Conflict, what).hint("quorate ceremony"));
    }
    Ok(())
}

/// How a first try went.
pub enum Registered {
    /// With these on the list.
    Listed(Vec<String>),
    /// Not, for this reason.
    Not(String),
}

/// Tries for a while to register with the coordinator.
///
/// # Errors
/// The coordinator refuses.
pub async fn register(unlocked: &Unlocked, invite: &Invite) -> Result<Registered, Failure> {
    let keys = unlocked.keys.transport.clone();
    let card = unlocked.home().card();
    let registration = Registration::new(invite, card, &unlocked.keys.identity);
    let (heard, mut hearing) = mpsc::channel(16);
    let visit = rendezvous::visit(keys, invite, registration, heard);
    let mut trouble = "no answer in time".to_owned();
    let listening = async {
        loop {
            match hearing.recv().await {
                Some(Heard::Listed(listed)) => return Ok(Registered::Listed(listed)),
                Some(Heard::Roster(roster)) => {
                    let name = |card: &crate::roster::MemberCard| card.name.clone();
                    return Ok(Registered::Listed(roster.members().iter().map(name).collect()));
                }
                Some(Heard::Refused(refusal)) => return Err(refused(&refusal)),
                Some(Heard::Unreachable(why)) => trouble = why,
                Some(Heard::NoRoster(why)) => return Ok(Registered::Not(why)),
                None => std::future::pending().await,
            }
        }
    };
    let heard = timeout(PATIENCE, async {
        tokio::select! {
            heard = listening => Some(heard),
            Err(error) = visit => Some(Ok(Registered::Not(error.to_string()))),
        }
    });
    match heard.await {
        Ok(Some(heard)) => heard,
        _ => Ok(Registered::Not(trouble)),
    }
}

/// What the coordinator's refusal means for a command.
pub fn refused(refusal: &Refusal) -> Failure {
    let exit = match refusal {
        Refusal::Full => Exit::Conflict,
        Refusal::Card(_) | Refusal::Expired => Exit::Invalid,
        _ => Exit::NotAuthorised,
    };
    Failure::new(exit, clean(&refusal.to_string())).hint(refusal.hint())
}

/// Takes over a network file, whose check-words are still to be compared.
fn by_file(context: &Context, home: &Home, network: &Network) -> Result<Exit, Failure> {
    let terminal = &context.terminal;
    let party = home.place_in(network)?;
    let folder = Folder::of(home);
    let joined = home.network()?;
    if joined.as_ref().is_some_and(|joined| joined.digest() == network.digest()) {
        // The members may have moved.
        home.join(network)?;
    } else {
        check_free(home, &folder)?;
        folder.save_roster(network)?;
    }
    told(context, home, network, party);
    let flag = context.global.data_dir_flag();
    let next = if joined.is_some() { "run" } else { "ceremony" };
    terminal.say(format_args!("next: quorate {next}{flag}"));
    Ok(Exit::Ok)
}

fn with_dealt_keys(
    context: &Context,
    arguments: &Arguments,
    home: &Home,
    network: &Network,
    dealt: &Path,
) -> Result<Exit, Failure> {
    let dealt = DealtKeys::read(dealt)?;
    let unlocked = arguments.passphrase.unlock(home)?;
    let party = unlocked.join(network, Some(&dealt))?;
    told(context, home, network, party);
    context.terminal.say("its keys were dealt by somebody who could have kept them all");
    let flag = context.global.data_dir_flag();
    context.terminal.say(format_args!("next: quorate run{flag}"));
    Ok(Exit::Ok)
}

fn told(context: &Context, home: &Home, network: &Network, party: PartyId) {
    let terminal = &context.terminal;
    terminal.say(format_args!(
        "{} is member {} of {} in {}",
        terminal.painted_talk(Paint::Strong, clean(&home.card().name)),
        party.index() + 1,
        network.committee().n(),
        clean(network.name()),
    ));
    if terminal.json {
        terminal.object(&json!({
            "organisation": home.card().name,
            "network": network.name(),
            "digest": network.digest().to_string(),
            "position": party.index(),
        }));
    } else {
        terminal.line(format_args!("network digest: {}", network.digest()));
    }
}
