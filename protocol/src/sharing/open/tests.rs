//! Openings with every pattern of up to `t` liars, and what must never open.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::committee::{Committee, PartyId, PartySet};
use crate::error::Error;
use crate::fault::{Fault, OpeningFault};
use crate::math::{F31, Fp61, Poly, PrimeField};
use crate::protocol::{Outbox, Protocol, Recipient};
use crate::sharing::shamir;
use crate::testkit::{Collected, Network, Order};
use crate::wire;

/// Either kind of opening.
trait Open: Protocol<Message = Message<Fp61>, Output = Vec<Fp61>> + Sized {
    fn new(committee: Committee, count: usize) -> Self;
    fn open(
        &mut self,
        shares: Shares<Fp61>,
        out: &mut dyn Outbox<Message<Fp61>>,
    ) -> Result<(), Error>;
    fn liars(&self) -> PartySet;
    fn corrected(&self) -> bool;
}

macro_rules! opens {
    ($type:ident) => {
        impl Open for $type<Fp61> {
            fn new(committee: Committee, count: usize) -> Self {
                $type::new(committee, count)
            }
            fn open(
                &mut self,
                shares: Shares<Fp61>,
                out: &mut dyn Outbox<Message<Fp61>>,
            ) -> Result<(), Error> {
                $type::open(self, shares, out)
            }
            fn liars(&self) -> PartySet {
                $type::liars(self)
            }
            fn corrected(&self) -> bool {
                $type::corrected(self)
            }
        }
    };
}
opens!(Opening);
opens!(BatchOpening);

/// Values and each party's shares of them, of degree `degree`.
fn deal(committee: Committee, count: u64, degree: usize, seed: u64) -> (Vec<Fp61>, Vec<Vec<Fp61>>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let values: Vec<Fp61> = (0..count).map(|v| Fp61::from_u64(1000 * seed + v)).collect();
    let mut shares = vec![Vec::new(); committee.n()];
    for value in &values {
        let poly = Poly::random_with_constant(*value, degree, &mut rng);
        for (party, mine) in committee.parties().zip(&mut shares) {
            mine.push(poly.eval(shamir::point(party)));
        }
    }
    (values, shares)
}

/// What a hostile party does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Lie {
    Silent,
    /// All elements wrong.
    Wrong,
    /// One element wrong, a different one for each liar.
    OneWrong,
    /// One element too few, then the right vector.
    Short,
    /// No element, and one too many.
    Lengths,
    /// Right, then wrong.
    Second,
    /// The wrong kind of message.
    Kind,
}

const LIES: [Lie; 7] =
    [Lie::Silent, Lie::Wrong, Lie::OneWrong, Lie::Short, Lie::Lengths, Lie::Second, Lie::Kind];

impl Lie {
    /// The vectors a liar sends instead of `right`; to be blamed if the last is true.
    fn vectors(self, liar: PartyId, right: &[Fp61]) -> (Vec<Vec<Fp61>>, bool) {
        let right = right.to_vec();
        let plus = |positions: &dyn Fn(usize) -> bool| {
            let bump = |(i, v): (usize, &Fp61)| if positions(i) { *v + Fp61::ONE } else { *v };
            right.iter().enumerate().map(bump).collect::<Vec<_>>()
        };
        let one = liar.index() % right.len();
        match self {
            Self::Silent => (vec![], false),
            Self::Wrong => (vec![plus(&|_| true)], true),
            Self::OneWrong => (vec![plus(&|i| i == one)], true),
            Self::Short => (vec![right[1..].to_vec(), right], true),
            Self::Lengths => (vec![vec![], [right, vec![Fp61::ZERO]].concat()], true),
            Self::Second => (vec![right.clone(), plus(&|i| i == one)], false),
            Self::Kind => (vec![right], false),
        }
    }
}

/// When the liars' messages come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum When {
    First,
    Last,
}

/// All sets of parties.
fn sets(committee: Committee) -> impl Iterator<Item = PartySet> {
    (0..1u32 << committee.n())
        .map(move |mask| committee.parties().filter(|p| mask >> p.index() & 1 == 1).collect())
}

/// All sets of 0 to `t` parties.
fn coalitions(committee: Committee) -> impl Iterator<Item = PartySet> {
    sets(committee).filter(move |set| set.len() <= committee.t())
}

