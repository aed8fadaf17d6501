//! Bytes and CPU time of transactions with about ten steps on their way to the collector.
//!
//! `encode` is the exporter's work from records to the frame that is sent, compressed; `decode` is
//! the collector's from the frame to the columns of the XLogs (it stores profiles as they came).
//! Batches are those of [`crate::traffic`], one after another, texts under the numbers that the
//! store has given them, as they are after the first seconds of a connection. OTLP carries the same
//! transactions, a span for the transaction and each step, a message as an event, one request for
//! each batch.
//!
//! The yardstick is what the compression alone takes: nobody who sends the same columns compressed
//! needs less. For bytes it is the same columns at zstd's level 19, which no agent could afford.

use std::hint::black_box;

use scouter_wire::TextRef;
use scouter_wire::codec::{
    BatchEncoder, BatchView, Frame, Origin, SectionDecoder, TextName, TextTable, Totals,
    XLogColumns,
};

use crate::clock::measure;
use crate::harness::{Cell, FLOOR, OURS, Row};
use crate::peers::{OTLP, OTLP_ZSTD};
use crate::traffic::{self, Transaction};

const ALL: &[&str] = &[FLOOR, OURS, OTLP, OTLP_ZSTD];

pub(crate) const ROWS: &[Row] = &[
    Row::new("encode_ns_per_tx", "ns", "zstd -1 of the same columns, nothing else", ALL),
    Row::new("decode_xlog_ns_per_tx", "ns", "zstd -d of the same columns, nothing else", ALL),
    Row::new("wire_bytes_per_tx", "bytes", "the same columns with zstd -19", ALL).rounds(1),
];

/// Batches that are measured in turn.
const BATCHES: usize = 8;

/// Measures one cell.
pub(crate) fn run(cell: &Cell<'_>) -> Result<f64, String> {
    let (_names, batches) = traffic::batches(BATCHES);
    match cell.peer {
        OURS => ours(cell, &batches),
        FLOOR => floor(cell, &batches),
        #[cfg(feature = "peers")]
        OTLP => super::wire_otlp::run(cell, &_names, &batches, false),
        #[cfg(feature = "peers")]
        OTLP_ZSTD => super::wire_otlp::run(cell, &_names, &batches, true),
        other => Err(format!("no peer `{other}` in this build")),
    }
}

/// Nanoseconds for one transaction, the batches taken in turn.
pub(super) fn per_transaction<T>(
    cell: &Cell<'_>,
    batches: &[T],
    mut operation: impl FnMut(&T),
) -> f64 {
    let mut in_turn = batches.iter().cycle();
    let nanos = measure(cell.budget, || {
        if let Some(batch) = in_turn.next() {
            operation(batch);
        }
    });
    nanos / traffic::BATCH as f64
}

/// Bytes for one transaction.
pub(super) fn bytes_per_transaction(messages: &[Vec<u8>]) -> f64 {
    let bytes: usize = messages.iter().map(Vec::len).sum();
    bytes as f64 / (messages.len() * traffic::BATCH) as f64
}

fn ours(cell: &Cell<'_>, batches: &[Vec<Transaction>]) -> Result<f64, String> {
    let mut encoder = BatchEncoder::new().map_err(text)?;
    let frames = encode_all(&mut encoder, batches)?;
    match cell.row {
        "encode_ns_per_tx" => {
            let mut frame = Vec::new();
            Ok(per_transaction(cell, batches, |batch| {
                _ = black_box(encode(&mut encoder, batch, &mut frame));
            }))
        }
        "decode_xlog_ns_per_tx" => {
            let mut decoder = Decoder::new()?;
            for frame in &frames {
                decoder.decode(frame)?;
                if decoder.columns.len() != traffic::BATCH {
                    return Err("the batch did not survive".into());
                }
            }
            Ok(per_transaction(cell, &frames, |frame| _ = black_box(decoder.decode(frame))))
        }
        "wire_bytes_per_tx" => Ok(bytes_per_transaction(&frames)),
        other => Err(format!("no row `{other}`")),
    }
}

