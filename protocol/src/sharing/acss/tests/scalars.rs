//! Sharings of scalars: what is special about commitments, constants and proofs.

use super::super::scalar::Forgery;
use super::*;
use crate::crypto::group::{CompressedEdwardsY, Identity};
use crate::error::Error;
use crate::math::lagrange_row;

const POINT: usize = 32;

fn zeros() -> (Scalars, Shares<Fl>) {
    let curves = Scalars::scheme().curves().to_vec();
    let secrets = curves.iter().map(|_| Fl::ZERO).collect();
    (Scalars::zero(curves), secrets)
}

fn forged(forgery: Forgery) -> Deviation {
    Deviation { forgery: Some(forgery), ..Deviation::default() }
}

/// Deals that way: nobody honest says a word, and everybody blames the dealer.
fn assert_never_echoed(n: usize, scheme: Scalars, secrets: &Shares<Fl>, forgery: &Forgery) {
    let keyrings = keyrings(n);
    let mut net = network_of(&keyrings, Order::Random, 1, scheme);
    net.act(DEALER, |p, out| {
        p.deal_with(secrets.clone(), &seed(), forged(forgery.clone()), out).unwrap();
    });
    net.run_filtered(MOST, |m| {
        assert_eq!(m.from, DEALER, "{forgery:?}: {}", m.message);
        true
    });
    assert_nobody_completes(&net);
    let blamed = blamers(&net, DEALER, SharingFault::BadDealing);
    assert_eq!(blamed, keyrings[0].committee().everyone(), "{forgery:?}");
    assert_blamed_only(&net, set(&[0]));
}

#[test]
fn more_or_fewer_commitments_than_t_plus_one_are_never_echoed() {
    for n in [4, 7] {
        for forgery in [Forgery::Longer, Forgery::Shorter, Forgery::Empty] {
            assert_never_echoed(n, Scalars::scheme(), &Scalars::secrets(), &forgery);
            let (scheme, secrets) = zeros();
            assert_never_echoed(n, scheme, &secrets, &forgery);
        }
    }
}

#[test]
fn constants_are_not_zero_and_those_of_zeros_are() {
    let (scheme, secrets) = zeros();
    assert_never_echoed(4, Scalars::scheme(), &Scalars::secrets(), &Forgery::WrongConstant);
    assert_never_echoed(4, scheme, &secrets, &Forgery::WrongConstant);
}

/// Numbers of the first secret on ristretto255 and the first on Edwards25519, and of the places of
/// their commitments at n = 4: constant and leading coefficient.
const RISTRETTO_PLACES: [usize; 2] = [0, 1];
const EDWARDS_PLACES: [usize; 2] = [2, 3];

#[test]
fn bytes_that_are_no_point_are_never_echoed() {
    let mut above = [0xff; POINT];
    (above[0], above[31]) = (0xee, 0x7f);
    let mut signed_one = [0; POINT];
    (signed_one[0], signed_one[31]) = (1, 0x80);
    let off_curve = (0..=255)
        .map(|byte| [byte; POINT])
        .find(|bytes| CompressedEdwardsY(*bytes).decompress().is_none())
        .unwrap();
    let mut negative = RistrettoPoint::mul_base(Fl::ONE.scalar()).compress().to_bytes();
    negative.iter_mut().for_each(|byte| *byte = !*byte);
    let cases = [
        (EDWARDS_PLACES, above),
        (EDWARDS_PLACES, signed_one),
        (EDWARDS_PLACES, off_curve),
        (RISTRETTO_PLACES, above),
        (RISTRETTO_PLACES, signed_one),
        (RISTRETTO_PLACES, negative),
        (RISTRETTO_PLACES, [0xff; POINT]),
    ];
    for (places, bytes) in cases {
        for place in places {
            let forgery = Forgery::Point(place, bytes);
            assert_never_echoed(4, Scalars::scheme(), &Scalars::secrets(), &forgery);
        }
    }
}

