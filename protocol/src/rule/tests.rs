use super::*;
use crate::{limits, wire};

fn rule(text: &str) -> Rule {
    Rule::parse(text).unwrap()
}

#[test]
fn equal_rules_have_one_text() {
    for (text, canonical) in [
        ("mean(confidence) > 75", "mean(confidence) > 75"),
        ("  mean ( confidence )>75.50 ", "mean(confidence) > 75.5"),
        ("mean(x)<=066.670", "mean(x) <= 66.67"),
        ("mean(x) < 0.000001", "mean(x) < 0.000001"),
        ("count(approve)>=3", "count(approve) >= 3"),
        ("count(A_b-9) < 03", "count(A_b-9) < 3"),
        ("mean(x) <= 99.000000000", "mean(x) <= 99"),
    ] {
        assert_eq!(rule(text).to_string(), canonical);
        assert_eq!(rule(canonical), rule(text));
    }
}

#[test]
fn the_wire_takes_the_canonical_text_only() {
    let value = rule("mean(x) > 75.5");
    let bytes = wire::encode(&value);
    assert_eq!(bytes, wire::encode("mean(x) > 75.5"));
    assert_eq!(wire::decode::<Rule>(&bytes, 1000), Ok(value));
    // Also by itself, where nobody encodes it again and compares.
    let config = bincode::config::standard().with_fixed_int_encoding();
    let decode = |bytes: &[u8]| bincode::serde::decode_from_slice::<Rule, _>(bytes, config);
    assert!(decode(&bytes).is_ok());
    for text in ["mean(x)  > 75.5", "mean(x) > 75.50", "mean(x) > ", ""] {
        assert!(wire::decode::<Rule>(&wire::encode(text), 1000).is_err(), "{text}");
        assert!(decode(&wire::encode(text)).is_err(), "{text}");
    }
}

/// Each wrong rule with its message, what the carets stand under, and a word of the hint.
#[test]
fn errors_say_what_is_wrong_where_and_what_to_write() {
    for (text, message, marked, hint) in [
        ("avg(x) > 75", "unknown function `avg`", "avg", "use mean"),
        ("Mean(x) > 75", "unknown function `Mean`", "Mean", "lower case"),
        ("votes(x) > 3", "unknown function `votes`", "votes", "use count"),
        ("foo(x) > 3", "unknown function `foo`", "foo", "mean(confidence) > 75"),
        ("> 75", "expected a function", ">", "mean and count"),
        ("mean x > 75", "missing `(` after mean, found `x`", "x", "mean(confidence)"),
        ("mean", "missing `(` after mean, found the end", "", "mean(confidence)"),
        ("mean() > 75", "mean needs the name of its input, found `)`", ")", "mean(confidence)"),
        ("mean(9x) > 75", "a name starts with a letter", "9x", "letters"),
        ("mean(x > 75", "missing `)` after x, found `>`", ">", "mean(x)"),
        ("mean(x) 75", "expected an operator after mean(x), found `7`", "7", "> >= < <="),
        ("count(x)", "expected an operator after count(x), found the end", "", "> >= < <="),
        ("mean(x) = 75", "unknown operator `=`", "=", "single value"),
        ("mean(x) == 75", "unknown operator `==`", "==", "single value"),
        ("mean(x) => 75", "unknown operator `=>`", "=>", "write >="),
        ("mean(x) =< 75", "unknown operator `=<`", "=<", "write <="),
        ("mean(x) ≥ 75", "unknown operator `≥`", "≥", "write >="),
        ("mean(x) != 75", "unknown operator `!=`", "!=", "the operators are"),
        ("mean(x) >", "expected a number, found the end", "", "75"),
        ("mean(x) > (75)", "expected a number, found `(`", "(", "75"),
        ("mean(x) > 75,5", "`75,5` is not a number", "75,5", "a point, not a comma"),
        ("mean(x) > 75%", "`75%` is not a number", "75%", "without a sign"),
        ("mean(x) > -1", "`-1` is not a number", "-1", "below 0"),
        ("mean(x) > .5", "`.5` is not a number", ".5", "both sides"),
        ("mean(x) > 7.", "`7.` is not a number", "7.", "both sides"),
        ("mean(x) > 1.2.3", "`1.2.3` is not a number", "1.2.3", "write digits"),
        ("mean(x) > 1e2", "`1e2` is not a number", "1e2", "write digits"),
        ("mean(x) > seventy", "`seventy` is not a number", "seventy", "write digits"),
        ("mean(x) > 0.1234567", "too many digits after the point", "0.1234567", "at most 6"),
        ("mean(x) > 101", "`101` is out of range: at most 100 makes sense", "101", "0 to 100"),
        ("mean(x) > 100.5", "`100.5` is out of range: at most 100 makes sense", "100.5", "100"),
        (
            "mean(x) > 99999999999999999999",
            "`99999999999999999999` is out of range: at most 100 makes sense",
            "99999999999999999999",
            "0 to 100",
        ),
        ("count(x) >= 2.5", "`2.5` is not a whole number", "2.5", "whole numbers"),
        ("count(x) >= 129", "`129` is out of range: at most 128 makes sense", "129", "members"),
        ("mean(x) > 75 %", "there is text after the end of the rule", "%", "without a sign"),
        (
            "mean(x) > 75 and count(y) > 2 ",
            "there is text after the end of the rule",
            "and count(y) > 2",
            "two proposals",
        ),
        ("mean(x) > 75\n", "there is text after the end of the rule", "?", "remove"),
    ] {
        let error = Rule::parse(text).unwrap_err();
        assert_eq!(error.to_string(), message, "{text}");
        assert!(error.hint().contains(hint), "{text}: {}", error.hint());
        let excerpt = error.excerpt();
        let (line, carets) = excerpt.split_once('\n').unwrap();
        let under: String = line
            .chars()
            .zip(carets.chars())
            .filter(|(_, caret)| *caret == '^')
            .map(|(c, _)| c)
            .collect();
        assert_eq!(under, marked, "{excerpt}");
        assert_eq!(carets.trim_start(), "^".repeat(marked.chars().count().max(1)), "{excerpt}");
        assert_eq!(error.position(), carets.len() - carets.trim_start().len());
    }
}

