//! Open decisions and their certificates (P3).

use std::collections::{BTreeMap, BTreeSet};

use crate::committee::{Committee, PartyId, PartyMap, PartySet};
use crate::crypto::transcript::Digest;
use crate::decision::ballot::Ballot;
use crate::decision::certificate::Certificate;
use crate::decision::certifying::{Certified, Ready};
use crate::decision::life::{self, Decision, News};
use crate::decision::proposal::{Proposal, ProposalId};
use crate::fault::DecisionFault;
use crate::keys::GroupSignature;
use crate::keys::signing::Purpose;
use crate::limits;
use crate::party::event::{Alarm, Answer, Notice, Receipt, Refusal, RequestId, When};
use crate::party::journal::{Call, Instance};
use crate::party::records::{Key, Signs, delete, put};
use crate::party::sink::Sink;
use crate::party::{CoinShare, Message, Party, Suite};
use crate::secret::Secret;
use crate::wire;

/// Messages, with their senders and sizes.
type Early<S> = Vec<(PartyId, usize, life::Message<CoinShare<S>>)>;

/// Decisions that are open here, and certificates of those that are not.
pub(super) struct Deciding<S: Suite> {
    open: BTreeMap<u64, Decision<S::Coin>>,
    certified: BTreeMap<u64, Certified>,
    /// What is said to be certified at positions that are not ordered here yet.
    foretold: BTreeMap<u64, Foretold>,
    /// What our nonce pairs signed.
    signs: BTreeMap<u64, Signs>,
    /// Positions at which our ballot was sent.
    voted: BTreeSet<u64>,
    /// Votes that wait for a position or for masks.
    votes: BTreeMap<Digest, (RequestId, Secret<u64>)>,
    /// Messages for positions that are not open here yet.
    early: BTreeMap<u64, Early<S>>,
    early_bytes: PartyMap<usize>,
    /// Who got the certificate of which position after asking for nothing.
    answered: BTreeMap<u64, PartySet>,
}

/// A certificate that holds, and who says what was signed over the document besides.
struct Foretold {
    certificate: Certificate,
    said: BTreeMap<PartyId, Option<GroupSignature>>,
}

impl<S: Suite> Deciding<S> {
    pub(super) fn new(committee: Committee) -> Self {
        Self {
            open: BTreeMap::new(),
            certified: BTreeMap::new(),
            foretold: BTreeMap::new(),
            signs: BTreeMap::new(),
            voted: BTreeSet::new(),
            votes: BTreeMap::new(),
            early: BTreeMap::new(),
            early_bytes: PartyMap::new(committee),
            answered: BTreeMap::new(),
        }
    }

    pub(super) fn restore(
        &mut self,
        voted: BTreeSet<u64>,
        signs: BTreeMap<u64, Signs>,
        certified: BTreeMap<u64, Certified>,
    ) {
        self.voted = voted;
        self.signs = signs;
        self.certified = certified;
    }

    /// What the network signed at a position.
    pub(super) fn certified(&self, position: u64) -> Option<&Certified> {
        self.certified.get(&position)
    }

    /// The same for all positions from one on.
    pub(super) fn certified_from(&self, position: u64) -> impl Iterator<Item = (u64, &Certified)> {
        self.certified_in(position, u64::MAX)
    }

    /// The same from one position up to another: nothing if this one is before.
    pub(super) fn certified_in(
        &self,
        from: u64,
        to: u64,
    ) -> impl Iterator<Item = (u64, &Certified)> {
        let found = self.certified.range(from.min(to)..to);
        found.map(|(position, certified)| (*position, certified))
    }

    /// How many certificates are here.
    pub(super) fn certificates(&self) -> u64 {
        self.certified.len() as u64
    }

    /// The decision that is open at a position.
    pub(super) fn decision(&self, position: u64) -> Option<&Decision<S::Coin>> {
        self.open.get(&position)
    }

    /// All open decisions.
    pub(super) fn open(&self) -> impl Iterator<Item = &Decision<S::Coin>> {
        self.open.values()
    }

    /// Whether our ballot at a position was sent, in this run of the node or an earlier one.
    pub(super) fn voted(&self, position: u64) -> bool {
        self.voted.contains(&position)
    }

