use super::*;
use crate::agreement::acs;
use crate::agreement::coin::IdealCoin;
use crate::committee::Committee;
use crate::fault::{FaultKind, SharingFault};
use crate::math::{Field, Fp61};
use crate::mpc::preprocessing::testing::{Lie, Opened, reconstruct};
use crate::mpc::preprocessing::yields;
use crate::sharing::open;
use crate::testkit::{Network, Order};
use crate::wire;

type Run = Preprocessing<Fp61, IdealCoin>;

const ORDERS: [Order; 3] = [Order::Fifo, Order::Lifo, Order::Random];
const REQUEST: Request = Request { triples: 30, bits: 12 };

/// Who does what in a run.
#[derive(Clone, Copy, Default)]
struct Adversary {
    /// Send nothing at all.
    silent: PartySet,
    /// Lie in every opening, and are honest otherwise.
    liars: PartySet,
    /// Deal one false triple.
    false_triples: PartySet,
    /// Deal wrong shares to the first t parties and none to the next.
    wrong_shares: PartySet,
}

impl Adversary {
    fn all(&self) -> PartySet {
        self.silent.union(self.liars).union(self.false_triples).union(self.wrong_shares)
    }
}

fn network(n: usize, order: Order, seed: u64) -> Network<Run> {
    let committee = Committee::new(n).unwrap();
    let keyrings = Keyring::for_tests(n, seed);
    Network::new(committee, order, seed, |me| {
        let coin = Arc::new(IdealCoin::new(me, seed));
        let own = Secret::new([me.index() as u8; 32]);
        let tag = Tag::root(&[2; 32], seed);
        Run::new(keyrings[me.index()].clone(), coin, tag, own, REQUEST).unwrap()
    })
}

/// Starts everyone, runs until nothing moves, lets patience run out, and runs on.
fn run(network: &mut Network<Run>, adversary: Adversary, lie: Lie) {
    network.byzantine = adversary.silent;
    for party in network.honest() {
        network.act(party, |run, out| start(run, party, adversary, out));
    }
    deliver(network, adversary, lie);
    for party in network.honest() {
        network.act(party, |run, out| run.close(out));
    }
    deliver(network, adversary, lie);
    network.byzantine = adversary.all();
}

fn start(run: &mut Run, me: PartyId, adversary: Adversary, out: &mut Out<'_, Fp61, IdealCoin>) {
    let layout = *run.layout();
    let mut secrets =
        dealing::secrets::<Fp61>(&layout, &run.seed, &deal_tag(&run.tag, me)).to_vec();
    let mut deviation = Deviation::default();
    if adversary.false_triples.contains(me) {
        secrets[layout.randoms() + 2 * layout.factors_len() + 1] += Fp61::ONE;
    } else if adversary.wrong_shares.contains(me) {
        let victims = layout.committee().parties().filter(|p| !adversary.all().contains(*p));
        let mut victims = victims.take(layout.committee().t());
        deviation.wrong_share = victims.next().into_iter().collect();
        deviation.junk = victims.collect();
    } else {
        return run.start(out);
    }
    run.start_with(secrets.into(), deviation, out);
}

fn deliver(network: &mut Network<Run>, adversary: Adversary, lie: Lie) {
    while let Some(mut envelope) = network.next() {
        if let Message::Refine(message) = &mut envelope.message
            && adversary.liars.contains(envelope.from)
        {
            lie.tell(message);
        }
        network.deliver(envelope);
    }
}

/// Checks that all honest parties have the same dealers and shares of true triples and bits.
fn check(network: &Network<Run>, committee: Committee) -> (PartySet, Opened<Fp61>) {
    network.assert_no_honest_blamed();
    let honest: Vec<PartyId> = network.honest().collect();
    let batches: Vec<_> = honest
        .iter()
        .map(|p| (*p, network.outputs[p.index()].as_ref().expect("an output")))
        .collect();
    let opened = reconstruct(committee, &batches);
    let dealers = network.parties[honest[0].index()].dealers().unwrap();
    for party in honest {
        let run = &network.parties[party.index()];
        assert_eq!(run.dealers(), Some(dealers));
        assert_eq!(run.progress(), "done");
    }
    let promised = yields(committee, dealers.len(), REQUEST);
    assert_eq!((opened.triples.len(), opened.bits.len()), (promised.triples, promised.bits));
    let ones = opened.bits.iter().filter(|bit| **bit == Fp61::ONE).count();
    assert!(ones > 0 && ones < opened.bits.len(), "{ones} ones of {}", opened.bits.len());
    (dealers, opened)
}

