//! What must hold of a run with real processes, from certificates, logs and exit codes alone.
//!
//! Certificates are read and verified by the simulator's own verifier, and rules computed by its own
//! reference: nothing here asks a node whether something is right.

use std::collections::{BTreeMap, BTreeSet};

use super::history::{Cause, End, History, Listed};
use crate::checker::certificate::{Entry, Outcome, verify};
use crate::checker::reference::Reference;

/// The exit code of a node that refuses to run, to protect the group.
const SAFETY_STOP: i32 = 13;
/// The signals that end a process that is killed, and one that writes too large a file.
const KILLED: i32 = 9;
/// What a process ends by that was told to and does not listen yet.
const TERMINATED: i32 = 15;
const FILE_TOO_LARGE: i32 = 25;
/// What a node says that comes back on an old copy of its data.
pub(super) const CAME_BACK: &str = "the data directory is an older copy of the one that";

/// All that does not hold, each in a sentence.
pub(super) fn violations(history: &History) -> Vec<String> {
    let mut found = Vec::new();
    let ledgers = read(history, &mut found);
    agreement(history, &ledgers, &mut found);
    ledger(history, &ledgers, &mut found);
    completeness(history, &ledgers, &mut found);
    correctness(history, &ledgers, &mut found);
    blame(history, &mut found);
    endings(history, &mut found);
    returns(history, &mut found);
    found
}

/// What each organisation's certificates say.
type Ledgers<'a> = Vec<(&'a str, Vec<Entry>)>;

/// Reads and verifies all certificates; one that does not hold says nothing.
fn read<'a>(history: &'a History, found: &mut Vec<String>) -> Ledgers<'a> {
    let mut ledgers = Vec::new();
    for (name, held) in history.names.iter().zip(&history.members) {
        let mut entries = Vec::new();
        for Listed { digest, certificate, .. } in
            held.decisions.iter().filter(|listed| listed.phase == "certified")
        {
            match verify(certificate, &history.network) {
                Err(why) => found.push(format!("{name}'s certificate of {digest} is none: {why}")),
                Ok(entry) if hex(&entry.proposal) != *digest => {
                    found.push(format!("{name}'s certificate of {digest} is of another decision"));
                }
                Ok(entry) => entries.push(entry),
            }
        }
        entries.sort();
        ledgers.push((name.as_str(), entries));
    }
    ledgers
}

/// No two outcomes, counted members or positions for a decision, and no two decisions for a position.
fn agreement(history: &History, ledgers: &Ledgers<'_>, found: &mut Vec<String>) {
    let mut by_proposal: BTreeMap<[u8; 32], BTreeSet<&Entry>> = BTreeMap::new();
    let mut by_position: BTreeMap<u64, BTreeSet<[u8; 32]>> = BTreeMap::new();
    for entry in ledgers.iter().flat_map(|(_, entries)| entries) {
        by_proposal.entry(entry.proposal).or_default().insert(entry);
        by_position.entry(entry.position).or_default().insert(entry.proposal);
    }
    for (proposal, entries) in by_proposal.iter().filter(|(_, entries)| entries.len() > 1) {
        found.push(format!("{} was decided in {} ways: {entries:?}", hex(proposal), entries.len()));
    }
    for (position, proposals) in by_position.iter().filter(|(_, proposals)| proposals.len() > 1) {
        let proposals: Vec<String> = proposals.iter().map(hex).collect();
        found.push(format!("position {position} has two decisions: {}", proposals.join(", ")));
    }
    if ledgers.len() != history.names.len() {
        found.push("an organisation's ledger is missing".into());
    }
}

/// Everybody has all positions from the first one on.
fn ledger(_history: &History, ledgers: &Ledgers<'_>, found: &mut Vec<String>) {
    let longest = ledgers.iter().map(|(_, entries)| entries.len()).max().unwrap_or(0);
    for (name, entries) in ledgers {
        let gap = entries.iter().zip(0..).find(|(entry, place)| entry.position != *place);
        if let Some((_, place)) = gap {
            found.push(format!(
                "{name} has no certificate for position {place}, but for later ones"
            ));
        } else if entries.len() < longest {
            let has = entries.len();
            found.push(format!("{name} has {has} certificates, and another one {longest}"));
        }
    }
}

/// What was proposed is decided everywhere, but for what was forgotten with an old copy, and nothing else
/// is.
fn completeness(history: &History, ledgers: &Ledgers<'_>, found: &mut Vec<String>) {
    for (name, entries) in ledgers {
        let decided: BTreeSet<String> = entries.iter().map(|entry| hex(&entry.proposal)).collect();
        for asked in &history.asked {
            let Some(digest) = asked.digest.as_ref().filter(|_| !asked.may_be_lost) else {
                continue;
            };
            if !decided.contains(digest) {
                let title = &asked.title;
                found.push(format!("{title:?} ({digest}) was proposed and not decided at {name}"));
            }
        }
        let titles: BTreeSet<&str> =
            history.asked.iter().map(|asked| asked.title.as_str()).collect();
        for entry in entries.iter().filter(|entry| !titles.contains(entry.title.as_str())) {
            found.push(format!("{name} has a decision that nobody proposed: {:?}", entry.title));
        }
    }
    for (name, held) in history.names.iter().zip(&history.members) {
        for Listed { digest, phase, .. } in
            held.decisions.iter().filter(|listed| listed.phase != "certified")
        {
            found.push(format!("{digest} is still {phase} at {name}"));
        }
    }
}

