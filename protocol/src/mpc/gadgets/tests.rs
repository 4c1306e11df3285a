use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::compare::{bits, multiplications, openings, width};
use super::input::unmask_input;
use super::*;
use crate::committee::{Committee, PartyId, PartySet};
use crate::math::{Field, Fp61};
use crate::mpc::engine::{self, Engine, Gadget, Step};
use crate::mpc::preprocessing::Triple;
use crate::protocol::Recipient;
use crate::rule::Rule;
use crate::sharing::{Shares, open, shamir};
use crate::testkit::{Network, Order};

type Net = Network<Engine<Fp61, Decide<Fp61>>>;

fn at(value: u64) -> Fp61 {
    Fp61::from_u64(value)
}

fn bit(value: bool) -> Fp61 {
    at(u64::from(value))
}

fn random_triple(rng: &mut ChaCha8Rng) -> Triple<Fp61> {
    let (a, b) = (Fp61::random(rng), Fp61::random(rng));
    Triple { a, b, c: a * b }
}

/// The material of a decision in the clear, and the masked inputs of those who vote.
struct Clear {
    bits: Vec<Fp61>,
    triples: Vec<Triple<Fp61>>,
    masked: Vec<(PartyId, Vec<bool>)>,
}

impl Clear {
    fn new(rule: &Rule, votes: &[Option<u64>], rng: &mut ChaCha8Rng) -> Self {
        let cost = rule.cost(votes.len());
        let bits: Vec<bool> =
            (0..cost.all_bits(votes.len())).map(|_| rng.random_bool(0.5)).collect();
        let masked = (0..)
            .zip(votes)
            .zip(bits.chunks(cost.mask_bits_per_voter))
            .filter_map(|((i, vote), masks)| {
                let vote = rule.vote_bits((*vote)?).unwrap();
                let masked = vote.iter().zip(masks).map(|(x, b)| x ^ b).collect();
                Some((PartyId::new(i), masked))
            })
            .collect();
        let triples = (0..cost.triples).map(|_| random_triple(rng)).collect();
        Self { bits: bits.into_iter().map(bit).collect(), triples, masked }
    }

    /// Everybody's shares of it.
    fn share(
        &self,
        rule: &Rule,
        committee: Committee,
        rng: &mut ChaCha8Rng,
    ) -> Vec<Material<Fp61>> {
        let mut share = |secret| shamir::share(secret, committee, rng);
        let bits: Vec<_> = self.bits.iter().map(|bit| share(*bit)).collect();
        let triples: Vec<_> =
            self.triples.iter().map(|t| (share(t.a), share(t.b), share(t.c))).collect();
        let material = |p: PartyId| {
            let i = p.index();
            let bits: Vec<_> = bits.iter().map(|bit| bit[i]).collect();
            let triples: Vec<_> =
                triples.iter().map(|(a, b, c)| Triple { a: a[i], b: b[i], c: c[i] }).collect();
            Material::split(rule.cost(committee.n()), committee.n(), &bits, &triples)
        };
        committee.parties().map(material).collect()
    }
}

fn network(rule: &Rule, votes: &[Option<u64>], order: Order, seed: u64) -> Net {
    let committee = Committee::new(votes.len()).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let clear = Clear::new(rule, votes, &mut rng);
    let mut materials = clear.share(rule, committee, &mut rng).into_iter();
    Network::new(committee, order, seed, |_| {
        let gadget = rule.compile(committee.n(), &clear.masked, materials.next().unwrap());
        Engine::new(committee, gadget, true)
    })
}

fn start(net: &mut Net) {
    let honest: Vec<_> = net.honest().collect();
    for p in honest {
        net.act(p, |engine, out| engine.start(out));
    }
}

fn counted(votes: &[Option<u64>]) -> Vec<u64> {
    votes.iter().flatten().copied().collect()
}

fn assert_outcome(net: &Net, rule: &Rule, votes: &[Option<u64>]) {
    for p in net.honest() {
        let output = net.outputs[p.index()].as_deref().unwrap_or_else(|| panic!("{p} of {rule}"));
        let right = rule.evaluate_clear(&counted(votes));
        assert_eq!(decide::outcome(output), Some(right), "{rule} {votes:?}");
    }
    net.assert_no_honest_blamed();
}

fn rule(text: &str) -> Rule {
    Rule::parse(text).unwrap()
}

fn all(votes: &[u64]) -> Vec<Option<u64>> {
    votes.iter().copied().map(Some).collect()
}

/// Votes with the given sum.
fn votes_of(sum: u64, counted: u64) -> Vec<u64> {
    (0..counted).map(|i| sum / counted + u64::from(i < sum % counted)).collect()
}

