//! A small client of the control interface, for the command line and the demo.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::header;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use quorate_protocol::secret::Secret;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

use crate::api::model::{
    Code, Decision, Decisions, Explanation, NewDecision, NewVote, Phase, Problem, Proposed,
    Receipt, Status,
};
use crate::certificate_file::CertificateFile;
use crate::cli;
use crate::cli::exit::{Exit, Failure};
use crate::evidence_file::{EvidenceFile, EvidenceSummary};
use crate::home::Home;

/// Longest answer in bytes.
const MAX_ANSWER: usize = 64 << 20;

/// How long a node may take for an answer, beyond what it was asked to wait.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long a node may take to get a vote on its way.
const VOTE_PATIENCE: Duration = Duration::from_secs(120);

/// One node's control interface.
pub struct Client {
    address: SocketAddr,
    token: Secret<String>,
    data_dir: PathBuf,
}

/// A decision with the tag by which to ask for changes.
pub struct Seen {
    /// The decision.
    pub decision: Decision,
    tag: String,
}

impl Client {
    /// The node that runs on a data directory.
    ///
    /// # Errors
    /// No such directory, or no node runs on it.
    pub fn open(data_dir: &Path) -> Result<Self, Failure> {
        let home = Home::open(data_dir)?;
        let address = home.api_address()?.ok_or_else(|| not_running(data_dir))?;
        Ok(Self { address, token: home.api_token()?, data_dir: data_dir.to_owned() })
    }

    /// The node and its network.
    ///
    /// # Errors
    /// The node's refusal, or no node.
    pub async fn status(&self) -> Result<Status, Failure> {
        self.get("/v1/status").await
    }

    /// All decisions, newest first.
    ///
    /// # Errors
    /// The node's refusal, or no node.
    pub async fn decisions(&self) -> Result<Vec<Decision>, Failure> {
        self.get::<Decisions>("/v1/decisions").await.map(|list| list.decisions)
    }

    /// One decision, by its id, a beginning of it, or its digest.
    ///
    /// # Errors
    /// The node's refusal, or no node.
    pub async fn decision(&self, id: &str) -> Result<Seen, Failure> {
        let answer = self.send(Method::GET, &decision_path(id, ""), None, None, PATIENCE).await?;
        answer.seen()
    }

    /// The decision once something about it has changed, or `None` if nothing did for `wait`.
    ///
    /// # Errors
    /// The node's refusal, or no node.
    pub async fn changed(&self, seen: &Seen, wait: Duration) -> Result<Option<Seen>, Failure> {
        let query = format!("?wait={}", wait.as_secs());
        let path = decision_path(&seen.decision.digest, &query);
        let patience = wait + PATIENCE;
        let answer = self.send(Method::GET, &path, None, Some(&seen.tag), patience).await?;
        match answer.status {
            StatusCode::NOT_MODIFIED => Ok(None),
            _ => answer.seen().map(Some),
        }
    }

    /// The decision once it has come to `phase`, or as it is after `wait`. It need not be known
    /// to the node yet.
    ///
    /// # Errors
    /// The node's refusal, or no node.
    pub async fn reached(&self, id: &str, phase: Phase, wait: Duration) -> Result<Seen, Failure> {
        let query = format!("?until={}&wait={}", phase.word(), wait.as_secs());
        let path = decision_path(id, &query);
        self.send(Method::GET, &path, None, None, wait + PATIENCE).await?.seen()
    }

    /// Why a decision is not decided yet.
    ///
    /// # Errors
    /// The node's refusal, or no node.
    pub async fn explain(&self, id: &str) -> Result<Explanation, Failure> {
        self.get(&decision_path(id, "/explain")).await
    }

    /// What Prometheus scrapes.
    ///
    /// # Errors
    /// The node's refusal, or no node.
    pub async fn metrics(&self) -> Result<String, Failure> {
        let answer = self.send(Method::GET, "/metrics", None, None, PATIENCE).await?;
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }

    /// Makes a proposal.
    ///
    /// # Errors
    /// The node's refusal, or no node.
    pub async fn propose(&self, proposal: &NewDecision) -> Result<Proposed, Failure> {
        self.post("/v1/decisions", proposal).await
    }

    /// Enters this organisation's vote.
    ///
    /// # Errors
    /// The node's refusal, or no node.
    pub async fn vote(&self, id: &str, vote: &NewVote) -> Result<Receipt, Failure> {
        let path = decision_path(id, "/vote");
        let posted = self.post(&path, vote);
        // A vote is answered once it is on its way: not before the decision's material is made.
        tokio::time::timeout(VOTE_PATIENCE, posted).await.unwrap_or_else(|_| {
            let what = "the node holds the vote, and sends it when the network has made the \
                        random material for the decision; that has not happened yet";
            Err(Failure::new(Exit::Pending, what).hint("do not stop the node; quorate status"))
        })
    }

