//! An agent that needs no network: encodes batches as the exporter does and appends them as the
//! collector does.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use scouter_collector::generate::Traffic;
use scouter_collector::store::local::{Durability, LocalStore, StoreClock, StoreConfig};
use scouter_collector::store::{
    AppendError, Appended, Bounds, Filter, OpenError, Origin, PageRequest, Row, Store, TimeRange,
    WalSeq, XLogBatch,
};
use scouter_wire::codec::{
    BatchEncoder, BatchView, Frame, InstanceId, Origin as WireOrigin, SectionDecoder, StoreId,
    TextName, TextTable, Totals, XLogColumns,
};
use scouter_wire::record::{Step, XLog};
use scouter_wire::{Gxid, ObjectId, TextKind, TextRef, Txid};

/// 2026-11-22 11:00:00 UTC.
pub(crate) const NOON: i64 = 1_795_345_200_000_000;

/// A store without a thread of its own and with a clock that stands still at [`NOON`].
pub(crate) fn config(folder: &Path) -> StoreConfig {
    let mut config = StoreConfig::new(folder);
    config.durability = Durability::Process;
    config.is_self_maintained = false;
    config.clock = StoreClock::Manual(Arc::new(AtomicI64::new(NOON)));
    config
}

/// Opens a store again and again while this very process holds its lock: another test that starts
/// a process has a copy of every lock between its fork and its exec. Bounded.
pub(crate) fn open(folder: &Path) -> LocalStore {
    open_with(&config(folder))
}

/// As [`open`], with these settings.
pub(crate) fn open_with(config: &StoreConfig) -> LocalStore {
    for _ in 0..100_000 {
        match LocalStore::open(config.clone()) {
            Err(OpenError::Locked { pid, .. }) if pid == Some(std::process::id()) => {
                std::thread::yield_now();
            }
            opened => return opened.unwrap(),
        }
    }
    panic!("{} stays locked", config.folder.display());
}

/// One agent process.
pub(crate) struct Agent {
    pub(crate) origin: Origin,
    pub(crate) seq: u64,
    pub(crate) object: ObjectId,
    encoder: BatchEncoder,
    decoder: SectionDecoder,
    table: TextTable,
    columns: XLogColumns,
    /// The store's number of each of the agent's texts.
    numbers: Vec<Vec<TextRef>>,
}

impl Agent {
    pub(crate) fn new(store: &dyn Store, instance: u128, object: &str) -> Self {
        Self {
            origin: Origin { instance, epoch: 1 },
            seq: 0,
            object: store.object(object).unwrap().0,
            encoder: BatchEncoder::new().unwrap(),
            decoder: SectionDecoder::new().unwrap(),
            table: TextTable::default(),
            columns: XLogColumns::new(),
            numbers: vec![vec![TextRef::NONE]; TextKind::ALL.len()],
        }
    }

    /// The agent's number of a text, which the store numbers too.
    pub(crate) fn text(&mut self, store: &dyn Store, kind: TextKind, text: &str) -> TextRef {
        let number = store.intern(kind, text).unwrap().0;
        let numbers = &mut self.numbers[kind as usize];
        let place = numbers.iter().position(|known| *known == number);
        let place = place.unwrap_or_else(|| {
            numbers.push(number);
            numbers.len() - 1
        });
        TextRef(u32::try_from(place).unwrap())
    }

    /// Numbers the texts of generated traffic.
    pub(crate) fn learn(&mut self, store: &dyn Store, traffic: &Traffic) {
        for (kind, number, text) in traffic.vocabulary().texts() {
            let numbers = &mut self.numbers[*kind as usize];
            assert_eq!(numbers.len(), number.0 as usize, "texts are numbered in order");
            numbers.push(store.intern(*kind, text).unwrap().0);
        }
    }

