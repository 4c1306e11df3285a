use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::*;
use crate::agreement::coin::Coin;
use crate::fault::{Fault, FaultKind, SharingFault};
use crate::keys::TrustedKeyDealer;
use crate::sharing::acss::scalar::Forgery;
use crate::testkit::{Network, Order};

pub(super) type Net = Network<Refresh>;

pub(super) fn tag(epoch: u64) -> Tag {
    Tag::root(&[3; 32], epoch).child("refresh")
}

/// Members with the keys of epoch 1, dealt.
pub(super) fn dealt(n: usize, seed: u64) -> Vec<(Arc<Keyring>, Arc<KeySet>)> {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let keys = TrustedKeyDealer::deal(Committee::new(n).unwrap(), 1, &mut rng).unwrap();
    Keyring::for_tests(n, seed).into_iter().zip(keys.into_iter().map(Arc::new)).collect()
}

fn network(members: &[(Arc<Keyring>, Arc<KeySet>)], order: Order, seed: u64) -> Net {
    let epoch = members[0].1.epoch();
    Network::new(members[0].1.committee(), order, seed, |party| {
        let (keyring, keys) = members[party.index()].clone();
        let seed = Secret::new([party.index() as u8 + epoch as u8; 32]);
        Refresh::new(keyring, keys, &tag(epoch), seed).unwrap()
    })
}

pub(super) fn start(net: &mut Net, party: PartyId, deviation: Deviation) {
    net.act(party, |instance, out| instance.start_with(deviation, out).unwrap());
}

/// Lets everybody but those in `silent` run to the end.
fn refreshed(members: &[(Arc<Keyring>, Arc<KeySet>)], order: Order, silent: PartySet) -> Net {
    let mut net = network(members, order, 1);
    net.byzantine = silent;
    for party in net.honest().collect::<Vec<_>>() {
        start(&mut net, party, Deviation::default());
    }
    net.run(1_000_000);
    net.assert_no_honest_blamed();
    net
}

pub(super) fn outputs(net: &Net) -> Vec<&Refreshed> {
    net.honest().map(|party| net.outputs[party.index()].as_ref().expect("an output")).collect()
}

/// The secret that these members' shares give.
pub(super) fn secret(shares: &[(PartyId, Fl)]) -> Fl {
    let points: Vec<Fl> = shares.iter().map(|(party, _)| Fl::from_u64(party.point())).collect();
    lagrange_row(&points, Fl::ZERO).into_iter().zip(shares).map(|(l, (_, share))| l * *share).sum()
}

/// All sets of so many of `n` things.
pub(super) fn choices(n: usize, many: usize) -> impl Iterator<Item = Vec<usize>> {
    let sets = (0u32..1 << n).filter(move |set| set.count_ones() as usize == many);
    sets.map(move |set| (0..n).filter(|i| set >> i & 1 == 1).collect())
}

#[test]
fn all_members_get_new_shares_of_the_same_keys() {
    for (n, order) in [(4, Order::Fifo), (4, Order::Lifo), (4, Order::Random), (7, Order::Random)] {
        let members = dealt(n, 5);
        let net = refreshed(&members, order, PartySet::EMPTY);
        let outputs = outputs(&net);
        let (old, new) = (members[0].1.public(), outputs[0].keys.public());
        assert_eq!(new.certificate.key(), old.certificate.key());
        assert_eq!(new.document.key(), old.document.key());
        for (output, (keyring, keys)) in outputs.iter().zip(&members) {
            assert_eq!((output.keys.epoch(), output.keys.public()), (2, new));
            assert_eq!(output.digest(), outputs[0].digest());
            let me = keys.me();
            assert_ne!(new.certificate.shares()[me], old.certificate.shares()[me]);
            assert_ne!(new.document.shares()[me], old.document.shares()[me]);
            assert_ne!(new.coin.shares()[me], old.coin.shares()[me]);
            let keyring = output.keyring(keyring.identities()).unwrap();
            assert_eq!(keyring.sealing_of(me), keyring.sealing().public());
        }
        assert!(net.parties.iter().all(Refresh::halted));
    }
}

/// Shares that are mixed give nothing, whichever t + 1 there are: not a key, and not a coin.
#[test]
fn old_and_new_shares_do_not_combine() {
    let members = dealt(7, 6);
    let net = refreshed(&members, Order::Random, PartySet::EMPTY);
    let new = outputs(&net);
    let of: [fn(&SecretKeys) -> &Secret<Fl>; 3] =
        [|k| &k.coin, |k| &k.certificate, |k| &k.document];
    for of in of {
        let share = |i: usize, old: bool| {
            let keys = if old { &*members[i].1 } else { &new[i].keys };
            (keys.me(), *of(keys.secret()).expose())
        };
        let key = secret(&[0, 1, 2].map(|i| share(i, true)));
        for members in choices(7, 3) {
            for olds in 0..8u32 {
                let shares: Vec<_> =
                    (0..3).map(|k| share(members[k], olds >> k & 1 == 1)).collect();
                assert_eq!(secret(&shares) == key, olds == 0 || olds == 7, "{members:?} {olds}");
            }
        }
    }
}

#[test]
fn coins_of_the_next_epoch_are_not_made_of_old_shares() {
    let members = dealt(4, 7);
    let net = refreshed(&members, Order::Fifo, PartySet::EMPTY);
    let (old, new) = (&members[0].1, &outputs(&net)[0].keys);
    let (old, new) = (old.coin().unwrap(), new.coin().unwrap());
    let name = tag(2);
    let me = PartyId::new(0);
    assert!(old.verify(&name, me, &old.share(&name)));
    assert!(!new.verify(&name, me, &old.share(&name)));
    assert!(!old.verify(&name, me, &new.share(&name)));
}

