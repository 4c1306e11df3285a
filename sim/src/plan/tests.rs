use super::*;
use crate::reduce::Reducible;
use crate::schedule::Cut;
use crate::token::{Class, Crypto, Faults, Kind};

fn token(seed: u64) -> Token {
    Token::new(Kind::Decisions, 7, 2, seed)
}

#[test]
fn no_plan_has_more_than_t_faulty_parties_but_where_all_are_killed() {
    let mut kinds = std::collections::BTreeSet::new();
    let (mut restarts, mut calm, mut refreshes, mut forgetful) = (0, 0, 0, 0);
    let (mut pauses, mut outages, mut cuts, mut skewed) = (0, 0, 0, 0);
    for seed in 0..500 {
        let plan = Plan::draw(token(seed)).unwrap();
        let (byzantine, unsteady) = (plan.byzantine_set(), plan.unsteady());
        assert!(byzantine.len() <= 2 && byzantine.intersection(unsteady).is_empty());
        assert!(plan.promises_liveness() || !plan.outages.is_empty());
        assert!(plan.questions.iter().all(|q| q.rule.check(7).is_ok() && q.votes.len() == 7));
        restarts += plan.restarts.len();
        calm += usize::from(byzantine.is_empty());
        forgetful += plan.forgetful().len();
        pauses += plan.pauses.len();
        outages += plan.outages.len();
        cuts += plan.links.cuts.len();
        skewed += usize::from(plan.skews.iter().any(|skew| *skew != 0));
        refreshes += plan.questions.iter().filter(|question| question.refresh).count();
        kinds.extend(plan.byzantine.iter().flat_map(|(_, all)| all.iter().map(Behaviour::name)));
    }
    assert!(restarts > 0 && calm > 0 && refreshes > 200);
    assert_eq!(
        kinds,
        Behaviour::NAMES.into_iter().collect(),
        "all are drawn, and all have a place"
    );
    let all = [forgetful, pauses, outages, cuts, skewed];
    assert!(all.iter().all(|count| *count > 5), "{all:?}");
}

#[test]
fn only_the_classes_that_a_token_names_are_drawn() {
    let drawn = |faults| (0..200).map(move |seed| Plan::draw(Token { faults, ..token(seed) }));
    for plan in drawn(Faults::NONE) {
        let plan = plan.unwrap();
        let calm = Plan::calm(plan.token, plan.committee, plan.questions.clone());
        assert_eq!(Plan { window: 1, ..plan }, calm);
    }
    for plan in drawn(Faults::NONE.with(Class::Byzantine)) {
        assert!(plan.unwrap().restarts.is_empty());
    }
    let storage = drawn(Faults::NONE.with(Class::Storage)).map(|plan| plan.unwrap().forgetful());
    assert!(storage.map(|forgetful| forgetful.len()).sum::<usize>() > 100);
    for plan in drawn(Faults::NONE.with(Class::Process)) {
        assert!(plan.unwrap().byzantine_set().is_empty());
    }
}

#[test]
fn a_token_always_names_the_same_plan() {
    let text = |seed| format!("{:?}", Plan::draw(token(seed)).unwrap());
    assert_eq!(text(5), text(5));
    assert_ne!(text(5), text(6));
}

#[test]
fn a_plan_says_only_of_links_what_acts_in_it() {
    let delivery = |discipline, cut: bool| {
        let mut plan = Plan::quiet(token(1), 1).unwrap();
        (plan.discipline, plan.links.bandwidth, plan.links.repeated) = (discipline, Some(9), 7);
        let (from, to) = (PartySet::EMPTY, PartySet::EMPTY);
        plan.links.cuts.extend(cut.then_some(Cut { from, to, begins: 0, ends: 1 }));
        plan.to_string().lines().nth(1).unwrap().trim().to_owned()
    };
    for (discipline, cut, says) in [
        (Discipline::Random, false, "random; usual latency, 9 bytes a second"),
        (Discipline::Fifo, true, "fifo; 9 bytes a second"),
        (Discipline::Lifo, false, "lifo"),
        (Discipline::Splitting, false, "splitting votes"),
        (Discipline::Lifo, true, "lifo; after cuts usual latency, 9 bytes a second"),
    ] {
        let expected = format!("delivery: {says}; 7 of 1000 frames arrive twice");
        assert_eq!(delivery(discipline, cut), expected);
    }
}

#[test]
fn a_plan_can_be_written_as_a_scenario_and_read() {
    for seed in 0..200 {
        let plan = Plan::draw(token(seed)).unwrap();
        let text = Scenario::of(&plan, "a test").text().unwrap();
        assert_eq!(Scenario::parse(&text).unwrap().plan().unwrap(), plan, "{text}");
    }
}

