//! `quorate show`

use super::Context;
use super::decision_text;
use super::exit::{Exit, Failure};
use super::time;

/// Show one decision
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// The decision: its id, or the beginning of it
    #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
    id: String,
}

/// `quorate show`
pub fn show(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let terminal = &context.terminal;
    let client = context.client()?;
    let decision = context.block_on(client.decision(&arguments.id))?.decision;
    if terminal.json {
        terminal.object(&decision);
    } else {
        let flag = context.global.data_dir_flag();
        decision_text::show(terminal, &decision, "this organisation", &flag, time::now_ms());
    }
    Ok(Exit::Ok)
}
