//! `quorate cert`

use std::path::PathBuf;

use super::Context;
use super::exit::{Exit, Failure};

/// Print or save a decision's certificate
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// The decision: its id, or the beginning of it
    #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
    id: String,

    /// Save it in this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// `quorate cert`
pub fn cert(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let terminal = &context.terminal;
    let client = context.client()?;
    let certificate = context.block_on(client.certificate(&arguments.id))?;
    let Some(path) = &arguments.output else {
        terminal.object(&certificate);
        return Ok(Exit::Ok);
    };
    std::fs::write(path, certificate.to_text()).map_err(|e| Failure::unwritable(path, &e))?;
    terminal.say(format_args!(
        "anyone can check it without a node: quorate verify {} --network-digest {} --network-key {}",
        path.display(),
        certificate.network.digest,
        certificate.network.key
    ));
    if terminal.json {
        terminal.object(&serde_json::json!({ "file": path, "outcome": certificate.outcome }));
    } else {
        terminal.line(path.display());
    }
    Ok(Exit::Ok)
}
