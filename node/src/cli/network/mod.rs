//! `quorate network ..`: how a network begins.

mod deal;
mod found;

use std::path::{Path, PathBuf};

use quorate_protocol::Committee;
use serde_json::json;

use super::Context;
use super::exit::{Exit, Failure};
use super::terminal::{Paint, clean};
use crate::ceremony::gathering::FIRST_EPOCH;
use crate::roster::{MemberCard, Network, Settings};

pub use found::{Founding, invite_members};

/// Begin a network: invite its members, or write its file from their cards
#[derive(clap::Subcommand, Debug)]
pub enum Subcommands {
    /// Begin a network: print the invite for its members, or write its file from their cards
    New(New),
    /// Print the invite again
    Invite(Invite),
    /// Deal all keys, as a trusted dealer: for experiments only
    Deal(deal::Arguments),
}

/// Begin a network: print the invite for its members, or write its file from their cards
#[derive(clap::Args, Debug)]
#[command(group = clap::ArgGroup::new("how").required(true))]
pub struct New {
    /// The network's name
    name: String,

    /// How many organisations take part, this one included; prints one invite for all others
    #[arg(long, value_name = "N", group = "how")]
    orgs: Option<usize>,

    /// Where this organisation waits for the others, HOST:PORT [default: the host of its member
    /// card, and the next port; on a loopback address any free one]
    #[arg(long, value_name = "HOST:PORT", requires = "orgs")]
    rendezvous: Option<String>,

    /// How long others can register with the invite: 2h, 7d
    #[arg(long, value_name = "TIME", default_value = "7d", conflicts_with = "members")]
    valid: String,

    /// Give up the network that this organisation has begun before
    #[arg(long, requires = "orgs")]
    anew: bool,

    /// Instead of an invite: a member's card; once for each member, the order is the roster's
    #[arg(long = "member", value_name = "FILE", group = "how", requires = "output")]
    members: Vec<PathBuf>,

    /// The network file to write
    #[arg(long, short, value_name = "FILE", requires = "members")]
    output: Option<PathBuf>,

    /// Allow fewer than four members: none of them is then protected from another
    #[arg(long)]
    insecure_small: bool,

    /// Certificates name the members that signed
    #[arg(long)]
    accountable: bool,
}

/// Print the invite again
#[derive(clap::Args, Debug)]
pub struct Invite {}

/// `quorate network ..`
pub fn network(context: &Context, arguments: &Subcommands) -> Result<Exit, Failure> {
    match arguments {
        Subcommands::New(arguments) => new(context, arguments),
        Subcommands::Invite(_) => found::again(context),
        Subcommands::Deal(arguments) => deal::deal(context, arguments),
    }
}

fn new(context: &Context, arguments: &New) -> Result<Exit, Failure> {
    let New { insecure_small, accountable, .. } = *arguments;
    let settings = Settings { insecure_small, accountable };
    match (arguments.orgs, &arguments.output) {
        (Some(members), _) => found::found(
            context,
            &Founding {
                name: &arguments.name,
                members,
                settings,
                rendezvous: arguments.rendezvous.as_deref(),
                valid: &arguments.valid,
                anew: arguments.anew,
            },
        ),
        (None, Some(output)) => write(context, arguments, settings, output),
        // The parser sees to it.
        (None, None) => Err(Failure::new(Exit::Usage, "the network file has no name")
            .hint("quorate network new NAME --member FILE .. --output network.toml")),
    }
}

/// Writes the file of a network whose members' cards are at hand.
fn write(
    context: &Context,
    arguments: &New,
    settings: Settings,
    output: &Path,
) -> Result<Exit, Failure> {
    let terminal = &context.terminal;
    if output.exists() {
        let what = format!("{} exists already", output.display());
        return Err(Failure::new(Exit::Conflict, what).hint("choose another name with -o"));
    }
    let mut cards = Vec::new();
    for path in &arguments.members {
        cards.push(MemberCard::read(path)?);
    }
    let network = Network::new(&arguments.name, FIRST_EPOCH, cards, settings)?;
    network.write(output)?;
    say_size(context, network.name(), network.committee());
    let file = super::quoted(output);
    terminal.say(format_args!("next, at every member: quorate join {file}; quorate ceremony"));
    if terminal.json {
        let committee = network.committee();
        terminal.object(&json!({
            "network": network.name(),
            "file": output,
            "digest": network.digest().to_string(),
            "members": network.members().iter().map(|m| &m.name).collect::<Vec<_>>(),
            "tolerates": committee.t(),
            "quorum": committee.quorum(),
        }));
    } else {
        terminal.line(output.display());
    }
    Ok(Exit::Ok)
}

/// How large a network is, and what that means.
fn say_size(context: &Context, name: &str, committee: Committee) {
    let terminal = &context.terminal;
    terminal.say(format_args!(
        "{}: {} organisations, tolerates {} faulty, {} decide",
        terminal.painted_talk(Paint::Strong, clean(name)),
        committee.n(),
        committee.t(),
        committee.quorum(),
    ));
    if committee.t() == 0 {
        terminal.say("no member is protected from another: for trying things out only");
    }
}
