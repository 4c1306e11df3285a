//! The node, if it runs, its links, and what waits for somebody.

use std::time::Duration;

use super::reach::Reach;
use super::{Check, Facts, Finding};
use crate::api::model::{Peer, Status};
use crate::cli::exit::reason;
use crate::cli::terminal::names;
use crate::cli::time;
use crate::home::new_token;

pub(super) const CHECKS: &[Check] = &[
    runs,
    ports,
    loopback,
    token,
    version,
    margin,
    connected,
    identities,
    round_trips,
    clocks,
    lost,
    faults,
    stock,
    epoch,
    refresh,
    listening,
    votes,
    overdue,
];

/// Microseconds there and back from which on a link is slow.
const SLOW_US: u64 = 1_000_000;
/// Milliseconds from which on a clock is off, and from which on votes are closed at a wrong time.
const CLOCK_MS: (u64, u64) = (2_000, 60_000);
/// Days after which the token of the interface is old.
const TOKEN_DAYS: u64 = 365;
/// How long before a deadline a vote is asked for.
const SOON_MS: u64 = 3_600_000;
/// How long after it a decision is overdue.
const OVERDUE_MS: u64 = 60_000;

fn runs(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "node";
    facts.home()?;
    let away = "while it does not run this organisation counts as failed";
    Some(match &facts.status {
        None => Finding::warning(CHECK, "it does not run", away).fix(facts.command("run")),
        Some(Ok(status)) => {
            let up = time::length(Duration::from_secs(status.uptime_seconds));
            Finding::ok(CHECK, format!("it runs since {up}"))
        }
        Some(Err(failure)) => {
            let text = format!("a node holds the data directory, but: {}", failure.what);
            let fix = failure.hint.clone().unwrap_or_else(|| facts.command("run"));
            Finding::failure(CHECK, text, away).fix(fix)
        }
    })
}

fn ports(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "ports";
    if facts.ports.is_empty() {
        return None;
    }
    let taken = facts.ports.iter().find_map(|(place, free)| Some((place, free.as_ref().err()?)));
    let Some((place, error)) = taken else {
        return Some(Finding::ok(CHECK, "those that the node listens at are free"));
    };
    let text = format!("the node could not listen at {place}: {}", reason(error));
    let why = "the others expect this organisation at the address of its member card";
    Some(Finding::failure(CHECK, text, why).fix("ss -tulpn shows which program has it"))
}

fn loopback(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "interface";
    let address = facts.home()?.api_address().ok()??;
    if address.ip().is_loopback() {
        return Some(Finding::ok(CHECK, "it answers on the loopback address only"));
    }
    let text = format!("it answers at {address}, which others may reach");
    let why = "whoever reaches it and has the token votes for this organisation";
    Some(Finding::failure(CHECK, text, why).fix(facts.command("run")))
}

fn token(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "token";
    let path = facts.path("api.token");
    let why = "with the token programs on this machine vote for this organisation";
    if let Err(error) = facts.home()?.api_token() {
        let fix = error.hint().unwrap_or_else(|| new_token(&path));
        return Some(Finding::failure(CHECK, error.to_string(), why).fix(fix));
    }
    let made = std::fs::metadata(&path).ok()?.modified().ok()?;
    let made = made.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs();
    let days = (facts.now_ms / 1000).saturating_sub(made) / 86_400;
    if days <= TOKEN_DAYS {
        return Some(Finding::ok(CHECK, "it is there and not old"));
    }
    Some(Finding::warning(CHECK, format!("it is {days} days old"), why).fix(new_token(&path)))
}

fn version(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "version";
    let (ours, theirs) = (env!("CARGO_PKG_VERSION"), &facts.told()?.version);
    if ours == theirs {
        return Some(Finding::ok(CHECK, format!("command and node are both {ours}")));
    }
    let text = format!("the command is {ours}, the node {theirs}");
    let why = "a command of another version may misunderstand the node";
    Some(
        Finding::warning(CHECK, text, why)
            .fix(format!("stop the node, then {}", facts.command("run"))),
    )
}

fn margin(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "fault margin";
    let status = facts.told()?;
    let (margin, n) = (status.margin, status.members);
    let why = "members that are away, faulty or only listen count towards what is tolerated";
    let fix = facts.command("peers");
    Some(match (margin.lacking, margin.left) {
        (1.., _) => {
            let text = format!("nothing is decided until {} more take part", margin.lacking);
            Finding::failure(CHECK, text, why).fix(fix)
        }
        (0, Some(1..)) => Finding::ok(CHECK, format!("{} of {n} members are here", margin.here)),
        (0, _) if margin.failed > 0 => {
            Finding::warning(CHECK, "no further failure is tolerated", why).fix(fix)
        }
        (0, _) => Finding::ok(CHECK, format!("all {n} members are here")),
    })
}