fn set(parties: &[u16]) -> PartySet {
    parties.iter().copied().map(PartyId::new).collect()
}

fn committee(n: usize) -> Committee {
    Committee::new(n).unwrap()
}

#[test]
fn without_faults_everyone_deals_and_nobody_needs_patience() {
    for order in ORDERS {
        for n in [4, 7] {
            let mut network = network(n, order, 1);
            for party in network.honest() {
                network.act(party, |run, out| run.start(out));
            }
            network.run(1_000_000);
            let (dealers, opened) = check(&network, committee(n));
            assert_eq!(dealers, committee(n).everyone());
            assert!(network.faults.is_empty());
            let mut distinct: Vec<_> = opened.triples.iter().flatten().collect();
            distinct.sort();
            distinct.dedup();
            assert_eq!(distinct.len(), 3 * opened.triples.len());
        }
    }
}

#[test]
fn t_silent_parties_stop_nothing() {
    for order in ORDERS {
        for (n, silent) in [(4, set(&[0])), (4, set(&[3])), (7, set(&[1, 4]))] {
            let mut network = network(n, order, 2);
            run(&mut network, Adversary { silent, ..Adversary::default() }, Lie::Shifted);
            let (dealers, _) = check(&network, committee(n));
            assert_eq!(dealers, committee(n).everyone().difference(silent));
            assert!(network.faults.is_empty());
        }
    }
}

#[test]
fn t_liars_in_every_opening_change_nothing_and_are_named() {
    let mut corrections = 0;
    for (order, lie) in ORDERS.into_iter().zip(Lie::ALL) {
        for (n, liars) in [(4, set(&[0])), (4, set(&[2])), (7, set(&[3, 5]))] {
            let mut network = network(n, order, 3);
            run(&mut network, Adversary { liars, ..Adversary::default() }, lie);
            check(&network, committee(n));
            for party in network.honest() {
                let run = &network.parties[party.index()];
                assert_eq!(run.liars(), liars, "{lie:?} {order:?}");
                assert_eq!(run.stats().complaints, 0);
            }
            let corrected = |p: PartyId| network.parties[p.index()].stats().corrected_openings;
            corrections += network.honest().map(corrected).sum::<u32>();
        }
    }
    assert!(corrections > 0);
}

#[test]
fn dealers_of_false_triples_are_left_out() {
    for order in ORDERS {
        for (n, cheats) in [(4, set(&[1])), (7, set(&[0, 6]))] {
            let mut network = network(n, order, 4);
            let adversary = Adversary { false_triples: cheats, ..Adversary::default() };
            run(&mut network, adversary, Lie::Shifted);
            let (dealers, _) = check(&network, committee(n));
            assert_eq!(dealers, committee(n).everyone().difference(cheats));
            // Everybody saw that the proof does not hold, before any ECHO.
            let by: PartySet = network.faults.iter().map(|(by, _)| *by).collect();
            assert!(network.honest().all(|party| by.contains(party)));
            let bad = FaultKind::Sharing(SharingFault::BadDealing);
            assert!(network.faults.iter().all(|(_, fault)| fault.kind == bad));
        }
    }
}

#[test]
fn dealers_of_wrong_shares_harm_nobody_and_are_named() {
    let (mut complaints, mut recovered) = (0, 0);
    for order in ORDERS {
        for (n, cheats) in [(4, set(&[3])), (7, set(&[0, 2]))] {
            let mut network = network(n, order, 5);
            let adversary = Adversary { wrong_shares: cheats, ..Adversary::default() };
            run(&mut network, adversary, Lie::Shifted);
            check(&network, committee(n));
            let named: PartySet = network.faults.iter().map(|(_, fault)| fault.party).collect();
            assert_eq!(named, cheats);
            for party in network.honest() {
                let stats = network.parties[party.index()].stats();
                complaints += stats.complaints;
                recovered += stats.recovered;
            }
        }
    }
    assert!(complaints > 0 && recovered > 0, "{complaints} complaints, {recovered} recovered");
}

