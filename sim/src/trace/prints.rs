//! Prints of messages, most of which go to several parties.

use std::collections::BTreeMap;

use quorate_protocol::wire;
use serde::Serialize;

use super::Print;

/// Makes prints, and keeps the last one of each place of a frame: what is said to all is hashed once.
#[derive(Default)]
pub struct Prints {
    /// By place.
    last: BTreeMap<usize, Printed>,
    encoded: Vec<u8>,
}

struct Printed {
    bytes: Vec<u8>,
    print: Print,
}

impl Prints {
    /// The print of a message that stands at this place of its frame.
    pub fn of<M: Serialize + ?Sized>(&mut self, place: usize, message: &M) -> Print {
        self.encoded.clear();
        wire::append(message, &mut self.encoded);
        let new = || Printed { bytes: Vec::new(), print: Print::of(&[]) };
        let last = self.last.entry(place).or_insert_with(new);
        if last.bytes != self.encoded {
            std::mem::swap(&mut last.bytes, &mut self.encoded);
            last.print = Print::of(&last.bytes);
        }
        last.print
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_print_is_of_what_was_said_now() {
        let mut prints = Prints::default();
        let messages = ["a", "b", "a", "a", "longer", "a", ""];
        for place in [0, 1, 5, 0, 1] {
            for message in messages {
                assert_eq!(prints.of(place, message), Print::of(&wire::encode(message)));
            }
        }
    }
}