#[test]
fn a_scenario_keeps_all_of_the_token_that_chance_depends_on() {
    let links = Faults::NONE.with(Class::Links);
    for token in [
        Token { byzantine: 1, ..token(3) },
        Token { faults: links, ..token(3) },
        Token { faults: Faults::NONE, crypto: Crypto::Ideal, ..token(3) },
    ] {
        let plan = Plan::draw(token).unwrap();
        let text = Scenario::of(&plan, "a test").text().unwrap();
        assert_eq!(Scenario::parse(&text).unwrap().plan().unwrap(), plan, "{text}");
    }
    let plan = Plan::draw(token(3)).unwrap();
    let text = Scenario::of(&plan, "a test").text().unwrap();
    assert!(!text.contains("faults") && !text.contains("most_byzantine"), "{text}");
    let more = Scenario { most_byzantine: Some(3), ..Scenario::of(&plan, "a test") };
    assert!(more.plan().unwrap_err().contains("most_byzantine"));
}

#[test]
fn a_scenario_that_cannot_be_is_refused() {
    let plan = Plan::quiet(Token::new(Kind::Decisions, 4, 1, 1), 2).unwrap();
    let good = Scenario::of(&plan, "a test");
    assert!(good.clone().plan().is_ok());
    let liar = |member| scenario::Deviating {
        member: PartyId::new(member),
        behaviours: vec![Behaviour::Silent],
    };
    for (bad, says) in [
        (Scenario { byzantine: vec![liar(1), liar(2)], ..good.clone() }, "tolerate 1"),
        (Scenario { byzantine: vec![liar(4)], ..good.clone() }, "no member 4"),
        (Scenario { orgs: 3, ..good }, "4"),
    ] {
        let error = bad.plan().unwrap_err();
        assert!(error.contains(says), "{error}");
    }
    let error = Scenario::parse("why = \"x\"\norgs = 4\nquestion = []").unwrap_err();
    assert!(error.contains("question"), "{error}");
}

/// A scenario of four members, with this among its lines.
fn written(top: &str, tables: &str) -> Result<Plan, String> {
    let text = format!("why = \"a test\"\norgs = 4\n{top}\n{tables}");
    Scenario::parse(&text).and_then(Scenario::plan)
}

/// A question of four members, with this in place of what is right.
fn asked(line: &str, votes: &str) -> String {
    let key = |line: &str| line.split(' ').next().unwrap().to_owned();
    let right = ["proposer = 0", "rule = \"count(approve) >= 3\"", "minimum = 3", "deadline = 5"];
    let lines = right.into_iter().filter(|right| key(right) != key(line));
    let lines: Vec<&str> = lines.chain([line]).collect();
    format!("[[questions]]\n{}\nvotes = [{votes}]", lines.join("\n"))
}

#[test]
fn what_people_write_is_refused_where_it_cannot_be_and_the_field_is_named() {
    let none = "questions = []";
    for (line, says) in [
        ("orgs = 3", "duplicate key"),
        ("window = 0", "window is 0"),
        ("skews = [0, 0, 0, 0, 1]", "skews has 5"),
        ("skews = [-9000000000000]", "skews is 9000000000000"),
        (
            "discipline = { slow = { parties = [4] } }",
            "discipline.slow.parties: there is no member 4",
        ),
        ("discipline = { slow = { parties = [200] } }", "no member 200"),
        ("discipline = { starved = { from = 0, to = 7, behind_timers = true } }", "starved.to"),
        ("discipline = { starved = { from = 5, to = 0, behind_timers = true } }", "starved.from"),
        ("links = { bandwidth = 0 }", "links.bandwidth is 0"),
        ("links = { repeated = 1001 }", "links.repeated, of a thousand, is 1001"),
        ("links = { latency = { uniform = { least = 2, most = 1 } } }", "uniform.least is 2"),
        (
            "links = { latency = { uniform = { least = 0, most = 9223372036854775807 } } }",
            "uniform.most is 9223372036854775807",
        ),
        (
            "links = { latency = { log-normal = { median = 1000, eighths = 64 } } }",
            "log-normal.eighths is 64",
        ),
        (
            "links = { latency = { log-normal = { median = 1000000000, eighths = 30 } } }",
            "at its longest",
        ),
        (
            "links = { latency = { log-normal = { median = 9223372036854775807, eighths = 0 } } }",
            "log-normal.median is 9223372036854775807",
        ),
        ("links = { latency = { heavy-tail = { least = 9223372036854775807 } } }", "heavy-tail"),
        ("links = { latency = { regions = { of = [0, 5] } } }", "regions.of is 5"),
        ("links = { latency = { regions = { of = [0, 0, 0, 0, 0] } } }", "regions.of has 5"),
        ("links = { cuts = [{ from = [0], to = [4], begins = 1, ends = 2 }] }", "links.cuts[0].to"),
        (
            "links = { cuts = [{ from = [4], to = [0], begins = 1, ends = 2 }] }",
            "links.cuts[0].from",
        ),
        (
            "links = { cuts = [{ from = [0], to = [1], begins = 1, ends = 9223372036854775807 }] }",
            "links.cuts[0].ends is 9223372036854775807",
        ),
        (
            "links = { cuts = [{ from = [0], to = [1], begins = 2, ends = 2 }] }",
            "links.cuts[0] ends",
        ),
        ("byzantine = [{ member = 4, behaviours = [] }]", "byzantine[0].member"),
        (
            "byzantine = [{ member = 1, behaviours = [] }, { member = 1, behaviours = [] }]",
            "byzantine[1]: member 1 is there twice",
        ),
        (
            "restarts = [{ party = 4, step = 0, effects = 0, pause = 1, lost = 0 }]",
            "restarts[0].party",
        ),
        (
            "restarts = [{ party = 1, step = 0, effects = 0, pause = 1, lost = 101 }]",
            "restarts[0].lost",
        ),
        (
            "restarts = [{ party = 1, step = 0, effects = 0, pause = 1, lost = 0, storage = { old = 101 } }]",
            "restarts[0].storage.old is 101",
        ),
        (
            "restarts = [{ party = 1, step = 0, effects = 0, pause = 9223372036854775807, lost = 0 }]",
            "restarts[0].pause is 9223372036854775807",
        ),
        ("pauses = [{ party = 5, begins = 0, ends = 1 }]", "pauses[0].party"),
        ("pauses = [{ party = 1, begins = 3, ends = 1 }]", "pauses[0] ends at 1"),
        ("outages = [{ at = 0, pause = 9223372036854775807 }]", "outages[0].pause"),
        ("outages = [{ at = 9223372036854775807, pause = 0 }]", "outages[0].at"),
    ] {
        let error = written(line, none).unwrap_err();
        assert!(error.contains(says), "{line}: {error}");
    }
    assert!(written("", none).is_ok());
}

