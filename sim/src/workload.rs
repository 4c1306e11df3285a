//! What organisations do: ask, and enter inputs, as the plan says.

use std::collections::{BTreeMap, BTreeSet};

use quorate_protocol::committee::PartyId;
use quorate_protocol::crypto::Digest;
use quorate_protocol::decision::proposal::{Proposal, Renewal};

use crate::plan::{Plan, Question, Vote};
use crate::schedule::MILLI;
use crate::trace::Asked;

/// Which questions are asked, and which of them are done.
pub struct Workload {
    questions: Vec<Question>,
    window: usize,
    asked: usize,
    /// Which question a proposal is.
    numbers: BTreeMap<Digest, usize>,
    /// Questions that hold up the next ones.
    open: BTreeSet<usize>,
    /// Questions that were decided, under whatever name.
    decided: BTreeSet<usize>,
    /// Questions that lapsed, which their proposers ask again in the next epoch.
    lapsed: BTreeSet<(PartyId, usize)>,
    /// Who has been told to vote on what; the flag is the twin's.
    told: BTreeSet<(PartyId, bool, Digest)>,
}

impl Workload {
    /// The workload of a plan.
    pub fn new(plan: &Plan) -> Self {
        Self {
            questions: plan.questions.clone(),
            window: plan.window,
            asked: 0,
            numbers: BTreeMap::new(),
            open: BTreeSet::new(),
            decided: BTreeSet::new(),
            lapsed: BTreeSet::new(),
            told: BTreeSet::new(),
        }
    }

    /// The next question to ask now, if one may be open beside those that are.
    pub fn begin(&mut self) -> Option<usize> {
        if self.open.len() >= self.window || self.asked == self.questions.len() {
            return None;
        }
        let number = self.asked;
        self.asked += 1;
        self.open.insert(number);
        Some(number)
    }

    /// Who asks a question.
    pub fn proposer(&self, number: usize) -> Option<PartyId> {
        Some(self.questions.get(number)?.proposer)
    }

    /// A question as it is asked at this time, in milliseconds since 1970.
    pub fn proposal(&self, number: usize, utc_ms: u64) -> Option<Proposal> {
        let question = self.questions.get(number)?;
        let mut nonce = [0; 16];
        let (low, _) = nonce.split_at_mut(8);
        low.copy_from_slice(&(number as u64).to_le_bytes());
        Some(Proposal {
            title: format!("{} {number}", if question.refresh { "Refresh" } else { "Question" }),
            text: String::new(),
            rule: question.rule.clone(),
            deadline_ms: utc_ms + question.deadline / MILLI,
            minimum: question.minimum,
            nonce,
            document: None,
            renewal: if question.refresh { Renewal::Refresh } else { Renewal::None },
        })
    }

    /// A question was taken, under this digest.
    pub fn taken(&mut self, number: usize, digest: Digest) {
        self.numbers.insert(digest, number);
    }

    /// A question holds nothing up any more: it is decided, or nobody can tell whether it will be.
    pub fn close(&mut self, number: usize) {
        self.open.remove(&number);
    }

    /// A question is decided. It is not asked again, though twins asked it twice and one of the two
    /// lapsed.
    pub fn decided(&mut self, number: usize) {
        self.decided.insert(number);
        self.close(number);
    }

    /// A question had no position when the epoch ended.
    pub fn lapse(&mut self, number: usize, proposer: PartyId) {
        self.lapsed.insert((proposer, number));
    }

    /// The questions of a proposer that lapsed, to be asked again.
    pub fn lapsed(&mut self, proposer: PartyId) -> Vec<usize> {
        let lapsed = self.lapsed.iter().filter(|(of, _)| *of == proposer).copied();
        let lapsed: Vec<_> = lapsed.collect();
        self.lapsed.retain(|(of, _)| *of != proposer);
        let numbers = lapsed.into_iter().map(|(_, number)| number);
        numbers.filter(|number| !self.decided.contains(number)).collect()
    }

    /// Which question a proposal is.
    pub fn number(&self, digest: &Digest) -> Option<usize> {
        self.numbers.get(digest).copied()
    }

    /// Which question a proposal is, if it is one, for the story.
    pub fn asked(&self, digest: &Digest) -> Asked {
        Asked(self.number(digest))
    }

    /// A party, or its twin, has just learnt of a proposal: its vote, the first time.
    pub fn vote(&mut self, party: PartyId, twin: bool, digest: &Digest) -> Option<Vote> {
        let question = self.questions.get(self.number(digest)?)?;
        let vote = question.votes.get(party.index()).copied().flatten()?;
        self.told.insert((party, twin, *digest)).then_some(vote)
    }

    /// What a party that started again tries to enter: something else wherever it was told to vote.
    pub fn votes_again(&self, party: PartyId) -> Vec<(Digest, Vote)> {
        let told = self.told.iter().filter(|(of, twin, _)| *of == party && !twin);
        told.filter_map(|(_, _, digest)| {
            let question = self.questions.get(self.number(digest)?)?;
            let vote = question.votes.get(party.index()).copied().flatten()?;
            Some((*digest, Vote { value: vote.twin, ..vote }))
        })
        .collect()
    }

    /// How many questions there are.
    pub fn len(&self) -> usize {
        self.questions.len()
    }

    /// Whether there are no questions.
    pub fn is_empty(&self) -> bool {
        self.questions.is_empty()
    }
}