    /// How many proposals of a member are open.
    pub(super) fn open_by(&self, proposer: PartyId) -> usize {
        self.open.values().filter(|d| d.entry().id.proposer == proposer).count()
    }

    /// Deadlines of decisions that we take part in, by position.
    pub(super) fn deadlines(&self) -> Vec<(u64, u64)> {
        let open = self.open.iter().filter(|(_, decision)| !decision.follows());
        open.map(|(position, d)| (*position, d.entry().proposal.deadline_ms)).collect()
    }

    /// Whether it is written down that our share of this signature serves what is ready to be signed.
    pub(super) fn signed_before(&self, position: u64, purpose: Purpose, news: &[News]) -> bool {
        let ready = news.iter().find_map(|news| match news {
            News::Ready(ready) if ready.purpose == purpose => Some(ready),
            _ => None,
        });
        ready.is_some_and(|ready| {
            let signs = Signs { position, purpose, message: ready.message };
            self.signs.get(&ready.pair) == Some(&signs)
        })
    }

    /// Decisions on which a vote waits here.
    pub(super) fn waiting_votes(&self) -> impl Iterator<Item = Digest> {
        self.votes.keys().copied()
    }

    /// Forgets a vote that waits; returns the request it came with.
    pub(super) fn forget_vote(&mut self, decision: &Digest) -> Option<RequestId> {
        self.votes.remove(decision).map(|(request, _)| request)
    }

    /// Bytes of a peer's messages of positions that are not open.
    pub(super) fn kept_bytes(&self, peer: PartyId) -> usize {
        let kept = self.early.values().flatten().filter(|(from, ..)| *from == peer);
        kept.map(|(_, size, _)| size).sum()
    }

    /// The lowest position without a certificate.
    pub(super) fn first_uncertified(&self, next: u64) -> u64 {
        self.open.keys().next().copied().unwrap_or(next)
    }
}

impl<S: Suite> Party<S> {
    /// The proposal with this digest, ordered or waiting.
    pub(super) fn proposal(&self, digest: &Digest) -> Option<&Proposal> {
        if let Some(entry) = self.ledger.find(digest) {
            return Some(&entry.proposal);
        }
        let mut unordered = self.ordering.unordered().map(|(_, proposal)| proposal);
        unordered.find(|proposal| self.ledger.digest_of(proposal) == *digest)
    }

    /// Makes the instance of a position.
    pub(super) fn open(&mut self, position: u64, follows: bool, sink: &mut Sink<S>) {
        let Some(entry) = self.ledger.entry(position) else { return };
        let document = self.documents.get(&entry.id).cloned();
        if !follows {
            sink.journal.call(Instance::Decision(position), Call::Open(document.is_some()));
        }
        let decision = self.shared.decision(entry.clone(), document, follows);
        self.deciding.open.insert(position, decision);
    }

    /// Puts a decision in that was open before a restart.
    pub(super) fn reopen(&mut self, position: u64, decision: Decision<S::Coin>) {
        self.deciding.open.insert(position, decision);
    }

    /// Hands a document that has just come to the decision on it, if that is open.
    pub(super) fn hand_document(&mut self, id: ProposalId, sink: &mut Sink<S>) {
        let Some(bytes) = self.documents.get(&id).cloned() else { return };
        let mut open = self.deciding.open.iter_mut();
        let Some((position, decision)) = open.find(|(_, d)| d.entry().id == id) else { return };
        let (position, mut news) = (*position, Vec::new());
        if !decision.follows() {
            sink.journal.call(Instance::Decision(position), Call::Document);
        }
        let out = &mut sink.outbox().wrap(move |m| Message::Decision(position, m));
        decision.hand_document(&bytes, out, &mut news);
        self.on_news(position, news, sink);
    }

