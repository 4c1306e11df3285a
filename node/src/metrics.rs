//! What is counted for Prometheus, and the text that it scrapes.
//!
//! # Guarantees
//! No name, label or value depends on a vote before the outcome is certified: what is counted here
//! is who has sent something and when, and of a decision its outcome, which is public then. How long
//! things take depends on the machine and the network, not on votes.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use quorate_protocol::PartyId;
use quorate_protocol::committee::PartySet;
use quorate_protocol::crypto::Digest;
use quorate_protocol::decision::certificate::Outcome;
use quorate_protocol::party::Notice;

use crate::NodeStatus;
use crate::api::health;
use crate::certificate_file::name;
use crate::roster::Network;

/// The type of the text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels<const N: usize> = [(&'static str, String); N];
type Gauges<const N: usize> = Family<Labels<N>, Gauge<f64, std::sync::atomic::AtomicU64>>;
type Counters<const N: usize> = Family<Labels<N>, Counter>;

/// What was counted since the node was started. Clones count together.
#[derive(Clone, Debug)]
pub struct Counted {
    decisions: Counters<1>,
    included: Counters<1>,
    excluded: Counters<1>,
    seconds: Histogram,
    phases: Family<Labels<1>, Histogram, fn() -> Histogram>,
    durable: Histogram,
}

impl Default for Counted {
    fn default() -> Self {
        Self {
            decisions: Counters::default(),
            included: Counters::default(),
            excluded: Counters::default(),
            seconds: seconds(),
            phases: Family::new_with_constructor(seconds),
            durable: Histogram::new(exponential_buckets(0.000_25, 2.0, 14)),
        }
    }
}

/// From 5 ms to 12 hours.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.005, 3.0, 15))
}

/// Counts what a node tells people, as it happens.
#[derive(Debug, Default)]
pub struct Observer {
    counted: Counted,
    /// Decisions that are going on: when each was first heard of, and its phase and that one's begin.
    going_on: BTreeMap<Digest, (Instant, &'static str, Instant)>,
    /// When which batch of records was handed over to be written.
    batches: BTreeMap<u64, Instant>,
}

impl Observer {
    /// What was counted, to be read elsewhere.
    pub fn counted(&self) -> Counted {
        self.counted.clone()
    }

    /// Something has changed.
    pub fn notice(&mut self, notice: &Notice, now: Instant) {
        match notice {
            Notice::Proposed { decision } => {
                self.going_on.entry(*decision).or_insert((now, "proposed", now));
            }
            Notice::Ordered { decision, .. } => self.enters(decision, "open", now),
            Notice::Sealed { decision } => self.enters(decision, "sealed", now),
            Notice::Computing { decision } => self.enters(decision, "computing", now),
            Notice::Certified { decision, .. } => {
                self.leaves(decision, now);
                if let Some((first, ..)) = self.going_on.remove(decision) {
                    self.counted.seconds.observe(now.duration_since(first).as_secs_f64());
                }
            }
            Notice::Lapsed { decision } => drop(self.going_on.remove(decision)),
            _ => {}
        }
    }

    /// A decision is certified: with this outcome, and the votes of these members.
    pub fn certified(&mut self, outcome: Outcome, counted: PartySet, network: &Network) {
        let word = crate::api::model::Outcome::from(outcome).word();
        self.counted.decisions.get_or_create(&[("outcome", word.to_owned())]).inc();
        for member in network.committee().parties() {
            let inputs = match counted.contains(member) {
                true => &self.counted.included,
                false => &self.counted.excluded,
            };
            inputs.get_or_create(&org(network, member)).inc();
        }
    }

    /// A batch of records is handed over to be written.
    pub fn handed_over(&mut self, batch: u64, now: Instant) {
        self.batches.insert(batch, now);
    }

    /// All batches up to this one are durable.
    pub fn durable(&mut self, batch: u64, now: Instant) {
        let later = self.batches.split_off(&batch.saturating_add(1));
        for since in std::mem::replace(&mut self.batches, later).into_values() {
            self.counted.durable.observe(now.duration_since(since).as_secs_f64());
        }
    }

