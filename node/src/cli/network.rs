//! `quorate network new` and `quorate network deal`

use std::path::{Path, PathBuf};

use serde_json::json;

use super::exit::{Exit, Failure};
use super::terminal::{Paint, clean};
use super::{Context, slug};
use crate::roster::{MemberCard, Network, SealedCoinKey};

/// Write the network file, and deal its coin keys
#[derive(clap::Subcommand, Debug)]
pub enum Subcommands {
    /// Write a network file from the members' cards
    New(New),
    /// Deal the keys of the common coin: needs a trusted dealer for now
    Deal(Deal),
}

/// Write a network file from the members' cards
#[derive(clap::Args, Debug)]
pub struct New {
    /// The network's name
    name: String,

    /// A member's card; once for each member, the order is the roster's
    #[arg(long = "member", value_name = "FILE", required = true)]
    members: Vec<PathBuf>,

    /// The network file to write
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,

    /// Allow fewer than four members: none of them is then protected from another
    #[arg(long)]
    insecure_small: bool,
}

/// Deal the keys of the common coin: needs a trusted dealer for now
#[derive(clap::Args, Debug)]
pub struct Deal {
    /// The network file; the public part of the keys is written into it
    network: PathBuf,

    /// Yes, whoever runs this is trusted by all members: it sees every coin key
    #[arg(long)]
    insecure_dealer: bool,

    /// Where to write each member's key file
    #[arg(long, value_name = "DIR")]
    out_dir: PathBuf,
}

/// `quorate network ..`
pub fn network(context: &Context, arguments: &Subcommands) -> Result<Exit, Failure> {
    match arguments {
        Subcommands::New(arguments) => new(context, arguments),
        Subcommands::Deal(arguments) => deal(context, arguments),
    }
}

fn new(context: &Context, arguments: &New) -> Result<Exit, Failure> {
    let terminal = &context.terminal;
    if arguments.output.exists() {
        let what = format!("{} exists already", arguments.output.display());
        return Err(Failure::new(Exit::Conflict, what).hint("choose another name with -o"));
    }
    let mut cards = Vec::new();
    for path in &arguments.members {
        cards.push(MemberCard::read(path)?);
    }
    let network = found_network(&arguments.name, cards, arguments.insecure_small)?;
    network.write(&arguments.output)?;
    let committee = network.committee();
    terminal.say(format_args!(
        "{}: {} organisations, tolerates {} faulty, {} decide",
        terminal.painted_talk(Paint::Strong, clean(network.name())),
        committee.n(),
        committee.t(),
        committee.quorum(),
    ));
    if committee.t() == 0 {
        terminal.say("no member is protected from another: for trying things out only");
    }
    terminal.say(format_args!(
        "next: quorate network deal {} --insecure-dealer --out-dir deal",
        arguments.output.display()
    ));
    if terminal.json {
        terminal.object(&json!({
            "network": network.name(),
            "file": arguments.output,
            "members": network.members().iter().map(|m| &m.name).collect::<Vec<_>>(),
            "tolerates": committee.t(),
            "quorum": committee.quorum(),
        }));
    } else {
        terminal.line(arguments.output.display());
    }
    Ok(Exit::Ok)
}

/// A network of these members.
///
/// # Errors
/// Too few members, the same one twice, the same key twice.
pub fn found_network(
    name: &str,
    members: Vec<MemberCard>,
    insecure_small: bool,
) -> Result<Network, Failure> {
    const FIRST_EPOCH: u64 = 1;
    Ok(Network::new(name, FIRST_EPOCH, members, insecure_small)?)
}

fn deal(context: &Context, arguments: &Deal) -> Result<Exit, Failure> {
    let terminal = &context.terminal;
    if !arguments.insecure_dealer {
        return Err(Failure::new(
            Exit::Usage,
            "dealing shows every member's coin key to whoever runs this command; with them one \
             can foresee the common coin and stall the network, but read no vote",
        )
        .hint("if all members trust you with that, add --insecure-dealer"));
    }
    let network = Network::read(&arguments.network)?;
    if network.coin().is_some() {
        let what = format!("the keys of {} are dealt already", arguments.network.display());
        return Err(Failure::new(Exit::Conflict, what)
            .hint("hand out the files of that deal, or write a new network file"));
    }
    let (network, keys) = deal_coin_keys(&network);
    std::fs::create_dir_all(&arguments.out_dir)
        .map_err(|e| Failure::unwritable(&arguments.out_dir, &e))?;
    let files = write_keys(&keys, &arguments.out_dir)?;
    // Last: until the file names the public keys, the deal can be done again.
    network.write(&arguments.network)?;
    terminal.say(format_args!(
        "dealt {} coin keys as a trusted dealer: whoever ran this could have kept them all",
        keys.len()
    ));
    terminal
        .say("each file is sealed to its member; send every member its file and the network file");
    terminal.say("all members compare the network digest before they join:");
    if terminal.json {
        terminal.object(&json!({
            "network": network.name(),
            "digest": network.digest().to_string(),
            "coin_keys": files,
        }));
    } else {
        for file in &files {
            terminal.line(file.display());
        }
        terminal.line(format_args!("network digest: {}", network.digest()));
    }
    Ok(Exit::Ok)
}

/// Draws the coin keys, as a trusted dealer.
pub fn deal_coin_keys(network: &Network) -> (Network, Vec<SealedCoinKey>) {
    network.deal_coin_insecurely()
}

fn write_keys(keys: &[SealedCoinKey], dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files: Vec<PathBuf> = Vec::new();
    for key in keys {
        let stem = slug(&key.member);
        let mut path = dir.join(format!("{stem}.coin"));
        // Names that differ only in what a file name leaves out.
        for number in 2.. {
            if !files.contains(&path) {
                break;
            }
            path = dir.join(format!("{stem}-{number}.coin"));
        }
        key.write(&path)?;
        files.push(path);
    }
    Ok(files)
}
