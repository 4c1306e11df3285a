//! What is left of a run for the checker: what was asked and entered, what each organisation holds in the
//! end, what its node said, and how its processes ended.

use std::time::Duration;

use crate::ghost::Network;

/// A run that is over.
#[derive(Clone, Debug)]
pub(super) struct History {
    /// The network, as a verifier knows it.
    pub(super) network: Network,
    /// What the organisations are called, in the order of the roster.
    pub(super) names: Vec<String>,
    /// What was asked.
    pub(super) asked: Vec<Asked>,
    /// What each organisation has.
    pub(super) members: Vec<Held>,
    /// How processes ended.
    pub(super) ends: Vec<End>,
    /// Whose second node still ran when everybody could talk to everybody.
    pub(super) unstopped: Vec<String>,
}

/// A question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Asked {
    /// No other one has it.
    pub(super) title: String,
    pub(super) rule: String,
    /// Its name, if the node said that it is proposed.
    pub(super) digest: Option<String>,
    /// What each organisation enters, if it enters something.
    pub(super) votes: Vec<Option<u64>>,
    /// The node that said so went on with an old copy of its data before it was decided.
    pub(super) may_be_lost: bool,
}

/// What one organisation has in the end.
#[derive(Clone, Default, Debug)]
pub(super) struct Held {
    /// What its node lists.
    pub(super) decisions: Vec<Listed>,
    /// All that second nodes of it said on standard error, and then its node.
    pub(super) log: String,
    /// What its node tells Prometheus.
    pub(super) metrics: String,
    /// Whom its node blames in its status, and for what.
    pub(super) faults: Vec<String>,
    /// Which starts of its node were on an old copy of its data, ascending.
    pub(super) older: Vec<u64>,
}

/// A decision in a node's list.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    /// The digest of the proposal.
    pub(super) digest: String,
    /// How far it is: `certified` at the end.
    pub(super) phase: String,
    /// The certificate, as it is signed.
    pub(super) certificate: Vec<u8>,
}

/// How a process ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct End {
    /// Whose it was.
    pub(super) member: String,
    /// Why it ended.
    pub(super) cause: Cause,
    /// Its exit code.
    pub(super) code: Option<i32>,
    /// Or the signal that ended it.
    pub(super) signal: Option<i32>,
    /// How long it took since it was told to.
    pub(super) took: Duration,
}

/// Why a process ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Cause {
    /// It was killed.
    Killed,
    /// It was told to.
    Told,
    /// The same, before it had said that it is ready: it hears of nothing yet, and just ends.
    ToldEarly,
    /// It ran on an old copy of a data directory beside the node.
    SecondCopy,
    /// Its disk was full.
    FullDisk,
    /// Nothing was done to it.
    Nothing,
}
