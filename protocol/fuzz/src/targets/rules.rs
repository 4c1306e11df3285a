//! Rules and other short texts that people type.

use quorate_protocol::decision::proposal::DecisionId;
use quorate_protocol::keys::GroupPublic;
use quorate_protocol::rule::{Decimal, Rule};

/// A rule, and behind a line break a vote.
pub fn rule(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let (text, vote) = text.split_once('\n').unwrap_or((text, ""));
    let rule = match Rule::parse(text) {
        Ok(rule) => rule,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let canonical = rule.to_string();
    assert_eq!(Rule::parse(&canonical).as_ref(), Ok(&rule), "{canonical}");
    if let Ok(vote) = rule.parse_vote(vote) {
        assert!(vote <= rule.input().max());
        assert!(rule.vote_bits(vote).is_some());
    }
    for n in 1..=9 {
        let _ = rule.check(n).map_err(|error| error.to_string());
        let most = rule.greatest_sum(n);
        let threshold = rule.threshold(n);
        for sum in [0, 1, most / 2, most - 1, most] {
            // Any votes of that sum: the rule looks at nothing else.
            let max = rule.input().max();
            let vote = |i: u64| sum.saturating_sub(i * max).min(max);
            let votes: Vec<u64> = (0..n as u64).map(vote).collect();
            let met = (sum >= threshold.at_least) != threshold.negated;
            assert_eq!(met, rule.evaluate_clear(&votes), "{canonical} of {votes:?}");
        }
    }
}

/// A decision's name, a key, a decimal number.
pub fn names(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(id) = text.parse::<DecisionId>() {
        assert_eq!(id.to_string().parse(), Ok(id));
    }
    if let Ok(key) = text.parse::<GroupPublic>() {
        assert_eq!(key.to_string().parse(), Ok(key));
        assert_eq!(GroupPublic::from_bytes(&key.to_bytes()), Some(key));
    }
    if let Some((whole, fraction)) = text.split_once('.')
        && let Some(number) = Decimal::from_digits(whole, fraction)
    {
        let written = number.to_string();
        let (whole, fraction) = written.split_once('.').unwrap_or((&written, ""));
        assert_eq!(Decimal::from_digits(whole, fraction), Some(number));
        for factor in [0, 1, 1000, u64::MAX] {
            assert!(number.floor_times(factor) <= number.ceil_times(factor));
        }
    }
}
