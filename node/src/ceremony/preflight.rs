//! Pre-flight: what members tell each other about themselves before they make keys.
//!
//! # Protocol
//! - (P1) Members connect to the addresses on the roster, all to all; a link opens only between nodes
//!   of one version of the link protocol with one roster digest.
//! - (P2) Each tells each, when it has changed: whom it reaches, its version, its clock, and how far
//!   it is ([`Presence`]). A member that has compared the check-words is *ready*.
//! - (P3) What looks wrong is shown ([`Finding`]), with names. It stops nobody: what people see here
//!   decides whether they go on, and nothing that a member says about itself is relied on.
//!
//! Clocks are compared by what a peer says, less what the way took: of several readings the one that
//! is furthest ahead is nearest to the truth. Deadlines of decisions depend on clocks to the second.

use quorate_protocol::keys::ceremony;
use quorate_protocol::{Committee, PartyId, PartyMap, PartySet};
use serde::{Deserialize, Serialize};

use crate::net::LinkStatus;

/// Bytes of a version that are shown.
const MAX_VERSION: usize = 32;
/// How far apart clocks may be before it is mentioned.
const CLOCKS_APART_MS: u64 = 2_000;

/// How far a member is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It has the roster, and its people compare the check-words.
    Words,
    /// The words were the same: it has joined, and will make keys.
    Ready,
    /// It has its keys.
    Keys,
    /// Its backup was made and tried.
    Done,
}

impl Stage {
    /// In a word or two.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Words => "comparing words",
            Self::Ready => "ready",
            Self::Keys => "has its keys",
            Self::Done => "has a backup",
        }
    }
}

/// What a member says about itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Presence {
    version: String,
    clock_ms: u64,
    reaches: PartySet,
    stage: Stage,
}

/// What members of a ceremony say to each other.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Spoken {
    /// (P2)
    Presence(Presence),
    /// Key generation.
    Keys(ceremony::Message),
}

/// What is known about one member.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Row {
    /// Whether it is connected to us.
    pub connected: bool,
    /// Why we cannot talk to it, though it is there.
    pub trouble: Option<String>,
    /// Its version of quorate.
    pub version: Option<String>,
    /// By how much its clock is ahead of ours, in milliseconds.
    pub clock_ahead_ms: Option<i64>,
    /// Whom it reaches.
    pub reaches: PartySet,
    /// How far it is.
    pub stage: Option<Stage>,
    /// Another number after each of its starts.
    incarnation: u64,
}

/// What is known about all members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Board {
    committee: Committee,
    me: PartyId,
    rows: PartyMap<Row>,
}

/// Something that people should look at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Finding {
    /// A member that is not connected.
    Away(PartyId),
    /// A member that is there, and that we cannot talk to.
    Trouble(PartyId, String),
    /// Two members that are here, and do not reach each other.
    Apart(PartyId, PartyId),
    /// A member with another version of quorate than ours.
    Version(PartyId, String),
    /// A member whose clock is ahead of ours by so many milliseconds, or behind.
    Clock(PartyId, i64),
}

impl Board {
    /// Nothing is known but ourselves.
    pub fn new(committee: Committee, me: PartyId, stage: Stage) -> Self {
        let mut rows: PartyMap<Row> = PartyMap::new(committee);
        rows[me] = Row {
            connected: true,
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            clock_ahead_ms: Some(0),
            reaches: PartySet::from_iter([me]),
            stage: Some(stage),
            ..Row::default()
        };
        Self { committee, me, rows }
    }

    /// What is known about a member, and by ourselves about us.
    pub fn row(&self, member: PartyId) -> &Row {
        &self.rows[member]
    }

