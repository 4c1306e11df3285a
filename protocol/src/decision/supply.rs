//! A run that makes everything decisions use up: bits and triples to compute with, and nonce pairs to
//! sign with.
//!
//! # Model
//! As for [`preprocessing`] and [`nonces`].
//!
//! # Guarantees
//! Those of both, with the same agreed dealers: all honest parties that get the one get the other, and
//! know from the number of dealers how much of all there is.
//!
//! # Protocol
//! - (R1) On start, deal a batch for the computation and one of scalars for nonces, in two sharings.
//! - (R2) A dealer is usable once both its sharings are complete here and our shares of both held;
//!   agree on a common subset, once.
//! - (R3) On the agreed dealers' batches go on as preprocessing does, and extract the nonce pairs.
//!
//! # Why it works
//! What is complete at one honest party becomes complete at all, so what is usable at one does, too.
//!
//! # End
//! As for preprocessing: it must go on helping after its output.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::agreement::acs;
use crate::agreement::coin::Coin;
use crate::committee::{Committee, PartyId, PartyMap, PartySet};
use crate::crypto::keyring::Keyring;
use crate::crypto::transcript::Transcript;
use crate::error::Error;
use crate::keys::nonces::{self, Layout, Nonces};
use crate::limits;
use crate::math::{Field, Fl, Fp61};
use crate::mpc::preprocessing::{self, Batch, Preprocessing, RunStats, TripleStatement, deal_tag};
use crate::protocol::{Outbox, Protocol};
use crate::secret::Secret;
use crate::sharing::Shares;
use crate::sharing::acss::scalar::{ScalarShares, Scalars};
use crate::sharing::acss::{self, Acss, Elements};
use crate::tag::Tag;

/// What a run is asked for: at least so much is produced, whichever `n - t` dealers are agreed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Request {
    /// To compute with.
    pub material: preprocessing::Request,
    /// Nonce pairs: at least one.
    pub pairs: usize,
}

/// One party's shares of what a run produced. Wiped when dropped.
pub struct Product {
    /// To compute with.
    pub batch: Batch<Fp61>,
    /// Nonce pairs, in an order that is the same at all parties.
    pub pairs: Arc<Vec<Nonces>>,
}

impl fmt::Debug for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{:?}, {} nonce pairs]", self.batch, self.pairs.len())
    }
}

/// A message of a run; `S` is a coin share.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "S: Serialize + DeserializeOwned")]
pub enum Message<S> {
    /// Of preprocessing, and of the agreement on dealers.
    Material(preprocessing::Message<Fp61, S>),
    /// Of the sharing of a dealer's nonces (R1).
    Nonces(PartyId, acss::Message),
    /// The nonce pairs, extracted as work (R3).
    #[serde(skip)]
    Pairs(Arc<Vec<Nonces>>),
}

impl<S> Message<S> {
    /// Takes in `other` if one message can say both; else gives it back.
    pub fn merge(&mut self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Material(mine), Self::Material(other)) => mine.merge(other).map(Self::Material),
            (_, other) => Some(other),
        }
    }
}

impl<S> fmt::Display for Message<S>
where
    acs::Message<S>: fmt::Display,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Material(message) => message.fmt(f),
            Self::Nonces(dealer, message) => write!(f, "nonces/{dealer}/{message}"),
            Self::Pairs(pairs) => write!(f, "local [{} nonce pairs]", pairs.len()),
        }
    }
}

/// One party's instance of a run.
pub struct Supply<C: Coin> {
    me: PartyId,
    tag: Tag,
    seed: Secret<[u8; 32]>,
    layout: Layout,
    material: Preprocessing<Fp61, C>,
    sharings: PartyMap<Acss<Scalars>>,
    /// Our shares of complete sharings, until the dealers are agreed.
    held: PartyMap<Option<ScalarShares>>,
    started: bool,
    extracting: bool,
    batch: Option<Batch<Fp61>>,
    pairs: Option<Arc<Vec<Nonces>>>,
}

type Out<'a, C> = dyn Outbox<Message<<C as Coin>::Share>> + 'a;

impl<C: Coin> Supply<C> {
    /// A run called `tag`. All secrets it deals come from `seed` and `tag`: the seed must be the
    /// party's alone, and no two runs may have the same name.
    ///
    /// # Errors
    /// The request is too large for one run.
    pub fn new(
        keyring: Arc<Keyring>,
        coin: Arc<C>,
        tag: Tag,
        seed: Secret<[u8; 32]>,
        request: Request,
    ) -> Result<Self, Error> {
        let (committee, me) = (keyring.committee(), keyring.me());
        let layout = Layout::new(committee, request.pairs)?;
        let sharing = |dealer| {
            Acss::scalars(Arc::clone(&keyring), dealer, nonces_tag(&tag, dealer), layout.terms())
        };
        let sharings = PartyMap::from_fn(committee, sharing);
        let material =
            Preprocessing::new(keyring, coin, tag, seed.clone(), request.material)?.gated();
        Ok(Self {
            me,
            tag,
            seed,
            layout,
            material,
            sharings,
            held: PartyMap::from_fn(committee, |_| None),
            started: false,
            extracting: false,
            batch: None,
            pairs: None,
        })
    }

    /// R1. Deals once; calling it again does nothing.
    pub fn start(&mut self, out: &mut Out<'_, C>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        self.material.start(&mut out.wrap(Message::Material));
        let me = self.me;
        let secrets = secrets(&self.layout, &self.seed, &nonces_tag(&self.tag, me));
        let out = &mut out.wrap(move |message| Message::Nonces(me, message));
        // Refused only with a negligible chance, for a scalar that is zero: then we deal nothing.
        let _refused = self.sharings[me].deal(secrets, &self.seed, out);
    }

