//! Times as people type and read them.

use std::time::Duration;

use jiff::Timestamp;

/// Why a time was not understood.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not a time: write a length such as 30s, 10m, 2h, 1h30m or 3d")]
pub struct TimeError(String);

/// A length of time: whole numbers with the units ms, s, m, h, d, largest first or not.
///
/// # Errors
/// Anything else, nothing at all, and lengths over a year.
pub fn parse_length(text: &str) -> Result<Duration, TimeError> {
    let wrong = || TimeError(text.to_owned());
    let mut rest = text.trim();
    let mut total = 0u64;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, after) = rest.split_at_checked(digits).ok_or_else(wrong)?;
        let unit_end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(unit_end).ok_or_else(wrong)?;
        let unit_ms: u64 = match unit.trim() {
            "ms" => 1,
            "s" | "sec" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wrong()),
        };
        let number: u64 = number.parse().map_err(|_| wrong())?;
        total =
            number.checked_mul(unit_ms).and_then(|ms| total.checked_add(ms)).ok_or_else(wrong)?;
        rest = after;
    }
    const YEAR_MS: u64 = 366 * 86_400_000;
    if total > YEAR_MS { Err(wrong()) } else { Ok(Duration::from_millis(total)) }
}

/// A deadline: a length of time from now, or a moment such as `2027-01-31T12:00:00Z`. In
/// milliseconds since 1970, UTC.
///
/// # Errors
/// Neither of the two, or a moment that has passed.
pub fn parse_deadline(text: &str, now_ms: u64) -> Result<u64, String> {
    if let Ok(moment) = text.trim().parse::<Timestamp>() {
        return match u64::try_from(moment.as_millisecond()) {
            Ok(ms) if ms > now_ms => Ok(ms),
            _ => Err(format!("the deadline {text} has passed")),
        };
    }
    match parse_length(text) {
        Ok(length) if length.is_zero() => Err("a deadline of no time at all".to_owned()),
        Ok(length) => Ok(now_ms.saturating_add(millis(length))),
        Err(error) => Err(format!("{error}; or a moment such as 2027-01-31T12:00:00Z")),
    }
}

/// Milliseconds since 1970, UTC.
pub fn now_ms() -> u64 {
    u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0)
}

/// Whole milliseconds of a length.
pub fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

/// A moment as `2026-11-22T12:00:00Z`, for machines.
pub fn moment(ms: u64) -> String {
    timestamp(ms).map_or_else(String::new, |t| t.to_string())
}

/// A moment as `2026-11-22 12:00:00 UTC`, for people.
pub fn readable_moment(ms: u64) -> String {
    timestamp(ms).map_or_else(String::new, |t| t.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// Seconds since 1970 of a moment such as `2026-11-22T12:00:00Z`; `None` if it is none.
pub fn seconds(moment: &str) -> Option<u64> {
    u64::try_from(moment.parse::<Timestamp>().ok()?.as_second()).ok()
}

fn timestamp(ms: u64) -> Option<Timestamp> {
    // To the second: nobody reads milliseconds of a deadline.
    Timestamp::from_second(i64::try_from(ms / 1000).ok()?).ok()
}

/// How far off a moment is, in whole seconds: `in 2 h 5 min`, `4 s ago`.
pub fn from_now(ms: u64, now_ms: u64) -> String {
    if ms >= now_ms {
        format!("in {}", length(Duration::from_secs((ms - now_ms).div_ceil(1000))))
    } else {
        format!("{} ago", length(Duration::from_secs((now_ms - ms) / 1000)))
    }
}

/// A length of time in its two largest units: `3 d 4 h`, `2 h 5 min`, `12 s`, `0.4 s`, `18 ms`.
pub fn length(length: Duration) -> String {
    let s = length.as_secs();
    let two = |a: u64, a_unit: &str, b: u64, b_unit: &str| match b {
        0 => format!("{a} {a_unit}"),
        _ => format!("{a} {a_unit} {b} {b_unit}"),
    };
    match s {
        0..10 if length.subsec_nanos() == 0 => format!("{s} s"),
        0 if length.as_millis() < 10 => format!("{:.1} ms", length.as_secs_f64() * 1000.0),
        0 if length.as_millis() < 100 => format!("{} ms", length.as_millis()),
        0..10 => format!("{:.1} s", length.as_secs_f64()),
        10..60 => format!("{s} s"),
        60..3_600 => two(s / 60, "min", s % 60, "s"),
        3_600..86_400 => two(s / 3_600, "h", s % 3_600 / 60, "min"),
        _ => two(s / 86_400, "d", s % 86_400 / 3_600, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_people_write_them() {
        for (text, ms) in [
            ("30s", 30_000),
            ("10m", 600_000),
            ("2h", 7_200_000),
            ("1h30m", 5_400_000),
            (" 1 h 30 min ", 5_400_000),
            ("3d", 259_200_000),
            ("250ms", 250),
        ] {
            assert_eq!(parse_length(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "h", "2", "2x", "-1s", "1.5h", "2h!", "999999999999999999999s", "9999d"] {
            assert!(parse_length(text).is_err(), "{text}");
        }
    }

    #[test]
    fn deadlines_are_lengths_or_moments_and_not_past() {
        let now = 1_795_000_000_000;
        assert_eq!(parse_deadline("2h", now), Ok(now + 7_200_000));
        assert_eq!(parse_deadline("2027-01-31T12:00:00Z", now), Ok(1_801_396_800_000));
        assert!(parse_deadline("2001-01-31T12:00:00Z", now).unwrap_err().contains("passed"));
        assert!(parse_deadline("0s", now).is_err());
        assert!(parse_deadline("tomorrow", now).unwrap_err().contains("30s, 10m, 2h"));
    }

    #[test]
    fn times_are_shown_in_two_units_at_most() {
        for (ms, text) in [
            (4, "4.0 ms"),
            (18, "18 ms"),
            (420, "0.4 s"),
            (12_000, "12 s"),
            (61_000, "1 min 1 s"),
            (7_500_000, "2 h 5 min"),
            (86_400_000, "1 d"),
        ] {
            assert_eq!(length(Duration::from_millis(ms)), text);
        }
        assert_eq!(from_now(5_000, 1_000), "in 4 s");
        assert_eq!(from_now(5_000, 4_700), "in 1 s");
        assert_eq!(from_now(1_000, 13_000), "12 s ago");
        assert_eq!(moment(1_801_396_800_123), "2027-01-31T12:00:00Z");
        assert_eq!(readable_moment(1_801_396_800_123), "2027-01-31 12:00:00 UTC");
    }
}