#[test]
fn empty_and_over_long_rules_are_refused_without_an_excerpt() {
    for text in ["", "   ", &"mean(x) > 1".repeat(20)] {
        let error = Rule::parse(text).unwrap_err();
        assert!(error.message().contains("empty") || error.message().contains("bytes long"));
        assert!(error.hint().contains("mean(confidence) > 75"));
        assert_eq!(error.excerpt(), "");
    }
    let name = "n".repeat(33);
    assert!(Rule::parse(&format!("mean({name}) > 1")).is_err());
    let longest = format!("mean({}) >= 66.666667", "n".repeat(32));
    assert!(rule(&longest).to_string().len() <= limits::MAX_RULE);
}

#[test]
fn no_text_makes_the_parser_panic() {
    let pieces =
        ["mean", "count", "(", ")", "x", ">", ">=", "=", "75", ".", "5", " ", "é", "\u{0}"];
    let mut text = Vec::new();
    for i in 0..pieces.len().pow(4) {
        text.clear();
        let mut rest = i;
        for _ in 0..4 {
            text.push(pieces[rest % pieces.len()]);
            rest /= pieces.len();
        }
        for start in ["", "mean(x", "count(x)", "mean(x) >"] {
            if let Err(error) = Rule::parse(&format!("{start}{}", text.concat())) {
                assert!(!error.excerpt().contains(|c: char| c.is_control() && c != '\n'));
            }
        }
    }
}

#[test]
fn rules_that_can_only_go_one_way_are_refused_with_the_reason() {
    for (text, n, message) in [
        ("count(x) >= 5", 4, "a count of 4 members is never at least 5"),
        ("count(x) > 4", 4, "a count of 4 members is never over 4"),
        ("count(x) >= 0", 4, "a count of 4 members is always at least 0"),
        ("count(x) < 5", 4, "a count of 4 members is always under 5"),
        ("count(x) < 0", 4, "a count of 4 members is never under 0"),
        ("count(x) <= 7", 7, "a count of 7 members is always at most 7"),
        ("mean(x) > 100", 4, "a mean of inputs from 0 to 100 is never over 100"),
        ("mean(x) >= 0", 4, "a mean of inputs from 0 to 100 is always at least 0"),
        ("mean(x) < 0", 4, "a mean of inputs from 0 to 100 is never under 0"),
        ("mean(x) <= 100", 4, "a mean of inputs from 0 to 100 is always at most 100"),
    ] {
        let error = rule(text).check(n).unwrap_err();
        assert_eq!(error.message(), message);
        assert!(error.excerpt().ends_with(&"^".repeat(text.len() - error.position())));
    }
}

/// Inputs of the given sum, as even as they can be.
fn inputs(sum: u64, counted: u64) -> Vec<u64> {
    (0..counted).map(|i| sum / counted + u64::from(i < sum % counted)).collect()
}

