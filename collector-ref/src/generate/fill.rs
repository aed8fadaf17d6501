//! A data folder full of generated transactions, for trials.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use scouter_wire::codec::{
    BatchEncoder, BatchView, DecodeError, EncodeError, Frame, InstanceId, Origin as WireOrigin,
    SectionDecoder, StoreId, TextName, TextTable, Totals, XLogColumns,
};
use scouter_wire::{ObjectId, TextKind, TextRef};

use super::Traffic;
use crate::store::local::{Durability, LocalStore, StoreConfig};
use crate::store::{AppendError, OpenError, Origin, Store, XLogBatch};

/// Transactions of one batch, as many as an agent sends at once.
const BATCH: usize = 500;

/// Most transactions that are generated at once, about 140 GB of disk; more are refused.
pub const MAX_TRANSACTIONS: u64 = 1_000_000_000;

/// Longest time that they are spread over, ten years; a longer one is refused.
pub const MAX_SPAN: Duration = Duration::from_secs(3_653 * 86_400);

/// What is to be generated.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "made by whoever asks, field by field")]
pub struct Plan {
    /// How many transactions, each with its profile: 1 to [`MAX_TRANSACTIONS`].
    pub transactions: u64,
    /// The same seed and times give the same ones.
    pub seed: u64,
    /// When the last one ends, unix µs.
    pub end_unix_us: i64,
    /// Over how long they are spread: a second to [`MAX_SPAN`].
    pub span: Duration,
}

impl Plan {
    fn check(&self) -> Result<(), FillError> {
        let refuse = |why: String| Err(FillError::Limit(why));
        if !(1..=MAX_TRANSACTIONS).contains(&self.transactions) {
            let given = self.transactions;
            return refuse(format!("{given} transactions: give 1 to {MAX_TRANSACTIONS}"));
        }
        if !(Duration::from_secs(1)..=MAX_SPAN).contains(&self.span) {
            let (given, most) = (self.span.as_secs() / 60, MAX_SPAN.as_secs() / 60);
            return refuse(format!("over {given} minutes: give 1 to {most}"));
        }
        Ok(())
    }
}

/// Why nothing, or not everything, was generated.
#[derive(Debug)]
#[non_exhaustive]
pub enum FillError {
    /// More, or less, is asked for than is generated at once; the text says what, and how much may
    /// be.
    Limit(String),
    /// The folder has something in it, and generated data must not mix with real data.
    NotEmpty,
    /// The folder cannot be used.
    Open(OpenError),
    /// The store did not take a batch, for instance because the disk is full.
    Append(AppendError),
    /// A batch could not be written.
    Encode(EncodeError),
    /// A batch could not be read back: a mistake of ours.
    Decode(DecodeError),
}

impl fmt::Display for FillError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit(why) => write!(f, "cannot generate {why}"),
            Self::NotEmpty => f.write_str(
                "the folder is not empty: name a new one, so that generated data does not mix with \
                 real data",
            ),
            Self::Open(error) => error.fmt(f),
            Self::Append(error) => error.fmt(f),
            Self::Encode(error) => error.fmt(f),
            Self::Decode(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for FillError {}

/// Fills a new data folder, through the same store that a collector fills, and closes it. Calls
/// `progress` with the number of transactions now and then.
///
/// # Errors
/// See [`FillError`]; what was written before stays.
pub fn fill(folder: &Path, plan: &Plan, progress: &mut dyn FnMut(u64)) -> Result<(), FillError> {
    plan.check()?;
    if folder.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(FillError::NotEmpty);
    }
    let mut config = StoreConfig::new(folder);
    // Whoever generates can generate again; the close makes everything durable.
    config.durability = Durability::Process;
    let store = LocalStore::open(config).map_err(FillError::Open)?;
    write(&store, plan, progress)?;
    store.close().map_err(FillError::Append)
}

/// Fills a store and leaves it as if its process had been killed: what is not sealed by the settings
/// is in the log only.
///
/// # Errors
/// See [`FillError`].
pub fn fill_unsealed(config: StoreConfig, plan: &Plan) -> Result<(), FillError> {
    plan.check()?;
    let store = LocalStore::open(config).map_err(FillError::Open)?;
    write(&store, plan, &mut |_| {})
}

