//! What a rule says, computed the slowest way from its text, and what its computation may open: shares
//! no code with the protocol's own evaluation.

use quorate_protocol::math::{Field, Fp61, PrimeField};
use quorate_protocol::mpc::preprocessing::Triple;
use quorate_protocol::rule::Rule;

/// Millionths in one.
const UNIT: u128 = 1_000_000;

/// Random bits above the sum's own that hide it.
const HIDING: usize = 40;

/// A rule, read from its text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Reference {
    /// The greatest input.
    pub(super) greatest: u64,
    /// Whether the sum is divided by the number of inputs.
    mean: bool,
    operator: String,
    millionths: u128,
}

impl Reference {
    /// Reads a rule.
    pub(super) fn of(rule: &Rule) -> Option<Self> {
        Self::parse(&rule.to_string())
    }

    /// Reads the canonical text of a rule; `None` if it is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (function, rest) = text.split_once('(')?;
        let (_, rest) = rest.split_once(") ")?;
        let (operator, number) = rest.split_once(' ')?;
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let part: u128 = format!("{part:0<6}").parse().ok()?;
        let millionths = whole.parse::<u128>().ok()? * UNIT + part;
        let (greatest, mean) = match function {
            "mean" => (100, true),
            "count" => (1, false),
            _ => return None,
        };
        Some(Self { greatest, mean, operator: operator.into(), millionths })
    }

    /// Whether so many inputs with this sum are accepted.
    pub(crate) fn accepts(&self, sum: u64, inputs: usize) -> bool {
        let bound = self.millionths * if self.mean { inputs as u128 } else { 1 };
        let sum = u128::from(sum) * UNIT;
        inputs > 0
            && match &*self.operator {
                ">" => sum > bound,
                ">=" => sum >= bound,
                "<" => sum < bound,
                _ => sum <= bound,
            }
    }

    /// Whether what is compared is whether the sum is large: else whether it is not.
    fn rises(&self) -> bool {
        self.operator.starts_with('>')
    }

    /// The least sum that the comparison calls large; one more than the greatest if there is none.
    fn bound(&self, inputs: usize) -> u64 {
        let most = self.greatest * inputs as u64;
        let large = |sum: &u64| self.accepts(*sum, inputs) == self.rises();
        (0..=most).find(large).unwrap_or(most + 1)
    }

    /// What the bits of an input count, lowest first: 1, 2, 4 and so on, and last what is missing
    /// to the greatest.
    pub(super) fn weights(&self) -> Vec<u64> {
        let (mut weights, mut sum, mut power) = (Vec::new(), 0, 1);
        while sum + power < self.greatest {
            weights.push(power);
            sum += power;
            power *= 2;
        }
        weights.push(self.greatest - sum);
        weights
    }

    /// Bits of the greatest sum of `n` inputs.
    pub(super) fn width(&self, n: usize) -> usize {
        let most = self.greatest * n as u64;
        (0..64).find(|bits| most >> bits == 0).unwrap_or(64).max(1)
    }

    /// Random bits that a decision among `n` uses up.
    pub(super) fn bits(&self, n: usize) -> usize {
        n * self.weights().len() + self.width(n) + HIDING
    }

    /// Triples that it uses up.
    pub(super) fn triples(&self, n: usize) -> usize {
        let layers = layers(self.width(n));
        layers.iter().sum()
    }

    /// How many values each opening of the computation has.
    pub(super) fn openings(&self, n: usize) -> Vec<usize> {
        let products = layers(self.width(n)).into_iter().map(|products| 2 * products);
        [1].into_iter().chain(products).chain([1]).collect()
    }

    /// The sum that was compared, if `opened` is what was opened first: whether its mask is made of
    /// these bits. In the field, so of a wrong opening it is anything.
    pub(super) fn sum(&self, n: usize, inputs: usize, mask: &[Fp61], opened: Fp61) -> Fp61 {
        let two_to = |power: usize| Fp61::from_u64(1 << power);
        let mask: Fp61 = (0..).zip(mask).map(|(power, bit)| two_to(power) * *bit).sum();
        opened - mask - two_to(self.width(n)) + Fp61::from_u64(self.bound(inputs))
    }

    /// What is opened after the first opening, in order, and last the outcome: from what was opened
    /// first and the material, all in the clear.
    pub(super) fn computation(
        &self,
        n: usize,
        mask: &[Fp61],
        triples: &[Triple<Fp61>],
        opened: Fp61,
    ) -> Vec<Vec<Fp61>> {
        let low = opened.to_u64();
        // Of each run of positions: whether the mask's bits are over those opened, or equal to them.
        let run = |(place, bit): (usize, &Fp61)| {
            let mask = *bit == Fp61::ONE;
            let open = low >> place & 1 == 1;
            (mask && !open, mask == open)
        };
        let mut runs: Vec<(bool, bool)> =
            mask.iter().take(self.width(n)).enumerate().map(run).collect();
        let mut triples = triples.iter();
        let mut all = Vec::new();
        while runs.len() > 1 {
            let (mut layer, mut joined) = (Vec::new(), Vec::new());
            let mut multiply = |x: bool, y: bool| {
                let field = |bit| if bit { Fp61::ONE } else { Fp61::ZERO };
                let triple = triples.next().copied().unwrap_or_default();
                layer.extend([field(x) - triple.a, field(y) - triple.b]);
            };
            for pair in runs.chunks(2) {
                let [low, high] = pair else {
                    joined.extend(pair.iter().copied());
                    continue;
                };
                multiply(high.1, low.0);
                if !joined.is_empty() {
                    multiply(high.1, low.1);
                }
                joined.push((high.0 || high.1 && low.0, high.1 && low.1));
            }
            all.push(layer);
            runs = joined;
        }
        all
    }

    /// The value that is opened last.
    pub(super) fn outcome(&self, sum: u64, inputs: usize) -> Fp61 {
        if self.accepts(sum, inputs) { Fp61::ONE } else { Fp61::ZERO }
    }
}

