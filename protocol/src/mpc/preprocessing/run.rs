//! One party's state machine of a run. See the [module](super) for the protocol.

use std::sync::Arc;

use super::batch::Batch;
use super::dealing;
use super::layout::{Layout, Request};
use super::message::Message;
use super::refine::{self, Refine, Stage};
use super::statement::TripleStatement;
use crate::agreement::acs::CommonSubset;
use crate::agreement::coin::Coin;
use crate::committee::{PartyId, PartyMap, PartySet};
use crate::crypto::keyring::Keyring;
use crate::error::Error;
use crate::math::PrimeField;
use crate::protocol::{Outbox, Protocol};
use crate::secret::Secret;
use crate::sharing::Shares;
use crate::sharing::acss::{self, Acss, Deviation, Elements};
use crate::tag::Tag;

/// Messages of openings that an honest party may send before the dealers are agreed here: two hops
/// of three stages.
pub const EARLY_MESSAGES: usize = 6;

/// What happened in a run, for tests, the simulator and the operator.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct RunStats {
    /// Coins tossed.
    pub coins: u32,
    /// Sharings in which this party complained.
    pub complaints: u32,
    /// Sharings in which this party got its shares from others.
    pub recovered: u32,
    /// Openings in which wrong shares were corrected.
    pub corrected_openings: u32,
}

/// One party's instance of a preprocessing run.
pub struct Preprocessing<F: PrimeField, C: Coin> {
    me: PartyId,
    tag: Tag,
    seed: Secret<[u8; 32]>,
    layout: Layout,
    started: bool,
    sharings: PartyMap<Acss<Elements<F, TripleStatement>>>,
    /// Our shares of complete sharings, until the dealers are agreed.
    shares: PartyMap<Option<Shares<F>>>,
    subset: CommonSubset<C>,
    /// Dealers whose sharings may be called usable, if the owner says which.
    approved: Option<PartySet>,
    dealers: Option<PartySet>,
    early: PartyMap<Vec<refine::Message<F>>>,
    refine: Option<Refine<F>>,
    done: bool,
}

type Out<'a, F, C> = dyn Outbox<Message<F, <C as Coin>::Share>> + 'a;

