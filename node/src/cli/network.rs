//! `quorate network new` and `quorate network deal`

use std::path::{Path, PathBuf};

use serde_json::json;

use super::exit::{Exit, Failure};
use super::terminal::{Paint, clean};
use super::{Context, slug};
use crate::roster::{MemberCard, Network, Settings};

/// Write the network file, and deal its keys
#[derive(clap::Subcommand, Debug)]
pub enum Subcommands {
    /// Write a network file from the members' cards
    New(New),
    /// Deal all keys, as a trusted dealer: for experiments only
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

    /// Certificates name the members that signed
    #[arg(long)]
    accountable: bool,
}

/// Deal all keys, as a trusted dealer: for experiments only
#[derive(clap::Args, Debug)]
pub struct Deal {
    /// The network file
    network: PathBuf,

    /// Yes, whoever runs this is trusted by all members: it sees every key
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
    let New { insecure_small, accountable, .. } = *arguments;
    let network = found_network(&arguments.name, cards, Settings { insecure_small, accountable })?;
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
    settings: Settings,
) -> Result<Network, Failure> {
    const FIRST_EPOCH: u64 = 1;
    Ok(Network::new(name, FIRST_EPOCH, members, settings)?)
}

fn deal(context: &Context, arguments: &Deal) -> Result<Exit, Failure> {
    if !arguments.insecure_dealer {
        return Err(Failure::new(
            Exit::Usage,
            "dealing shows every member's keys to whoever runs this command; with them one can \
             sign any outcome in the network's name, and stall it, but read no vote",
        )
        .hint("if all members trust you with that, add --insecure-dealer"));
    }
    let network = Network::read(&arguments.network)?;
    let files = key_files(&network, &arguments.out_dir);
    if let Some(file) = files.iter().find(|file| file.exists()) {
        let what = format!("{} exists already: keys were dealt before", file.display());
        return Err(Failure::new(Exit::Conflict, what)
            .hint("hand out the files of that deal, or deal into another --out-dir"));
    }
    let dealt = network.deal_keys_insecurely();
    let dealt = dealt.map_err(|error| Failure::new(Exit::Internal, error))?;
    std::fs::create_dir_all(&arguments.out_dir)
        .map_err(|e| Failure::unwritable(&arguments.out_dir, &e))?;
    for (keys, file) in dealt.iter().zip(&files) {
        keys.write(file)?;
    }
    let key_set = dealt.first().map(|keys| keys.key_set.to_string());
    told_dealt(context, &network, &files, &key_set.unwrap_or_default());
    Ok(Exit::Ok)
}

fn told_dealt(context: &Context, network: &Network, files: &[PathBuf], key_set: &str) {
    let terminal = &context.terminal;
    terminal.say(format_args!(
        "dealt the keys of {} members as a trusted dealer: whoever ran this could have kept them",
        files.len()
    ));
    terminal
        .say("each file is sealed to its member; send every member its file and the network file");
    terminal.say("all members compare the network digest before they join:");
    if terminal.json {
        terminal.object(&json!({
            "network": network.name(),
            "digest": network.digest().to_string(),
            "key_set": key_set,
            "dealt_keys": files,
        }));
        return;
    }
    for file in files {
        terminal.line(file.display());
    }
    terminal.line(format_args!("network digest: {}", network.digest()));
}

/// Where the members' keys go, in roster order.
fn key_files(network: &Network, dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    for member in network.members() {
        let stem = slug(&member.name);
        let mut path = dir.join(format!("{stem}.keys"));
        // Names that differ only in what a file name leaves out.
        for number in 2.. {
            if !files.contains(&path) {
                break;
            }
            path = dir.join(format!("{stem}-{number}.keys"));
        }
        files.push(path);
    }
    files
}