fn floor(cell: &Cell<'_>, batches: &[Vec<Transaction>]) -> Result<f64, String> {
    let mut encoder = BatchEncoder::new().map_err(text)?;
    let mut sections = Vec::new();
    for frame in encode_all(&mut encoder, batches)? {
        sections.push(Sections::of(&frame)?);
    }
    match cell.row {
        "encode_ns_per_tx" => {
            let mut compressor = compressor(1)?;
            let mut out = Vec::with_capacity(Sections::MAX_BYTES);
            Ok(per_transaction(cell, &sections, |sections| {
                for columns in [&sections.xlogs, &sections.profiles] {
                    out.clear();
                    _ = black_box(compressor.compress_to_buffer(columns, &mut out));
                }
            }))
        }
        "decode_xlog_ns_per_tx" => {
            let mut decompressor = zstd::bulk::Decompressor::new().map_err(text)?;
            let mut out = Vec::with_capacity(Sections::MAX_BYTES);
            Ok(per_transaction(cell, &sections, |sections| {
                out.clear();
                let compressed = &sections.compressed_xlogs;
                _ = black_box(decompressor.decompress_to_buffer(compressed, &mut out));
            }))
        }
        "wire_bytes_per_tx" => {
            let mut compressor = compressor(19)?;
            let columns = sections.iter().flat_map(|all| [&all.xlogs, &all.profiles]);
            let compressed: Result<Vec<_>, _> =
                columns.map(|columns| compressor.compress(columns)).collect();
            // Two sections for each batch.
            Ok(2.0 * bytes_per_transaction(&compressed.map_err(text)?))
        }
        other => Err(format!("no row `{other}`")),
    }
}

/// zstd as the encoder uses it, but for the level.
fn compressor(level: i32) -> Result<zstd::bulk::Compressor<'static>, String> {
    let mut compressor = zstd::bulk::Compressor::new(level).map_err(text)?;
    if level == 1 {
        let min_match = zstd::zstd_safe::CParameter::MinMatch(7);
        compressor.set_parameter(min_match).map_err(text)?;
    }
    Ok(compressor)
}

/// The columns of a batch, before and after compression.
struct Sections {
    xlogs: Vec<u8>,
    profiles: Vec<u8>,
    compressed_xlogs: Vec<u8>,
}

impl Sections {
    /// Far above what a section has.
    const MAX_BYTES: usize = 16 << 20;

    fn of(frame: &[u8]) -> Result<Self, String> {
        let (frame, _) = Frame::parse(frame).map_err(text)?.ok_or("not a whole frame")?;
        let mut table = TextTable::default();
        let batch = BatchView::parse(frame.body, &mut table).map_err(text)?;
        let raw = |section| zstd::bulk::decompress(section, Self::MAX_BYTES).map_err(text);
        Ok(Self {
            xlogs: raw(batch.xlog_section)?,
            profiles: raw(batch.profile_section)?,
            compressed_xlogs: batch.xlog_section.to_vec(),
        })
    }
}

fn encode_all(
    encoder: &mut BatchEncoder,
    batches: &[Vec<Transaction>],
) -> Result<Vec<Vec<u8>>, String> {
    let frame = |batch: &Vec<Transaction>| {
        let mut frame = Vec::new();
        encode(encoder, batch, &mut frame).map(|()| frame)
    };
    batches.iter().map(frame).collect()
}

fn encode(
    encoder: &mut BatchEncoder,
    transactions: &[Transaction],
    frame: &mut Vec<u8>,
) -> Result<(), String> {
    for transaction in transactions {
        let xlog = &transaction.xlog;
        encoder.push_xlog(xlog);
        encoder.begin_profile(xlog.txid, xlog.end_unix_us);
        for step in &transaction.steps {
            encoder.push_step(step);
        }
        encoder.end_profile();
    }
    let batch = encoder.finish(&Totals::default()).map_err(text)?;
    frame.clear();
    batch.write_frame(frame, 1, &Origin::default(), |_, text| TextName::Id(text.0)).map_err(text)
}

/// What the collector keeps between frames.
struct Decoder {
    sections: SectionDecoder,
    table: TextTable,
    texts: Vec<TextRef>,
    columns: XLogColumns,
}

impl Decoder {
    fn new() -> Result<Self, String> {
        Ok(Self {
            sections: SectionDecoder::new().map_err(text)?,
            table: TextTable::default(),
            texts: Vec::new(),
            columns: XLogColumns::default(),
        })
    }

    fn decode(&mut self, frame: &[u8]) -> Result<(), String> {
        let (frame, _) = Frame::parse(frame).map_err(text)?.ok_or("not a whole frame")?;
        let batch = BatchView::parse(frame.body, &mut self.table).map_err(text)?;
        self.texts.clear();
        self.texts.extend(self.table.entries().iter().map(|entry| match entry.name {
            TextName::Id(id) => TextRef(id),
            _ => TextRef::NONE,
        }));
        self.sections.xlogs(&batch, &self.texts, &mut self.columns).map_err(text)
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
