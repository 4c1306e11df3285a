//! `quorate vote`

use std::path::PathBuf;
use std::time::Duration;

use quorate_protocol::rule::Rule;

use super::Context;
use super::document;
use super::exit::{Exit, Failure};
use super::prompt;
use super::terminal::{Paint, clean, clean_lines};
use super::time;
use crate::api::model::{Decision, NewVote, Phase};

/// How long a decision's place in the ledger is waited for before the vote is asked for.
const PLACED: Duration = Duration::from_secs(20);

/// Enter this organisation's vote: at a prompt, from a file or from standard input
#[derive(clap::Args, Debug)]
#[command(after_help = "The vote is asked for without being shown, or read from standard input \
                        if that is no terminal. It cannot be changed or withdrawn.")]
pub struct Arguments {
    /// The decision: its id, or the beginning of it
    #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
    id: String,

    /// Read the vote from this file; - is standard input
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,

    // Not for use: to tell whoever types a vote here why not, without repeating it.
    #[arg(hide = true, allow_hyphen_values = true, trailing_var_arg = true)]
    refused: Vec<Untold>,
}

/// Something that was typed and will not be shown.
#[derive(Clone)]
struct Untold;

impl From<&str> for Untold {
    fn from(_: &str) -> Self {
        Self
    }
}

impl std::fmt::Debug for Untold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[untold]")
    }
}

/// `quorate vote`
pub fn vote(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let terminal = &context.terminal;
    if !arguments.refused.is_empty() {
        return Err(Failure::new(
            Exit::Usage,
            "a vote is not taken from the command line, which other users of the machine and \
             the shell's history can see; nothing was sent",
        )
        .hint(format!("it is asked for, or read --from-file: quorate vote {}", arguments.id)));
    }
    let client = context.client()?;
    let decision = context.block_on(async {
        let seen = client.decision(&arguments.id).await?;
        match seen.decision.phase {
            // Votes are taken once it has its place in the ledger: usually before one can blink.
            Phase::Proposed => client.reached(&seen.decision.digest, Phase::Open, PLACED).await,
            _ => Ok(seen),
        }
    });
    let decision = decision?.decision;
    refuse_early(&decision, time::now_ms())?;
    let rule = Rule::parse(&decision.rule)
        .map_err(|error| Failure::new(Exit::Internal, format!("{}: {error}", decision.rule)))?;
    introduce(context, &decision);
    let ask = format!("your vote ({}, not shown): ", rule.input());
    let vote = prompt::read_vote(arguments.from_file.as_deref(), &ask)?;
    // Here as well as at the node, so that a slip of the finger is not even sent.
    rule.parse_vote(&vote).map_err(|error| {
        Failure::new(Exit::Invalid, format!("{error}; nothing was sent"))
            .hint(format!("quorate vote {}", decision.id))
    })?;
    // The digest, not the id as typed: the vote is for exactly the proposal that was shown.
    let vote = NewVote { vote: vote.to_string() };
    let receipt = context.block_on(client.vote(&decision.digest, &vote))?;
    terminal
        .say("your vote is in; it left this node only masked, and cannot be changed or withdrawn");
    terminal.say(format_args!(
        "next: quorate wait {}{}",
        receipt.id,
        context.global.data_dir_flag()
    ));
    if terminal.json {
        terminal.object(&receipt);
    } else {
        terminal
            .line(format_args!("receipt: {} at ledger position {}", receipt.id, receipt.position));
    }
    Ok(Exit::Ok)
}

/// What the node would refuse anyway, before a vote is typed in vain.
fn refuse_early(decision: &Decision, now_ms: u64) -> Result<(), Failure> {
    let wait = format!("quorate wait {}", decision.id);
    if decision.you_voted {
        let what = "this organisation has already voted on it, and votes cannot be changed";
        return Err(Failure::new(Exit::Conflict, what).hint(wait));
    }
    if decision.phase == Phase::Proposed && decision.takes_votes(now_ms) {
        let what = "it has no place in the ledger yet, and takes no votes before that";
        return Err(
            Failure::new(Exit::Pending, what).hint("are enough members here? quorate status")
        );
    }
    if decision.following && !decision.is_certified() {
        let what =
            "this node may have forgotten what it said in it, and only follows it to the outcome";
        return Err(Failure::new(Exit::Conflict, what).hint(wait));
    }
    if !decision.takes_votes(now_ms) {
        let (id, state) = (&decision.id, decision.state());
        let what = match decision.phase {
            Phase::Certified => format!("{id} is already decided ({state})"),
            Phase::Proposed | Phase::Open => {
                let off = time::from_now(decision.deadline_ms, now_ms);
                format!("the time for votes on {id} is over: its deadline was {off}")
            }
            _ => format!("{id} is {state}: votes are no longer taken"),
        };
        let hint =
            if decision.is_certified() { format!("quorate show {}", decision.id) } else { wait };
        return Err(Failure::new(Exit::Conflict, what).hint(hint));
    }
    Ok(())
}

fn introduce(context: &Context, decision: &Decision) {
    let terminal = &context.terminal;
    terminal.say(format_args!(
        "{}  {}",
        decision.id,
        terminal.painted_talk(Paint::Strong, clean(&decision.title))
    ));
    for line in clean_lines(&decision.body) {
        terminal.say(format_args!("  {line}"));
    }
    terminal.say(format_args!(
        "  proposed by {}, accepted if {}, votes are taken until {} ({})",
        clean(&decision.proposer),
        decision.rule,
        time::readable_moment(decision.deadline_ms),
        time::from_now(decision.deadline_ms, time::now_ms())
    ));
    if decision.document.is_some() {
        document::advise(terminal, &decision.id, &context.global.data_dir_flag());
    }
    terminal.say("  known to all: who voted, and at the end whether it is accepted; never a vote");
}

#[cfg(test)]
mod tests {
    use super::super::decision_text::sample;
    use super::*;

    #[test]
    fn what_is_too_late_is_not_called_a_second_vote() {
        let mut decision = sample();
        let refused = |decision: &Decision, now_ms| {
            let failure = refuse_early(decision, now_ms).unwrap_err();
            assert_eq!(failure.exit, Exit::Conflict);
            failure.what
        };
        assert!(refuse_early(&decision, decision.deadline_ms).is_ok());
        let late = decision.deadline_ms + 4_000;
        let over = "the time for votes on dec_1a2b3c4d is over: its deadline was 4 s ago";
        assert_eq!(refused(&decision, late), over);
        decision.phase = Phase::Proposed;
        assert_eq!(refused(&decision, late), over);
        decision.you_voted = true;
        assert!(refused(&decision, late).contains("already voted"));
    }
}