/// Products in each layer of the comparison of numbers of so many bits: pairs of neighbouring runs
/// are joined with two products each, the lowest with one.
fn layers(width: usize) -> Vec<usize> {
    let (mut runs, mut layers) = (width, Vec::new());
    while runs > 1 {
        let pairs = runs / 2;
        layers.push(2 * pairs - 1);
        runs -= pairs;
    }
    layers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(rule: &str) -> Reference {
        Reference::of(&Rule::parse(rule).unwrap()).unwrap()
    }

    #[test]
    fn a_rule_says_what_its_text_says() {
        let over = reference("mean(confidence) > 75");
        assert!(!over.accepts(300, 4) && over.accepts(301, 4) && !over.accepts(0, 0));
        let half = reference("mean(x) <= 0.5");
        assert!(half.accepts(2, 4) && !half.accepts(3, 4));
        let count = reference("count(approve) >= 3");
        assert!(count.accepts(3, 7) && !count.accepts(2, 3));
        let few = reference("count(approve) < 3");
        assert!(few.accepts(2, 4) && !few.accepts(3, 4));
    }

    /// Independent of each other, and so a test of both.
    #[test]
    fn the_reference_and_the_protocol_say_the_same_of_every_sum_and_cost() {
        let rules = ["mean(a) > 75", "mean(a) < 33.3", "mean(a) >= 0.25", "mean(a) <= 99.999999"];
        let counts = ["count(a) > 1", "count(a) >= 3", "count(a) < 2", "count(a) <= 3"];
        for text in rules.into_iter().chain(counts) {
            let (rule, reference) = (Rule::parse(text).unwrap(), reference(text));
            for n in 4..=16 {
                let cost = rule.cost(n);
                assert_eq!(reference.bits(n), cost.all_bits(n), "{text} {n}");
                assert_eq!(reference.triples(n), cost.triples, "{text} {n}");
                let threshold = rule.threshold(n);
                assert_eq!(reference.bound(n), threshold.at_least, "{text} {n}");
                for sum in 0..=rule.greatest_sum(n) {
                    assert_eq!(reference.accepts(sum, n), threshold.accepts(sum), "{text} {sum}");
                }
            }
        }
    }
}