#[test]
fn what_byzantine_members_and_questions_are_given_is_looked_at_too() {
    for (behaviour, says) in [
        ("{ storm = { asked = \"same\", times = 0 } }", "byzantine[0].storm.times is 0"),
        ("{ storm = { asked = \"same\", times = 10001 } }", "byzantine[0].storm.times is 10001"),
        ("{ wrong-shares = { percent = 101 } }", "byzantine[0].wrong-shares.percent is 101"),
        ("{ exclude = { target = 4 } }", "byzantine[0].exclude: there is no member 4"),
        ("{ copy-votes = { of = 9 } }", "byzantine[0].copy-votes: there is no member 9"),
        ("{ split = { part = [0, 6] } }", "byzantine[0].split: there is no member 6"),
        ("{ hold-coin = { from = { victims = [5] } } }", "byzantine[0].hold-coin"),
        ("{ spoil = { dealing = { victims = [5], how = \"junk\" } } }", "byzantine[0].spoil"),
    ] {
        let line = format!("byzantine = [{{ member = 1, behaviours = [{behaviour}] }}]");
        let error = written(&line, "questions = []").unwrap_err();
        assert!(error.contains(says), "{behaviour}: {error}");
    }
    let vote = |member| format!("{{ member = {member}, value = 1, twin = 1, after = 1 }}");
    for (line, votes, says) in [
        ("proposer = 4", String::new(), "questions[0].proposer"),
        ("minimum = 5", String::new(), "minimum participation is 5"),
        ("minimum = 2", String::new(), "minimum participation is 2"),
        ("deadline = 9223372036854775807", String::new(), "questions[0].deadline"),
        ("rule = \"count(approve) >= 9\"", String::new(), "count(approve) >= 9"),
        ("deadline = 6", vote(4), "questions[0].votes: there is no member 4"),
        ("deadline = 6", format!("{}, {}", vote(1), vote(1)), "member 1 votes twice"),
        (
            "deadline = 6",
            vote(1).replace("after = 1", "after = 9223372036854775807"),
            "questions[0].votes: after is 9223372036854775807",
        ),
    ] {
        let error = written("", &asked(line, &votes)).unwrap_err();
        assert!(error.contains(says), "{line} {votes}: {error}");
    }
    assert!(written("", &asked("deadline = 6", &vote(1))).is_ok());
}

#[test]
fn what_is_left_of_a_plan_among_fewer_members_can_be_a_scenario() {
    let orgs = ["orgs".to_owned()].into_iter().collect();
    for seed in 0..500 {
        let plan = Reducible::without(&Plan::draw(token(seed)).unwrap(), &orgs);
        let text = Scenario::of(&plan, "a test").text().unwrap();
        assert_eq!(Scenario::parse(&text).unwrap().plan().unwrap(), plan, "{seed}");
    }
}
