//! Percentiles of measured times.

use std::time::Duration;

/// Measured times, in the order in which they came.
#[derive(Clone, Default, Debug)]
pub struct Latencies(Vec<Duration>);

impl Latencies {
    /// Adds one.
    pub fn add(&mut self, latency: Duration) {
        self.0.push(latency);
    }

    /// The smallest time that at least `percent` per cent of all do not exceed.
    pub fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        sorted.get(rank - 1).copied().unwrap_or_default()
    }

    /// How many.
    pub const fn len(&self) -> usize {
        self.0.len()
    }
}

/// Milliseconds with a tenth.
pub fn ms(latency: Duration) -> f64 {
    (latency.as_secs_f64() * 10_000.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let mut all = Latencies::default();
        assert_eq!(all.percentile(50), Duration::ZERO);
        for ms in (1..=100).rev() {
            all.add(Duration::from_millis(ms));
        }
        assert_eq!(all.percentile(50), Duration::from_millis(50));
        assert_eq!(all.percentile(99), Duration::from_millis(99));
        assert_eq!(all.percentile(100), Duration::from_millis(100));
        let mut one = Latencies::default();
        one.add(Duration::from_micros(1234));
        assert_eq!(
            (one.percentile(50), one.percentile(99)),
            (one.percentile(1), one.percentile(50))
        );
        assert_eq!(ms(one.percentile(50)), 1.2);
    }
}