#[test]
fn all_faults_at_once() {
    for order in ORDERS {
        let adversary = Adversary { silent: set(&[1]), liars: set(&[5]), ..Adversary::default() };
        let mut first = network(7, order, 6);
        run(&mut first, adversary, Lie::OneElement);
        check(&first, committee(7));
        let adversary =
            Adversary { wrong_shares: set(&[2]), liars: set(&[2, 3]), ..Adversary::default() };
        let mut second = network(7, order, 7);
        run(&mut second, adversary, Lie::Shifted);
        check(&second, committee(7));
    }
}

#[test]
fn a_party_that_starts_last_gets_its_batch() {
    for order in ORDERS {
        let mut network = network(4, order, 8);
        for party in network.honest().skip(1) {
            network.act(party, |run, out| run.start(out));
        }
        // Party 0 hears nothing for as long as the others can go on without it.
        let mut held = Vec::new();
        let mut closed = false;
        loop {
            while let Some(envelope) = network.next() {
                match envelope.to.index() {
                    0 => held.push(envelope),
                    _ => network.deliver(envelope),
                }
            }
            if std::mem::replace(&mut closed, true) {
                break;
            }
            for party in network.honest().skip(1) {
                network.act(party, |run, out| run.close(out));
            }
        }
        assert!(network.outputs[0].is_none() && network.outputs[1..].iter().all(Option::is_some));
        network.act(PartyId::new(0), |run, out| {
            run.start(out);
            run.start(out);
        });
        network.flight.extend(held);
        network.run(1_000_000);
        let (dealers, _) = check(&network, committee(4));
        assert_eq!(dealers, set(&[1, 2, 3]));
        assert!(network.faults.is_empty());
    }
}

#[test]
fn early_messages_of_openings_are_kept_up_to_a_bound() {
    let mut network = network(4, Order::Fifo, 9);
    let hostile = PartyId::new(3);
    let share = |i| Arc::new(Shares::from(vec![Fp61::from_u64(i)]));
    for stage in [Stage::Multiply, Stage::Square, Stage::Root] {
        for i in 0..20 {
            for message in [open::Message::Share(share(i)), open::Message::Word(share(i))] {
                let message = Message::Refine(refine::Message::Open(stage, message));
                network.inject(hostile, crate::Recipient::One(PartyId::new(0)), message);
            }
        }
    }
    network.run(1_000);
    let kept = &network.parties[0].early[hostile];
    let slots: std::collections::BTreeSet<_> = kept.iter().map(|kept| kept.slot()).collect();
    assert_eq!((kept.len(), slots.len()), (EARLY_MESSAGES, EARLY_MESSAGES));
    let silent = [hostile].into_iter().collect();
    run(&mut network, Adversary { silent, ..Adversary::default() }, Lie::Shifted);
    check(&network, committee(4));
}

#[test]
fn what_links_repeat_displaces_nothing_of_a_party_that_is_late() {
    let mut network = network(4, Order::Random, 12);
    let late = PartyId::new(0);
    for party in network.honest() {
        network.act(party, |run, out| run.start(out));
    }
    // The others finish; the late one hears all of it at once afterwards, everything twice.
    let mut held = Vec::new();
    while let Some(envelope) = network.next() {
        if envelope.to == late && envelope.from != late {
            held.push(envelope.clone());
            held.push(envelope);
        } else {
            network.deliver(envelope);
        }
        if network.flight.is_empty() {
            for party in network.honest() {
                network.act(party, |run, out| run.close(out));
            }
        }
    }
    let openings =
        |envelope: &crate::testkit::InFlight<_>| matches!(envelope.message, Message::Refine(_));
    let (first, rest): (Vec<_>, Vec<_>) = held.into_iter().partition(openings);
    for envelope in first.into_iter().chain(rest) {
        network.deliver(envelope);
    }
    network.run(1_000_000);
    assert!(network.outputs[late.index()].is_some() && network.faults.is_empty());
}

