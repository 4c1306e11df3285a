//! The files in `sim/scenarios`: every property holds in each.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use std::path::Path;

use quorate_sim::coverage::Sight;
use quorate_sim::plan::Scenario;
use quorate_sim::story::Story;

#[test]
fn every_property_holds_in_every_scenario() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut names = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let scenario = Scenario::parse(&text).unwrap();
        assert!(scenario.why.ends_with('.') && scenario.why.len() > 40, "{name}: says no why");
        let (live, questions) = {
            let plan = scenario.plan().unwrap();
            let (corrupt, asked) = (plan.byzantine_set(), plan.questions.iter());
            // What a Byzantine member asks may reach nobody.
            let honest = asked.filter(|question| !corrupt.contains(question.proposer)).count();
            (plan.promises_liveness(), honest as u64)
        };
        let report = Story::parse(&path.to_string_lossy()).unwrap().run(None).unwrap();
        assert_eq!(report.violation, None, "{name}");
        let stranded = report.coverage.sights.count(Sight::Stranded) > 0;
        let strands = ["a-refresh-strands-a-member", "restored-too-late-for-a-refresh"];
        assert_eq!(stranded, strands.contains(&name.as_str()), "{name}");
        let all = report.coverage.decisions >= questions;
        assert!(!live || stranded || all, "{name}: {:?}", report.coverage);
        names.push(name);
    }
    assert!(names.len() >= 8, "{names:?}");
}
