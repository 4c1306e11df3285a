//! `quorate member replace`

use std::path::PathBuf;

use crate::api::model::NewMember;
use crate::cli::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::propose::{Renewal, propose_renewal};
use crate::roster::MemberCard;

/// Propose that a member's seat goes to new keys, which it made after it lost its own
#[derive(clap::Args, Debug)]
#[command(
    after_help = "It is decided like any other proposal. If it is accepted, the members make new \
                        shares of the network's keys, one of them for the new keys at the seat, and \
                        the old ones are worth nothing any more. The network's public keys stay. \
                        Before you vote, make sure by other means that the card is the member's."
)]
pub struct Arguments {
    /// The member's name
    #[arg(value_name = "NAME")]
    member: String,

    /// The member.toml that it made with `quorate init`, under the same name
    #[arg(long, value_name = "FILE")]
    card: PathBuf,

    /// Why, in a line [default: Replace NAME]
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,

    /// When it is accepted: 'count(approve) >= K', K at least as many as it takes to decide at all
    /// [default: with that many]
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,

    /// When votes are no longer waited for, the lost member's among them: 30s, 10m, 2h, 3d, or a
    /// moment such as 2027-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", default_value = "1h")]
    deadline: String,
}

/// `quorate member replace`
pub fn replace(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let Arguments { member, card, title, rule, deadline } = arguments;
    let card = MemberCard::read(card)?.to_toml();
    let renewal = Renewal {
        title: title.clone().unwrap_or_else(|| format!("Replace {member}")),
        rule: rule.as_deref(),
        deadline,
        replaces: Some(NewMember { member: member.clone(), card }),
        follows: "the seat goes to the new keys",
    };
    propose_renewal(context, renewal)
}