    pub(crate) fn push(&mut self, xlog: &XLog<'_>, steps: &[Step<'_>]) {
        assert!(self.encoder.push_xlog(xlog));
        if !steps.is_empty() {
            self.push_profile(xlog.txid, xlog.end_unix_us, steps);
        }
    }

    pub(crate) fn push_profile(&mut self, txid: Txid, end_unix_us: i64, steps: &[Step<'_>]) {
        assert!(self.encoder.begin_profile(txid, end_unix_us));
        for step in steps {
            assert!(self.encoder.push_step(step));
        }
        self.encoder.end_profile();
    }

    pub(crate) fn fill(&mut self, traffic: &mut Traffic, object: usize, rows: usize, every: usize) {
        traffic.fill(&mut self.encoder, object, rows, every);
    }

    /// Encodes what was pushed, as the next frame.
    pub(crate) fn frame(&mut self) -> Vec<u8> {
        self.seq += 1;
        let batch = self.encoder.finish(&Totals::default()).unwrap();
        let mut frame = Vec::new();
        let origin = WireOrigin {
            store: StoreId(0),
            instance: InstanceId(self.origin.instance),
            epoch: self.origin.epoch,
            object: self.object.0,
        };
        let numbers = &self.numbers;
        let name =
            |kind: TextKind, text: TextRef| TextName::Id(numbers[kind as usize][text.0 as usize].0);
        batch.write_frame(&mut frame, self.seq, &origin, name).unwrap();
        frame
    }

    /// Appends a frame as the collector does.
    pub(crate) fn append(
        &mut self,
        store: &dyn Store,
        frame: &[u8],
    ) -> Result<Appended, AppendError> {
        let (frame, _) = Frame::parse(frame).unwrap().unwrap();
        let view = BatchView::parse(frame.body, &mut self.table).unwrap();
        let texts: Vec<TextRef> = self
            .table
            .entries()
            .iter()
            .map(|entry| match entry.name {
                TextName::Id(id) => TextRef(id),
                _ => panic!("the test agent names texts by number"),
            })
            .collect();
        self.decoder.xlogs(&view, &texts, &mut self.columns).unwrap();
        store.append(&XLogBatch {
            origin: self.origin,
            seq: frame.header.seq,
            object: self.object,
            arrival_unix_us: NOON,
            clock_offset_us: 0,
            body: frame.body,
            view: &view,
            table: &self.table,
            texts: &texts,
            columns: &self.columns,
        })
    }

    /// Encodes what was pushed and appends it.
    pub(crate) fn send(&mut self, store: &dyn Store) -> WalSeq {
        let frame = self.frame();
        match self.append(store, &frame).unwrap() {
            Appended::Kept { seq, .. } => seq,
            other => panic!("kept, not {other:?}"),
        }
    }
}

/// A plain XLog: END, elapsed time and txid, everything else unremarkable.
pub(crate) fn xlog(end_unix_us: i64, elapsed_us: u64, txid: u64) -> XLog<'static> {
    XLog {
        end_unix_us,
        elapsed_us,
        txid: Txid::new(txid).unwrap(),
        gxid: Gxid::new(u128::from(txid) << 7 | 1).unwrap(),
        caller: None,
        kind: Default::default(),
        end: Default::default(),
        profile: scouter_wire::record::ProfileFate::Empty,
        flags: Default::default(),
        service: TextRef::NONE,
        status: 200,
        error: "",
        busy_us: 0,
        polls: 0,
        ttfb_us: 0,
        sql_count: 0,
        sql_us: 0,
        sql_rows: 0,
        pool_wait_us: 0,
        api_count: 0,
        api_us: 0,
        bytes_out: 0,
        alloc_bytes: 0,
        steps: 0,
        steps_dropped: 0,
        tenant: "",
        login: "",
        desc: "",
        ip: "",
        user_agent: "",
        tags: &[],
    }
}

/// All rows, page by page, newest first.
pub(crate) fn all_rows(store: &dyn Store, bounds: &Bounds, filter: &Filter) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut after = None;
    loop {
        let page = store.rows(bounds, filter, &PageRequest { limit: 1_000, after }).unwrap();
        rows.extend(page.rows);
        after = page.next;
        if after.is_none() {
            assert_eq!(page.total, rows.len() as u64, "the total is exact");
            return rows;
        }
    }
}

/// All rows of the store.
pub(crate) fn every_row(store: &dyn Store) -> Vec<Row> {
    all_rows(store, &Bounds::time(TimeRange::ALL), &Filter::ALL)
}

/// The steps of a row's profile as lines of text.
pub(crate) fn profile(store: &dyn Store, row: &Row) -> Vec<String> {
    let mut lines = Vec::new();
    store
        .profile(row, &mut |step, texts| {
            let kind = match step.kind {
                scouter_wire::record::StepKind::Sql => TextKind::Sql,
                scouter_wire::record::StepKind::Api => TextKind::Api,
                _ => TextKind::Method,
            };
            let name = texts.text(kind, step.name);
            lines.push(format!("{:?} {name} {} {}", step.kind, step.start_us, step.elapsed_us));
        })
        .unwrap_or_else(|missing| panic!("profile of {}: {missing}", row.txid));
    lines
}