/// Edwards points travel as eighths, so a point of small order is the identity when it arrives.
/// Ideal groups have none.
#[cfg(not(quorate_ideal))]
#[test]
fn points_of_small_order_are_the_identity() {
    use curve25519_dalek::constants::EIGHT_TORSION;

    let keyrings = keyrings(4);
    let [constant, leading] = EDWARDS_PLACES;
    for torsion in EIGHT_TORSION {
        let bytes = torsion.compress().to_bytes();
        let forgery = Forgery::Point(constant, bytes);
        assert_never_echoed(4, Scalars::scheme(), &Scalars::secrets(), &forgery);

        // In another place it commits to a zero, which is allowed but for once not true.
        let mut net = network::<Scalars>(&keyrings, Order::Random, 1);
        deal(&mut net, forged(Forgery::Point(leading, bytes)));
        net.run(MOST);
        assert_nobody_completes(&net);
        assert!(net.parties.iter().all(|p| p.complained() && !p.recovered()));
        assert_blamed_only(&net, set(&[0]));
    }
}

/// Elements of ideal groups have none.
#[cfg(not(quorate_ideal))]
#[test]
fn a_small_component_changes_nothing() {
    use curve25519_dalek::constants::EIGHT_TORSION;

    let keyrings = keyrings(4);
    let committee = keyrings[0].committee();
    let honest = public::<Scalars>(&dealing::<Scalars>(&keyrings, &Deviation::default()));
    for place in EDWARDS_PLACES {
        let from = place * POINT;
        let eighth: [u8; POINT] = honest.commitments[from..from + POINT].try_into().unwrap();
        let eighth = CompressedEdwardsY(eighth).decompress().unwrap();
        let mixed = (eighth + EIGHT_TORSION[1]).compress().to_bytes();
        let mut net = network::<Scalars>(&keyrings, Order::Random, 1);
        deal(&mut net, forged(Forgery::Point(place, mixed)));
        net.run(MOST);
        assert_all_complete(&net, committee, committee.everyone(), &Scalars::secrets());
        assert!(net.faults.is_empty());
    }
}

/// A corrupt dealer takes what party 1 deals for its own; or answers another challenge; or, knowing
/// x, commits to `x * B` less party 1's secret, so that the sum of both would be x.
#[test]
fn constants_that_the_dealer_does_not_know_are_never_echoed() {
    let keyrings = keyrings(4);
    let theirs = terms_of::<Scalars>(&keyrings, party(1), &tag());
    let secrets: Shares<Fl> = Scalars::secrets().iter().map(|s| -*s).collect();
    let other = Point::base(&secrets[1]);
    let theirs = Dealing::new(&theirs, &keyrings[1], secrets, &seed(), &Deviation::default());
    let rogue = Point::base(&Fl::from_u64(77)) - other;
    for forgery in [
        Forgery::Copied(theirs.payload),
        Forgery::BadProof,
        Forgery::Point(EDWARDS_PLACES[0], rogue.to_eighth_bytes()),
        Forgery::Point(EDWARDS_PLACES[0], other.to_eighth_bytes()),
    ] {
        assert_never_echoed(4, Scalars::scheme(), &Scalars::secrets(), &forgery);
    }
}

#[test]
fn zeros_are_shared_and_shares_of_them_added_change_no_secret() {
    let keyrings = keyrings(7);
    let committee = keyrings[0].committee();
    let (scheme, secrets) = zeros();
    for deviation in [
        Deviation::default(),
        Deviation { wrong_share: set(&[2]), junk: set(&[5]), ..Deviation::default() },
    ] {
        let mut net = network_of(&keyrings, Order::Random, 1, scheme.clone());
        net.act(DEALER, |p, out| p.deal_with(secrets.clone(), &seed(), deviation, out)).unwrap();
        net.run(MOST);
        assert_all_complete(&net, committee, committee.everyone(), &secrets);
        let commitments = &net.outputs[0].as_ref().unwrap().commitments;
        assert!(commitments.edwards(1).unwrap()[0].is_identity());
        assert_eq!(commitments.ristretto(0).unwrap()[0], RistrettoPoint::identity());
        let shares = |p: usize| net.outputs[p].as_ref().unwrap().shares.clone();
        assert!((0..7).all(|p| shares(p).iter().all(|share| *share != Fl::ZERO)));
    }
}

