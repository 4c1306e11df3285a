//! Opening in one hop, rules O1 and O2 of the [parent module](super).

use super::Message;
use super::decoder::{Decoder, Wanted};
use crate::committee::{Committee, PartyId, PartySet};
use crate::error::Error;
use crate::fault::OpeningFault;
use crate::math::Field;
use crate::protocol::{Outbox, Protocol};
use crate::sharing::Shares;

/// Opens `count` shared values to everyone in one hop.
#[derive(Debug)]
pub struct Opening<F: Field> {
    count: usize,
    opened: bool,
    shares: Decoder<F>,
}

impl<F: Field> Opening<F> {
    /// An opening of `count` values.
    pub fn new(committee: Committee, count: usize) -> Self {
        Self { count, opened: false, shares: Decoder::new(committee, count, Wanted::Constant) }
    }

    /// Opens one's own shares to all.
    ///
    /// # Errors
    /// A second call, or a number of shares other than the opening's.
    pub fn open(
        &mut self,
        shares: Shares<F>,
        out: &mut dyn Outbox<Message<F>>,
    ) -> Result<(), Error> {
        accept(&mut self.opened, self.count, &shares)?;
        out.multicast(Message::new(shares)); // O1
        Ok(())
    }

    /// Parties whose shares came, right or wrong.
    pub const fn seen(&self) -> PartySet {
        self.shares.seen()
    }

    /// Parties blamed so far.
    pub const fn liars(&self) -> PartySet {
        self.shares.liars()
    }

    /// Whether a wrong share was corrected on the way to the output.
    pub const fn corrected(&self) -> bool {
        self.shares.corrected()
    }
}

impl<F: Field> Protocol for Opening<F> {
    type Message = Message<F>;
    type Output = Vec<F>;

    fn handle(
        &mut self,
        from: PartyId,
        message: Message<F>,
        out: &mut dyn Outbox<Message<F>>,
    ) -> Option<Vec<F>> {
        match message {
            Message::Share(shares) => self.shares.receive(from, shares, out), // O2
            Message::Word(_) => {
                self.shares.blame(from, OpeningFault::WrongLength, out);
                None
            }
        }
    }
}

/// Checks that shares are given once and are as many as expected.
pub(super) fn accept<F: Field>(
    opened: &mut bool,
    count: usize,
    shares: &Shares<F>,
) -> Result<(), Error> {
    if *opened {
        return Err(Error::AlreadyGiven { what: "shares to open" });
    }
    if shares.len() != count {
        return Err(Error::WrongSize {
            what: "shares to open",
            expected: count,
            got: shares.len(),
        });
    }
    *opened = true;
    Ok(())
}
