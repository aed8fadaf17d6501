//! [`Bridge`]: the layer.

use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

use scouter_core::plugin::{self, AgentPlugin, CounterSink, Hooks};
use scouter_core::{Callsite, SpanStep, Value, current};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::event::{EventText, Values};
use crate::places::{Places, unplaced_spans};

/// Fields of one span that wait for its first enter: as many as tracing allows, but values that
/// are recorded again before it count too. Further ones are dropped and counted by
/// [`dropped_fields`].
pub const MAX_SPAN_FIELDS: usize = 32;

static DROPPED_FIELDS: AtomicU64 = AtomicU64::new(0);

/// Fields that were not recorded: [`MAX_SPAN_FIELDS`] of the span waited already. Also among the
/// agent's counters, as `scouter_tracing_dropped_fields`.
#[must_use]
pub fn dropped_fields() -> u64 {
    DROPPED_FIELDS.load(Ordering::Relaxed)
}

/// Records spans as steps and events as messages. See the [crate](crate).
///
/// # Examples
/// ```
/// use tracing_subscriber::prelude::*;
/// let bridge = scouter_tracing::Bridge::new()
///     .max_level(tracing::Level::DEBUG)
///     .skip_target("orders::chatty");
/// let subscriber = tracing_subscriber::registry().with(bridge);
/// # let _ = subscriber;
/// ```
#[derive(Debug)]
pub struct Bridge {
    places: Places,
}

impl Bridge {
    /// A layer for a subscriber with a registry.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "making one registers a counter")]
    pub fn new() -> Self {
        static COUNTED: Once = Once::new();
        // With too many plugins the counts remain readable here.
        COUNTED.call_once(|| plugin::register(Box::new(Losses)).unwrap_or_default());
        Self { places: Places::new() }
    }

    /// Records spans and events up to this level. Default: `INFO`.
    #[must_use]
    pub fn max_level(mut self, level: Level) -> Self {
        self.places.set_max_level(level);
        self
    }

    /// Records the fields of spans as attributes and those of events in their messages.
    ///
    /// Mind whose data they are: `#[instrument]` lists every argument it is not told to skip.
    /// A callsite may be switched back later. Default: neither is recorded.
    #[must_use]
    pub fn with_fields(mut self) -> Self {
        self.places.set_fields();
        self
    }

    /// Leaves the spans and events of a target and of everything below it alone.
    #[must_use]
    pub fn skip_target(mut self, target: &str) -> Self {
        self.places.skip(target);
        self
    }

    /// Records a target (and what is below it) though it is one of the
    /// [`SKIPPED_TARGETS`](crate::SKIPPED_TARGETS): for an application without our layer there.
    #[must_use]
    pub fn keep_target(mut self, target: &str) -> Self {
        self.places.keep(target);
        self
    }
}

/// Shows what was lost among the agent's counters.
struct Losses;

impl AgentPlugin for Losses {
    fn name(&self) -> &str {
        "scouter-tracing"
    }

    fn hooks(&self) -> Hooks {
        Hooks::COUNTER
    }

    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
    fn counter(&self, sink: &mut CounterSink<'_>) {
        sink.add("scouter_tracing_unplaced_spans|", unplaced_spans() as f64);
        sink.add("scouter_tracing_dropped_fields|", dropped_fields() as f64);
    }
}

/// What a span carries. It goes with the span, which ends the step.
#[derive(Debug)]
enum State {
    /// Not entered yet; only where fields are recorded.
    New(Vec<(&'static str, Kept)>),
    Step(SpanStep),
}

/// A value on its way to a step.
#[derive(Debug)]
enum Kept {
    U64(u64),
    I64(i64),
    F64(f64),
    Bool(bool),
    Text(String),
}

impl Kept {
    fn of(value: Value<'_>) -> Self {
        match value {
            Value::U64(value) => Self::U64(value),
            Value::I64(value) => Self::I64(value),
            Value::F64(value) => Self::F64(value),
            Value::Bool(value) => Self::Bool(value),
            Value::Static(text) | Value::Str(text) => {
                Self::Text(scouter_core::__private::bounded(format_args!("{text}")))
            }
            _ => Self::Text(String::new()),
        }
    }

    fn value(&self) -> Value<'_> {
        match self {
            Self::U64(value) => Value::U64(*value),
            Self::I64(value) => Value::I64(*value),
            Self::F64(value) => Value::F64(*value),
            Self::Bool(value) => Value::Bool(*value),
            Self::Text(text) => Value::Str(text),
        }
    }
}

fn keep(fields: &mut Vec<(&'static str, Kept)>, name: &'static str, value: Value<'_>) {
    if fields.len() < MAX_SPAN_FIELDS {
        fields.push((name, Kept::of(value)));
    } else {
        DROPPED_FIELDS.fetch_add(1, Ordering::Relaxed);
    }
}

impl State {
    /// Begins the step of a span that is entered for the first time in its transaction.
    fn begin(site: &'static Callsite, earlier: Option<&Self>) -> Option<Self> {
        let step = SpanStep::begin(site)?;
        if let Some(Self::New(fields)) = earlier {
            fields.iter().for_each(|(name, value)| step.attr(name, value.value()));
        }
        Some(Self::Step(step))
    }
}

// No `on_close`: the registry drops what a span carries when it closes, on the thread that closes
// it, and a span that carries nothing of ours costs nothing then.
impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Bridge {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if !current::is_active() {
            return;
        }
        let site = self.places.span(attributes.metadata());
        if site.is_some_and(Callsite::is_args_on)
            && let Some(span) = context.span(id)
        {
            let mut fields = Vec::new();
            attributes.record(&mut Values(|name, value: Value<'_>| keep(&mut fields, name, value)));
            span.extensions_mut().insert(State::New(fields));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if !current::is_active() {
            return;
        }
        let Some(span) = context.span(id) else { return };
        if !self.places.span(span.metadata()).is_some_and(Callsite::is_args_on) {
            return;
        }
        match span.extensions_mut().get_mut() {
            Some(State::Step(step)) => {
                values.record(&mut Values(|name, value: Value<'_>| step.attr(name, value)));
            }
            Some(State::New(fields)) => {
                values.record(&mut Values(|name, value: Value<'_>| keep(fields, name, value)));
            }
            None => {}
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if !current::is_active() {
            return;
        }
        let Some(span) = context.span(id) else { return };
        let Some(site) = self.places.span(span.metadata()) else { return };
        let mut extensions = span.extensions_mut();
        let state = extensions.get_mut::<State>();
        if let Some(State::Step(step)) = state
            && !step.has_ended()
        {
            return step.enter();
        }
        // A step of an earlier transaction ended with it.
        let Some(mut begun) = State::begin(site, extensions.get_mut::<State>().as_deref()) else {
            return;
        };
        if let State::Step(step) = &mut begun {
            step.enter();
        }
        extensions.replace(begun);
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        if !current::is_active() {
            return;
        }
        let Some(span) = context.span(id) else { return };
        if let Some(State::Step(step)) = span.extensions_mut().get_mut() {
            step.exit();
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if !current::is_active() || !self.places.records_event(event.metadata()) {
            return;
        }
        let text = EventText { event, has_fields: self.places.has_fields() };
        if *event.metadata().level() != Level::ERROR {
            return current::note(&text);
        }
        current::error(&text);
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(State::Step(step)) = span.extensions_mut().get_mut() {
                return step.fail(&text);
            }
        }
    }
}
