//! Bytes and CPU time of transactions with ten steps on their way to the collector.
//!
//! `encode` is the exporter's work from records to the frame that is sent, compressed; `decode` is
//! the collector's from the frame to the columns of the XLogs (it stores profiles as they came).
//! OTLP carries the same transactions as eleven spans each, in one request as large as our batch.

use std::hint::black_box;

use scouter_wire::TextRef;
use scouter_wire::codec::{
    BatchEncoder, BatchView, Frame, Origin, SectionDecoder, TextName, TextTable, Totals,
    XLogColumns,
};

use crate::clock::measure;
use crate::harness::{Cell, OURS, Row};
use crate::sample::{self, Transaction};

const OTLP: &str = "otlp";
const OTLP_ZSTD: &str = "otlp+zstd";

pub(crate) const ROWS: &[Row] = &[
    Row::new("encode_ns_per_tx", "ns", &[OURS, OTLP, OTLP_ZSTD]),
    Row::new("decode_xlog_ns_per_tx", "ns", &[OURS, OTLP, OTLP_ZSTD]),
    Row::new("wire_bytes_per_tx", "bytes", &[OURS, OTLP, OTLP_ZSTD]).rounds(1),
];

/// Transactions in one batch: what an agent under load sends at once.
const BATCH: usize = 1_000;

/// Measures one cell.
pub(crate) fn run(cell: &Cell<'_>) -> Result<f64, String> {
    let transactions = sample::transactions(BATCH);
    let value = match cell.peer {
        OURS => ours(cell, &transactions)?,
        #[cfg(feature = "peers")]
        OTLP => super::wire_otlp::run(cell, &transactions, super::wire_otlp::Compression::None)?,
        #[cfg(feature = "peers")]
        OTLP_ZSTD => {
            super::wire_otlp::run(cell, &transactions, super::wire_otlp::Compression::Zstd)?
        }
        other => return Err(format!("no peer `{other}` in this build")),
    };
    Ok(value / BATCH as f64)
}

fn ours(cell: &Cell<'_>, transactions: &[Transaction]) -> Result<f64, String> {
    let mut encoder = BatchEncoder::new().map_err(|error| error.to_string())?;
    let mut frame = Vec::new();
    encode(&mut encoder, transactions, &mut frame)?;
    match cell.row {
        "encode_ns_per_tx" => Ok(measure(cell.budget, || {
            _ = black_box(encode(&mut encoder, transactions, &mut frame));
        })),
        "decode_xlog_ns_per_tx" => {
            let mut decoder = Decoder::new()?;
            decoder.decode(&frame)?;
            if decoder.columns.len() != transactions.len() {
                return Err("the batch did not survive".into());
            }
            Ok(measure(cell.budget, || _ = black_box(decoder.decode(&frame))))
        }
        "wire_bytes_per_tx" => Ok(frame.len() as f64),
        other => Err(format!("no row `{other}`")),
    }
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
    let batch = encoder.finish(&Totals::default()).map_err(|error| error.to_string())?;
    frame.clear();
    batch
        .write_frame(frame, 1, &Origin::default(), |_, text| TextName::Id(text.0))
        .map_err(|error| error.to_string())
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
            sections: SectionDecoder::new().map_err(|error| error.to_string())?,
            table: TextTable::default(),
            texts: Vec::new(),
            columns: XLogColumns::default(),
        })
    }

    fn decode(&mut self, frame: &[u8]) -> Result<(), String> {
        let text = |error: scouter_wire::codec::DecodeError| error.to_string();
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