    /// A position has just been ordered.
    pub(super) fn opened(&mut self, position: u64, follows: bool, sink: &mut Sink<S>) {
        let Some(entry) = self.ledger.entry(position) else { return };
        let (decision, deadline) = (entry.digest, entry.proposal.deadline_ms);
        sink.notify(Notice::Ordered { decision, position });
        self.open(position, follows, sink);
        if let Some(Foretold { certificate, said }) = self.deciding.foretold.remove(&position) {
            for (from, document) in said {
                let certified = Certified { certificate: certificate.clone(), document };
                let m = life::Message::Certified(Box::new(certified));
                self.on_decision_message(from, position, m, sink);
            }
        }
        if self.deciding.open.contains_key(&position) {
            sink.timer(Alarm::Deadline(position), When::AtUtc(deadline));
        }
        for (from, size, message) in self.deciding.early.remove(&position).unwrap_or_default() {
            let bytes = &mut self.deciding.early_bytes[from];
            *bytes = bytes.saturating_sub(size);
            if self.deciding.open.get(&position).is_some_and(|decision| !decision.follows()) {
                sink.journal.call(Instance::Decision(position), Call::Late);
                self.handle_decision_message(from, position, message, sink);
            }
        }
        if follows {
            sink.journal.drop(Instance::Decision(position));
        }
        self.try_vote(position, sink);
    }

    pub(super) fn on_decision_message(
        &mut self,
        from: PartyId,
        position: u64,
        message: life::Message<CoinShare<S>>,
        sink: &mut Sink<S>,
    ) {
        let next = self.ledger.next_position();
        if position >= next {
            self.keep_early(from, position, message, sink);
            return;
        }
        let Some(decision) = self.deciding.open.get(&position) else {
            if !matches!(message, life::Message::Certified(_)) {
                self.answer_laggard(from, position, sink);
            }
            return;
        };
        let whose = (self.shared.keyring.me(), from);
        if decision.follows() || sink.journal.hear(Instance::Decision(position), whose, &message) {
            self.handle_decision_message(from, position, message, sink);
        }
    }

    /// Handles a message of a decision that is open, and noted unless we only follow it.
    fn handle_decision_message(
        &mut self,
        from: PartyId,
        position: u64,
        message: life::Message<CoinShare<S>>,
        sink: &mut Sink<S>,
    ) {
        let Some(decision) = self.deciding.open.get_mut(&position) else { return };
        let mut news = Vec::new();
        let out = &mut sink.outbox().wrap(move |m| Message::Decision(position, m));
        decision.handle(from, message, out, &mut news);
        self.on_news(position, news, sink);
    }

    /// Keeps a message for a position that is not ordered here yet.
    fn keep_early(
        &mut self,
        from: PartyId,
        position: u64,
        message: life::Message<CoinShare<S>>,
        sink: &mut Sink<S>,
    ) {
        if let life::Message::Certified(certified) = &message
            && certified.certificate.statement.position == position
        {
            let Certified { certificate, document } = &**certified;
            match self.deciding.foretold.get_mut(&position) {
                Some(foretold) if foretold.certificate.statement == certificate.statement => {
                    foretold.said.insert(from, *document);
                }
                None if certificate.verify(&self.shared.verifier).is_ok() => {
                    let (certificate, said) = (certificate.clone(), [(from, *document)].into());
                    self.deciding.foretold.insert(position, Foretold { certificate, said });
                    // Its slot has ended, and who certified forgets what ends it here.
                    self.ask(sink);
                }
                _ => sink.outbox().blame(from, DecisionFault::BadCertificate),
            }
            return;
        }
        let next = self.ledger.next_position();
        let size = wire::size(&message);
        let bytes = &self.deciding.early_bytes[from];
        if position < next + limits::POSITION_WINDOW
            && *bytes + size <= limits::MAX_EARLY_BYTES
            && sink.journal.keep(Instance::Decision(position), from, &message)
        {
            self.keep_early_again(from, position, message);
        }
    }

    /// Keeps a message for a position that is not ordered here, now or before a restart.
    pub(super) fn keep_early_again(
        &mut self,
        from: PartyId,
        position: u64,
        message: life::Message<CoinShare<S>>,
    ) {
        let size = wire::size(&message);
        self.deciding.early_bytes[from] += size;
        self.deciding.early.entry(position).or_default().push((from, size, message));
    }

    /// Whoever still speaks in a decision that is certified here gets the certificate, once.
    fn answer_laggard(&mut self, from: PartyId, position: u64, sink: &mut Sink<S>) {
        if from == self.me() || position + limits::POSITION_WINDOW < self.ledger.next_position() {
            return;
        }
        let Some(certified) = self.deciding.certified.get(&position) else { return };
        if self.deciding.answered.entry(position).or_default().insert(from) {
            let m = life::Message::Certified(Box::new(certified.clone()));
            sink.outbox().send_to(from, Message::Decision(position, m));
        }
    }