fn write(store: &LocalStore, plan: &Plan, progress: &mut dyn FnMut(u64)) -> Result<(), FillError> {
    let span_us = i64::try_from(plan.span.as_micros()).unwrap_or(i64::MAX);
    let per_second = approximate(plan.transactions) / plan.span.as_secs_f64().max(1.0);
    let begin = plan.end_unix_us.saturating_sub(span_us);
    let mut traffic = Traffic::new(plan.seed, begin, per_second.max(f64::MIN_POSITIVE));
    let mut writer = Writer::new(store, &traffic, plan.seed)?;
    let mut left = plan.transactions;
    while left > 0 {
        let rows = usize::try_from(left).unwrap_or(BATCH).min(BATCH);
        let object = traffic.pick_object();
        writer.send(store, &mut traffic, object, rows)?;
        left -= rows as u64;
        progress(plan.transactions - left);
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a rate")]
fn approximate(count: u64) -> f64 {
    count as f64
}

/// The agents of the fleet, without their network.
struct Writer {
    objects: Vec<(ObjectId, Origin, u64)>,
    /// By kind and the traffic's number: the store's.
    numbers: Vec<Vec<TextRef>>,
    encoder: BatchEncoder,
    decoder: SectionDecoder,
    table: TextTable,
    columns: XLogColumns,
    frame: Vec<u8>,
}

impl Writer {
    fn new(store: &LocalStore, traffic: &Traffic, seed: u64) -> Result<Self, FillError> {
        let mut numbers = vec![vec![TextRef::NONE]; TextKind::ALL.len()];
        for (kind, _, text) in traffic.vocabulary().texts() {
            // They are numbered in this order from 1 on.
            numbers[*kind as usize].push(store.intern(*kind, text).map_err(FillError::Append)?.0);
        }
        let mut objects = Vec::new();
        for (number, name) in traffic.vocabulary().objects().iter().enumerate() {
            let instance = (u128::from(seed) << 64) | (number as u128 + 1);
            let number = store.object(name).map_err(FillError::Append)?.0;
            objects.push((number, Origin { instance, epoch: 1 }, 0));
        }
        Ok(Self {
            objects,
            numbers,
            encoder: BatchEncoder::new().map_err(FillError::Encode)?,
            decoder: SectionDecoder::new().map_err(FillError::Decode)?,
            table: TextTable::default(),
            columns: XLogColumns::new(),
            frame: Vec::new(),
        })
    }

    fn send(
        &mut self,
        store: &LocalStore,
        traffic: &mut Traffic,
        object: usize,
        rows: usize,
    ) -> Result<(), FillError> {
        traffic.fill(&mut self.encoder, object, rows, 1);
        let (object, origin, seq) = &mut self.objects[object];
        *seq += 1;
        let batch = self.encoder.finish(&Totals::default()).map_err(FillError::Encode)?;
        let on_wire = WireOrigin {
            store: StoreId(0),
            instance: InstanceId(origin.instance),
            epoch: origin.epoch,
            object: object.0,
        };
        let numbers = &self.numbers;
        let name =
            |kind: TextKind, text: TextRef| TextName::Id(numbers[kind as usize][text.0 as usize].0);
        self.frame.clear();
        batch.write_frame(&mut self.frame, *seq, &on_wire, name).map_err(FillError::Encode)?;
        let parsed = Frame::parse(&self.frame).map_err(FillError::Decode)?;
        let Some((frame, _)) = parsed else { return Ok(()) };
        let view = BatchView::parse(frame.body, &mut self.table).map_err(FillError::Decode)?;
        let texts: Vec<TextRef> = self
            .table
            .entries()
            .iter()
            .map(|entry| match entry.name {
                TextName::Id(id) => TextRef(id),
                _ => TextRef::NONE,
            })
            .collect();
        self.decoder.xlogs(&view, &texts, &mut self.columns).map_err(FillError::Decode)?;
        let batch = XLogBatch {
            origin: *origin,
            seq: *seq,
            object: *object,
            arrival_unix_us: traffic.now_unix_us(),
            clock_offset_us: 0,
            body: frame.body,
            view: &view,
            table: &self.table,
            texts: &texts,
            columns: &self.columns,
        };
        store.append(&batch).map_err(FillError::Append)?;
        Ok(())
    }
}
