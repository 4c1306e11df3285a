//! Bytes as a story of four members: what arrives, who proposes and votes, who restarts, and what a
//! corrupt member says out of turn.
//!
//! Any bytes are a story. The first says how much is allowed: by default the last member is corrupt,
//! and all that the protocol promises is checked at the end; otherwise everybody may be, and only what
//! is promised against any number is: no panic, no member that blames itself, and nothing said that
//! cannot be read. Each further step is one byte and what it takes.

use quorate_protocol::committee::PartyId;
use quorate_protocol::limits;
use quorate_protocol::wire;

use crate::network::{Asked, Letter, MEMBERS, SUPPLIED, Wire, World, small_policy};
use quorate_protocol::decision::stock::Policy;

/// Messages are forged in anybody's name.
pub const ALL_CORRUPT: u8 = 1;
/// The members begin without material.
pub const WITHOUT_MATERIAL: u8 = 2;

/// Steps that a story may take to come to rest: many times what honest members take.
const STEPS: usize = 30_000;
/// Steps of a story itself.
const LONGEST: usize = 400;
/// Bytes of a message that is given whole.
const MAX_FORGED: usize = 4 << 10;

/// What happens next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Step {
    /// So many messages arrive in order.
    Several,
    /// The message at this place arrives.
    One,
    /// Work is done.
    Work,
    /// A timer fires.
    Fire,
    /// A member proposes.
    Propose,
    /// A member votes.
    Vote,
    /// The corrupt member says what is given byte by byte.
    Forge,
    /// The corrupt member says what somebody said, changed here and there.
    Twist,
    /// A message of the corrupt member is lost.
    Lose,
    /// A message arrives once more.
    Repeat,
    /// A member dies and comes back.
    Restart,
}

/// All of them.
pub const STEPS_OF_STORIES: [Step; 11] = [
    Step::Several,
    Step::One,
    Step::Work,
    Step::Fire,
    Step::Propose,
    Step::Vote,
    Step::Forge,
    Step::Twist,
    Step::Lose,
    Step::Repeat,
    Step::Restart,
];

/// Bytes that are still to be told. Gives zeros when there are no more.
struct Story<'a>(&'a [u8]);

impl<'a> Story<'a> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn number(&mut self) -> usize {
        usize::from(u16::from_le_bytes([self.byte(), self.byte()]))
    }

    fn take(&mut self, most: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn party(&mut self) -> PartyId {
        PartyId::new(u16::from(self.byte()) % 4)
    }
}

/// Tells a story to its end, and checks what was promised.
///
/// # Panics
/// Something that was promised does not hold.
pub fn tell(bytes: &[u8]) {
    let mut story = Story(bytes);
    let allowed = story.byte();
    let all_corrupt = allowed & ALL_CORRUPT != 0;
    let world = if allowed & WITHOUT_MATERIAL != 0 {
        World::begin(small_policy())
    } else {
        World::continued(Policy::for_members(MEMBERS), &SUPPLIED)
    };
    let mut told = Told { world, all_corrupt, restarted: false };
    for _ in 0..LONGEST {
        if story.0.is_empty() {
            break;
        }
        told.step(&mut story);
        told.check_blame();
    }
    let rests = told.world.rest(STEPS);
    told.check_blame();
    if !all_corrupt {
        told.check_agreement();
        if !told.restarted {
            assert!(rests, "no rest after {STEPS} steps");
            told.check_decided();
        }
    }
}

struct Told {
    world: World,
    all_corrupt: bool,
    restarted: bool,
}

impl Told {
    fn corrupt(&self, party: PartyId) -> bool {
        self.all_corrupt || party.index() + 1 == MEMBERS
    }

    /// Whoever sends a message out of turn.
    fn forger(&self, story: &mut Story<'_>) -> PartyId {
        let party = story.party();
        if self.corrupt(party) { party } else { PartyId::new(3) }
    }

