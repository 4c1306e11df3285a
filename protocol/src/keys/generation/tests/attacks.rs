//! Hostile members, one behaviour a test.

use super::*;
use crate::fault::{RbcFault, SharingFault};
use crate::protocol::Recipient;
use crate::sharing::acss::Deviation as Dealing;
use crate::sharing::acss::scalar::Forgery;
use crate::testkit::Collected;

/// Party 0 deals with a deviation and is honest otherwise; the others' faults and dealers.
fn cheat(n: usize, seed: u64, dealing: Dealing) -> (Net, PartySet) {
    let mut net = network(n, Order::Random, seed);
    let everyone: PartySet = net.honest().collect();
    let deviation = Deviation { dealing, set: None };
    net.act(party(0), |node, out| node.start_with(deviation, out)).unwrap();
    start(&mut net, everyone.difference(set(&[0])));
    net.run(MOST);
    assert_keys(&net);
    for (by, fault) in &net.faults {
        assert_eq!(fault.party, party(0), "{by} blames {fault}");
    }
    let dealers = dealers(&net);
    (net, dealers)
}

#[test]
fn a_dealer_of_the_wrong_degree_or_without_knowledge_is_left_out() {
    let payload = {
        let mut out = Collected::default();
        let mut node = network(4, Order::Fifo, 0).parties.remove(1);
        node.start(&mut out).unwrap();
        let Message::Dealing(_, dealt) = (out.jobs.remove(0))() else { panic!("a dealing") };
        let acss::Message::Local(acss::Local::Dealt(dealt)) = dealt else { panic!("a dealing") };
        dealt.payload
    };
    let identity = [0; 32];
    for (seed, forgery) in (0..).zip([
        Forgery::Longer,
        Forgery::Shorter,
        Forgery::Empty,
        Forgery::WrongConstant,
        Forgery::Point(0, identity),
        Forgery::Copied(payload),
        Forgery::BadProof,
    ]) {
        let what = format!("{forgery:?}");
        let (net, dealers) =
            cheat(4, seed, Dealing { forgery: Some(forgery), ..Dealing::default() });
        assert_eq!(dealers, set(&[1, 2, 3]), "{what}");
        let bad = FaultKind::Sharing(SharingFault::BadDealing);
        assert!(net.faults.iter().any(|(_, fault)| fault.kind == bad), "{what}");
    }
    // Of a higher degree behind commitments to t + 1 coefficients: no share fits.
    let (_, dealers) = cheat(4, 9, Dealing { excess_degree: 1, ..Dealing::default() });
    assert_eq!(dealers, set(&[1, 2, 3]));
}

#[test]
fn bad_shares_to_any_member_leave_everybody_with_the_same_keys() {
    let bad: [fn(PartySet) -> Dealing; 3] = [
        |victims| Dealing { wrong_share: victims, ..Dealing::default() },
        |victims| Dealing { junk: victims, ..Dealing::default() },
        |victims| Dealing { scattered: victims, ..Dealing::default() },
    ];
    let mut counted = 0;
    for victim in 1..4 {
        for (i, deal) in (0..).zip(bad) {
            let (net, dealers) = cheat(4, 10 * i + u64::from(victim), deal(set(&[victim])));
            counted += usize::from(dealers.contains(party(0)));
            assert!(!net.faults.is_empty());
        }
    }
    assert!(counted > 0, "a dealer whose victims recovered may count");
    // Two victims in seven, who both recover.
    cheat(7, 1, Dealing { wrong_share: set(&[3, 5]), ..Dealing::default() });
}

#[test]
fn a_dealer_that_leaves_members_out_costs_nobody_the_keys() {
    for seed in 0..4 {
        let (net, _) = cheat(4, seed, Dealing { omitted: set(&[2]), ..Dealing::default() });
        assert!(net.faults.is_empty(), "who was left out cannot prove it");
    }
}

/// TESTING: sets echoed before their dealers are complete.
#[test]
fn a_set_is_echoed_only_once_all_its_dealers_are_complete_here() {
    let mut net = network(4, Order::Fifo, 0);
    net.byzantine = set(&[3]);
    // Party 3 deals nothing and yet names itself.
    let deviation = Deviation {
        dealing: Dealing { omitted: set(&[0, 1, 2]), ..Dealing::default() },
        set: Some(set(&[0, 1, 3])),
    };
    let mut out = Collected::default();
    net.parties[3].start_with(deviation, &mut out).unwrap();
    for (to, message) in out.sent {
        net.inject(party(3), to, message);
    }
    start(&mut net, set(&[0, 1, 2]));
    net.run_filtered(MOST, |m| {
        let echo = matches!(&m.message, Message::Set(j, rbc::Message::Echo(_)) if *j == party(3));
        assert!(!echo, "{} echoes a set whose dealers are not complete", m.from);
        true
    });
    assert_keys(&net);
    assert_eq!(dealers(&net), set(&[0, 1, 2]));
    assert!(net.faults.is_empty(), "it might have become complete");
    assert!(net.parties[0].broadcasts[party(3)].held().is_some(), "kept, not dropped");
}

#[test]
fn a_set_that_waited_is_echoed_when_its_last_dealer_completes() {
    let mut net = network(4, Order::Random, 3);
    // Party 0 names everybody at once.
    let deviation = Deviation { set: Some(set(&[0, 1, 2, 3])), ..Deviation::default() };
    net.act(party(0), |node, out| node.start_with(deviation, out)).unwrap();
    start(&mut net, set(&[1, 2, 3]));
    let of_3 = |m: &InFlight<Message>| matches!(m.message, Message::Dealing(d, _) if d == party(3));
    let mut held = Vec::new();
    while let Some(envelope) = net.next() {
        if of_3(&envelope) {
            held.push(envelope);
        } else {
            net.deliver(envelope);
        }
    }
    assert_keys(&net);
    let dealt = dealers(&net);
    assert_eq!(dealt, set(&[0, 1, 2]), "went on without the slow dealer");
    net.flight.extend(held);
    net.run(MOST);
    assert!(net.parties.iter().all(|p| p.progress().sets == set(&[0, 1, 2, 3])));
    assert_eq!(dealers(&net), dealt, "what was agreed stays");
}

