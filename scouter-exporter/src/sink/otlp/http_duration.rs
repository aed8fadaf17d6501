//! `http.server.request.duration`: the one metric of OpenTelemetry's stable conventions that every
//! dashboard for HTTP servers begins with. Counted from the XLogs, so exact whatever is sampled.
//!
//! `url.scheme` is left out: behind a proxy a service does not know it.

use std::collections::HashMap;
use std::time::Duration;

use scouter_wire::TextRef;
use scouter_wire::record::{XLog, XLogKind};

use super::proto::Message;
use super::spans::nanoseconds;
use crate::Texts;

/// How often the counts of an interval are sent, µs.
const INTERVAL_US: i64 = 10_000_000;

/// Most combinations of route, status and failure in one interval. Past it a request counts in one
/// series of its own with `otel.metric.overflow`, as OpenTelemetry's SDKs do.
pub(super) const MAX_DURATION_SERIES: usize = 2_000;

/// Upper bounds of the buckets that the conventions advise, seconds.
const BOUNDS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Attributes of a histogram's data point.
const ATTRIBUTES: u64 = 9;

/// Counts since the last interval ended.
const DELTA: u64 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    service: TextRef,
    status: u16,
    has_failed: bool,
}

#[derive(Debug, Default)]
struct Counts {
    count: u64,
    elapsed_us: u64,
    buckets: [u64; BOUNDS.len() + 1],
}

impl Counts {
    fn add(&mut self, elapsed_us: u64) {
        let seconds = Duration::from_micros(elapsed_us).as_secs_f64();
        self.count += 1;
        self.elapsed_us = self.elapsed_us.saturating_add(elapsed_us);
        self.buckets[BOUNDS.partition_point(|bound| *bound < seconds)] += 1;
    }
}

/// The requests of the current interval.
#[derive(Debug, Default)]
pub(super) struct HttpDurations {
    series: HashMap<Key, Counts>,
    overflow: Counts,
    from_unix_us: Option<i64>,
}

impl HttpDurations {
    pub(super) fn add(&mut self, xlog: &XLog<'_>) {
        // A gRPC call has a code of its own, and a session is no request.
        if xlog.kind != XLogKind::Web || xlog.status >= 1_000 {
            return;
        }
        let has_failed = xlog.status >= 500 || !xlog.error.is_empty();
        let key = Key { service: xlog.service, status: xlog.status, has_failed };
        let is_known = self.series.len() < MAX_DURATION_SERIES || self.series.contains_key(&key);
        let counts =
            if is_known { self.series.entry(key).or_default() } else { &mut self.overflow };
        counts.add(xlog.elapsed_us);
    }

    /// The metric of the interval that ends now, and how many series it has; none when there were
    /// no requests, or when it is not due and nobody hurries.
    pub(super) fn take(
        &mut self,
        unix_us: i64,
        is_hurried: bool,
        texts: &Texts,
    ) -> Option<(Message, u64)> {
        let from = *self.from_unix_us.get_or_insert(unix_us);
        let is_due = unix_us.saturating_sub(from) >= INTERVAL_US;
        if !is_due && !is_hurried {
            return None;
        }
        self.from_unix_us = Some(unix_us);
        let mut histogram = Message::default();
        let mut series = 0;
        for (key, counts) in self.series.drain() {
            let mut point = point(from, unix_us, &counts);
            let service = texts.text(key.service);
            let (method, route) = service.split_once(' ').unwrap_or(("_OTHER", service));
            point.attribute(ATTRIBUTES, "http.request.method", method);
            point.attribute(ATTRIBUTES, "http.route", route);
            if key.status > 0 {
                point.count(ATTRIBUTES, "http.response.status_code", u64::from(key.status));
            }
            if key.has_failed {
                let code = key.status.to_string();
                let kind = if key.status >= 500 { &code } else { "_OTHER" };
                point.attribute(ATTRIBUTES, "error.type", kind);
            }
            histogram.message(1, &point);
            series += 1;
        }
        let overflow = std::mem::take(&mut self.overflow);
        if overflow.count > 0 {
            let mut point = point(from, unix_us, &overflow);
            point.truth(ATTRIBUTES, "otel.metric.overflow");
            histogram.message(1, &point);
            series += 1;
        }
        if series == 0 {
            return None;
        }
        histogram.number(2, DELTA);
        let mut metric = Message::default();
        metric.text(1, "http.server.request.duration").text(3, "s").message(9, &histogram);
        Some((metric, series))
    }
}

fn point(from_unix_us: i64, to_unix_us: i64, counts: &Counts) -> Message {
    let mut point = Message::default();
    point.fixed64(2, nanoseconds(from_unix_us)).fixed64(3, nanoseconds(to_unix_us));
    point.fixed64(4, counts.count);
    point.float(5, Duration::from_micros(counts.elapsed_us).as_secs_f64());
    point.packed64(6, counts.buckets.iter().copied());
    point.packed64(7, BOUNDS.iter().map(|bound| bound.to_bits()));
    point
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{texts, xlog};

    fn request(service: u32, status: u16, elapsed_us: u64) -> XLog<'static> {
        XLog { service: TextRef(service), status, elapsed_us, ..xlog(1, "") }
    }

    #[test]
    fn each_request_counts_in_the_bucket_whose_bound_it_does_not_exceed() {
        let mut counts = Counts::default();
        for elapsed_us in [0, 5_000, 5_001, 10_000_000, 10_000_001] {
            counts.add(elapsed_us);
        }
        assert_eq!((counts.buckets[0], counts.buckets[1]), (2, 1));
        assert_eq!((counts.buckets[13], counts.buckets[14]), (1, 1));
        assert_eq!((counts.count, counts.elapsed_us), (5, 20_010_002));
    }

    #[test]
    fn an_interval_is_sent_when_it_is_over_or_somebody_hurries_and_begins_anew() {
        let (mut durations, texts) = (HttpDurations::default(), texts());
        assert!(durations.take(0, false, &texts).is_none());
        durations.add(&request(1, 200, 7));
        assert!(durations.take(9_999_999, false, &texts).is_none());
        assert_eq!(durations.take(10_000_000, false, &texts).unwrap().1, 1);
        assert!(durations.take(30_000_000, true, &texts).is_none(), "nothing came since");
        durations.add(&request(1, 200, 7));
        durations.add(&request(1, 500, 7));
        assert_eq!(durations.take(30_000_001, true, &texts).unwrap().1, 2);
    }

    #[test]
    fn calls_of_grpc_and_jobs_are_no_requests() {
        let (mut durations, texts) = (HttpDurations::default(), texts());
        durations.add(&request(1, 1_000, 7));
        durations.add(&XLog { kind: XLogKind::Service, ..request(1, 0, 7) });
        assert!(durations.take(0, true, &texts).is_none());
    }

    #[test]
    fn past_the_limit_of_series_requests_count_together() {
        let (mut durations, texts) = (HttpDurations::default(), texts());
        let many = u32::try_from(MAX_DURATION_SERIES).unwrap() + 10;
        for service in 0..many {
            durations.add(&request(service, 200, 7));
        }
        assert_eq!(durations.overflow.count, 10);
        durations.add(&request(0, 200, 7));
        assert_eq!(durations.overflow.count, 10, "a series that is there goes on");
        let (_, series) = durations.take(0, true, &texts).unwrap();
        assert_eq!(series, MAX_DURATION_SERIES as u64 + 1);
    }
}
