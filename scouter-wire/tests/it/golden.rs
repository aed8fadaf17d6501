//! Bytes written by earlier versions must decode for ever.
//!
//! A frame that is added or whose layout is versioned gets a new file; no file is ever replaced.
//! Files of the form `*.future.v1.bin` are what later versions may write; see [`crate::future`].
//! `SCOUTER_BLESS=1 cargo test` writes the files that are missing.

use std::fs;
use std::path::PathBuf;

use crate::sample::{
    active, alert, assert_is_sample, callsites, clock, digests, frames, hello, options, parse,
    points, resolve, welcome,
};
use scouter_wire::codec::{
    ClockReading, Hello, Reply, SeriesView, TextTable, Welcome, read_active, read_alerts,
    read_callsites, read_environment, read_heap, read_options, read_profile, read_threads,
};

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "golden"].iter().collect()
}

fn golden(name: &str) -> Vec<u8> {
    let made = || frames().into_iter().find(|(found, _)| *found == name).unwrap().1;
    golden_or(&format!("{name}.v1.bin"), made)
}

/// The bytes of a file; a missing one is written when it is asked for.
pub(crate) fn golden_or(file: &str, made: impl FnOnce() -> Vec<u8>) -> Vec<u8> {
    let path = folder().join(file);
    if !path.exists() && std::env::var_os("SCOUTER_BLESS").is_some() {
        fs::write(&path, made()).unwrap();
    }
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_frame_type_has_a_golden_file() {
    for (name, bytes) in frames() {
        assert_eq!(parse(&golden(name)).header.frame_type(), parse(&bytes).header.frame_type());
    }
}

#[test]
fn golden_frames_without_compression_are_written_as_ever() {
    for (name, bytes) in frames() {
        // What zstd makes of a section may change with its version; what it decodes to may not.
        if name != "batch" {
            assert_eq!(bytes, golden(name), "{name}");
        }
    }
}

#[test]
fn golden_batches_decode_to_what_they_were_made_of() {
    assert_is_sample(parse(&golden("batch")).body);
}

#[test]
fn golden_messages_decode_to_what_they_were_made_of() {
    assert_eq!(Hello::read(parse(&golden("hello")).body).unwrap(), hello());
    assert_eq!(Welcome::read(parse(&golden("welcome")).body).unwrap(), welcome());
    assert_eq!(ClockReading::read(parse(&golden("clock")).body).unwrap(), clock());
    let mut table = TextTable::default();
    let bytes = golden("counter");
    let view = SeriesView::parse(parse(&bytes).body, &mut table).unwrap();
    let mut found = Vec::new();
    view.counters(&resolve(&table), |_, point| found.push(point)).unwrap();
    assert_eq!(found, points());
    let bytes = golden("agg");
    let view = SeriesView::parse(parse(&bytes).body, &mut table).unwrap();
    let mut found = Vec::new();
    view.digests(&resolve(&table), |digest| found.push(digest)).unwrap();
    assert_eq!(found, digests());
    let mut found = Vec::new();
    read_alerts(parse(&golden("alert")).body, |alert| found.push(alert)).unwrap();
    assert_eq!(found, [alert()]);
    let payload = |name| Reply::read(parse(&golden(name)).body).unwrap().payload.to_vec();
    assert_eq!(read_active(&payload("reply_active")).unwrap().1, [active()]);
    assert_eq!(read_options(&payload("reply_options")).unwrap(), options());
    assert_eq!(read_callsites(&payload("reply_callsites")).unwrap(), callsites());
    assert_eq!(read_threads(&payload("reply_threads")).unwrap(), crate::sample::threads());
    assert_eq!(read_profile(&payload("reply_profile")).unwrap(), crate::sample::profile());
    let environment = read_environment(&payload("reply_environment")).unwrap();
    assert_eq!(environment, crate::sample::environment());
    assert_eq!(read_heap(&payload("reply_heap")).unwrap(), crate::sample::heap());
}
