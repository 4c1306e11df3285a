//! When somebody has no share: complaints, and what they set going.

use std::sync::Arc;

use super::Acss;
use crate::committee::PartyId;
use crate::fault::SharingFault;
use crate::protocol::Outbox;
use crate::secret::Secret;
use crate::sharing::acss::message::{Complaint, Local, Message};
use crate::sharing::acss::public::Verified;
use crate::sharing::acss::retrieval::{interpolate, judge};
use crate::sharing::acss::scheme::Scheme;
use crate::wire::Bytes;
use crate::zoo::{self, Mutant};

impl<S: Scheme> Acss<S> {
    /// A6.
    pub(super) fn on_complain(
        &mut self,
        batch: Arc<Verified<S>>,
        complainer: PartyId,
        complaint: Complaint,
        out: &mut dyn Outbox<Message>,
    ) {
        if self.exposed {
            return;
        }
        let keyring = self.keyring.clone();
        out.work(Box::new(move || {
            let proven = judge(&batch, &keyring, complainer, &complaint);
            Message::Local(Local::Judged { complainer, proven })
        }));
    }

    /// A7.
    pub(super) fn try_reveal(&mut self, out: &mut dyn Outbox<Message>) {
        if let (true, false, Some(share)) = (self.exposed, self.reveal_sent, &self.share)
            && !zoo::on(Mutant::AcssNoReveal)
        {
            self.reveal_sent = true;
            out.multicast(Message::Reveal(share.expose().as_slice().into()));
        }
    }

    /// A8.
    pub(super) fn on_reveal(
        &mut self,
        batch: Arc<Verified<S>>,
        from: PartyId,
        share: Bytes,
        out: &mut dyn Outbox<Message>,
    ) {
        if self.has_share() || self.recovering {
            return;
        }
        out.work(Box::new(move || {
            let holds = batch.check_share(from, &share) || zoo::on(Mutant::AcssLooseReveal);
            let share = holds.then(|| Secret::new(share.to_vec()));
            Message::Local(Local::Checked { from, share })
        }));
    }

    /// A8.
    pub(super) fn on_checked(
        &mut self,
        from: PartyId,
        share: Option<Secret<Vec<u8>>>,
        out: &mut dyn Outbox<Message>,
    ) {
        let Some(share) = share else {
            out.blame(from, SharingFault::BadReveal);
            return;
        };
        let Some(batch) = self.batch.clone() else { return };
        if self.has_share() || self.recovering {
            return;
        }
        self.revealed.push((from, share));
        if self.revealed.len() < self.terms.committee().one_honest() {
            return;
        }
        self.recovering = true;
        let revealed = std::mem::take(&mut self.revealed);
        let me = self.keyring.me();
        out.work(Box::new(move || {
            Message::Local(Local::Recovered(interpolate(&batch, me, &revealed)))
        }));
    }

    /// A6: the dealer is proven corrupt.
    pub(super) fn expose(&mut self, fault: SharingFault, out: &mut dyn Outbox<Message>) {
        self.exposed = true;
        self.accuse(fault, out);
        self.try_reveal(out);
    }
}
