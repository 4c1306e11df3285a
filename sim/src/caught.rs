//! Panics as violations: a party that panics violates a property like any other.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::report::Violation;

/// Runs something that may panic.
///
/// # Errors
/// The panic, with its text.
pub(crate) fn caught<T>(run: impl FnOnce() -> T) -> Result<T, Violation> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let what = text.unwrap_or_else(|| "of unknown kind".into());
        Violation { time: 0, checker: "panic", what }
    })
}

/// The same for what may fail without a panic, too; `name` is said of a panic.
///
/// # Errors
/// What it fails with, or the panic.
pub(crate) fn caught_in<T>(
    name: &dyn std::fmt::Display,
    run: impl FnOnce() -> Result<T, Violation>,
) -> Result<T, Violation> {
    caught(run).unwrap_or_else(|panic| {
        let what = format!("{name}: {}", panic.what);
        Err(Violation { what, ..panic })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_violation_with_its_text_and_the_name_of_the_run() {
        assert_eq!(caught(|| 7), Ok(7));
        let number = 3;
        let found = caught(|| panic!("at {number}")).map(|(): ()| ()).unwrap_err();
        assert_eq!((found.checker, found.what.as_str()), ("panic", "at 3"));
        let found = caught_in::<()>(&"seed 5", || panic!("at once")).unwrap_err();
        assert_eq!(found.what, "seed 5: at once");
        let other = Violation { time: 1, checker: "blame", what: "somebody".into() };
        assert_eq!(caught_in::<()>(&"seed 5", || Err(other.clone())), Err(other));
    }
}
