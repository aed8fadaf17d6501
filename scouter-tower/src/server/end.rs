//! The one end of a request, and how it is classified.
//!
//! A [`Serving`] owns the transaction from the call to the last frame of the body: first the
//! response future holds it, then the response body. Whoever holds it last ends it, by a frame,
//! an error or its own drop; a transaction never ends by the last reference to something else
//! going away. What was dropped is ended only after the wrapped future or body has been dropped
//! *inside* the transaction, so that its open steps close before it.

use std::fmt::Display;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use scouter_core::record::{EndReason, XLogFlags};
use scouter_core::{Entered, PollScope, Transaction, clock, text};

use super::load::Admission;
use super::name;
use super::served::{self, Mark, Served};
use crate::grpc::{self, Code, Naming};

/// A request being served: its transaction and what is needed to end it rightly.
#[derive(Debug)]
pub(crate) struct Serving {
    transaction: Transaction,
    served: Option<Served>,
    slow: Option<TimeLimit>,
    grpc: Option<GrpcCall>,
    admission: Option<Admission>,
    status: Option<StatusCode>,
    /// Stays set when a poll unwinds: then the end is a panic, whoever catches it and whenever
    /// we are dropped.
    is_polled: bool,
}

/// What a gRPC call brings with it.
#[derive(Debug)]
struct GrpcCall {
    /// `None` where the author names it, or its path is none of gRPC.
    naming: Option<Naming>,
    deadline: Option<TimeLimit>,
}

#[derive(Debug, Clone, Copy)]
struct TimeLimit {
    limit: Duration,
    begun_ticks: u64,
}

impl TimeLimit {
    fn from_now(limit: Duration) -> Self {
        Self { limit, begun_ticks: clock::now_ticks() }
    }

    fn is_over(self) -> bool {
        let ticks = clock::now_ticks().saturating_sub(self.begun_ticks);
        Duration::from_micros(clock::ticks_to_us(ticks)) >= self.limit
    }
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
            slow: slow.map(TimeLimit::from_now),
            grpc: None,
            admission: None,
            status: None,
            is_polled: false,
        }
    }

    /// Keeps its place among the active requests until its end.
    pub(crate) fn admitted(&mut self, admission: Admission) {
        self.admission = Some(admission);
    }

    /// Says that it is a gRPC call, how it is named and until when its caller waits.
    pub(crate) fn is_grpc_call(&mut self, naming: Option<Naming>, timeout: Option<Duration>) {
        self.grpc = Some(GrpcCall { naming, deadline: timeout.map(TimeLimit::from_now) });
    }

    /// Whether a call of gRPC is served.
    pub(crate) fn is_grpc(&self) -> bool {
        self.grpc.is_some()
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
        let code = self.note_grpc_status(headers);
        let Some(call) = &self.grpc else { return };
        if code == Some(Code::UNIMPLEMENTED) {
            if let Some(Naming::Tried(name)) = call.naming {
                let path = text(name);
                self.transaction.tag("path", path.split_once(' ').map_or(path, |(_, path)| path));
                self.transaction.set_service(name::grpc_unmatched());
            }
        } else if code.is_none()
            && status == StatusCode::OK
            && let Some(name) = call.naming.as_ref().and_then(Naming::confirm)
        {
            self.transaction.set_service(name);
        }
    }

    pub(crate) fn sent(&self, bytes: usize) {
        self.transaction.add_bytes_out(bytes as u64);
    }

    /// Reads the gRPC outcome out of trailers, or of headers when a reply is trailers only.
    pub(crate) fn note_grpc_status(&self, headers: &HeaderMap) -> Option<Code> {
        let code = Code::read(headers)?;
        self.transaction.set_status(code.status());
        if code.is_server_error() {
            self.fail(&grpc::WithMessage(code, headers));
        }
        Some(code)
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
        if self.slow.is_some_and(TimeLimit::is_over) {
            self.transaction.set_flag(XLogFlags::SLOW);
            self.transaction.keep_profile();
        }
        // A deadline cuts a call off, whoever of the two sides notices it first.
        let is_cut_off =
            matches!(reason, EndReason::CancelledBeforeResponse | EndReason::AbortedInBody);
        let deadline = self.grpc.as_ref().and_then(|call| call.deadline);
        if is_cut_off && deadline.is_some_and(TimeLimit::is_over) {
            self.transaction.set_status(Code::DEADLINE_EXCEEDED.status());
            self.fail(&format_args!("{}: deadline exceeded", Code::DEADLINE_EXCEEDED));
        }
        self.transaction.end(reason);
    }
}
