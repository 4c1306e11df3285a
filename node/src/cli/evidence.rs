//! `quorate evidence ..`

use std::path::{Path, PathBuf};

use quorate_protocol::crypto::Digest;
use serde_json::json;

use super::Context;
use super::exit::{Exit, Failure};
use super::terminal::{Paint, Terminal, clean, table};
use super::verify::{checked, named_network};
use crate::evidence_file::{EvidenceFile, Unproven};
use crate::files::{self, Access};
use crate::handed_file::{HandedFile as _, Unfit};
use crate::home::Home;

/// Show, save and verify what proves that a member is faulty
#[derive(clap::Subcommand, Debug)]
pub enum Subcommands {
    /// List what this node has against members
    List,
    /// Show one, or save it for somebody else
    Show(ShowArguments),
    /// Verify an evidence file, offline
    Verify(VerifyArguments),
}

/// Show one, or save it for somebody else
#[derive(clap::Args, Debug)]
pub struct ShowArguments {
    /// Which: `quorate evidence list` has the ids
    #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
    id: String,

    /// Save it in this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Verify an evidence file, offline
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Without a digest or network file it is checked against this organisation's own \
                        network"
)]
pub struct VerifyArguments {
    /// The evidence file
    file: PathBuf,

    /// Against the network of this file
    #[arg(long, value_name = "FILE", conflicts_with = "network_digest")]
    network: Option<PathBuf>,

    /// Against the network with this digest
    #[arg(long, value_name = "HEX")]
    network_digest: Option<String>,
}

/// `quorate evidence ..`
pub fn evidence(context: &Context, arguments: &Subcommands) -> Result<Exit, Failure> {
    match arguments {
        Subcommands::List => list(context),
        Subcommands::Show(arguments) => show(context, arguments),
        Subcommands::Verify(arguments) => verify(context, arguments),
    }
}

fn list(context: &Context) -> Result<Exit, Failure> {
    let terminal = &context.terminal;
    let client = context.client()?;
    let all = context.block_on(client.list_evidence())?;
    if terminal.json {
        terminal.object(&json!({ "evidence": all }));
        return Ok(Exit::Ok);
    }
    if all.is_empty() {
        terminal.say("no evidence against any member");
        return Ok(Exit::Ok);
    }
    let mut rows = vec![["ID", "MEMBER", "EPOCH", "PROVES"].map(str::to_owned)];
    rows.extend(all.iter().map(|one| {
        [one.id.clone(), clean(&one.member), one.epoch.to_string(), clean(&one.proves)]
    }));
    for line in table(&rows) {
        terminal.line(line);
    }
    Ok(Exit::Ok)
}

fn show(context: &Context, arguments: &ShowArguments) -> Result<Exit, Failure> {
    let terminal = &context.terminal;
    let client = context.client()?;
    let file = context.block_on(client.evidence(&arguments.id))?;
    let Some(path) = &arguments.output else {
        match terminal.json {
            true => terminal.object(&file),
            false => say(terminal, &file),
        }
        return Ok(Exit::Ok);
    };
    files::write(path, file.to_text().as_bytes(), Access::Public)
        .map_err(|error| Failure::unwritable(path, &error))?;
    terminal.say(format_args!(
        "anyone can check it without a node: quorate evidence verify {} --network-digest {}",
        super::quoted(path),
        file.network.digest
    ));
    match terminal.json {
        true => terminal.object(&json!({ "file": path, "id": file.id })),
        false => terminal.line(path.display()),
    }
    Ok(Exit::Ok)
}

fn verify(context: &Context, arguments: &VerifyArguments) -> Result<Exit, Failure> {
    let terminal = &context.terminal;
    let known = known(context, arguments)?;
    let (path, hint) = (&arguments.file, "quorate evidence show ID -o FILE");
    let verify = |file: &EvidenceFile| file.verify(&known);
    let (file, _) = checked(context, path, hint, verify, failed)?;
    if terminal.json {
        terminal.object(&json!({
            "verified": true,
            "id": file.id,
            "member": file.member,
            "proves": file.proves,
            "place": file.place,
            "epoch": file.network.epoch,
            "network_digest": file.network.digest,
        }));
        return Ok(Exit::Ok);
    }
    terminal.line(format_args!("evidence: {}", terminal.painted(Paint::Good, "verified")));
    say(terminal, &file);
    Ok(Exit::Ok)
}

fn say(terminal: &Terminal, file: &EvidenceFile) {
    let field = |name: &str, value: &str| terminal.line(format_args!("  {name:<9} {value}"));
    field("id", &clean(&file.id));
    field("member", &clean(&file.member));
    field("proves", &clean(&file.proves));
    field("in", &clean(&file.place));
    field("network", &format!("{}, epoch {}", clean(&file.network.name), file.network.epoch));
    field("digest", &clean(&file.network.digest));
}

/// The network it is checked against: what was given, or else this organisation's own.
fn known(context: &Context, arguments: &VerifyArguments) -> Result<Digest, Failure> {
    let VerifyArguments { network, network_digest, .. } = arguments;
    if let Some(named) = named_network(network.as_deref(), network_digest.as_deref())? {
        return Ok(named);
    }
    let home = Home::open(&context.global.data_dir());
    if let Ok(network) = home.and_then(|home| home.joined_network()) {
        return Ok(network.digest());
    }
    let what = "there is nothing to check it against: no digest was given, and there is no \
                organisation of a network on this machine";
    Err(Failure::new(Exit::Usage, what).hint(format!(
        "quorate evidence verify {} --network-digest DIGEST",
        super::quoted(&arguments.file)
    )))
}

fn failed(path: &Path, reason: &Unproven) -> Failure {
    let what = format!("{} proves nothing: {reason}", path.display());
    let hint = match reason {
        Unproven::File(Unfit::OtherNetwork { .. }) => {
            "compare the network digest with somebody you trust"
        }
        _ => "do not rely on it; ask for the file again",
    };
    Failure::new(Exit::VerificationFailed, what).hint(hint)
}
