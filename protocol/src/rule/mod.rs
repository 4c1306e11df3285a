//! Decision rules: what a vote is, and which votes accept a proposal.
//!
//! A rule is one line of text, such as `mean(confidence) > 75` or `count(approve) >= 3`. Its
//! function says what each member enters, a whole number from 0 to 100 for `mean`, yes or no for
//! `count`; the comparison says when the proposal is accepted. The grammar stands in [`Rule::parse`].
//!
//! # Guarantees
//! - One rule has one text: `Display` is canonical, equal rules have equal texts, and the wire
//!   carries that text only. It is what a certificate quotes and people read.
//! - Exact arithmetic: numbers are decimal and whole millionths ([`Decimal`]); no float anywhere.
//!   A mean is never divided out: the sum is compared with the bound times the number of inputs.
//! - [`Rule::threshold`] and [`Rule::evaluate_clear`] are two definitions of the same decision,
//!   written apart; the tests compare them at every boundary.
//! - [`Rule::cost`] depends on the rule and the number of members only, never on who votes: the
//!   material of a decision is claimed before anybody has voted.
//!
//! Not guaranteed: that an outcome says little. `count(x) >= n` accepted tells every vote.
//!
//! # What a computation needs
//! With m inputs counted, "accepted" is `sum >= T`, or its negation:
//!
//! | rule | test |
//! |---|---|
//! | `mean > c` | `sum >= floor(c m) + 1` |
//! | `mean >= c` | `sum >= ceil(c m)` |
//! | `mean < c` | not `sum >= ceil(c m)` |
//! | `mean <= c` | not `sum >= floor(c m) + 1` |
//!
//! and the same for `count` with 1 in place of m.

mod decimal;
mod error;
mod parse;
mod vote;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use decimal::Decimal;
pub use error::RuleError;
pub use vote::VoteError;

use crate::committee::PartyId;
use crate::math::{Fp61, PrimeField};
pub use crate::mpc::gadgets::{Cost, Threshold};
use crate::mpc::gadgets::{Decide, Material, weights};

/// Greatest input of a mean.
const MAX_INPUT: u64 = 100;

const EXAMPLES: &str = "mean(confidence) > 75 or count(approve) >= 3";

/// A decision rule.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Rule {
    function: Function,
    name: String,
    operator: Operator,
    constant: Decimal,
}

/// What is done with the inputs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Function {
    /// The mean of numbers.
    Mean,
    /// How many say yes.
    Count,
}

/// How the result is compared with the number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Operator {
    /// Over.
    Greater,
    /// At least.
    GreaterOrEqual,
    /// Under.
    Less,
    /// At most.
    LessOrEqual,
}

/// What each member enters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Input {
    /// A whole number from 0 to `max`.
    Range {
        /// The greatest.
        max: u64,
    },
    /// Yes, which counts 1, or no, which counts 0.
    YesNo,
}

