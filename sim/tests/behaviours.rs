//! Each behaviour of Byzantine members, alone: that it is seen, and who is named for it. A behaviour that
//! does nothing tests nothing.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use std::cell::Cell;
use std::rc::Rc;

use quorate_protocol::committee::{PartyId, PartySet};
use quorate_sim::adversary::{
    Asked, BadShard, BadVote, Behaviour, Cheat, Copied, How, Kind, Spoil, Withheld,
};
use quorate_sim::keygen;
use quorate_sim::keygen::adversary as keys;
use quorate_sim::plan::Plan;
use quorate_sim::schedule::Discipline;
use quorate_sim::token::{Kind as Run, Token};
use quorate_sim::world::World;

/// Most seeds until a behaviour is seen. Coins are rare.
const SEEDS: u64 = 12;
const COIN_SEEDS: u64 = 600;

fn liar() -> PartyId {
    PartyId::new(2)
}

fn set(parties: &[u16]) -> PartySet {
    parties.iter().copied().map(PartyId::new).collect()
}

/// A run of four with one liar, and whether an honest member named it.
struct Ran {
    deviations: u64,
    named: bool,
}

fn is_of_coins(name: &str) -> bool {
    matches!(name, "wrong-coin" | "hold-coin")
}

/// Runs until the behaviour is seen, and its doer named if that is promised.
fn until_seen(name: &str, is_named: bool, run: impl Fn(u64) -> Ran) -> Option<String> {
    let (mut deviations, mut named) = (0, false);
    let seeds = if is_of_coins(name) { COIN_SEEDS } else { SEEDS };
    for seed in 0..seeds {
        let ran = run(seed);
        deviations += ran.deviations;
        named |= ran.named;
        if deviations > 0 && (named || !is_named) {
            return None;
        }
    }
    Some(format!("{name}: {deviations} deviations in {seeds} seeds, its doer named: {named}"))
}

/// An example of each behaviour, and whether who does so is named.
fn example(name: &str) -> (Behaviour, bool) {
    let (victims, target) = (set(&[0]), PartyId::new(1));
    let percent = 20;
    match name {
        "silent" => (Behaviour::Silent, false),
        "crash" => (Behaviour::Crash { after: 60 }, false),
        "twins" => (Behaviour::Twins, true),
        "wrong-shares" => (Behaviour::WrongShares { percent: 100 }, true),
        "cheating-dealer" => {
            (Behaviour::CheatingDealer(Cheat { victims, how: How::WrongShare }), true)
        }
        "malformed-vote" => (Behaviour::MalformedVote(BadVote::Long), true),
        "wrong-coin" => (Behaviour::WrongCoin, true),
        "exclude" => (Behaviour::Exclude { target }, false),
        "spoil" => (Behaviour::Spoil(Spoil::Shifted), false),
        "old-epoch" => (Behaviour::OldEpoch, false),
        "selective" => (Behaviour::Selective { victims, of: Some(Kind::Send) }, false),
        "equivocate" => (Behaviour::Equivocate { victims, of: Kind::Send }, true),
        "turn-late" => (Behaviour::TurnLate { after: 100, victims }, true),
        "replay" => (Behaviour::Replay { percent }, false),
        "mutate" => (Behaviour::Mutate { percent }, true),
        "garble" => (Behaviour::Garble { percent }, false),
        "invent" => (Behaviour::Invent { percent }, true),
        "flood" => (Behaviour::Flood { percent }, false),
        "hold-coin" => (Behaviour::HoldCoin(Withheld::Always), false),
        "split" => (Behaviour::Split { part: set(&[0, 1]) }, true),
        "split-estimates" => (Behaviour::SplitEstimates { part: set(&[0, 1]) }, false),
        "lie-in-shards" => (Behaviour::LieInShards(BadShard::Bytes), true),
        "accuse" => (Behaviour::Accuse, true),
        "misshape" => (Behaviour::Misshape, true),
        "copy-votes" => (Behaviour::CopyVotes { of: target }, false),
        "copy-dealings" => (Behaviour::CopyDealings(Copied::SealingKey), true),
        "storm" => (Behaviour::Storm { asked: Asked::Near, times: 2 }, false),
        "leave-early" => (Behaviour::LeaveEarly, false),
        "forge" => (Behaviour::Forge, true),
        _ => panic!("no example of {name}"),
    }
}

fn plan(name: &str, behaviour: Behaviour, seed: u64) -> Plan {
    let token = Token::new(Run::Decisions, 4, 1, seed);
    if is_of_coins(name) {
        // Real coins take votes that are split.
        let mut plan = Plan::draw(token).unwrap();
        plan.restarts.clear();
        plan.outages.clear();
        plan.questions.truncate(3);
        let splits = Behaviour::SplitEstimates { part: set(&[0, 1]) };
        plan.byzantine = vec![(liar(), vec![splits, behaviour])];
        return plan;
    }
    let mut plan = Plan::quiet(token, 2).unwrap();
    if matches!(name, "spoil" | "old-epoch") {
        plan = plan.with_refresh(1);
    }
    plan.discipline = Discipline::Random;
    plan.byzantine = vec![(liar(), vec![behaviour])];
    for question in plan.questions.iter_mut().filter(|question| question.proposer == liar()) {
        question.proposer = PartyId::new(0);
    }
    plan
}

