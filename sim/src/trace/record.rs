//! A whole story, kept for the page.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Delivery, Event, Labelled, Layer, Mark, Who};

/// Every event of a run: messages in columns, since there are many.
#[derive(Serialize)]
pub struct Record {
    /// Names of the protocols.
    layers: Vec<String>,
    /// What messages belong to.
    subjects: Vec<String>,
    /// Each path once.
    paths: Vec<Path>,
    messages: Messages,
    marks: Vec<Marked>,
    questions: Vec<Question>,
    /// Numbers of subjects and paths.
    #[serde(skip)]
    numbers: [BTreeMap<String, usize>; 2],
    /// When the last event was.
    #[serde(skip)]
    now: u64,
}

/// A path, with the numbers of its protocol and of what it belongs to.
#[derive(Serialize)]
struct Path(usize, usize, String);

/// Messages in the order they arrived.
#[derive(Default, Serialize)]
struct Messages {
    /// How long after the one before.
    after: Vec<u64>,
    /// How long it travelled.
    took: Vec<u64>,
    from: Vec<usize>,
    to: Vec<usize>,
    /// Number of its path.
    path: Vec<usize>,
    size: Vec<u64>,
    epoch: Vec<u64>,
    /// When the last one arrived.
    #[serde(skip)]
    last: u64,
}

/// Something at a party, or in the network.
#[derive(Serialize)]
struct Marked {
    time: u64,
    kind: &'static str,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    party: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    question: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
}

/// A question that was asked.
#[derive(Serialize)]
struct Question {
    number: usize,
    title: String,
    rule: String,
    proposer: usize,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            layers: Layer::ALL.iter().map(Layer::to_string).collect(),
            subjects: Vec::new(),
            paths: Vec::new(),
            messages: Messages::default(),
            marks: Vec::new(),
            questions: Vec::new(),
            numbers: Default::default(),
            now: 0,
        }
    }
}

impl Record {
    /// Keeps an event.
    pub fn event(&mut self, time: u64, event: &Event<'_>) {
        self.now = time;
        match event {
            // It is said apart.
            Event::Plan(_) => {}
            Event::Message(delivery) => self.message(time, delivery),
            Event::At(who, mark) => self.mark(time, *who, mark),
            Event::Network(_) => self.network(time, "network", event.to_string()),
            Event::Rest => self.network(time, "rest", event.to_string()),
        }
    }

    /// How many messages it has.
    pub const fn messages(&self) -> usize {
        self.messages.took.len()
    }

    /// When the last event was.
    pub const fn now(&self) -> u64 {
        self.now
    }

    fn message(&mut self, time: u64, delivery: &Delivery<'_>) {
        let path = self.path(delivery.message);
        let messages = &mut self.messages;
        messages.after.push(time - messages.last);
        messages.last = time;
        messages.took.push(time.saturating_sub(delivery.sent));
        messages.from.push(delivery.from.index());
        messages.to.push(delivery.to.index());
        messages.path.push(path);
        messages.size.push(delivery.print.size);
        messages.epoch.push(delivery.epoch);
    }

    /// The number of a message's path.
    fn path(&mut self, message: &dyn Labelled) -> usize {
        let [subjects, paths] = &mut self.numbers;
        let text = message.to_string();
        if let Some(number) = paths.get(&text) {
            return *number;
        }
        let subject = message.subject().to_string();
        let about = *subjects.entry(subject.clone()).or_insert_with(|| {
            self.subjects.push(subject);
            self.subjects.len() - 1
        });
        paths.insert(text.clone(), self.paths.len());
        self.paths.push(Path(message.layer() as usize, about, text));
        self.paths.len() - 1
    }

    fn mark(&mut self, time: u64, who: Who, mark: &Mark<'_>) {
        let party = who.party.index();
        if let Mark::Asks { number, title, rule } = mark
            && !self.questions.iter().any(|question| question.number == *number)
        {
            let (title, rule) = ((*title).to_owned(), rule.to_string());
            self.questions.push(Question { number: *number, title, rule, proposer: party });
        }
        let (position, outcome) = match mark {
            Mark::Ordered(_, position) => (Some(*position), None),
            Mark::Certified { position, outcome, .. } => {
                (Some(*position), Some(outcome.to_string()))
            }
            _ => (None, None),
        };
        self.marks.push(Marked {
            time,
            kind: mark.kind(),
            text: format!("{who} {mark}"),
            party: Some(party),
            question: mark.question(),
            position,
            outcome,
        });
    }

    fn network(&mut self, time: u64, kind: &'static str, text: String) {
        let (party, question, position, outcome) = (None, None, None, None);
        self.marks.push(Marked { time, kind, text, party, question, position, outcome });
    }
}
