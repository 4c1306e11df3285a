//! `quorate propose`

use std::io::Read as _;
use std::path::{Path, PathBuf};

use quorate_protocol::decision::proposal::ProposalError;
use quorate_protocol::limits;
use quorate_protocol::rule::Rule;

use super::Context;
use super::document;
use super::exit::{Exit, Failure};
use super::time;
use crate::api::model::{NewDecision, NewMember, Proposed};

/// Propose something to be decided
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// What is proposed, in a line
    #[arg(long, value_name = "TEXT")]
    title: String,

    /// What is proposed, in full: a file, or - for standard input
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,

    /// When it is accepted: 'mean(confidence) > 75' with votes from 0 to 100, or
    /// 'count(approve) >= 3' with votes yes and no; also >=, <, <=
    #[arg(long, value_name = "RULE")]
    rule: String,

    /// A file that the network signs if the proposal is accepted: all members can read it; the
    /// signature is an ordinary Ed25519 signature over the file's own bytes
    #[arg(long, value_name = "FILE")]
    sign: Option<PathBuf>,

    /// When votes are no longer waited for: 30s, 10m, 2h, 3d, or a moment such as
    /// 2027-01-31T12:00:00Z; it decides at once when all votes are in
    #[arg(long, value_name = "TIME", default_value = "24h")]
    deadline: String,
}

/// `quorate propose`
pub fn propose(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let rule = parse_rule(&arguments.rule)?;
    let deadline_ms = parse_deadline(&arguments.deadline)?;
    let body = arguments.body.as_deref().map(read_body).transpose()?.unwrap_or_default();
    check_title(&arguments.title)?;
    check_length("text", &body, limits::MAX_TEXT)?;
    let document = arguments.sign.as_deref().map(document::read).transpose()?;
    let client = context.client()?;
    let proposal = NewDecision {
        title: arguments.title.clone(),
        body,
        rule: rule.to_string(),
        deadline_ms,
        document: document.map(|bytes| data_encoding::BASE64.encode(&bytes)),
        refresh: false,
        replaces: None,
    };
    let proposed = context.block_on(client.propose(&proposal))?;
    let signed = "if it is accepted, the network signs the file; all members can read it";
    let signed = arguments.sign.as_ref().map(|_| signed.to_owned());
    Ok(say_proposed(context, &proposed, &rule, deadline_ms, signed))
}

/// A proposal that renews the shares of the network's keys.
pub struct Renewal<'a> {
    /// Why, in a line.
    pub title: String,
    /// When it is accepted; unless it is said, if as many approve as it takes to decide at all.
    pub rule: Option<&'a str>,
    /// When votes are no longer waited for.
    pub deadline: &'a str,
    /// Whose seat goes to new keys, if one does.
    pub replaces: Option<NewMember>,
    /// What follows if it is accepted.
    pub follows: &'a str,
}

/// Proposes a renewal.
pub fn propose_renewal(context: &Context, renewal: Renewal<'_>) -> Result<Exit, Failure> {
    let Renewal { title, rule, deadline, replaces, follows } = renewal;
    let given = rule.map(parse_rule).transpose()?;
    let deadline_ms = parse_deadline(deadline)?;
    check_title(&title)?;
    let client = context.client()?;
    let (rule, proposed) = context.block_on(async {
        let rule = match given {
            Some(rule) => rule,
            None => {
                let quorum = client.status().await?.quorum;
                parse_rule(&format!("count(approve) >= {quorum}"))?
            }
        };
        let proposal = NewDecision {
            title,
            body: String::new(),
            rule: rule.to_string(),
            deadline_ms,
            document: None,
            refresh: true,
            replaces,
        };
        Ok((rule, client.propose(&proposal).await?))
    })?;
    let follows = format!("it is accepted if {rule}; then {follows}");
    Ok(say_proposed(context, &proposed, &rule, deadline_ms, Some(follows)))
}

/// Says that something was proposed, what follows if it is accepted, and what to do next.
fn say_proposed(
    context: &Context,
    proposed: &Proposed,
    rule: &Rule,
    deadline_ms: u64,
    follows: Option<String>,
) -> Exit {
    let (terminal, flag) = (&context.terminal, context.global.data_dir_flag());
    terminal.say(format_args!(
        "proposed to all members; a vote is {}, and waited for until {}",
        rule.input(),
        time::readable_moment(deadline_ms)
    ));
    if let Some(follows) = follows {
        terminal.say(follows);
    }
    terminal.say(format_args!("next: quorate vote {}{flag}", proposed.id));
    if terminal.json {
        terminal.object(proposed);
    } else {
        terminal.line(&proposed.id);
    }
    Exit::Ok
}

/// Reads a rule, and shows the place where it goes wrong.
pub fn parse_rule(text: &str) -> Result<Rule, Failure> {
    Rule::parse(text).map_err(|error| {
        let mut what = format!("the rule is not understood: {error}");
        for line in error.excerpt().lines() {
            what.push_str("\n  ");
            what.push_str(line);
        }
        Failure::new(Exit::Invalid, what).hint(error.hint())
    })
}

/// Reads a deadline, in milliseconds since 1970.
fn parse_deadline(text: &str) -> Result<u64, Failure> {
    time::parse_deadline(text, time::now_ms())
        .map_err(|what| Failure::new(Exit::Invalid, what).hint("for example: --deadline 2h"))
}

/// Whether a title can be sent.
fn check_title(title: &str) -> Result<(), Failure> {
    check_length("title", title, limits::MAX_TITLE)
}

fn read_body(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).map(drop)
    } else {
        std::fs::read_to_string(path).map(|content| text = content)
    };
    read.map_err(|error| Failure::unreadable(path, &error))?;
    Ok(plain(&text))
}

/// The node's own check, before it is sent.
fn check_length(what: &'static str, text: &str, limit: usize) -> Result<(), Failure> {
    let got = text.len();
    if got <= limit {
        return Ok(());
    }
    Err(Failure::new(Exit::Invalid, ProposalError::TooLong { what, limit, got })
        .hint("shorten it, or name a document that all members have, and propose again"))
}

/// As it may be broadcast: line feeds between lines, blanks for tabs, none of either at the end.
fn plain(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\t', "    ").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_rule_is_shown_with_the_place_and_a_hint() {
        let failure = parse_rule("mean(confidence) > lots").unwrap_err();
        assert_eq!(failure.exit, Exit::Invalid);
        let lines: Vec<_> = failure.what.lines().collect();
        assert_eq!(lines.get(1), Some(&"  mean(confidence) > lots"));
        assert!(lines.get(2).is_some_and(|line| line.trim_start().starts_with('^')));
        assert!(failure.hint.is_some());
    }

    #[test]
    fn a_body_from_any_editor_can_be_sent() {
        assert_eq!(plain("a\r\n\tb\n\n"), "a\n    b");
    }
}
