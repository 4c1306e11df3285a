//! The interface and its client against a service that is no node.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quorate_protocol::wire::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::model::*;
use super::{Server, Service};
use crate::certificate_file::CertificateFile;
use crate::cli::exit::Exit;
use crate::cli::sample_decision;
use crate::client::Client;
use crate::evidence_file::EvidenceFile;

const TOKEN: &str = "0123456789abcdef";

/// Decisions in memory, and what was voted.
#[derive(Clone)]
struct Fake {
    decisions: Arc<Mutex<Vec<Decision>>>,
    votes: Arc<Mutex<Vec<(String, String)>>>,
    notices: broadcast::Sender<()>,
}

impl Fake {
    fn new(ids: &[(&str, u8)]) -> Self {
        let decisions = ids.iter().map(|(id, fill)| named(id, *fill)).collect();
        let decisions = Arc::new(Mutex::new(decisions));
        Self { decisions, votes: Arc::default(), notices: broadcast::channel(16).0 }
    }

    fn change(&self, digest: &str, change: impl Fn(&mut Decision)) {
        let mut decisions = self.decisions.lock().unwrap();
        decisions.iter_mut().filter(|d| d.digest == digest).for_each(change);
        drop(decisions);
        let _ = self.notices.send(());
    }

    async fn serve(&self) -> Running {
        let server = Server::bind(0).await.unwrap();
        let address = server.address();
        let cancel = CancellationToken::new();
        let serving = server.serve(self.clone(), TOKEN.into(), cancel.clone());
        let ended = tokio::spawn(serving);
        Running { client: Client::at(address, TOKEN), address, cancel, ended }
    }
}

struct Running {
    client: Client,
    address: SocketAddr,
    cancel: CancellationToken,
    ended: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Running {
    /// A request as it is on the wire, and the whole answer.
    async fn raw(&self, request: String) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn get(&self, path: &str, host: &str, authorization: &str) -> String {
        self.raw(format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\n{authorization}Connection: close\r\n\r\n"
        ))
        .await
    }

    async fn post(&self, path: &str, body: &str) -> String {
        self.raw(format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {TOKEN}\r\n\
             Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        ))
        .await
    }
}

fn named(id: &str, fill: u8) -> Decision {
    let digest = format!("{fill:02x}").repeat(32);
    Decision { id: id.into(), digest, ..sample_decision() }
}

impl Service for Fake {
    type Notice = ();

    async fn status(&self) -> Result<Status, Problem> {
        Err(Problem::new(Code::Stopping, "the node is stopping"))
    }

    async fn decisions(&self) -> Result<Vec<Decision>, Problem> {
        Ok(self.decisions.lock().unwrap().clone())
    }

    async fn decision(&self, digest: &str) -> Result<Decision, Problem> {
        let decisions = self.decisions.lock().unwrap();
        let found = decisions.iter().find(|decision| decision.digest == digest);
        found.cloned().ok_or_else(|| Problem::new(Code::NotFound, "no such digest"))
    }

    async fn explain(&self, _: &str) -> Result<Explanation, Problem> {
        Err(Problem::new(Code::Internal, "there is nothing to explain here"))
    }

    async fn propose(&self, new: NewDecision) -> Result<Proposed, Problem> {
        let mut decision = named("dec_NEW00000", 0xee);
        decision.title = new.title;
        let proposed = Proposed { id: decision.id.clone(), digest: decision.digest.clone() };
        self.decisions.lock().unwrap().push(decision);
        let _ = self.notices.send(());
        Ok(proposed)
    }

    async fn vote(&self, digest: &str, vote: NewVote) -> Result<Receipt, Problem> {
        let mut votes = self.votes.lock().unwrap();
        if votes.iter().any(|(voted, _)| voted == digest) {
            return Err(Problem::new(Code::AlreadyVoted, "already voted"));
        }
        votes.push((digest.into(), vote.vote.clone()));
        Ok(Receipt { id: "dec_X".into(), digest: digest.into(), position: 0 })
    }

    async fn certificate(&self, _: &str) -> Result<CertificateFile, Problem> {
        Err(Problem::new(Code::Internal, "there is none here"))
    }

    async fn evidence(&self) -> Result<Vec<EvidenceFile>, Problem> {
        Ok(Vec::new())
    }

    async fn document(&self, digest: &str) -> Result<Bytes, Problem> {
        self.decision(digest).await.map(|decision| Bytes::from(decision.title.into_bytes()))
    }

    async fn signature(&self, _: &str) -> Result<Bytes, Problem> {
        Err(Problem::new(Code::NotFound, "nothing was signed"))
    }

