//! tracing with tracing-opentelemetry on opentelemetry_sdk: what most Rust services use today.

use std::future::Future;

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Instrument, info_span};
use tracing_subscriber::layer::SubscriberExt;

use super::SpanPeer;
use super::tracing::tracing_calls;

/// tracing-opentelemetry.
pub(crate) struct TracingOpenTelemetry {
    _provider: SdkTracerProvider,
}

impl SpanPeer for TracingOpenTelemetry {
    #[expect(clippy::expect_used, reason = "the process has no other subscriber")]
    fn start() -> Self {
        let provider = super::opentelemetry::provider();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("bench"));
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))
            .expect("a child starts one peer");
        Self { _provider: provider }
    }

    tracing_calls!();
}
