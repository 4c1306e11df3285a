//! Getting one's share: the broadcast, the shards, the share vector.

use std::sync::Arc;

use super::{Acss, Verdict, Vetting};
use crate::committee::PartyId;
use crate::fault::SharingFault;
use crate::protocol::Outbox;
use crate::secret::Secret;
use crate::sharing::acss::message::{Complaint, Local, Message, Shard, Vetted};
use crate::sharing::acss::public::Verified;
use crate::sharing::acss::retrieval::retrieve;
use crate::sharing::acss::scheme::Scheme;
use crate::wire::Bytes;
use crate::zoo::{self, Mutant};

impl<S: Scheme> Acss<S> {
    pub(super) fn on_shards(
        &mut self,
        from: PartyId,
        shards: Vec<Shard>,
        out: &mut dyn Outbox<Message>,
    ) {
        if from != self.terms.dealer() {
            out.blame(from, SharingFault::NotDealer);
            return;
        }
        if self.forwarded {
            return;
        }
        if let Some(held) = &self.shards {
            if *held != shards {
                out.blame(from, SharingFault::SecondMessage);
            }
            return;
        }
        let n = self.terms.committee().n();
        if shards.len() != n || !shards.iter().all(|shard| self.terms.is_shard(shard)) {
            out.blame(from, SharingFault::BadShard);
            return;
        }
        self.shards = Some(shards);
        self.try_forward(out);
    }

    /// A1: has the payload that the dealer sent us checked.
    pub(super) fn try_vet(&mut self, out: &mut dyn Outbox<Message>) {
        if let (None, Some(payload)) = (&self.offered, self.rbc.held()) {
            let payload = payload.clone();
            self.offered = Some(self.vet(payload, out));
        }
    }

    /// A2: has the payload that was delivered checked, unless that was begun before.
    pub(super) fn on_delivered(&mut self, payload: Bytes, out: &mut dyn Outbox<Message>) {
        let begun = self.offered.clone().filter(|offered| offered.payload == payload);
        self.delivered = Some(begun.unwrap_or_else(|| self.vet(payload, out)));
        self.try_accept(out);
    }

    fn vet(&self, payload: Bytes, out: &mut dyn Outbox<Message>) -> Vetting<S> {
        let (terms, content) = (self.terms.clone(), payload.clone());
        out.work(Box::new(move || {
            let batch = Verified::new(&terms, &content).map(Arc::new);
            Message::Local(Local::Vetted(Vetted::new(content, batch)))
        }));
        Vetting { payload, verdict: Verdict::Open }
    }

    pub(super) fn on_vetted(&mut self, vetted: Vetted, out: &mut dyn Outbox<Message>) {
        let (payload, batch) = vetted.into_parts();
        let verdict = batch.map_or(Verdict::Bad, Verdict::Good);
        for vetting in [&mut self.offered, &mut self.delivered].into_iter().flatten() {
            if vetting.payload == payload {
                vetting.verdict = verdict.clone();
            }
        }
        self.try_accept(out);
    }

    /// A1.
    pub(super) fn try_echo(&mut self, out: &mut dyn Outbox<Message>) {
        let (false, Some(Vetting { verdict, .. })) = (self.answered, &self.offered) else { return };
        // Payload and shards are fixed from here on, so one look at both is enough.
        match (verdict, &self.shards) {
            (Verdict::Bad, _) => {
                self.answered = true;
                self.convict(out);
            }
            (Verdict::Good(batch), Some(shards)) => {
                self.answered = true;
                if self.all_belong(batch, shards) {
                    self.echoed = true;
                    self.rbc.approve(&mut out.wrap(Message::Rbc));
                } else {
                    self.accuse(SharingFault::BadShard, out);
                }
            }
            (Verdict::Open, _) | (Verdict::Good(_), None) => {}
        }
    }

    fn all_belong(&self, batch: &Verified<S>, shards: &[Shard]) -> bool {
        let me = self.keyring.me();
        let mut pairs = self.terms.committee().parties().zip(shards);
        zoo::on(Mutant::AcssLooseShards)
            || pairs.all(|(owner, shard)| batch.holds_shard(owner, me, shard))
    }

    /// A2.
    fn try_accept(&mut self, out: &mut dyn Outbox<Message>) {
        let (None, Some(Vetting { verdict, .. })) = (&self.batch, &self.delivered) else { return };
        match verdict {
            Verdict::Open => {}
            // Only with more than t corrupt parties: honest ones echo nothing of the kind.
            Verdict::Bad => self.accuse(SharingFault::BadDealing, out),
            Verdict::Good(batch) => {
                self.batch = Some(batch.clone());
                self.try_forward(out);
                for (from, message) in std::mem::take(&mut self.waiting) {
                    self.on_evidence(from, message, out);
                }
            }
        }
    }

    fn try_forward(&mut self, out: &mut dyn Outbox<Message>) {
        let (Some(batch), Some(shards)) = (&self.batch, &self.shards) else { return };
        // The shards were looked at before, if the payload is the one whose ECHO they let out.
        let offered = self.offered.as_ref().map(|offered| &offered.payload);
        let delivered = self.delivered.as_ref().map(|delivered| &delivered.payload);
        let looked = self.echoed && offered == delivered;
        if !looked && !self.all_belong(batch, shards) {
            self.accuse(SharingFault::BadShard, out);
            return;
        }
        self.forwarded = true;
        let shards = self.shards.take().unwrap_or_default();
        for (owner, shard) in self.terms.committee().parties().zip(shards) {
            out.send_to(owner, Message::Forward(shard));
        }
    }

    /// A3.
    pub(super) fn on_forward(
        &mut self,
        batch: &Arc<Verified<S>>,
        from: PartyId,
        shard: Shard,
        out: &mut dyn Outbox<Message>,
    ) {
        if self.retrieving {
            return;
        }
        if !batch.holds_shard(self.keyring.me(), from, &shard) {
            out.blame(from, SharingFault::BadShard);
            return;
        }
        self.pieces.push((from, shard));
        if self.pieces.len() < self.terms.data_shards() {
            return;
        }
        self.retrieving = true;
        let pieces = std::mem::take(&mut self.pieces);
        let (batch, keyring) = (batch.clone(), self.keyring.clone());
        out.work(Box::new(move || {
            let retrieved = retrieve(&batch, &keyring, pieces);
            Message::Local(Local::Retrieved(retrieved.map_err(Box::new)))
        }));
    }

    /// A3, A4.
    pub(super) fn on_retrieved(
        &mut self,
        retrieved: Result<Secret<Vec<u8>>, Box<Complaint>>,
        out: &mut dyn Outbox<Message>,
    ) {
        match retrieved {
            Ok(share) => {
                self.share = Some(share);
                out.multicast(Message::Ok);
                self.try_reveal(out);
            }
            Err(complaint) => {
                self.complained = true;
                self.expose(complaint.proves(), out);
                out.multicast(Message::Complain(*complaint));
            }
        }
    }
}
