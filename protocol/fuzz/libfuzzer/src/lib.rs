//! libFuzzer's entry points.

#[doc(hidden)]
pub use libfuzzer_sys;
#[doc(hidden)]
pub use quorate_fuzz::Target;

/// The entry point of a target.
#[macro_export]
macro_rules! target {
    ($name:literal) => {
        $crate::libfuzzer_sys::fuzz_target!(|input: &[u8]| {
            let target = $crate::Target::find($name).expect("a target of this name");
            (target.run)(input);
        });
    };
}
