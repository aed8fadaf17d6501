//! [`LocalStore`] as a [`Store`].

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use scouter_wire::record::Step;
use scouter_wire::{Gxid, ObjectId, TextKind, TextRef, Txid};
use tokio::sync::watch;

use super::counters::{self, CounterQuery};
use super::segment::Segment;
use super::view::{Stop, View};
use super::wal::OBJECT_KIND;
use super::{Inner, LocalStore, query, seal};
use crate::store::{
    AlertBatch, AppendError, Appended, Bounds, CounterBatch, Differences, DigestBatch, DigestQuery,
    Digests, Dimension, Durable, Filter, Glob, Grid, GridShape, GroupSummary, MAX_TRACE_ROWS,
    Measure, Origin, OriginMark, Page, PageRequest, Points, ProfileMissing, QueryError, Retention,
    RetentionPreview, Row, Series, ServiceSummary, Store, StoreStats, StoredAlert, StoredObject,
    Texts, TimeRange, WalSeq, XLogBatch,
};

/// Most rows that one txid is looked for.
const MAX_SAME_TXID: usize = 100;

impl LocalStore {
    /// One round of what the store's own thread does: seals what is due, purges what is too old.
    /// For stores that have none ([`StoreConfig::is_self_maintained`](super::StoreConfig)).
    pub fn maintain(&self) {
        self.inner.maintain();
    }
}

impl Inner {
    /// Asks until no damaged segment is in the way: each is named, left out, and the question is
    /// asked again from the begin.
    fn ask<T>(&self, question: impl Fn(&View) -> Result<T, Stop>) -> Result<T, QueryError> {
        let mut view = self.view();
        loop {
            match question(&view) {
                Ok(answer) => return Ok(answer),
                Err(Stop::Failed(error)) => return Err(error),
                Err(Stop::Damaged(segment, why)) => {
                    self.leave_out(&segment, why);
                    view = self.view();
                }
                Err(Stop::NoRollup(segment, why)) => {
                    self.leave_out_rollup(&segment, why);
                    view = self.view();
                }
            }
        }
    }

    /// Marks a segment as damaged and names it.
    fn leave_out(&self, segment: &Arc<Segment>, why: String) {
        // Retention may have unlinked it since the view was made.
        if segment.mark_damaged() && self.is_listed(segment) {
            self.report_corrupt(segment.path().to_owned(), why);
        }
    }

    /// Marks the rollups of a segment as damaged and names them; its rows answer from now on.
    fn leave_out_rollup(&self, segment: &Arc<Segment>, why: String) {
        let Some(rollup) = segment.rollup() else { return };
        if rollup.mark_damaged() && self.is_listed(segment) {
            self.report_corrupt(rollup.path().to_owned(), why);
        }
    }

    fn is_listed(&self, segment: &Arc<Segment>) -> bool {
        let tables = self.tables.read();
        tables.segments.iter().any(|other| Arc::ptr_eq(other, segment))
    }

    /// The name of an object.
    pub(super) fn object_name(&self, object: ObjectId) -> Arc<str> {
        let name = self.dictionary.text(OBJECT_KIND, object.0);
        name.unwrap_or_else(|| "(unknown object)".into())
    }

