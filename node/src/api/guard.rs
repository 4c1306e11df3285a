//! Who may ask: whoever knows the token and names the loopback address.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use quorate_protocol::secret::Secret;

use super::model::{Code, Problem};

/// Whether the node answers; asked without a token.
pub const LIVE: &str = "/livez";
/// Whether it takes part in decisions; asked without a token.
pub const READY: &str = "/readyz";

/// What a request must show.
#[derive(Clone)]
pub struct Guard {
    // Hashed, so that comparing takes the same time however much of the token is right.
    token: Arc<Secret<[u8; 32]>>,
    hosts: Arc<[String]>,
}

impl Guard {
    /// For an interface with this token at this port.
    pub fn new(token: String, port: u16) -> Self {
        let hosts = ["127.0.0.1", "localhost", "[::1]"].map(|host| format!("{host}:{port}"));
        let token = Secret::new(token);
        Self { token: Arc::new(Secret::new(digest(token.expose()))), hosts: hosts.into() }
    }

    fn allows_host(&self, request: &Request) -> bool {
        let mut named = request.headers().get_all(header::HOST).iter();
        let (Some(host), None) = (named.next(), named.next()) else {
            return false;
        };
        self.hosts.iter().any(|allowed| host.as_bytes().eq_ignore_ascii_case(allowed.as_bytes()))
    }

    fn allows_token(&self, request: &Request) -> bool {
        let header = request.headers().get(header::AUTHORIZATION);
        let text = header.and_then(|value| value.to_str().ok());
        let token = text.and_then(|text| text.strip_prefix("Bearer "));
        token.is_some_and(|token| digest(token) == *self.token.expose())
    }
}

fn digest(token: &str) -> [u8; 32] {
    *blake3::hash(token.as_bytes()).as_bytes()
}

/// Lets a request through, or refuses it.
pub async fn check(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    if !guard.allows_host(&request) {
        return Problem::new(Code::ForbiddenHost, "the node answers on the loopback address only")
            .hint("ask 127.0.0.1")
            .into_response();
    }
    let public = [LIVE, READY].contains(&request.uri().path());
    if !public && !guard.allows_token(&request) {
        return Problem::new(Code::Unauthorised, "the token is missing or not this node's")
            .hint("use the token in the file api.token of the node's data directory")
            .into_response();
    }
    next.run(request).await
}
