//! Frames and the small messages.

use crate::sample::{
    active, alert, callsites, frames, hello, numbered, object, options, origin, parse, welcome,
};
use scouter_wire::codec::{
    Answer, Auth, Command, CommandKind, DecodeError, EncodeError, Encoding, Frame, FrameType,
    Hello, MAX_FRAME_BYTES, MAX_REPLY_BYTES, MAX_REPLY_CHUNK_BYTES, PREFACE, Refusal, RefusalCode,
    Reply, Welcome, check_preface, read_active, read_alerts, read_callsites, read_environment,
    read_heap, read_object_frame, read_options, read_profile, read_text_ids, read_texts,
    read_threads, write_frame,
};

fn body(name: &str) -> Vec<u8> {
    let (_, bytes) = frames().into_iter().find(|(found, _)| *found == name).unwrap();
    parse(&bytes).body.to_vec()
}

#[test]
fn small_messages_round_trip() {
    assert_eq!(Hello::read(&body("hello")).unwrap(), hello());
    assert_eq!(Welcome::read(&body("welcome")).unwrap(), welcome());
    assert_eq!(Auth::read(&body("auth")).unwrap(), Auth::Token("s3cret".into()));
    assert_eq!(read_object_frame(&body("object")).unwrap(), object());
    let mut found = Vec::new();
    read_text_ids(&body("text_id"), |id| found.push(id)).unwrap();
    assert_eq!(found, numbered());
    let mut found = Vec::new();
    assert_eq!(read_alerts(&body("alert"), |alert| found.push(alert)).unwrap(), origin());
    assert_eq!(found, [alert()]);
    let mut found = Vec::new();
    read_texts(&body("text"), |text| found.push(text.text.to_owned())).unwrap();
    assert_eq!(found, ["SELECT * FROM orders WHERE id = ?"]);
    let refusal = Refusal::read(&body("error")).unwrap();
    assert_eq!(refusal.code, RefusalCode::Unauthorized);
}

#[test]
fn answers_round_trip() {
    let payload = |name| Reply::read(&body(name)).unwrap().payload.to_vec();
    assert_eq!(read_active(&payload("reply_active")).unwrap(), (10_000, vec![active()]));
    assert_eq!(read_options(&payload("reply_options")).unwrap(), options());
    assert_eq!(read_callsites(&payload("reply_callsites")).unwrap(), callsites());
    assert_eq!(read_threads(&payload("reply_threads")).unwrap(), crate::sample::threads());
    assert_eq!(read_profile(&payload("reply_profile")).unwrap(), crate::sample::profile());
    let environment = read_environment(&payload("reply_environment")).unwrap();
    assert_eq!(environment, crate::sample::environment());
    assert_eq!(read_heap(&payload("reply_heap")).unwrap(), crate::sample::heap());
    let body = body("command");
    let command = Command::read(&body).unwrap();
    assert_eq!(CommandKind::from_wire(command.kind_number), Some(CommandKind::Active));
    assert_eq!((command.id, command.deadline_ms, command.payload), (5, 2_000, &b"100"[..]));
}

#[test]
fn a_large_answer_travels_in_chunks() {
    let payload: Vec<u8> = (0..3 * MAX_REPLY_CHUNK_BYTES + 1).map(|at| at as u8).collect();
    let mut answer = Answer::default();
    let chunks: Vec<_> = Reply::chunks(1, false, Encoding::Json, &payload).collect();
    assert_eq!(chunks.len(), 4);
    for (at, chunk) in chunks.iter().enumerate() {
        assert_eq!(answer.push(chunk), Ok(at == 3));
    }
    assert_eq!(answer.payload, payload);
    assert_eq!(answer.push(&chunks[0]), Err(DecodeError::OutOfRange("chunk of a reply")));
    assert_eq!(Reply::chunks(1, true, Encoding::Text, b"").count(), 1);
}

#[test]
fn an_endless_answer_is_cut_off() {
    let payload = vec![0; MAX_REPLY_CHUNK_BYTES];
    let mut answer = Answer::default();
    let result = (0..).find_map(|chunk| {
        let reply = Reply {
            id: 1,
            chunk,
            is_last: false,
            is_error: false,
            encoding: Encoding::Text,
            payload: &payload,
        };
        answer.push(&reply).err()
    });
    assert!(matches!(result, Some(DecodeError::TooLong { what: "reply", .. })));
    assert_eq!(answer.payload.len(), MAX_REPLY_BYTES);
}

#[test]
fn the_clock_offset_is_the_middle_of_both_ways() {
    // The collector is 550 µs ahead; each way takes 50 µs.
    assert_eq!(welcome().clock_offset_us(1_200), 550);
}

#[test]
fn a_token_matches_only_itself() {
    for (token, expected, is_right) in [
        ("s3cret", "s3cret", true),
        ("s3cre", "s3cret", false),
        ("s3cretx", "s3cret", false),
        ("", "", true),
    ] {
        assert_eq!(Auth::Token(token.into()).matches(expected), is_right, "{token} {expected}");
    }
    assert!(!format!("{:?}", Auth::Token("s3cret".into())).contains("s3cret"));
}

#[test]
fn a_peer_that_speaks_something_else_is_known_by_its_first_byte() {
    assert_eq!(check_preface(b""), Ok(false));
    assert_eq!(check_preface(&PREFACE[..5]), Ok(false));
    assert_eq!(check_preface(b"SCTRRS1\nmore"), Ok(true));
    for other in [&b"GET / HTTP/1.1"[..], b"\x16\x03\x01", b"\xca\xfe\x10\x01", b"SCTRRS2\n"] {
        assert_eq!(check_preface(other), Err(DecodeError::Preface));
    }
}

#[test]
fn frames_of_unknown_type_are_skipped_whatever_their_version() {
    let mut bytes = frames().remove(0).1;
    bytes[4] = 200;
    bytes[5] = 9;
    let covered = bytes[4..16].to_vec();
    let sum = crc32c_of(&covered, &bytes[20..]);
    bytes[16..20].copy_from_slice(&sum.to_le_bytes());
    let (frame, length) = Frame::parse(&bytes).unwrap().unwrap();
    assert_eq!(frame.header.frame_type(), None);
    assert_eq!(length, bytes.len());
}

/// crc32c, bit by bit, as a second opinion.
fn crc32c_of(head: &[u8], body: &[u8]) -> u32 {
    !head.iter().chain(body).fold(!0u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            (sum >> 1) ^ (0x82f6_3b78 & (sum & 1).wrapping_neg())
        })
    })
}

#[test]
fn a_frame_of_another_version_is_refused() {
    let mut bytes = frames().remove(0).1;
    bytes[5] = 2;
    assert_eq!(Frame::parse(&bytes), Err(DecodeError::Version { found: 2, supported: 1 }));
}

#[test]
fn oversized_frames_are_refused_on_both_sides() {
    let mut out = vec![1, 2, 3];
    let result = write_frame(&mut out, FrameType::Reply, 0, |out| {
        out.resize(out.len() + MAX_FRAME_BYTES + 1, 0);
    });
    assert_eq!(result, Err(EncodeError::FrameTooLong { length: MAX_FRAME_BYTES + 1 }));
    assert_eq!(out, [1, 2, 3]);
    let mut header = frames().remove(0).1;
    header[0..4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(Frame::parse(&header), Err(DecodeError::TooLong { .. })));
}
