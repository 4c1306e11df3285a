//! The properties of key generation, each checked as the run goes.
//!
//! A checker sees [observations](What) and knows the [truth](Ghost). It never asks a member, so that
//! a doctored list of observations is enough to see it fail; every checker has such a test.

mod agreement;
mod assembly;
mod blame;
mod bounds;
mod completeness;
mod dealers;
mod degree;
mod equivocation;
mod interpolation;
mod public_shares;
mod quiescence;

#[cfg(test)]
mod doctored;

use std::sync::Arc;

use quorate_protocol::committee::{Committee, PartyId, PartySet};
use quorate_protocol::fault::Fault;
use quorate_protocol::keys::{KeySet, PublicKeys, SecretKeys};
use quorate_protocol::math::{Field, Fl, lagrange_row};
use quorate_protocol::secret::Secret;

use super::{Ghost, Wire};

/// Something that happened.
#[derive(Debug)]
pub struct Observation<'a> {
    /// When, in virtual microseconds.
    pub time: u64,
    /// What.
    pub what: What<'a>,
}

/// What can be observed. `by` is always an honest member.
#[derive(Debug)]
pub enum What<'a> {
    /// An honest member says something.
    Said {
        /// Who.
        by: PartyId,
        /// To whom.
        to: PartyId,
        /// What.
        message: &'a Wire,
    },
    /// An honest member has handled a message, with all that follows from it.
    Handled {
        /// Who sent it.
        from: PartyId,
        /// Who handled it.
        by: PartyId,
        /// What.
        message: &'a Wire,
    },
    /// An honest member reports a fault.
    Blamed {
        /// Who reports.
        by: PartyId,
        /// Whose fault, and what.
        fault: &'a Fault,
    },
    /// An honest member has its keys, or says so again after a restart.
    Generated {
        /// Who.
        by: PartyId,
        /// Its keys.
        keys: &'a Keys,
        /// Whose dealings are in them, if it still knows.
        dealers: Option<PartySet>,
        /// Dealers whose sharing is complete there.
        complete: PartySet,
    },
    /// An honest member knows of others that they have the same keys.
    Confirmed {
        /// Who.
        by: PartyId,
        /// Of whom, itself included.
        members: PartySet,
    },
    /// An honest member was killed and starts again.
    Restarted {
        /// Who.
        by: PartyId,
    },
    /// So many messages and events were handled.
    Steps(u64),
    /// Nothing is in flight: how the honest members stand.
    AtRest(&'a [Standing]),
}

/// A member's keys: a key set of which nothing was checked yet.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Whose.
    pub me: PartyId,
    /// What everybody may know.
    pub public: Arc<PublicKeys>,
    /// Its shares.
    pub secret: SecretKeys,
}

impl From<&KeySet> for Keys {
    fn from(keys: &KeySet) -> Self {
        let (me, public) = (keys.me(), Arc::clone(keys.public()));
        Self { me, public, secret: keys.secret().clone() }
    }
}

/// How one honest member stands at the end.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Who.
    pub by: PartyId,
    /// Its keys.
    pub keys: Option<Keys>,
    /// Who has the same keys.
    pub confirmed: PartySet,
    /// Whom it waits for.
    pub waiting_for: PartySet,
    /// Whether it takes its store for an old one.
    pub forgot: bool,
    /// What it has written down.
    pub store: Vec<Secret<Vec<u8>>>,
}

/// One property.
pub trait Checker {
    /// Its name.
    fn name(&self) -> &'static str;

    /// Looks at what happened.
    ///
    /// # Errors
    /// How the property is violated.
    fn check(&mut self, ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String>;
}

/// All checkers, in their first state.
pub fn all() -> Vec<Box<dyn Checker>> {
    vec![
        Box::<agreement::Agreement>::default(),
        Box::new(interpolation::Interpolation),
        Box::new(degree::Degree),
        Box::new(public_shares::PublicShares),
        Box::new(dealers::Dealers),
        Box::new(assembly::Assembly),
        Box::<quiescence::Quiescence>::default(),
        Box::new(blame::Blame),
        Box::<completeness::Completeness>::default(),
        Box::<equivocation::Equivocation>::default(),
        Box::new(bounds::Bounds),
    ]
}

/// The three shares in a key set, by name.
fn shares(secret: &SecretKeys) -> [(&'static str, &Fl); 3] {
    let SecretKeys { coin, certificate, document } = secret;
    [
        ("coin", coin.expose()),
        ("certificate", certificate.expose()),
        ("document", document.expose()),
    ]
}

/// The secrets at point zero of the polynomials of least degree through some members' shares.
fn interpolated(holders: &[&Keys]) -> [Fl; 3] {
    let points: Vec<Fl> = holders.iter().map(|keys| Fl::from_u64(keys.me.point())).collect();
    let row = lagrange_row(&points, Fl::ZERO);
    let mut secrets = [Fl::ZERO; 3];
    for (keys, weight) in holders.iter().zip(row) {
        for (secret, (_, share)) in secrets.iter_mut().zip(shares(&keys.secret)) {
            *secret += weight * *share;
        }
    }
    secrets
}

/// All sets of `size` of some key sets, or the first `most` of them in steps that reach all members.
fn subsets<'a>(all: &[&'a Keys], size: usize, most: usize) -> Vec<Vec<&'a Keys>> {
    let count = 1u64 << all.len().min(20);
    let chosen = (0..count).filter(|set| set.count_ones() as usize == size);
    let chosen: Vec<u64> = chosen.collect();
    let step = chosen.len().div_ceil(most).max(1);
    let members = |set: &u64| {
        let numbered = all.iter().enumerate();
        numbered.filter(|(place, _)| set >> place & 1 == 1).map(|(_, keys)| *keys).collect()
    };
    chosen.iter().step_by(step).map(members).collect()
}

/// The key sets at the end.
fn held(standings: &[Standing]) -> Vec<&Keys> {
    standings.iter().filter_map(|standing| standing.keys.as_ref()).collect()
}

/// The size of the least set of members that knows the keys.
const fn enough(committee: Committee) -> usize {
    committee.degree() + 1
}
