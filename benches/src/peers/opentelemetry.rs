//! opentelemetry_sdk with its batch processor and an exporter that throws everything away.

use std::borrow::Cow;
use std::future::Future;

use opentelemetry::trace::{FutureExt, SpanBuilder, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracer, SdkTracerProvider, SpanData, SpanExporter,
};

use super::{DRAIN_INTERVAL, SpanPeer};

/// Throws spans away.
#[derive(Debug)]
struct Discard;

impl SpanExporter for Discard {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        drop(batch);
        Ok(())
    }
}

/// A provider whose spans go nowhere, collected as often as ours.
pub(crate) fn provider() -> SdkTracerProvider {
    let config = BatchConfigBuilder::default().with_scheduled_delay(DRAIN_INTERVAL).build();
    let processor = BatchSpanProcessor::builder(Discard).with_batch_config(config).build();
    SdkTracerProvider::builder().with_span_processor(processor).build()
}

/// opentelemetry_sdk.
pub(crate) struct OpenTelemetry {
    tracer: SdkTracer,
    _provider: SdkTracerProvider,
}

impl OpenTelemetry {
    #[inline]
    fn builder(name: &'static str) -> SpanBuilder {
        SpanBuilder::from_name(Cow::Borrowed(name))
    }

    #[inline]
    fn run(&self, builder: SpanBuilder, inner: impl FnOnce()) {
        let span = self.tracer.build(builder);
        let _current = Context::current_with_span(span).attach();
        inner();
    }
}

impl SpanPeer for OpenTelemetry {
    fn start() -> Self {
        let provider = provider();
        Self { tracer: provider.tracer("bench"), _provider: provider }
    }

    #[inline]
    fn root(&self, inner: impl FnOnce()) {
        let span = self.tracer.build_with_context(Self::builder("root"), &Context::new());
        let _current = Context::new().with_span(span).attach();
        inner();
    }

    #[inline]
    fn step(&self, inner: impl FnOnce()) {
        self.run(Self::builder("step"), inner);
    }

    #[inline]
    fn other_step(&self, inner: impl FnOnce()) {
        self.run(Self::builder("other step"), inner);
    }

    #[inline]
    #[expect(clippy::cast_possible_wrap, reason = "the attribute type is i64")]
    fn step_with_two(&self, number: u64, text: &'static str, inner: impl FnOnce()) {
        let attributes = [KeyValue::new("number", number as i64), KeyValue::new("text", text)];
        self.run(Self::builder("step").with_attributes(attributes), inner);
    }

    #[inline]
    fn step_with_text(&self, text: &str, inner: impl FnOnce()) {
        let attributes = [KeyValue::new("text", text.to_owned())];
        self.run(Self::builder("step").with_attributes(attributes), inner);
    }

    fn root_future<F: Future>(&self, future: F) -> impl Future<Output = F::Output> {
        let span = self.tracer.build_with_context(Self::builder("root"), &Context::new());
        future.with_context(Context::new().with_span(span))
    }

    async fn step_future<F: Future>(&self, future: F) -> F::Output {
        let span = self.tracer.build(Self::builder("step"));
        future.with_context(Context::current_with_span(span)).await
    }
}
