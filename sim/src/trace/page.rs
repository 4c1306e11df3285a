//! A run as one HTML page that needs nothing else.
//!
//! The page has its style, its script and the run in it, and asks no network for anything: its
//! policy forbids it, and lets only this very style and script run. What is in a run is data for
//! the script, which shows it as text.

use data_encoding::BASE64;
use ed25519_dalek::{Digest as _, Sha512};
use serde::Serialize;

use super::Record;
use crate::report::{Report, Violation};

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
/// In the order in which they build on each other.
const SCRIPT: [&str; 8] = [
    include_str!("page/run.js"),
    include_str!("page/time.js"),
    include_str!("page/filter.js"),
    include_str!("page/signs.js"),
    include_str!("page/draw.js"),
    include_str!("page/overview.js"),
    include_str!("page/panel.js"),
    include_str!("page/controls.js"),
];

/// What the page says of a run beside its events.
#[derive(Serialize)]
pub struct Heading {
    /// The run's name.
    token: String,
    /// The plan, for people.
    plan: String,
    parties: Vec<Party>,
    /// How long it took.
    time: u64,
    steps: u64,
    bytes: u64,
    /// Hash of the story.
    trace: String,
    violation: Option<Failure>,
}

/// A party, as the plan has it.
#[derive(Serialize)]
pub struct Party {
    /// What it does wrong, if it is Byzantine.
    pub byzantine: Option<String>,
}

#[derive(Serialize)]
struct Failure {
    time: u64,
    checker: &'static str,
    what: String,
}

#[derive(Serialize)]
struct Run<'a> {
    #[serde(flatten)]
    heading: &'a Heading,
    #[serde(flatten)]
    record: &'a Record,
}

impl Heading {
    /// Of a run with this name that ended so.
    pub fn new(name: String, report: &Report, plan: String, parties: Vec<Party>) -> Self {
        let failure = |violation: &Violation| Failure {
            time: violation.time,
            checker: violation.checker,
            what: violation.what.clone(),
        };
        Self {
            token: name,
            plan,
            parties,
            time: report.time,
            steps: report.steps,
            bytes: report.coverage.bytes,
            trace: report.trace.clone(),
            violation: report.violation.as_ref().map(failure),
        }
    }
}

/// The page of a run.
pub fn page(heading: &Heading, record: &Record) -> String {
    let run = serde_json::to_string(&Run { heading, record }).expect("a run has an encoding");
    let script = SCRIPT.concat();
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; base-uri 'none'; form-action 'none'",
        source(&script),
        source(STYLE),
    );
    // Each part goes where the template says, and is not searched for the next one's place.
    let parts = [("policy", policy), ("style", STYLE.into()), ("run", inert(&run))];
    let parts = parts.into_iter().chain([("script", script)]);
    let (mut page, mut rest) = (String::new(), PAGE);
    for (name, part) in parts {
        let (before, after) =
            rest.split_once(&format!("{{{{{name}}}}}")).expect("the template has all places");
        page.extend([before, &part]);
        rest = after;
    }
    page + rest
}

/// A source of a policy: exactly this text.
fn source(text: &str) -> String {
    format!("sha512-{}", BASE64.encode(&Sha512::digest(text.as_bytes())))
}

/// JSON in which no character means anything to HTML.
fn inert(json: &str) -> String {
    json.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e")
}

#[cfg(test)]
mod tests;