    fn enters(&mut self, decision: &Digest, phase: &'static str, now: Instant) {
        self.leaves(decision, now);
        if let Some((_, current, since)) = self.going_on.get_mut(decision) {
            (*current, *since) = (phase, now);
        }
    }

    fn leaves(&self, decision: &Digest, now: Instant) {
        if let Some((_, phase, since)) = self.going_on.get(decision) {
            let phase = self.counted.phases.get_or_create(&[("phase", (*phase).to_owned())]);
            phase.observe(now.duration_since(*since).as_secs_f64());
        }
    }
}

/// How old what can be rehearsed is, in seconds; `None` if it never was.
#[derive(Clone, Copy, Default, Debug)]
pub struct Ages {
    /// The last backup of the keys that are in use.
    pub backup: Option<u64>,
    /// The last time that one of these was tried out.
    pub drill: Option<u64>,
}

/// The text that Prometheus scrapes.
///
/// # Errors
/// None: writing to a string does not fail.
pub fn render(
    network: &Network,
    status: &NodeStatus,
    (margin, open_needing): (Option<usize>, usize),
    ages: Ages,
    counted: &Counted,
) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("quorate");
    let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("build", "The program", build);
    of_the_node(&mut registry, status, (margin, open_needing), ages);
    of_members(&mut registry, network, status);
    counted.register(&mut registry);
    let mut text = String::new();
    text::encode(&mut text, &registry)?;
    Ok(text)
}

fn of_the_node(
    registry: &mut Registry,
    status: &NodeStatus,
    (margin, open_needing): (Option<usize>, usize),
    ages: Ages,
) {
    let mut gauge = |name: &str, help: &str, value: i64| {
        let gauge = Gauge::<i64>::default();
        gauge.set(value);
        registry.register(name, help, gauge);
    };
    let party = &status.party;
    let whole = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let count = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
    gauge("uptime_seconds", "Since the node was started", whole(status.uptime_seconds));
    gauge("epoch", "Of the network's keys", whole(status.epoch));
    gauge(
        "faults_tolerated_now",
        "How many more members may fail; -1 if it is too many already",
        margin.map_or(-1, count),
    );
    gauge("decisions_open", "Decisions that are not certified here", count(status.open.len()));
    let help = "Decisions that this organisation can still vote on";
    gauge("decisions_needing_vote", help, count(open_needing));
    gauge("ledger_positions", "Positions of the ledger in use", whole(party.positions));
    gauge("preprocessing_running", "Whether a run is going on", party.run_in_progress.into());
    gauge(
        "listening_only",
        "Whether a restored node, or one on an older copy, only listens",
        health::listens(status).into(),
    );
    gauge("refresh_running", "Whether keys are being refreshed", status.refresh.is_some().into());
    for (name, help, age) in [
        (
            "backup_age_seconds",
            "Of the last backup of these keys; none if there is none",
            ages.backup,
        ),
        ("drill_age_seconds", "Of the last trial of a backup; none if there was none", ages.drill),
    ] {
        if let Some(age) = age {
            gauge(name, help, whole(age));
        }
    }
    let left = Family::<Labels<1>, Gauge>::default();
    for (kind, amount) in
        [("bits", party.bits_left), ("triples", party.triples_left), ("pairs", party.pairs_left)]
    {
        left.get_or_create(&[("kind", kind.to_owned())]).set(amount);
    }
    let help = "Random material that nothing has claimed; negative if decisions wait for it";
    registry.register("preprocessing_left", help, left);
    let stats = &party.stats;
    for (name, help, value) in [
        ("coins_tossed", "Common coins tossed in agreements", stats.coins),
        ("complaints", "Complaints about dealings that were proven", stats.complaints),
        ("recovered_shares", "Share vectors recovered from others", stats.recovered),
        (
            "corrected_openings",
            "Openings in which wrong shares were corrected",
            stats.corrected_openings,
        ),
        ("refills", "Finished preprocessing runs", stats.refills),
    ] {
        let counter = Counter::<u64>::default();
        counter.inc_by(value);
        registry.register(name, help, counter);
    }
}

