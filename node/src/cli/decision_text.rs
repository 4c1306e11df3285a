//! A decision in words, for `list`, `show` and `wait`.

use super::terminal::{Paint, Terminal, clean, clean_lines, names};
use super::{document, time};
use crate::api::explain::too_few;
use crate::api::model::{Decision, Outcome, Phase};

/// The colour of a decision's state.
pub fn paint(decision: &Decision) -> Paint {
    match decision.outcome {
        Some(Outcome::Accepted) => Paint::Good,
        Some(Outcome::Rejected | Outcome::Expired) => Paint::Bad,
        None => Paint::Waiting,
    }
}

/// One line on how far it is: the phase, how many have voted, who has not. Never a vote.
pub fn progress(decision: &Decision, now_ms: u64) -> String {
    if decision.following && !decision.is_certified() {
        return "this node only follows it, waiting for the others' certificate".to_owned();
    }
    let (voted, members) = (decision.voted.len(), decision.members);
    let phase = match decision.phase {
        Phase::Proposed => "being placed in the ledger".to_owned(),
        Phase::Open if decision.missing.is_empty() && !decision.abstained.is_empty() => {
            format!("{} abstained", names(&decision.abstained))
        }
        Phase::Open if decision.missing.is_empty() => "all votes are in".to_owned(),
        Phase::Open => format!("waiting for {}", names(&decision.missing)),
        Phase::Sealed => "votes are sealed".to_owned(),
        Phase::Computing => "computing on the sealed votes".to_owned(),
        Phase::Certified => format!("outcome: {}", decision.state()),
    };
    let mut line = format!("{voted} of {members} voted, {phase}");
    if matches!(decision.phase, Phase::Open) && !decision.missing.is_empty() {
        let until = time::from_now(decision.deadline_ms, now_ms);
        line.push_str(&match now_ms <= decision.deadline_ms {
            true => format!(", at the latest {until}"),
            false => format!(", deadline {until}"),
        });
    }
    line
}

/// Everything about it, on the terminal.
pub fn show(terminal: &Terminal, decision: &Decision, you: &str, flag: &str, now_ms: u64) {
    let state = terminal.painted(paint(decision), decision.state());
    let title = terminal.painted(Paint::Strong, clean(&decision.title));
    terminal.line(format_args!("{}  {title}  ({state})", decision.id));
    for line in clean_lines(&decision.body) {
        terminal.line(format_args!("    {line}"));
    }
    let field = |name: &str, value: &str| terminal.line(format_args!("  {name:<10} {value}"));
    field("rule", &format!("{}   (a vote is {})", decision.rule, decision.input));
    if let Some(document) = &decision.document {
        field("signs", &document::describe(document));
    }
    if let Some(new) = &decision.replaces {
        field(
            "replaces",
            &format!("{}, which gets new keys if it is accepted", clean(&new.member)),
        );
        field("identity", &new.identity);
        field("transport", &new.transport);
    }
    if decision.refresh {
        field("refresh", "the members make new shares of the network's keys if it is accepted");
    }
    let position = decision.position.map(|p| format!(", ledger position {p}")).unwrap_or_default();
    field("proposed", &format!("by {}{position}", clean(&decision.proposer)));
    let deadline = time::readable_moment(decision.deadline_ms);
    match decision.is_certified() {
        true => field("deadline", &deadline),
        false => {
            let off = time::from_now(decision.deadline_ms, now_ms);
            field("deadline", &format!("{deadline} ({off})"));
        }
    }
    let undecided = !decision.is_certified();
    if decision.following && undecided {
        field("voted", "not known here: this node has forgotten what it said, and only follows it");
    } else {
        let (voted, members) = (decision.voted.len(), decision.members);
        field("voted", &format!("{voted} of {members}: {}", names(&decision.voted)));
        if !decision.abstained.is_empty() {
            field("abstained", &names(&decision.abstained));
        }
        if !decision.missing.is_empty() && undecided {
            field("missing", &names(&decision.missing));
        }
    }
    if let Some(counted) = &decision.counted {
        field("counted", &names(counted));
    }
    if undecided && !decision.waiting.is_empty() {
        field("waiting", &clean(&decision.waiting));
    }
    if let Some(outcome) = decision.outcome {
        field("outcome", &in_words(decision, outcome));
        field("private", "every vote stays secret; the outcome is all that was revealed");
    } else {
        field("private", "every vote stays secret; only the outcome will be revealed");
    }
    match (&decision.document, decision.outcome) {
        (Some(_), None) => document::advise(terminal, &decision.id, flag),
        (Some(_), Some(Outcome::Accepted)) => terminal.say(format_args!(
            "the network's signature over the file: quorate cert {} --signature -o FILE{flag}",
            decision.id
        )),
        _ => {}
    }
    if decision.refresh && decision.outcome == Some(Outcome::Accepted) {
        terminal.say(format_args!(
            "quorate status{flag} shows how far the new shares are; then make a new backup: \
             quorate key backup{flag}"
        ));
    }
    if decision.needs_you(now_ms) {
        terminal.say(format_args!(
            "{} has not voted: quorate vote {}{flag}",
            clean(you),
            decision.id
        ));
    }
}

