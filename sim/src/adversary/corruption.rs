//! What a Byzantine party does, all together, and how often it has really done it.

use quorate_protocol::committee::PartyId;

use super::{Adversary, Behaviour, Deviations, Insider, Letter};
use crate::{Rng, Wire};

/// The behaviours of a member, applied one after the other; of an honest one, none.
pub struct Corruption(Vec<Deed>);

struct Deed {
    behaviour: Behaviour,
    adversary: Option<Box<dyn Adversary>>,
    times: u64,
}

impl Corruption {
    /// Nothing was done yet.
    pub fn new(behaviours: &[Behaviour], insider: &Insider) -> Self {
        let deed = |behaviour: &Behaviour| Deed {
            behaviour: *behaviour,
            adversary: behaviour.adversary(insider),
            times: 0,
        };
        Self(behaviours.iter().map(deed).collect())
    }

    /// Whether anything is done at all.
    pub const fn is_honest(&self) -> bool {
        self.0.is_empty()
    }

    /// An epoch begins: from here on this is what the member knows of itself.
    pub fn begins(&mut self, insider: &Insider) {
        for adversary in self.0.iter_mut().filter_map(|deed| deed.adversary.as_mut()) {
            adversary.begins(insider);
        }
    }

    /// What is really sent in place of a message to one recipient.
    pub fn rewrite(&mut self, letter: Letter, rng: &mut Rng) -> Vec<Wire> {
        let Letter { to, inner, message } = letter;
        let mut messages = vec![message];
        for Deed { behaviour, adversary, times } in &mut self.0 {
            let mut said = Vec::new();
            for message in messages {
                let letter = Letter { to, inner, message };
                let rewritten = adversary.as_mut().and_then(|a| a.rewrite(&letter, rng));
                *times += u64::from(rewritten.is_some() || behaviour.is_in(&letter.message));
                match rewritten {
                    Some(rewritten) => said.extend(rewritten),
                    None => said.push(letter.message),
                }
            }
            messages = said;
        }
        messages
    }

    /// What is made of a result of one's own work.
    pub fn done(&mut self, mut message: Wire, rng: &mut Rng) -> Wire {
        for Deed { adversary, times, .. } in &mut self.0 {
            if let Some(other) = adversary.as_mut().and_then(|a| a.done(&message, rng)) {
                *times += 1;
                message = other;
            }
        }
        message
    }

    /// What is said, and to whom, because of what was heard.
    pub fn hear(&mut self, from: PartyId, message: &Wire, rng: &mut Rng) -> Vec<(PartyId, Wire)> {
        let mut all = Vec::new();
        for Deed { adversary, times, .. } in &mut self.0 {
            let Some(adversary) = adversary else { continue };
            let said = adversary.hear(from, message, rng);
            *times += said.len() as u64;
            all.extend(said);
        }
        all
    }

    /// How often each behaviour was really seen.
    pub fn deviations(&self) -> Deviations {
        let mut deviations = Deviations::default();
        self.0.iter().for_each(|deed| deviations.count(&deed.behaviour, deed.times));
        deviations
    }
}
