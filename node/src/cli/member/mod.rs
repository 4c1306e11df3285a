//! `quorate member ..`

mod enter;
mod replace;

use std::path::PathBuf;

use serde_json::json;

use super::exit::{Exit, Failure};
use super::{Context, quoted, slug};
use crate::home::Home;
use crate::roster::EntranceFile;

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
    if network.replaced().is_empty() || !path.exists() {
        let what = "nobody has been replaced, as far as this node knows";
        return Err(Failure::new(Exit::NotFound, what)
            .hint("quorate member replace NAME --card member.toml proposes it"));
    }
    let file = EntranceFile::read(&path)?;
    let name = || PathBuf::from(format!("{}.entrance.toml", slug(network.name())));
    let output = arguments.output.clone().unwrap_or_else(name);
    file.write(&output)?;
    let terminal = &context.terminal;
    let shown = quoted(&output);
    terminal
        .say(format_args!("the new member types: quorate member enter {shown} --network-key KEY"));
    if terminal.json {
        terminal.object(&json!({ "file": shown, "epoch": file.entrance.epoch + 1 }));
    } else {
        terminal.line(&shown);
    }
    Ok(Exit::Ok)
}