#[test]
fn sets_that_are_none_are_blamed_and_never_echoed() {
    let bad = [
        Some(set(&[0, 1])),
        Some(set(&[0, 1, 2, 4])),
        Some(PartySet::EMPTY),
        None, // Not even a set.
    ];
    for bad in bad {
        let mut net = network(4, Order::Random, 5);
        net.byzantine = set(&[0]);
        let keyring = net.parties[0].keyring.clone();
        let mut out = Collected::default();
        let payload = bad.map_or(vec![7; 3], |bad| wire::encode(&bad));
        set_broadcast(&keyring, &tag(), party(0)).broadcast(payload.into(), &mut out).unwrap();
        for (to, message) in out.sent {
            net.inject(party(0), to, Message::Set(party(0), message));
        }
        start(&mut net, set(&[1, 2, 3]));
        net.run(MOST);
        assert_keys(&net);
        let kind = FaultKind::Key(KeyFault::MalformedSet);
        let blamed: Vec<_> = net.faults.iter().map(|(_, f)| (f.party, f.kind)).collect();
        assert_eq!(blamed, [(party(0), kind); 3]);
        assert!(!net.parties[1].progress().sets.contains(party(0)));
    }
}

#[test]
fn two_sets_of_one_member_lead_to_one_or_none() {
    let mut delivered = 0;
    for seed in 0..20 {
        let mut net = network(4, Order::Random, 40 + seed);
        start(&mut net, set(&[1, 2, 3]));
        let keyring = net.parties[0].keyring.clone();
        // Party 0 deals and votes honestly, and tells two stories about whom it has.
        net.act(party(0), |node, out| {
            node.set_sent = true;
            node.start(out)
        })
        .unwrap();
        let stories = [(set(&[0, 1, 2]), &[1, 2, 3][..]), (set(&[0, 1, 2, 3]), &[0, 3])];
        for (story, to) in stories {
            let mut out = Collected::default();
            let mut rbc = set_broadcast(&keyring, &tag(), party(0));
            rbc.broadcast(wire::encode(&story).into(), &mut out).unwrap();
            for (_, message) in out.sent {
                for to in to {
                    let message = Message::Set(party(0), message.clone());
                    net.inject(party(0), Recipient::One(party(*to)), message);
                }
            }
        }
        net.run(MOST);
        assert_keys(&net);
        let sets: Vec<_> = net.parties.iter().filter_map(|p| p.sets[party(0)]).collect();
        assert!(sets.windows(2).all(|w| w[0] == w[1]));
        assert!(sets.is_empty() || sets.len() == 4, "delivered by all or nobody");
        delivered += usize::from(!sets.is_empty());
        for (_, fault) in &net.faults {
            assert_eq!((fault.party, fault.kind), (party(0), RbcFault::Equivocation.into()));
        }
    }
    assert!(0 < delivered && delivered < 20, "{delivered}");
}

/// Z13: nobody can deal the negative of what others deal, though it sees their commitments first.
#[test]
fn who_copies_an_honest_dealing_is_left_out_however_late_it_deals() {
    let mut net = network(4, Order::Fifo, 0);
    net.byzantine = set(&[0]);
    start(&mut net, set(&[1, 2, 3]));
    let mut seen = None;
    let mut steps = 0;
    while let Some(envelope) = net.next() {
        steps += 1;
        if let Message::Dealing(d, acss::Message::Rbc(m @ rbc::Message::Send { .. })) =
            &envelope.message
            && *d == party(1)
        {
            seen = Some(m.clone());
        }
        net.deliver(envelope);
        if steps == 20 {
            // The same payload, sent on as its own.
            let Some(rbc::Message::Send { payload, .. }) = seen.take() else {
                panic!("no dealing")
            };
            let forgery = Some(Forgery::Copied(payload));
            let deviation =
                Deviation { dealing: Dealing { forgery, ..Dealing::default() }, set: None };
            let mut out = Collected::default();
            net.parties[0].start_with(deviation, &mut out).unwrap();
            let job = out.jobs.remove(0);
            net.parties[0].handle(party(0), job(), &mut out);
            for (to, message) in out.sent {
                net.inject(party(0), to, message);
            }
        }
    }
    assert_keys(&net);
    assert_eq!(dealers(&net), set(&[1, 2, 3]));
    assert!(net.faults.iter().any(|(_, f)| f.kind == SharingFault::BadDealing.into()));
    net.assert_no_honest_blamed();
}

#[test]
fn messages_about_nobody_are_blamed() {
    let mut net = network(4, Order::Fifo, 0);
    let digest = Transcript::new(&tag(), "any").digest();
    let nobody = [
        Message::Dealing(party(4), acss::Message::Ok),
        Message::Set(party(9), rbc::Message::Ready(digest)),
    ];
    for message in nobody {
        net.inject(party(3), Recipient::One(party(0)), message);
    }
    net.run(MOST);
    let kinds: Vec<_> = net.faults.iter().map(|(_, f)| (f.party, f.kind)).collect();
    assert_eq!(kinds, [(party(3), KeyFault::OutOfPlace.into()); 2]);
}