fn connected(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "reachable members";
    facts.network()?;
    let why = "frames for a member that cannot be reached wait, and it counts as failed";
    let unreached = facts.reach.iter().find(|(_, reach)| match reach {
        // Something answers there, and yet the node has no connection.
        Reach::Answers(_) => facts.told().is_some(),
        Reach::NoAddress(_) | Reach::Silent(..) => true,
        Reach::Unknown => facts.told().is_some(),
    });
    let Some((name, reach)) = unreached else {
        return Some(Finding::ok(CHECK, "all members are connected, or answer"));
    };
    let others = facts.reach.len() - 1;
    let more = if others == 0 { String::new() } else { format!("; {others} more are away") };
    let text = match reach {
        Reach::Answers(at) => format!("{name} is not connected, though something answers at {at}"),
        Reach::NoAddress(host) => format!("{name}: the name {host} has no address"),
        Reach::Silent(at, why) => format!("{name} does not answer at {at}: {why}"),
        Reach::Unknown => format!("{name} is not connected"),
    };
    let fix = match reach {
        Reach::NoAddress(host) => format!("getent hosts {host}"),
        Reach::Answers(_) => "ask them whether it is their node: quorate status".to_owned(),
        Reach::Silent(..) | Reach::Unknown => {
            "ask them whether their node runs, and look at the firewalls between".to_owned()
        }
    };
    Some(Finding::warning(CHECK, format!("{text}{more}"), why).fix(fix))
}

fn identities(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "same network";
    let peers = &facts.told()?.peers;
    let trouble = |peer: &Peer| Some((peer.name.clone(), peer.trouble.clone()?));
    let Some((name, trouble)) = peers.iter().find_map(trouble) else {
        return Some(Finding::ok(CHECK, "whoever is there has the same roster, epoch and version"));
    };
    let why = "members with another roster, version or key cannot decide with us";
    let fix = "compare digests by voice: quorate key show; and versions: quorate --version";
    Some(Finding::failure(CHECK, format!("{name}: {trouble}"), why).fix(fix))
}

fn round_trips(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "round trips";
    let peers = facts.told()?.peers.iter().filter(|peer| peer.connected);
    let slowest = peers.max_by_key(|peer| peer.round_trip_us)?;
    let micros = slowest.round_trip_us?;
    let took = time::length(Duration::from_micros(micros));
    if micros < SLOW_US {
        return Some(Finding::ok(CHECK, format!("at most {took}")));
    }
    let text = format!("{took} to {} and back", slowest.name);
    let why = "a decision takes about a dozen message delays";
    let fix = "ping its address, and look at the load of both machines";
    Some(Finding::warning(CHECK, text, why).fix(fix))
}

fn clocks(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "clocks of members";
    let peers = facts.told()?.peers.iter().filter(|peer| peer.connected);
    let read = |peer: &Peer| Some((peer.clock_ahead_ms?, peer.name.clone()));
    let mut read: Vec<_> = peers.filter_map(read).collect();
    if read.is_empty() {
        return None;
    }
    // The middle one, ours among them, is no liar's alone. Of two, the one that is nearer to ours.
    read.push((0, String::new()));
    read.sort_unstable();
    let middle = read.get((read.len() - 1) / 2..=read.len() / 2)?;
    let (ahead, _) = middle.iter().min_by_key(|(ahead, _)| ahead.unsigned_abs())?;
    let side = |ahead: i64| if ahead < 0 { "behind" } else { "ahead of" };
    let length = |ahead: i64| time::length(Duration::from_millis(ahead.unsigned_abs()));
    let why = "deadlines are moments: with a wrong clock votes are closed too early or too late";
    if ahead.unsigned_abs() >= CLOCK_MS.0 {
        let off = (length(*ahead), side(ahead.saturating_neg()));
        let text = format!("this machine's clock is {} {} those of most members", off.0, off.1);
        let found = match ahead.unsigned_abs() >= CLOCK_MS.1 {
            true => Finding::failure(CHECK, text, why),
            false => Finding::warning(CHECK, text, why),
        };
        return Some(found.fix("timedatectl set-ntp true"));
    }
    let (ahead, name) = read.iter().max_by_key(|(ahead, _)| ahead.unsigned_abs())?;
    if ahead.unsigned_abs() < CLOCK_MS.0 {
        return Some(Finding::ok(CHECK, "this machine's agrees with them"));
    }
    let text = format!("the clock of {name} is {} {} ours", length(*ahead), side(*ahead));
    let fix = format!("tell {name}: timedatectl set-ntp true");
    Some(Finding::warning(CHECK, text, why).fix(fix))
}