impl Rule {
    /// Reads a rule: `function "(" name ")" operator number`, with blanks between if wanted.
    ///
    /// # Errors
    /// [`RuleError`], with the place and a hint.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        parse::parse(text)
    }

    /// What each member enters.
    pub const fn input(&self) -> Input {
        match self.function {
            Function::Mean => Input::Range { max: MAX_INPUT },
            Function::Count => Input::YesNo,
        }
    }

    /// What the rule calls its input.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Checks that with `n` members the rule can be met, and can be missed.
    ///
    /// # Errors
    /// [`RuleError`] that says why not.
    pub fn check(&self, n: usize) -> Result<(), RuleError> {
        // The greatest value; a mean's does not depend on how many are counted.
        let most = match self.function {
            Function::Mean => MAX_INPUT,
            Function::Count => n as u64,
        };
        let (low, high) = (self.met_by(0, 1), self.met_by(most, 1));
        if low != high {
            return Ok(());
        }
        let value = match self.function {
            Function::Mean => format!("a mean of inputs from 0 to {MAX_INPUT}"),
            Function::Count => format!("a count of {n} members"),
        };
        let how = if low { "always" } else { "never" };
        let message = format!("{value} is {how} {} {}", self.operator.in_words(), self.constant);
        let hint = match self.function {
            Function::Mean => "choose a number so that inputs from 0 to 100 can give both outcomes",
            Function::Count => "choose a number that the members can both reach and miss",
        };
        let text = self.to_string();
        let width = self.constant.to_string().len();
        Err(RuleError::new(&text, (text.chars().count() - width, width), message, hint))
    }

    /// The rule applied to the counted inputs as they are: what every computation on shares must
    /// agree with. Nothing is met by no inputs at all.
    pub fn evaluate_clear(&self, counted: &[u64]) -> bool {
        let sum: u64 = counted.iter().sum();
        let divisor = match self.function {
            Function::Mean => counted.len() as u64,
            Function::Count => 1,
        };
        !counted.is_empty() && self.met_by(sum, divisor)
    }

    /// The test on the sum of `counted` inputs, at least one.
    pub fn threshold(&self, counted: usize) -> Threshold {
        let inputs = match self.function {
            Function::Mean => counted as u64,
            Function::Count => 1,
        };
        let above = self.constant.floor_times(inputs).saturating_add(1);
        let reached = self.constant.ceil_times(inputs);
        let (at_least, negated) = match self.operator {
            Operator::Greater => (above, false),
            Operator::GreaterOrEqual => (reached, false),
            Operator::Less => (reached, true),
            Operator::LessOrEqual => (above, true),
        };
        Threshold { at_least: at_least.min(self.greatest_sum(counted) + 1), negated }
    }

    /// The greatest sum of `counted` inputs.
    pub fn greatest_sum(&self, counted: usize) -> u64 {
        self.input().max() * counted as u64
    }

    /// Material that one decision among `n` members uses, whoever votes.
    pub fn cost(&self, n: usize) -> Cost {
        Decide::<Fp61>::cost(self.input().max(), n)
    }

    /// The computation of the outcome among `n` members, from the masked bits of those that
    /// count, at least one, and the material for it.
    ///
    /// # Panics
    /// As [`Decide::new`].
    pub fn compile<F: PrimeField>(
        &self,
        n: usize,
        masked: &[(PartyId, Vec<bool>)],
        material: Material<F>,
    ) -> Decide<F> {
        Decide::new(self.input().max(), n, self.threshold(masked.len()), masked, material)
    }

    /// Reads what a member enters: a whole number, or yes or no. Blanks around it are ignored.
    ///
    /// # Errors
    /// [`VoteError`], which never repeats what was entered.
    pub fn parse_vote(&self, text: &str) -> Result<u64, VoteError> {
        vote::parse(self.input(), text)
    }

    /// The bits a vote is entered as, by weight. `None` if it is no input of this rule.
    pub fn vote_bits(&self, vote: u64) -> Option<Vec<bool>> {
        weights::to_bits(vote, self.input().max())
    }

    // Whether sum / divisor meets the rule.
    fn met_by(&self, sum: u64, divisor: u64) -> bool {
        let order = self.constant.compare_fraction(sum, divisor);
        match self.operator {
            Operator::Greater => order.is_gt(),
            Operator::GreaterOrEqual => order.is_ge(),
            Operator::Less => order.is_lt(),
            Operator::LessOrEqual => order.is_le(),
        }
    }
}

impl Input {
    /// The greatest value.
    pub const fn max(self) -> u64 {
        match self {
            Self::Range { max } => max,
            Self::YesNo => 1,
        }
    }
}

/// In words, as a prompt or an error shows it.
impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range { max } => write!(f, "a whole number from 0 to {max}"),
            Self::YesNo => f.write_str("yes or no"),
        }
    }
}

impl Function {
    const fn sample(self) -> &'static str {
        match self {
            Self::Mean => "confidence",
            Self::Count => "approve",
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mean => "mean",
            Self::Count => "count",
        })
    }
}

impl Operator {
    const fn in_words(self) -> &'static str {
        match self {
            Self::Greater => "over",
            Self::GreaterOrEqual => "at least",
            Self::Less => "under",
            Self::LessOrEqual => "at most",
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
        })
    }
}

/// The canonical text.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({}) {} {}", self.function, self.name, self.operator, self.constant)
    }
}

impl std::str::FromStr for Rule {
    type Err = RuleError;
    fn from_str(text: &str) -> Result<Self, RuleError> {
        Self::parse(text)
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match Self::parse(&text) {
            Ok(rule) if rule.to_string() == text => Ok(rule),
            _ => Err(serde::de::Error::custom("not the text of a rule")),
        }
    }
}

#[cfg(test)]
mod tests;