#[test]
fn messages_of_others_that_only_work_makes_are_ignored() {
    let mut network = network(4, Order::Fifo, 10);
    let secrets = vec![Fp61::ONE; network.parties[0].layout().secrets()];
    let message = Message::Secrets(secrets.into());
    network.inject(PartyId::new(3), crate::Recipient::One(PartyId::new(0)), message);
    network.run(10);
    assert!(network.flight.is_empty());
    let silent = set(&[3]);
    run(&mut network, Adversary { silent, ..Adversary::default() }, Lie::Shifted);
    check(&network, committee(4));
}

#[test]
fn messages_come_back_from_bytes_and_print_as_paths() {
    let mut network = network(4, Order::Random, 11);
    for party in network.honest() {
        network.act(party, |run, out| run.start(out));
    }
    let mut kinds = std::collections::BTreeSet::new();
    while let Some(envelope) = network.next() {
        let bytes = wire::encode(&envelope.message);
        let back: <Run as Protocol>::Message =
            wire::decode(&bytes, crate::limits::MAX_ENVELOPE).unwrap();
        assert_eq!(wire::encode(&back), bytes);
        let path = back.to_string();
        let parts: Vec<&str> = path.split('/').collect();
        kinds.insert(match parts[0] {
            "refine" => parts[..2].join("/"),
            first => first.to_owned(),
        });
        network.deliver(crate::testkit::InFlight { message: back, ..envelope });
    }
    check(&network, committee(4));
    let kinds: Vec<_> = kinds.into_iter().collect();
    assert_eq!(kinds, ["acs", "deal", "refine/multiply", "refine/root", "refine/square"]);
}

#[test]
fn agreements_on_dealers_say_together_what_they_said_alone() {
    let votes = |zero: &[u16], one: &[u16]| -> <Run as Protocol>::Message {
        Message::Agree(acs::Message::Votes {
            round: 0,
            kind: acs::Kind::E1,
            zero: set(zero),
            one: set(one),
            bot: PartySet::EMPTY,
        })
    };
    let mut first = votes(&[], &[0]);
    assert!(first.merge(votes(&[1], &[2])).is_none());
    assert_eq!(first.to_string(), votes(&[1], &[0, 2]).to_string());
    let deal = || Message::Deal(PartyId::new(1), crate::sharing::acss::Message::Ok);
    assert!(first.merge(deal()).is_some() && deal().merge(first).is_some());
}

#[test]
fn the_public_part_of_a_dealing_is_as_long_as_the_layout_says() {
    let mut network = network(16, Order::Fifo, 14);
    network.act(PartyId::new(0), |run, out| run.start(out));
    let public = network.flight.iter().map(|sent| &sent.message);
    let sent = public.filter(|m| m.to_string().contains("SEND")).map(|m| wire::encode(m).len());
    let (longest, said) = (sent.max().unwrap(), network.parties[0].layout().payload::<Fp61>());
    assert!(longest <= said && said - longest < 1024, "{longest} of {said}");
}

#[test]
fn a_party_says_in_words_what_it_is_doing() {
    let mut network = network(4, Order::Random, 13);
    let mut said = vec![network.parties[0].progress()];
    for party in network.honest() {
        network.act(party, |run, out| run.start(out));
    }
    while let Some(envelope) = network.next() {
        network.deliver(envelope);
        said.push(network.parties[0].progress());
    }
    said.dedup();
    let (before, openings) = said.split_at(3);
    assert_eq!(before, ["waiting to start", "sharing", "agreeing on dealers"]);
    assert_eq!(openings, ["extracting", "squaring", "making bits", "done"]);
}

#[test]
fn a_request_beyond_the_limits_is_an_error() {
    let keyring = Keyring::for_tests(4, 1)[0].clone();
    let coin = Arc::new(IdealCoin::new(PartyId::new(0), 1));
    let request = Request { triples: 1 << 16, bits: 0 };
    let tag = Tag::root(&[0; 32], 0);
    let new = Run::new(keyring, coin, tag, Secret::new([0; 32]), request);
    assert!(matches!(new.map(|_| ()), Err(Error::WrongSize { .. })));
}
