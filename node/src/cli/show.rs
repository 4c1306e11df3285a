//! `quorate show`

use std::path::PathBuf;

use serde_json::json;

use super::Context;
use super::decision_text;
use super::document;
use super::exit::{Exit, Failure};
use super::time;

/// Show one decision
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// The decision: its id, or the beginning of it
    #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
    id: String,

    /// Save the file that is to be signed
    #[arg(long, value_name = "FILE")]
    save_document: Option<PathBuf>,
}

/// `quorate show`
pub fn show(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let terminal = &context.terminal;
    let client = context.client()?;
    let decision = context.block_on(client.decision(&arguments.id))?.decision;
    if let Some(path) = &arguments.save_document {
        // The node says why, if there is none.
        let bytes = context.block_on(client.document(&decision.digest))?;
        let named = decision.document.as_ref().ok_or_else(|| {
            Failure::new(Exit::NotFound, format!("{} names no document", decision.id))
                .hint(format!("quorate show {}", decision.id))
        })?;
        document::save(path, named, &bytes)?;
        terminal.say(format_args!("saved; it comes from another organisation: open it with care"));
        if terminal.json {
            terminal.object(&json!({ "file": path, "document": named }));
        } else {
            terminal.line(path.display());
        }
        return Ok(Exit::Ok);
    }
    if terminal.json {
        terminal.object(&decision);
    } else {
        let flag = context.global.data_dir_flag();
        decision_text::show(terminal, &decision, "this organisation", &flag, time::now_ms());
    }
    Ok(Exit::Ok)
}
