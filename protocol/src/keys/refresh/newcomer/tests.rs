use super::super::tests::{Net, choices, dealt, outputs, secret, start, tag};
use crate::committee::{PartyId, PartySet};
use crate::crypto::{Keyring, seal::SealingKey};
use crate::fault::SharingFault;
use crate::keys::KeySet;
use crate::keys::refresh::{Deviation, Message, Refresh, Refreshed};
use crate::math::Fl;
use crate::protocol::Recipient;
use crate::secret::Secret;
use crate::sharing::acss;
use crate::testkit::{Network, Order};
use std::sync::Arc;

const SEAT: PartyId = PartyId::new(2);

type Members = Vec<(Arc<Keyring>, Arc<KeySet>)>;

/// The keyrings with a newcomer at the seat, its own at its place.
fn replaced(members: &Members) -> Vec<Arc<Keyring>> {
    let n = members.len();
    let card = Keyring::for_tests(n, 77)[SEAT.index()].clone();
    let (identity, sealing) = (card.identity(), card.sealing());
    let ring = |(keyring, _): &(Arc<Keyring>, Arc<KeySet>)| {
        if keyring.me() != SEAT {
            return keyring.replacing(SEAT, identity.public(), *sealing.public()).unwrap();
        }
        let mut identities = keyring.identities().publics().clone();
        identities[SEAT] = identity.public();
        let mut publics = keyring.sealing_publics().clone();
        publics[SEAT] = *sealing.public();
        let sealing = SealingKey::from_bytes(sealing.to_bytes().expose()).unwrap();
        Keyring::new(keyring.committee(), SEAT, identity.clone(), identities, sealing, publics)
            .unwrap()
    };
    members.iter().map(|member| Arc::new(ring(member))).collect()
}

fn network(members: &Members, order: Order, seed: u64) -> Net {
    let rings = replaced(members);
    Network::new(members[0].1.committee(), order, seed, |party| {
        let (ring, keys) = (rings[party.index()].clone(), members[party.index()].1.clone());
        if party == SEAT {
            return Refresh::entering(ring, 1, Arc::clone(keys.public()), &tag(1));
        }
        let seed = Secret::new([party.index() as u8; 32]);
        Refresh::new(ring, keys, &tag(1), seed).unwrap().with_newcomer(SEAT)
    })
}

/// Everybody runs to the end but the silent.
fn refreshed(members: &Members, order: Order, silent: PartySet, deviations: &[Deviation]) -> Net {
    let mut net = network(members, order, 5);
    net.byzantine = silent;
    for party in net.honest().collect::<Vec<_>>() {
        start(&mut net, party, deviations.get(party.index()).cloned().unwrap_or_default());
    }
    net.run(1_000_000);
    net
}

#[test]
fn a_newcomer_gets_a_share_of_the_same_keys_and_says_nothing() {
    for (n, order) in [(4, Order::Fifo), (4, Order::Lifo), (7, Order::Random)] {
        let members = dealt(n, 5);
        let mut net = network(&members, order, 5);
        for party in net.honest().collect::<Vec<_>>() {
            start(&mut net, party, Deviation::default());
        }
        net.run_filtered(1_000_000, |letter| {
            assert_ne!(letter.from, SEAT, "{}", letter.message);
            true
        });
        net.assert_no_honest_blamed();
        let outputs = outputs(&net);
        let (old, new) = (members[0].1.public(), outputs[0].keys.public());
        assert_eq!(new.certificate.key(), old.certificate.key());
        assert_eq!(new.document.key(), old.document.key());
        assert!(outputs.iter().all(|output| output.digest() == outputs[0].digest()));
        let rings = replaced(&members);
        assert_eq!(outputs[0].sealing[SEAT], *rings[SEAT.index()].sealing().public());
        let ring = outputs[SEAT.index()].keyring(rings[SEAT.index()].identities()).unwrap();
        assert_eq!(ring.sealing_of(SEAT), ring.sealing().public());
        // t + 1 new shares, the newcomer's among them, are of the old key; with its predecessor's
        // in the newcomer's place they are not.
        let share = |keys: &KeySet| (keys.me(), *keys.secret().certificate.expose());
        let key = secret(&[0, 1, 2].map(|i| share(&members[i].1)));
        let t = members[0].1.committee().t();
        let with_seat = choices(n, t + 1).filter(|set| set.contains(&SEAT.index()));
        for set in with_seat {
            let of = |i: &usize| share(&outputs[*i].keys);
            let new: Vec<(PartyId, Fl)> = set.iter().map(of).collect();
            assert_eq!(secret(&new), key);
            let before = share(&members[SEAT.index()].1);
            let mixed = new.iter().map(|one| if one.0 == SEAT { before } else { *one });
            assert_ne!(secret(&mixed.collect::<Vec<_>>()), key);
        }
    }
}

