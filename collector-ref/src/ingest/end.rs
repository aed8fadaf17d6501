//! How a connection ends, and what the peer is told.

use std::io;

use scouter_wire::codec::{DecodeError, RefusalCode};

use crate::store::AppendError;
use crate::telemetry::{Counter, Telemetry};

/// Why a connection ends.
#[derive(Debug)]
pub(crate) enum End {
    /// The peer closed it between two frames, or the collector stops.
    Closed,
    /// The connection broke.
    Broken(io::Error),
    /// Nothing came for longer than the limit.
    Idle,
    /// The peer is told why and the connection is closed.
    Refused(Refused),
}

/// A refusal: what is counted and what the peer is told.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) reason: Reason,
    pub(crate) sentence: String,
}

/// Why a peer is refused; each has its own counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    Preface,
    /// It must speak TLS and does not.
    Plain,
    ConnectionLimit,
    Token,
    Malformed,
    Oversized,
    Version,
    OutOfOrder,
    UnknownText,
    OtherStore,
    StoreFailed,
    Stopping,
}

impl Reason {
    /// The code on the wire.
    pub(crate) fn code(self) -> RefusalCode {
        match self {
            Self::Token | Self::Plain => RefusalCode::Unauthorized,
            Self::ConnectionLimit => RefusalCode::Busy,
            Self::StoreFailed | Self::Stopping => RefusalCode::Unavailable,
            _ => RefusalCode::Protocol,
        }
    }

    /// The counter that grows.
    pub(crate) fn counter(self, telemetry: &Telemetry) -> Option<&Counter> {
        Some(match self {
            Self::Preface => &telemetry.refused_preface,
            Self::Plain => &telemetry.refused_plain,
            Self::ConnectionLimit => &telemetry.refused_connection_limit,
            Self::Token => &telemetry.refused_token,
            Self::Malformed => &telemetry.refused_malformed_frame,
            Self::Oversized => &telemetry.refused_oversized_frame,
            Self::Version => &telemetry.refused_version,
            Self::OutOfOrder => &telemetry.refused_out_of_order,
            Self::UnknownText => &telemetry.refused_unknown_text,
            Self::OtherStore => &telemetry.refused_other_store,
            Self::StoreFailed => &telemetry.frames_store_failed,
            Self::Stopping => return None,
        })
    }
}

impl End {
    /// A refusal.
    pub(crate) fn refuse(reason: Reason, sentence: impl Into<String>) -> Self {
        Self::Refused(Refused { reason, sentence: sentence.into() })
    }

    /// A frame that came in the wrong place.
    pub(crate) fn out_of_order(sentence: &str) -> Self {
        Self::refuse(Reason::OutOfOrder, sentence)
    }
}

impl From<DecodeError> for End {
    fn from(error: DecodeError) -> Self {
        let reason = match error {
            DecodeError::TooLong { .. } => Reason::Oversized,
            DecodeError::Version { .. } => Reason::Version,
            DecodeError::Preface => Reason::Preface,
            _ => Reason::Malformed,
        };
        Self::refuse(reason, format!("the collector cannot read what was sent: {error}"))
    }
}

impl From<AppendError> for End {
    fn from(error: AppendError) -> Self {
        let reason = match error {
            AppendError::Invalid(_) => Reason::Malformed,
            AppendError::Closed => Reason::Stopping,
            _ => Reason::StoreFailed,
        };
        Self::refuse(reason, error.to_string())
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::Idle,
            _ => Self::Broken(error),
        }
    }
}
