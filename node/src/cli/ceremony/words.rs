//! (C2) and (C3): the pre-flight, and the comparison of check-words.

use quorate_protocol::PartyId;
use serde_json::{Value, json};

use super::{Flow, ask, view};
use crate::ceremony::preflight::{Board, Finding, Stage};
use crate::ceremony::room::{Room, State};
use crate::ceremony::words::CheckWords;
use crate::cli::exit::{Exit, Failure};
use crate::cli::terminal::Paint;
use crate::roster::Network;

/// Waits for the others, shows the words, and joins if they are the same everywhere.
///
/// # Errors
/// They are not, or the network cannot be joined.
pub async fn confirm(
    flow: &mut Flow<'_>,
    network: &Network,
    me: PartyId,
    at_least: usize,
    room: &mut Room,
) -> Result<(), Failure> {
    let digest = network.digest();
    let stretching = tokio::task::spawn_blocking(move || CheckWords::of(&digest));
    let flag = flow.context.global.data_dir_flag();
    let least = network.committee().quorum();
    let lines = |board: &Board, width| {
        let mut lines = vec![format!("  pre-flight {} of {at_least}", met(board).len())];
        lines.extend(view::members(network, me, board, width));
        lines.extend(view::findings(network, board));
        if least < at_least {
            lines.push(format!(
                "  to go on without them: Ctrl-C, and quorate ceremony{flag} --at-least {least}"
            ));
        }
        lines
    };
    let one_honest = network.committee().one_honest();
    let (terminal, mut told) = (flow.context.terminal, None);
    let shown = |state: &State, width| {
        let about = preflight(network, &state.board);
        if told.as_ref() != Some(&about) {
            terminal.event(&about);
            told = Some(about);
        }
        lines(&state.board, width)
    };
    let board = flow
        .until(room, shown, |state| {
            let board = &state.board;
            // Others need not wait for those whom we miss.
            let others_go_on = board.reached(Stage::Ready).len() >= one_honest;
            (met(board).len() >= at_least || others_go_on).then(|| board.clone())
        })
        .await?;
    report(flow, network, me, &board);
    let words = stretching.await.map_err(|_| {
        Failure::new(Exit::Internal, "the check-words cannot be made: is there memory?")
            .hint("64 MiB are needed; quorate ceremony goes on where it was")
    })?;
    compare(flow, network, &words).await?;
    flow.unlocked.join(network, None)?;
    flow.folder.forget_roster()?;
    flow.event("joined", json!({ "digest": digest.to_string() }));
    Ok(())
}

/// Who is here and has said so, ourselves included.
fn met(board: &Board) -> quorate_protocol::PartySet {
    board.connected().intersection(board.reached(Stage::Words))
}

/// The pre-flight as an event.
fn preflight(network: &Network, board: &Board) -> Value {
    let here = met(board);
    let findings = board.findings().into_iter();
    let troubles = findings.filter_map(|finding| match finding {
        Finding::Trouble(party, why) => {
            let member = network.member(party).map(|member| &member.name);
            Some(json!({ "member": member, "why": why }))
        }
        _ => None,
    });
    json!({
        "event": "preflight",
        "here": view::plain(network, here),
        "away": view::plain(network, network.committee().everyone().difference(here)),
        "troubles": troubles.collect::<Vec<_>>(),
    })
}

/// The table as it was when the pre-flight ended, to stay.
fn report(flow: &mut Flow<'_>, network: &Network, me: PartyId, board: &Board) {
    let here = met(board);
    flow.say(&format!("  pre-flight {} of {} are here", here.len(), network.committee().n()));
    let width = flow.screen.width();
    let table = view::members(network, me, board, width);
    table.into_iter().chain(view::findings(network, board)).for_each(|line| flow.say(&line));
    flow.context.terminal.event(&preflight(network, board));
}

async fn compare(
    flow: &mut Flow<'_>,
    network: &Network,
    words: &CheckWords,
) -> Result<(), Failure> {
    let digest = network.digest().to_string();
    flow.event("check_words", json!({ "words": words.words(), "digest": digest }));
    let strong = flow.context.terminal.painted_talk(Paint::Strong, words);
    flow.say(&format!("  words      {strong}"));
    if !flow.asks_words() {
        return Ok(());
    }
    for line in [
        "",
        "  Read these six words to the others, by telephone or face to face, and hear theirs.",
        "  If anybody has other words, somebody shows you different members: then answer no.",
    ] {
        flow.say(line);
    }
    if ask::yes("  Do all others have the same six words?").await? {
        return Ok(());
    }
    flow.folder.forget_roster()?;
    Err(Failure::new(Exit::SafetyStop, "the check-words differ: nothing was joined").hint(
        "find out with the others whose words differ and who sent them their invite; then begin \
         anew: quorate network new",
    ))
}