/// All that the others have said is told to it when they are through.
#[test]
fn a_newcomer_may_come_when_all_is_over() {
    let members = dealt(7, 6);
    let mut net = network(&members, Order::Random, 6);
    for party in net.honest().filter(|party| *party != SEAT).collect::<Vec<_>>() {
        start(&mut net, party, Deviation::default());
    }
    let mut late = Vec::new();
    net.run_filtered(1_000_000, |letter| {
        if letter.to == SEAT {
            late.push(letter.clone());
        }
        letter.to != SEAT
    });
    assert!(net.outputs[SEAT.index()].is_none());
    start(&mut net, SEAT, Deviation::default());
    late.into_iter().rev().for_each(|letter| net.deliver(letter));
    net.run(1_000_000);
    net.assert_no_honest_blamed();
    let outputs = outputs(&net);
    assert_eq!(outputs[SEAT.index()].digest(), outputs[0].digest());
}

/// One dealer gives the newcomer no share, in each way there is; another member is silent.
#[test]
fn corrupt_dealers_do_not_keep_a_newcomer_out() {
    let (wrong, silent) = (PartyId::new(0), PartyId::new(5));
    let victim: PartySet = [SEAT].into_iter().collect();
    for deviation in [
        acss::Deviation { wrong_share: victim, ..Default::default() },
        acss::Deviation { junk: victim, ..Default::default() },
        acss::Deviation { scattered: victim, ..Default::default() },
        acss::Deviation { omitted: victim, ..Default::default() },
    ] {
        let omitted = !deviation.omitted.is_empty();
        // n = 10: the seat, the dealer and the silent one are t.
        let members = dealt(10, 7);
        let deviation = Deviation { dealing: deviation, ..Deviation::default() };
        let net = refreshed(&members, Order::Random, [silent].into_iter().collect(), &[deviation]);
        let faults: Vec<_> = net.faults.iter().map(|(_, fault)| fault).collect();
        assert!(faults.iter().all(|fault| fault.party == wrong), "{faults:?}");
        let outputs = outputs(&net);
        assert!(outputs.iter().all(|output| output.digest() == outputs[0].digest()));
        let dealers = net.parties[SEAT.index()].progress().dealers.unwrap();
        assert!(!dealers.contains(SEAT));
        if dealers.contains(wrong) && !omitted {
            let bad = [SharingFault::BadShare.into(), SharingFault::BadDispersal.into()];
            assert!(faults.iter().any(|fault| bad.contains(&fault.kind)), "{faults:?}");
        }
    }
}

/// Whoever held the seat deals its old share and votes: as if it had said nothing.
#[test]
fn what_the_member_before_says_is_not_heard() {
    let members = dealt(4, 8);
    let mut net = network(&members, Order::Random, 8);
    net.byzantine = [SEAT].into_iter().collect();
    let before = members[SEAT.index()].clone();
    let seed = Secret::new([9; 32]);
    let mut before = Refresh::new(before.0, before.1, &tag(1), seed).unwrap();
    let mut out = crate::testkit::Collected::default();
    before.start(&mut out).unwrap();
    let mut said = out.sent;
    for job in out.jobs {
        let mut out = crate::testkit::Collected::default();
        let _ = crate::protocol::Protocol::handle(&mut before, SEAT, job(), &mut out);
        said.extend(out.sent);
    }
    let dealt = |m: &Message| matches!(m, Message::Dealing(PartyId { .. }, _));
    assert!(said.iter().any(|(_, m)| dealt(m)));
    for (to, message) in said {
        net.inject(SEAT, to, message);
    }
    for party in net.honest().collect::<Vec<_>>() {
        start(&mut net, party, Deviation::default());
    }
    net.run(1_000_000);
    assert!(net.faults.is_empty());
    let everyone = members[0].1.committee().everyone();
    for party in net.honest() {
        let progress = net.parties[party.index()].progress();
        assert!(!progress.complete.contains(SEAT) && !progress.sealing.contains(SEAT));
        let of: &Refreshed = net.outputs[party.index()].as_ref().unwrap();
        assert_eq!(of.sealing.values().len(), everyone.len());
        assert!(net.parties[party.index()].waiting_for().is_empty());
    }
    // A false complaint is no question, and is blamed on the seat alone.
    let complaint = acss::Complaint::BadDispersal { shards: Vec::new() };
    let complaint = Message::Dealing(PartyId::new(0), acss::Message::Complain(complaint));
    net.inject(SEAT, Recipient::All, complaint);
    net.run(1_000_000);
    net.assert_no_honest_blamed();
    assert!(!net.faults.is_empty());
}
