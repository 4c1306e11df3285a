//! A refresh in which one seat goes to another member, the *newcomer*.
//!
//! Shares go from the members of one epoch to those of the next, which is what Y. Desmedt and S.
//! Jajodia, *Redistributing secret shares to new access structures* (1997), is about, and D. Schultz,
//! B. Liskov and M. Liskov, *MPSS: Mobile Proactive Secret Sharing* (TISSEC 2010), do asynchronously:
//! who gets a share need not have had one.
//!
//! # Model
//! As without it, and the seat counts among the `t` in the epoch that ends, whoever held it, and in
//! the refresh until the newcomer has its share. In the next epoch it is a member like any other.
//! The newcomer knows the public part of the old keys, and has a sealing key that all members know.
//!
//! # Protocol
//! - W1 All instances have the newcomer's identity and sealing key at its seat from the start, so
//!   what is dealt to the seat is sealed to the newcomer.
//! - W2 The newcomer neither deals nor votes: it has no share, and so no coin. It hears all, and asks:
//!   PULL for a payload, COMPLAIN with the proof of a bad share. It says nothing else.
//! - W3 Nothing else is taken from the seat, without blame: the newcomer says none of it, and what
//!   the member before said may not count beside what the newcomer says. A dealing of the seat is no
//!   sharing that could become usable.
//! - W4 The newcomer outputs by R4 what the others do, with its own shares. Its sealing key stays the
//!   one it came with, as that of anybody outside `Q` (R5).
//!
//! # Why it works
//! *To the others* the seat is a member that has crashed, and may prove that a dealer is corrupt. With
//! at most `t - 1` more that are corrupt, all `n - t` honest members deal and vote, so all that is said
//! of the refresh holds for them: agreement, termination, and that the keys stay. Who is in `Q` does
//! not matter: `n - t` sharings of which `n - 2t >= t + 1` are honest.
//!
//! *The newcomer ends with the same.* All it needs is said by the `n - t` honest members and the same
//! whenever it is told: `2t + 1` READY and DONE, `t + 1` shards of what is sealed to it, and of each
//! agreement `n - t >= t + 1` DECIDE for one value, of which any `t + 1` are enough without a coin
//! (A11 of [`aba`](crate::agreement::aba)). A dealer of `Q` that gave it no valid share is exposed by
//! its complaint, which is proven by its sealing key alone, and `t + 1` honest holders reveal (A6 to A8
//! of [`acss`]): as long as they have not erased them, which the owner sees to.
//!
//! *Independence.* The newcomer's share is one more value of the same polynomials. Whoever held the
//! seat before has its share of the old ones, and counts for that among the `t` of the old epoch; of
//! the new polynomials it gets nothing, since nothing is sealed to it.

use super::Message;
use crate::agreement::rbc;
use crate::fault::Fault;
use crate::protocol::{Job, Outbox, Recipient};
use crate::sharing::acss;

/// W2: whether a newcomer may say this.
pub(super) const fn is_question(message: &Message) -> bool {
    matches!(
        message,
        Message::Dealing(_, acss::Message::Complain(_) | acss::Message::Rbc(rbc::Message::Pull(_)))
            | Message::Sealing(_, rbc::Message::Pull(_))
    )
}

/// The outbox of a newcomer, which lets only its questions out.
pub(super) struct Asking<'a>(pub(super) &'a mut dyn Outbox<Message>);

impl Outbox<Message> for Asking<'_> {
    fn send(&mut self, to: Recipient, message: Message) {
        if is_question(&message) {
            self.0.send(to, message);
        }
    }

    fn report(&mut self, fault: Fault) {
        self.0.report(fault);
    }

    fn work(&mut self, job: Job<Message>) {
        self.0.work(job);
    }
}

#[cfg(test)]
mod tests;
