//! Log lines with the ids of their transaction.

use std::io::Write;
use std::sync::{Arc, Mutex};

use scouter_core::testing::capture;
use scouter_tracing::WithIds;
use tracing_subscriber::fmt;
use tracing_subscriber::prelude::*;

use crate::support::within;

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn lines(&self) -> Vec<String> {
        let bytes = self.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }
}

fn work() {
    tracing::info!("before");
    within(|| tracing::info!(order = 7, "inside"));
}

#[test]
fn a_line_of_text_carries_the_ids_of_its_transaction() {
    let log = Log::default();
    let (writer, target) = (log.clone(), log);
    let layer = fmt::layer()
        .without_time()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .map_event_format(WithIds::text);
    let subscriber = tracing_subscriber::registry().with(layer);
    let recording = capture(|| tracing::subscriber::with_default(subscriber, work));
    let row = recording.only();
    let lines = target.lines();
    assert_eq!(lines[0].trim(), "INFO it::ids: before");
    assert_eq!(
        lines[1],
        format!("gxid={} txid={}  INFO it::ids: inside order=7", row.gxid, row.txid)
    );
}

#[test]
fn a_line_of_json_stays_json_and_carries_the_ids() {
    let log = Log::default();
    let (writer, target) = (log.clone(), log);
    let layer =
        fmt::layer().json().with_writer(move || writer.clone()).map_event_format(WithIds::json);
    let subscriber = tracing_subscriber::registry().with(layer);
    let recording = capture(|| tracing::subscriber::with_default(subscriber, work));
    let row = recording.only();
    let lines: Vec<serde_json::Value> =
        target.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines[0].get("gxid").is_none());
    assert_eq!(lines[0]["fields"]["message"], "before");
    assert_eq!(lines[1]["gxid"], row.gxid.to_string());
    assert_eq!(lines[1]["txid"], row.txid.to_string());
    assert_eq!(lines[1]["fields"]["order"], 7);
}
