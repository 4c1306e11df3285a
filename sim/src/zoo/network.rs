//! Whole networks and key generations, as swarms run them, and such in which one thing is sure to
//! happen.

use quorate_protocol::committee::{PartyId, PartySet};
use quorate_protocol::crypto;
use rand::RngExt;

use super::campaign::{Verdict, holds};
use crate::adversary::{Behaviour, Spoil};
use crate::keygen;
use crate::keygen::adversary::{BadSet, Behaviour as KeygenBehaviour, Cheat, How};
use crate::plan::{Plan, Restart};
use crate::report::Report;
use crate::schedule::{MILLI, SECOND};
use crate::sweep::{self, Subject};
use crate::token::{Crypto, Kind, Token};
use crate::world::World;

fn token(kind: Kind, orgs: usize, seed: u64) -> Token {
    let crypto = if crypto::IDEAL { Crypto::Ideal } else { Crypto::Real };
    Token { crypto, ..Token::new(kind, orgs, (orgs - 1) / 3, seed) }
}

fn verdict(report: Report) -> Verdict {
    report.violation.map_or(Ok(()), Err)
}

fn plan(orgs: usize, seed: u64) -> Plan {
    Plan::draw(token(Kind::Decisions, orgs, seed)).expect("a size that can be simulated")
}

fn run(plan: Plan) -> Verdict {
    verdict(World::new(plan).run())
}

/// Four members, everything drawn.
pub(super) fn four(seed: u64) -> Verdict {
    run(plan(4, seed))
}

/// Nobody lies; one member is killed again and again.
pub(super) fn killed(seed: u64) -> Verdict {
    let mut plan = plan(4, seed);
    plan.byzantine.clear();
    if plan.restarts.is_empty() {
        plan = Plan::draw(Token { byzantine: 0, ..plan.token }).expect("as before");
    }
    run(plan)
}

/// One member is silent, and all others are killed again and again: all that was on its way from them is
/// lost each time.
pub(super) fn survivors(seed: u64) -> Verdict {
    let silent = PartyId::new(1);
    let token = Token { byzantine: 0, ..plan(4, seed).token };
    let mut plan = Plan::draw(token).expect("as before");
    plan.byzantine = vec![(silent, vec![Behaviour::Silent])];
    plan.restarts.retain(|restart| restart.party != silent);
    plan.restarts.iter_mut().for_each(|restart| restart.lost = 100);
    run(plan)
}

/// In one decision in which nothing else goes wrong, all but one, which is silent, are killed once, after
/// any of their effects, and all that was on its way from them is lost.
pub(super) fn at_once(seed: u64) -> Verdict {
    let mut rng = plan(4, seed).token.rng("kills");
    let mut kill = |party| Restart {
        effects: rng.random_range(0..600),
        pause: rng.random_range(MILLI..SECOND),
        lost: 100,
        ..sweep::kill(PartyId::new(party))
    };
    let mut plan = Subject::Needed.plan(4, kill(0)).expect("of decisions");
    let silent: PartySet = plan.byzantine.iter().map(|(party, _)| *party).collect();
    plan.restarts.extend((1..4).map(kill).filter(|kill| !silent.contains(kill.party)));
    run(plan)
}

/// One member deals another secret than its share in a refresh.
pub(super) fn shifted(seed: u64) -> Verdict {
    let token = plan(4, seed).token;
    let mut plan = Plan::quiet(token, 2).expect("as before").with_refresh(1);
    plan.byzantine = vec![(PartyId::new(1), vec![Behaviour::Spoil(Spoil::Shifted)])];
    let report = World::new(plan).run();
    let refreshed = report.coverage.refreshes > 0;
    verdict(report)?;
    holds("refresh", refreshed, "a refresh that was accepted never ends")
}

/// Two refreshes among other decisions, without any fault.
pub(super) fn refreshed(seed: u64) -> Verdict {
    let token = plan(4, seed).token;
    run(Plan::quiet(token, 3).expect("as before").with_refresh(1).with_refresh(3))
}

/// One member says in an epoch what it said in the one before.
pub(super) fn old_epoch(seed: u64) -> Verdict {
    let token = plan(4, seed).token;
    let mut plan = Plan::quiet(token, 3).expect("as before").with_refresh(1);
    plan.byzantine = vec![(PartyId::new(1), vec![Behaviour::OldEpoch])];
    run(plan)
}

fn keygen_plan(seed: u64) -> keygen::Plan {
    keygen::Plan::draw(token(Kind::Keygen, 4, seed)).expect("a size that can be simulated")
}

fn run_keygen(plan: keygen::Plan) -> Verdict {
    verdict(keygen::World::new(plan).run())
}

/// Four members make their keys, everything drawn.
pub(super) fn keygen_four(seed: u64) -> Verdict {
    run_keygen(keygen_plan(seed))
}

/// The only Byzantine member of a key generation behaves in this way; nobody is killed.
fn keygen_behaving(seed: u64, behaviour: KeygenBehaviour) -> Verdict {
    let mut plan = keygen_plan(seed);
    plan.restarts.clear();
    plan.byzantine = vec![(PartyId::new(1), vec![behaviour])];
    run_keygen(plan)
}

fn keygen_dealer(seed: u64, how: How) -> Verdict {
    let victims: PartySet = [PartyId::new(2)].into_iter().collect();
    keygen_behaving(seed, KeygenBehaviour::Dealer(Cheat { victims, how }))
}

/// One member deals the identity.
pub(super) fn identity(seed: u64) -> Verdict {
    keygen_dealer(seed, How::Identity)
}

/// One member's proof of knowledge is of something else.
pub(super) fn bad_proof(seed: u64) -> Verdict {
    keygen_dealer(seed, How::BadProof)
}

/// One member's set has dealers whose dealings are not complete: those of another that deals nothing.
pub(super) fn unfinished_set(seed: u64) -> Verdict {
    keygen_behaving(seed, KeygenBehaviour::BadSet(BadSet::Unfinished))
}

/// One member's set has too few dealers.
pub(super) fn small_set(seed: u64) -> Verdict {
    keygen_behaving(seed, KeygenBehaviour::BadSet(BadSet::Small))
}
