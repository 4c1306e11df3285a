//! A member that was away for longer than its windows, and to whom links then bring all that it missed,
//! before the others have answered how far they are.

use std::ops::Range;

use quorate_protocol::PartyId;
use quorate_protocol::crypto::transcript::Digest;
use quorate_protocol::decision::certificate::Outcome;
use quorate_protocol::limits;
use quorate_protocol::party::restored::restored_mark;
use quorate_protocol::party::{Again, Event, Message, sync};
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

#[test]
fn who_was_away_gets_all_outcomes_though_a_decision_before_them_is_open() {
    let mut world = World::new(4, 61);
    // The first one waits for as long as its votes do not get through.
    let open = world.propose(0, "count(approve) >= 3");
    world.run_untimed();
    world.lost = |(_, _, message)| matches!(message, Message::Decision(0, _));
    let more = 2 * limits::SYNC_CERTIFICATES as u64 + 10;
    until(&mut world, |world| world.parties[&PartyId::new(0)].status().certified > more);
    world.start(AWAY);
    world.run_untimed();
    let status = world.parties[&AWAY].status();
    assert_eq!(status.certified, world.parties[&PartyId::new(0)].status().certified);
    assert_eq!((status.open, world.parties[&AWAY].undecided()[0].digest), (1, open));
    // The same of what it only follows, since it may have forgotten what it said.
    world.lost = |(_, to, message)| match message {
        Message::Decision(position, _) => *position == 0 || *to == AWAY,
        _ => false,
    };
    for _ in 0..3 {
        world.ask_all(&[0, 1, 3]);
        world.run();
    }
    assert_eq!(world.parties[&AWAY].status().open, 4);
    world.lost = |(_, _, message)| matches!(message, Message::Decision(0, _));
    world.stop(AWAY);
    world.stores.get_mut(&AWAY).unwrap().write(restored_mark([9; 32]));
    world.start(AWAY);
    world.run_untimed();
    assert_eq!(world.parties[&AWAY].status().open, 1);
    // And whenever it starts, nobody may be about to say anything else.
    world.stop(AWAY);
    let said = world.words.len();
    world.start(AWAY);
    let next = world.parties[&AWAY].status().positions;
    let lacking = |(from, to, message): &(_, _, _)| match message {
        Message::Sync(sync::Message::Lacking(_, gaps)) => {
            (*from, *to) == (AWAY, Recipient::All) && *gaps == [0..1, next..u64::MAX]
        }
        _ => false,
    };
    assert!(world.words[said..].iter().any(lacking));
    world.run_untimed();
    // Nor does it matter to ask for what makes no sense.
    let backwards = Range { start: 9, end: 2 };
    let gaps = vec![backwards, 5..5, 3..u64::MAX];
    for certificates in [0, 1, u64::MAX] {
        let message = Message::Sync(sync::Message::Lacking(certificates, gaps.clone()));
        let from = AWAY;
        world.step(PartyId::new(0), Event::Message { from, message });
    }
    world.run_untimed();
    assert!(world.faults.is_empty(), "{:?}", world.faults);
}

/// When decisions end that are open for long.
const LATE: u64 = 10_000_000;

/// One is away while a decision is ordered, and many others after it; in so many runs, each of which
/// another decision uses that stays open. Returns the first one that is open.
fn open_for_long(world: &mut World, runs: u64) -> Digest {
    world.stop(AWAY);
    let mut open = Vec::new();
    for _ in 0..runs {
        world.deadline_ms = LATE;
        open.push(world.propose([0, 1, 3][open.len() % 3], "count(approve) >= 3"));
        world.run_before(LATE);
        world.deadline_ms = 1_000_000;
        let before = world.runs(PartyId::new(0));
        while world.runs(PartyId::new(0)) == before {
            let decision = world.ask_all(&[0, 1, 3]);
            world.run_before(LATE);
            world.assert_certified(decision, Outcome::Accepted);
        }
    }
    open[0]
}

#[test]
fn who_missed_many_runs_takes_part_in_a_decision_that_is_still_open() {
    for (seed, restarts) in [(62, false), (63, true)] {
        let mut world = World::new(4, seed);
        let open = open_for_long(&mut world, 3 * limits::RUN_WINDOW);
        if restarts {
            // What was kept for it is in their logs.
            for party in [0, 1, 3].map(PartyId::new) {
                world.stop(party);
                world.start(party);
            }
            world.run_before(LATE);
        }
        // The links gave up meanwhile.
        world.start(AWAY);
        for party in [0, 1, 3].map(PartyId::new) {
            world.say_again(party, AWAY, Again::All);
        }
        world.run_before(LATE);
        assert_eq!(world.runs(AWAY), world.runs(PartyId::new(0)), "seed {seed}");
        world.stop(PartyId::new(0));
        [1, 2, 3].into_iter().for_each(|party| world.vote(party, open, 1));
        world.run();
        world.assert_certified(open, Outcome::Accepted);
        assert!(world.faults.is_empty(), "{:?}", world.faults);
    }
}

#[test]
fn who_missed_more_runs_than_can_be_kept_gives_those_up_that_are_not() {
    let mut world = World::new(4, 64);
    let kept = limits::kept_runs(4) as u64;
    open_for_long(&mut world, kept + limits::RUN_WINDOW);
    world.start(AWAY);
    world.run_before(LATE);
    assert_eq!(world.runs(AWAY), world.runs(PartyId::new(0)));
    assert_eq!(world.parties[&AWAY].undecided().len() as u64, kept + limits::RUN_WINDOW);
}
