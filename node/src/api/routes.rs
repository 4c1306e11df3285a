//! What each request does.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Service;
use super::model::{Code, Decision, Decisions, Explanation, NewVote, Phase, Problem};
use crate::certificate_file::CertificateFile;
use crate::evidence_file::{EvidenceFile, EvidenceSummary};
use crate::metrics;

/// Longest time a request may wait.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// How long a node that lives may take to answer.
const ALIVE: Duration = Duration::from_secs(5);

/// What every request gets.
#[derive(Clone)]
pub struct Context<S> {
    /// The node.
    pub service: S,
    /// Set when the node stops.
    pub cancel: CancellationToken,
}

type Answer<T> = Result<Json<T>, Problem>;

/// `GET /v1/status`
pub async fn status<S: Service>(context: State<Context<S>>) -> Answer<super::Status> {
    context.service.status().await.map(Json)
}

/// `GET /v1/decisions`
pub async fn list<S: Service>(context: State<Context<S>>) -> Answer<Decisions> {
    Ok(Json(Decisions { decisions: context.service.decisions().await? }))
}

/// `POST /v1/decisions`
pub async fn propose<S: Service>(
    context: State<Context<S>>,
    body: Bytes,
) -> Answer<super::Proposed> {
    let proposal = read(&body, |error| {
        format!(
            "a proposal is {{\"title\", \"body\", \"rule\", \"deadline_ms\", \"document\"}}: {error}"
        )
    })?;
    context.service.propose(proposal).await.map(Json)
}

/// How long to wait, and for what.
#[derive(Deserialize)]
pub struct Waiting {
    wait: Option<u64>,
    until: Option<Phase>,
}

/// `GET /v1/decisions/{id}`
pub async fn show<S: Service>(
    context: State<Context<S>>,
    Path(id): Path<String>,
    Query(waiting): Query<Waiting>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let seen = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    // Before the first look, so that no change falls between the two.
    let mut changes = context.service.subscribe();
    let wait = waiting.wait.map_or(Duration::ZERO, Duration::from_secs).min(MAX_WAIT);
    let end = Instant::now() + wait;
    let mut id = id;
    loop {
        let found = resolve(&context.service, &id).await;
        let ready = match (&found, waiting.until) {
            _ if wait.is_zero() => true,
            (Ok(decision), Some(phase)) => decision.phase >= phase,
            (Ok(decision), None) => seen != Some(etag(decision).as_str()),
            // What is not known yet may come.
            (Err(problem), _) => problem.code != Code::NotFound,
        };
        let over = ready
            || tokio::select! {
                notice = changes.recv() => matches!(notice, Err(RecvError::Closed)),
                () = tokio::time::sleep_until(end) => true,
                () = context.cancel.cancelled() => true,
            };
        if over {
            return found.map(|decision| answer(decision, seen));
        }
        if let Ok(decision) = found {
            id = decision.digest;
        }
    }
}

fn answer(decision: Decision, seen: Option<&str>) -> Response {
    let tag = etag(&decision);
    let body = match seen == Some(tag.as_str()) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => Json(decision).into_response(),
    };
    ([(header::ETAG, tag)], body).into_response()
}

/// `GET /v1/decisions/{id}/explain`
pub async fn explain<S: Service>(
    context: State<Context<S>>,
    Path(id): Path<String>,
) -> Answer<Explanation> {
    let decision = resolve(&context.service, &id).await?;
    context.service.explain(&decision.digest).await.map(Json)
}

