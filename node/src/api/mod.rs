//! The control interface of a node: JSON over HTTP on the loopback address.
//!
//! | request | answer |
//! |---|---|
//! | `GET /v1/status` | [`Status`] |
//! | `GET /v1/decisions` | [`Decisions`](model::Decisions), newest first |
//! | `POST /v1/decisions` [`NewDecision`] | [`Proposed`] |
//! | `GET /v1/decisions/{id}` | [`Decision`] |
//! | `GET /v1/decisions/{id}/explain` | [`Explanation`]: why it is not decided yet |
//! | `POST /v1/decisions/{id}/vote` [`NewVote`] | [`Receipt`] |
//! | `GET /v1/decisions/{id}/certificate` | the certificate file |
//! | `GET /v1/evidence` | what shows that members are faulty, in lines |
//! | `GET /v1/evidence/{id}` | an evidence file |
//! | `GET /v1/decisions/{id}/document` | the bytes of the document to be signed |
//! | `GET /v1/decisions/{id}/signature` | the network's signature over it, 64 bytes |
//! | `GET /metrics` | what Prometheus scrapes |
//! | `GET /livez` | 200 while the node answers; needs no token |
//! | `GET /readyz` | [`Readiness`], 200 or 503; needs no token |
//!
//! An id is `dec_` and eight characters, any beginning of that which is unique, or the whole
//! digest. `GET /v1/decisions/{id}?wait=SECONDS` waits for a decision not known yet; with the
//! `ETag` of the answer one has in `If-None-Match`, for a change (or it says 304); with
//! `until=PHASE`, for that phase.
//!
//! # Model
//! The caller is a program of the same user. Every request carries the bearer token of the data
//! directory, which only that user can read, and must name the loopback address as its host, so
//! that a page in a browser cannot reach the node through a name of its own. Only whether the node
//! lives and is ready is told without the token, to whatever watches it; that names nobody.
//!
//! # Guarantees
//! No answer, error or log line holds a vote. A vote is read from the request's body, and errors
//! about that body do not quote it.

pub mod explain;
mod guard;
pub(crate) mod health;
pub mod live;
pub mod model;
mod problem;
mod routes;
#[cfg(test)]
pub mod sample;

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use quorate_protocol::limits;
use quorate_protocol::wire::Bytes;
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::certificate_file::CertificateFile;
use crate::evidence_file::EvidenceFile;
use model::{
    Decision, Explanation, NewDecision, NewVote, Problem, Proposed, Readiness, Receipt, Status,
};

/// Longest request body in bytes.
const MAX_BODY: usize = 64 << 10;

/// The same of a proposal, which may come with a document in base 64.
const MAX_PROPOSAL: usize = MAX_BODY + limits::MAX_DOCUMENT.div_ceil(3) * 4;

/// What the interface asks of a node. Decisions are named by their whole digest.
pub trait Service: Clone + Send + Sync + 'static {
    /// What a notice of a change says; the interface only looks at the views again.
    type Notice: Clone + Send + 'static;

    /// The node and its network.
    fn status(&self) -> impl Future<Output = Result<Status, Problem>> + Send;
    /// All decisions, newest first.
    fn decisions(&self) -> impl Future<Output = Result<Vec<Decision>, Problem>> + Send;
    /// One decision.
    fn decision(&self, digest: &str) -> impl Future<Output = Result<Decision, Problem>> + Send;
    /// Why a decision is not decided yet.
    fn explain(&self, digest: &str) -> impl Future<Output = Result<Explanation, Problem>> + Send;
    /// Makes a proposal.
    fn propose(
        &self,
        proposal: NewDecision,
    ) -> impl Future<Output = Result<Proposed, Problem>> + Send;
    /// Enters this organisation's vote.
    fn vote(
        &self,
        digest: &str,
        vote: NewVote,
    ) -> impl Future<Output = Result<Receipt, Problem>> + Send;
    /// The certificate of a decision.
    fn certificate(
        &self,
        digest: &str,
    ) -> impl Future<Output = Result<CertificateFile, Problem>> + Send;
    /// What shows to others that members are faulty.
    fn evidence(&self) -> impl Future<Output = Result<Vec<EvidenceFile>, Problem>> + Send;
    /// The document that a decision is about.
    fn document(&self, digest: &str) -> impl Future<Output = Result<Bytes, Problem>> + Send;
    /// The network's signature over it.
    fn signature(&self, digest: &str) -> impl Future<Output = Result<Bytes, Problem>> + Send;
    /// Whether the node takes part in decisions now.
    fn readiness(&self) -> impl Future<Output = Result<Readiness, Problem>> + Send;
    /// What Prometheus scrapes.
    fn metrics(&self) -> impl Future<Output = Result<String, Problem>> + Send;
    /// Notices from now on.
    fn subscribe(&self) -> broadcast::Receiver<Self::Notice>;
}

/// A bound interface that does not answer yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Binds the interface to a port of the loopback address; 0 is any free one.
    ///
    /// # Errors
    /// The port is in use or not allowed.
    pub async fn bind(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `cancel`, then lets requests that wait end at once.
    ///
    /// # Errors
    /// The listener fails.
    pub async fn serve<S: Service>(
        self,
        service: S,
        token: String,
        cancel: CancellationToken,
    ) -> io::Result<()> {
        let app = router(service, token, self.address.port(), cancel.clone());
        axum::serve(self.listener, app).with_graceful_shutdown(cancel.cancelled_owned()).await
    }
}

fn router<S: Service>(service: S, token: String, port: u16, cancel: CancellationToken) -> Router {
    let state = routes::Context { service, cancel };
    let large = DefaultBodyLimit::max(MAX_PROPOSAL);
    Router::new()
        .route("/v1/status", get(routes::status::<S>))
        .route("/v1/decisions", get(routes::list::<S>).post(routes::propose::<S>).layer(large))
        .route("/v1/decisions/{id}", get(routes::show::<S>))
        .route("/v1/decisions/{id}/explain", get(routes::explain::<S>))
        .route("/v1/decisions/{id}/vote", post(routes::vote::<S>))
        .route("/v1/decisions/{id}/certificate", get(routes::certificate::<S>))
        .route("/v1/decisions/{id}/document", get(routes::document::<S>))
        .route("/v1/decisions/{id}/signature", get(routes::signature::<S>))
        .route("/v1/evidence", get(routes::list_evidence::<S>))
        .route("/v1/evidence/{id}", get(routes::evidence::<S>))
        .route("/metrics", get(routes::metrics::<S>))
        .route(guard::LIVE, get(routes::live::<S>))
        .route(guard::READY, get(routes::ready::<S>))
        .fallback(routes::nothing_here)
        .method_not_allowed_fallback(routes::nothing_here)
        .with_state(state)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(axum::middleware::from_fn_with_state(guard::Guard::new(token, port), guard::check))
}

#[cfg(test)]
mod tests;
