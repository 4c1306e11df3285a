//! What one member has to say to and has heard from each other: numbered lists, the same after every
//! restart, so that nothing is lost, taken twice or said in two ways.

use std::collections::BTreeMap;

use crate::committee::{Committee, PartyId, PartyMap};
use crate::fault::KeyFault;
use crate::limits;
use crate::protocol::Recipient;

/// The lists to and from all other members.
pub(super) struct Post<M> {
    committee: Committee,
    me: PartyId,
    said: Vec<M>,
    lines: PartyMap<Line<M>>,
    forgot: bool,
}

/// The lists to and from one member.
struct Line<M> {
    /// Places in `said` of what is for it; its numbers are the places in here.
    to_say: Vec<usize>,
    /// The next number to be sent. `None` until it said what it has.
    cursor: Option<usize>,
    /// The most it said to have.
    has: usize,
    /// How often it may still say so before it has more: the answer may be long.
    answers_left: u64,

    /// The next number that is taken from it.
    next: u32,
    /// Bytes taken from it.
    bytes: usize,
    /// What came before its turn, encoded and not.
    early: BTreeMap<u32, (Vec<u8>, M)>,
    early_bytes: usize,
    over_limit: bool,
}

impl<M> Default for Line<M> {
    fn default() -> Self {
        Self {
            to_say: Vec::new(),
            cursor: None,
            has: 0,
            answers_left: limits::SYNC_ANSWERS,
            next: 0,
            bytes: 0,
            early: BTreeMap::new(),
            early_bytes: 0,
            over_limit: false,
        }
    }
}

impl<M: Clone> Post<M> {
    pub(super) fn new(committee: Committee, me: PartyId) -> Self {
        Self { committee, me, said: Vec::new(), lines: PartyMap::new(committee), forgot: false }
    }

    /// Adds to the lists of its recipients what we have to say, now or before the restart.
    pub(super) fn say(&mut self, to: Recipient, message: M) {
        let place = self.said.len();
        let mut recipients = self.committee.everyone();
        if let Recipient::One(party) = to {
            recipients = [party].into_iter().collect();
        }
        recipients.remove(self.me);
        for party in recipients.iter() {
            self.lines[party].to_say.push(place);
        }
        if !recipients.is_empty() {
            self.said.push(message);
        }
    }

    /// What is to be sent now, by recipient and number: to members that are up, all they lack and
    /// were not sent since they said so. Nothing if our store is not what it was.
    pub(super) fn due(&mut self) -> Vec<(PartyId, u32, M)> {
        let mut due = Vec::new();
        if self.forgot {
            return due;
        }
        for (party, line) in self.lines.iter_mut() {
            let Some(cursor) = &mut line.cursor else { continue };
            for (number, place) in (0..).zip(&line.to_say).skip(*cursor) {
                due.extend(self.said.get(*place).map(|message| (party, number, message.clone())));
            }
            *cursor = line.to_say.len();
        }
        due
    }

    /// A member is up and has what we said before `next`. `first`: only if it is the first we hear.
    pub(super) fn hello(&mut self, from: PartyId, next: u32, first: bool) {
        let line = &mut self.lines[from];
        if first && line.cursor.is_some() {
            return;
        }
        let next = next as usize;
        if next > line.has {
            line.has = next;
            line.answers_left = limits::SYNC_ANSWERS;
        }
        if line.answers_left > 0 {
            line.answers_left -= 1;
            line.cursor = Some(next.min(line.to_say.len()));
        }
        let heard_more = self.lines.iter().filter(|(_, line)| line.has > line.to_say.len());
        self.forgot |= heard_more.count() >= self.committee.one_honest();
    }

    /// All that we have said, and to whom: `None` for everybody.
    pub(super) fn words(&self) -> Vec<(Option<PartyId>, M)> {
        let word = |(place, message): (usize, &M)| {
            let told = |(_, line): &(PartyId, &Line<M>)| line.to_say.binary_search(&place).is_ok();
            let told: Vec<PartyId> =
                self.lines.iter().filter(told).map(|(party, _)| party).collect();
            let to = told.first().copied().filter(|_| told.len() == 1);
            (to, message.clone())
        };
        self.said.iter().enumerate().map(word).collect()
    }

    /// Whether an honest member had heard more from us than we remembered to have said: our store
    /// was put back to an earlier state, and what we would say now may contradict what we said.
    pub(super) const fn forgot(&self) -> bool {
        self.forgot
    }

    /// The number of what is taken next from a member.
    pub(super) fn next_of(&self, from: PartyId) -> u32 {
        self.lines[from].next
    }

    /// Keeps what a member said until its turn. `encoded` is what will be written down.
    pub(super) fn keep(
        &mut self,
        from: PartyId,
        number: u32,
        encoded: Vec<u8>,
        message: M,
    ) -> Result<(), KeyFault> {
        let line = &mut self.lines[from];
        if number < line.next || line.early.contains_key(&number) || line.over_limit {
            return Ok(());
        }
        let size = encoded.len();
        if number >= limits::MAX_CEREMONY_MESSAGES || line.bytes + size > limits::MAX_CEREMONY_BYTES
        {
            line.over_limit = true;
            return Err(KeyFault::OverLimit);
        }
        // What does not fit can be had again: by a hello.
        if number == line.next || line.early_bytes + size <= limits::MAX_EARLY_BYTES {
            line.early_bytes += size;
            line.early.insert(number, (encoded, message));
        }
        Ok(())
    }

    /// Takes what a member said next, if it is here.
    pub(super) fn take(&mut self, from: PartyId) -> Option<(Vec<u8>, M)> {
        let line = &mut self.lines[from];
        let (encoded, message) = line.early.remove(&line.next)?;
        line.early_bytes -= encoded.len();
        self.taken(from, encoded.len());
        Some((encoded, message))
    }

    /// What a member said next, of this size when encoded, was taken.
    pub(super) fn taken(&mut self, from: PartyId, size: usize) {
        let line = &mut self.lines[from];
        line.next = line.next.saturating_add(1);
        line.bytes += size;
    }
}