    /// Counter series of memory and files that a query asks for.
    fn series(&self, query: CounterQuery<'_>) -> Result<Vec<Series>, QueryError> {
        let (hot, files) = {
            let tables = self.tables.read();
            let mut hot = vec![Arc::clone(&tables.active)];
            hot.extend(tables.frozen.iter().map(|frozen| Arc::clone(&frozen.generation)));
            (hot, Arc::clone(&tables.counters))
        };
        let mut parts = Vec::new();
        for file in files.iter() {
            let range = query.range;
            if file.first_unix_us > range.to_unix_us || file.last_unix_us < range.from_unix_us {
                continue;
            }
            let path = self.layout.sealed(&file.file);
            match counters::read(&path, query) {
                Ok(Ok(series)) => parts.extend(series),
                Ok(Err(damaged)) => self.report_corrupt(path, damaged.to_string()),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    self.report_corrupt(path, error.to_string());
                }
                Err(error) => return Err(error.into()),
            }
        }
        for generation in hot {
            let mut series = seal::named_series(&generation.data.read(), &self.dictionary);
            series.retain(|series| {
                query.name.is_none_or(|name| *series.name == *name)
                    && query.object.matches(&series.object)
            });
            for series in &mut series {
                series.points.retain(|(time, _)| query.range.contains(*time));
            }
            parts.extend(series);
        }
        Ok(counters::merge(parts))
    }

    fn hot_alerts(&self, range: TimeRange) -> Vec<StoredAlert> {
        let tables = self.tables.read();
        let frozen = tables.frozen.iter().map(|frozen| &frozen.generation);
        let mut alerts = Vec::new();
        for generation in frozen.chain([&tables.active]) {
            let data = generation.data.read();
            let within = data.alerts.iter().filter(|(_, alert)| range.contains(alert.unix_us));
            alerts.extend(within.map(|(object, alert)| StoredAlert {
                object: self.object_name(*object),
                alert: alert.clone(),
            }));
        }
        alerts
    }

    fn stats(&self) -> StoreStats {
        let read = |tally: &AtomicU64| tally.load(Ordering::Relaxed);
        let (texts, texts_refused, text_collisions) = self.dictionary.counts();
        let (disk_bytes, segment_bytes, pack_bytes) = self.disk_bytes();
        let (retention_files, retention_xlogs, retention_profiles) = self.purged();
        let hot_rows = self.hot_rows();
        let wal_bytes = self.wal_bytes();
        let tables = self.tables.read();
        let sealed = tables.segments.iter().filter(|segment| !segment.is_damaged());
        let frozen = tables.frozen.iter().map(|frozen| &frozen.generation);
        let hot_profiles: u64 =
            frozen.chain([&tables.active]).map(|hot| hot.data.read().profiles).sum();
        let packed: u64 = tables.packs.iter().map(|pack| pack.profiles).sum();
        let sealed_rows: u64 = sealed.map(|segment| segment.entry.rows).sum();
        let segments = tables.segments.len() as u64;
        drop(tables);
        let tallies = &self.tallies;
        // Taken before the literal: a guard within it would live to its end, and others lock too.
        let xlogs_accepted = self.ingest.lock().cursor;
        StoreStats {
            xlogs_accepted,
            xlogs: sealed_rows + hot_rows,
            profiles: packed + hot_profiles,
            hot_rows,
            segments,
            wal_bytes,
            disk_bytes,
            segment_bytes,
            pack_bytes,
            duplicate_frames: read(&tallies.duplicate_frames),
            append_errors: read(&tallies.append_errors),
            seal_errors: read(&tallies.seal_errors),
            last_seal_error: self.last_seal_error.lock().as_ref().map(ToString::to_string),
            late_rows: read(&tallies.late_rows),
            rollup_tables_over_limit: read(&tallies.rollup_tables_over_limit),
            texts_refused,
            text_collisions,
            texts,
            counter_points_dropped: read(&tallies.counter_points_dropped),
            retention_files,
            retention_xlogs,
            retention_profiles,
            wal_torn_bytes: read(&tallies.wal_torn_bytes),
            wal_recovered_xlogs: read(&tallies.wal_recovered_xlogs),
            corrupt_files: self.corrupt.lock().clone(),
        }
    }

    fn seal_all(&self) -> Result<(), AppendError> {
        {
            let mut ingest = self.ingest.lock();
            if !ingest.active.data.read().is_empty() {
                self.freeze(&mut ingest)?;
            }
        }
        if self.seal_frozen() {
            return Ok(());
        }
        let error = self.last_seal_error.lock().take();
        Err(error.unwrap_or(AppendError::Closed))
    }
}

impl Store for LocalStore {
    fn store_id(&self) -> u128 {
        self.inner.identity.store_id
    }

    fn text_hash_seed(&self) -> u128 {
        self.inner.identity.hash_seed
    }