/// Who lies, and how.
type Liars = Vec<(PartyId, Lie)>;

/// All ways in which these lie, each in its own.
fn assignments(liars: PartySet) -> Vec<Liars> {
    liars.iter().fold(vec![vec![]], |all, liar| {
        let with = |others: &Liars, lie| [others.as_slice(), &[(liar, lie)]].concat();
        all.iter().flat_map(|others| LIES.map(|lie| with(others, lie))).collect()
    })
}

const COUNT: u64 = 5;

/// One run with these liars; all honest parties must output the values, and blame all who are wrong and
/// nobody else.
fn run<P: Open>(committee: Committee, liars: &Liars, when: When, order: Order) {
    let context = format!("n = {}, {liars:?} {when:?} {order:?}", committee.n());
    let (values, shares) = deal(committee, COUNT, committee.degree(), 1);
    let mut network = Network::<P>::new(committee, order, 7, |_| P::new(committee, values.len()));
    network.byzantine = liars.iter().map(|(liar, _)| *liar).collect();
    let lie = |network: &mut Network<P>| {
        lies(network, committee, &shares, liars);
        network.run(10_000);
    };
    if when == When::First {
        lie(&mut network);
    }
    for party in network.honest().collect::<Vec<_>>() {
        let mine = Shares::from(shares[party.index()].clone());
        network.act(party, |p, out| p.open(mine, out)).unwrap();
    }
    network.run(10_000);
    if when == When::Last {
        for party in network.honest() {
            assert_eq!(network.outputs[party.index()].as_ref(), Some(&values), "{context}");
        }
        lie(&mut network);
    }
    network.assert_no_honest_blamed();
    let wrong = liars.iter().filter(|(liar, lie)| {
        lie.vectors(*liar, &values).1 || *lie == Lie::Kind && is_one_hop::<P>()
    });
    let wrong: PartySet = wrong.map(|(liar, _)| *liar).collect();
    for party in network.honest() {
        assert_eq!(network.outputs[party.index()].as_ref(), Some(&values), "{context}");
        let found = network.parties[party.index()].liars();
        assert!(found.is_subset(network.byzantine), "{context}");
        assert!(wrong.is_subset(found), "{context}: {party} blames {found}");
        let times = |liar| {
            let of = |(by, f): &&(PartyId, Fault)| *by == party && f.party == liar;
            network.faults.iter().filter(of).count()
        };
        assert!(network.byzantine.iter().all(|liar| times(liar) <= 2), "{context}: too often");
    }
}

fn is_one_hop<P>() -> bool {
    std::any::type_name::<P>().contains("Opening<") && !std::any::type_name::<P>().contains("Batch")
}

/// Puts the liars' messages in flight.
fn lies<P: Open>(
    network: &mut Network<P>,
    committee: Committee,
    shares: &[Vec<Fp61>],
    liars: &Liars,
) {
    for (liar, lie) in liars.iter().copied() {
        // What an honest party would send, captured.
        let mut honest = Collected::default();
        let mut party = P::new(committee, shares[liar.index()].len());
        party.open(shares[liar.index()].clone().into(), &mut honest).unwrap();
        for (to, message) in honest.sent {
            let Message::Share(right) = message else { unreachable!("inputs send shares") };
            for vector in lie.vectors(liar, &right).0 {
                let vector = Arc::new(vector.into());
                let message = match lie {
                    Lie::Kind => Message::Word(vector),
                    _ => Message::Share(vector),
                };
                network.inject(liar, to, message);
            }
        }
        if !is_one_hop::<P>() {
            // Words of the same kind of falsehood; honest ones would be of this length.
            let len = shares[liar.index()].len().div_ceil(committee.one_honest());
            let right: Vec<_> = (0..len as u64).map(Fp61::from_u64).collect();
            for vector in lie.vectors(liar, &right).0 {
                network.inject(liar, Recipient::All, Message::Word(Arc::new(vector.into())));
            }
        }
    }
}

fn every_pattern<P: Open>(n: usize, orders: &[Order]) {
    let committee = Committee::new(n).unwrap();
    for liars in coalitions(committee).flat_map(assignments) {
        for order in orders {
            run::<P>(committee, &liars, When::First, *order);
            run::<P>(committee, &liars, When::Last, *order);
        }
    }
}

