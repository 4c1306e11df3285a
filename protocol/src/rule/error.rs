//! Why a rule was not accepted, in words for the person who typed it.

use std::fmt;

/// Why a rule is refused: what is wrong, where, and what to write instead. `Display` is the
/// message alone, on one line; [`excerpt`](Self::excerpt) shows the place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuleError {
    text: String,
    position: usize,
    width: usize,
    message: String,
    hint: String,
}

impl std::error::Error for RuleError {}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl RuleError {
    /// An error at the `width` characters of `text` from character `position` on.
    pub(super) fn new(
        text: &str,
        (position, width): (usize, usize),
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            text: text.chars().map(printable).collect(),
            position,
            width: width.max(1),
            message: message.into(),
            hint: hint.into(),
        }
    }

    /// Which character of the rule is the first wrong one, from 0. One past the last character if
    /// something is missing at the end.
    pub const fn position(&self) -> usize {
        self.position
    }

    /// What is wrong: lower case, no full stop.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it: lower case, no full stop.
    pub fn hint(&self) -> &str {
        &self.hint
    }

    /// Two lines: the rule, and carets under what is wrong. Empty if there is nothing to show.
    pub fn excerpt(&self) -> String {
        if self.text.trim().is_empty() {
            return String::new();
        }
        format!("{}\n{}{}", self.text, " ".repeat(self.position), "^".repeat(self.width))
    }
}

// The text may be another organisation's: nothing in it may move the cursor or hide a character.
pub(super) fn printable(c: char) -> char {
    if c == ' ' || c.is_ascii_graphic() || c.is_alphanumeric() || "≥≤≠".contains(c) {
        c
    } else {
        '?'
    }
}