#[test]
fn every_value_comes_back_from_its_masked_bits_and_nothing_else_can() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let committee = Committee::new(4).unwrap();
    for value in 0..=100 {
        let bits = weights::to_bits(value, 100).unwrap();
        let masks: Vec<bool> = bits.iter().map(|_| rng.random_bool(0.5)).collect();
        let masked: Vec<bool> = bits.iter().zip(&masks).map(|(x, b)| x ^ b).collect();
        let shared: Vec<_> =
            masks.iter().map(|b| shamir::share(bit(*b), committee, &mut rng)).collect();
        let inputs: Vec<(PartyId, Fp61)> = committee
            .parties()
            .map(|p| {
                let own: Vec<_> = shared.iter().map(|shares| shares[p.index()]).collect();
                (p, unmask_input(100, &masked, &own))
            })
            .collect();
        for some in inputs.windows(2) {
            assert_eq!(shamir::reconstruct(committee, some), Some(at(value)));
        }
    }
    // Whatever a voter broadcasts, under whatever masks.
    for choice in 0..1u32 << 14 {
        let choices: Vec<bool> = (0..14).map(|i| choice >> i & 1 == 1).collect();
        let masks: Vec<Fp61> = choices[7..].iter().map(|b| bit(*b)).collect();
        assert!(unmask_input(100, &choices[..7], &masks) <= at(100));
    }
}

/// Runs a gadget on secrets instead of shares; returns its openings and its output.
fn run_clear(gadget: &mut impl Gadget<Fp61>) -> (Vec<Vec<Fp61>>, Vec<Fp61>) {
    let sizes = gadget.openings();
    let (mut log, mut step) = (Vec::<Vec<Fp61>>::new(), gadget.next(&[]));
    loop {
        match step {
            Step::Done(output) => {
                assert_eq!(log.iter().map(Vec::len).collect::<Vec<_>>(), sizes);
                return (log, output);
            }
            Step::Open(values) => {
                step = gadget.next(&values);
                log.push(values.to_vec());
            }
        }
    }
}

#[test]
fn comparisons_are_right_for_every_number_and_bound() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for k in 1..=6 {
        assert_eq!(openings(k).iter().sum::<usize>(), 1 + 2 * multiplications(k));
        for number in 0..1 << k {
            for bound in 0..=1 << k {
                let random = (0..bits(k)).map(|_| bit(rng.random_bool(0.5))).collect();
                let triples = (0..multiplications(k)).map(|_| random_triple(&mut rng)).collect();
                let mut compare = Compare::new(k, at(number), bound, random, triples);
                let mut opened = compare.mask();
                let result = loop {
                    match compare.next(&opened) {
                        compare::Step::Open(values) => opened = values,
                        compare::Step::Result(result) => break result,
                    }
                };
                assert_eq!(result, bit(number >= bound), "{number} >= {bound} with {k} bits");
            }
        }
    }
}

#[test]
fn thirteen_bits_take_six_openings_and_twenty_products() {
    let k = width(64 * 100);
    assert_eq!((k, bits(k), multiplications(k)), (13, 53, 20));
    assert_eq!(openings(k), [1, 22, 10, 6, 2]);
    // One more reveals the outcome.
    assert_eq!(compare::depth(k) + 2, 6);
    assert_eq!([0, 1, 2, 400, 700].map(width), [1, 1, 2, 9, 10]);
}

#[test]
fn the_widest_comparison_does_not_wrap() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for (number, bound) in [(0, 1), (0, 1 << 20), ((1 << 20) - 1, 0), ((1 << 20) - 1, 1 << 20)] {
        for value in [false, true] {
            let random: Shares<Fp61> = vec![bit(value); bits(20)].into();
            let triples = (0..multiplications(20)).map(|_| random_triple(&mut rng)).collect();
            let mut compare = Compare::new(20, at(number), bound, random, triples);
            let mut opened = compare.mask();
            let result = loop {
                match compare.next(&opened) {
                    compare::Step::Open(values) => opened = values,
                    compare::Step::Result(result) => break result,
                }
            };
            assert_eq!(result, bit(number >= bound));
        }
    }
}

#[test]
#[should_panic(expected = "F::MODULUS")]
fn a_comparison_that_could_wrap_is_refused() {
    Compare::new(21, at(0), 0, vec![at(0); bits(21)].into(), Vec::new());
}