/// sum / counted against whole / 10^places, in integers.
fn reference(sum: u64, counted: u64, operator: &str, units: u64, places: u32) -> bool {
    let (left, right) = (sum * 10u64.pow(places), units * counted);
    match operator {
        ">" => left > right,
        ">=" => left >= right,
        "<" => left < right,
        _ => left <= right,
    }
}

#[test]
fn means_are_right_at_every_sum() {
    let numbers = [
        ("75", 75, 0),
        ("75.5", 755, 1),
        ("66.67", 6667, 2),
        ("66.666667", 66_666_667, 6),
        ("33.333333", 33_333_333, 6),
        ("0.25", 25, 2),
        ("99.999999", 99_999_999, 6),
        ("0", 0, 0),
        ("100", 100, 0),
    ];
    for (text, units, places) in numbers {
        for operator in [">", ">=", "<", "<="] {
            let rule = rule(&format!("mean(x) {operator} {text}"));
            for counted in 1..=7u64 {
                let threshold = rule.threshold(counted as usize);
                assert!(threshold.at_least <= 100 * counted + 1);
                for sum in 0..=100 * counted {
                    let right = reference(sum, counted, operator, units, places);
                    let what = format!("{rule}, {sum}/{counted}");
                    assert_eq!(rule.evaluate_clear(&inputs(sum, counted)), right, "{what}");
                    assert_eq!(threshold.accepts(sum), right, "{what}");
                }
            }
        }
    }
}

#[test]
fn counts_are_right_for_every_number_of_yes() {
    for number in 0..=7 {
        for operator in [">", ">=", "<", "<="] {
            let rule = rule(&format!("count(x) {operator} {number}"));
            for counted in 1..=7u64 {
                for yes in 0..=counted {
                    let votes: Vec<u64> = (0..counted).map(|i| u64::from(i < yes)).collect();
                    let right = reference(yes, 1, operator, number, 0);
                    assert_eq!(rule.evaluate_clear(&votes), right, "{rule}, {yes}/{counted}");
                    let threshold = rule.threshold(counted as usize);
                    assert_eq!(threshold.accepts(yes), right, "{rule}, {yes}/{counted}");
                }
            }
        }
    }
}

#[test]
fn a_checked_rule_can_be_met_and_missed() {
    for n in 4..=7 {
        for operator in [">", ">=", "<", "<="] {
            for number in 0..=8u64 {
                let rule = rule(&format!("count(x) {operator} {number}"));
                let outcomes: Vec<bool> =
                    (0..=n).map(|yes| reference(yes, 1, operator, number, 0)).collect();
                let both = outcomes.contains(&true) && outcomes.contains(&false);
                assert_eq!(rule.check(n as usize).is_ok(), both, "{rule}, n = {n}");
            }
        }
    }
}

#[test]
fn nothing_is_met_by_no_inputs() {
    assert!(!rule("mean(x) <= 50").evaluate_clear(&[]));
    assert!(!rule("count(x) <= 1").evaluate_clear(&[]));
}

#[test]
fn votes_are_read_and_never_repeated() {
    let (mean, count) = (rule("mean(x) > 75"), rule("count(x) >= 3"));
    for (text, value) in [("0", 0), ("100", 100), (" 80\n", 80), ("007", 7)] {
        assert_eq!(mean.parse_vote(text), Ok(value));
    }
    for (text, value) in [("yes", 1), ("No", 0), (" YES ", 1), ("n", 0), ("y", 1)] {
        assert_eq!(count.parse_vote(text), Ok(value));
    }
    for text in ["101", "-1", "+7", "7.5", "yes", "", "12345678901234567890123"] {
        let error = mean.parse_vote(text).unwrap_err();
        assert_eq!(error.to_string(), "the vote must be a whole number from 0 to 100");
    }
    for text in ["1", "maybe", "", "yess"] {
        let error = count.parse_vote(text).unwrap_err();
        assert_eq!(error.to_string(), "the vote must be yes or no");
    }
}

#[test]
fn costs_follow_from_rule_and_members_alone() {
    let mean = rule("mean(x) > 75");
    // 13 bits hold 6400: 53 random bits, 20 multiplications.
    assert_eq!(mean.cost(64), Cost { mask_bits_per_voter: 7, bits: 53, triples: 20 });
    // 9 bits hold 400.
    assert_eq!(mean.cost(4), Cost { mask_bits_per_voter: 7, bits: 49, triples: 12 });
    assert_eq!(rule("mean(x) <= 1.5").cost(4), mean.cost(4));
    // 3 bits hold 4.
    let count = rule("count(x) >= 3");
    assert_eq!(count.cost(4), Cost { mask_bits_per_voter: 1, bits: 43, triples: 2 });
}