/// `POST /v1/decisions/{id}/vote`
pub async fn vote<S: Service>(
    context: State<Context<S>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer<super::Receipt> {
    // What is wrong with the body is not said: that could quote the vote.
    let vote: NewVote = read(&body, |_| "a vote is {\"vote\": \"TEXT\"}".to_owned())?;
    let decision = resolve(&context.service, &id).await?;
    context.service.vote(&decision.digest, vote).await.map(Json)
}

/// `GET /v1/evidence`
pub async fn list_evidence<S: Service>(context: State<Context<S>>) -> Answer<Vec<EvidenceSummary>> {
    let all = context.service.evidence().await?;
    Ok(Json(all.iter().map(EvidenceFile::summary).collect()))
}

/// `GET /v1/evidence/{id}`
pub async fn evidence<S: Service>(
    context: State<Context<S>>,
    Path(id): Path<String>,
) -> Answer<EvidenceFile> {
    let mut all = context.service.evidence().await?;
    all.retain(|file| file.id == id);
    all.pop().map(Json).ok_or_else(|| {
        Problem::new(Code::NotFound, "this node has no evidence with that id")
            .hint("quorate evidence list")
    })
}

/// `GET /v1/decisions/{id}/certificate`
pub async fn certificate<S: Service>(
    context: State<Context<S>>,
    Path(id): Path<String>,
) -> Answer<CertificateFile> {
    let decision = resolve(&context.service, &id).await?;
    if !decision.is_certified() {
        let detail = format!("{} is {}, not decided yet", decision.id, decision.phase.word());
        return Err(
            Problem::new(Code::Undecided, detail).hint(format!("quorate wait {}", decision.id))
        );
    }
    context.service.certificate(&decision.digest).await.map(Json)
}

/// `GET /v1/decisions/{id}/document`
pub async fn document<S: Service>(
    context: State<Context<S>>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let decision = resolve(&context.service, &id).await?;
    let bytes = context.service.document(&decision.digest).await?;
    Ok(binary(&bytes))
}

/// `GET /v1/decisions/{id}/signature`
pub async fn signature<S: Service>(
    context: State<Context<S>>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let decision = resolve(&context.service, &id).await?;
    let bytes = context.service.signature(&decision.digest).await?;
    Ok(binary(&bytes))
}

fn binary(bytes: &[u8]) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/octet-stream")];
    (kind, bytes.to_vec()).into_response()
}

/// `GET /metrics`
pub async fn metrics<S: Service>(context: State<Context<S>>) -> Result<Response, Problem> {
    let text = context.service.metrics().await?;
    Ok(([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response())
}

/// `GET /livez`
pub async fn live<S: Service>(context: State<Context<S>>) -> Response {
    let answered = tokio::time::timeout(ALIVE, context.service.readiness()).await;
    match answered {
        Ok(Ok(_)) => Json(json!({ "live": true })).into_response(),
        Ok(Err(problem)) => problem.into_response(),
        Err(_) => {
            let what = "the node has not answered for some seconds";
            Problem::new(Code::Stopping, what).hint("start it again").into_response()
        }
    }
}

/// `GET /readyz`
pub async fn ready<S: Service>(context: State<Context<S>>) -> Result<Response, Problem> {
    let readiness = context.service.readiness().await?;
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok((status, Json(readiness)).into_response())
}

/// Everything else.
pub async fn nothing_here() -> Problem {
    Problem::new(Code::NotFound, "there is nothing of that name and method here")
        .hint("is the command of another version than the node? compare `quorate --version`")
}

fn read<T: DeserializeOwned>(
    body: &[u8],
    explain: impl Fn(serde_json::Error) -> String,
) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| Problem::new(Code::BadRequest, explain(error)))
}

fn etag(decision: &Decision) -> String {
    let text = serde_json::to_vec(decision).unwrap_or_default();
    let hash = blake3::hash(&text).to_hex();
    format!("\"{}\"", hash.get(..16).unwrap_or_default())
}

/// The one decision whose id begins with `id`, or whose digest it is.
async fn resolve<S: Service>(service: &S, id: &str) -> Result<Decision, Problem> {
    if id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit()) {
        return service.decision(&id.to_ascii_lowercase()).await;
    }
    let unknown = || {
        let detail = format!("this node knows no decision {}", shorten(id));
        Problem::new(Code::NotFound, detail).hint("quorate list")
    };
    let wanted = as_people_read(id);
    if wanted.is_empty() {
        return Err(unknown());
    }
    let mut named = service.decisions().await?;
    named.retain(|decision| as_people_read(&decision.id).starts_with(&wanted));
    if named.len() > 1 {
        let first: Vec<_> = named.iter().take(3).map(|d| d.id.as_str()).collect();
        let detail = format!("{} decisions begin so: {} ..", named.len(), first.join(", "));
        return Err(Problem::new(Code::Ambiguous, detail).hint("write more of the id"));
    }
    named.pop().ok_or_else(unknown)
}

/// An id without its prefix, in one case, with the letters that look like digits as digits.
fn as_people_read(id: &str) -> String {
    let id = id.trim().to_ascii_uppercase();
    let digits = id.strip_prefix("DEC_").unwrap_or(&id);
    digits
        .chars()
        .map(|c| {
            if c == 'O' {
                '0'
            } else if "IL".contains(c) {
                '1'
            } else {
                c
            }
        })
        .collect()
}

fn shorten(id: &str) -> String {
    id.chars().filter(|c| c.is_ascii_graphic()).take(80).collect()
}