/// Outcomes are the rule's on the votes that count, and who entered nothing does not count.
fn correctness(history: &History, ledgers: &Ledgers<'_>, found: &mut Vec<String>) {
    let asked: BTreeMap<&str, _> =
        history.asked.iter().map(|asked| (asked.title.as_str(), asked)).collect();
    let entries: BTreeSet<&Entry> = ledgers.iter().flat_map(|(_, entries)| entries).collect();
    for entry in entries {
        let Some(asked) = asked.get(entry.title.as_str()) else { continue };
        let title = &asked.title;
        if entry.rule != asked.rule {
            found.push(format!("{title:?} was decided by {}, not {}", entry.rule, asked.rule));
        }
        let counted = (0..history.names.len()).filter(|who| entry.counted >> who & 1 == 1);
        let mut votes = Vec::new();
        for who in counted {
            // If its answer was lost nobody knew what to vote on.
            match asked.votes.get(who).copied().flatten().filter(|_| asked.digest.is_some()) {
                Some(vote) => votes.push(vote),
                None => {
                    let name = history.names.get(who).map_or("a stranger", String::as_str);
                    found.push(format!("a vote of {name} counts in {title:?}, who entered none"));
                }
            }
        }
        if entry.outcome == Outcome::Expired {
            continue;
        }
        let rule = Reference::parse(&asked.rule);
        let accepts = rule.map(|rule| rule.accepts(votes.iter().sum(), votes.len()));
        if accepts != Some(entry.outcome == Outcome::Accepted) {
            let (rule, outcome) = (&asked.rule, entry.outcome);
            found.push(format!("{title:?} is {outcome:?}, by {rule} of {votes:?}"));
        }
    }
}

/// Nobody is blamed: all are honest. And nothing goes wrong inside a node.
fn blame(history: &History, found: &mut Vec<String>) {
    for (name, held) in history.names.iter().zip(&history.members) {
        for fault in &held.faults {
            found.push(format!("{name} blames an honest member: {fault}"));
        }
        for line in held.metrics.lines() {
            let counts = ["quorate_evidence_total", "quorate_invalid_messages_total"];
            if counts.iter().any(|count| line.starts_with(count)) {
                found.push(format!("{name} blames an honest member: {line}"));
            }
        }
        for line in held.log.lines() {
            if line.contains("panicked") {
                found.push(format!("the node of {name} has panicked: {line}"));
            } else if line.contains(" provable=") || line.contains("breaks the protocol") {
                found.push(format!("{name} blamed an honest member: {line}"));
            } else if line.contains(" ERROR ") && !line.contains("No space left on device") {
                found.push(format!("the node of {name} has met an error: {line}"));
            }
        }
    }
}

/// Processes ended as they should, and second ones ended.
fn endings(history: &History, found: &mut Vec<String>) {
    for end in &history.ends {
        let End { member, cause, code, signal, took } = end;
        let how = match (code, signal) {
            (Some(code), _) => format!("with exit code {code}"),
            (None, Some(signal)) => format!("by signal {signal}"),
            (None, None) => format!("not at all for {took:?}"),
        };
        let (fits, when) = match cause {
            Cause::Killed => (*signal == Some(KILLED), "when it was killed"),
            Cause::Told => (*code == Some(0), "when it was told to stop"),
            Cause::ToldEarly => (
                *code == Some(0) || *signal == Some(TERMINATED),
                "when it was told to stop before it was ready",
            ),
            Cause::SecondCopy => (*code == Some(SAFETY_STOP), "on a copy beside the first one"),
            Cause::FullDisk => (
                *code == Some(SAFETY_STOP) || *signal == Some(FILE_TOO_LARGE),
                "when its disk was full",
            ),
            Cause::Nothing => (false, "though nothing was done to it"),
        };
        if !fits {
            found.push(format!("the node of {member} ended {how} {when}"));
        }
    }
    for name in &history.unstopped {
        found.push(format!("a second node of {name} went on, on a copy of its data directory"));
    }
}

/// Nodes on old copies of their data came back, those and no others. One that was killed on the way
/// may come back when it is started again.
fn returns(history: &History, found: &mut Vec<String>) {
    for (name, held) in history.names.iter().zip(&history.members) {
        let (mut start, mut came_back) = (0, BTreeSet::new());
        for line in held.log.lines() {
            if let Some(number) = line.strip_prefix("-- start ") {
                start = number.trim().parse().unwrap_or(start);
            } else if start > 0 && line.contains(CAME_BACK) {
                let older = held.older.iter().rev().find(|older| **older <= start);
                if older.is_none_or(|older| !came_back.insert(*older)) {
                    found.push(format!("start {start} of {name} came back, of no old copy"));
                }
            }
        }
        for older in held.older.iter().filter(|older| !came_back.contains(older)) {
            found.push(format!("start {older} of {name} was on an old copy and did not come back"));
        }
    }
}

fn hex(digest: &[u8; 32]) -> String {
    data_encoding::HEXLOWER.encode(digest)
}

#[cfg(test)]
mod tests;
