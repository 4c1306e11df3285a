//! Whoever shows an honest member a fault that everybody can check is named by it.
//!
//! - A dealing, or a set of dealers, that everybody can see not to hold: by whoever got all of
//!   it from the dealer before it had its keys.
//! - No share, a wrong one or pieces that do not fit: by each victim at which the sharing completes.
//! - A false complaint: by whoever got it and the dealing.
//! - A CONFIRM of other keys, or without a signature that holds: by whoever got it.
//!
//! Members that are killed may have told of a fault just when they were. Of what is given a number
//! twice only one is taken, and of whoever has more to say than there can be nothing: these are
//! named for that.

use std::collections::{BTreeMap, BTreeSet};

use quorate_protocol::agreement::rbc;
use quorate_protocol::committee::{PartyId, PartySet};
use quorate_protocol::fault::{FaultKind, KeyFault, SharingFault};
use quorate_protocol::sharing::acss;

use super::{Checker, Observation, What};
use crate::keygen::adversary::Behaviour;
use crate::keygen::{Content, Ghost, Wire};

/// What somebody must be named for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Lie {
    /// In its dealing.
    Dealing,
    /// In its set of dealers.
    Set,
    /// In complaints about honest dealers.
    Complaint,
    /// In what it confirms.
    Confirmation,
}

/// See the [module](self).
#[derive(Default)]
pub(super) struct Completeness {
    /// By whom, who, and what for.
    due: BTreeSet<(PartyId, PartyId, Lie)>,
    /// What members heard from others, by number, until its turn comes.
    lines: BTreeMap<(PartyId, PartyId), Line>,
    /// False complaints that wait for the dealing: heard by, from, about.
    complaints: BTreeSet<(PartyId, PartyId, PartyId)>,
    named: BTreeMap<(PartyId, PartyId), BTreeSet<Lie>>,
    generated: PartySet,
}

/// What one member heard from another.
#[derive(Default)]
struct Line {
    next: u32,
    early: BTreeMap<u32, Content>,
    /// The dealer's two messages: the dealing is looked at when both are here.
    send: bool,
    shards: bool,
}

impl Completeness {
    fn handled(&mut self, ghost: &Ghost, from: PartyId, by: PartyId, message: &Wire) {
        match message {
            Wire::Confirm { .. } if does(ghost, from, confirms_other_keys) => {
                self.due.insert((by, from, Lie::Confirmation));
            }
            Wire::Said { number, message } if !does(ghost, from, is_disorderly) => {
                let line = self.lines.entry((by, from)).or_default();
                line.early.insert(*number, message.clone());
                let mut taken = Vec::new();
                while let Some(content) = line.early.remove(&line.next) {
                    line.next += 1;
                    taken.push(content);
                }
                if !self.generated.contains(by) {
                    taken.iter().for_each(|content| self.taken(ghost, from, by, content));
                }
            }
            _ => {}
        }
    }

    fn taken(&mut self, ghost: &Ghost, from: PartyId, by: PartyId, content: &Content) {
        let line = self.lines.entry((by, from)).or_default();
        match content {
            Content::Dealing(dealer, m)
                if *dealer == from && does(ghost, from, has_bad_dealing) =>
            {
                line.send |= matches!(m, acss::Message::Rbc(rbc::Message::Send { .. }));
                line.shards |= matches!(m, acss::Message::Shards(_));
                if line.send && line.shards {
                    self.due.insert((by, from, Lie::Dealing));
                }
            }
            Content::Set(sender, rbc::Message::Send { .. })
                if *sender == from && does(ghost, from, has_bad_set) =>
            {
                self.due.insert((by, from, Lie::Set));
            }
            Content::Dealing(dealer, acss::Message::Complain(_)) if ghost.honest(*dealer) => {
                self.complaints.insert((by, from, *dealer));
            }
            _ => {}
        }
    }

    fn generated(&mut self, ghost: &Ghost, by: PartyId, complete: PartySet) {
        if !self.generated.insert(by) {
            return;
        }
        for (dealer, behaviours) in &ghost.byzantine {
            let cheated = behaviours.iter().any(|behaviour| match behaviour {
                Behaviour::Dealer(cheat) => cheat.how.is_provable() && cheat.victims.contains(by),
                _ => false,
            });
            if cheated && complete.contains(*dealer) {
                self.due.insert((by, *dealer, Lie::Dealing));
            }
        }
        for (heard_by, from, about) in &self.complaints {
            if *heard_by == by && complete.contains(*about) {
                self.due.insert((by, *from, Lie::Complaint));
            }
        }
    }
}

/// Whether a member deviates in such a way.
fn does(ghost: &Ghost, party: PartyId, what: fn(&Behaviour) -> bool) -> bool {
    let mut all = ghost.byzantine.iter();
    all.any(|(of, behaviours)| *of == party && behaviours.iter().any(what))
}

const fn is_disorderly(behaviour: &Behaviour) -> bool {
    matches!(behaviour, Behaviour::Renumbers { .. } | Behaviour::Garbage { .. })
}

const fn has_bad_dealing(behaviour: &Behaviour) -> bool {
    match behaviour {
        Behaviour::Dealer(cheat) => cheat.how.is_public(),
        Behaviour::Rogue { .. } => true,
        _ => false,
    }
}

const fn confirms_other_keys(behaviour: &Behaviour) -> bool {
    matches!(behaviour, Behaviour::OtherKeys { .. })
}

const fn has_bad_set(behaviour: &Behaviour) -> bool {
    match behaviour {
        Behaviour::BadSet(how) => how.is_malformed(),
        _ => false,
    }
}

/// What a fault names its party for.
const fn lies(kind: FaultKind) -> &'static [Lie] {
    match kind {
        FaultKind::Sharing(SharingFault::FalseComplaint) => &[Lie::Complaint],
        FaultKind::Sharing(_) => &[Lie::Dealing],
        FaultKind::Key(KeyFault::MalformedSet) => &[Lie::Set],
        FaultKind::Key(KeyFault::BadConfirmation | KeyFault::OtherKeys) => &[Lie::Confirmation],
        FaultKind::Key(KeyFault::OverLimit) => &[Lie::Dealing, Lie::Set, Lie::Complaint],
        // A SEND that was changed on the way out is not its sender's, whatever is in it.
        FaultKind::Rbc(_) => &[Lie::Dealing, Lie::Set],
        _ => &[],
    }
}

impl Checker for Completeness {
    fn name(&self) -> &'static str {
        "completeness"
    }

    fn check(&mut self, ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        match &seen.what {
            What::Handled { from, by, message } => self.handled(ghost, *from, *by, message),
            What::Generated { by, complete, .. } => self.generated(ghost, *by, *complete),
            What::Blamed { by, fault } => {
                self.named.entry((*by, fault.party)).or_default().extend(lies(fault.kind));
            }
            What::AtRest(_) => {
                let steady = ghost.steady();
                for (by, who, what) in &self.due {
                    let named = self.named.get(&(*by, *who));
                    if steady.contains(*by) && !named.is_some_and(|named| named.contains(what)) {
                        return Err(format!("{by} has not named {who} for its {what:?}"));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}