    fn on_news(&mut self, position: u64, news: Vec<News>, sink: &mut Sink<S>) {
        let Some(digest) = self.ledger.entry(position).map(|entry| entry.digest) else { return };
        for item in news {
            match item {
                News::CanVote => self.try_vote(position, sink),
                News::BallotIn(member) => {
                    sink.notify(Notice::VoteIn { decision: digest, member });
                }
                News::Sealed(set) => {
                    let excluded = self.committee().n() - set.len();
                    self.stats.excluded_inputs += excluded as u64;
                    sink.notify(Notice::Sealed { decision: digest });
                    if let Some((request, _)) = self.deciding.votes.remove(&digest) {
                        sink.answer(request, Err(Refusal::Sealed));
                    }
                }
                News::Computing => sink.notify(Notice::Computing { decision: digest }),
                News::Ready(ready) => self.try_sign(position, digest, ready, sink),
                News::Certified(certified) => self.on_certified(position, *certified, sink),
            }
        }
    }

    /// Lets our share of a signature out, once it is durable what its nonce pair serves. A pair that
    /// already serves something else never does so again: our share of the key would be known.
    fn try_sign(&mut self, position: u64, decision: Digest, ready: Ready, sink: &mut Sink<S>) {
        let Ready { purpose, pair, message } = ready;
        let signs = Signs { position, purpose, message };
        if *self.deciding.signs.entry(pair).or_insert(signs) != signs {
            return sink.notify(Notice::SafetyStop { decision, position, pair });
        }
        sink.persist(vec![put(&Key::Signs(pair), &signs)]);
        sink.notify(Notice::Signing { decision, position, pair, message });
        if let Some(decision) = self.deciding.open.get_mut(&position) {
            sink.journal.call(Instance::Decision(position), Call::Sign(purpose));
            decision
                .sign(purpose, &mut sink.outbox().wrap(move |m| Message::Decision(position, m)));
        }
    }

    fn on_certified(&mut self, position: u64, certified: Certified, sink: &mut Sink<S>) {
        let Some(decision) = self.deciding.open.remove(&position) else { return };
        sink.journal.drop(Instance::Decision(position));
        self.stats.coins += u64::from(decision.coins_tossed());
        self.stats.corrected_openings += u64::from(!decision.liars().is_empty());
        let entry = decision.entry();
        let (id, digest) = (entry.id, entry.digest);
        if let Some((request, _)) = self.deciding.votes.remove(&digest) {
            sink.answer(request, Err(Refusal::Sealed));
        }
        let mut records = vec![put(&Key::Certified(position), &certified)];
        let claim = entry.claim.clone();
        records.extend(claim.pairs.clone().map(|pair| delete(&Key::Pair(pair))));
        self.stock.forget_pairs(&claim);
        let oldest = self.deciding.first_uncertified(self.ledger.next_position());
        let oldest = self.ledger.entry(oldest).map(|entry| entry.claim.clone());
        let oldest = oldest.unwrap_or_else(|| self.stock.cursor());
        let (runs, pairs) = self.stock.forget_before(&oldest);
        records.extend(runs.into_iter().map(|run| delete(&Key::Batch(run))));
        records.extend(pairs.into_iter().map(|pair| delete(&Key::Pair(pair))));
        sink.persist(records);
        self.deciding.certified.insert(position, certified);
        self.drop_old_runs(sink);
        self.note_refresh(position);
        let oldest = position.saturating_sub(limits::POSITION_WINDOW);
        self.deciding.answered = self.deciding.answered.split_off(&oldest);
        self.forget_broadcast(&id, sink);
        self.retire_document(id, sink);
        self.approve_held(id.proposer, sink);
        sink.notify(Notice::Certified { decision: digest, position });
        if self.turning.accepted(position) {
            self.recheck_slots(sink);
        }
        self.ask_for_more(sink);
    }

