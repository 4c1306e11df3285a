//! The corpus holds, and so do a few mutants of it.

use std::panic::catch_unwind;

use quorate_fuzz::corpus::{self, Campaign};
use quorate_fuzz::{TARGETS, Target};

/// Replays and mutates the corpus of a target. The input is printed first if it fails.
fn hold(target: &Target) {
    let inputs = corpus::inputs(target).expect("its folder");
    assert!(!inputs.is_empty(), "{} has no corpus", target.name);
    for (name, input) in &inputs {
        println!("{} {name}", target.name);
        (target.run)(input);
    }
    let inputs = inputs.into_iter().map(|(_, input)| input).collect();
    for mutant in Campaign::new(inputs, 1).take(target.mutants) {
        let hex: String = mutant.iter().map(|byte| format!("{byte:02x}")).collect();
        let failed = catch_unwind(|| (target.run)(&mutant)).is_err();
        assert!(!failed, "{} of {hex}", target.name);
    }
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            hold(Target::find(stringify!($name)).unwrap());
        })*

        #[test]
        fn every_target_is_tested() {
            let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
        }
    };
}

targets! {
    message ceremony frame payload certificate rule names key_set store
    ceremony_store party
}