    async fn readiness(&self) -> Result<Readiness, Problem> {
        let empty = self.decisions.lock().unwrap().is_empty();
        let why = NotReady { code: "no_decisions".into(), detail: "there are none".into() };
        Ok(Readiness { ready: !empty, reasons: if empty { vec![why] } else { Vec::new() } })
    }

    async fn metrics(&self) -> Result<String, Problem> {
        Ok("quorate_build_info 1\n# EOF\n".to_owned())
    }

    fn subscribe(&self) -> broadcast::Receiver<()> {
        self.notices.subscribe()
    }
}

#[tokio::test]
async fn only_the_token_and_the_loopback_name_are_let_in() {
    let running = Fake::new(&[("dec_7Q2K9X4M", 1)]).serve().await;
    let host = running.address.to_string();
    let local = format!("localhost:{}", running.address.port());
    let token = format!("Authorization: Bearer {TOKEN}\r\n");
    for (host, authorization, status) in [
        (host.as_str(), token.as_str(), "200"),
        (local.as_str(), token.as_str(), "200"),
        (host.as_str(), "", "401"),
        (host.as_str(), "Authorization: Bearer 0123456789abcdee\r\n", "401"),
        (host.as_str(), "Authorization: Bearer \r\n", "401"),
        (host.as_str(), "Authorization: Basic 0123456789abcdef\r\n", "401"),
        ("evil.example", token.as_str(), "403"),
        ("127.0.0.1", token.as_str(), "403"),
        ("evil.example", "", "403"),
    ] {
        let answer = running.get("/v1/decisions", host, authorization).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{host} {authorization}");
    }
    // Nor is a stranger told what exists.
    let answer = running.get("/v1/nothing", &host, "").await;
    assert!(answer.starts_with("HTTP/1.1 401"));
}

#[tokio::test]
async fn whether_it_lives_and_is_ready_is_told_without_a_token_and_nothing_else_is() {
    for (ids, ready) in [(&[("dec_7Q2K9X4M", 1)][..], "200"), (&[], "503")] {
        let running = Fake::new(ids).serve().await;
        let host = running.address.to_string();
        let live = running.get("/livez", &host, "").await;
        assert!(live.starts_with("HTTP/1.1 200") && live.contains("{\"live\":true}"), "{live}");
        let answer = running.get("/readyz", &host, "").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {ready}")), "{answer}");
        assert_eq!(answer.contains("no_decisions"), ready == "503", "{answer}");
        for path in ["/readyz", "/livez"] {
            assert!(running.get(path, "evil.example", "").await.starts_with("HTTP/1.1 403"));
        }
        assert!(running.get("/metrics", &host, "").await.starts_with("HTTP/1.1 401"));
        let token = format!("Authorization: Bearer {TOKEN}\r\n");
        let metrics = running.get("/metrics", &host, &token).await;
        assert!(metrics.contains("content-type: application/openmetrics-text"), "{metrics}");
        assert!(metrics.ends_with("# EOF\n"), "{metrics}");
    }
}

#[tokio::test]
async fn a_decision_is_found_by_what_people_read() {
    let fake = Fake::new(&[("dec_7Q2K9X4M", 1), ("dec_7Q3K9X4M", 2), ("dec_0111ABCD", 3)]);
    let client = fake.serve().await.client;
    let whole = "02".repeat(32);
    for (id, found) in [
        ("dec_7Q2K9X4M", "dec_7Q2K9X4M"),
        ("dec_7q2", "dec_7Q2K9X4M"),
        ("7Q3", "dec_7Q3K9X4M"),
        ("dec_OIl", "dec_0111ABCD"),
        (whole.as_str(), "dec_7Q3K9X4M"),
    ] {
        assert_eq!(client.decision(id).await.map(|s| s.decision.id).unwrap(), found, "{id}");
    }
    let ambiguous = client.decision("dec_7Q").await.err().unwrap();
    assert_eq!(ambiguous.exit, Exit::Invalid);
    assert!(ambiguous.what.contains("dec_7Q2K9X4M, dec_7Q3K9X4M"));
    for id in ["dec_8", "dec_", "", "../status", "dec_7Q2K9X4M0", "ü"] {
        assert_eq!(client.decision(id).await.err().unwrap().exit, Exit::NotFound, "{id}");
    }
}

