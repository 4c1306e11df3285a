use std::collections::BTreeMap;

use quorate_protocol::zoo::ALL;

use super::*;

/// Each campaign that some mutant has, by name.
fn all_campaigns() -> BTreeMap<&'static str, Campaign> {
    let all = ALL.iter().flat_map(|entry| campaigns(entry.mutant));
    all.map(|campaign| (campaign.name, *campaign)).collect()
}

#[test]
fn every_mutant_has_a_campaign() {
    assert!(ALL.iter().all(|entry| !campaigns(entry.mutant).is_empty()));
}

#[test]
fn nothing_is_found_where_nothing_is_broken() {
    for campaign in all_campaigns().values() {
        assert_eq!(control(campaign, 1), None);
    }
}

#[test]
fn a_panic_is_a_violation() {
    let panics = Campaign::new("panics", 1, |_| panic!("it does"));
    let violation = panics.run(0).unwrap_err();
    assert_eq!((violation.checker, violation.what.as_str()), ("panic", "it does"));
}
