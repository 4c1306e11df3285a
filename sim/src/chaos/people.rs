//! The people: they propose and vote all the time, as long as any node answers.
//!
//! What each organisation enters is drawn with the question, and entered again until its node says
//! that it has it: so it is known, whatever happens to nodes and answers. Some enter nothing, and
//! whose node is away until the deadline is not counted.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use serde_json::json;

use super::api::text;
use super::cluster::Cluster;
use super::history::Asked;
use super::member::Member;
use crate::Rng;

/// How many questions are open at a time.
const ASKERS: u64 = 12;
/// How long the node that is asked may take: one that stands still is not waited for.
const ANSWER: Duration = Duration::from_secs(4);
/// How long somebody waits before they ask the same again.
const AGAIN: Duration = Duration::from_millis(40);
/// How long a question is followed whose node may have forgotten it.
const MAY_BE_LOST: Duration = Duration::from_secs(45);

/// What the people do, and have done.
pub(super) struct People<'a> {
    cluster: &'a Cluster,
    seed: u64,
    /// Nothing more is proposed.
    stopped: AtomicBool,
    /// Nobody waits any more.
    gone: AtomicBool,
    number: AtomicU64,
    asked: Mutex<Vec<Asked>>,
    /// What each organisation still has to enter.
    ballots: Vec<Mutex<VecDeque<Ballot>>>,
    times: Mutex<Times>,
}

/// How long it took, in the order in which it was seen.
#[derive(Clone, Default, Debug)]
pub(super) struct Times {
    /// From the proposal to the first certificate.
    pub(super) decided: Vec<Duration>,
    /// From the last vote, where all enter one, to the first certificate.
    pub(super) after_votes: Vec<Duration>,
}

/// What one organisation enters for a question.
#[derive(Clone, Debug)]
struct Ballot {
    digest: String,
    vote: String,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a> People<'a> {
    pub(super) fn new(cluster: &'a Cluster, seed: u64) -> Self {
        Self {
            cluster,
            seed,
            stopped: AtomicBool::new(false),
            gone: AtomicBool::new(false),
            number: AtomicU64::new(0),
            asked: Mutex::default(),
            ballots: cluster.members.iter().map(|_| Mutex::default()).collect(),
            times: Mutex::default(),
        }
    }