#[test]
fn secrets_that_everybody_would_refuse_are_an_error() {
    let keyrings = keyrings(4);
    let (scheme, zeros) = zeros();
    let mut some_zero = Scalars::secrets().to_vec();
    some_zero[2] = Fl::ZERO;
    let mut some_other = zeros.to_vec();
    some_other[2] = Fl::ONE;
    let refused = |scheme, secrets: Vec<Fl>| {
        let mut net = network_of(&keyrings, Order::Fifo, 0, scheme);
        let dealt = net.act(DEALER, |p, out| p.deal(secrets.into(), &seed(), out));
        dealt == Err(Error::NotShareable) && net.flight.is_empty()
    };
    assert!(refused(Scalars::scheme(), some_zero));
    assert!(refused(scheme, some_other));
}

#[test]
fn every_byte_of_the_public_part_counts() {
    let keyrings = keyrings(4);
    let terms = Arc::new(terms::<Scalars>(&keyrings));
    let dealing = dealing::<Scalars>(&keyrings, &Deviation::default());
    assert!(Verified::new(&terms, &dealing.payload).is_some());
    for at in 0..dealing.payload.len() {
        let mut changed = dealing.payload.to_vec();
        changed[at] ^= 1 << (at % 8);
        assert!(Verified::new(&terms, &changed).is_none(), "byte {at}");
    }
}

#[test]
fn the_name_binds_groups_and_zeros() {
    use Curve::{Edwards, Ristretto};
    let committee = keyrings(4)[0].committee();
    let loose = Committee::with_threshold(4, 0).unwrap();
    let name = |committee, scheme| *Terms::new(committee, DEALER, &tag(), scheme).tag();
    let mut names = vec![
        name(committee, Scalars::new(vec![Edwards, Ristretto])),
        name(committee, Scalars::new(vec![Ristretto, Edwards])),
        name(committee, Scalars::new(vec![Edwards, Edwards])),
        name(committee, Scalars::new(vec![Edwards])),
        name(committee, Scalars::new(Vec::new())),
        name(committee, Scalars::zero(vec![Edwards])),
        name(loose, Scalars::new(vec![Edwards])),
        *Terms::new(committee, party(1), &tag(), Scalars::new(vec![Edwards])).tag(),
        *Terms::new(committee, DEALER, &tag(), Elements::<Fp61, _>::new(1, NoStatement)).tag(),
    ];
    names.sort();
    let before = names.len();
    names.dedup();
    assert_eq!(names.len(), before);
}

#[test]
fn as_many_scalars_as_may_be_fit_into_one_broadcast() {
    for n in [4, 16, 64] {
        let committee = Committee::new(n).unwrap();
        let commitments = Scalars::most(committee) * (committee.degree() + 1) * POINT;
        let keyring = &Keyring::for_tests(n, 1)[0];
        let few = Scalars::scheme();
        let terms = Terms::new(committee, DEALER, &tag(), few.clone());
        let dealt =
            Dealing::new(&terms, keyring, Scalars::secrets(), &seed(), &forged(Forgery::Empty));
        let other = dealt.payload.len();
        assert!(other + commitments <= crate::limits::MAX_DEALING_PAYLOAD, "n = {n}");
        assert!(other + commitments > crate::limits::MAX_DEALING_PAYLOAD * 99 / 100, "n = {n}");
    }
}

#[test]
#[should_panic(expected = "scalars in one sharing")]
fn more_scalars_than_may_be_are_refused() {
    let committee = Committee::new(16).unwrap();
    let count = Scalars::most(committee) + 1;
    Terms::new(committee, DEALER, &tag(), Scalars::new(vec![Curve::Edwards; count]));
}

