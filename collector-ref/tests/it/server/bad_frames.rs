//! What is not the protocol is refused with its reason, counted, and harms nobody else.

use std::io::{Read, Write};

use scouter_wire::codec::{
    FRAME_VERSION, FrameType, MAX_FRAME_BYTES, PREFACE, Refusal, RefusalCode, write_frame,
};

use super::agent::{Agent, hello, open, read_frame, tx, txs};
use super::collector::{TestCollector, start, start_with};

/// Sends `bytes` after the handshake and expects a refusal that says `sentence`, counted under
/// `counter`, while another agent goes on undisturbed.
async fn check(
    collector: &TestCollector,
    bytes: impl FnOnce(&mut Agent) -> Vec<u8>,
    sentence: &str,
    counter: &str,
) {
    let mut other = collector.agent("/test/other");
    let mut agent = collector.agent("/test/bad");
    let counter = format!("scouter_collector_{counter}_total");
    let before = collector.metric(&counter).await;
    let bytes = bytes(&mut agent);
    agent.send_raw(&bytes);
    let refusal = agent.expect_refusal();
    assert!(refusal.sentence.contains(sentence), "{}", refusal.sentence);
    assert_eq!(collector.metric(&counter).await, before + 1, "{counter}");
    other.seq = other.welcome.acked_seq;
    other.send(&[tx(99)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_frames_are_refused_by_their_kind() {
    let collector = start().await;
    check(
        &collector,
        |agent| {
            let mut frame = agent.batch_frame(&txs(1, 3));
            *frame.last_mut().unwrap() ^= 1;
            frame
        },
        "checksum",
        "refused_malformed_frame",
    )
    .await;
    check(
        &collector,
        |agent| {
            let mut frame = agent.batch_frame(&txs(1, 3));
            frame[5] = FRAME_VERSION + 1;
            frame
        },
        "version",
        "refused_version",
    )
    .await;
    check(
        &collector,
        |agent| {
            let mut frame = agent.batch_frame(&txs(1, 3));
            let length = u32::try_from(MAX_FRAME_BYTES + 1).unwrap();
            frame[..4].copy_from_slice(&length.to_le_bytes());
            frame
        },
        "limit",
        "refused_oversized_frame",
    )
    .await;
    check(
        &collector,
        |_| frame(FrameType::Batch, 1, b"not a batch"),
        "cannot read",
        "refused_malformed_frame",
    )
    .await;
    check(
        &collector,
        |_| frame(FrameType::Text, 0, &[1, 11, 0, 1, 2, 3, 4, 5, 6, 7, 8, 1, b'x']),
        "hash",
        "refused_malformed_frame",
    )
    .await;
    assert_eq!(collector.total("-tenant:acme").await, 0, "nothing of a bad frame is stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_in_the_wrong_place_are_refused() {
    let collector = start().await;
    let order = "refused_out_of_order";
    check(&collector, |_| frame(FrameType::Welcome, 0, &[]), "must not send", order).await;
    check(
        &collector,
        |_| {
            let mut out = Vec::new();
            write_frame(&mut out, FrameType::Hello, 0, |out| hello("/x").put(out)).unwrap();
            out
        },
        "must not send",
        order,
    )
    .await;
    check(
        &collector,
        |agent| {
            let batch = agent.encode(&[tx(1)]);
            agent.announce_texts();
            agent.hello.epoch += 1;
            agent.frame_of(&batch, 1)
        },
        "another instance or epoch",
        order,
    )
    .await;
    check(
        &collector,
        |agent| {
            let batch = agent.encode(&[tx(1)]);
            agent.announce_texts();
            agent.frame_of(&batch, 0)
        },
        "sequence number",
        "refused_malformed_frame",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_was_never_numbered_is_refused() {
    let collector = start().await;
    check(
        &collector,
        |agent| {
            let batch = agent.encode(&[tx(1)]);
            agent.frame_of(&batch, 1)
        },
        "never numbered",
        "refused_unknown_text",
    )
    .await;
    check(
        &collector,
        |agent| {
            let batch = agent.encode(&[tx(1)]);
            let mut out = Vec::new();
            let name = |_, _| scouter_wire::codec::TextName::Id(4_000_000_000);
            batch.write_frame(&mut out, 1, &agent.origin(), name).unwrap();
            out
        },
        "number 4000000000",
        "refused_unknown_text",
    )
    .await;
    assert_eq!(collector.total("").await, 2, "only what the other agents sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_that_is_cut_off_at_any_place_is_counted_and_nothing_of_it_is_stored() {
    let collector = start().await;
    let mut whole = collector.agent("/test/whole");
    let frame = whole.batch_frame(&txs(1, 20));
    let cuts: Vec<usize> = (1..frame.len()).step_by(frame.len() / 12).collect();
    for cut in &cuts {
        let mut agent = collector.agent("/test/cut");
        agent.send_raw(&frame[..*cut]);
        agent.stream.shutdown(std::net::Shutdown::Write).unwrap();
        agent.expect_refusal();
    }
    let counted = collector.metric("scouter_collector_refused_malformed_frame_total").await;
    assert_eq!(counted, cuts.len() as u64);
    assert_eq!(collector.total("").await, 0);
    whole.send_raw(&frame);
    whole.wait_acked(1);
    assert_eq!(collector.total("").await, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_of_a_newer_type_is_skipped_counted_and_acknowledged() {
    let collector = start().await;
    let mut agent = collector.agent("/test/newer");
    let mut newer = frame(FrameType::Object, 1, b"from the future");
    newer[4] = 200;
    let sum = crc(&newer);
    newer[16..20].copy_from_slice(&sum.to_le_bytes());
    agent.send_raw(&newer);
    agent.wait_acked(1);
    agent.seq = 1;
    agent.send(&[tx(1)]);
    assert_eq!(collector.metric("scouter_collector_frames_unknown_type_total").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_protocols_get_a_clear_refusal() {
    let collector = start().await;
    for (bytes, expected) in [
        (&b"\x16\x03\x01\x02\x00\x01\x00"[..], "TLS"),
        (b"\xca\xfe\x20\x01\x00\x00\x00\x00", "SCOUTER"),
        (b"SCTRRS9\n", "not an agent"),
    ] {
        let mut stream = open(collector.running.agent_addr());
        stream.write_all(bytes).unwrap();
        let (header, body) = read_frame(&mut stream).unwrap();
        assert_eq!(header.frame_type(), Some(FrameType::Error));
        let refusal = Refusal::read(&body).unwrap();
        assert_eq!(refusal.code, RefusalCode::Protocol);
        assert!(refusal.sentence.contains(expected), "{}", refusal.sentence);
    }
    let mut stream = open(collector.running.agent_addr());
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    let page = format!("http://{}/", collector.running.http_addr());
    assert!(answer.contains(&page), "a browser is told where the page is: {answer}");
    assert_eq!(collector.metric("scouter_collector_refused_preface_total").await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_frame_must_be_hello_with_a_name() {
    let collector = start().await;
    for (first, expected) in [
        (frame(FrameType::Object, 0, b""), "first frame"),
        (frame(FrameType::Hello, 0, b"short"), "cannot read"),
        (
            {
                let mut out = Vec::new();
                write_frame(&mut out, FrameType::Hello, 0, |out| hello("").put(out)).unwrap();
                out
            },
            "names no object",
        ),
    ] {
        let mut stream = open(collector.running.agent_addr());
        stream.write_all(&[PREFACE.as_slice(), &first].concat()).unwrap();
        let (_, body) = read_frame(&mut stream).unwrap();
        let refusal = Refusal::read(&body).unwrap();
        assert!(refusal.sentence.contains(expected), "{}", refusal.sentence);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_need_the_token_when_there_is_one() {
    let tokens = scouter_collector::Tokens::single("correct-horse");
    let collector = start_with(|builder| builder.tokens(tokens)).await;
    let address = collector.running.agent_addr();
    for (token, expected) in [(Some("wrong-horse"), "is wrong"), (None, "needs a token")] {
        let refusal = Agent::connect_with(address, hello("/test/x"), token).err().unwrap();
        assert_eq!(refusal.code, RefusalCode::Unauthorized);
        assert!(refusal.sentence.contains(expected), "{}", refusal.sentence);
        assert!(!refusal.sentence.contains("correct"), "the token is never told");
    }
    let mut agent =
        Agent::connect_with(address, hello("/test/x"), Some("correct-horse")).ok().unwrap();
    agent.send(&[tx(1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_says_nothing_is_told_and_closed() {
    let collector = start_with(|builder| {
        let mut limits = scouter_collector::Limits::default();
        limits.handshake_timeout = std::time::Duration::from_millis(50);
        limits.idle_timeout = std::time::Duration::from_millis(50);
        builder.limits(limits)
    })
    .await;
    let mut silent = open(collector.running.agent_addr());
    assert_eq!(read_frame(&mut silent).unwrap().0.frame_type(), Some(FrameType::Error));
    let mut idle = collector.agent("/test/idle");
    assert!(idle.expect_refusal().sentence.contains("nothing was received"));
    assert_eq!(collector.metric("scouter_collector_closed_idle_total").await, 2);
}

fn frame(kind: FrameType, seq: u64, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    write_frame(&mut out, kind, seq, |out| out.extend_from_slice(body)).unwrap();
    out
}

/// The checksum a frame must carry, computed here because the codec writes no unknown type.
fn crc(frame: &[u8]) -> u32 {
    let covered = frame[4..16].iter().chain(&frame[20..]);
    !covered.fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 }
        })
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_sends_a_byte_now_and_then_has_one_deadline_for_its_greeting() {
    let collector = start_with(|builder| {
        let mut limits = scouter_collector::Limits::default();
        limits.handshake_timeout = std::time::Duration::from_millis(400);
        builder.limits(limits)
    })
    .await;
    let mut greeting = PREFACE.to_vec();
    write_frame(&mut greeting, FrameType::Hello, 0, |out| hello("/slow").put(out)).unwrap();
    let mut stream = open(collector.running.agent_addr());
    let idle = "scouter_collector_closed_idle_total";
    let mut sent = 0;
    // Each byte comes well before the time of one read is over; all of them take far longer.
    while collector.metric(idle).await == 0 {
        assert!(sent + 1 < greeting.len(), "the greeting went through however slow it was");
        if stream.write_all(&greeting[sent..=sent]).is_err() {
            break;
        }
        sent += 1;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    collector.wait_for_metric(idle, 1).await;
}