fn run(name: &str, behaviour: Behaviour, seed: u64) -> Ran {
    let named = Rc::new(Cell::new(false));
    let heard = Rc::clone(&named);
    let mut world = World::new(plan(name, behaviour, seed));
    world.listen(Box::new(move |_, event| {
        let line = event.to_string();
        heard.set(heard.get() || line.contains(&format!(" blames party {}:", liar())));
    }));
    let report = world.run();
    assert_eq!(report.violation, None, "{name}: {}", report.token);
    let deviations = report.coverage.deviations;
    let ours = deviations.all().filter(|(other, ..)| *other == name);
    Ran { deviations: ours.map(|(.., times)| times).sum(), named: named.get() }
}

#[test]
fn every_behaviour_is_seen_and_who_is_to_be_named_is_named() {
    let unseen = Behaviour::NAMES.into_iter().filter_map(|name| {
        let (behaviour, is_named) = example(name);
        assert_eq!(behaviour.name(), name);
        until_seen(name, is_named, |seed| run(name, behaviour, seed))
    });
    assert_eq!(unseen.collect::<Vec<_>>(), Vec::<String>::new());
}

/// The same of key generations.
fn example_of_keygen(name: &str) -> (keys::Behaviour, bool) {
    use keys::{BadSet, Behaviour, Cheat, How};
    let (half, target) = (set(&[0]), PartyId::new(1));
    let percent = 20;
    match name {
        "silent" => (Behaviour::Silent, false),
        "crash" => (Behaviour::Crash { after: 60 }, false),
        "twins" => (Behaviour::Twins { half }, true),
        "late" => (Behaviour::Late { after: 60 }, false),
        "rogue" => (Behaviour::Rogue { of: target }, true),
        "dealer" => (Behaviour::Dealer(Cheat { victims: half, how: How::BadProof }), true),
        // Nobody hears both.
        "two-sets" => (Behaviour::TwoSets { half }, false),
        "bad-set" => (Behaviour::BadSet(BadSet::Empty), true),
        "false-complaints" => (Behaviour::FalseComplaints, true),
        "wrong-reveals" => (Behaviour::WrongReveals, false),
        "hasty" => (Behaviour::Hasty, false),
        // Hardly any coin takes its share.
        "wrong-coin" => (Behaviour::WrongCoin, false),
        "exclude" => (Behaviour::Exclude { target }, false),
        "selective" => (Behaviour::Selective { percent }, false),
        "replays" => (Behaviour::Replays { percent }, false),
        "garbage" => (Behaviour::Garbage { percent }, false),
        "renumbers" => (Behaviour::Renumbers { percent }, false),
        "false-hellos" => (Behaviour::FalseHellos, false),
        "other-keys" => (Behaviour::OtherKeys { signed: true }, true),
        _ => panic!("no example of {name}"),
    }
}

/// What it takes besides for the behaviour to be seen.
fn with(name: &str, behaviour: keys::Behaviour) -> Vec<keys::Behaviour> {
    let cheat = keys::Cheat { victims: set(&[0]), how: keys::How::WrongShare };
    match name {
        "wrong-reveals" => vec![keys::Behaviour::Dealer(cheat), behaviour],
        _ => vec![behaviour],
    }
}

fn run_keygen(name: &str, behaviour: keys::Behaviour, seed: u64) -> Ran {
    let named = Rc::new(Cell::new(false));
    let heard = Rc::clone(&named);
    let token = Token::new(Run::Keygen, 4, 1, seed);
    let mut plan = keygen::Plan::quiet(token).unwrap();
    plan.discipline = Discipline::Random;
    if is_of_coins(name) {
        plan = keygen::Plan { restarts: Vec::new(), ..keygen::Plan::draw(token).unwrap() };
    }
    plan.byzantine = vec![(liar(), with(name, behaviour))];
    let mut world = keygen::World::new(plan);
    world.listen(Box::new(move |_, event| {
        let line = event.to_string();
        heard.set(heard.get() || line.contains(&format!(" blames party {}:", liar())));
    }));
    let report = world.run();
    assert_eq!(report.violation, None, "{name}: {}", report.token);
    let ours = world.deviations().into_iter().filter(|(other, _)| other.name() == name);
    Ran { deviations: ours.map(|(_, times)| times).sum(), named: named.get() }
}

#[test]
fn every_behaviour_in_key_generations_is_seen_and_who_is_to_be_named_is_named() {
    let unseen = keys::Behaviour::NAMES.into_iter().filter_map(|name| {
        let (behaviour, is_named) = example_of_keygen(name);
        assert_eq!(behaviour.name(), name);
        until_seen(name, is_named, |seed| run_keygen(name, behaviour, seed))
    });
    assert_eq!(unseen.collect::<Vec<_>>(), Vec::<String>::new());
}
