//! One outbound call as an open step, and how it ends.

use std::fmt::Display;
use std::sync::Arc;

use http::{HeaderMap, Method, StatusCode};
use scouter_core::plugin::{self, CallView};
use scouter_core::record::{Outcome, StepKind};
use scouter_core::{ApiOutcome, OpenStep, TextKind, Txid, intern_parts};

use super::error::Cause;
use super::inject::{self, TenantBound};
use super::layer::ClientOptions;
use super::message::OutboundRequest;
use super::redirects::Carries;
use crate::id_header;
use crate::standard_method;
use crate::text::{MAX_KEPT_BYTES, StackText};

/// Longest address kept on the step, `host:port` in bytes; longer ones are cut. It travels inside
/// the future and the body, so it is shorter than what DNS allows.
const MAX_ADDRESS_BYTES: usize = 128;

/// What stands for the host of a request that names none.
const UNKNOWN_HOST: &str = "<unknown>";

/// An outbound call that has not come to its end.
///
/// | what happens | outcome of the step |
/// |---|---|
/// | last frame or trailers; body of known length dropped after its last byte | ok, or error for 5xx |
/// | response dropped without reading its body | ok, or error for 5xx: the caller wanted no more |
/// | body dropped in the middle | cancelled |
/// | future dropped before the response | cancelled |
/// | the client or the body yields an error | error, with its causes |
#[derive(Debug)]
pub struct Call {
    step: Option<OpenStep>,
    carries: Carries,
    address: StackText<MAX_ADDRESS_BYTES>,
    status: Option<StatusCode>,
    callee: Option<Txid>,
    received_bytes: u64,
    expected_bytes: Option<u64>,
    is_bodyless: bool,
    has_read: bool,
}

impl Call {
    /// Begins the step and writes the headers; `None` when no transaction is current.
    pub(crate) fn begin<R: OutboundRequest>(
        options: &Arc<ClientOptions>,
        request: &mut R,
    ) -> Option<Self> {
        if !scouter_core::current::is_active() {
            return None;
        }
        let target = request.target();
        let host = if target.host.is_empty() { UNKNOWN_HOST } else { target.host };
        let bound = if !options.may_send_tenant(target.host, target.port) {
            TenantBound::Kept
        } else if request.may_be_redirected() && !options.stays_listed() {
            TenantBound::Withheld
        } else {
            TenantBound::Sent
        };
        let port = StackText::<5>::of(&target.port);
        let template = request.path_template().map_or("", |template| template.0);
        let name = intern_parts(
            TextKind::Api,
            &[standard_method(request.method()), " ", host, ":", port.as_str(), template],
        );
        let address = StackText::of(&format_args!("{host}:{}", target.port));
        plugin::call(&CallView::new(request.method().as_str(), address.as_str()));
        let step = OpenStep::begin(StepKind::Api, name);
        if !step.is_recording() {
            return None;
        }
        let written = inject::write(request.headers_mut(), options, bound);
        Some(Self {
            step: Some(step),
            carries: Carries::of(options, written.has_tenant_bound),
            address,
            status: None,
            callee: written.callee,
            received_bytes: 0,
            expected_bytes: None,
            is_bodyless: *request.method() == Method::HEAD,
            has_read: false,
        })
    }

    /// Runs one poll of the call or its body inside the step.
    pub(crate) fn polled<T>(&mut self, poll: impl FnOnce() -> T) -> T {
        let Some(step) = self.step.as_ref() else { return poll() };
        let _scope = step.enter_poll();
        self.carries.during(poll)
    }

    pub(crate) fn note_headers(&mut self, status: StatusCode, headers: &HeaderMap) {
        self.status = Some(status);
        self.callee = id_header::read(headers).or(self.callee);
        self.is_bodyless |= matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if let Some(step) = self.step.as_mut() {
            step.mark_response();
        }
    }

    pub(crate) fn expect(&mut self, bytes: Option<u64>) {
        self.expected_bytes = bytes;
    }

    pub(crate) fn received(&mut self, bytes: usize) {
        self.has_read = true;
        self.received_bytes += bytes as u64;
    }

    /// The end of a call that was answered.
    pub(crate) fn complete(mut self) {
        self.finish_answered();
    }

    /// The end of a call that failed, before or within the body.
    pub(crate) fn fail<E: Display + 'static>(mut self, error: &E) {
        let error = StackText::<MAX_KEPT_BYTES>::of(&Cause(error));
        self.finish(Outcome::Error, error.as_str());
    }

    fn finish_answered(&mut self) {
        match self.status {
            // Without a text: the status says it, and the transaction is not marked, since the
            // caller may well try again.
            Some(status) if status.is_server_error() => self.finish(Outcome::Error, ""),
            _ => self.finish(Outcome::Ok, ""),
        }
    }

    fn finish(&mut self, outcome: Outcome, error: &str) {
        let Some(step) = self.step.take() else { return };
        step.finish_api(ApiOutcome {
            status: self.status.map_or(0, |status| status.as_u16()),
            // Who gave no answer may never have begun.
            callee: self.callee.filter(|_| self.status.is_some()),
            address: self.address.as_str(),
            outcome,
            error,
        });
    }

    fn wants_no_more(&self) -> bool {
        let is_complete =
            self.expected_bytes.is_some_and(|expected| self.received_bytes >= expected);
        self.status.is_some() && (self.is_bodyless || is_complete || !self.has_read)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if self.step.is_none() {
            return;
        }
        if std::thread::panicking() {
            self.finish(Outcome::Panic, "");
        } else if self.wants_no_more() {
            self.finish_answered();
        } else {
            self.finish(Outcome::Cancelled, "");
        }
    }
}