    /// The certificate of a decision.
    ///
    /// # Errors
    /// The node's refusal, or no node.
    pub async fn certificate(&self, id: &str) -> Result<CertificateFile, Failure> {
        self.get(&decision_path(id, "/certificate")).await
    }

    /// What shows to others that members are faulty.
    ///
    /// # Errors
    /// No node.
    pub async fn list_evidence(&self) -> Result<Vec<EvidenceSummary>, Failure> {
        self.get("/v1/evidence").await
    }

    /// One evidence file.
    ///
    /// # Errors
    /// The node's refusal, or no node.
    pub async fn evidence(&self, id: &str) -> Result<EvidenceFile, Failure> {
        self.get(&format!("/v1/evidence/{}", segment(id))).await
    }

    /// The document that a decision is about.
    ///
    /// # Errors
    /// The node's refusal, or no node.
    pub async fn document(&self, id: &str) -> Result<Bytes, Failure> {
        let path = decision_path(id, "/document");
        Ok(self.send(Method::GET, &path, None, None, PATIENCE).await?.body)
    }

    /// The network's signature over the document of a decision.
    ///
    /// # Errors
    /// The node's refusal, or no node.
    pub async fn signature(&self, id: &str) -> Result<Bytes, Failure> {
        let path = decision_path(id, "/signature");
        Ok(self.send(Method::GET, &path, None, None, PATIENCE).await?.body)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.send(Method::GET, path, None, None, PATIENCE).await?.read()
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        let body = serde_json::to_vec(body).map_err(|e| unintelligible(&e))?;
        self.send(Method::POST, path, Some(body), None, VOTE_PATIENCE + PATIENCE).await?.read()
    }

    /// For tests: an interface at an address.
    #[cfg(test)]
    pub fn at(address: SocketAddr, token: &str) -> Self {
        Self { address, token: Secret::new(token.to_owned()), data_dir: "data".into() }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
        seen: Option<&str>,
        patience: Duration,
    ) -> Result<Answer, Failure> {
        match tokio::time::timeout(patience, self.exchange(method, path, body, seen)).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure::new(
                Exit::Unreachable,
                format!("the node at {} does not answer", self.address),
            )
            .hint("is the machine overloaded? look at what the node's terminal says")),
        }
    }

    // One connection for one request: simple, and 50 us on the loopback address.
    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
        seen: Option<&str>,
    ) -> Result<Answer, Failure> {
        let stream =
            TcpStream::connect(self.address).await.map_err(|_| not_running(&self.data_dir))?;
        let lost = |_| {
            Failure::new(Exit::Unreachable, "the node went away before it answered")
                .hint("look at what the node's terminal says")
        };
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
        let connection = tokio::spawn(connection);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.address.to_string())
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token.expose()))
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(tag) = seen {
            request = request.header(header::IF_NONE_MATCH, tag);
        }
        let body = Full::new(Bytes::from(body.unwrap_or_default()));
        let request = request.body(body).map_err(|e| unintelligible(&e))?;
        let response = sender.send_request(request).await.map_err(lost)?;
        let status = response.status();
        let tag = response.headers().get(header::ETAG).and_then(|t| t.to_str().ok());
        let tag = tag.unwrap_or_default().to_owned();
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        connection.abort();
        let body = body.map_err(|e| unintelligible(&e))?.to_bytes();
        Answer { status, tag, body }.or_problem()
    }
}

struct Answer {
    status: StatusCode,
    tag: String,
    body: Bytes,
}

impl Answer {
    fn or_problem(self) -> Result<Self, Failure> {
        if self.status.is_success() || self.status == StatusCode::NOT_MODIFIED {
            return Ok(self);
        }
        Err(match serde_json::from_slice::<Problem>(&self.body) {
            Ok(problem) => problem.into(),
            Err(_) => {
                let detail = format!("the node answered {}", self.status);
                Problem::new(Code::Internal, detail).into()
            }
        })
    }

    fn read<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_slice(&self.body).map_err(|e| unintelligible(&e))
    }

    fn seen(self) -> Result<Seen, Failure> {
        Ok(Seen { decision: self.read()?, tag: self.tag })
    }
}

fn decision_path(id: &str, rest: &str) -> String {
    format!("/v1/decisions/{}{rest}", segment(id))
}

/// Ids are letters, digits and an underscore; anything else would change the path.
fn segment(id: &str) -> String {
    id.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

fn not_running(data_dir: &Path) -> Failure {
    let what = format!("no node is running on {}", data_dir.display());
    Failure::new(Exit::Unreachable, what)
        .hint(format!("start it: quorate run --data-dir {}", cli::quoted(data_dir)))
}

fn unintelligible(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::Internal, format!("the node's answer was not understood: {error}"))
        .hint("is the command of another version than the node? compare `quorate --version`")
}
