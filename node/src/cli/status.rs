//! `quorate status`

use std::time::Duration;

use super::Context;
use super::exit::{Exit, Failure};
use super::terminal::{Paint, Terminal, clean, names};
use super::time;
use crate::api::model::{Health, Margin, OpenDecision, Peer, Refreshing, Status, Stock};

/// Members shown when not all of them are.
const PEERS_SHOWN: usize = 12;
/// Decisions shown at most.
const OPEN_SHOWN: usize = 6;
/// Warnings shown at most.
const WARNINGS_SHOWN: usize = 6;

/// Show this node and its network, on one screen
#[derive(clap::Args, Debug)]
pub struct Arguments {}

/// `quorate status`
pub fn status(context: &Context, _: &Arguments) -> Result<Exit, Failure> {
    let terminal = &context.terminal;
    let client = context.client()?;
    let status = context.block_on(client.status())?;
    if terminal.json {
        terminal.object(&status);
    } else {
        show(terminal, &status, &context.global.data_dir_flag());
    }
    Ok(Exit::Ok)
}

fn show(terminal: &Terminal, status: &Status, flag: &str) {
    let paint = match status.health {
        Health::Ok => Paint::Good,
        Health::Degraded => Paint::Waiting,
        Health::Stuck => Paint::Bad,
    };
    terminal.line(format_args!(
        "{} in {}, up {}: {}",
        terminal.painted(Paint::Strong, clean(&status.organisation)),
        clean(&status.network),
        time::length(Duration::from_secs(status.uptime_seconds)),
        terminal.painted(paint, status.health.word())
    ));
    for (name, value) in fields(status, flag, time::now_ms()) {
        terminal.line(format_args!("  {name:<10} {value}").to_string().trim_end());
    }
}

/// What stands on the screen, below its first line.
fn fields(status: &Status, flag: &str, now_ms: u64) -> Vec<(&'static str, String)> {
    let mut fields = vec![
        ("network", format!("{}, epoch {}", status.digest, status.epoch)),
        ("members", margin(status)),
    ];
    fields.extend(peers(&status.peers).into_iter().map(|line| ("", line)));
    let stock = &status.stock;
    let refilling = if stock.refilling { ", being refilled" } else { "" };
    let Stock { bits, triples, pairs, .. } = stock;
    let stock = format!("{bits} random bits, {triples} triples, {pairs} nonce pairs{refilling}");
    fields.push(("stock", stock));
    let counts = &status.decisions;
    fields.push(("decisions", format!("{} open, {} certified", counts.open, counts.certified)));
    for decision in status.open.iter().take(OPEN_SHOWN) {
        fields.push(("", in_a_line(decision, status.members, now_ms)));
    }
    if status.open.len() > OPEN_SHOWN {
        let more = status.open.len() - OPEN_SHOWN;
        fields.push(("", format!("and {more} more: quorate list --open{flag}")));
    }
    let needing = status.open.iter().filter(|decision| decision.needs_you);
    for decision in needing.take(OPEN_SHOWN) {
        fields.push(("needs you", format!("quorate vote {}{flag}", decision.id)));
    }
    for faults in &status.faults {
        let name = clean(&faults.name);
        let proof = match faults.provable {
            true => format!("; proven: quorate evidence list{flag}"),
            false => String::new(),
        };
        let what = clean(&faults.what);
        fields.push(("fault", format!("{name}: {what}, {} times{proof}", faults.times)));
    }
    fields.push(("keys", format!("of epoch {}, made by {}", status.epoch, status.keys)));
    if let Some(refresh) = &status.refresh {
        fields.push(("refresh", refreshing(refresh)));
    }
    if let Some(silent) = &status.returning {
        fields.push(("restored", returning(silent, status)));
    } else if status.half_back {
        let line =
            "it has caught up, and is heard again once the others have noted that it is back";
        fields.push(("restored", line.to_owned()));
    }
    for warning in status.warnings.iter().take(WARNINGS_SHOWN) {
        let hint = match warning.hint.as_str() {
            "quorate status" => String::new(),
            hint => format!(": {}{flag}", clean(hint)),
        };
        fields.push(("warning", format!("{}{hint}", clean(&warning.what))));
    }
    if status.warnings.len() > WARNINGS_SHOWN {
        let more = status.warnings.len() - WARNINGS_SHOWN;
        fields.push(("", format!("and {more} more: quorate doctor{flag}")));
    }
    fields
}

/// A line for each member; of many, those that are away first, and how many more there are.
fn peers(peers: &[Peer]) -> Vec<String> {
    let mut shown: Vec<&Peer> = peers.iter().collect();
    if peers.len() > PEERS_SHOWN {
        shown.sort_by_key(|peer| peer.connected);
        shown.truncate(PEERS_SHOWN);
    }
    let mut lines: Vec<_> = shown.iter().map(|peer| one_peer(peer)).collect();
    let left_out = peers.len() - shown.len();
    if left_out > 0 {
        lines.push(format!("and {left_out} more: quorate peers"));
    }
    lines
}

fn in_a_line(decision: &OpenDecision, members: usize, now_ms: u64) -> String {
    let OpenDecision { id, phase, voted, deadline_ms, .. } = decision;
    let how = match decision.following {
        true => "only followed".to_owned(),
        false => format!("{voted} of {members} voted"),
    };
    let deadline = time::from_now(*deadline_ms, now_ms);
    format!("{id}  {}  {how}  {deadline}  {}", phase.word(), clean(&decision.title))
}