#[tokio::test]
async fn a_second_vote_is_refused_and_a_vote_is_never_quoted() {
    let fake = Fake::new(&[("dec_7Q2K9X4M", 1)]);
    let running = fake.serve().await;
    let vote = |text: &str| NewVote { vote: text.into() };
    running.client.vote("dec_7Q2", &vote("73")).await.unwrap();
    assert_eq!(fake.votes.lock().unwrap().as_slice(), [("01".repeat(32), "73".into())]);
    let second = running.client.vote("dec_7Q2", &vote("74")).await.unwrap_err();
    assert_eq!(second.exit, Exit::Conflict);
    for body in ["{\"vote\": 7331}", "{\"vote\": \"1\", \"x7331\": 1}", "7331", "{\"vote\":\"7331"]
    {
        let answer = running.post("/v1/decisions/dec_7Q2/vote", body).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        assert!(!answer.contains("7331"), "{answer}");
    }
    assert_eq!(fake.votes.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn waiting_ends_with_a_change_a_phase_or_the_time() {
    let fake = Fake::new(&[("dec_7Q2K9X4M", 1)]);
    let running = fake.serve().await;
    let client = &running.client;
    let digest = "01".repeat(32);
    let seen = client.decision(&digest).await.unwrap();
    assert!(client.changed(&seen, Duration::from_secs(1)).await.unwrap().is_none());
    // A notice that changes nothing one sees does not end it, a change does.
    let minute = Duration::from_secs(60);
    let (changed, ()) = tokio::join!(client.changed(&seen, minute), async {
        client.decision(&digest).await.unwrap();
        let _ = fake.notices.send(());
        fake.change(&digest, |decision| decision.phase = Phase::Sealed);
    });
    let seen = changed.unwrap().unwrap();
    assert_eq!(seen.decision.phase, Phase::Sealed);
    let (certified, ()) = tokio::join!(client.reached(&digest, Phase::Certified, minute), async {
        fake.change(&digest, |decision| decision.phase = Phase::Computing);
        client.decision(&digest).await.unwrap();
        fake.change(&digest, |decision| decision.phase = Phase::Certified);
    });
    assert!(certified.unwrap().decision.is_certified());
    // A later phase is as good; the time ends it otherwise.
    let open = client.reached(&digest, Phase::Open, minute).await.unwrap();
    assert!(open.decision.is_certified());
}

#[tokio::test]
async fn a_decision_that_is_not_known_yet_is_waited_for() {
    let fake = Fake::new(&[]);
    let running = fake.serve().await;
    let client = &running.client;
    let digest = "ee".repeat(32);
    let proposal = NewDecision {
        refresh: false,
        replaces: None,
        title: "new".into(),
        body: String::new(),
        rule: "mean(x) > 1".into(),
        deadline_ms: 0,
        document: None,
    };
    let (waited, proposed) = tokio::join!(
        client.reached(&digest, Phase::Open, Duration::from_secs(60)),
        client.propose(&proposal)
    );
    assert_eq!(waited.unwrap().decision.digest, proposed.unwrap().digest);
    let missing = client.reached(&"dd".repeat(32), Phase::Open, Duration::from_secs(1)).await;
    assert_eq!(missing.err().unwrap().exit, Exit::NotFound);
}

#[tokio::test]
async fn stopping_ends_requests_that_wait() {
    let fake = Fake::new(&[("dec_7Q2K9X4M", 1)]);
    let running = fake.serve().await;
    let wait = running.client.reached("dec_7Q2", Phase::Certified, Duration::from_secs(60));
    let stop = async {
        // Answered, so the other request is at the server too, or refused for good.
        running.client.decisions().await.unwrap();
        running.cancel.cancel();
    };
    let (_, ()) = tokio::time::timeout(Duration::from_secs(10), async { tokio::join!(wait, stop) })
        .await
        .expect("the wait ends with the server");
    tokio::time::timeout(Duration::from_secs(10), running.ended).await.unwrap().unwrap().unwrap();
    let gone = running.client.decisions().await.unwrap_err();
    assert_eq!(gone.exit, Exit::Unreachable);
    assert!(gone.hint.unwrap().starts_with("start it: quorate run"));
}

#[tokio::test]
async fn refusals_carry_their_exit_code_and_hint_to_the_command_line() {
    let running = Fake::new(&[("dec_7Q2K9X4M", 1)]).serve().await;
    let undecided = running.client.certificate("dec_7Q2").await.unwrap_err();
    assert_eq!(undecided.exit, Exit::Pending);
    assert_eq!(undecided.hint.as_deref(), Some("quorate wait dec_7Q2K9X4M"));
    let stopping = running.client.status().await.unwrap_err();
    assert_eq!(
        (stopping.exit, stopping.what.as_str()),
        (Exit::Unreachable, "the node is stopping")
    );
    let answer = running.post("/v1/decisions", "{\"title\": \"t\"}").await;
    assert!(answer.contains("400") && answer.contains("application/problem+json"), "{answer}");
    for (path, most) in
        [("/v1/decisions", super::MAX_PROPOSAL), ("/v1/decisions/dec_7Q2/vote", super::MAX_BODY)]
    {
        let answer = running.post(path, &"x".repeat(most + 1)).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
        let answer = running.post(path, &"x".repeat(most)).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
}
