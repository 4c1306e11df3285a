//! `quorate explain`

use super::Context;
use super::exit::{Exit, Failure};
use super::terminal::{Paint, Terminal, clean};
use super::time;
use crate::api::explain::who;
use crate::api::model::Explanation;

/// Explain why a decision is not decided yet, and what would change that
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// The decision: its id, or the beginning of it
    #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
    id: String,
}

/// `quorate explain`
pub fn explain(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let terminal = &context.terminal;
    let client = context.client()?;
    let explanation = context.block_on(client.explain(&arguments.id))?;
    if terminal.json {
        terminal.object(&explanation);
    } else {
        show(terminal, &explanation, &context.global.data_dir_flag());
    }
    Ok(Exit::Ok)
}

fn show(terminal: &Terminal, explanation: &Explanation, flag: &str) {
    let title = terminal.painted(Paint::Strong, clean(&explanation.title));
    let state = explanation.outcome.map_or(explanation.phase.word(), |outcome| outcome.word());
    let paint = if explanation.outcome.is_some() { Paint::Good } else { Paint::Waiting };
    let state = terminal.painted(paint, state);
    terminal.line(format_args!("{}  {title}  ({state})", explanation.id));
    let field = |name: &str, value: &str| terminal.line(format_args!("  {name:<10} {value}"));
    let Explanation { members, tolerates, quorum, .. } = explanation;
    field("needs", &format!("{quorum} of {members} members; tolerates {tolerates} faulty"));
    if explanation.outcome.is_none() {
        field("deadline", &time::from_now(explanation.deadline_ms, time::now_ms()));
    }
    field("waits for", &clean(&explanation.waits_for));
    for (index, missing) in explanation.missing.iter().enumerate() {
        field(if index == 0 { "missing" } else { "" }, &who(missing));
    }
    field("unblocks", &clean(&explanation.unblocks));
    field("you", &clean(&explanation.you));
    field("private", "every vote stays secret; only the outcome is ever shown");
    if let Some(next) = &explanation.next {
        terminal.say(format_args!("next: {}{flag}", clean(next)));
    }
}