#[test]
fn means_are_right_at_their_boundaries() {
    let mut seed = 0;
    for (n, counted) in [(4, 3), (4, 4), (7, 4), (7, 7)] {
        for number in ["75", "75.5", "66.67", "0.25", "99.999"] {
            for operator in [">", ">=", "<", "<="] {
                let rule = rule(&format!("mean(x) {operator} {number}"));
                let near = rule.threshold(counted as usize).at_least;
                for sum in near.saturating_sub(2)..=(near + 1).min(100 * counted) {
                    let mut votes = all(&votes_of(sum, counted));
                    votes.resize(n, None);
                    // Whoever is absent, the others' masks stay their own.
                    votes.rotate_right(seed as usize % n);
                    let mut net = network(&rule, &votes, Order::Random, seed);
                    start(&mut net);
                    net.run(10_000);
                    assert_outcome(&net, &rule, &votes);
                    seed += 1;
                }
            }
        }
    }
}

#[test]
fn counts_are_right_for_all_votes_and_absences() {
    for text in ["count(x) >= 3", "count(x) > 1", "count(x) < 2", "count(x) <= 3"] {
        let rule = rule(text);
        for choice in 1..81u64 {
            let vote = |i| [Some(0), Some(1), None][(choice / 3u64.pow(i) % 3) as usize];
            let votes: Vec<_> = (0..4).map(vote).collect();
            if counted(&votes).is_empty() {
                continue;
            }
            let mut net = network(&rule, &votes, Order::Fifo, choice);
            start(&mut net);
            net.run(1000);
            assert_outcome(&net, &rule, &votes);
        }
    }
}

/// All sets of `t` of the first `n` parties.
fn subsets(n: u16, t: usize) -> Vec<PartySet> {
    (0..1u32 << n)
        .filter(|set| set.count_ones() as usize == t)
        .map(|set| (0..n).filter(|i| set >> i & 1 == 1).map(PartyId::new).collect())
        .collect()
}

#[test]
fn t_liars_in_every_opening_change_nothing_and_are_named() {
    for (n, t) in [(4u16, 1), (7, 2)] {
        for (seed, liars) in (0..).zip(subsets(n, t)) {
            let rule = rule("mean(x) > 75");
            let sum = u64::from(n) * 75 + u64::from(seed % 2 == 0);
            let votes = all(&votes_of(sum, u64::from(n)));
            let order = [Order::Fifo, Order::Lifo, Order::Random][seed as usize % 3];
            let mut net = network(&rule, &votes, order, seed);
            net.byzantine = liars;
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let sizes = net.parties[0].progress().1;
            for liar in liars.iter() {
                let mut values = compare::openings(width(100 * u64::from(n)));
                values.push(1);
                assert_eq!(values.len(), sizes);
                for (round, size) in (0..).zip(values) {
                    let lies: Shares<Fp61> = (0..size).map(|_| Fp61::random(&mut rng)).collect();
                    let shares = open::Message::Share(lies.into());
                    net.inject(liar, Recipient::All, engine::Message { round, shares });
                }
            }
            start(&mut net);
            net.run(10_000);
            assert_outcome(&net, &rule, &votes);
            for p in net.honest() {
                let engine = &net.parties[p.index()];
                assert_eq!(engine.liars(), liars);
            }
            assert!(order == Order::Lifo || net.parties.iter().any(Engine::corrected));
        }
    }
}

#[test]
fn t_silent_parties_change_nothing() {
    for (n, t) in [(4u16, 1), (7, 2)] {
        for (seed, silent) in (0..).zip(subsets(n, t)) {
            let rule = rule("mean(x) >= 66.67");
            let votes = all(&votes_of(u64::from(n) * 66 + seed % 9, u64::from(n)));
            let mut net = network(&rule, &votes, Order::Random, seed);
            net.byzantine = silent;
            start(&mut net);
            net.run(10_000);
            assert_outcome(&net, &rule, &votes);
        }
    }
}

#[test]
fn an_outcome_is_one_bit() {
    let of = |values: &[u64]| {
        decide::outcome(&values.iter().map(|value| at(*value)).collect::<Vec<_>>())
    };
    assert_eq!([of(&[0]), of(&[1])], [Some(false), Some(true)]);
    assert_eq!([of(&[2]), of(&[]), of(&[0, 1])], [None; 3]);
    let threshold = |negated| decide::Threshold { at_least: 3, negated };
    assert_eq!([2, 3, 4].map(|sum| threshold(false).accepts(sum)), [false, true, true]);
    assert_eq!([2, 3, 4].map(|sum| threshold(true).accepts(sum)), [true, false, false]);
}

