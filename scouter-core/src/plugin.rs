//! Code of the application that looks at transactions as they begin and end.
//!
//! Plugins are registered before traffic and never removed. Each names the hooks it wants; a hook
//! nobody wants costs one relaxed load. Hooks run on the request thread, so they must be short; a
//! panic in one is caught, counted (`plugin_panics`), and the plugin is asked again next time.

mod view;

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::RwLock;
use scouter_wire::record::{EndReason, XLogKind};
use scouter_wire::{Gxid, Txid};

use crate::alert::service_of;
use crate::begin::{Begin, Field};
use crate::header::{Half, Header, Word};
use crate::telemetry::PLUGIN_PANICS;
use crate::text::text;
use crate::transaction::{self, Transaction, mark};
use crate::{clock, current, panics};

pub use view::{
    AgentPlugin, CallView, CaptureView, CounterSink, Hooks, MAX_PLUGINS, Reject, RequestView,
    TooManyPlugins,
};

/// What [`AgentPlugin::start`] sees.
#[derive(Debug)]
pub struct StartView<'a> {
    transaction: &'a Transaction,
    begin: &'a Begin<'a>,
}

impl StartView<'_> {
    /// The transaction; its setters may be used.
    #[must_use]
    pub const fn transaction(&self) -> &Transaction {
        self.transaction
    }

    /// What kind of work it is.
    #[must_use]
    pub const fn kind(&self) -> XLogKind {
        self.begin.kind
    }

    /// Its service as far as it is known yet.
    #[must_use]
    pub fn service(&self) -> &'static str {
        text(self.begin.service)
    }
}

/// What [`AgentPlugin::end`] sees and may change.
#[derive(Debug)]
pub struct EndView<'a> {
    header: &'static Header,
    reason: EndReason,
    elapsed_us: u64,
    is_discarded: &'a mut bool,
}

impl EndView<'_> {
    /// Identity of the transaction.
    #[must_use]
    pub fn txid(&self) -> Option<Txid> {
        transaction::txid_of(self.header)
    }

    /// Trace it belongs to.
    #[must_use]
    pub fn gxid(&self) -> Option<Gxid> {
        transaction::gxid_of(self.header)
    }

    /// Its service.
    #[must_use]
    pub fn service(&self) -> &'static str {
        text(service_of(self.header))
    }

    /// How it ends.
    #[must_use]
    pub const fn reason(&self) -> EndReason {
        self.reason
    }

    /// How long it took, µs.
    #[must_use]
    pub const fn elapsed_us(&self) -> u64 {
        self.elapsed_us
    }

    /// Its status.
    #[must_use]
    pub fn status(&self) -> u16 {
        u16::try_from(self.header.half(Half::Status)).unwrap_or(u16::MAX)
    }

    /// SQL statements it ran, and the time in them, µs.
    #[must_use]
    pub fn sql(&self) -> (u32, u64) {
        (self.header.half(Half::SqlCount), clock::ticks_to_us(self.header.word(Word::SqlTicks)))
    }

    /// Whether a panic happened in it, even one that was caught inside.
    #[must_use]
    pub fn has_panicked(&self) -> bool {
        self.header.half(Half::Marks) & mark::PANICKED != 0
    }

    /// One of its texts, or an empty one.
    #[must_use]
    pub fn text(&self, field: Field) -> String {
        current::text_of(self.header, field.slot())
    }

    /// Sets a text; cut at 256 bytes.
    pub fn set_text(&mut self, field: Field, text: &str) {
        transaction::set_text(self.header, field.slot(), 0, text);
    }

    /// Writes a tag; cut at 256 bytes.
    pub fn tag(&mut self, key: &'static str, value: &str) {
        transaction::tag(self.header, key, value);
    }

    /// Marks it as failed, unless it has an error already.
    pub fn set_error(&mut self, error: &dyn fmt::Display) {
        transaction::set_error(self.header, error);
    }

    /// Keeps the profile whatever the sampling says.
    pub fn keep_profile(&mut self) {
        transaction::set_mark(self.header, mark::KEEP);
    }

    /// Drops the profile, unless something asked to keep it.
    pub fn discard_profile(&mut self) {
        transaction::set_mark(self.header, mark::DISCARD_PROFILE);
    }

    /// Drops the whole transaction. Counted as `dropped_rule`.
    pub fn discard(&mut self) {
        *self.is_discarded = true;
    }
}