    /// Takes over how the links are; true if somebody came, left or is in trouble, or came again so
    /// soon that it was not missed.
    pub fn see(&mut self, links: &[LinkStatus]) -> bool {
        let mut changed = false;
        for link in links.iter().filter(|link| self.committee.contains(link.party)) {
            let (connected, trouble) = (link.connected.is_some(), link.trouble.clone());
            let row = &mut self.rows[link.party];
            changed |= row.connected != connected || row.trouble != trouble;
            changed |= row.incarnation != link.incarnation;
            (row.connected, row.trouble) = (connected, trouble);
            row.incarnation = link.incarnation;
        }
        let here = self.committee.parties().filter(|party| self.rows[*party].connected);
        self.rows[self.me].reaches = here.collect();
        changed
    }

    /// Takes over what a member says about itself, at our time `now_ms`.
    pub fn hear(&mut self, from: PartyId, presence: Presence, now_ms: u64) {
        if from == self.me || !self.committee.contains(from) {
            return;
        }
        let Presence { mut version, clock_ms, reaches, stage } = presence;
        while version.len() > MAX_VERSION {
            version.pop();
        }
        let row = &mut self.rows[from];
        let ahead = i64::try_from(i128::from(clock_ms) - i128::from(now_ms)).unwrap_or(i64::MAX);
        row.clock_ahead_ms = row.clock_ahead_ms.max(Some(ahead));
        row.version = Some(version);
        row.reaches = reaches.intersection(self.committee.everyone());
        row.stage = row.stage.max(Some(stage));
    }

    /// We have come as far as this.
    pub fn reach(&mut self, stage: Stage) {
        let row = &mut self.rows[self.me];
        row.stage = row.stage.max(Some(stage));
    }

    /// What we tell the others.
    pub fn presence(&self, now_ms: u64) -> Presence {
        let Row { version, reaches, stage, .. } = &self.rows[self.me];
        Presence {
            version: version.clone().unwrap_or_default(),
            clock_ms: now_ms,
            reaches: *reaches,
            stage: stage.unwrap_or(Stage::Words),
        }
    }

    /// Who is here.
    pub fn connected(&self) -> PartySet {
        self.rows[self.me].reaches
    }

    /// Who has come as far as `stage`.
    pub fn reached(&self, stage: Stage) -> PartySet {
        let reached = |party: &PartyId| self.rows[*party].stage >= Some(stage);
        self.committee.parties().filter(reached).collect()
    }

    /// What people should look at, the gravest first.
    pub fn findings(&self) -> Vec<Finding> {
        let others = || self.committee.parties().filter(|party| *party != self.me);
        let mut findings = Vec::new();
        for party in others() {
            if let Some(trouble) = &self.rows[party].trouble {
                findings.push(Finding::Trouble(party, trouble.clone()));
            }
        }
        let away = |party: &PartyId| {
            let row = &self.rows[*party];
            !row.connected && row.trouble.is_none()
        };
        findings.extend(others().filter(away).map(Finding::Away));
        // What members say of each other counts while both are here.
        let here = |party: PartyId| self.rows[party].connected && self.rows[party].stage.is_some();
        for one in others().filter(|one| here(*one)) {
            for two in others().filter(|two| one < *two && here(*two)) {
                let reaches = |a: PartyId, b| self.rows[a].reaches.contains(b);
                if !reaches(one, two) && !reaches(two, one) {
                    findings.push(Finding::Apart(one, two));
                }
            }
        }
        for party in others() {
            let row = &self.rows[party];
            if let Some(version) = row.version.as_ref()
                && self.rows[self.me].version.as_ref() != Some(version)
            {
                findings.push(Finding::Version(party, version.clone()));
            }
            if let Some(ahead) = row.clock_ahead_ms
                && ahead.unsigned_abs() > CLOCKS_APART_MS
            {
                findings.push(Finding::Clock(party, ahead));
            }
        }
        findings
    }
}

#[cfg(test)]
impl Presence {
    /// What a member of our version says.
    pub fn for_tests(clock_ms: u64, reaches: PartySet, stage: Stage) -> Self {
        Self { version: env!("CARGO_PKG_VERSION").to_owned(), clock_ms, reaches, stage }
    }
}

#[cfg(test)]
mod tests;