/// What t parties see is a function of `s * B` and of their own shares, which are uniform whatever
/// s is: the commitments are interpolated in the group from those.
#[test]
fn the_view_of_t_parties_follows_from_their_shares_and_the_committed_secrets() {
    let keyrings = keyrings(7);
    let committee = keyrings[0].committee();
    let mut net = network::<Scalars>(&keyrings, Order::Fifo, 0);
    deal(&mut net, Deviation::default());
    net.run(MOST);
    let output = |p: PartyId| net.outputs[p.index()].as_ref().unwrap();
    let commitments = &output(DEALER).commitments;
    let corrupt = [party(2), party(5)];
    assert_eq!(corrupt.len(), committee.t());
    let xs: Vec<Fl> =
        [0].into_iter().chain(corrupt.map(PartyId::point)).map(Fl::from_u64).collect();
    for (secret, value) in Scalars::secrets().iter().enumerate() {
        for at in committee.parties() {
            let row = lagrange_row(&xs, Fl::from_u64(at.point()));
            let seen = corrupt.map(|p| output(p).shares[secret]);
            if let Some(own) = commitments.edwards(secret) {
                let known = [own[0], Point::base(&seen[0]), Point::base(&seen[1])];
                assert_eq!(own[0], Point::base(value));
                assert_eq!(evaluate(own, at), Some(Point::combine(row, &known)));
            } else {
                let own = commitments.ristretto(secret).unwrap();
                let base = |s: &Fl| RistrettoPoint::mul_base(s.scalar());
                let known = [own[0], base(&seen[0]), base(&seen[1])];
                let sum = row.iter().zip(known).map(|(w, point)| point * w.scalar()).sum();
                assert_eq!(evaluate(own, at), Some(sum));
            }
        }
    }
}

#[test]
fn sizes_say_nothing_and_nothing_secret_prints() {
    let keyrings = keyrings(4);
    let committee = keyrings[0].committee();
    let sizes = |secrets: Shares<Fl>| {
        let terms = Terms::new(committee, DEALER, &tag(), Scalars::scheme());
        let dealt = Dealing::new(&terms, &keyrings[0], secrets, &seed(), &Deviation::default());
        let parts: Vec<usize> = dealt.parts.iter().map(|p| wire::encode(&p.1).len()).collect();
        (dealt.payload.len(), parts)
    };
    let large: Shares<Fl> = Scalars::secrets().iter().map(|s| -*s).collect();
    assert_eq!(sizes(Scalars::secrets()), sizes(large));

    let mut net = network::<Scalars>(&keyrings, Order::Fifo, 0);
    deal(&mut net, Deviation::default());
    net.run(MOST);
    let shown = format!("{:?} {:?}", net.parties[1], net.outputs[1].as_ref().unwrap());
    assert!(shown.contains("[4 shares]") && shown.contains("2 edwards, 2 ristretto"), "{shown}");
}

#[test]
fn dealing_scalars_again_is_the_same_bytes_and_other_secrets_are_independent() {
    let keyrings = keyrings(4);
    let terms = terms::<Scalars>(&keyrings);
    let honest = Deviation::default();
    let deal = |secrets| Dealing::new(&terms, &keyrings[0], secrets, &seed(), &honest);
    let (one, two) = (deal(Scalars::secrets()), deal(Scalars::secrets()));
    assert_eq!((&one.payload, &one.parts), (&two.payload, &two.parts));
    let mut other = Scalars::secrets().to_vec();
    other[3] += Fl::ONE;
    let (one, other) = (public::<Scalars>(&one), public::<Scalars>(&deal(other.into())));
    // Constants of the first three secrets are the same, and no other commitment is.
    let same = one.commitments.chunks(POINT).zip(other.commitments.chunks(POINT));
    let same: Vec<bool> = same.map(|(one, other)| one == other).collect();
    assert_eq!(same, [true, false, true, false, true, false, false, false]);
    assert_ne!(wire::encode(&one.header)[..POINT], wire::encode(&other.header)[..POINT]);
}
