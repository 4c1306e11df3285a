//! Refusals: from a [`Problem`] to an HTTP answer, and to a failed command.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::model::{Code, Problem};
use crate::cli::exit::{Exit, Failure};

impl Code {
    /// The HTTP status that goes with it.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Unauthorised => StatusCode::UNAUTHORIZED,
            Self::ForbiddenHost => StatusCode::FORBIDDEN,
            Self::Ambiguous | Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::InvalidRule | Self::InvalidProposal | Self::InvalidVote => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::AlreadyVoted
            | Self::Sealed
            | Self::FollowingOnly
            | Self::KeysChanging
            | Self::Undecided => StatusCode::CONFLICT,
            Self::TooManyOpen => StatusCode::TOO_MANY_REQUESTS,
            Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The exit code of a command that meets it.
    pub const fn exit(self) -> Exit {
        match self {
            Self::NotFound => Exit::NotFound,
            Self::Unauthorised | Self::ForbiddenHost => Exit::NotAuthorised,
            Self::Ambiguous
            | Self::BadRequest
            | Self::InvalidRule
            | Self::InvalidProposal
            | Self::InvalidVote => Exit::Invalid,
            Self::AlreadyVoted
            | Self::Sealed
            | Self::FollowingOnly
            | Self::KeysChanging
            | Self::TooManyOpen => Exit::Conflict,
            Self::Undecided => Exit::Pending,
            Self::Stopping => Exit::Unreachable,
            Self::Internal => Exit::Internal,
        }
    }
}

impl Problem {
    /// A refusal without a hint.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { status: code.status().as_u16(), code, detail: detail.into(), hint: None }
    }

    /// The same with what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.code.status(), axum::Json(self)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self { exit: problem.code.exit(), what: problem.detail, hint: problem.hint }
    }
}
