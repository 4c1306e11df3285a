//! `quorate wait`

use std::time::{Duration, Instant};

use super::Context;
use super::decision_text;
use super::exit::{Exit, Failure};
use super::time;
use crate::api::model::{Decision, Outcome};
use crate::client::Client;

/// Wait for a decision's outcome: exit 0 accepted, 10 rejected, 11 expired, 7 time is up
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// The decision: its id, or the beginning of it
    #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
    id: String,

    /// How long to wait: 30s, 10m, 2h [default: as long as it takes]
    #[arg(long, value_name = "TIME", value_parser = time::parse_length)]
    timeout: Option<Duration>,
}

/// `quorate wait`
pub fn wait(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let terminal = &context.terminal;
    let client = context.client()?;
    let decision = context.block_on(outcome(context, &client, arguments))?;
    terminal.settle();
    if terminal.json {
        terminal.object(&decision);
    }
    let Some(outcome) = decision.outcome else {
        let what = format!(
            "{} is undecided after {}: {}",
            decision.id,
            time::length(arguments.timeout.unwrap_or_default()),
            decision_text::progress(&decision, time::now_ms())
        );
        return Err(Failure::new(Exit::Pending, what)
            .hint(format!("wait on: quorate wait {}", decision.id)));
    };
    if !terminal.json {
        let word = terminal.painted(decision_text::paint(&decision), outcome.word());
        terminal.line(format_args!("outcome: {word}"));
    }
    terminal.say(format_args!(
        "certificate: quorate cert {}{}",
        decision.id,
        context.global.data_dir_flag()
    ));
    Ok(match outcome {
        Outcome::Accepted => Exit::Ok,
        Outcome::Rejected => Exit::Rejected,
        Outcome::Expired => Exit::Expired,
    })
}

async fn outcome(
    context: &Context,
    client: &Client,
    arguments: &Arguments,
) -> Result<Decision, Failure> {
    /// How often the line is drawn again though nothing happened: its times move on.
    const REDRAW: Duration = Duration::from_secs(1);
    let end = arguments.timeout.map(|timeout| Instant::now() + timeout);
    let mut seen = client.decision(&arguments.id).await?;
    let mut shown = String::new();
    loop {
        if seen.decision.is_certified() {
            return Ok(seen.decision);
        }
        let line = decision_text::progress(&seen.decision, time::now_ms());
        if line != shown
            && (shown.is_empty() || context.terminal.redraws() || changed(&shown, &line))
        {
            context.terminal.progress(format_args!("{}  {line}", seen.decision.id));
            shown = line;
        }
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Ok(seen.decision);
        }
        let wait = client.changed(&seen, REDRAW);
        let next = match left {
            Some(left) => tokio::time::timeout(left, wait).await.unwrap_or(Ok(None)),
            None => wait.await,
        };
        if let Some(next) = next? {
            seen = next;
        }
    }
}

/// Whether two lines differ in more than the time that is left.
fn changed(before: &str, now: &str) -> bool {
    let kept = |line: &str| line.split(", at the latest").next().map(str::to_owned);
    kept(before) != kept(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_passing_of_time_alone_is_no_news() {
        assert!(!changed("2 of 4, at the latest in 20 s", "2 of 4, at the latest in 19 s"));
        assert!(changed("2 of 4, at the latest in 20 s", "3 of 4, at the latest in 20 s"));
    }
}
