//! A member that was away for longer than its windows, and to whom links then bring all that it missed,
//! before the others have answered how far they are.

use quorate_protocol::PartyId;
use quorate_protocol::crypto::transcript::Digest;
use quorate_protocol::decision::certificate::Outcome;
use quorate_protocol::limits;
use quorate_protocol::party::Event;
use quorate_protocol::protocol::Recipient;

use super::world::World;

const AWAY: PartyId = PartyId::new(2);

impl World {
    /// A question that these members vote on.
    fn ask_all(&mut self, voters: &[u16]) -> Digest {
        let decision = self.propose(voters[0], "count(approve) >= 3");
        self.run_untimed();
        voters.iter().for_each(|party| self.vote(*party, decision, 1));
        decision
    }

    /// Starts a member again, and brings it what was said since, in the order of each link.
    fn come_back(&mut self, since: usize) {
        self.start(AWAY);
        let words = self.words[since..].to_vec();
        for (from, to, message) in words {
            if from != AWAY && [Recipient::All, Recipient::One(AWAY)].contains(&to) {
                self.step(AWAY, Event::Message { from, message });
            }
        }
        self.run_untimed();
    }

    fn runs(&self, party: PartyId) -> u64 {
        self.parties[&party].status().runs
    }
}

/// Members up, but one, decide until this holds; where the words of that time begin.
fn until(world: &mut World, enough: impl Fn(&World) -> bool) -> usize {
    let first = world.ask_all(&[0, 1, 2, 3]);
    world.run();
    world.assert_certified(first, Outcome::Accepted);
    world.stop(AWAY);
    let since = world.words.len();
    while !enough(world) {
        let decision = world.ask_all(&[0, 1, 3]);
        world.run();
        world.assert_certified(decision, Outcome::Accepted);
    }
    since
}

#[test]
fn who_missed_more_runs_than_are_kept_gets_those_that_are_and_is_needed_again() {
    for seed in 40..43 {
        let mut world = World::new(4, seed);
        let runs = world.runs(AWAY);
        let since =
            until(&mut world, |world| world.runs(PartyId::new(0)) > runs + 2 * limits::RUN_WINDOW);
        world.come_back(since);
        let status = world.parties[&AWAY].status();
        assert!(!status.run_in_progress, "seed {seed}: {status:?}");
        assert_eq!(status.runs, world.runs(PartyId::new(0)), "seed {seed}");
        // Without one of the others it takes part in all that follows.
        world.stop(PartyId::new(0));
        for _ in 0..3 {
            let decision = world.ask_all(&[1, 2, 3]);
            world.run();
            world.assert_certified(decision, Outcome::Accepted);
        }
        assert!(world.faults.is_empty(), "{:?}", world.faults);
    }
}

#[test]
fn who_missed_more_than_all_answers_hold_gets_everything_while_nothing_new_ends() {
    let mut world = World::new(4, 60);
    let missed = limits::SYNC_ANSWERS * limits::SYNC_SLOTS + 2 * limits::SYNC_SLOTS;
    until(&mut world, |world| world.parties[&PartyId::new(0)].status().positions > missed);
    world.start(AWAY);
    world.run_untimed();
    let certified = |party| world.parties[&party].status().certified;
    assert_eq!(certified(AWAY), certified(PartyId::new(0)));
}
