//! The party's timers: some count from now, some name a time of day.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quorate_protocol::party::{TimerToken, When};
use tokio::time::Instant;

/// The clock may be set while a timer waits for a time of day: look again after this long.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// Timers that have not fired.
#[derive(Debug, Default)]
pub(super) struct Timers {
    after: BTreeMap<Instant, Vec<TimerToken>>,
    at_utc: BTreeSet<(u64, TimerToken)>,
}

impl Timers {
    pub(super) fn set(&mut self, token: TimerToken, when: When) {
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
    pub(super) fn due(&mut self) -> Vec<TimerToken> {
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
