use std::cell::RefCell;
use std::rc::Rc;

use quorate_protocol::committee::PartyId;
use serde_json::Value;

use super::*;
use crate::plan::Plan;
use crate::report::Report;
use crate::token::{Crypto, Faults, Kind, Token};
use crate::trace::{Event, Mark};
use crate::world::World;

const HOSTILE: &str = "</script><script>alert('&amp;')</script> {{script}} \u{2028}";

fn token() -> Token {
    let (kind, crypto) = (Kind::Decisions, Crypto::Real);
    Token { kind, orgs: 4, byzantine: 0, faults: Faults::NONE, crypto, seed: 3 }
}

/// A run, what is kept of it, and how many messages and marks a listener of its own counted.
fn run() -> (Report, Record, [usize; 2]) {
    let record = Rc::new(RefCell::new(Record::default()));
    let counted = Rc::new(RefCell::new([0; 2]));
    let (kept, count) = (Rc::clone(&record), Rc::clone(&counted));
    let mut world = World::new(Plan::quiet(token(), 2).unwrap());
    world.listen(Box::new(move |time, event| {
        kept.borrow_mut().event(time, event);
        count.borrow_mut()[usize::from(!matches!(event, Event::Message(_)))] += 1;
    }));
    let report = world.run();
    drop(world);
    (report, record.take(), counted.take())
}

fn heading(report: &Report, what: &str) -> Heading {
    let party = |does: Option<&str>| Party { byzantine: does.map(str::to_owned) };
    Heading::new(
        "a~b.toml".into(),
        report,
        what.into(),
        vec![party(None), party(Some(what)), party(None), party(None)],
    )
}

/// What a page has between two texts, each of which it has once.
fn between<'p>(page: &'p str, before: &str, after: &str) -> &'p str {
    assert_eq!(page.matches(before).count(), 1, "{before}");
    let (_, rest) = page.split_once(before).unwrap();
    rest.split_once(after).unwrap().0
}

fn data(page: &str) -> Value {
    let json = between(page, "<script type=\"application/json\" id=\"run\">", "</script>");
    serde_json::from_str(json).unwrap()
}

fn sum(numbers: &Value) -> u64 {
    numbers.as_array().unwrap().iter().map(|number| number.as_u64().unwrap()).sum()
}

#[test]
fn the_page_has_every_message_and_mark_of_the_run() {
    let (report, record, [messages, marks]) = run();
    let data = data(&page(&heading(&report, "a plan"), &record));
    assert_eq!(messages as u64, report.coverage.messages);
    for column in ["after", "took", "from", "to", "path", "size", "epoch"] {
        assert_eq!(data["messages"][column].as_array().unwrap().len(), messages, "{column}");
    }
    assert_eq!(data["marks"].as_array().unwrap().len(), marks);
    assert_eq!(sum(&data["messages"]["size"]), report.coverage.bytes);
    assert!(sum(&data["messages"]["after"]) <= report.time);
    assert_eq!(data["token"], "a~b.toml");
    assert_eq!(data["trace"], report.trace);
    assert_eq!(data["questions"].as_array().unwrap().len(), 2);
    let certified = |mark: &&Value| mark["kind"] == "certified";
    assert_eq!(data["marks"].as_array().unwrap().iter().filter(certified).count(), 8);
}

#[test]
fn a_path_is_written_once_and_says_what_the_message_belongs_to() {
    let (report, record, _) = run();
    let data = data(&page(&heading(&report, ""), &record));
    let mut texts = Vec::new();
    for path in data["paths"].as_array().unwrap() {
        let number = |i: usize| usize::try_from(path[i].as_u64().unwrap()).unwrap();
        let subject = data["subjects"][number(1)].as_str().unwrap();
        let text = path[2].as_str().unwrap();
        let first = if subject == "catching up" { "sync" } else { subject };
        assert!(text.starts_with(&format!("{first} ")), "{text} of {subject}");
        assert!(data["layers"][number(0)].is_string());
        texts.push(text);
    }
    assert!(texts.len() > 100, "{texts:?}");
    let all = texts.len();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), all);
}

#[test]
fn hostile_text_is_data_and_nothing_else() {
    let (report, mut record, _) = run();
    let rule = "count(approve) >= 2".parse().unwrap();
    let asks = Mark::Asks { number: 77, title: HOSTILE, rule: &rule };
    record.event(report.time, &Event::At(PartyId::new(1).into(), asks));
    record.event(report.time, &Event::Network(&HOSTILE));
    let page = page(&heading(&report, HOSTILE), &record);
    let json = between(&page, "<script type=\"application/json\" id=\"run\">", "</script>");
    assert!(!json.contains(['<', '>', '&']));
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(page.matches("</script>").count(), 2);
    let data = data(&page);
    assert_eq!(data["plan"], HOSTILE);
    assert_eq!(data["parties"][1]["byzantine"], HOSTILE);
    assert_eq!(data["questions"].as_array().unwrap().last().unwrap()["title"], HOSTILE);
    assert_eq!(data["marks"].as_array().unwrap().last().unwrap()["text"], HOSTILE);
}

#[test]
fn the_page_names_nothing_outside_itself() {
    let (report, record, _) = run();
    let page = page(&heading(&report, ""), &record);
    for outside in
        ["http:", "https:", "//cdn", " src=", " href=", "@import", "url(", "fetch(", "import("]
    {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(!page.contains("{{"));
}

#[test]
fn the_policy_lets_this_script_and_this_style_run_and_nothing_else() {
    let (report, record, _) = run();
    let page = page(&heading(&report, ""), &record);
    let policy = between(&page, "http-equiv=\"Content-Security-Policy\" content=\"", "\"");
    assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");
    let sources = [("script-src", "<script>", "</script>"), ("style-src", "<style>", "</style>")];
    for (directive, before, after) in sources {
        let hash = BASE64.encode(&Sha512::digest(between(&page, before, after).as_bytes()));
        assert!(policy.contains(&format!("{directive} 'sha512-{hash}'; ")), "{directive}");
    }
}
