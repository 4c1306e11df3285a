//! `quorate list`

use super::Context;
use super::exit::{Exit, Failure};
use super::terminal::{clean, table};
use super::time;
use crate::api::model::Decisions;

/// List decisions
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// Only those not decided yet
    #[arg(long)]
    open: bool,

    /// Only those this organisation has yet to vote on
    #[arg(long)]
    needs_me: bool,
}

/// `quorate list`
pub fn list(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let terminal = &context.terminal;
    let client = context.client()?;
    let mut decisions = context.block_on(client.decisions())?;
    let now = time::now_ms();
    decisions.retain(|decision| {
        (!arguments.open || !decision.is_certified())
            && (!arguments.needs_me || decision.needs_you(now))
    });
    if terminal.json {
        terminal.object(&Decisions { decisions });
        return Ok(Exit::Ok);
    }
    if decisions.is_empty() {
        terminal.say("no decisions");
        return Ok(Exit::Ok);
    }
    let head = ["ID", "STATE", "VOTED", "DEADLINE", "YOU", "TITLE"].map(str::to_owned);
    let mut rows = vec![head];
    for decision in &decisions {
        let you = match (decision.you_voted, decision.needs_you(now)) {
            (true, _) => "voted",
            (false, true) => "vote",
            (false, false) => "-",
        };
        let deadline = match decision.is_certified() {
            true => "-".to_owned(),
            false => time::from_now(decision.deadline_ms, now),
        };
        rows.push([
            decision.id.clone(),
            decision.state().to_owned(),
            match decision.following && !decision.is_certified() {
                true => "-".to_owned(),
                false => format!("{} of {}", decision.voted.len(), decision.members),
            },
            deadline,
            you.to_owned(),
            clean(&decision.title),
        ]);
    }
    for line in table(&rows) {
        terminal.line(line);
    }
    Ok(Exit::Ok)
}
