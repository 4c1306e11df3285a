//! What people may see of a party: nothing in it depends on a vote.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::committee::{PartyId, PartySet};
use crate::crypto::transcript::Digest;
use crate::decision::certificate::{Certificate, Outcome, Statement};
use crate::decision::life::{Decision, Phase};
use crate::decision::proposal::{DecisionId, Proposal};
use crate::keys::GroupSignature;
use crate::math::Fp61;
use crate::mpc::preprocessing::{Batch, RunStats};
use crate::party::{Party, Suite};

/// One decision, as people see it.
#[derive(Clone, Debug, Serialize)]
pub struct DecisionView {
    /// Its name for people: `dec_` and eight characters.
    pub id: String,
    /// Digest of the proposal.
    pub digest: Digest,
    /// Its ledger position, once ordered.
    pub position: Option<u64>,
    /// Who proposed it.
    pub proposer: PartyId,
    /// What is decided.
    pub proposal: Proposal,
    /// Where it stands here.
    pub phase: Phase,
    /// Members whose vote or abstention is in.
    pub voted: PartySet,
    /// Those of them who abstained.
    pub abstained: PartySet,
    /// Whether this member voted.
    pub i_voted: bool,
    /// Members whose votes count, once sealed.
    pub counted: Option<PartySet>,
    /// The outcome, once certified.
    pub outcome: Option<Outcome>,
    /// Whether the document that the proposal names is here.
    pub document_here: bool,
    /// Whether this node only follows it, because it may have forgotten what it said in it.
    pub follows: bool,
    /// What it waits for, in words.
    pub waiting: String,
}

impl DecisionView {
    /// One that waits for its position.
    pub(super) fn new(
        digest: Digest,
        proposer: PartyId,
        proposal: &Proposal,
        document_here: bool,
    ) -> Self {
        Self {
            id: DecisionId::of(&digest).to_string(),
            digest,
            position: None,
            proposer,
            proposal: proposal.clone(),
            phase: Phase::Proposed,
            voted: PartySet::EMPTY,
            abstained: PartySet::EMPTY,
            i_voted: false,
            counted: None,
            outcome: None,
            document_here,
            follows: false,
            waiting: "a ledger position".into(),
        }
    }

    /// It is decided.
    pub(super) fn certified(&mut self, position: u64, statement: &Statement) {
        self.position = Some(position);
        self.phase = Phase::Certified;
        self.counted = Some(statement.counted);
        self.voted = statement.counted;
        self.outcome = Some(statement.outcome);
        self.waiting = String::new();
    }
}

/// One party, as people see it.
#[derive(Clone, Debug, Serialize)]
pub struct StatusView {
    /// Finished slots of the ledger.
    pub slots: u64,
    /// Ordered proposals.
    pub positions: u64,
    /// Those of them whose outcomes are known here: not what was before this member came.
    pub certified: u64,
    /// Open ones of them.
    pub open: u64,
    /// Random bits left that nothing has claimed; negative if claims wait.
    pub bits_left: i64,
    /// Triples left that nothing has claimed; negative if claims wait.
    pub triples_left: i64,
    /// Nonce pairs left that nothing has claimed; negative if claims wait.
    pub pairs_left: i64,
    /// Finished preprocessing runs.
    pub runs: u64,
    /// Whether one is going on.
    pub run_in_progress: bool,
    /// Members that a party restored from a backup waits to hear from; `None` once it takes part.
    pub returning: Option<PartySet>,
    /// Whether it came back from a backup, and still says nothing in the next slot, or in the next
    /// broadcasts of proposals: the next slot ends that.
    pub half_back: bool,
    /// Whether it was restored too late to get a share in the refresh that has begun: it takes part in
    /// nothing after it.
    pub left_behind: bool,
    /// Faults seen, by member and kind.
    pub faults: Vec<FaultCount>,
    /// What was exercised.
    pub stats: Stats,
}

/// How often a member did what no honest member does.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct FaultCount {
    /// Who.
    pub member: PartyId,
    /// What.
    pub what: String,
    /// How often.
    pub times: u64,
    /// Whether it can be proved to others.
    pub provable: bool,
}

/// What a party has been through, for tests and simulations to see that it was exercised.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Stats {
    /// Real coins tossed in agreements.
    pub coins: u64,
    /// Complaints about dealings that were proven.
    pub complaints: u64,
    /// Share vectors recovered from others.
    pub recovered: u64,
    /// Openings or decisions in which wrong shares were corrected.
    pub corrected_openings: u64,
    /// Inputs that were left out of a sealed set.
    pub excluded_inputs: u64,
    /// Finished preprocessing runs.
    pub refills: u64,
}

impl std::ops::AddAssign for Stats {
    fn add_assign(&mut self, other: Self) {
        self.coins += other.coins;
        self.complaints += other.complaints;
        self.recovered += other.recovered;
        self.corrected_openings += other.corrected_openings;
        self.excluded_inputs += other.excluded_inputs;
        self.refills += other.refills;
    }
}

impl Stats {
    pub(super) const fn add_run(&mut self, run: RunStats) {
        self.coins += run.coins as u64;
        self.complaints += run.complaints as u64;
        self.recovered += run.recovered as u64;
        self.corrected_openings += run.corrected_openings as u64;
    }
}