#[test]
fn every_pattern_of_bad_late_and_malformed_shares_at_four() {
    every_pattern::<Opening<_>>(4, &[Order::Fifo, Order::Lifo, Order::Random]);
    every_pattern::<BatchOpening<_>>(4, &[Order::Fifo, Order::Lifo, Order::Random]);
}

#[test]
fn every_pattern_of_bad_late_and_malformed_shares_at_seven() {
    every_pattern::<Opening<_>>(7, &[Order::Fifo, Order::Random]);
    every_pattern::<BatchOpening<_>>(7, &[Order::Fifo, Order::Random]);
}

/// One liar too many, and what they send fits no polynomial of honest shares.
fn one_liar_too_many<P: Open>(n: usize, lie: Lie) {
    let committee = Committee::new(n).unwrap();
    let (values, shares) = deal(committee, COUNT, committee.degree(), 9);
    for byzantine in sets(committee).filter(|set| set.len() == committee.one_honest()) {
        let context = format!("n = {n}, liars {byzantine}, {lie:?}");
        let liars = byzantine.iter().map(|liar| (liar, lie)).collect();
        let mut network =
            Network::<P>::new(committee, Order::Fifo, 7, |_| P::new(committee, values.len()));
        network.byzantine = byzantine;
        lies(&mut network, committee, &shares, &liars);
        network.run(10_000);
        for party in network.honest().collect::<Vec<_>>() {
            let mine = Shares::from(shares[party.index()].clone());
            network.act(party, |p, out| p.open(mine, out)).unwrap();
        }
        network.run(10_000);
        network.assert_no_honest_blamed();
        // Those who end with a right vector, or begin with it, are no liars in one hop.
        let is_lost = !matches!(lie, Lie::Short | Lie::Second) || !is_one_hop::<P>();
        for party in network.honest() {
            let output = network.outputs[party.index()].as_ref();
            assert!(output.is_none_or(|output| *output == values), "{context}: a wrong value");
            assert_eq!(output.is_none(), is_lost, "{context}");
        }
    }
}

#[test]
fn one_liar_too_many_keeps_an_opening_from_its_output_and_changes_none() {
    for n in [4, 7] {
        for lie in LIES {
            one_liar_too_many::<Opening<_>>(n, lie);
            one_liar_too_many::<BatchOpening<_>>(n, lie);
        }
    }
}

/// `t + 1` parties open shares that lie on other polynomials together with the shares of `t` honest ones,
/// which they know.
fn one_liar_too_many_who_knows<P: Open>(n: usize, order: Order) {
    let committee = Committee::new(n).unwrap();
    let (values, shares) = deal(committee, COUNT, committee.degree(), 11);
    for liars in sets(committee).filter(|set| set.len() == committee.one_honest()) {
        let honest = committee.everyone().difference(liars);
        let of_t = |set: &PartySet| set.len() == committee.t() && set.is_subset(honest);
        for known in sets(committee).filter(of_t) {
            let context = format!("n = {n}, liars {liars} know {known}, {order:?}");
            let mut network =
                Network::<P>::new(committee, order, 7, |_| P::new(committee, values.len()));
            for party in committee.parties() {
                let point = shamir::point::<Fp61>(party);
                let vanishing = |all: Fp61, other| all * (point - shamir::point(other));
                let off = if liars.contains(party) { Fp61::ONE } else { Fp61::ZERO };
                let off = known.iter().fold(off, vanishing);
                let mine = shares[party.index()].iter().map(|share| *share + off).collect();
                network.act(party, |p, out| p.open(mine, out)).unwrap();
            }
            network.run(10_000);
            for party in honest.iter() {
                let output = network.outputs[party.index()].as_ref();
                assert!(output.is_some_and(|output| *output != values), "{context}");
                let blamed = network.parties[party.index()].liars();
                assert_eq!(blamed, honest.difference(known), "{context}: {party} is not silent");
            }
        }
    }
}

#[test]
fn one_liar_too_many_who_knows_honest_shares_is_believed_but_not_in_silence() {
    for n in [4, 7] {
        for order in [Order::Fifo, Order::Lifo, Order::Random] {
            one_liar_too_many_who_knows::<Opening<_>>(n, order);
            one_liar_too_many_who_knows::<BatchOpening<_>>(n, order);
        }
    }
}

