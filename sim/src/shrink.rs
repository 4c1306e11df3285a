//! Makes a run that fails smaller: the fewest faults, questions and parties that still fail the same.
//!
//! Delta debugging (Zeller and Hildebrandt, Simplifying and Isolating Failure-Inducing Input, IEEE
//! TSE 2002): leave out ever smaller groups of parts until no part alone can be left out. What remains
//! need not be the smallest there is.

use std::time::{Duration, Instant};

use crate::story::Story;

/// What came of it.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The smallest run found that fails.
    pub story: Story,
    /// How many runs it took.
    pub runs: u64,
    /// Whether no part of it can be left out; else time was over.
    pub least: bool,
}

/// Leaves out whatever can be left out of a run that fails, for as long as there is time.
pub fn shrink(whole: Story, time: Duration, mut fails: impl FnMut(&Story) -> bool) -> Shrunk {
    let began = Instant::now();
    let (mut story, mut runs) = (whole, 0);
    let mut size = story.parts().len().div_ceil(2).max(1);
    loop {
        let mut smaller = false;
        let mut from = 0;
        while from < story.parts().len() {
            if began.elapsed() > time {
                return Shrunk { story, runs, least: false };
            }
            let parts = story.parts();
            let group = parts.iter().skip(from).take(size);
            let less = story.leave_out(group);
            runs += 1;
            if fails(&less) {
                story = less;
                smaller = true;
            } else {
                from += size;
            }
        }
        if size == 1 && !smaller {
            return Shrunk { story, runs, least: true };
        }
        if !smaller || size > 1 {
            size = (size / 2).max(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole() -> Story {
        Story::parse("n7b2-all-real-v6-3").unwrap()
    }

    #[test]
    fn what_is_left_is_what_it_takes_to_fail() {
        let parts = whole().parts();
        assert!(parts.len() > 8);
        let mut needed = [0, parts.len() / 2, parts.len() - 1].map(|i| parts[i].clone());
        needed.sort();
        let fails = |story: &Story| needed.iter().all(|part| story.parts().contains(part));
        let shrunk = shrink(whole(), Duration::MAX, fails);
        let mut left = shrunk.story.parts();
        left.sort();
        assert_eq!(left, needed);
        assert!(shrunk.least && shrunk.runs < 100, "{}", shrunk.runs);
        // Its name leads to the same run.
        let name = shrunk.story.to_string();
        assert_eq!(Story::parse(&name).unwrap().plan(), shrunk.story.plan());
    }

    #[test]
    fn nothing_is_left_out_when_time_is_over() {
        let shrunk = shrink(whole(), Duration::ZERO, |_| true);
        assert!(!shrunk.least);
        assert_eq!(shrunk.story.plan(), whole().plan());
    }
}
