//! Counters as gauges and digests of services as exponential histograms.

use scouter_wire::record::{CounterPoint, Digest, DigestKey, Sketch};

use super::proto::Message;
use super::spans::nanoseconds;
use crate::Texts;

/// Deltas: a digest is of its own interval.
const DELTA: u64 = 1;

/// Our sketch has 8 buckets an octave, which is scale 3 of OTLP.
const SCALE: i64 = 3;

/// One gauge. `name|unit|service` becomes name, unit and attribute.
pub(super) fn gauge(unix_us: i64, point: &CounterPoint, texts: &Texts) -> Message {
    let mut parts = texts.text(point.name).splitn(3, '|');
    let name = parts.next().unwrap_or_default();
    let unit = parts.next().unwrap_or_default();
    let mut data = Message::default();
    data.fixed64(3, nanoseconds(unix_us)).float(4, point.value);
    data.attribute(7, "scouter.service", parts.next().unwrap_or_default());
    let mut gauge = Message::default();
    gauge.message(1, &data);
    let mut metric = Message::default();
    let name = if name.starts_with("scouter_") { name.into() } else { format!("scouter_{name}") };
    metric.text(1, &name.replacen('_', ".", 1)).text(3, unit).message(5, &gauge);
    metric
}

/// Elapsed times of one service, in µs; `None` for digests of anything else.
pub(super) fn histogram(from: i64, to: i64, digest: &Digest, texts: &Texts) -> Option<Message> {
    let DigestKey::Service(service) = &digest.key else { return None };
    let mut data = Message::default();
    data.attribute(1, "scouter.service", texts.text(*service));
    data.fixed64(2, nanoseconds(from)).fixed64(3, nanoseconds(to)).fixed64(4, digest.count);
    data.float(5, crate::counters::approximate(digest.elapsed_us)).zigzag(6, SCALE);
    if let Some(positive) = buckets(&digest.sketch) {
        data.message(8, &positive);
    }
    let mut histogram = Message::default();
    histogram.message(1, &data).number(2, DELTA);
    let mut metric = Message::default();
    metric.text(1, "scouter.service.duration").text(3, "us").message(10, &histogram);
    Some(metric)
}

/// Counts from the first used bucket to the last, without holes: at most 512.
fn buckets(sketch: &Sketch) -> Option<Message> {
    let (first, last) = (sketch.buckets.first()?.0, sketch.buckets.last()?.0);
    let mut counts = vec![0; usize::from(last - first) + 1];
    for (bucket, count) in &sketch.buckets {
        counts[usize::from(bucket - first)] = *count;
    }
    let mut buckets = Message::default();
    buckets.zigzag(1, i64::from(first)).packed(2, counts.into_iter());
    Some(buckets)
}
