//! `quorate member ..`

mod enter;
mod replace;

use std::path::PathBuf;

use serde_json::json;

use super::exit::{Exit, Failure};
use super::terminal::clean;
use super::{Context, quoted, slug};
use crate::api::model::{Decision, Outcome, Status};
use crate::home::Home;
use crate::roster::text;
use crate::roster::{EntranceFile, Network};

/// Replace a member that lost its keys, and come in as one
#[derive(clap::Subcommand, Debug)]
pub enum Subcommands {
    /// Propose that a member's seat goes to new keys, which it made after it lost its own
    Replace(replace::Arguments),
    /// Write what a member that was replaced needs to come in
    Entrance(Entrance),
    /// Come into the network at the seat that the members gave to this organisation's new keys
    Enter(enter::Arguments),
}

/// Write what a member that was replaced needs to come in
#[derive(clap::Args, Debug)]
#[command(after_help = "It is public: send it to the member. With it goes the network's \
                        certificate key, from somebody the member trusts: quorate key show")]
pub struct Entrance {
    /// The file to write [default: the network's name]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// `quorate member ..`
pub fn member(context: &Context, command: &Subcommands) -> Result<Exit, Failure> {
    match command {
        Subcommands::Replace(arguments) => replace::replace(context, arguments),
        Subcommands::Entrance(arguments) => entrance(context, arguments),
        Subcommands::Enter(arguments) => enter::enter(context, arguments),
    }
}

fn entrance(context: &Context, arguments: &Entrance) -> Result<Exit, Failure> {
    let home = Home::open(&context.global.data_dir())?;
    let network = home.joined_network()?;
    let path = home.entrance_path();
    let terminal = &context.terminal;
    let next = match home.is_running() {
        true => context.block_on(async {
            let client = context.client()?;
            Ok(under_way(&network, &client.status().await?, &client.decisions().await?))
        })?,
        false => None,
    };
    if let Some(member) = &next {
        let what = format!(
            "{} is just being replaced, and how it comes in is here once the members have their \
             new shares",
            clean(member)
        );
        if network.replaced().is_empty() {
            return Err(Failure::new(Exit::Pending, what).hint("quorate status"));
        }
        terminal.say(format_args!("warning: {what}: quorate status"));
    }
    if network.replaced().is_empty() || !path.exists() {
        let what = "nobody has been replaced, as far as this node knows";
        return Err(Failure::new(Exit::NotFound, what)
            .hint("quorate member replace NAME --card member.toml proposes it"));
    }
    let file = EntranceFile::read(&path)?;
    let name = || PathBuf::from(format!("{}.entrance.toml", slug(network.name())));
    let output = arguments.output.clone().unwrap_or_else(name);
    file.write(&output)?;
    let shown = quoted(&output);
    let member = file.network.replaced().last().map(|last| last.card.name.as_str());
    let whose = clean(member.unwrap_or("the new member"));
    terminal.say(format_args!("{whose} types: quorate member enter {shown} --network-key KEY"));
    if terminal.json {
        let epoch = file.entrance.epoch + 1;
        terminal.object(&json!({
            "file": shown, "epoch": epoch, "member": member, "being_replaced": next,
        }));
    } else {
        terminal.line(&shown);
    }
    Ok(Exit::Ok)
}

/// Who is being replaced with new shares that are not here yet.
fn under_way(network: &Network, status: &Status, decisions: &[Decision]) -> Option<String> {
    let refresh = status.refresh.as_ref().filter(|refresh| !refresh.made)?;
    let accepted = decisions.iter().filter(|decision| {
        decision.position == Some(refresh.position) && decision.outcome == Some(Outcome::Accepted)
    });
    let mut new = accepted.filter_map(|decision| decision.replaces.as_ref());
    let known = |identity: &str| {
        let mut replaced = network.replaced().iter();
        replaced.any(|one| text::hex(&one.card.identity.to_bytes()) == identity)
    };
    new.find(|new| !known(&new.identity)).map(|new| new.member.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::model::{Phase, Refreshing, Replaces};
    use crate::api::sample;
    use crate::cli::sample_decision;

    #[test]
    fn a_replacement_is_under_way_until_its_shares_are_here() {
        let (network, key) = (sample::network(), || "0a".repeat(32));
        let replaces = Replaces {
            member: "org 2".into(),
            identity: key(),
            sealing: key(),
            transport: key(),
            addresses: Vec::new(),
        };
        let accepted = Decision {
            phase: Phase::Certified,
            position: Some(4),
            outcome: Some(Outcome::Accepted),
            replaces: Some(replaces),
            ..sample_decision()
        };
        let refreshing = |position, made| Status {
            refresh: Some(Refreshing {
                position,
                made,
                confirmed: Vec::new(),
                missing: Vec::new(),
            }),
            ..sample::status(3)
        };
        let of = |status: &Status, decision: &Decision| {
            under_way(&network, status, std::slice::from_ref(decision))
        };
        assert_eq!(of(&refreshing(4, false), &accepted).as_deref(), Some("org 2"));
        assert_eq!(of(&refreshing(4, true), &accepted), None, "its shares are here");
        assert_eq!(of(&refreshing(5, false), &accepted), None, "another refresh");
        assert_eq!(of(&sample::status(3), &accepted), None);
        let rejected = Decision { outcome: Some(Outcome::Rejected), ..accepted };
        assert_eq!(of(&refreshing(4, false), &rejected), None);
    }
}
