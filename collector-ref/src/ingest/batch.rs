//! BATCH: transactions and profiles into the store, and copies of them to whoever watches.

use std::collections::HashMap;
use std::sync::Arc;

use scouter_wire::codec::BatchView;
use scouter_wire::record::XLog;
use scouter_wire::{TextKind, TextRef};

use super::end::{End, Reason};
use super::session::Session;
use crate::live::{Labels, LiveRow};
use crate::plugin::{Event, Hooks, Profile, Row, StepRecord};
use crate::store::{Appended, Store, Texts, XLogBatch};

impl Session<'_> {
    /// Stores one batch. The copies for viewers and plugins are made only if there are any, and
    /// only after the store has taken the batch.
    pub(super) fn batch(&mut self, frame_seq: u64, body: &[u8]) -> Result<(), End> {
        if frame_seq == 0 {
            return Err(End::refuse(Reason::Malformed, "a BATCH needs a sequence number"));
        }
        let view = BatchView::parse(body, &mut self.table)?;
        self.check_origin(&view.origin)?;
        self.resolve()?;
        self.decoder.xlogs(&view, &self.texts, &mut self.columns)?;
        // Before the rows they count, so that stored rows are never ahead of what was recorded.
        self.app.objects.totals(&self.peer, view.totals);
        let appended = self.app.store.append(&XLogBatch {
            origin: self.peer.origin,
            seq: frame_seq,
            object: self.peer.object_id,
            arrival_unix_us: self.app.clock.unix_us(),
            clock_offset_us: self.peer.clock_offset_us,
            body,
            view: &view,
            table: &self.table,
            texts: &self.texts,
            columns: &self.columns,
        })?;
        self.note(appended);
        if let Appended::Kept { first_arrival, .. } = appended {
            self.app.telemetry.xlogs.add(self.columns.len() as u64);
            self.show(first_arrival);
            self.hand_to_plugins(&view);
        }
        self.ack(frame_seq)
    }

    /// Hands the rows to the live view, if anybody watches.
    fn show(&mut self, first_arrival: u64) {
        let Some(with_texts) = self.app.hub.wants_rows() else { return };
        let (store, labels) = (&*self.app.store, &mut self.labels);
        let offset = self.peer.clock_offset_us;
        let mut rows = Vec::with_capacity(self.columns.len());
        for (index, arrival) in (0..self.columns.len()).zip(first_arrival..) {
            let row = self.columns.row(index);
            let labels = labels.of(store, row.service);
            rows.push(LiveRow::new(&row, arrival, offset, labels, with_texts));
        }
        self.app.hub.publish(rows);
    }

    fn hand_to_plugins(&mut self, view: &BatchView<'_>) {
        let plugins = &self.app.plugins;
        if plugins.want(Hooks::XLOG) {
            let mut rows = Vec::with_capacity(self.columns.len());
            let arrival = self.app.clock.unix_us();
            let (store, labels) = (&*self.app.store, &mut self.labels);
            let offset = self.peer.clock_offset_us;
            self.columns.for_each(|row| {
                let labels = labels.of(store, row.service);
                rows.push(owned_row(store, row, &labels, arrival, offset));
            });
            plugins.offer(&Event::XLogs(Arc::new(rows)));
        }
        if plugins.want(Hooks::PROFILE) && !view.profile_section.is_empty() {
            let profiles = self.profiles(view);
            plugins.offer(&Event::Profiles(Arc::new(profiles)));
        }
    }

    /// Decodes the profiles of a batch. One that is damaged keeps the steps before the damage: the
    /// store has it as it came and says so when somebody looks.
    fn profiles(&mut self, view: &BatchView<'_>) -> Vec<Profile> {
        let texts = BatchTexts::new(&*self.app.store, &self.known_texts);
        let Ok(section) = self.decoder.profiles(view.profile_section, &self.texts) else {
            return Vec::new();
        };
        let entries = self.columns.profiles().iter().enumerate();
        entries
            .map(|(index, entry)| {
                let mut steps = Vec::new();
                let _ = section.steps(index, |step| steps.push(StepRecord::new(step, &texts)));
                let gxid = entry.row.map(|row| self.columns.row(row as usize).gxid);
                Profile { txid: entry.txid, gxid, object: Arc::clone(&self.peer.name), steps }
            })
            .collect()
    }
}

/// Services of one connection with their texts looked up once.
#[derive(Debug)]
pub(super) struct RowLabels {
    object: Arc<str>,
    services: HashMap<TextRef, Arc<Labels>>,
}

/// Services one connection remembers; past it the table starts anew.
const MAX_LABELS: usize = 65_536;

impl RowLabels {
    pub(super) fn new(object: Arc<str>) -> Self {
        Self { object, services: HashMap::new() }
    }

    fn of(&mut self, store: &dyn Store, service: TextRef) -> Arc<Labels> {
        if self.services.len() >= MAX_LABELS {
            self.services.clear();
        }
        let object = &self.object;
        let labels = self.services.entry(service).or_insert_with(|| {
            let text = store.text(TextKind::Service, service).unwrap_or_default();
            Arc::new(Labels::new(Arc::clone(object), text))
        });
        Arc::clone(labels)
    }
}

/// The texts that a batch names, by their numbers.
struct BatchTexts(HashMap<(TextKind, TextRef), Arc<str>>);

impl BatchTexts {
    fn new(store: &dyn Store, named: &[(TextKind, TextRef)]) -> Self {
        let texts = named
            .iter()
            .map(|(kind, text)| ((*kind, *text), store.text(*kind, *text).unwrap_or_default()));
        Self(texts.collect())
    }
}

impl Texts for BatchTexts {
    fn text(&self, kind: TextKind, id: TextRef) -> &str {
        self.0.get(&(kind, id)).map_or("", |text| text)
    }
}

/// A row with all its texts, as plugins get it.
fn owned_row(
    store: &dyn Store,
    row: &XLog<'_>,
    labels: &Labels,
    arrival_unix_us: i64,
    clock_offset_us: i64,
) -> Row {
    let key = |text| store.text(TextKind::Key, text).unwrap_or_default();
    Row {
        end_unix_us: row.end_unix_us.saturating_add(clock_offset_us),
        arrival_unix_us,
        elapsed_us: row.elapsed_us,
        txid: row.txid,
        gxid: row.gxid,
        caller: row.caller,
        object: Arc::clone(&labels.object),
        service: Arc::clone(&labels.service),
        kind: row.kind,
        end: row.end,
        profile: row.profile,
        flags: row.flags,
        status: row.status,
        error: row.error.into(),
        busy_us: row.busy_us,
        polls: row.polls,
        ttfb_us: row.ttfb_us,
        sql_count: row.sql_count,
        sql_us: row.sql_us,
        sql_rows: row.sql_rows,
        pool_wait_us: row.pool_wait_us,
        api_count: row.api_count,
        api_us: row.api_us,
        bytes_out: row.bytes_out,
        alloc_bytes: row.alloc_bytes,
        steps: row.steps,
        steps_dropped: row.steps_dropped,
        tenant: row.tenant.into(),
        login: row.login.into(),
        desc: row.desc.into(),
        ip: row.ip.into(),
        user_agent: row.user_agent.into(),
        tags: row.tags.iter().map(|tag| (key(tag.key), tag.value.into())).collect(),
        profile_at: None,
    }
}
