//! The one end of a request, and how it is classified.
//!
//! A [`Serving`] owns the transaction from the call to the last frame of the body: first the
//! response future holds it, then the response body. Whoever holds it last ends it, by a frame,
//! an error or its own drop; a transaction never ends by the last reference to something else
//! going away. What was dropped is ended only after the wrapped future or body has been dropped
//! *inside* the transaction, so that its open steps close before it.

use std::fmt::Display;
use std::time::Duration;

use http::{HeaderMap, HeaderName, StatusCode};
use scouter_core::propagation::{MAX_ID_HEADER_BYTES, note_ignored_header};
use scouter_core::record::{EndReason, XLogFlags};
use scouter_core::{Entered, PollScope, Transaction, clock};

use super::served::{self, Mark, Served};

/// gRPC codes are stored as a status from here on: 1000 + code.
pub(crate) const GRPC_STATUS_BASE: u16 = 1000;
/// Highest code gRPC defines; anything above is not a gRPC status: it is ignored and
/// `propagation_malformed` grows.
const MAX_GRPC_CODE: u16 = 16;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// A request being served: its transaction and what is needed to end it rightly.
#[derive(Debug)]
pub(crate) struct Serving {
    transaction: Transaction,
    served: Option<Served>,
    slow: Option<SlowLimit>,
    status: Option<StatusCode>,
    /// Stays set when a poll unwinds: then the end is a panic, whoever catches it and whenever
    /// we are dropped.
    is_polled: bool,
}

#[derive(Debug, Clone, Copy)]
struct SlowLimit {
    limit: Duration,
    begun_ticks: u64,
}

/// Keeps the transaction current for one poll, with its busy time.
#[derive(Debug)]
pub(crate) struct ServedPoll<'a> {
    _mark: Mark,
    _scope: PollScope<'a>,
}

/// Keeps the transaction current where nothing is polled: the call, and drops.
#[derive(Debug)]
pub(crate) struct ServedEnter<'a> {
    _mark: Mark,
    _entered: Entered<'a>,
}

impl Serving {
    pub(crate) fn new(
        transaction: Transaction,
        served: Option<Served>,
        slow: Option<Duration>,
    ) -> Self {
        Self {
            transaction,
            served,
            slow: slow.map(|limit| SlowLimit { limit, begun_ticks: clock::now_ticks() }),
            status: None,
            is_polled: false,
        }
    }

    pub(crate) fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    pub(crate) fn enter(&self) -> ServedEnter<'_> {
        let _entered = self.transaction.enter();
        ServedEnter { _mark: served::mark(self.served), _entered }
    }

    /// Runs one poll inside the transaction.
    pub(crate) fn polled<T>(&mut self, poll: impl FnOnce() -> T) -> T {
        self.is_polled = true;
        let polled = {
            let _scope = self.transaction.enter_poll();
            let _inside = ServedPoll { _mark: served::mark(self.served), _scope };
            poll()
        };
        self.is_polled = false;
        polled
    }

    /// Notes the response headers.
    pub(crate) fn respond(&mut self, status: StatusCode, headers: &HeaderMap) {
        self.status = Some(status);
        self.transaction.set_status(status.as_u16());
        self.transaction.set_ttfb_now();
        self.note_grpc_status(headers);
    }

    pub(crate) fn sent(&self, bytes: usize) {
        self.transaction.add_bytes_out(bytes as u64);
    }

    /// Reads the gRPC outcome out of trailers, or of headers when a reply is trailers only.
    pub(crate) fn note_grpc_status(&self, headers: &HeaderMap) {
        let Some(value) = headers.get(GRPC_STATUS) else { return };
        let code = value.to_str().ok().and_then(|code| code.parse::<u16>().ok());
        let Some(code) = code.filter(|code| *code <= MAX_GRPC_CODE) else {
            return note_ignored_header(value.len() > MAX_ID_HEADER_BYTES);
        };
        self.transaction.set_status(GRPC_STATUS_BASE + code);
        if code != 0 {
            let message = headers.get(GRPC_MESSAGE).and_then(|value| value.to_str().ok());
            match message {
                Some(message) => self.fail(&format_args!("grpc status {code}: {message}")),
                None => self.fail(&format_args!("grpc status {code}")),
            }
        }
    }

    /// Notes an error; the first one wins.
    pub(crate) fn fail(&self, error: &dyn Display) {
        self.transaction.set_error(error);
    }

    /// What a drop of the wrapper means, if the wrapped thing was not at its end.
    pub(crate) fn reason_of_drop(&self, otherwise: EndReason) -> EndReason {
        if self.is_polled || std::thread::panicking() { EndReason::Panic } else { otherwise }
    }

    /// The one end.
    pub(crate) fn end(self, reason: EndReason) {
        if let Some(status) = self.status.filter(|status| status.is_server_error()) {
            // The application's own error, if it noted one, came first and stays.
            self.transaction.set_error(&status);
        }
        if let Some(SlowLimit { limit, begun_ticks }) = self.slow {
            let ticks = clock::now_ticks().saturating_sub(begun_ticks);
            if Duration::from_micros(clock::ticks_to_us(ticks)) >= limit {
                self.transaction.set_flag(XLogFlags::SLOW);
                self.transaction.keep_profile();
            }
        }
        self.transaction.end(reason);
    }
}