    pub(super) fn on_vote(
        &mut self,
        request: RequestId,
        digest: Digest,
        value: Secret<u64>,
        sink: &mut Sink<S>,
    ) {
        let Some(proposal) = self.proposal(&digest) else {
            return sink.answer(request, Err(Refusal::UnknownDecision));
        };
        if proposal.rule.vote_bits(*value.expose()).is_none() {
            let reason = format!("the vote must be {}", proposal.rule.input());
            return sink.answer(request, Err(Refusal::InvalidVote(reason)));
        }
        let position = self.ledger.find(&digest).map(|entry| entry.position);
        if position.is_some_and(|position| self.deciding.voted(position))
            || self.deciding.votes.contains_key(&digest)
        {
            return sink.answer(request, Err(Refusal::AlreadyVoted));
        }
        // What was sent there and is no vote is our abstention.
        let open = position.and_then(|position| self.deciding.open.get(&position));
        if open.is_some_and(|decision| decision.ballot_sent()) {
            return sink.answer(request, Err(Refusal::Late));
        }
        self.deciding.votes.insert(digest, (request, value));
        if let Some(position) = position {
            self.try_vote(position, sink);
        }
    }

    /// Sends a vote that waits here, once its masks are known; it is durable before it is sent.
    fn try_vote(&mut self, position: u64, sink: &mut Sink<S>) {
        let Some(digest) = self.ledger.entry(position).map(|entry| entry.digest) else { return };
        let Some((request, value)) = self.deciding.votes.get(&digest) else { return };
        let request = *request;
        let masked = match self.deciding.open.get(&position) {
            Some(decision) => decision.mask(*value.expose()),
            None => Err(Refusal::Sealed),
        };
        let answer = match masked {
            Ok(None) => return,
            Ok(Some(ballot)) => {
                self.send_ballot(position, &ballot, sink);
                Ok(Answer::Voted(Receipt { decision: digest, position }))
            }
            Err(refusal) => Err(refusal),
        };
        self.deciding.votes.remove(&digest);
        sink.answer(request, answer);
    }

    fn send_ballot(&mut self, position: u64, ballot: &Ballot, sink: &mut Sink<S>) {
        let Some(decision) = self.deciding.open.get_mut(&position) else { return };
        if *ballot != Ballot::Abstain {
            self.deciding.voted.insert(position);
        }
        sink.persist(vec![put(&Key::Voted(position), ballot)]);
        sink.journal.call(Instance::Decision(position), Call::Cast(ballot.clone()));
        decision.cast(ballot, &mut sink.outbox().wrap(move |m| Message::Decision(position, m)));
    }

    pub(super) fn on_deadline(&mut self, position: u64, sink: &mut Sink<S>) {
        let Some(decision) = self.deciding.open.get(&position) else { return };
        let digest = decision.entry().digest;
        if !decision.ballot_sent() && !decision.follows() {
            self.send_ballot(position, &Ballot::Abstain, sink);
            if let Some((request, _)) = self.deciding.votes.remove(&digest) {
                sink.answer(request, Err(Refusal::Late));
            }
        }
        sink.timer(Alarm::Grace(position), When::After(limits::GRACE));
    }

    pub(super) fn on_grace(&mut self, position: u64, sink: &mut Sink<S>) {
        if let Some(decision) = self.deciding.open.get_mut(&position)
            && !decision.follows()
        {
            sink.journal.call(Instance::Decision(position), Call::Close);
            decision.close(&mut sink.outbox().wrap(move |m| Message::Decision(position, m)));
        }
    }

    /// Hands material to the decisions that wait for it.
    pub(super) fn maintain_deciding(&mut self, sink: &mut Sink<S>) {
        let due: Vec<u64> = self
            .deciding
            .open
            .iter()
            .filter(|(_, d)| !d.follows() && !d.supplied() && self.stock.covers(&d.entry().claim))
            .map(|(position, _)| *position)
            .collect();
        for position in due {
            let Some(decision) = self.deciding.open.get_mut(&position) else { continue };
            let Some(taken) = self.stock.take(&decision.entry().claim) else { continue };
            let mut news = Vec::new();
            sink.journal.call(Instance::Decision(position), Call::Supply);
            let out = &mut sink.outbox().wrap(move |m| Message::Decision(position, m));
            decision.supply(taken, out, &mut news);
            self.on_news(position, news, sink);
        }
    }
}
