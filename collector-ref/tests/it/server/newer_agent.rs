//! An agent that is newer than the collector: what it says is acknowledged, so that it does not
//! send it for ever, and what the collector knows of it is kept.

use scouter_wire::codec::{Frame, FrameType, write_alerts_frame};
use scouter_wire::record::{Alert, AlertKind, AlertLevel};

use super::agent::{now_unix_us, tx};
use super::collector::start;

/// Bytes of an origin, at the head of a body.
const ORIGIN_BYTES: usize = 44;

fn alert() -> Alert {
    Alert {
        unix_us: now_unix_us(),
        kind: AlertKind::Agent,
        level: AlertLevel::Error,
        message: "the disk is on fire".into(),
        place: String::new(),
        service: String::new(),
        tenant: String::new(),
        transaction: None,
        suppressed: 0,
        stack: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_and_digests_of_an_unknown_kind_are_acknowledged_and_not_refused() {
    let collector = start().await;
    let mut agent = collector.agent("/test/newer");
    let mut frame = Vec::new();
    write_alerts_frame(&mut frame, 1, &agent.origin(), &[alert()]).unwrap();
    let (parsed, _) = Frame::parse(&frame).unwrap().unwrap();
    let mut body = parsed.body.to_vec();
    // The kind stands behind the origin, the count, the length of the record and the time.
    let kind = &mut body[ORIGIN_BYTES + 2 + 8];
    assert_eq!(std::mem::replace(kind, 200), AlertKind::Agent as u8);
    agent.send_frame(FrameType::Alert, 1, |out| out.extend_from_slice(&body));
    // No texts, an interval, and one digest of 3 bytes whose key is 200.
    let digests = [&body[..ORIGIN_BYTES], &[0, 0], &[0; 16], &[1, 3, 200, 1, 2]].concat();
    agent.send_frame(FrameType::Agg, 2, |out| out.extend_from_slice(&digests));
    agent.wait_acked(2);
    agent.seq = 2;
    agent.send(&[tx(7)]);
    let alerts = collector.json("/api/v1/alerts").await;
    assert_eq!(alerts["alerts"][0]["kind"], "unknown");
    assert_eq!(alerts["alerts"][0]["message"], "the disk is on fire");
    assert_eq!(collector.metric("scouter_collector_digests_unknown_total").await, 1);
    assert_eq!(collector.metric("scouter_collector_refused_malformed_frame_total").await, 0);
}
