//! `quorate key refresh`

use crate::cli::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::propose::{Renewal, propose_renewal};

/// Propose that all members make new shares of the network's keys
#[derive(clap::Args, Debug)]
#[command(
    after_help = "It is decided like any other proposal. If it is accepted, the members make \
                        new shares, and erase the old ones when all open decisions are done: \
                        whoever has got hold of old shares or backups can do nothing with them any \
                        more. The network's public keys stay."
)]
pub struct Arguments {
    /// Why, in a line
    #[arg(long, value_name = "TEXT", default_value = "Refresh the network's keys")]
    title: String,

    /// When it is accepted: 'count(approve) >= K', K at least as many as it takes to decide at all
    /// [default: with that many]
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,

    /// When votes are no longer waited for: 30s, 10m, 2h, 3d, or a moment such as
    /// 2027-01-31T12:00:00Z; it decides at once when all votes are in
    #[arg(long, value_name = "TIME", default_value = "24h")]
    deadline: String,
}

/// `quorate key refresh`
pub fn refresh(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let Arguments { title, rule, deadline } = arguments;
    let renewal = Renewal {
        title: title.clone(),
        rule: rule.as_deref(),
        deadline,
        replaces: None,
        follows: "all members make new shares",
    };
    propose_renewal(context, renewal)
}
