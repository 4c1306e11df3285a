//! `quorate status`

use std::time::Duration;

use super::Context;
use super::exit::{Exit, Failure};
use super::terminal::{Paint, Terminal, clean, names};
use super::time;
use crate::api::model::{Decision, Peer, Refreshing, Status};

/// Show this node and its network
#[derive(clap::Args, Debug)]
pub struct Arguments {}

/// `quorate status`
pub fn status(context: &Context, _: &Arguments) -> Result<Exit, Failure> {
    let terminal = &context.terminal;
    let client = context.client()?;
    let (status, decisions) =
        context.block_on(async { Ok((client.status().await?, client.decisions().await?)) })?;
    if terminal.json {
        terminal.object(&status);
    } else {
        show(terminal, &status, &decisions);
    }
    Ok(Exit::Ok)
}

fn show(terminal: &Terminal, status: &Status, decisions: &[Decision]) {
    terminal.line(format_args!(
        "{} in {}, up {}",
        terminal.painted(Paint::Strong, clean(&status.organisation)),
        clean(&status.network),
        time::length(Duration::from_secs(status.uptime_seconds))
    ));
    let field = |name: &str, value: &str| terminal.line(format_args!("  {name:<10} {value}"));
    field("network", &format!("{}, epoch {}", status.digest, status.epoch));
    field("members", &margin(status));
    for peer in &status.peers {
        field("", &one_peer(peer));
    }
    let refilling = if status.stock.refilling { ", being refilled" } else { "" };
    field(
        "stock",
        &format!("{} random bits, {} triples{refilling}", status.stock.bits, status.stock.triples),
    );
    let counts = &status.decisions;
    field("decisions", &format!("{} open, {} certified", counts.open, counts.certified));
    for decision in decisions.iter().filter(|decision| decision.needs_you()) {
        field("needs you", &format!("{}  {}", decision.id, clean(&decision.title)));
    }
    for faults in &status.faults {
        let name = clean(&faults.name);
        let proof = if faults.provable { ", provably" } else { "" };
        field("fault", &format!("{name}: {}, {} times{proof}", clean(&faults.what), faults.times));
    }
    field("keys", &format!("of epoch {}, made by {}", status.epoch, status.keys));
    if let Some(refresh) = &status.refresh {
        field("refresh", &refreshing(refresh));
    }
    if let Some(silent) = &status.returning {
        field("restored", &returning(silent, status));
    }
}

/// How far a refresh of the keys is.
fn refreshing(refresh: &Refreshing) -> String {
    let Refreshing { position, made, confirmed, missing } = refresh;
    let (have, members) = (confirmed.len(), confirmed.len() + missing.len());
    let ours = if *made { "ours are here" } else { "ours are being made" };
    let line = format!("decided at position {position}: {have} of {members} have their new shares");
    if missing.is_empty() { line } else { format!("{line}; {ours}; not {}", names(missing)) }
}

/// What a node that was restored from a backup waits for.
fn returning(silent: &[String], status: &Status) -> String {
    let needed = (2 * status.tolerates + 1).saturating_sub(status.peers.len() - silent.len());
    match needed {
        0 => "from a backup; catches up before it takes part again".to_owned(),
        _ => format!(
            "from a backup; takes part again once it has heard from {needed} of {}",
            names(silent)
        ),
    }
}

/// Who is there, and what that means.
fn margin(status: &Status) -> String {
    let here = status.connected() + 1;
    let away = status.members - here.min(status.members);
    let line = format!("{here} of {} here", status.members);
    match status.tolerates.checked_sub(away) {
        Some(0) => format!("{line}; no further failure is tolerated"),
        Some(left) => format!("{line}; {left} may fail"),
        None => format!(
            "{line}; nothing is decided until {} are: {} more needed",
            status.quorum,
            status.quorum.saturating_sub(here)
        ),
    }
}

fn one_peer(peer: &Peer) -> String {
    let name = clean(&peer.name);
    if let (true, Some(through)) = (peer.connected, &peer.through) {
        return format!("{name}: connected through {}", clean(through));
    }
    match (peer.connected, peer.last_seen_ms_ago) {
        (true, _) => {
            let over = peer.transport.as_deref().unwrap_or("?");
            format!("{name}: connected over {}", clean(over))
        }
        (false, Some(ms)) => {
            format!("{name}: away, last seen {} ago", time::length(Duration::from_secs(ms / 1000)))
        }
        (false, None) => format!("{name}: not seen yet"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::model::{DecisionCounts, Stock, Work};

    #[test]
    fn a_peer_is_shown_with_how_it_is_connected() {
        let mut peer = status(1).peers.remove(0);
        peer.transport = Some("quic".into());
        assert_eq!(one_peer(&peer), "org 0: connected over quic");
        (peer.transport, peer.through) = (Some("relayed".into()), Some("org 2".into()));
        assert_eq!(one_peer(&peer), "org 0: connected through org 2");
    }

    fn status(connected: usize) -> Status {
        let peer = |i: usize| Peer {
            name: format!("org {i}"),
            connected: i < connected,
            transport: None,
            through: None,
            last_seen_ms_ago: None,
            unacknowledged: 0,
        };
        Status {
            organisation: "org".into(),
            network: "net".into(),
            digest: String::new(),
            epoch: 1,
            refresh: None,
            members: 4,
            tolerates: 1,
            quorum: 3,
            uptime_seconds: 1,
            peers: (0..3).map(peer).collect(),
            stock: Stock { bits: 0, triples: 0, runs: 0, refilling: false },
            decisions: DecisionCounts { open: 0, certified: 0, positions: 0 },
            faults: Vec::new(),
            work: Work::default(),
            returning: None,
            keys: String::new(),
        }
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
