//! *Canary*: what is secret never stands anywhere else.
//!
//! A plan is run twice. The first run collects what honest members keep secret: keys, roots of
//! randomness, shares of material and of nonces, from what they are given and what they write down.
//! The second run, which is the same, looks for each of these in everything that is said and told:
//! in the encoding of every message as it is, in every line of the story, and in the `Display` and
//! `Debug` output of messages, keys, stores and parties, also in hex, in base64, in decimal and as a
//! list of bytes. A secret counts as found when its first eight bytes are.
//!
//! Shares of the bits that mask a vote are sent to the voter, as they are, over a link that is
//! encrypted. They are found there and counted, which shows that the search can find; anywhere else
//! they are a leak.
//!
//! Votes themselves are too small to be recognised: that they are not told is shown by
//! [`shape`](super::shape).

mod net;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::rc::Rc;

use quorate_protocol::committee::PartyId;
use quorate_protocol::decision::life;
use quorate_protocol::keys::signing::NoncePair;
use quorate_protocol::math::{Field, Fp61};
use quorate_protocol::mpc::preprocessing::Batch;
use quorate_protocol::party::Message;
use quorate_protocol::party::epochs::EpochKeys;
use quorate_protocol::protocol::Recipient;
use quorate_protocol::wire;

use crate::Wire;
use crate::checker::{Checker, Observation, Store, What};
use crate::ghost::Ghost;
use crate::plan::Plan;
use crate::report::Violation;
use crate::world::World;
pub use net::{Kind, Net};

/// What was looked through.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Searched {
    /// Secrets looked for.
    pub secrets: usize,
    /// Messages.
    pub messages: u64,
    /// Bytes of messages and of text.
    pub bytes: u64,
    /// Shares of masks on their way to their voters.
    pub handed: u64,
}

/// Runs a plan twice, and looks for the secrets of the first run in the second.
///
/// # Errors
/// A secret where it must not be, or another property that does not hold.
pub fn search(plan: &Plan) -> Result<Searched, Violation> {
    let net = Rc::new(RefCell::new(Net::default()));
    let collector = Collector { net: Rc::clone(&net), known: BTreeSet::new() };
    ended(&mut World::watched(plan.clone(), Some(Box::new(collector))))?;
    let searched = Searched { secrets: net.borrow().len(), ..Searched::default() };
    let search = Rc::new(RefCell::new(Search { net: net.take(), searched, found: None }));
    let mut world = World::watched(plan.clone(), Some(Box::new(Searcher(Rc::clone(&search)))));
    let heard = Rc::clone(&search);
    world.listen(Box::new(move |_, event| {
        heard.borrow_mut().text("the story", &event.to_string());
    }));
    ended(&mut world)?;
    let mut search = search.borrow_mut();
    for party in plan.committee.parties() {
        search.debug("a party", &world.party(party));
    }
    match search.found.take() {
        Some(what) => {
            let what = format!("{}: {what}", plan.token);
            Err(Violation { time: 0, checker: "canary", what })
        }
        None => Ok(search.searched),
    }
}

fn ended(world: &mut World) -> Result<(), Violation> {
    world.run().violation.map_or(Ok(()), Err)
}

/// Collects what honest members keep secret.
struct Collector {
    net: Rc<RefCell<Net>>,
    /// Records that were looked at.
    known: BTreeSet<(PartyId, Vec<u8>)>,
}

impl Collector {
    fn keys(&self, keys: &EpochKeys) {
        let mut net = self.net.borrow_mut();
        net.plant(Kind::Key, keys.seed.expose());
        net.plant(Kind::Key, keys.keyring.sealing().to_bytes().expose());
        net.plant(Kind::Key, keys.keyring.identity().to_bytes().expose());
        let secret = keys.keys.secret();
        for share in [&secret.coin, &secret.certificate, &secret.document] {
            let mut bytes = Vec::new();
            share.expose().to_bytes_into(&mut bytes);
            net.plant(Kind::Key, &bytes);
        }
    }

    fn store(&mut self, by: PartyId, store: &Store) {
        for (name, value) in store.values() {
            if !self.known.insert((by, name.clone())) {
                continue;
            }
            let (mut net, value) = (self.net.borrow_mut(), value.expose());
            if let Ok(batch) = wire::decode::<Batch<Fp61>>(value, value.len()) {
                let triples =
                    batch.triples.iter().flat_map(|triple| [triple.a, triple.b, triple.c]);
                for share in triples.chain(batch.bits.iter().copied()) {
                    let mut bytes = Vec::new();
                    share.to_bytes_into(&mut bytes);
                    net.plant(Kind::Material, &bytes);
                }
            } else if wire::decode::<NoncePair>(value, value.len()).is_ok() {
                // After the number of the pair, two scalars.
                for scalar in value.get(8..72).into_iter().flat_map(|both| both.chunks(32)) {
                    net.plant(Kind::Nonce, scalar);
                }
            }
        }
    }
}

impl Checker for Collector {
    fn name(&self) -> &'static str {
        "canary"
    }

    fn check(&mut self, _: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        match &seen.what {
            What::Began { keys, .. } => self.keys(keys),
            What::Stored { by, store } => self.store(*by, store),
            _ => {}
        }
        Ok(())
    }
}

/// What is looked for, and what was found.
struct Search {
    net: Net,
    searched: Searched,
    found: Option<String>,
}

impl Search {
    /// Looks through the encoding of what a member says.
    fn said(&mut self, by: PartyId, to: Recipient, message: &Wire) {
        self.text("a message's name", &message.to_string());
        self.debug("a message", message);
        let bytes = wire::encode(message);
        self.searched.messages += 1;
        self.searched.bytes += bytes.len() as u64;
        let mask = matches!(message, Message::Decision(_, life::Message::Mask(_)));
        let to_voter = mask && matches!(to, Recipient::One(_));
        for kind in self.net.in_bytes(&bytes) {
            if to_voter && kind == Kind::Material {
                self.searched.handed += 1;
            } else {
                self.found.get_or_insert(format!("{by} says {kind} to {to:?}: {message}"));
            }
        }
    }

    fn debug(&mut self, what: &str, value: &impl Debug) {
        self.text(what, &format!("{value:?}"));
    }

    fn text(&mut self, what: &str, text: &str) {
        self.searched.bytes += text.len() as u64;
        if let Some(kind) = self.net.in_text(text) {
            self.found.get_or_insert(format!("{what} shows {kind}: {text}"));
        }
    }
}

/// Shows the search what honest members say and have.
struct Searcher(Rc<RefCell<Search>>);

impl Checker for Searcher {
    fn name(&self) -> &'static str {
        "canary"
    }

    fn check(&mut self, _: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        let mut search = self.0.borrow_mut();
        match &seen.what {
            What::Said { by, to, message, .. } => search.said(*by, *to, message),
            What::Began { keys, .. } => {
                search.debug("keys", keys);
                search.debug("a keyring", &keys.keyring);
                search.debug("a key set", &keys.keys);
            }
            What::Stored { store, .. } => search.debug("a store", store),
            _ => {}
        }
        Ok(())
    }
}
