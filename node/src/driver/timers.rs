//! The party's timers: some count from now, some name a time of day.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quorate_protocol::party::When;
use tokio::time::Instant;

/// The clock may be set while a timer waits for a time of day: look again after this long.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// Timers that have not fired, each with the token to hand back.
#[derive(Debug)]
pub(super) struct Timers<T> {
    after: BTreeMap<Instant, Vec<T>>,
    at_utc: BTreeSet<(u64, T)>,
}

impl<T: Ord + Copy> Timers<T> {
    pub(super) const fn new() -> Self {
        Self { after: BTreeMap::new(), at_utc: BTreeSet::new() }
    }

    pub(super) fn set(&mut self, token: T, when: When) {
        match when {
            When::After(wait) => {
                self.after.entry(Instant::now() + wait).or_default().push(token);
            }
            When::AtUtc(at) => {
                self.at_utc.insert((at, token));
            }
        }
    }

    /// When to call [`due`](Self::due) next.
    pub(super) fn next(&self) -> Option<Instant> {
        let after = self.after.keys().next().copied();
        let at_utc = self.at_utc.first().map(|(at, _)| {
            let left = Duration::from_millis(at.saturating_sub(utc_milliseconds()));
            Instant::now() + left.min(LOOK_AGAIN)
        });
        [after, at_utc].into_iter().flatten().min()
    }

    /// Takes the timers that fire now.
    pub(super) fn due(&mut self) -> Vec<T> {
        let now = Instant::now();
        let mut due = Vec::new();
        while let Some(entry) = self.after.first_entry()
            && *entry.key() <= now
        {
            due.extend(entry.remove());
        }
        let utc = utc_milliseconds();
        while let Some((at, _)) = self.at_utc.first()
            && *at <= utc
        {
            due.extend(self.at_utc.pop_first().map(|(_, token)| token));
        }
        due
    }
}

/// Milliseconds since 1970, UTC.
fn utc_milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn timers_fire_once_at_or_after_their_time() {
        let mut timers = Timers::new();
        assert_eq!(timers.next(), None);
        let soon = utc_milliseconds() + 3_600_000;
        timers.set('a', When::After(Duration::ZERO));
        timers.set('b', When::After(HOUR));
        timers.set('c', When::AtUtc(0));
        timers.set('d', When::AtUtc(soon));
        assert!(timers.next().is_some_and(|at| at <= Instant::now()));
        assert_eq!(timers.due(), ['a', 'c']);
        assert!(timers.due().is_empty());
        assert_eq!((timers.after.len(), timers.at_utc.len()), (1, 1));
    }

    #[test]
    fn a_time_of_day_is_looked_at_again_in_case_the_clock_is_set() {
        let mut timers = Timers::new();
        timers.set('a', When::AtUtc(u64::MAX));
        let next = timers.next().unwrap();
        assert!(next > Instant::now() && next <= Instant::now() + LOOK_AGAIN);
        timers.set('b', When::After(Duration::from_secs(1)));
        assert!(timers.next().unwrap() < next);
    }
}
