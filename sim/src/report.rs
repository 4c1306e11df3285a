//! How a run ended.

use std::fmt;

use crate::coverage::Coverage;
use crate::token::Token;
use crate::trace::stamp;

/// A property does not hold, or a party panicked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// When, in virtual microseconds.
    pub time: u64,
    /// The checker that saw it.
    pub checker: &'static str,
    /// How.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}: {}", self.checker, stamp(self.time).trim(), self.what)
    }
}

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// Which run.
    pub token: Token,
    /// Hash of the whole story.
    pub trace: String,
    /// Frames and events handled.
    pub steps: u64,
    /// Virtual microseconds.
    pub time: u64,
    /// What was exercised.
    pub coverage: Coverage,
    /// The first property that does not hold.
    pub violation: Option<Violation>,
}
