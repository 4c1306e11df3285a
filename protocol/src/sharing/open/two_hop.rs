//! Opening in two hops, rules B1 - B3 of the [parent module](super).

use std::sync::Arc;

use super::Message;
use super::decoder::{Decoder, Wanted};
use super::one_hop::accept;
use crate::committee::{Committee, PartyId, PartySet};
use crate::error::Error;
use crate::math::Field;
use crate::math::matrix::{dot, vandermonde};
use crate::protocol::{Outbox, Protocol};
use crate::sharing::{Shares, shamir};

/// Opens `count` shared values to everyone in two hops, `t + 1` values in one word for each party.
#[derive(Debug)]
pub struct BatchOpening<F: Field> {
    committee: Committee,
    count: usize,
    opened: bool,
    served: bool,
    shares: Decoder<F>,
    words: Decoder<F>,
}

impl<F: Field> BatchOpening<F> {
    /// An opening of `count` values.
    pub fn new(committee: Committee, count: usize) -> Self {
        let words = count.div_ceil(committee.one_honest());
        Self {
            committee,
            count,
            opened: false,
            served: false,
            shares: Decoder::new(committee, words, Wanted::Constant),
            words: Decoder::new(committee, words, Wanted::Coefficients),
        }
    }

    /// Opens one's own shares.
    ///
    /// # Errors
    /// A second call, or a number of shares other than the opening's.
    pub fn open(
        &mut self,
        shares: Shares<F>,
        out: &mut dyn Outbox<Message<F>>,
    ) -> Result<(), Error> {
        accept(&mut self.opened, self.count, &shares)?;
        let size = self.committee.one_honest();
        for party in self.committee.parties() {
            // B1
            let powers: Vec<F> = vandermonde(&[shamir::point(party)], size).concat();
            let words = shares.chunks(size).map(|values| dot(&powers, values)).collect();
            out.send_to(party, Message::new(words));
        }
        Ok(())
    }

    /// Whether this party's words were sent. Only then may the instance be dropped.
    pub const fn served(&self) -> bool {
        self.served
    }

    /// Parties blamed so far.
    pub const fn liars(&self) -> PartySet {
        self.shares.liars().union(self.words.liars())
    }

    /// Whether a wrong share or word was corrected on the way to the output.
    pub const fn corrected(&self) -> bool {
        self.shares.corrected() || self.words.corrected()
    }
}

impl<F: Field> Protocol for BatchOpening<F> {
    type Message = Message<F>;
    type Output = Vec<F>;

    fn handle(
        &mut self,
        from: PartyId,
        message: Message<F>,
        out: &mut dyn Outbox<Message<F>>,
    ) -> Option<Vec<F>> {
        match message {
            Message::Share(shares) => {
                let words = self.shares.receive(from, shares, out)?;
                self.served = true;
                out.multicast(Message::Word(Arc::new(words.into()))); // B2
                None
            }
            Message::Word(words) => {
                let mut values = self.words.receive(from, words, out)?; // B3
                values.truncate(self.count);
                Some(values)
            }
        }
    }
}
