//! How far the clock of a peer is from ours.
//!
//! Each side says in its greeting what its clock shows. Who opens the stream knows when it asked and when
//! it was answered: the peer's clock was read in between. What that leaves open counts as no difference.
//! Deadlines are moments of the members' clocks, so a wrong one closes votes at another time than the
//! others do; no guarantee depends on it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds that cutting off parts of them may make.
const ROUNDING: i64 = 1;

/// A moment by both of this machine's clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// Milliseconds since 1970.
    wall_ms: u64,
    /// By the clock that is never set.
    steady: Instant,
}

/// What a peer's clock showed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    theirs_ms: u64,
    asked: Moment,
    answered: Moment,
}

impl Moment {
    pub(super) fn now() -> Self {
        Self { wall_ms: wall_ms(), steady: Instant::now() }
    }

    /// What our clock would show at another moment, had it not been set since this one.
    fn would_show(&self, at: Instant) -> i64 {
        let ms = |length: Duration| i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
        let since = ms(at.saturating_duration_since(self.steady));
        let until = ms(self.steady.saturating_duration_since(at));
        signed(self.wall_ms).saturating_add(since).saturating_sub(until)
    }
}

impl Reading {
    /// The peer answered just now that its clock shows `theirs_ms`; it was asked at `asked`.
    pub(super) fn new(theirs_ms: u64, asked: Moment) -> Self {
        Self { theirs_ms, asked, answered: Moment::now() }
    }

    /// Milliseconds by which the peer's clock is ahead of ours as it is `now`, at least; negative if it
    /// is behind.
    pub(super) fn ahead_ms(&self, now: Moment) -> i64 {
        let theirs = signed(self.theirs_ms);
        let asked = now.would_show(self.asked.steady).saturating_sub(ROUNDING);
        let answered = now.would_show(self.answered.steady).saturating_add(ROUNDING);
        if theirs < asked {
            theirs.saturating_sub(asked)
        } else {
            theirs.saturating_sub(answered).max(0)
        }
    }
}

/// What our clock shows: milliseconds since 1970.
pub(super) fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(start: Instant, wall_ms: u64, after: u64) -> Moment {
        Moment { wall_ms, steady: start + Duration::from_millis(after) }
    }

    #[test]
    fn what_the_way_may_have_taken_is_no_difference_and_our_own_clock_may_be_set_later() {
        let start = Instant::now();
        let (asked, answered) = (moment(start, 50_000, 0), moment(start, 50_300, 300));
        let ahead = |theirs_ms, now| Reading { theirs_ms, asked, answered }.ahead_ms(now);
        let later = moment(start, 60_000, 10_000);
        for (theirs, expected) in
            [(49_999, 0), (50_150, 0), (50_301, 0), (50_302, 1), (49_998, -1), (46_999, -3_000)]
        {
            assert_eq!(ahead(theirs, later), expected, "{theirs}");
        }
        // Ours was set back by five seconds in between: now the peer's is ahead.
        assert_eq!(ahead(50_150, moment(start, 55_000, 10_000)), 4_849);
        // Whatever a peer says.
        assert_eq!(ahead(u64::MAX, later), i64::MAX - 50_301);
        assert_eq!(ahead(0, later), -49_999);
    }
}