    fn intern(&self, kind: TextKind, text: &str) -> Result<(TextRef, Option<WalSeq>), AppendError> {
        let (id, seq) = self.inner.intern(kind as u8, text)?;
        Ok((TextRef(id), seq))
    }

    fn by_hash(&self, kind: TextKind, hash: u64) -> Option<TextRef> {
        self.inner.by_hash(kind, hash)
    }

    fn text(&self, kind: TextKind, id: TextRef) -> Option<Arc<str>> {
        self.inner.dictionary.text(kind as u8, id.0)
    }

    fn object(&self, name: &str) -> Result<(ObjectId, Option<WalSeq>), AppendError> {
        self.inner.object(name)
    }

    fn objects(&self) -> Vec<StoredObject> {
        let names = self.inner.dictionary.all(OBJECT_KIND);
        (1..).zip(names).map(|(id, name)| StoredObject { id: ObjectId(id), name }).collect()
    }

    fn append(&self, batch: &XLogBatch<'_>) -> Result<Appended, AppendError> {
        self.inner.append_xlogs(batch)
    }

    fn append_counters(&self, batch: &CounterBatch<'_>) -> Result<Appended, AppendError> {
        self.inner.append_points(batch)
    }

    fn append_alerts(&self, batch: &AlertBatch<'_>) -> Result<Appended, AppendError> {
        self.inner.append_alerts(batch)
    }

    fn append_digests(&self, batch: &DigestBatch<'_>) -> Result<Appended, AppendError> {
        self.inner.append_digests(batch)
    }

    fn durable(&self) -> watch::Receiver<Durable> {
        self.inner.syncer.watch()
    }

    fn high_water(&self, origin: Origin) -> Option<u64> {
        let durable = self.inner.syncer.durable();
        self.inner.ingest.lock().origins.durable_high_water(origin, durable)
    }

    fn origins(&self) -> Vec<OriginMark> {
        self.inner.ingest.lock().origins.all()
    }

    fn cursor(&self) -> u64 {
        self.inner.ingest.lock().cursor
    }

    fn rows(
        &self,
        bounds: &Bounds,
        filter: &Filter,
        page: &PageRequest,
    ) -> Result<Page, QueryError> {
        self.inner.ask(|view| query::page(view, bounds, filter, page))
    }

    fn walk(
        &self,
        bounds: &Bounds,
        filter: &Filter,
        visit: &mut dyn FnMut(Row) -> ControlFlow<()>,
    ) -> Result<(), QueryError> {
        let view = self.inner.view();
        for source in view.oldest_first(bounds.range) {
            match query::walk(&view, source, bounds, filter, visit) {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => break,
                Err(Stop::Damaged(segment, why)) => self.inner.leave_out(&segment, why),
                Err(Stop::NoRollup(segment, why)) => self.inner.leave_out_rollup(&segment, why),
                Err(Stop::Failed(error)) => return Err(error),
            }
        }
        Ok(())
    }

    fn points(
        &self,
        range: TimeRange,
        measure: Measure,
        filter: &Filter,
        limit: usize,
    ) -> Result<Points, QueryError> {
        self.inner.ask(|view| query::points(view, range, measure, filter, limit))
    }

    fn transaction(&self, txid: Txid, gxid: Option<Gxid>) -> Result<Vec<Row>, QueryError> {
        let mut rows = self.inner.ask(|view| {
            view.find(
                |hot, rows| {
                    let data = hot.data.read();
                    let ids = &data.columns.txid[..rows];
                    (0..rows).filter(|row| ids[*row] == txid.value()).collect()
                },
                |segment| segment.find_txid(txid),
                MAX_SAME_TXID,
            )
        })?;
        rows.retain(|row| gxid.is_none_or(|gxid| row.gxid == gxid));
        Ok(rows)
    }

    fn trace(&self, gxid: Gxid) -> Result<Vec<Row>, QueryError> {
        let mut rows = self.inner.ask(|view| {
            view.find(
                |hot, rows| {
                    let data = hot.data.read();
                    let ids = &data.columns.gxid[..rows];
                    (0..rows).filter(|row| ids[*row] == gxid.value()).collect()
                },
                |segment| segment.find_gxid(gxid),
                MAX_TRACE_ROWS,
            )
        })?;
        rows.sort_by_key(|row| (row.start_unix_us(), row.txid));
        Ok(rows)
    }

