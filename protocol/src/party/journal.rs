//! The log of what was done to each instance, from which it is made again after a restart.
//!
//! # Model
//! A store that keeps what it was given, in order, and all of a step or nothing of it. Instances are
//! deterministic: all their randomness comes from the party's seed and their name.
//!
//! # Protocol
//! - (J1) An instance is a broadcast of a proposal, a slot, a run or a decision. Everything that is
//!   done to it is a call, and is written to the log that bears its name, before anything that
//!   follows from it leaves: a step's records come before its other effects.
//! - (J2) After a restart, make each instance that has a log, and do the same to it in the same order.
//!   It is then what it was, and has said the same, byte for byte: that is said again to everybody.
//! - (J3) Once an instance is dropped, so is its log.
//!
//! # Why nothing is said in two ways
//! What an instance says depends on its calls alone, and the calls of a step were durable before it
//! was heard. A log that may have lost its end is not played: its owner says so (see
//! [`super::restored`]), and the party is silent wherever it may have spoken.
//!
//! What one version of this crate says after the same calls, another may say differently: a log is
//! played by a version of the same [`REPLAY`] only.
//!
//! # Bounds
//! Of each peer, so many bytes of each log ([`limits::MAX_LOGGED_AGREEMENT`]);
//! what is beyond is not handled.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::committee::{Committee, PartyId, PartyMap, PartySet};
use crate::decision::ballot::Ballot;
use crate::decision::proposal::ProposalId;
use crate::decision::slot::Turn;
use crate::keys::signing::Purpose;
use crate::limits;
use crate::party::message::Message;
use crate::record::Record;
use crate::secret::Secret;
use crate::wire::{self, Bytes};
use crate::zoo::{self, Mutant};

/// Names what instances make of their calls: to be raised whenever the same calls may lead to other
/// words.
pub const REPLAY: u32 = 2;

/// Names an instance. The encoding names its log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(super) enum Instance {
    /// The broadcast of a proposal.
    Proposal(ProposalId),
    /// A slot of the ledger.
    Slot(u64),
    /// A preprocessing run.
    Run(u64),
    /// The decision at a position.
    Decision(u64),
}

impl Instance {
    /// What a message is about, if it is about one.
    pub(super) const fn of<S>(message: &Message<S>) -> Option<Self> {
        match message {
            Message::Proposal(id, _) => Some(Self::Proposal(*id)),
            Message::Slot(slot, _) => Some(Self::Slot(*slot)),
            Message::Run(run, _) => Some(Self::Run(*run)),
            Message::Decision(position, _) => Some(Self::Decision(*position)),
            Message::Document(..)
            | Message::RunDone(_)
            | Message::Sync(_)
            | Message::Refresh(_) => None,
        }
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proposal(id) => write!(f, "proposal {id}"),
            Self::Slot(slot) => write!(f, "slot{slot}"),
            Self::Run(run) => write!(f, "run{run}"),
            Self::Decision(position) => write!(f, "d{position}"),
        }
    }
}

/// What was done to an instance, or was kept for it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) enum Call {
    /// A peer's message was handled.
    Heard(PartyId, Bytes),
    /// A peer's message came before the instance began.
    Early(PartyId, Bytes),
    /// The next early message was handled.
    Late,
    /// The next of the instance's own messages was handled.
    Own,
    /// The result of its job of this number was handled.
    Done(u32),
    /// A broadcast of ours began.
    Broadcast(Bytes),
    /// What a broadcast held was approved of.
    Approve,
    /// Our value was given to a slot.
    Propose(Vec<ProposalId>, Option<Turn>, PartySet),
    /// A member's value became usable in a slot.
    Usable(PartyId),
    /// A run began.
    Start,
    /// Nobody is waited for any longer, in a run or a decision.
    Close,
    /// A decision was opened, with its document or without.
    Open(bool),
    /// A decision got its material.
    Supply,
    /// A decision got its document.
    Document,
    /// Our ballot was cast.
    Cast(Ballot),
    /// Our share of a signature was let out.
    Sign(Purpose),
}

/// What is counted of an instance.
struct Account {
    jobs: u32,
    heard: PartyMap<usize>,
}

/// What is to be written down, and how much was.
pub(super) struct Journal {
    committee: Committee,
    accounts: BTreeMap<Instance, Account>,
    /// Of this step, by log.
    calls: Vec<(Instance, Vec<Call>)>,
    records: Vec<Record>,
    /// What is being done something to.
    current: Option<Instance>,
    /// The number of the job whose result is being handled.
    done: Option<u32>,
}

/// Bytes that a call takes beside its message.
const CALL: usize = 16;

/// Bytes of a message that is written down: an entry of the log is within an envelope.
const LONGEST: usize = limits::MAX_ENVELOPE - (64 << 10);