impl<S: Suite> Party<S> {
    /// All decisions, ordered ones first, in order.
    pub fn decisions(&self) -> Vec<DecisionView> {
        let ordered = self.ledger.entries().iter().map(|entry| self.view_of(entry.position));
        ordered.flatten().chain(self.unordered()).collect()
    }

    /// Those that are not certified here, ordered ones first, in order.
    pub fn undecided(&self) -> Vec<DecisionView> {
        let open = self.deciding.open().map(|decision| self.view_of(decision.entry().position));
        open.flatten().chain(self.unordered()).collect()
    }

    /// One decision.
    pub fn decision(&self, digest: &Digest) -> Option<DecisionView> {
        if let Some(entry) = self.ledger.find(digest) {
            return self.view_of(entry.position);
        }
        let (id, proposal) = self
            .ordering
            .unordered()
            .find(|(_, proposal)| self.ledger.digest_of(proposal) == *digest)?;
        Some(self.waiting_view(id.proposer, proposal))
    }

    /// The certificate of a decision.
    pub fn certificate(&self, digest: &Digest) -> Option<&Certificate> {
        let certified = self.deciding.certified(self.ledger.find(digest)?.position)?;
        Some(&certified.certificate)
    }

    /// The network's signature over the document of a decision that was accepted.
    pub fn document_signature(&self, digest: &Digest) -> Option<&GroupSignature> {
        self.deciding.certified(self.ledger.find(digest)?.position)?.document.as_ref()
    }

    /// Our shares of what a preprocessing run produced, until all of it is spent: as secret as they
    /// are, for whoever simulates all members and checks that the shares fit.
    pub fn material(&self, run: u64) -> Option<&Batch<Fp61>> {
        self.stock.batch(run)
    }

    /// How this party is.
    pub fn status(&self) -> StatusView {
        let (bits_left, triples_left, pairs_left) = self.stock.left();
        let open = self.deciding.open().count() as u64;
        let positions = self.ledger.next_position();
        StatusView {
            slots: self.ledger.next_slot(),
            positions,
            certified: positions - self.ledger.first_position() - open,
            open,
            bits_left,
            triples_left,
            pairs_left,
            runs: self.production.next(),
            run_in_progress: self.production.in_progress(),
            returning: self.returning.as_ref().map(|returning| returning.silent(self.me())),
            half_back: self.is_half_back(),
            left_behind: self.is_barred_from_refresh() && self.refresh().is_some(),
            faults: self.fault_counts(),
            stats: self.stats(),
        }
    }

    /// What was exercised so far, in finished and current instances.
    pub fn stats(&self) -> Stats {
        let mut stats = self.stats;
        for run in self.production.stats() {
            stats.add_run(run);
        }
        stats.coins += self.slot_coins();
        stats.coins += self.deciding.open().map(|d| u64::from(d.coins_tossed())).sum::<u64>();
        stats
    }

    fn fault_counts(&self) -> Vec<FaultCount> {
        let mut counts: Vec<FaultCount> = Vec::new();
        for (member, kinds) in self.faults.iter() {
            let kinds: &BTreeMap<_, _> = kinds;
            counts.extend(kinds.iter().map(|(kind, times)| FaultCount {
                member,
                what: kind.to_string(),
                times: *times,
                provable: self.is_proven(member, *kind),
            }));
        }
        counts
    }

    /// Those without a position.
    fn unordered(&self) -> impl Iterator<Item = DecisionView> {
        self.ordering.unordered().map(|(id, proposal)| self.waiting_view(id.proposer, proposal))
    }

    fn waiting_view(&self, proposer: PartyId, proposal: &Proposal) -> DecisionView {
        let digest = self.ledger.digest_of(proposal);
        DecisionView::new(digest, proposer, proposal, self.document(&digest).is_some())
    }

    fn view_of(&self, position: u64) -> Option<DecisionView> {
        let entry = self.ledger.entry(position)?;
        let mut view = self.waiting_view(entry.id.proposer, &entry.proposal);
        view.position = Some(position);
        view.i_voted = self.deciding.voted(position);
        if let Some(certified) = self.deciding.certified(position) {
            view.certified(position, &certified.certificate.statement);
        } else if let Some(decision) = self.deciding.decision(position) {
            (view.voted, view.abstained) = decision.voted();
            view.phase = decision.phase();
            view.counted = decision.counted();
            view.follows = decision.follows();
            view.waiting = self.waiting_for(decision);
        }
        Some(view)
    }

    fn waiting_for(&self, decision: &Decision<S::Coin>) -> String {
        if decision.follows() {
            return "the certificate from the others".into();
        }
        let missing = self.committee().n() - decision.voted().0.len();
        match decision.phase() {
            Phase::Proposed => "a ledger position".into(),
            Phase::Open if !decision.supplied() => "preprocessed material".into(),
            Phase::Open if missing == 0 => "agreement on the input set".into(),
            Phase::Open if missing == 1 => "1 more vote, or the deadline".into(),
            Phase::Open => format!("{missing} more votes, or the deadline"),
            Phase::Sealed => "preprocessed material".into(),
            Phase::Computing => "shares and signatures of a quorum".into(),
            Phase::Certified => String::new(),
        }
    }
}
