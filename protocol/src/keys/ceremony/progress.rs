//! How far a ceremony has come, for people to look at.

use crate::committee::PartySet;
use crate::keys::generation;

/// What is under way in a ceremony.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Stage {
    /// Fewer than `n - t` members have come.
    Gathering,
    /// Members deal their parts of the keys.
    Dealing,
    /// Members say whose parts they have.
    Proposing,
    /// Members agree on whose parts count.
    Agreeing,
    /// Our keys are here; not all members have said that theirs are.
    Confirming,
    /// All members have their keys.
    Done,
}

/// How far a ceremony has come at one member.
#[derive(Clone, Debug)]
pub struct CeremonyProgress {
    /// What is under way.
    pub stage: Stage,
    /// Members who were heard of since this one came up, itself included.
    pub up: PartySet,
    /// How far the key generation has come; `None` once it is over and forgotten.
    pub generation: Option<generation::Progress>,
    /// Members who have the same keys as we.
    pub confirmed: PartySet,
    /// Members who have not done their part in what is under way.
    pub waiting_for: PartySet,
    /// How many of them it takes to go on: 0 where all are waited for, but nothing depends on it.
    pub needed: usize,
    /// What we said before is not in our store, which is an old one: we say nothing more.
    pub forgot: bool,
}