    /// Waits no longer for dealers whose sharings are not complete than agreement on `n - t` needs.
    pub fn close(&mut self, out: &mut Out<'_, C>) {
        self.material.close(&mut out.wrap(Message::Material));
    }

    /// Dealers that are agreed on, or would be: both of their sharings are complete here.
    pub fn complete(&self) -> PartySet {
        self.material.approved()
    }

    /// The agreed dealers.
    pub const fn dealers(&self) -> Option<PartySet> {
        self.material.dealers()
    }

    /// What it is doing, in a word or two.
    pub fn progress(&self) -> &'static str {
        self.material.progress()
    }

    /// What happened so far.
    pub fn stats(&self) -> RunStats {
        let mut stats = self.material.stats();
        for sharing in self.sharings.values() {
            stats.complaints += u32::from(sharing.complained());
            stats.recovered += u32::from(sharing.recovered());
        }
        stats
    }

    /// R2
    fn on_nonces(
        &mut self,
        from: PartyId,
        dealer: PartyId,
        message: acss::Message,
        out: &mut Out<'_, C>,
    ) {
        if !self.material.layout().committee().contains(dealer) {
            return;
        }
        let wrapped = &mut out.wrap(move |message| Message::Nonces(dealer, message));
        if let Some(shares) = self.sharings[dealer].handle(from, message, wrapped) {
            self.held[dealer] = Some(shares).filter(|_| !self.extracting);
            self.material.approve(dealer, &mut out.wrap(Message::Material));
        }
    }

    /// R3, when the dealers are agreed.
    fn try_extract(&mut self, out: &mut Out<'_, C>) {
        let Some(dealers) = self.material.dealers() else { return };
        if std::mem::replace(&mut self.extracting, true) {
            return;
        }
        let mut held = |dealer| self.held[dealer].take().expect("approved of, so held");
        let sharings: Vec<_> = dealers.iter().map(|dealer| (dealer, held(dealer))).collect();
        self.held.iter_mut().for_each(|(_, held)| *held = None);
        let layout = self.layout;
        out.work(Box::new(move || Message::Pairs(Arc::new(nonces::extract(&layout, &sharings)))));
    }

    fn try_output(&mut self) -> Option<Product> {
        match (self.batch.take(), self.pairs.take()) {
            (Some(batch), Some(pairs)) => Some(Product { batch, pairs }),
            (batch, pairs) => {
                (self.batch, self.pairs) = (batch, pairs);
                None
            }
        }
    }
}

/// The name of the sharing of a dealer's nonces within a run.
pub fn nonces_tag(run: &Tag, dealer: PartyId) -> Tag {
    deal_tag(&run.child("nonces"), dealer)
}

/// What a run can be asked for at all, in numbers that can be reckoned with.
fn size(number: u64) -> Option<usize> {
    let most = limits::MAX_BATCH * limits::MAX_PARTIES;
    usize::try_from(number).ok().filter(|number| *number <= most)
}

/// The terms of a dealer's sharing of material in a run that is asked for this; `None` if there is none.
pub(crate) fn material(
    committee: Committee,
    run: &Tag,
    dealer: PartyId,
    triples: u64,
    bits: u64,
) -> Option<acss::Terms<Elements<Fp61, TripleStatement>>> {
    let request = preprocessing::Request { triples: size(triples)?, bits: size(bits)? };
    let layout = preprocessing::Layout::new::<Fp61>(committee, request).ok()?;
    let scheme = Elements::new(layout.secrets(), TripleStatement::new(layout));
    Some(acss::Terms::new(committee, dealer, &deal_tag(run, dealer), scheme))
}

/// The same of its sharing of nonces.
pub(crate) fn nonces(
    committee: Committee,
    run: &Tag,
    dealer: PartyId,
    pairs: u64,
) -> Option<acss::Terms<Scalars>> {
    let layout = Layout::new(committee, size(pairs)?).ok()?;
    Some(acss::Terms::new(committee, dealer, &nonces_tag(run, dealer), layout.terms()))
}

/// The scalars that a party deals in the sharing called `tag`.
fn secrets(layout: &Layout, seed: &Secret<[u8; 32]>, tag: &Tag) -> Shares<Fl> {
    let mut transcript = Transcript::new(tag, "secrets of a dealer of nonces");
    transcript.u64(layout.scalars() as u64).bytes(seed.expose());
    let mut rng = transcript.rng();
    (0..layout.scalars()).map(|_| Fl::random(&mut rng)).collect()
}

impl<C: Coin> Protocol for Supply<C> {
    type Message = Message<C::Share>;
    type Output = Product;

    fn handle(
        &mut self,
        from: PartyId,
        message: Self::Message,
        out: &mut Out<'_, C>,
    ) -> Option<Product> {
        match message {
            Message::Material(message) => {
                let out = &mut out.wrap(Message::Material);
                if let Some(batch) = self.material.handle(from, message, out) {
                    self.batch = Some(batch);
                }
            }
            Message::Nonces(dealer, message) => self.on_nonces(from, dealer, message, out),
            Message::Pairs(pairs) if from == self.me => self.pairs = Some(pairs),
            // Cannot come over the wire: it has no encoding.
            Message::Pairs(_) => {}
        }
        self.try_extract(out);
        self.try_output()
    }
}

#[cfg(test)]
mod tests;