    fn step(&mut self, story: &mut Story<'_>) {
        let number = usize::from(story.byte()) % STEPS_OF_STORIES.len();
        let Some(step) = STEPS_OF_STORIES.get(number) else { return };
        let waiting = self.world.flight.len().max(1);
        match step {
            Step::Several => {
                for _ in 0..=story.byte() {
                    self.world.deliver(0);
                }
            }
            Step::One => self.world.deliver(story.number() % waiting),
            Step::Work => drop(self.world.work()),
            Step::Fire => drop(self.world.fire()),
            Step::Propose => {
                let of = story.party();
                let asked = match story.byte() % 8 {
                    0..4 => Asked::Count,
                    4..6 => Asked::Mean,
                    6 => Asked::Signature,
                    _ => Asked::Refresh,
                };
                self.world.propose(of, asked);
            }
            Step::Vote => {
                let (of, decision, value) = (story.party(), story.byte(), story.byte());
                self.world.vote(of, decision.into(), value.into());
            }
            Step::Forge => {
                let (from, to, ahead) = (self.forger(story), story.party(), story.byte());
                let length = story.number().min(MAX_FORGED);
                let message = wire::decode(story.take(length), limits::MAX_ENVELOPE);
                self.say(from, to, ahead, message.ok());
            }
            Step::Twist => {
                let (from, to, ahead) = (self.forger(story), story.party(), story.byte());
                let message = self.twisted(story);
                self.say(from, to, ahead, message);
            }
            Step::Lose => {
                let place = story.number() % waiting;
                if self.world.flight.get(place).is_some_and(|letter| self.corrupt(letter.from)) {
                    self.world.flight.remove(place);
                }
            }
            Step::Repeat => {
                let place = story.number() % self.world.said.len().max(1);
                if let Some(Letter { from, to, epoch, message }) =
                    self.world.said.get(place).cloned()
                    && self.corrupt(from)
                {
                    self.world.hear(from, to, epoch, message);
                }
            }
            Step::Restart => {
                self.restarted = true;
                self.world.restart(story.party());
            }
        }
    }

    /// What somebody said, with some of its bytes changed.
    fn twisted(&self, story: &mut Story<'_>) -> Option<Wire> {
        let place = story.number() % self.world.said.len().max(1);
        // Counted from the end: what was said last is what others wait for.
        let letter = self.world.said.iter().rev().nth(place)?;
        let mut bytes = wire::encode(&letter.message);
        for _ in 0..story.byte() % 4 {
            let (at, value) = (story.number(), story.byte());
            let at = at % bytes.len().max(1);
            match story.byte() % 4 {
                0 => bytes.get_mut(at).map(|byte| *byte = value),
                1 => bytes.get_mut(at).map(|byte| *byte = byte.wrapping_add(1)),
                2 => bytes.get_mut(at).map(|byte| *byte = byte.wrapping_sub(1)),
                _ => bytes.get_mut(at).map(|byte| *byte ^= 1 << (value % 8)),
            };
        }
        wire::decode(&bytes, limits::MAX_ENVELOPE).ok()
    }

    /// Mostly in the epoch that the recipient is in.
    fn say(&mut self, from: PartyId, to: PartyId, ahead: u8, message: Option<Wire>) {
        let Some(message) = message else { return };
        let current = self.world.member(to).map_or(0, |member| member.epoch());
        let epoch = match ahead {
            0..=223 => current,
            224..=239 => current + 1,
            240..=251 => current.saturating_sub(1),
            _ => u64::MAX,
        };
        self.world.hear(from, to, epoch, message);
    }

    fn check_blame(&self) {
        for (by, fault) in &self.world.faults {
            let unjust = !self.corrupt(*by) && !self.corrupt(fault.party);
            assert!(!unjust, "{by} blames an honest member: {fault}");
        }
    }

    fn honest(&self) -> Vec<PartyId> {
        self.world.parties().into_iter().filter(|party| !self.corrupt(*party)).collect()
    }

    /// No two honest members have different outcomes, or orders.
    fn check_agreement(&self) {
        let honest = self.honest();
        let members = || honest.iter().filter_map(|party| self.world.member(*party));
        for decision in &self.world.decisions {
            let certified = members().filter_map(|member| {
                let live = (1..=member.epoch()).filter_map(|epoch| member.party(epoch));
                let live = live.filter_map(|party| party.certificate(decision)).next();
                let archives = member.archives().values();
                live.or_else(|| archives.filter_map(|epoch| epoch.certificate(decision)).next())
            });
            let statements: Vec<_> =
                certified.map(|certificate| certificate.statement.to_signed_bytes()).collect();
            let differ = statements.windows(2).any(|two| two.first() != two.last());
            assert!(!differ, "two outcomes of {decision:?}");
        }
    }

    /// Whatever has a position is decided at all honest members, and all are in the same epoch.
    fn check_decided(&self) {
        let honest = self.honest();
        let members: Vec<_> = honest.iter().filter_map(|party| self.world.member(*party)).collect();
        for member in &members {
            for party in (1..=member.epoch()).filter_map(|epoch| member.party(epoch)) {
                let status = party.status();
                let open: Vec<String> = party
                    .decisions()
                    .into_iter()
                    .filter(|view| view.outcome.is_none())
                    .map(|view| format!("{} waits for {}", view.id, view.waiting))
                    .collect();
                let slots = party.status().slots;
                assert_eq!(status.open, 0, "{}: {open:?} after slot {slots}", member.me());
            }
        }
        let epochs: Vec<u64> = members.iter().map(|member| member.epoch()).collect();
        assert!(epochs.windows(2).all(|two| two.first() == two.last()), "epochs {epochs:?}");
    }
}