impl Journal {
    pub(super) fn new(committee: Committee) -> Self {
        Self {
            committee,
            accounts: BTreeMap::new(),
            calls: Vec::new(),
            records: Vec::new(),
            current: None,
            done: None,
        }
    }

    /// Notes what is done to an instance, right before it is.
    pub(super) fn call(&mut self, instance: Instance, call: Call) {
        self.current = Some(instance);
        match self.calls.iter_mut().rev().find(|(of, _)| *of == instance) {
            Some((_, calls)) => calls.push(call),
            None => self.calls.push((instance, vec![call])),
        }
    }

    /// Notes that an instance handles a message, right before it does; whether it may.
    pub(super) fn hear<M: Serialize>(
        &mut self,
        instance: Instance,
        (me, from): (PartyId, PartyId),
        message: &M,
    ) -> bool {
        let call = match self.done.take() {
            _ if from != me => match self.fits(instance, from, message) {
                Some(bytes) => Call::Heard(from, bytes),
                None => return false,
            },
            Some(number) => Call::Done(number),
            None => Call::Own,
        };
        self.call(instance, call);
        true
    }

    /// Notes that a peer's message is kept for an instance that has not begun; whether it may be.
    pub(super) fn keep<M: Serialize>(
        &mut self,
        instance: Instance,
        from: PartyId,
        message: &M,
    ) -> bool {
        let Some(bytes) = self.fits(instance, from, message) else { return false };
        if !zoo::on(Mutant::EarlyForgotten) {
            self.call(instance, Call::Early(from, bytes));
        }
        true
    }

    /// The message's encoding, if its sender's part of the log is not full.
    fn fits<M: Serialize>(
        &mut self,
        instance: Instance,
        from: PartyId,
        message: &M,
    ) -> Option<Bytes> {
        let bytes = wire::encode(message);
        if bytes.len() > LONGEST {
            return None;
        }
        let heard = &mut self.account(instance).heard[from];
        let more = heard.saturating_add(bytes.len() + CALL);
        if more > limit(instance) {
            return None;
        }
        *heard = more;
        Some(Bytes::from(bytes))
    }

    fn account(&mut self, instance: Instance) -> &mut Account {
        let committee = self.committee;
        let new = || Account { jobs: 0, heard: PartyMap::new(committee) };
        self.accounts.entry(instance).or_insert_with(new)
    }

    /// What a restarted instance was counted of: its jobs, and bytes of each peer.
    pub(super) fn resume(&mut self, instance: Instance, jobs: u32, calls: &[Call]) {
        let account = self.account(instance);
        account.jobs = jobs;
        for call in calls {
            if let Call::Heard(from, bytes) | Call::Early(from, bytes) = call {
                account.heard[*from] += bytes.len() + CALL;
            }
        }
    }

    /// The number of a job that the current instance wants done.
    pub(super) fn job(&mut self) -> u32 {
        let Some(instance) = self.current else { return 0 };
        let jobs = &mut self.account(instance).jobs;
        let number = *jobs;
        *jobs = jobs.saturating_add(1);
        number
    }

    /// The result of the job of this number is handled next.
    pub(super) const fn done(&mut self, number: u32) {
        self.done = Some(number);
    }

    /// An instance is dropped.
    pub(super) fn drop(&mut self, instance: Instance) {
        self.calls.retain(|(of, _)| *of != instance);
        if self.accounts.remove(&instance).is_some() {
            self.records.push(Record::Forget { log: wire::encode(&instance) });
        }
    }

    /// A log is of no use.
    pub(super) fn forget(&mut self, instance: Instance) {
        self.records.push(Record::Forget { log: wire::encode(&instance) });
    }

    /// Records of the party's own.
    pub(super) fn write(&mut self, records: Vec<Record>) {
        self.records.extend(records);
    }

    /// All that this step has to write down.
    pub(super) fn take(&mut self) -> Vec<Record> {
        (self.current, self.done) = (None, None);
        let mut records = std::mem::take(&mut self.records);
        for (instance, calls) in std::mem::take(&mut self.calls) {
            if matches!(instance, Instance::Slot(_)) && zoo::on(Mutant::SlotsForgotten) {
                continue;
            }
            self.account(instance);
            let entry = Secret::new(wire::encode(&calls));
            records.push(Record::Append { log: wire::encode(&instance), entry });
        }
        records
    }
}

/// Bytes of one peer's messages in the log of an instance.
const fn limit(instance: Instance) -> usize {
    match instance {
        Instance::Proposal(_) => limits::MAX_LOGGED_PROPOSAL,
        Instance::Slot(_) | Instance::Decision(_) => limits::MAX_LOGGED_AGREEMENT,
        Instance::Run(_) => limits::MAX_LOGGED_RUN,
    }
}

/// A message that was written down.
pub(super) fn read<M: Serialize + DeserializeOwned>(bytes: &Bytes) -> Option<M> {
    wire::decode(bytes, limits::MAX_ENVELOPE).ok()
}