    /// Starts to propose and vote.
    pub(super) fn begin<'scope>(&'scope self, scope: &'scope thread::Scope<'scope, '_>) {
        for asker in 0..ASKERS {
            scope.spawn(move || self.ask(Rng::seed_from_u64(self.seed ^ (asker + 1) << 32)));
        }
        for (member, ballots) in self.cluster.members.iter().zip(&self.ballots) {
            scope.spawn(move || self.enter(member, ballots));
        }
    }

    /// No more questions.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// The people go home.
    pub(super) fn leave(&self) {
        self.stop();
        self.gone.store(true, Ordering::Relaxed);
    }

    /// What was asked so far.
    pub(super) fn asked(&self) -> Vec<Asked> {
        locked(&self.asked).clone()
    }

    pub(super) fn times(&self) -> Times {
        locked(&self.times).clone()
    }

    fn ask(&self, mut rng: Rng) {
        while !self.stopped.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(rng.random_range(0..600)));
            let proposer = rng.random_range(0..self.cluster.members.len());
            let asked = self.draw(&mut rng);
            let waits = Duration::from_millis(rng.random_range(2000..15_000));
            let Some(proposer) = self.cluster.members.get(proposer) else { continue };
            let older = proposer.older().len();
            // Whether it was proposed is not known if the node went away before it answered.
            let Some((number, digest)) = self.propose(proposer, &asked, waits) else { continue };
            let begin = Instant::now();
            let all_vote = asked.votes.iter().all(Option::is_some);
            for (ballots, vote) in self.ballots.iter().zip(&asked.votes) {
                if let Some(vote) = vote {
                    let vote = typed(&asked.rule, *vote);
                    locked(ballots).push_back(Ballot { digest: digest.clone(), vote });
                }
            }
            let may_be_lost = || {
                let lost = proposer.older().len() > older;
                if let Some(asked) = locked(&self.asked).get_mut(number) {
                    asked.may_be_lost |= lost;
                }
                lost
            };
            self.follow(&digest, begin, (all_vote, may_be_lost), &mut rng);
        }
    }

    /// A question and what everybody enters.
    fn draw(&self, rng: &mut Rng) -> Asked {
        let n = self.cluster.members.len();
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let some_abstain = rng.random_range(0..8) == 0;
        let (rule, greatest) = if rng.random() {
            let bound = rng.random_range(20..80);
            let operator = [">", ">=", "<", "<="];
            let operator = operator.get(rng.random_range(0..4)).copied().unwrap_or(">");
            (format!("mean(confidence) {operator} {bound}"), 100)
        } else {
            (format!("count(approve) >= {}", rng.random_range(1..=n)), 1)
        };
        let votes = (0..n).map(|_| {
            let abstains = some_abstain && rng.random_range(0..3) == 0;
            (!abstains).then(|| rng.random_range(0..=greatest))
        });
        let (title, votes) = (format!("Question {number}"), votes.collect());
        Asked { title, rule, digest: None, votes, may_be_lost: false }
    }

    fn propose(&self, member: &Member, asked: &Asked, waits: Duration) -> Option<(usize, String)> {
        let (api, before) = (member.api()?, member.older().len());
        let number = {
            let mut all = locked(&self.asked);
            all.push(asked.clone());
            all.len() - 1
        };
        let deadline = utc_ms().saturating_add(u64::try_from(waits.as_millis()).ok()?);
        let proposal = json!({ "title": asked.title, "rule": asked.rule, "deadline_ms": deadline });
        let answer = api.post("/v1/decisions", &proposal, ANSWER).ok()?.granted().ok()?;
        let answer: serde_json::Value = serde_json::from_slice(&answer).ok()?;
        let digest = text(&answer, "digest").to_owned();
        if member.older().len() > before || member.is_older() {
            // It is not listened to, and forgets what it was asked.
            return None;
        }
        if let Some(asked) = locked(&self.asked).get_mut(number) {
            asked.digest = Some(digest.clone());
        }
        Some((number, digest))
    }

    /// Waits for the certificate, at anybody's node.
    fn follow(
        &self,
        digest: &str,
        begin: Instant,
        (all_vote, may_be_lost): (bool, impl Fn() -> bool),
        rng: &mut Rng,
    ) {
        let mut last_vote = None;
        while !self.gone.load(Ordering::Relaxed) {
            if may_be_lost() && begin.elapsed() > MAY_BE_LOST {
                for ballots in &self.ballots {
                    locked(ballots).retain(|ballot| ballot.digest != digest);
                }
                return;
            }
            let is_entered = || self.ballots.iter().all(|all| !holds(all, digest));
            if last_vote.is_none() && all_vote && is_entered() {
                last_vote = Some(Instant::now());
            }
            let whose = rng.random_range(0..self.cluster.members.len());
            let api = self.cluster.members.get(whose).and_then(Member::api);
            // Until the votes are in it is not waited long, so as to notice when they are.
            let wait = u64::from(last_vote.is_some() || !all_vote);
            let path = format!("/v1/decisions/{digest}?until=certified&wait={wait}");
            let answer = api.and_then(|api| api.get(&path, ANSWER).ok());
            if answer.is_some_and(|answer| text(&answer.json(), "phase") == "certified") {
                let mut times = locked(&self.times);
                times.decided.push(begin.elapsed());
                times.after_votes.extend(last_vote.map(|at| at.elapsed()));
                return;
            }
            if wait == 0 {
                thread::sleep(AGAIN / 4);
            }
        }
    }

    /// Enters what one organisation has to enter.
    fn enter(&self, member: &Member, ballots: &Mutex<VecDeque<Ballot>>) {
        while !self.gone.load(Ordering::Relaxed) {
            let next = locked(ballots).front().cloned();
            let (Some(api), Some(ballot)) = (member.api(), next) else {
                thread::sleep(AGAIN / 4);
                continue;
            };
            let path = format!("/v1/decisions/{}/vote", ballot.digest);
            let answer = api.post(&path, &json!({ "vote": ballot.vote }), ANSWER);
            let mut ballots = locked(ballots);
            ballots.pop_front();
            if !is_settled(answer) {
                ballots.push_back(ballot);
                let only = ballots.len() == 1;
                drop(ballots);
                thread::sleep(if only { AGAIN } else { AGAIN / 8 });
            }
        }
    }
}

/// Whether there is nothing more to do about a vote.
fn is_settled(answer: io::Result<super::api::Answer>) -> bool {
    let Ok(answer) = answer else { return false };
    let late = ["already_voted", "sealed", "following_only"];
    answer.status == 200 || late.contains(&&*answer.code())
}

fn holds(ballots: &Mutex<VecDeque<Ballot>>, digest: &str) -> bool {
    locked(ballots).iter().any(|ballot| ballot.digest == digest)
}

/// A vote as a person would type it.
fn typed(rule: &str, vote: u64) -> String {
    match vote {
        _ if rule.starts_with("mean") => vote.to_string(),
        0 => "no".into(),
        _ => "yes".into(),
    }
}

/// The time of this machine, which deadlines are in.
#[expect(
    clippy::disallowed_types,
    reason = "real nodes are asked, whose deadlines are in real time"
)]
pub(super) fn utc_ms() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    u64::try_from(now.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}
