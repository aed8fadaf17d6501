//! The interface of plugins, and what they see of requests and calls.

use std::fmt;

use super::{EndView, StartView};

/// Most plugins of a process; further ones are refused.
pub const MAX_PLUGINS: usize = 32;

/// Which hooks a plugin wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hooks(pub(super) u32);

impl Hooks {
    /// None.
    pub const NONE: Self = Self(0);
    /// [`AgentPlugin::start`].
    pub const START: Self = Self(1);
    /// [`AgentPlugin::end`].
    pub const END: Self = Self(1 << 1);
    /// [`AgentPlugin::reject`].
    pub const REJECT: Self = Self(1 << 2);
    /// [`AgentPlugin::call`].
    pub const CALL: Self = Self(1 << 3);
    /// [`AgentPlugin::counter`].
    pub const COUNTER: Self = Self(1 << 4);
    /// [`AgentPlugin::capture`].
    pub const CAPTURE: Self = Self(1 << 5);

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What an application adds to the agent. Every method does nothing by default.
pub trait AgentPlugin: Send + Sync + 'static {
    /// Name, for messages.
    fn name(&self) -> &str;

    /// Which methods are to be called.
    fn hooks(&self) -> Hooks;

    /// A transaction began.
    fn start(&self, start: &StartView<'_>) {
        let _ = start;
    }

    /// A transaction ends: set its texts, keep or discard its profile, or discard it altogether.
    fn end(&self, end: &mut EndView<'_>) {
        let _ = end;
    }

    /// A request came: `Some` answers it without calling the service.
    fn reject(&self, request: &RequestView<'_>) -> Option<Reject> {
        let _ = request;
        None
    }

    /// An outbound call is about to be made.
    fn call(&self, call: &CallView<'_>) {
        let _ = call;
    }

    /// An instrumented function was called with its arguments captured.
    fn capture(&self, capture: &CaptureView<'_>) {
        let _ = capture;
    }

    /// Counters are collected, every few seconds, on the exporter's thread.
    fn counter(&self, sink: &mut CounterSink<'_>) {
        let _ = sink;
    }
}

/// What [`AgentPlugin::reject`] sees.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct RequestView<'a> {
    /// Method of the request.
    pub method: &'a str,
    /// Path of the request.
    pub path: &'a str,
    /// Transactions in flight.
    pub active: usize,
    /// Looks a header up.
    pub header: &'a dyn Fn(&str) -> Option<&'a [u8]>,
}

impl<'a> RequestView<'a> {
    /// A view for the layer that asks.
    #[must_use]
    pub const fn new(
        method: &'a str,
        path: &'a str,
        active: usize,
        header: &'a dyn Fn(&str) -> Option<&'a [u8]>,
    ) -> Self {
        Self { method, path, active, header }
    }
}

impl fmt::Debug for RequestView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestView")
            .field("method", &self.method)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// How a request is answered instead of being served.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reject {
    /// HTTP status.
    pub status: u16,
    /// Body, plain text.
    pub body: String,
}

impl Reject {
    /// Answers with this status and text.
    #[must_use]
    pub const fn new(status: u16, body: String) -> Self {
        Self { status, body }
    }
}

/// What [`AgentPlugin::call`] sees.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct CallView<'a> {
    /// Method of the call.
    pub method: &'a str,
    /// Address it goes to, `host:port`.
    pub address: &'a str,
}

impl<'a> CallView<'a> {
    /// A view for the layer that asks.
    #[must_use]
    pub const fn new(method: &'a str, address: &'a str) -> Self {
        Self { method, address }
    }
}

/// What [`AgentPlugin::capture`] sees.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct CaptureView<'a> {
    /// Name of the argument.
    pub name: &'static str,
    /// Its value as text, cut at 128 bytes.
    pub value: &'a str,
}

impl<'a> CaptureView<'a> {
    #[cfg(feature = "enable")]
    pub(crate) const fn new(name: &'static str, value: &'a str) -> Self {
        Self { name, value }
    }
}

/// Where [`AgentPlugin::counter`] puts its values.
pub struct CounterSink<'a> {
    pub(super) add: &'a mut dyn FnMut(&str, f64),
}

impl CounterSink<'_> {
    /// Reports a value; the name carries its unit: `queue_length|jobs`.
    pub fn add(&mut self, name: &str, value: f64) {
        (self.add)(name, value);
    }
}

impl fmt::Debug for CounterSink<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CounterSink")
    }
}

/// A plugin was not registered: there are [`MAX_PLUGINS`] already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyPlugins;

impl fmt::Display for TooManyPlugins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "plugin not registered: there are {MAX_PLUGINS} already")
    }
}

impl std::error::Error for TooManyPlugins {}