/// The whitelist: the sum under the random bits, each product's factors under that product's own
/// triple, and the outcome. Every opened value is accounted for.
#[test]
fn nothing_is_opened_but_masked_values_and_the_outcome() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    for (text, votes) in [
        ("mean(x) > 75", all(&[80, 70, 90, 61])),
        ("mean(x) <= 75.5", all(&[80, 70, 90, 76, 75, 77, 74])),
        ("count(x) >= 3", all(&[1, 0, 1, 1])),
    ] {
        let (rule, n) = (rule(text), votes.len());
        let clear = Clear::new(&rule, &votes, &mut rng);
        let run = |clear: &Clear| {
            let material = Material::split(rule.cost(n), n, &clear.bits, &clear.triples);
            run_clear(&mut rule.compile(n, &clear.masked, material))
        };
        let (log, output) = run(&clear);
        assert_eq!(decide::outcome(&output), Some(rule.evaluate_clear(&counted(&votes))));
        let cost = rule.cost(n);
        let k = width(rule.greatest_sum(n));

        // The first opening: the shifted sum plus the number that the random bits make.
        let random = &clear.bits[n * cost.mask_bits_per_voter..];
        let mask: Fp61 = (0..).zip(random).map(|(i, bit)| at(1 << i) * *bit).sum();
        let sum: u64 = counted(&votes).iter().sum();
        let shifted = sum + (1 << k) - rule.threshold(n).at_least;
        assert_eq!(log[0], [at(shifted) + mask]);

        // The last one: the outcome, and that is the output.
        assert_eq!(log[log.len() - 1], output);

        // Between: one value for each factor of each triple. With a and b of one triple moved,
        // exactly its two values move, by as much.
        let between: Vec<Fp61> = log[1..log.len() - 1].concat();
        assert_eq!(between.len(), 2 * cost.triples);
        for i in 0..cost.triples {
            let (by_a, by_b) = (Fp61::random(&mut rng), Fp61::random(&mut rng));
            let mut moved =
                Clear { triples: clear.triples.clone(), ..Clear::new(&rule, &votes, &mut rng) };
            moved.bits.clone_from(&clear.bits);
            moved.masked.clone_from(&clear.masked);
            let (a, b) = (clear.triples[i].a + by_a, clear.triples[i].b + by_b);
            moved.triples[i] = Triple { a, b, c: a * b };
            let (moved_log, moved_output) = run(&moved);
            assert_eq!((&moved_log[0], &moved_output), (&log[0], &output));
            let mut expected = between.clone();
            expected[2 * i] -= by_a;
            expected[2 * i + 1] -= by_b;
            assert_eq!(moved_log[1..log.len() - 1].concat(), expected);
        }
    }
}

#[test]
fn every_random_bit_claimed_is_used() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let (rule, votes) = (rule("mean(x) > 75"), all(&[80, 70, 90, 61]));
    let clear = Clear::new(&rule, &votes, &mut rng);
    let first = |bits: &[Fp61]| {
        let material = Material::split(rule.cost(4), 4, bits, &clear.triples);
        run_clear(&mut rule.compile(4, &clear.masked, material)).0.swap_remove(0)
    };
    for i in 0..clear.bits.len() {
        let mut flipped = clear.bits.clone();
        flipped[i] = Fp61::ONE - flipped[i];
        assert_ne!(first(&flipped), first(&clear.bits), "bit {i}");
    }
}

#[test]
#[should_panic(expected = "claims are as large as the cost")]
fn material_of_another_size_is_refused() {
    let cost = rule("mean(x) > 75").cost(4);
    Material::split(cost, 4, &vec![Fp61::ZERO; cost.all_bits(4) - 1], &[]);
}

/// What the network can see without opening anything: who sends how much to whom, in which order.
#[test]
fn traffic_does_not_depend_on_votes() {
    let rule = rule("mean(x) > 75");
    let trace = |votes: &[u64]| {
        let mut net = network(&rule, &all(votes), Order::Random, 6);
        start(&mut net);
        let mut trace = Vec::new();
        net.run_filtered(10_000, |e| {
            trace.push((e.from, e.to, e.message.to_string()));
            true
        });
        trace
    };
    let one = trace(&[80, 70, 90, 61]);
    assert!(!one.is_empty() && one == trace(&[0, 0, 0, 0]) && one == trace(&[100, 100, 100, 100]));
}

#[test]
fn material_does_not_print() {
    let cost = rule("count(x) > 1").cost(4);
    let triple = Triple { a: at(41), b: at(42), c: at(43) };
    let bits = vec![at(44); cost.all_bits(4)];
    let material = Material::split(cost, 4, &bits, &vec![triple; cost.triples]);
    assert_eq!(format!("{material:?}"), "[masks of 4, 43 bits, 2 triples]");
}