impl<F: PrimeField, C: Coin> Preprocessing<F, C> {
    /// An instance called `tag`. All secrets it deals come from `seed` and `tag`: the seed must be
    /// the party's alone, and no two runs may have the same name.
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
        let layout = Layout::new::<F>(committee, request)?;
        Ok(Self {
            me,
            tag,
            seed,
            layout,
            started: false,
            sharings: PartyMap::from_fn(committee, |dealer| {
                Acss::new(
                    Arc::clone(&keyring),
                    dealer,
                    deal_tag(&tag, dealer),
                    layout.secrets(),
                    TripleStatement::new(layout),
                )
            }),
            shares: PartyMap::from_fn(committee, |_| None),
            subset: CommonSubset::new(committee, me, tag.child("dealers"), coin),
            approved: None,
            dealers: None,
            early: PartyMap::new(committee),
            refine: None,
            done: false,
        })
    }

    /// Has a dealer's sharing count as usable only once the owner [approves](Self::approve) of the
    /// dealer: for an owner that lets the same dealers share something else, too.
    pub fn gated(mut self) -> Self {
        self.approved = Some(PartySet::EMPTY);
        self
    }

    /// This dealer may be agreed on. What is approved here must in the end be approved by all honest
    /// parties.
    pub fn approve(&mut self, dealer: PartyId, out: &mut Out<'_, F, C>) {
        if let Some(approved) = &mut self.approved
            && approved.insert(dealer)
        {
            self.try_use(dealer, out);
        }
    }

    /// Q1. Deals once; calling it again does nothing.
    pub fn start(&mut self, out: &mut Out<'_, F, C>) {
        if !std::mem::replace(&mut self.started, true) {
            let (layout, seed, tag) =
                (self.layout, self.seed.clone(), deal_tag(&self.tag, self.me));
            out.work(Box::new(move || Message::Secrets(dealing::secrets(&layout, &seed, &tag))));
        }
    }

    /// Waits no longer for dealers whose sharings are not complete than agreement on `n - t` needs.
    pub fn close(&mut self, out: &mut Out<'_, F, C>) {
        self.subset.close(&mut out.wrap(Message::Agree));
    }

    /// Dealers that the owner has approved of.
    pub fn approved(&self) -> PartySet {
        self.approved.unwrap_or(PartySet::EMPTY)
    }

    /// The agreed dealers.
    pub const fn dealers(&self) -> Option<PartySet> {
        self.dealers
    }

    /// The sizes of this run.
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// What it is doing, in a word or two.
    pub fn progress(&self) -> &'static str {
        match &self.refine {
            _ if self.done => "done",
            None if !self.started => "waiting to start",
            None if self.subset.resolved().is_empty() => "sharing",
            None => "agreeing on dealers",
            Some(refine) => match refine.stage() {
                Stage::Multiply => "extracting",
                Stage::Square => "squaring",
                Stage::Root => "making bits",
            },
        }
    }

    /// What happened so far.
    pub fn stats(&self) -> RunStats {
        let mut stats = RunStats {
            coins: self.subset.coins_tossed(),
            corrected_openings: self.refine.as_ref().map_or(0, Refine::corrected),
            ..RunStats::default()
        };
        for sharing in self.sharings.values() {
            stats.complaints += u32::from(sharing.complained());
            stats.recovered += u32::from(sharing.recovered());
        }
        stats
    }

    /// Parties that sent wrong shares in an opening.
    pub fn liars(&self) -> PartySet {
        self.refine.as_ref().map_or(PartySet::EMPTY, Refine::liars)
    }

    /// Deals these secrets the way a corrupt dealer would, in place of [`start`](Self::start), for
    /// tests and simulations.
    pub fn start_with(
        &mut self,
        secrets: Shares<F>,
        deviation: Deviation,
        out: &mut Out<'_, F, C>,
    ) {
        if !std::mem::replace(&mut self.started, true) {
            let me = self.me;
            let mut out = out.wrap(move |message| Message::Deal(me, message));
            let _refused = self.sharings[me].deal_with(secrets, &self.seed, deviation, &mut out);
        }
    }

    /// Q1: shares these secrets.
    fn deal(&mut self, secrets: Shares<F>, out: &mut Out<'_, F, C>) {
        let me = self.me;
        let mut out = out.wrap(move |message| Message::Deal(me, message));
        // The only error is a second deal: a local message handed in twice.
        let _second = self.sharings[me].deal(secrets, &self.seed, &mut out);
    }

    fn on_deal(
        &mut self,
        from: PartyId,
        dealer: PartyId,
        message: acss::Message,
        out: &mut Out<'_, F, C>,
    ) {
        if !self.layout.committee().contains(dealer) {
            return;
        }
        let mut wrapped = out.wrap(move |message| Message::Deal(dealer, message));
        let Some(shares) = self.sharings[dealer].handle(from, message, &mut wrapped) else {
            return;
        };
        self.shares[dealer] = Some(shares);
        self.try_use(dealer, out);
    }

    /// Q2
    fn try_use(&mut self, dealer: PartyId, out: &mut Out<'_, F, C>) {
        if self.shares[dealer].is_some() && self.approved.is_none_or(|set| set.contains(dealer)) {
            let decided = self.subset.usable(dealer, &mut out.wrap(Message::Agree));
            self.on_subset(decided, out);
        }
    }

    /// Q3, when the dealers are agreed and their shares are here.
    fn on_subset(&mut self, decided: Option<PartySet>, out: &mut Out<'_, F, C>) {
        let Some(dealers) = decided else { return };
        let mut held = |dealer: PartyId| self.shares[dealer].take().expect("usable, so held");
        let batches = dealers.iter().map(|dealer| (dealer, held(dealer))).collect();
        self.shares = PartyMap::from_fn(self.layout.committee(), |_| None);
        self.dealers = Some(dealers);
        let refine = self.refine.insert(Refine::new(self.layout, self.me, batches));
        let mut out = out.wrap(Message::Refine);
        refine.start(&mut out);
        for (from, messages) in self.early.iter_mut() {
            for message in std::mem::take(messages) {
                // Nothing can come out before our own work is back.
                let _none = refine.handle(from, message, &mut out);
            }
        }
    }

    fn on_refine(
        &mut self,
        from: PartyId,
        message: refine::Message<F>,
        out: &mut Out<'_, F, C>,
    ) -> Option<Batch<F>> {
        let Some(refine) = &mut self.refine else {
            let early = &mut self.early[from];
            // Links may repeat what they carry: what a party says twice takes no second place.
            let slot = message.slot();
            if early.len() < EARLY_MESSAGES && early.iter().all(|kept| kept.slot() != slot) {
                early.push(message);
            }
            return None;
        };
        let batch = refine.handle(from, message, &mut out.wrap(Message::Refine))?;
        self.done = true;
        Some(batch)
    }
}

/// The name of a dealer's sharing within a run.
pub fn deal_tag(tag: &Tag, dealer: PartyId) -> Tag {
    tag.indexed("dealer", dealer.point())
}

impl<F: PrimeField, C: Coin> Protocol for Preprocessing<F, C> {
    type Message = Message<F, C::Share>;
    type Output = Batch<F>;

    fn handle(
        &mut self,
        from: PartyId,
        message: Self::Message,
        out: &mut Out<'_, F, C>,
    ) -> Option<Batch<F>> {
        match message {
            Message::Secrets(secrets) if from == self.me => self.deal(secrets, out),
            Message::Secrets(_) => {}
            Message::Deal(dealer, message) => self.on_deal(from, dealer, message, out),
            Message::Agree(message) => {
                let decided = self.subset.handle(from, message, &mut out.wrap(Message::Agree));
                self.on_subset(decided, out);
            }
            Message::Refine(message) => return self.on_refine(from, message, out),
        }
        None
    }
}

#[cfg(test)]
mod tests;
