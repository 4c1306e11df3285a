//! `quorate cert`

use std::path::{Path, PathBuf};

use serde_json::json;

use super::Context;
use super::exit::{Exit, Failure};
use crate::client::Client;
use crate::handed_file::HandedFile as _;
use crate::home::Home;

/// Print or save a decision's certificate
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// The decision: its id, or the beginning of it
    #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
    id: String,

    /// Save it in this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Save the network's signature over the decision's document instead: 64 bytes, for any
    /// Ed25519 verifier
    #[arg(long, requires = "output")]
    signature: bool,
}

/// `quorate cert`
pub fn cert(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let terminal = &context.terminal;
    let client = context.client()?;
    if let (true, Some(path)) = (arguments.signature, &arguments.output) {
        return save_signature(context, &client, &arguments.id, path);
    }
    let certificate = context.block_on(client.certificate(&arguments.id))?;
    let Some(path) = &arguments.output else {
        terminal.object(&certificate);
        return Ok(Exit::Ok);
    };
    std::fs::write(path, certificate.to_text()).map_err(|e| Failure::unwritable(path, &e))?;
    terminal.say(format_args!(
        "anyone can check it without a node: quorate verify {} --network-key {}",
        super::quoted(path),
        certificate.network.key
    ));
    if terminal.json {
        terminal.object(&json!({ "file": path, "outcome": certificate.outcome }));
    } else {
        terminal.line(path.display());
    }
    Ok(Exit::Ok)
}

/// `quorate cert --signature`
fn save_signature(
    context: &Context,
    client: &Client,
    id: &str,
    path: &Path,
) -> Result<Exit, Failure> {
    let terminal = &context.terminal;
    let signature = context.block_on(client.signature(id))?;
    std::fs::write(path, &signature).map_err(|e| Failure::unwritable(path, &e))?;
    let key = Home::open(&context.global.data_dir())?.group_keys()?;
    let key = key.map(|keys| data_encoding::HEXLOWER.encode(&keys.document));
    if let Some(key) = &key {
        terminal.say(format_args!(
            "any Ed25519 verifier takes it for the file's own bytes, under the document key {key}"
        ));
    }
    if terminal.json {
        terminal.object(&json!({ "file": path, "document_key": key }));
    } else {
        terminal.line(path.display());
    }
    Ok(Exit::Ok)
}
