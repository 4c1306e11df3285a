//! Kills at regular places: a part of what `quorate-sim sweep` does without gaps.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use quorate_protocol::committee::PartyId;
use quorate_sim::sweep::Subject;

#[test]
fn who_is_killed_at_any_place_goes_on_and_all_is_finished() {
    for (subject, member, stride, least) in [
        (Subject::Decision, 0, 41, 10),
        (Subject::Decision, 2, 10, 50),
        (Subject::Needed, 0, 47, 8),
        (Subject::Refresh, 1, 151, 8),
        (Subject::Keys, 3, 19, 10),
    ] {
        let swept = subject.sweep(4, PartyId::new(member), stride).unwrap();
        assert!(swept.kills >= least, "{subject:?}: {swept:?}");
        assert!(member == 0 || swept.unasked == 0, "{subject:?}: {swept:?}");
    }
}