/// How far a refresh of the keys is.
fn refreshing(refresh: &Refreshing) -> String {
    let Refreshing { position, made, confirmed, missing } = refresh;
    let (have, members) = (confirmed.len(), confirmed.len() + missing.len());
    let ours = if *made { "ours are here" } else { "ours are being made" };
    let line = format!("decided at position {position}: {have} of {members} have their new shares");
    if missing.is_empty() { line } else { format!("{line}; {ours}; not {}", names(missing)) }
}

/// What a node waits for that may have forgotten what it said.
fn returning(silent: &[String], status: &Status) -> String {
    let needed = (2 * status.tolerates + 1).saturating_sub(status.peers.len() - silent.len());
    let from = if status.older_copy { "an older copy of the data directory" } else { "a backup" };
    match needed {
        0 => format!("from {from}; catches up before it takes part again"),
        _ => format!(
            "from {from}; takes part again once it has heard from {needed} of {}",
            names(silent)
        ),
    }
}

/// Who is there, and what that means.
fn margin(status: &Status) -> String {
    let Margin { here, left, lacking, .. } = status.margin;
    let line = format!("{here} of {} here", status.members);
    match (lacking, left) {
        (1.., _) => {
            let quorum = status.quorum;
            format!("{line}; nothing is decided until {quorum} are: {lacking} more needed")
        }
        (0, None | Some(0)) => format!("{line}; no further failure is tolerated"),
        (0, Some(left)) => format!("{line}; {left} may fail"),
    }
}

fn one_peer(peer: &Peer) -> String {
    let name = clean(&peer.name);
    match (peer.connected, peer.last_seen_ms_ago) {
        (true, _) => {
            let link = super::peers::link(peer);
            let there_and_back = peer.round_trip_us.map(super::peers::round_trip);
            let trip = there_and_back.map(|trip| format!(", {trip} there and back"));
            let seen = super::peers::seen(peer);
            format!("{name}: {link}, seen {seen}{}", trip.unwrap_or_default())
        }
        (false, Some(_)) => format!("{name}: away, last seen {}", super::peers::seen(peer)),
        (false, None) => format!("{name}: not seen yet"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::model::{Phase, Warning};
    use crate::api::sample::{peer, status};

    const NOW: u64 = 1_801_396_800_000;

    fn screen(status: &Status) -> Vec<String> {
        let fields = fields(status, "", NOW);
        fields.into_iter().map(|(name, value)| format!("{name} {value}")).collect()
    }

    fn open(number: usize, needs_you: bool) -> OpenDecision {
        OpenDecision {
            id: format!("dec_{number}"),
            title: "Extend the line".into(),
            phase: Phase::Open,
            voted: 3,
            deadline_ms: NOW + 60_000,
            needs_you,
            following: false,
        }
    }

    #[test]
    fn a_peer_is_shown_with_how_it_is_connected() {
        let direct = Peer { last_seen_ms_ago: Some(2_000), ..peer(0, true) };
        assert_eq!(one_peer(&direct), "org 0: quic, seen 2 s ago");
        let transport = Some("relayed".into());
        let relayed =
            Peer { transport, through: ["org 2", "org 3"].map(Into::into).into(), ..direct };
        assert_eq!(one_peer(&relayed), "org 0: through org 2, org 3, seen 2 s ago");
    }

    #[test]
    fn open_decisions_and_what_needs_you_are_on_the_screen() {
        let mut status = status(3);
        status.open = vec![open(1, true), open(2, false)];
        let screen = screen(&status);
        let has = |line: &str| assert!(screen.iter().any(|l| l == line), "{line}: {screen:?}");
        has(" dec_1  open  3 of 4 voted  in 1 min  Extend the line");
        has("needs you quorate vote dec_1");
        has("stock 986 random bits, 293 triples, 20 nonce pairs");
        assert!(!screen.iter().any(|line| line.contains("vote dec_2")), "{screen:?}");
    }

    #[test]
    fn it_stays_one_screen_however_much_there_is() {
        let mut status = status(0);
        status.peers = (0..63).map(|member| peer(member, member != 62)).collect();
        status.open = (0..40).map(|number| open(number, true)).collect();
        status.warnings = (0..30)
            .map(|number| Warning { what: format!("{number}"), hint: "quorate doctor".into() })
            .collect();
        let screen = screen(&status);
        assert!(screen.len() < 50, "{}", screen.len());
        let first = screen.iter().find(|line| line.contains("org ")).unwrap();
        assert!(first.contains("org 62: not seen yet"), "who is away comes first: {first}");
        assert!(screen.iter().any(|line| line.contains("and 51 more: quorate peers")));
        assert!(screen.iter().any(|line| line.contains("and 34 more: quorate list --open")));
        assert!(screen.iter().any(|line| line.contains("and 24 more: quorate doctor")));
    }

    #[test]
    fn a_restored_node_says_whom_it_waits_for() {
        let silent = |n: usize| (0..n).map(|i| format!("org {i}")).collect::<Vec<_>>();
        let line = |n| returning(&silent(n), &status(3));
        assert!(line(2).ends_with("heard from 2 of org 0 and org 1"), "{}", line(2));
        assert!(line(0).ends_with("catches up before it takes part again"));
    }

    #[test]
    fn the_margin_says_how_many_more_may_fail() {
        assert_eq!(margin(&status(3)), "4 of 4 here; 1 may fail");
        assert_eq!(margin(&status(2)), "3 of 4 here; no further failure is tolerated");
        assert_eq!(
            margin(&status(0)),
            "1 of 4 here; nothing is decided until 3 are: 2 more needed"
        );
    }
}
