//! `quorate key refresh`

use crate::api::model::NewDecision;
use crate::cli::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::propose;

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
    let given = arguments.rule.as_deref().map(propose::parse_rule).transpose()?;
    let deadline_ms = propose::parse_deadline(&arguments.deadline)?;
    propose::check_title(&arguments.title)?;
    let client = context.client()?;
    let (rule, proposed) = context.block_on(async {
        let rule = match given {
            Some(rule) => rule,
            None => {
                let quorum = client.status().await?.quorum;
                propose::parse_rule(&format!("count(approve) >= {quorum}"))?
            }
        };
        let proposal = NewDecision {
            title: arguments.title.clone(),
            body: String::new(),
            rule: rule.to_string(),
            deadline_ms,
            document: None,
            refresh: true,
            replaces: None,
        };
        Ok((rule, client.propose(&proposal).await?))
    })?;
    let follows = format!("it is accepted if {rule}; then all members make new shares");
    Ok(propose::say_proposed(context, &proposed, &rule, deadline_ms, Some(follows)))
}
