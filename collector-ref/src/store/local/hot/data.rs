//! What one generation has in memory: rows with their texts, profiles, counters, digests, alerts.

use std::collections::HashMap;

use scouter_wire::codec::{DistinctText, TextTable, XLogColumns};
use scouter_wire::record::Alert;
use scouter_wire::{ObjectId, TextKind, TextRef};

use super::columns::Columns;
use super::pool::TextPool;
use crate::store::local::columns::{Narrow, TEXT_COUNT, Text};
use crate::store::local::counters::HotCounters;
use crate::store::local::digests::HotDigests;
use crate::store::local::texts::Dictionary;
use crate::store::local::wal::OBJECT_KIND;

/// A profile section that lies in the WAL and will be copied into a pack.
#[derive(Debug, Clone)]
pub(crate) struct HotFrame {
    /// Where the section lies in the generation's WAL file.
    pub(crate) offset: u64,
    pub(crate) bytes: u32,
    pub(crate) profiles: u32,
    /// The store's numbers of the frame's text table, with their kinds.
    pub(crate) texts: Box<[(u8, TextRef)]>,
}

/// Counter values that weigh as much as a row.
pub(crate) const POINTS_A_ROW: usize = 16;

/// Everything of one generation that lies in memory.
#[derive(Debug, Default)]
pub(crate) struct HotData {
    pub(crate) columns: Columns,
    pub(crate) pools: [TextPool; TEXT_COUNT],
    pub(crate) frames: Vec<HotFrame>,
    /// Profiles whose rows came in another frame: by txid the frame and the place in it.
    pub(crate) late_profiles: HashMap<u64, (u32, u32)>,
    pub(crate) profiles: u64,
    pub(crate) counters: HotCounters,
    pub(crate) digests: HotDigests,
    pub(crate) alerts: Vec<(ObjectId, Alert)>,
    /// END of the first and last row by time.
    pub(crate) range: Option<(i64, i64)>,
    /// By the store's number: number in the pool plus 1.
    services: Vec<u32>,
    objects: Vec<u32>,
    tags: String,
    /// Numbers in the pool of the distinct texts of one column of a batch.
    numbers: Vec<u32>,
}

/// Where and when a batch came in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchContext<'a> {
    pub(crate) dictionary: &'a Dictionary,
    pub(crate) object: ObjectId,
    pub(crate) arrival_unix_us: i64,
    pub(crate) clock_offset_us: i64,
    /// Number of the pack the generation's profiles will lie in.
    pub(crate) pack: u32,
}

impl HotData {
    /// Prepares for a whole generation, so that columns never move while they grow.
    pub(crate) fn reserve(&mut self, rows: usize) {
        self.columns.reserve(rows);
    }

    /// Nothing, in the memory of what was: columns and texts keep their room. Fresh memory would cost
    /// a sixth of all CPU under load, for the kernel zeroes each page of it.
    pub(crate) fn emptied(mut self) -> Self {
        let Self { columns, pools, .. } = &mut self;
        columns.clear();
        pools.iter_mut().for_each(TextPool::clear);
        Self { columns: std::mem::take(columns), pools: std::mem::take(pools), ..Self::default() }
    }

    /// How much is here, in rows: what the generation's bound counts.
    pub(crate) fn weight(&self) -> usize {
        let small = self.counters.points() / POINTS_A_ROW + self.digests.weight();
        self.columns.len() + self.late_profiles.len() + self.alerts.len() + small
    }

    /// Bytes of all inline texts.
    pub(crate) fn text_bytes(&self) -> usize {
        self.pools.iter().map(TextPool::text_bytes).sum()
    }

    /// Whether there is nothing to seal.
    pub(crate) fn is_empty(&self) -> bool {
        self.columns.len() == 0
            && self.frames.is_empty()
            && self.counters.points() == 0
            && self.digests.len() == 0
            && self.alerts.is_empty()
    }

    /// Appends the rows of a batch; `section` is where its profile section lies in the WAL.
    pub(crate) fn push_batch(
        &mut self,
        context: BatchContext<'_>,
        batch: &XLogColumns,
        section: Option<HotFrame>,
    ) {
        let base = self.columns.len();
        self.columns.extend(batch, context.arrival_unix_us, context.clock_offset_us);
        let object = self.object(context.dictionary, context.object);
        self.columns.text[Text::Object as usize][base..].fill(object);
        self.own_texts(base, context.dictionary, batch);
        self.distinct_texts(base, batch);
        self.widen_range(base);
        self.find_late_profiles(base, context.pack);
        if let Some(frame) = section {
            self.push_profiles(base, context.pack, batch, frame);
        }
    }

    /// Fills in the columns that have a text of their own for each row.
    fn own_texts(&mut self, base: usize, dictionary: &Dictionary, batch: &XLogColumns) {
        for (row, service) in batch.service().iter().enumerate() {
            let service = self.service(dictionary, *service);
            self.columns.text[Text::Service as usize][base + row] = service;
            let desc = batch.desc(row);
            if !desc.is_empty() {
                let desc = self.pools[Text::Desc as usize].id(desc);
                self.columns.text[Text::Desc as usize][base + row] = desc;
            }
            if batch.tags(row).len() > 0 {
                let tags = self.tags(dictionary, batch, row);
                self.columns.text[Text::Tags as usize][base + row] = tags;
            }
        }
    }

