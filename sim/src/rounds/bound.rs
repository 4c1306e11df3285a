//! Whether rounds are as few as the bound says, but for chance.

use super::Rounds;
use crate::report::Violation;

/// How often all tests together may give a false alarm.
const FALSE_ALARM: f64 = 1e-9;

/// Rounds with public coins.
const PUBLIC: u32 = 2;

/// Tests runs against the bound, the mean and each tail; one of `tests` such tests.
///
/// Of N runs the number with more than k real coins is at most binomial with `(k + 1) / 2^k`, and all
/// real coins together are at most as many tosses as have 2N heads. Both have Chernoff's bound.
///
/// # Errors
/// More rounds than chance explains.
pub fn check(rounds: &Rounds, tests: usize) -> Result<(), Violation> {
    let fails = |what: String| Violation { time: 0, checker: "rounds", what };
    let runs = rounds.runs() as f64;
    // For each tail and for the mean.
    let alarm = (FALSE_ALARM / (tests * (super::MOST as usize + 1)) as f64).ln();
    for k in 1..super::MOST {
        let beyond = |(rounds, _): &(u32, u64)| *rounds > PUBLIC + k;
        let more: u64 = rounds.iter().filter(beyond).map(|(_, runs)| runs).sum();
        let chance = tail(k);
        if log_chance(runs, more as f64, chance) < alarm {
            let expected = runs * chance;
            return Err(fails(format!("{more} runs toss more than {k} coins, of {expected:.1}")));
        }
    }
    let coins = |(rounds, runs): (u32, u64)| u64::from(rounds.saturating_sub(PUBLIC)) * runs;
    let coins = rounds.iter().map(coins).sum::<u64>() as f64;
    // So many tosses without 2N heads among them: that many tails, and more.
    if log_chance(coins, coins - 2.0 * runs, 0.5) < alarm {
        let mean = coins / runs;
        return Err(fails(format!("{mean:.3} coins are tossed on average, the bound is 4")));
    }
    Ok(())
}

/// The bound on how likely more than k real coins are.
pub fn tail(k: u32) -> f64 {
    (f64::from(k + 1) / 2f64.powi(k.try_into().unwrap_or(i32::MAX))).min(1.0)
}

/// An upper bound on the logarithm of the chance that `of` tries at `chance` succeed `times` or more
/// often: `-of KL(times / of || chance)`.
pub fn log_chance(of: f64, times: f64, chance: f64) -> f64 {
    let rate = times / of;
    if of <= 0.0 || rate <= chance {
        return 0.0;
    }
    let part = |a: f64, b: f64| if a > 0.0 { a * (a / b).ln() } else { 0.0 };
    -of * (part(rate, chance) + part(1.0 - rate, 1.0 - chance))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(counts: &[(u32, u64)]) -> Rounds {
        let mut rounds = Rounds::default();
        for (rounds_taken, times) in counts {
            (0..*times).for_each(|_| rounds.add(*rounds_taken));
        }
        rounds
    }

    #[test]
    fn what_the_bound_says_is_no_alarm_and_a_little_more_is() {
        // As many as the bound has of each: P(R = k) = (k - 1) / 2^k.
        let exact: Vec<_> =
            (2..12).map(|k| (PUBLIC + k, (10_000 * u64::from(k - 1)) >> k)).collect();
        check(&runs(&exact), 1).unwrap();
        let one_more: Vec<_> = exact.iter().map(|(rounds, runs)| (rounds + 1, *runs)).collect();
        assert!(check(&runs(&one_more), 1).is_err());
        // The mean alone: everybody takes a fifth coin.
        assert!(check(&runs(&[(7, 500)]), 1).is_err());
        // A tail alone.
        assert!(check(&runs(&[(3, 9_990), (32, 10)]), 1).is_err());
    }

    #[test]
    fn chances_are_chernoffs() {
        assert_eq!(log_chance(100.0, 50.0, 0.5), 0.0);
        assert!((log_chance(10.0, 10.0, 0.5) - 10.0 * 0.5f64.ln()).abs() < 1e-9);
        assert!(log_chance(1_000.0, 600.0, 0.5) < -19.0);
    }
}