    fn profile(
        &self,
        row: &Row,
        visit: &mut dyn FnMut(&Step<'_>, &dyn Texts),
    ) -> Result<(), ProfileMissing> {
        self.inner.profile(row, visit)
    }

    fn services(
        &self,
        range: TimeRange,
        filter: &Filter,
    ) -> Result<Vec<ServiceSummary>, QueryError> {
        self.inner.ask(|view| query::services(view, range, filter))
    }

    fn summary(
        &self,
        bounds: &Bounds,
        filter: &Filter,
        by: Dimension,
    ) -> Result<Vec<GroupSummary>, QueryError> {
        self.inner.ask(|view| query::summary(view, bounds, filter, by))
    }

    fn differences(
        &self,
        bounds: &Bounds,
        range: TimeRange,
        filter: &Filter,
        limit: usize,
    ) -> Result<Differences, QueryError> {
        self.inner.ask(|view| query::differences(view, bounds, range, filter, limit))
    }

    fn grid(&self, shape: &GridShape, filter: &Filter) -> Result<Grid, QueryError> {
        self.inner.ask(|view| query::grid(view, shape, filter))
    }

    fn counter_names(&self, object: &Glob) -> Vec<String> {
        let query = CounterQuery { object, name: None, range: TimeRange::ALL };
        // Names are for choosing from: those of unreadable files are left out.
        let series = self.inner.series(query).unwrap_or_default();
        let mut names: Vec<String> = series.iter().map(|series| series.name.to_string()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    fn counters(
        &self,
        object: &Glob,
        name: &str,
        range: TimeRange,
    ) -> Result<Vec<Series>, QueryError> {
        self.inner.series(CounterQuery { object, name: Some(name), range })
    }

    fn digests(&self, query: &DigestQuery<'_>) -> Result<Digests, QueryError> {
        self.inner.digests(query)
    }

    fn alerts(&self, range: TimeRange, limit: usize) -> Result<Vec<StoredAlert>, QueryError> {
        let hot = self.inner.hot_alerts(range);
        let sealed = self.inner.state.alerts(range, limit);
        let mut alerts = sealed.map_err(|why| QueryError::Io(std::io::Error::other(why)))?;
        alerts.extend(hot);
        alerts.sort_by_key(|stored| std::cmp::Reverse(stored.alert.unix_us));
        alerts.truncate(limit);
        Ok(alerts)
    }

    fn trouble(&self) -> Option<String> {
        self.inner.syncer.stalled().or_else(|| self.inner.health.trouble())
    }

    fn retention(&self) -> Retention {
        *self.inner.retention.read()
    }

    fn set_retention(&self, keep: Retention) {
        *self.inner.retention.write() = keep;
    }

    fn retention_preview(&self, keep: &Retention) -> RetentionPreview {
        self.inner.retention_preview(keep)
    }

    fn stats(&self) -> StoreStats {
        self.inner.stats()
    }

    fn seal(&self) -> Result<(), AppendError> {
        self.inner.seal_all()
    }

    fn close(&self) -> Result<(), AppendError> {
        if std::mem::replace(&mut self.inner.ingest.lock().is_closed, true) {
            return Ok(());
        }
        self.stop_thread();
        self.inner.syncer.stop();
        let sealed = self.inner.seal_all();
        self.inner.state.close();
        sealed
    }
}

impl LocalStore {
    fn stop_thread(&self) {
        self.inner.work.stop();
        if let Some(thread) = self.thread.lock().take() {
            // A panic of the thread has been printed; there is nothing to add.
            let _ended = thread.join();
        }
    }
}

impl Drop for LocalStore {
    /// Stops the threads without sealing: what is hot stays in the WAL and is recovered.
    fn drop(&mut self) {
        self.inner.ingest.lock().is_closed = true;
        self.stop_thread();
        self.inner.syncer.stop();
        self.inner.state.close();
    }
}