static WANTED: AtomicU32 = AtomicU32::new(0);
static PLUGINS: RwLock<Vec<Box<dyn AgentPlugin>>> = RwLock::new(Vec::new());

/// Adds a plugin. Call it before traffic; it stays for the life of the process.
///
/// # Errors
/// [`TooManyPlugins`] past [`MAX_PLUGINS`].
pub fn register(plugin: Box<dyn AgentPlugin>) -> Result<(), TooManyPlugins> {
    let hooks = panics::caught(|| plugin.hooks()).unwrap_or_else(|_| {
        PLUGIN_PANICS.add(1);
        Hooks::NONE
    });
    let mut plugins = PLUGINS.write();
    if plugins.len() >= MAX_PLUGINS {
        return Err(TooManyPlugins);
    }
    plugins.push(plugin);
    WANTED.fetch_or(hooks.0, Ordering::Relaxed);
    Ok(())
}

/// Whether any plugin wants this hook.
#[inline(always)]
#[must_use]
pub fn has(hooks: Hooks) -> bool {
    WANTED.load(Ordering::Relaxed) & hooks.0 != 0
}

/// Calls `f` for each plugin that wants the hook; panics stay here.
#[cold]
fn each(hook: Hooks, mut f: impl FnMut(&dyn AgentPlugin)) {
    // A hook that registers a plugin or ends a transaction must not wait for itself.
    let Some(plugins) = PLUGINS.try_read_recursive() else { return };
    for plugin in plugins.iter() {
        let called = panics::caught(|| {
            if plugin.hooks().0 & hook.0 != 0 {
                f(plugin.as_ref());
            }
        });
        if called.is_err() {
            PLUGIN_PANICS.add(1);
        }
    }
}

#[cold]
pub(crate) fn start(transaction: &Transaction, begin: &Begin<'_>) {
    each(Hooks::START, |plugin| plugin.start(&StartView { transaction, begin }));
}

/// Whether the transaction is to be kept.
#[cold]
pub(crate) fn end(header: &'static Header, reason: EndReason, elapsed_us: u64) -> bool {
    let mut is_discarded = false;
    each(Hooks::END, |plugin| {
        plugin.end(&mut EndView { header, reason, elapsed_us, is_discarded: &mut is_discarded });
    });
    if header.half(Half::Marks) & mark::KEEP != 0 {
        let kept = u32::from(scouter_wire::record::XLogFlags::FORCE_KEPT.0);
        header.set_half(Half::Flags, header.half(Half::Flags) | kept);
    }
    !is_discarded
}

/// Asks the plugins whether a request is to be answered at once; the first answer counts.
#[inline]
#[must_use]
pub fn reject(request: &RequestView<'_>) -> Option<Reject> {
    if !has(Hooks::REJECT) {
        return None;
    }
    let mut answer = None;
    each(Hooks::REJECT, |plugin| {
        if answer.is_none() {
            answer = plugin.reject(request);
        }
    });
    answer
}

/// Tells the plugins of an outbound call.
#[inline]
pub fn call(call: &CallView<'_>) {
    if has(Hooks::CALL) {
        each(Hooks::CALL, |plugin| plugin.call(call));
    }
}

/// Tells the plugins of a captured argument.
#[inline]
pub(crate) fn capture(capture: &CaptureView<'_>) {
    if has(Hooks::CAPTURE) {
        each(Hooks::CAPTURE, |plugin| plugin.capture(capture));
    }
}

/// Collects the plugins' counters; the exporter's thread calls it.
pub fn collect_counters(mut add: impl FnMut(&str, f64)) {
    if has(Hooks::COUNTER) {
        each(Hooks::COUNTER, |plugin| plugin.counter(&mut CounterSink { add: &mut add }));
    }
}
