//! The story of a run: its hash, and every event of it for whoever listens.
//!
//! The hash covers all there is: of a message its times, its ends, its epoch and what it was
//! encoded to, of everything else its text. Paths of messages are text only for listeners.

mod event;
mod layer;
mod page;
mod prints;
mod record;

use crate::schedule::{MILLI, SECOND};

pub use event::{Asked, Delivery, Event, Mark, Print, Who};
pub use layer::{Labelled, Layer, Subject};
pub use page::{Heading, Party, page};
pub use prints::Prints;
pub use record::Record;

/// So many bytes are hashed at once.
const HASHED_AT_ONCE: usize = 1 << 14;

/// Who is told every event of a story, with its time.
pub type Listener = Box<dyn FnMut(u64, &Event<'_>)>;

/// Hashes what happens, and tells it to whoever listens.
pub struct Trace {
    hasher: blake3::Hasher,
    /// What is to be hashed yet: much at once is quicker.
    waiting: Vec<u8>,
    listener: Option<Listener>,
    messages: u64,
    bytes: u64,
}

impl Default for Trace {
    fn default() -> Self {
        Self {
            hasher: blake3::Hasher::new_derive_key("quorate 2026 simulation trace v2"),
            waiting: Vec::new(),
            listener: None,
            messages: 0,
            bytes: 0,
        }
    }
}

impl Trace {
    /// Tells everything from now on to `listener`.
    pub fn listen(&mut self, listener: Listener) {
        self.listener = Some(listener);
    }

    /// Something happens.
    pub fn event(&mut self, time: u64, event: &Event<'_>) {
        if let Event::Message(delivery) = event {
            self.messages += 1;
            self.bytes += delivery.print.size;
            self.hash_message(time, delivery);
        } else {
            self.hash_text(time, event);
        }
        if self.waiting.len() >= HASHED_AT_ONCE {
            self.hasher.update(&self.waiting);
            self.waiting.clear();
        }
        if let Some(listener) = &mut self.listener {
            listener(time, event);
        }
    }

    /// Something happens at a party.
    pub fn at(&mut self, time: u64, who: impl Into<Who>, mark: Mark<'_>) {
        self.event(time, &Event::At(who.into(), mark));
    }

    fn hash_message(&mut self, time: u64, delivery: &Delivery<'_>) {
        let Delivery { from, to, sent, epoch, print, message: _ } = delivery;
        let ends = from.point() << 32 | to.point();
        for number in [ends, time, *sent, *epoch, print.size, print.hash] {
            self.waiting.extend_from_slice(&number.to_le_bytes());
        }
    }

    /// An end of a message is never 0, so what is no message begins with that.
    fn hash_text(&mut self, time: u64, event: &Event<'_>) {
        let text = event.to_string();
        for number in [0, time, text.len() as u64] {
            self.waiting.extend_from_slice(&number.to_le_bytes());
        }
        self.waiting.extend_from_slice(text.as_bytes());
    }

    /// Messages that arrived, and their bytes.
    pub const fn traffic(&self) -> (u64, u64) {
        (self.messages, self.bytes)
    }

    /// The hash of everything so far.
    pub fn hash(&self) -> String {
        let mut hasher = self.hasher.clone();
        hasher.update(&self.waiting).finalize().to_hex().chars().take(32).collect()
    }
}

/// A virtual time for people: seconds and milliseconds.
pub fn stamp(time: u64) -> String {
    format!("{:>5}.{:03}s", time / SECOND, time % SECOND / MILLI)
}

#[cfg(test)]
mod tests;