fn without_own_shares<P: Open>(n: usize) {
    let committee = Committee::new(n).unwrap();
    let (values, shares) = deal(committee, 9, committee.degree(), 3);
    let mut network = Network::<P>::new(committee, Order::Random, 3, |_| P::new(committee, 9));
    for party in committee.parties().take(committee.honest_majority()) {
        let mine = shares[party.index()].clone().into();
        network.act(party, |p, out| p.open(mine, out)).unwrap();
    }
    network.run(1000);
    assert!(network.outputs.iter().all(|output| output.as_ref() == Some(&values)));
    assert!(network.faults.is_empty() && network.parties.iter().all(|p| !p.corrected()));
}

#[test]
fn a_party_without_shares_gets_the_values_too() {
    for n in [4, 5, 6, 7] {
        without_own_shares::<Opening<_>>(n);
        without_own_shares::<BatchOpening<_>>(n);
    }
}

fn two_t<P: Open>(n: usize) {
    let committee = Committee::new(n).unwrap();
    let (_, shares) = deal(committee, 4, 2 * committee.degree(), 4);
    for silent in coalitions(committee) {
        let mut network = Network::<P>::new(committee, Order::Random, 5, |_| P::new(committee, 4));
        network.byzantine = silent;
        for party in network.honest().collect::<Vec<_>>() {
            let mine = shares[party.index()].clone().into();
            network.act(party, |p, out| p.open(mine, out)).unwrap();
        }
        network.run(1000);
        assert!(network.outputs.iter().all(Option::is_none), "silent: {silent}");
        assert!(network.faults.is_empty(), "nobody lied");
    }
}

#[test]
fn a_sharing_of_degree_2t_is_never_opened() {
    for n in [4, 7] {
        two_t::<Opening<_>>(n);
        two_t::<BatchOpening<_>>(n);
    }
}

/// Over F_31, whatever single share the liar of four sends, and in every order of arrival.
#[test]
fn every_single_share_of_a_liar_in_every_order() {
    let committee = Committee::new(4).unwrap();
    let secret = F31::from_u64(17);
    let shares = shamir::share(secret, committee, &mut ChaCha8Rng::seed_from_u64(6));
    let mut orders = Vec::new();
    for a in 0..4 {
        for b in (0..4).filter(|b| *b != a) {
            for c in (0..4).filter(|c| *c != a && *c != b) {
                orders.push([a, b, c, 6 - a - b - c]);
            }
        }
    }
    for (liar, lie) in (0..4u16).flat_map(|liar| F31::all().map(move |lie| (liar, lie))) {
        for order in &orders {
            let mut opening = Opening::new(committee, 1);
            let mut out = Collected::default();
            let mut outputs = Vec::new();
            for party in order {
                let share = if *party == liar { lie } else { shares[usize::from(*party)] };
                let message = Message::Share(Arc::new(vec![share].into()));
                outputs.extend(opening.handle(PartyId::new(*party), message, &mut out));
            }
            assert_eq!(outputs, [vec![secret]]);
            let kind = OpeningFault::WrongShare.into();
            let fault = Fault { party: PartyId::new(liar), kind };
            let expected: &[Fault] = if lie == shares[usize::from(liar)] { &[] } else { &[fault] };
            assert_eq!(out.faults, expected);
            let last = order[3] == liar;
            assert_eq!(opening.corrected(), !expected.is_empty() && !last);
        }
    }
}

