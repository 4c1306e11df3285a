//! `quorate join`

use std::path::PathBuf;

use quorate_protocol::committee::PartyId;
use serde_json::json;

use super::exit::{Exit, Failure};
use super::terminal::{Paint, clean};
use super::{Context, passphrase};
use crate::home::{Home, Unlocked};
use crate::roster::{DealtKeys, Network};

/// Join the network of a network file
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// The network file
    network: PathBuf,

    /// This organisation's keys from `quorate network deal`
    #[arg(long, value_name = "FILE")]
    dealt_keys: PathBuf,

    #[command(flatten)]
    passphrase: passphrase::Source,
}

/// `quorate join`
pub fn join(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let terminal = &context.terminal;
    let home = Home::open(&context.global.data_dir())?;
    let network = Network::read(&arguments.network)?;
    let dealt = DealtKeys::read(&arguments.dealt_keys)?;
    let party = join_network(&arguments.passphrase.unlock(&home)?, &network, Some(&dealt))?;
    let committee = network.committee();
    terminal.say(format_args!(
        "{} is member {} of {} in {}; compare the digest with the other members",
        terminal.painted_talk(Paint::Strong, clean(&home.card().name)),
        party.index() + 1,
        committee.n(),
        clean(network.name()),
    ));
    terminal.say(format_args!("next: quorate run{}", context.global.data_dir_flag()));
    if terminal.json {
        terminal.object(&json!({
            "organisation": home.card().name,
            "network": network.name(),
            "digest": network.digest().to_string(),
            "position": party.index(),
        }));
    } else {
        terminal.line(format_args!("network digest: {}", network.digest()));
    }
    Ok(Exit::Ok)
}

/// Makes a member join a network, with the keys that a trusted dealer dealt to it.
///
/// # Errors
/// It is not a member, it joined another network, or the keys are another member's or network's.
pub fn join_network(
    home: &Unlocked,
    network: &Network,
    dealt: Option<&DealtKeys>,
) -> Result<PartyId, Failure> {
    Ok(home.join(network, dealt)?)
}
