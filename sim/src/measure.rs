//! What a run costs: of each decision the messages, bytes, hops and rounds.

use std::collections::BTreeMap;

use quorate_protocol::committee::PartyId;
use serde::{Deserialize, Serialize};

use crate::trace::{Delivery, Event, Mark, Subject};

/// What one decision cost, its ballots, computation and signatures. What is shared with others is
/// not in it: ordering, preprocessing, catching up.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Cost {
    /// Messages of the decision that arrived anywhere.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Messages of the decision in the longest chain, each sent after the one before had arrived,
    /// that ended at a party before that party had the certificate.
    pub hops: u64,
    /// Rounds of the agreement on its ballots that anybody voted in.
    pub rounds: u64,
}

/// Measures a run from its events.
#[derive(Default)]
pub struct Measure {
    decisions: BTreeMap<u64, Decision>,
}

#[derive(Default)]
struct Decision {
    cost: Cost,
    certified: bool,
    /// Of each party: when a longer chain ended at it, and how long.
    chains: BTreeMap<PartyId, Vec<(u64, u64)>>,
    /// Parties that have the certificate.
    done: Vec<PartyId>,
}

impl Decision {
    /// The longest chain that had ended at a party by then.
    fn chain(&self, party: PartyId, time: u64) -> u64 {
        let ends = self.chains.get(&party).map_or(&[][..], Vec::as_slice);
        let by_then = ends.partition_point(|(end, _)| *end <= time);
        by_then.checked_sub(1).and_then(|i| ends.get(i)).map_or(0, |(_, length)| *length)
    }

    fn message(&mut self, time: u64, delivery: &Delivery<'_>) {
        let Delivery { from, to, sent, print, message, .. } = delivery;
        self.cost.messages += 1;
        self.cost.bytes += print.size;
        if let Some(round) = message.round() {
            self.cost.rounds = self.cost.rounds.max(u64::from(round) + 1);
        }
        if self.done.contains(to) {
            return;
        }
        let length = self.chain(*from, *sent) + 1;
        if length > self.chain(*to, time) {
            self.chains.entry(*to).or_default().push((time, length));
            self.cost.hops = self.cost.hops.max(length);
        }
    }
}

impl Measure {
    /// Takes an event in.
    pub fn event(&mut self, time: u64, event: &Event<'_>) {
        match event {
            Event::Message(delivery) => {
                if let Subject::Decision(position) = delivery.message.subject() {
                    self.decisions.entry(position).or_default().message(time, delivery);
                }
            }
            Event::At(who, Mark::Certified { position, .. }) => {
                let decision = self.decisions.entry(*position).or_default();
                decision.certified = true;
                decision.done.push(who.party);
            }
            _ => {}
        }
    }

    /// What each certified decision cost, in the order of their positions.
    pub fn costs(&self) -> Vec<Cost> {
        self.decisions.values().filter(|of| of.certified).map(|of| of.cost).collect()
    }
}

#[cfg(test)]
mod tests {
    use quorate_protocol::agreement::acs;
    use quorate_protocol::committee::PartySet;
    use quorate_protocol::decision::certificate::Outcome;
    use quorate_protocol::decision::{collect, life};

    use super::*;
    use crate::Wire;
    use crate::trace::{Asked, Print};

    fn vote(position: u64, round: u32) -> Wire {
        let (zero, one, bot) = (PartySet::EMPTY, PartySet::EMPTY, PartySet::EMPTY);
        let votes = acs::Message::Votes { round, kind: acs::Kind::E1, zero, one, bot };
        Wire::Decision(position, life::Message::Collect(collect::Message::Subset(votes)))
    }

    struct Told(Measure);

    impl Told {
        fn message(&mut self, [from, to]: [u16; 2], [sent, time]: [u64; 2], message: &Wire) {
            let (from, to) = (PartyId::new(from), PartyId::new(to));
            let print = Print { size: 10, hash: 0 };
            let delivery = Delivery { from, to, sent, epoch: 1, print, message };
            self.0.event(time, &Event::Message(delivery));
        }

        fn certified(&mut self, party: u16, time: u64) {
            let (question, outcome) = (Asked(None), Outcome::Accepted);
            let mark = Mark::Certified { question, position: 7, outcome, counted: PartySet::EMPTY };
            self.0.event(time, &Event::At(PartyId::new(party).into(), mark));
        }
    }

    #[test]
    fn a_chain_grows_only_by_what_is_sent_after_the_message_before_has_arrived() {
        let mut told = Told(Measure::default());
        told.message([0, 1], [0, 10], &vote(7, 0));
        // Sent too early to follow from that one.
        told.message([1, 2], [9, 20], &vote(7, 0));
        told.certified(2, 25);
        assert_eq!(told.0.costs(), [Cost { messages: 2, bytes: 20, hops: 1, rounds: 1 }]);
        told.message([1, 0], [10, 30], &vote(7, 3));
        told.message([0, 1], [30, 40], &vote(7, 2));
        assert_eq!(told.0.costs(), [Cost { messages: 4, bytes: 40, hops: 3, rounds: 4 }]);
        // Who has the certificate waits for nothing more.
        told.message([1, 2], [40, 50], &vote(7, 0));
        assert_eq!(told.0.costs(), [Cost { messages: 5, bytes: 50, hops: 3, rounds: 4 }]);
    }

    #[test]
    fn other_decisions_and_those_without_a_certificate_do_not_count() {
        let mut told = Told(Measure::default());
        told.message([0, 1], [0, 10], &vote(7, 0));
        told.message([1, 2], [10, 20], &vote(8, 5));
        assert_eq!(told.0.costs(), []);
        told.certified(1, 30);
        assert_eq!(told.0.costs(), [Cost { messages: 1, bytes: 10, hops: 1, rounds: 1 }]);
    }
}
