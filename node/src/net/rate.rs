//! How often something may happen.

use std::time::Duration;

use tokio::time::Instant;

/// So many at once, and one more each time so long has passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Rate {
    pub burst: u32,
    pub every: Duration,
}

/// Counts what happens against a rate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meter {
    rate: Rate,
    /// When all that has happened is paid for.
    paid: Option<Instant>,
}

impl Meter {
    pub(super) const fn new(rate: Rate) -> Self {
        Self { rate, paid: None }
    }

    /// Counts one more, if it may happen now.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let may = self.may(now);
        if may {
            self.paid = Some(self.after(now));
        }
        may
    }

    /// Whether one more may happen now.
    pub(super) fn may(&self, now: Instant) -> bool {
        self.after(now) <= now + self.rate.every * self.rate.burst
    }

    /// When one more would be paid for.
    fn after(&self, now: Instant) -> Instant {
        self.paid.map_or(now, |paid| paid.max(now)) + self.rate.every
    }

    /// Whether nothing of what has happened counts any more.
    pub(super) fn is_idle(&self, now: Instant) -> bool {
        self.paid.is_none_or(|paid| paid <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_one_at_a_time() {
        let rate = Rate { burst: 3, every: Duration::from_secs(1) };
        let (mut meter, start) = (Meter::new(rate), Instant::now());
        let mut taken = |seconds: f64| {
            let now = start + Duration::from_secs_f64(seconds);
            (0..9).filter(|_| meter.take(now)).count()
        };
        assert_eq!([taken(0.0), taken(0.9), taken(1.1), taken(1.2)], [3, 0, 1, 0]);
        assert_eq!([taken(3.5), taken(60.0)], [2, 3], "no more than a burst is saved");
        assert!(!meter.is_idle(start + Duration::from_secs(61)));
        assert!(meter.is_idle(start + Duration::from_secs(63)));
    }
}
