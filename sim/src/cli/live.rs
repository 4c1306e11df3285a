//! How every party stands while a run goes on, one line each.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::io::IsTerminal;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use quorate_protocol::committee::{Committee, PartyId};
use quorate_protocol::decision::life::Phase;
use quorate_protocol::party::DecisionView;

use crate::schedule::SECOND;
use crate::story::Network;
use crate::trace::{Event, stamp};

/// Lines are drawn anew after so long.
const PAUSE: Duration = Duration::from_millis(80);

/// Nobody wants to watch longer that nothing happens.
const LONGEST: Duration = Duration::from_millis(700);

/// Decisions told apart in one line.
const TOLD: usize = 2;

/// Messages that arrived from each party, and at each.
#[derive(Default)]
pub(super) struct Traffic(Vec<[u64; 2]>);

impl Traffic {
    pub(super) fn event(&mut self, event: &Event<'_>) {
        let Event::Message(delivery) = event else { return };
        for (party, way) in [(delivery.from, 0), (delivery.to, 1)] {
            if self.0.len() <= party.index() {
                self.0.resize(party.index() + 1, [0; 2]);
            }
            if let Some(count) = self.0.get_mut(party.index()).and_then(|both| both.get_mut(way)) {
                *count += 1;
            }
        }
    }

    fn of(&self, party: PartyId) -> [u64; 2] {
        self.0.get(party.index()).copied().unwrap_or_default()
    }
}

/// Shows a run while it goes on.
pub(super) struct Live {
    committee: Committee,
    traffic: Rc<RefCell<Traffic>>,
    /// On a terminal: the lines, and below them an empty one where the cursor rests.
    bars: MultiProgress,
    lines: Vec<ProgressBar>,
    drawn: Instant,
    /// Virtual microseconds a second; `None` for as fast as it goes.
    speed: Option<f64>,
    /// When the last step was, in both times.
    last: (Instant, u64),
}

impl Live {
    pub(super) fn new(
        committee: Committee,
        traffic: Rc<RefCell<Traffic>>,
        speed: Option<f64>,
    ) -> Self {
        let bars = MultiProgress::with_draw_target(if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        });
        let style = ProgressStyle::with_template("{wide_msg}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
        let line = |_| bars.add(ProgressBar::new_spinner().with_style(style.clone()));
        let lines = (0..=committee.n()).map(line).collect();
        let now = Instant::now();
        let speed = speed.map(|speed| speed * SECOND as f64);
        Self { committee, traffic, bars, lines, drawn: now, speed, last: (now, 0) }
    }

    /// Where a line of the story can be said, above the others.
    pub(super) fn voice(&self) -> MultiProgress {
        self.bars.clone()
    }

    /// A step was taken.
    pub(super) fn step(&mut self, network: Network<'_>) {
        let time = now(network);
        let (then, before) = self.last;
        if let Some(speed) = self.speed
            && time > before
        {
            let due = Duration::from_secs_f64((time - before) as f64 / speed).min(LONGEST);
            // What is too short to wait for is waited for later, together.
            if due < Duration::from_millis(2) {
                return self.draw(network, PAUSE);
            }
            self.draw(network, Duration::ZERO);
            thread::sleep(due.saturating_sub(then.elapsed()));
            self.last = (Instant::now(), time);
        }
        self.draw(network, PAUSE);
    }

    fn draw(&mut self, network: Network<'_>, pause: Duration) {
        if self.drawn.elapsed() < pause || self.bars.is_hidden() {
            return;
        }
        self.drawn = Instant::now();
        for (line, text) in self.lines.iter().zip(self.stand(network)) {
            line.set_message(text);
        }
        if let Some(last) = self.lines.last() {
            last.set_message("");
        }
    }

    /// How every party stands, a line each.
    fn stand(&self, network: Network<'_>) -> Vec<String> {
        let traffic = self.traffic.borrow();
        let line = |party| {
            let [sent, got] = traffic.of(party);
            let (state, epoch, what) = state(network, party);
            let mut line = format!("{} party {party:<3} {state:<9}", stamp(now(network)));
            write!(line, " epoch {epoch}  in {got:>6} out {sent:>6}  {what}")
                .expect("strings take any text");
            line
        };
        self.committee.parties().map(line).collect()
    }
}

/// Takes the lines away.
impl Drop for Live {
    fn drop(&mut self) {
        drop(self.bars.clear());
    }
}

const fn now(network: Network<'_>) -> u64 {
    match network {
        Network::Decisions(world) => world.now(),
        Network::Keygen(world) => world.now(),
    }
}

/// Whether a party is up or a liar, its epoch, and what it does.
fn state(network: Network<'_>, party: PartyId) -> (&'static str, u64, String) {
    match network {
        Network::Decisions(world) => {
            let Some(real) = world.party(party) else { return ("down", 0, String::new()) };
            let state = if world.ghost().honest(party) { "up" } else { "Byzantine" };
            (state, real.epoch(), open(&real.current().decisions()))
        }
        Network::Keygen(world) => {
            if !world.ghost().honest_set().contains(party) {
                return ("Byzantine", 0, String::new());
            }
            let Some(ceremony) = world.ceremony(party) else { return ("down", 0, String::new()) };
            let progress = ceremony.progress();
            let stage = format!("{:?}", progress.stage).to_lowercase();
            ("up", 0, format!("{stage}, waits for {}", progress.waiting_for))
        }
    }
}

/// The phases of open decisions, and what they wait for.
fn open(views: &[DecisionView]) -> String {
    let open: Vec<&DecisionView> = views.iter().filter(|v| v.phase != Phase::Certified).collect();
    let told = open.iter().take(TOLD).map(|view| {
        let place = view.position.map_or_else(|| "new".into(), |position| format!("d{position}"));
        format!("{place} {}: {}", phase(view.phase), view.waiting)
    });
    let mut told: Vec<String> = told.collect();
    if open.len() > TOLD {
        told.push(format!("{} more", open.len() - TOLD));
    }
    if told.is_empty() { "nothing open".into() } else { told.join("; ") }
}

const fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Proposed => "proposed",
        Phase::Open => "open",
        Phase::Sealed => "sealed",
        Phase::Computing => "computing",
        Phase::Certified => "certified",
    }
}