fn of_members(registry: &mut Registry, network: &Network, status: &NodeStatus) {
    let (up, rtt) = (Gauges::<1>::default(), Gauges::<1>::default());
    let clock = Gauges::<1>::default();
    let (kept, waiting) = (Gauges::<1>::default(), Gauges::<1>::default());
    let lost = Counters::<1>::default();
    for peer in &status.peers {
        let org = org(network, peer.party);
        up.get_or_create(&org).set(f64::from(u8::from(peer.connected)));
        if let Some(micros) = peer.round_trip_us {
            rtt.get_or_create(&org).set(std::time::Duration::from_micros(micros).as_secs_f64());
        }
        if let Some(ms) = peer.clock_ahead_ms {
            clock.get_or_create(&org).set(ms as f64 / 1000.0);
        }
        kept.get_or_create(&org).set(peer.kept_bytes as f64);
        waiting.get_or_create(&org).set(peer.unacked_bytes as f64);
        lost.get_or_create(&org).inc_by(peer.lost_frames);
    }
    registry.register("peer_up", "Whether the member is connected", up);
    registry.register("peer_rtt_seconds", "There and back, when last measured", rtt);
    registry.register("peer_clock_ahead_seconds", "Of this node's clock, at least", clock);
    registry.register("buffer_bytes", "What the member has this node keep for later", kept);
    registry.register("unacknowledged_bytes", "On their way to the member", waiting);
    registry.register("lost_frames", "Will not reach the member, which was away too long", lost);
    let (evidence, invalid) = (Counters::<2>::default(), Counters::<2>::default());
    for fault in &status.party.faults {
        let [org] = org(network, fault.member);
        let family = if fault.provable { &evidence } else { &invalid };
        family.get_or_create(&[org, ("kind", fault.what.clone())]).inc_by(fault.times);
    }
    registry.register("evidence", "Provable faults of the member", evidence);
    registry.register("invalid_messages", "Other faults of the member", invalid);
}

impl Counted {
    fn register(&self, registry: &mut Registry) {
        let Self { decisions, included, excluded, seconds, phases, durable } = self;
        registry.register("decisions", "Certified decisions", decisions.clone());
        registry.register("inputs_included", "Votes of the member that count", included.clone());
        let help = "Decisions without a vote of the member: absent, abstained or too late";
        registry.register("inputs_excluded", help, excluded.clone());
        let help = "From a proposal's arrival to its certificate";
        registry.register("decision_seconds", help, seconds.clone());
        registry.register("phase_seconds", "Time in each phase", phases.clone());
        let help = "From handing records over to their being durable";
        registry.register("wal_fsync_seconds", help, durable.clone());
    }
}