#[test]
fn two_refreshes_in_a_row_and_the_shares_are_of_the_keys_still() {
    let members = dealt(4, 8);
    let net = refreshed(&members, Order::Random, PartySet::EMPTY);
    let next: Vec<_> = outputs(&net)
        .into_iter()
        .zip(&members)
        .map(|(o, (k, _))| (Arc::new(o.keyring(k.identities()).unwrap()), Arc::new(o.keys.clone())))
        .collect();
    let net = refreshed(&next, Order::Random, PartySet::EMPTY);
    for output in outputs(&net) {
        assert_eq!(output.keys.epoch(), 3);
        let (new, first) = (output.keys.public(), members[0].1.public());
        assert_eq!(new.certificate.key(), first.certificate.key());
    }
}

/// Who is silent keeps its sealing key; everybody else has a new one.
#[test]
fn t_members_may_be_silent() {
    let members = dealt(7, 9);
    let silent: PartySet = [PartyId::new(0), PartyId::new(6)].into_iter().collect();
    let net = refreshed(&members, Order::Random, silent);
    for output in outputs(&net) {
        for party in members[0].1.committee().parties() {
            let kept = output.sealing[party] == *members[0].0.sealing_of(party);
            assert_eq!(kept, silent.contains(party));
        }
    }
}

/// A member that says nothing of its own still gets its share: it needs no old one.
#[test]
fn who_does_not_deal_gets_a_share_all_the_same() {
    let members = dealt(4, 10);
    let mut net = network(&members, Order::Random, 2);
    for party in net.honest().skip(1).collect::<Vec<_>>() {
        start(&mut net, party, Deviation::default());
    }
    net.act(PartyId::new(0), |instance, out| {
        instance.subset.close(&mut out.wrap(Message::Agreement));
    });
    net.run(1_000_000);
    let outputs = outputs(&net);
    assert_eq!(outputs[0].digest(), outputs[1].digest());
    assert_eq!(outputs[0].sealing_key.public(), members[0].0.sealing().public());
}

#[test]
fn a_dealer_of_something_else_than_its_share_is_left_out_and_blamed() {
    let wrong = PartyId::new(2);
    let of = |dealing| Deviation { dealing, ..Deviation::default() };
    let forged = |forgery| {
        let dealing = acss::Deviation { forgery: Some(forgery), ..acss::Deviation::default() };
        (of(dealing), FaultKind::from(SharingFault::BadDealing))
    };
    let shift = Deviation { shift: Some(Fl::ONE), ..Deviation::default() };
    let degree = acss::Deviation { excess_degree: 1, ..acss::Deviation::default() };
    for (deviation, kind) in [
        (shift, KeyFault::AnotherShare.into()),
        (of(degree), SharingFault::BadShare.into()),
        forged(Forgery::Longer),
        forged(Forgery::Empty),
        forged(Forgery::WrongConstant),
        forged(Forgery::BadProof),
    ] {
        for order in [Order::Fifo, Order::Random] {
            let members = dealt(4, 11);
            let mut net = network(&members, order, 3);
            for party in net.honest().collect::<Vec<_>>() {
                let deviates = party == wrong;
                start(
                    &mut net,
                    party,
                    if deviates { deviation.clone() } else { Default::default() },
                );
            }
            net.run(1_000_000);
            let faults: Vec<&Fault> = net.faults.iter().map(|(_, fault)| fault).collect();
            assert!(faults.iter().all(|fault| fault.party == wrong), "{faults:?}");
            assert!(faults.iter().any(|fault| fault.kind == kind), "{kind}: {faults:?}");
            let outputs = outputs(&net);
            assert!(outputs.iter().all(|output| output.digest() == outputs[0].digest()));
            let dealers = net.parties[0].progress().dealers.unwrap();
            assert!(!dealers.contains(wrong) || kind == SharingFault::BadShare.into());
        }
    }
}

#[test]
fn what_is_no_sealing_key_is_not_echoed() {
    let wrong = PartyId::new(1);
    // Zero, and an encoding of no point.
    for bytes in [[0; SEALING_BYTES], [0xff; SEALING_BYTES]] {
        let members = dealt(4, 12);
        let mut net = network(&members, Order::Fifo, 4);
        net.byzantine = [wrong].into_iter().collect();
        for party in members[0].1.committee().parties() {
            let sealing = (party == wrong).then_some(bytes);
            start(&mut net, party, Deviation { sealing, ..Deviation::default() });
        }
        net.run(1_000_000);
        net.assert_no_honest_blamed();
        assert!(net.faults.iter().any(|(_, fault)| fault.kind == KeyFault::BadSealingKey.into()));
        let kept = *members[0].0.sealing_of(wrong);
        assert!(outputs(&net).iter().all(|o| o.sealing[wrong] == kept));
    }
}

#[test]
fn keys_of_another_member_are_refused_and_nothing_secret_prints() {
    let members = dealt(4, 13);
    let mixed =
        Refresh::new(members[0].0.clone(), members[1].1.clone(), &tag(1), Secret::default());
    assert!(mixed.is_err());
    let net = refreshed(&members, Order::Fifo, PartySet::EMPTY);
    assert_eq!(format!("{:?}", outputs(&net)[0]), "Refreshed(epoch 2)");
    let mut instance = network(&members, Order::Fifo, 1).parties.remove(0);
    let mut out = crate::testkit::Collected::default();
    instance.start(&mut out).unwrap();
    assert!(instance.start(&mut out).is_err());
}
