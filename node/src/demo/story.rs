//! What the demo tells: a story on standard error, the results on standard output.

use std::time::Duration;

use serde_json::json;

use super::cluster::Made;
use super::latency::{Latencies, ms};
use super::plan::Plan;
use crate::api::model::{Decision, Outcome};
use crate::certificate_file::Verified;
use crate::cli::signed_by;
use crate::cli::terminal::{Paint, Terminal, names};
use crate::cli::time;

/// Tells the story.
pub struct Story {
    terminal: Terminal,
}

/// How it went.
#[derive(Default)]
pub struct Told {
    /// Setting up, making keys, starting.
    pub started: Duration,
    /// The keys.
    pub made: Made,
    /// Connecting and making the first material.
    pub stocked: Duration,
    /// From the last vote handed in to the certificate at every node.
    pub latencies: Latencies,
    /// Who was killed.
    pub killed: Vec<String>,
    /// The last decision.
    pub decision: Option<Decision>,
    /// Its certificate.
    pub verified: Option<Verified>,
}

impl Story {
    /// A story on this terminal.
    pub const fn new(terminal: Terminal) -> Self {
        Self { terminal }
    }

    /// What is being done, while it takes time: on a terminal only.
    pub fn working(&self, what: &str) {
        if self.terminal.redraws() {
            let what = self.terminal.painted_talk(Paint::Faint, what);
            self.terminal.progress(format_args!("  {what} .."));
        }
    }

    fn field(&self, name: &str, text: &str, took: Option<Duration>) {
        self.terminal.settle();
        let took = took.map(|took| format!("  ({})", time::length(took))).unwrap_or_default();
        let took = self.terminal.painted_talk(Paint::Faint, took);
        self.terminal.say(format_args!("  {name:<10} {text}{took}"));
    }

    /// Who takes part, what is decided, and what stays secret.
    pub fn begin(&self, plan: &Plan) {
        let (n, t) = (plan.committee.n(), plan.committee.t());
        self.terminal.say(format_args!(
            "{n} organisations that do not trust each other decide together, without an arbiter."
        ));
        self.terminal.say("");
        self.field("who", &names(&plan.names), None);
        self.field("tolerates", &format!("any {t} of them lying, late or dead"), None);
        if plan.absent > 0 {
            let absent = plan.names.get(plan.present()..).unwrap_or_default();
            let never = if plan.absent == 1 { "never starts" } else { "never start" };
            self.field("absent", &format!("{} {never}", names(absent)), None);
        }
        self.field("rule", &format!("{}, a vote is {}", plan.rule, plan.rule.input()), None);
        self.field("secret", "every vote, and anything about them but the outcome", None);
        self.field("public", "the proposal, who voted, and the outcome", None);
        self.terminal.say("");
    }

    /// The keys are made, and the nodes run.
    pub fn started(&self, plan: &Plan, told: &Told) {
        let text = format!("{} nodes, each a process of its own, on loopback", plan.present());
        self.field("started", &text, Some(told.started));
        let made = &told.made;
        let text = format!("made by all {} together: nobody holds them whole", plan.present());
        self.field("keys", &text, Some(Duration::from_millis(made.took_ms)));
        self.field("key", &made.certificate_key, None);
    }

    /// The nodes hold material.
    pub fn stocked(&self, plan: &Plan, took: Duration) {
        let text = format!("random material made by all {} together", plan.present());
        self.field("stocked", &text, Some(took));
    }

    /// A proposal is open at every node.
    pub fn proposed(
        &self,
        plan: &Plan,
        number: usize,
        title: &str,
        position: Option<u64>,
        took: Duration,
    ) {
        if plan.decisions > 1 {
            self.working(&format!("decision {number} of {}", plan.decisions));
            return;
        }
        let position = position.map(|p| format!(", ledger position {p}")).unwrap_or_default();
        self.field("proposed", &format!("\"{title}\"{position}"), Some(took));
        if plan.absent > 0 {
            self.working("waiting for the absent until the deadline");
        }
    }

    /// Nodes were killed.
    pub fn killed(&self, killed: &[String]) {
        let text = format!("{}, with all votes at the others", names(killed));
        self.field("killed", &text, None);
    }

    /// A decision is certified at every node.
    pub fn decided(
        &self,
        plan: &Plan,
        number: usize,
        decision: &Decision,
        nodes: usize,
        latency: Duration,
    ) {
        if number < plan.decisions {
            return;
        }
        let counted = decision.counted.as_deref().unwrap_or_default();
        self.field("counted", &names(counted), None);
        if !decision.abstained.is_empty() {
            self.field("abstained", &names(&decision.abstained), None);
        }
        let same = "the same at all, and the rule's on these votes";
        let text = format!("at {nodes} nodes, {same}");
        self.field("decided", &text, Some(latency));
    }

    /// The results.
    pub fn end(&self, plan: &Plan, told: &Told) {
        let (Some(decision), Some(verified)) = (&told.decision, &told.verified) else {
            return;
        };
        self.terminal.settle();
        let (p50, p99) = (told.latencies.percentile(50), told.latencies.percentile(99));
        if self.terminal.json {
            self.terminal.object(&json!({
                "organisations": plan.names,
                "tolerates": plan.committee.t(),
                "rule": plan.rule.to_string(),
                "absent": plan.names.get(plan.present()..).unwrap_or_default(),
                "killed": told.killed,
                "decisions": told.latencies.len(),
                "outcome": verified.outcome,
                "counted": decision.counted,
                "certificate": "verified",
                "signatures": verified.signatures,
                "network_key": told.made.certificate_key,
                "key_generation_ms": told.made.took_ms,
                "key_generation_bytes": told.made.bytes_sent,
                "started_ms": ms(told.started),
                "stocked_ms": ms(told.stocked),
                "latency_ms": { "p50": ms(p50), "p99": ms(p99) },
            }));
            return;
        }
        self.terminal.say("");
        if plan.decisions > 1 {
            self.terminal.line(format_args!(
                "latency: p50 {} ms, p99 {} ms, {} decisions, last vote to all certificates",
                ms(p50),
                ms(p99),
                told.latencies.len()
            ));
        }
        let paint = match verified.outcome {
            Outcome::Accepted => Paint::Good,
            Outcome::Rejected | Outcome::Expired => Paint::Bad,
        };
        let outcome = self.terminal.painted(paint, verified.outcome.word());
        self.terminal.line(format_args!("outcome: {outcome}"));
        let good = self.terminal.painted(Paint::Good, "verified");
        self.terminal.line(format_args!("certificate: {good}"));
        self.terminal.say(format_args!(
            "signed {}; checked offline, as anybody can",
            signed_by(verified.signatures, verified.members)
        ));
    }
}
