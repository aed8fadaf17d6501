//! The collector's own counters. Nothing it refuses or drops goes uncounted.

use std::sync::atomic::{AtomicU64, Ordering};

/// One counter: only ever grows, read without stopping anyone.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`.
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Adds one.
    pub(crate) fn one(&self) {
        self.add(1);
    }

    /// Its value now.
    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! counters {
    ($($(#[doc = $help:literal])+ $name:ident,)+) => {
        /// All counters of the server side; exported as `scouter_collector_<name>_total`.
        #[derive(Debug, Default)]
        pub(crate) struct Telemetry {
            $($(#[doc = $help])+ pub(crate) $name: Counter,)+
        }

        impl Telemetry {
            /// Name, help text and value of each counter, in the order of the declaration.
            pub(crate) fn all(&self) -> Vec<(&'static str, &'static str, u64)> {
                vec![$((stringify!($name), concat!($($help),+), self.$name.value()),)+]
            }
        }
    };
}

counters! {
    /// Agent connections accepted.
    agent_connections,
    /// Connections to the agent port refused because their first bytes were not the preface.
    refused_preface,
    /// Agent connections refused because they came from another machine without TLS.
    refused_plain,
    /// Connections closed because the peer's TLS failed or its handshake took too long.
    tls_failed,
    /// Agent connections refused because the limit of connections was reached.
    refused_connection_limit,
    /// Agent connections refused because of a wrong or missing token.
    refused_token,
    /// Agent connections closed because a frame was malformed, truncated or failed its checksum.
    refused_malformed_frame,
    /// Agent connections closed because a frame was larger than the limit.
    refused_oversized_frame,
    /// Agent connections closed because of a protocol version this collector does not speak.
    refused_version,
    /// Agent connections closed because frames came in an order the protocol does not allow.
    refused_out_of_order,
    /// Agent connections closed because a record named a text this store never assigned.
    refused_unknown_text,
    /// Agent connections told to rewrite their frames because those name another store.
    refused_other_store,
    /// Agent connections closed because they were silent for longer than the limit.
    closed_idle,
    /// Frames received, all types.
    frames,
    /// Bytes received from agents.
    frame_bytes,
    /// Frames of a type this collector does not know; skipped.
    frames_unknown_type,
    /// Data frames that had been received before; acknowledged again and not stored twice.
    frames_duplicate,
    /// Data frames the store failed to keep; the connection was closed and the agent resends.
    frames_store_failed,
    /// New texts beyond the limit of one connection and minute, replaced by "(other)".
    texts_over_rate,
    /// Transactions received and handed to the store.
    xlogs,
    /// Digests received.
    digests,
    /// Digests of a kind this collector does not know; skipped.
    digests_unknown,
    /// Alerts received.
    alerts,
    /// Commands sent to agents.
    commands,
    /// Commands that were not answered before their deadline.
    commands_timed_out,
    /// Commands not sent because the queue of that agent was full.
    commands_dropped,
    /// Dumps that were taken because a process looked bad.
    dumps,
    /// Such dumps that could not be taken, or not be written.
    dumps_failed,
    /// Old dumps deleted so that there is room for new ones.
    dumps_deleted,
    /// HTTP requests answered.
    http_requests,
    /// HTTP requests refused because of a missing or wrong token or role.
    http_unauthorised,
    /// HTTP requests refused because of a foreign Origin or Host.
    http_foreign_origin,
    /// Logins refused because there were too many failed ones from that address.
    logins_rate_limited,
    /// Sessions ended early because there were too many.
    sessions_dropped,
    /// Live viewers that connected.
    viewers,
    /// Live viewers refused because the limit of viewers was reached.
    viewers_refused,
    /// Times a slow viewer was cut off and told to refetch (a GAP frame).
    viewer_gaps,
    /// Points not sent to slow viewers; they were told to refetch them.
    viewer_points_dropped,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_has_a_name_a_help_text_and_starts_at_zero() {
        let telemetry = Telemetry::default();
        telemetry.frames.add(3);
        telemetry.frames.one();
        for (name, help, value) in telemetry.all() {
            assert!(help.trim_end().ends_with('.'), "{name}: {help}");
            assert_eq!(value, if name == "frames" { 4 } else { 0 }, "{name}");
        }
    }
}
