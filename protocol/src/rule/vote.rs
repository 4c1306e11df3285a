//! From what a member types to its input. Errors never repeat it: they end up in logs.

use super::Input;

/// Why an entered vote is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the vote must be {0}")]
pub struct VoteError(pub Input);

pub(super) fn parse(input: Input, text: &str) -> Result<u64, VoteError> {
    let text = text.trim();
    let value = match input {
        Input::YesNo if ["yes", "y"].iter().any(|yes| text.eq_ignore_ascii_case(yes)) => Some(1),
        Input::YesNo if ["no", "n"].iter().any(|no| text.eq_ignore_ascii_case(no)) => Some(0),
        Input::YesNo => None,
        Input::Range { max } => number(text).filter(|value| *value <= max),
    };
    value.ok_or(VoteError(input))
}

// No sign, which `parse` would allow.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}
