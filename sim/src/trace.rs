//! The story of a run: its hash, and if wanted every line of it.

use std::fmt;

use quorate_protocol::PartyId;

use crate::schedule::{MILLI, SECOND};

/// Who is told every line of a story.
pub type Listener = Box<dyn FnMut(&str)>;

/// Hashes what happens, and tells it to whoever listens.
pub struct Trace {
    hasher: blake3::Hasher,
    listener: Option<Listener>,
    messages: u64,
    bytes: u64,
}

impl Default for Trace {
    fn default() -> Self {
        let hasher = blake3::Hasher::new_derive_key("quorate 2026 simulation trace v1");
        Self { hasher, listener: None, messages: 0, bytes: 0 }
    }
}

impl Trace {
    /// Tells every line from now on to `listener`.
    pub fn listen(&mut self, listener: Listener) {
        self.listener = Some(listener);
    }

    /// A message arrives.
    pub fn message(
        &mut self,
        time: u64,
        from: PartyId,
        to: PartyId,
        text: &dyn fmt::Display,
        size: u64,
    ) {
        self.messages += 1;
        self.bytes += size;
        self.line(time, &format_args!("{from} -> {to}  {text}  {size} bytes"));
    }

    /// Something else happens.
    pub fn line(&mut self, time: u64, text: &dyn fmt::Display) {
        let text = text.to_string();
        self.hasher.update(&time.to_le_bytes());
        self.hasher.update(&(text.len() as u64).to_le_bytes());
        self.hasher.update(text.as_bytes());
        if let Some(listener) = &mut self.listener {
            listener(&format!("{} {text}", stamp(time)));
        }
    }

    /// Messages that arrived, and their bytes.
    pub const fn traffic(&self) -> (u64, u64) {
        (self.messages, self.bytes)
    }

    /// The hash of everything so far.
    pub fn hash(&self) -> String {
        self.hasher.finalize().to_hex().chars().take(32).collect()
    }
}

/// A virtual time for people: seconds and milliseconds.
pub fn stamp(time: u64) -> String {
    format!("{:>5}.{:03}s", time / SECOND, time % SECOND / MILLI)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_message_is_in_the_hash() {
        let hash = |time, from, to, text: &'static str, size| {
            let mut trace = Trace::default();
            trace.message(time, PartyId::new(from), PartyId::new(to), &text, size);
            trace.hash()
        };
        let mut hashes = vec![
            hash(1, 2, 3, "a", 4),
            hash(0, 2, 3, "a", 4),
            hash(1, 0, 3, "a", 4),
            hash(1, 2, 0, "a", 4),
            hash(1, 2, 3, "b", 4),
            hash(1, 2, 3, "a", 0),
        ];
        assert_eq!(hashes[0], hash(1, 2, 3, "a", 4));
        hashes.sort();
        hashes.dedup();
        assert_eq!(hashes.len(), 6);
    }
}