/// The outcome, and of one that has expired why.
fn in_words(decision: &Decision, outcome: Outcome) -> String {
    match (outcome, &decision.counted) {
        (Outcome::Expired, Some(counted)) => {
            format!("expired, {}", too_few(counted.len(), decision.minimum))
        }
        _ => outcome.word().to_owned(),
    }
}

/// For tests: a decision of four organisations, two of which have voted.
#[cfg(test)]
pub fn sample() -> Decision {
    let names = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    Decision {
        id: "dec_1a2b3c4d".into(),
        digest: format!("1a2b3c4d{}", "0".repeat(56)),
        title: "Extend the credit line".into(),
        body: String::new(),
        rule: "mean(confidence) > 75".into(),
        input: "a whole number from 0 to 100".into(),
        proposer: "Acme Bank".into(),
        deadline: "2027-01-31T12:00:00Z".into(),
        deadline_ms: 1_801_396_800_000,
        document: None,
        refresh: false,
        replaces: None,
        minimum: 3,
        position: Some(0),
        phase: Phase::Open,
        members: 4,
        voted: names(&["Acme Bank", "Borealis Re"]),
        abstained: Vec::new(),
        missing: names(&["Cobalt Energy", "Delta Freight"]),
        you_voted: false,
        counted: None,
        outcome: None,
        following: false,
        waiting: "votes".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_names_who_is_missing_and_until_when() {
        let mut decision = sample();
        let now = decision.deadline_ms - 20_000;
        assert_eq!(
            progress(&decision, now),
            "2 of 4 voted, waiting for Cobalt Energy and Delta Freight, at the latest in 20 s"
        );
        decision.following = true;
        let follows = "this node only follows it, waiting for the others' certificate";
        assert_eq!(progress(&decision, now), follows);
        decision.following = false;
        decision.phase = Phase::Computing;
        assert_eq!(progress(&decision, now), "2 of 4 voted, computing on the sealed votes");
        decision.phase = Phase::Certified;
        decision.outcome = Some(Outcome::Rejected);
        assert_eq!(progress(&decision, now), "2 of 4 voted, outcome: rejected");
    }

    #[test]
    fn who_abstained_did_not_vote() {
        let mut decision = sample();
        decision.abstained = std::mem::take(&mut decision.missing);
        let line = progress(&decision, decision.deadline_ms + 1);
        assert_eq!(line, "2 of 4 voted, Cobalt Energy and Delta Freight abstained");
        decision.voted.append(&mut decision.abstained);
        assert_eq!(progress(&decision, 0), "4 of 4 voted, all votes are in");
    }

    #[test]
    fn what_has_expired_says_how_many_votes_counted() {
        let mut decision = sample();
        decision.counted = Some(decision.voted.clone());
        let words = in_words(&decision, Outcome::Expired);
        assert_eq!(words, "expired, with 2 votes that count, and it takes 3");
        assert_eq!(in_words(&decision, Outcome::Rejected), "rejected");
    }

    #[test]
    fn votes_are_taken_until_it_is_sealed_or_late() {
        let mut decision = sample();
        let now = decision.deadline_ms;
        assert!(decision.needs_you(now) && !decision.needs_you(now + 1));
        decision.phase = Phase::Sealed;
        assert!(!decision.needs_you(now));
        decision.phase = Phase::Open;
        decision.you_voted = true;
        assert!(!decision.needs_you(now));
    }
}
