//! `quorate support ..`

use std::path::PathBuf;

use serde_json::json;

use super::Context;
use super::exit::{Exit, Failure};
use super::time;
use crate::files::{self, Access};
use crate::support::Bundle;

/// Gather what helps somebody to help
#[derive(clap::Subcommand, Debug)]
pub enum Subcommands {
    /// Write a file about this node, its links and its machine, without votes, keys and texts
    Bundle(Arguments),
}

/// Write a file about this node, its links and its machine, without votes, keys and texts
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// The file to write [default: quorate-support and the moment]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// `quorate support ..`
pub fn support(context: &Context, arguments: &Subcommands) -> Result<Exit, Failure> {
    let Subcommands::Bundle(arguments) = arguments;
    bundle(context, arguments)
}

fn bundle(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let terminal = &context.terminal;
    let named = || format!("quorate-support-{}.json", time::now_ms() / 1000).into();
    let path = arguments.output.clone().unwrap_or_else(named);
    if path.exists() {
        let what = format!("{} exists already", path.display());
        return Err(Failure::new(Exit::Conflict, what).hint("choose another name with -o"));
    }
    let dir = context.global.data_dir();
    let bundle = context.block_on(async { Ok(Bundle::gather(&dir).await) })?;
    files::write(&path, bundle.to_text().as_bytes(), Access::Private)
        .map_err(|error| Failure::unwritable(&path, &error))?;
    if terminal.json {
        let parts = bundle.parts().map(|(name, what)| json!({ "part": name, "what": what }));
        terminal.object(&json!({ "file": path, "parts": parts.collect::<Vec<_>>() }));
        return Ok(Exit::Ok);
    }
    for (name, what) in bundle.parts() {
        terminal.say(format_args!("  {name:<10} {what}"));
    }
    terminal.say("a text file: read it before you send it; it names organisations and addresses");
    terminal.line(path.display());
    Ok(Exit::Ok)
}