fn lost(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "lost messages";
    let Some(peer) = facts.told()?.peers.iter().find(|peer| peer.lost > 0) else {
        return Some(Finding::ok(CHECK, "none"));
    };
    let text = format!("{} messages to {}, which was away for too long", peer.lost, peer.name);
    let why = "it learns outcomes from certificates, and takes no part in what it missed";
    Some(Finding::warning(CHECK, text, why).fix(facts.command("peers")))
}

fn faults(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "faulty members";
    let status = facts.told()?;
    let worst = status.faults.iter().max_by_key(|faults| (faults.provable, faults.times));
    let Some(faults) = worst else {
        return Some(Finding::ok(CHECK, "nobody did what no honest member does"));
    };
    let proof = if faults.provable { "provably" } else { "as seen from here" };
    let text = format!("{}, {proof}: {} ({} times)", faults.name, faults.what, faults.times);
    let why = "a faulty member counts towards what is tolerated; talk to it, or replace it";
    let next = if faults.provable { "evidence list" } else { "status" };
    Some(Finding::warning(CHECK, text, why).fix(facts.command(next)))
}

fn stock(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "random material";
    let stock = &facts.told()?.stock;
    let lowest = stock.bits.min(stock.triples).min(stock.pairs);
    let why = "decisions wait until the members have made more of it together";
    let fix = facts.command("peers");
    if lowest < 0 {
        return Some(Finding::failure(CHECK, "decisions wait for it", why).fix(fix));
    }
    if lowest == 0 && !stock.refilling {
        return Some(Finding::warning(CHECK, "there is none, and none is made", why).fix(fix));
    }
    let (bits, triples, pairs) = (stock.bits, stock.triples, stock.pairs);
    Some(Finding::ok(CHECK, format!("{bits} bits, {triples} triples, {pairs} nonce pairs")))
}

fn epoch(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "epoch";
    let (node, file) = (facts.told()?.epoch, facts.group_keys()?.epoch);
    if node == file {
        return Some(Finding::ok(CHECK, format!("node and files are in epoch {node}")));
    }
    let text = format!("the node is in epoch {node}, its files in {file}");
    let why = "a backup that is made now holds keys of another epoch than the node uses";
    Some(Finding::warning(CHECK, text, why).fix(facts.command("status")))
}

fn refresh(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "refresh";
    let Some(refresh) = &facts.told()?.refresh else {
        return Some(Finding::ok(CHECK, "none is going on"));
    };
    let text = format!("the keys are being refreshed: not done by {}", names(&refresh.missing));
    let why = "until a quorum has its new shares the old ones stay, and are worth stealing";
    Some(Finding::warning(CHECK, text, why).fix(facts.command("status")))
}

fn listening(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "taking part";
    let status = facts.told()?;
    let text = match (&status.returning, status.older_copy) {
        (None, false) if status.half_back => {
            "restored: it has caught up, and is heard again once the others have noted that it is back"
                .to_owned()
        }
        (None, false) => return Some(Finding::ok(CHECK, "the node takes part in what begins")),
        (None, true) => "an older copy of the data directory: it says nothing until it is clear \
                         that no other node runs"
            .to_owned(),
        (Some(silent), older) => {
            let why = if older { "an older copy of the data directory" } else { "restored" };
            format!("{why}: it only listens, and has not heard from {}", names(silent))
        }
    };
    let why = "it may have said something before it was lost, and must not say it otherwise";
    Some(Finding::warning(CHECK, text, why).fix(facts.command("status")))
}

fn votes(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "votes";
    let status = facts.told()?;
    let soon = |deadline: u64| (facts.now_ms..facts.now_ms + SOON_MS).contains(&deadline);
    let needing = status.open.iter().filter(|decision| decision.needs_you);
    let Some(first) = needing.filter(|d| soon(d.deadline_ms)).min_by_key(|d| d.deadline_ms) else {
        return Some(Finding::ok(CHECK, "none of this organisation is due within the hour"));
    };
    let off = time::from_now(first.deadline_ms, facts.now_ms);
    let text = format!("{} ends {off}, and this organisation has not voted", first.id);
    let why = "who has not voted at the deadline has abstained";
    let fix = facts.command(&format!("vote {}", first.id));
    Some(Finding::warning(CHECK, text, why).fix(fix))
}

fn overdue(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "overdue decisions";
    let status: &Status = facts.told()?;
    let late = |deadline: u64| facts.now_ms > deadline.saturating_add(OVERDUE_MS);
    let Some(first) = status.open.iter().find(|decision| late(decision.deadline_ms)) else {
        return Some(Finding::ok(CHECK, "none is open after its deadline"));
    };
    let off = time::from_now(first.deadline_ms, facts.now_ms);
    let text = format!("{} is {}, and its deadline was {off}", first.id, first.phase.word());
    let why = "it holds random material, and its epoch's keys, until it is decided";
    let fix = facts.command(&format!("explain {}", first.id));
    Some(Finding::warning(CHECK, text, why).fix(fix))
}