fn org(network: &Network, member: PartyId) -> Labels<1> {
    [("org", name(network, member))]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use quorate_protocol::party::view::FaultCount;

    use super::*;
    use crate::api::sample::{network, node, set};

    fn text(status: &NodeStatus, counted: &Counted) -> String {
        let ages = Ages { backup: Some(90), drill: None };
        render(&network(), status, (Some(1), 2), ages, counted).unwrap()
    }

    #[track_caller]
    fn has(text: &str, lines: &[&str]) {
        for line in lines {
            assert!(text.lines().any(|l| l == *line), "{line:?} is not in\n{text}");
        }
    }

    #[test]
    fn what_a_node_knows_has_the_names_that_are_documented() {
        let mut status = node(2);
        status.peers[0].round_trip_us = Some(1_500);
        status.peers[0].clock_ahead_ms = Some(-2_500);
        status.peers[0].kept_bytes = 77;
        status.peers[1].unacked_bytes = 512;
        status.peers[2].lost_frames = 4;
        let fault = |provable, times| FaultCount {
            member: PartyId::new(3),
            what: "a second word".into(),
            times,
            provable,
        };
        status.party.faults = vec![fault(true, 2), fault(false, 3)];
        let text = text(&status, &Counted::default());
        has(
            &text,
            &[
                concat!("quorate_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
                "quorate_peer_up{org=\"org 1\"} 1.0",
                "quorate_peer_up{org=\"org 3\"} 0.0",
                "quorate_peer_rtt_seconds{org=\"org 1\"} 0.0015",
                "quorate_peer_clock_ahead_seconds{org=\"org 1\"} -2.5",
                "quorate_buffer_bytes{org=\"org 1\"} 77.0",
                "quorate_unacknowledged_bytes{org=\"org 2\"} 512.0",
                "quorate_lost_frames_total{org=\"org 3\"} 4",
                "quorate_evidence_total{org=\"org 3\",kind=\"a second word\"} 2",
                "quorate_invalid_messages_total{org=\"org 3\",kind=\"a second word\"} 3",
                "quorate_preprocessing_left{kind=\"triples\"} 293",
                "quorate_faults_tolerated_now 1",
                "quorate_decisions_needing_vote 2",
                "quorate_backup_age_seconds 90",
                "# EOF",
            ],
        );
        assert!(!text.contains("drill_age"), "there was none");
        assert!(!text.contains("rtt_seconds{org=\"org 2\"}"), "it was not measured");
    }

    #[test]
    fn a_decision_is_counted_when_it_is_certified_and_not_before() {
        let (mut observer, network, start) = (Observer::default(), network(), Instant::now());
        let decision = Digest::from([9; 32]);
        let at = |s: u64| start + Duration::from_secs(s);
        observer.notice(&Notice::Proposed { decision }, at(0));
        observer.notice(&Notice::Ordered { decision, position: 0 }, at(1));
        observer.notice(&Notice::Sealed { decision }, at(11));
        observer.notice(&Notice::Computing { decision }, at(11));
        let before = text(&node(3), &observer.counted());
        has(&before, &["quorate_phase_seconds_sum{phase=\"open\"} 10.0"]);
        has(&before, &["quorate_decision_seconds_count 0"]);
        assert!(!before.contains("outcome=") && !before.contains("inputs_included_total{"));
        observer.notice(&Notice::Certified { decision, position: 0 }, at(12));
        observer.certified(Outcome::Rejected, set(&[0, 1, 3]), &network);
        has(
            &text(&node(3), &observer.counted()),
            &[
                "quorate_decisions_total{outcome=\"rejected\"} 1",
                "quorate_decision_seconds_sum 12.0",
                "quorate_inputs_included_total{org=\"org 3\"} 1",
                "quorate_inputs_excluded_total{org=\"org 2\"} 1",
                "quorate_phase_seconds_sum{phase=\"computing\"} 1.0",
                "quorate_phase_seconds_sum{phase=\"proposed\"} 1.0",
            ],
        );
        assert!(observer.going_on.is_empty());
    }

    #[test]
    fn whoever_only_listens_says_so_for_either_reason() {
        let listening = |older_copy, returning| {
            let mut status = NodeStatus { older_copy, ..node(3) };
            status.party.returning = returning;
            let text = text(&status, &Counted::default());
            text.contains("quorate_listening_only 1")
        };
        assert!(!listening(false, None));
        assert!(listening(true, None) && listening(false, Some(set(&[1]))));
    }

    #[test]
    fn records_are_timed_until_they_are_durable() {
        let (mut observer, start) = (Observer::default(), Instant::now());
        for batch in 1..=3 {
            observer.handed_over(batch, start);
        }
        observer.durable(2, start + Duration::from_millis(500));
        has(
            &text(&node(3), &observer.counted()),
            &["quorate_wal_fsync_seconds_count 2", "quorate_wal_fsync_seconds_sum 1.0"],
        );
        assert_eq!(observer.batches.len(), 1);
    }
}