    /// Fills in the columns whose distinct texts the batch has once each: looks each up once.
    fn distinct_texts(&mut self, base: usize, batch: &XLogColumns) {
        const COLUMNS: [(Text, DistinctText); 5] = [
            (Text::Error, DistinctText::Error),
            (Text::Tenant, DistinctText::Tenant),
            (Text::Login, DistinctText::Login),
            (Text::Ip, DistinctText::Ip),
            (Text::UserAgent, DistinctText::UserAgent),
        ];
        let Self { columns, pools, numbers, .. } = self;
        for (column, distinct) in COLUMNS {
            let (texts, places) = batch.distinct(distinct);
            let pool = &mut pools[column as usize];
            numbers.clear();
            numbers.push(0);
            pool.ids(texts, numbers);
            for (number, place) in columns.text[column as usize][base..].iter_mut().zip(places) {
                // The decoder has checked that the places exist.
                let place = usize::try_from(*place).unwrap_or_default();
                *number = numbers.get(place).copied().unwrap_or_default();
            }
        }
    }

    fn widen_range(&mut self, base: usize) {
        let new = &self.columns.end[base..];
        if let (Some(first), Some(last)) = (new.iter().min(), new.iter().max()) {
            let (low, high) = self.range.unwrap_or((*first, *last));
            self.range = Some((low.min(*first), high.max(*last)));
        }
    }

    /// Rows whose profiles came before them.
    fn find_late_profiles(&mut self, base: usize, pack: u32) {
        if self.late_profiles.is_empty() {
            return;
        }
        for row in base..self.columns.len() {
            if let Some(at) = self.late_profiles.remove(&self.columns.txid[row]) {
                self.columns.point(row, pack, at);
            }
        }
    }

    fn push_profiles(&mut self, base: usize, pack: u32, batch: &XLogColumns, frame: HotFrame) {
        let number = u32::try_from(self.frames.len()).unwrap_or(u32::MAX);
        self.profiles += u64::from(frame.profiles);
        self.frames.push(frame);
        for (index, entry) in batch.profiles().iter().enumerate() {
            let at = (number, u32::try_from(index).unwrap_or(u32::MAX));
            match entry.row {
                Some(row) => self.columns.point(base + row as usize, pack, at),
                None => {
                    self.late_profiles.insert(entry.txid.value(), at);
                }
            }
        }
    }

    /// Before sealing: points rows at profiles that came after them in the same generation. What is
    /// left belongs to rows of earlier generations.
    pub(crate) fn settle_late_profiles(&mut self, pack: u32) {
        if self.late_profiles.is_empty() {
            return;
        }
        for row in 0..self.columns.len() {
            if self.columns.narrow(Narrow::Pack)[row] == 0
                && let Some(at) = self.late_profiles.remove(&self.columns.txid[row])
            {
                self.columns.point(row, pack, at);
            }
        }
    }

    fn service(&mut self, dictionary: &Dictionary, id: TextRef) -> u32 {
        let place = id.0 as usize;
        if let Some(known) = self.services.get(place).and_then(|id| id.checked_sub(1)) {
            return known;
        }
        let text = dictionary.display(TextKind::Service, id);
        let known = self.pools[Text::Service as usize].id(&text);
        remember(&mut self.services, place, known);
        known
    }

    fn object(&mut self, dictionary: &Dictionary, id: ObjectId) -> u32 {
        let place = id.0 as usize;
        if let Some(known) = self.objects.get(place).and_then(|id| id.checked_sub(1)) {
            return known;
        }
        let text = dictionary.text(OBJECT_KIND, id.0).unwrap_or_else(|| "(unknown object)".into());
        let known = self.pools[Text::Object as usize].id(&text);
        remember(&mut self.objects, place, known);
        known
    }

    /// Number of the JSON object of a row's tags.
    fn tags(&mut self, dictionary: &Dictionary, batch: &XLogColumns, row: usize) -> u32 {
        let mut map = serde_json::Map::new();
        for tag in batch.tags(row) {
            let key = dictionary.display(TextKind::Key, tag.key);
            map.insert(key.to_string(), serde_json::Value::from(tag.value));
        }
        self.tags = serde_json::Value::Object(map).to_string();
        self.pools[Text::Tags as usize].id(&self.tags)
    }
}

/// Store numbers are dense and bounded by the dictionary's limit, so a list serves as a map.
fn remember(list: &mut Vec<u32>, place: usize, known: u32) {
    const MAX_REMEMBERED: usize = 4_000_000;
    if place >= MAX_REMEMBERED {
        return;
    }
    if place >= list.len() {
        list.resize(place + 1, 0);
    }
    list[place] = known.saturating_add(1);
}

/// The texts of a frame's table with their kinds, for the pack that will hold its profiles.
pub(crate) fn frame_texts(table: &TextTable, texts: &[TextRef]) -> Box<[(u8, TextRef)]> {
    table.entries().iter().zip(texts).map(|(entry, text)| (entry.kind_number, *text)).collect()
}
