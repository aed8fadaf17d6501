//! The one error type of the shop's handlers: a status and a sentence.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// Why a request failed.
#[derive(Debug)]
pub struct Failure(pub StatusCode, pub String);

impl Failure {
    /// A failure of a neighbour: its status is passed on if it was an error of ours to show.
    pub fn of_peer(peer: &str, status: StatusCode) -> Self {
        let shown = if status.is_client_error() { status } else { StatusCode::BAD_GATEWAY };
        Self(shown, format!("{peer} answered {status}"))
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        let status = match error {
            sqlx::Error::RowNotFound => StatusCode::NOT_FOUND,
            sqlx::Error::PoolTimedOut => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self(status, format!("database: {error}"))
    }
}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        Self(StatusCode::BAD_GATEWAY, format!("call failed: {error}"))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        scouter::current::error(&self.1);
        (self.0, self.1).into_response()
    }
}