#[test]
fn wrong_shares_and_wrong_words_are_both_told_of() {
    let committee = Committee::new(4).unwrap();
    // Its lie comes before the last truth.
    for (in_words, liar) in [(false, PartyId::new(0)), (true, PartyId::new(3))] {
        let (values, shares) = deal(committee, 4, committee.degree(), 9);
        let mut network =
            Network::new(committee, Order::Fifo, 1, |_| BatchOpening::<Fp61>::new(committee, 4));
        assert!(!network.parties.iter().any(BatchOpening::served), "nothing was said yet");
        for (party, shares) in committee.parties().zip(shares) {
            network.act(party, |p, out| p.open(shares.into(), out)).unwrap();
        }
        while let Some(mut envelope) = network.next() {
            match &mut envelope.message {
                Message::Word(said) if in_words && envelope.from == liar => {
                    *said = Arc::new(said.iter().map(|word| *word + Fp61::ONE).collect());
                }
                Message::Share(said) if !in_words && envelope.from == liar => {
                    *said = Arc::new(said.iter().map(|share| *share + Fp61::ONE).collect());
                }
                _ => {}
            }
            network.deliver(envelope);
        }
        network.byzantine.insert(liar);
        for party in network.honest() {
            assert_eq!(network.outputs[party.index()].as_ref(), Some(&values));
            assert!(network.parties[party.index()].corrected(), "{party}, words {in_words}");
        }
    }
}

#[test]
fn a_second_vector_changes_nothing() {
    let committee = Committee::new(4).unwrap();
    let (values, shares) = deal(committee, 3, committee.degree(), 8);
    let mut opening = Opening::new(committee, 3);
    let mut out = Collected::default();
    let message = |party: u16| Message::new(shares[usize::from(party)].clone().into());
    let mut give = |party: u16, message| {
        let output = opening.handle(PartyId::new(party), message, &mut out);
        (output, std::mem::take(&mut out.faults))
    };
    for _ in 0..4 {
        assert_eq!(give(1, message(1)), (None, vec![]), "the same again is no fault");
    }
    let kind = OpeningFault::SecondShare.into();
    assert_eq!(give(1, message(2)), (None, vec![Fault { party: PartyId::new(1), kind }]));
    assert_eq!(give(1, message(3)), (None, vec![]), "blamed once");
    assert_eq!(give(0, message(0)), (None, vec![]));
    assert_eq!(give(3, message(3)), (Some(values), vec![]), "the first one counts");
    for party in 0..4 {
        assert_eq!(give(party, message(party)), (None, vec![]), "no second output");
    }
}

#[test]
fn shares_are_opened_once_and_all_of_them() {
    let committee = Committee::new(4).unwrap();
    let mut out = Collected::default();
    let shares = || Shares::from(vec![Fp61::ONE; 2]);
    let mut opening = BatchOpening::new(committee, 3);
    let wrong = Error::WrongSize { what: "shares to open", expected: 3, got: 2 };
    assert_eq!(opening.open(shares(), &mut out), Err(wrong));
    let mut opening = Opening::new(committee, 2);
    assert_eq!(opening.open(shares(), &mut out), Ok(()));
    let again = Error::AlreadyGiven { what: "shares to open" };
    assert_eq!(opening.open(shares(), &mut out), Err(again));
    assert_eq!(out.sent.len(), 1);
}

#[test]
fn nothing_to_open_is_opened() {
    let committee = Committee::new(4).unwrap();
    let mut network =
        Network::new(committee, Order::Fifo, 1, |_| BatchOpening::<Fp61>::new(committee, 0));
    for party in committee.parties() {
        network.act(party, |p, out| p.open(Shares::default(), out)).unwrap();
    }
    network.run(100);
    assert!(network.outputs.iter().all(|output| output.as_ref().is_some_and(Vec::is_empty)));
    assert!(network.parties.iter().all(BatchOpening::served));
}

#[test]
fn messages_have_one_encoding() {
    for message in [Message::Share, Message::Word] {
        let message = message(Arc::new(vec![Fp61::ONE, -Fp61::ONE].into()));
        let bytes = wire::encode(&message);
        assert_eq!(wire::decode(&bytes, 100).as_ref(), Ok(&message));
        assert_eq!(bytes.len(), 4 + 8 + 2 * 8);
        let mut not_reduced = bytes.clone();
        not_reduced[20..].copy_from_slice(&Fp61::MODULUS.to_le_bytes());
        assert!(wire::decode::<Message<Fp61>>(&not_reduced, 100).is_err());
        assert!(wire::decode::<Message<Fp61>>(&[bytes, vec![0]].concat(), 100).is_err());
    }
}

#[test]
fn messages_show_their_length_only() {
    let message = Message::new(vec![Fp61::ONE; 3].into());
    assert_eq!(message.to_string(), "SHARE[3]");
    assert_eq!(format!("{message:?}"), "Share([3 shares])");
}
