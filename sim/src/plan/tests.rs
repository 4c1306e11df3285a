use super::*;
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
