//! Numbers the values of one dimension, so that rows are added up by number and not by text.

use std::collections::HashMap;
use std::sync::Arc;

use scouter_wire::record::{EndReason, XLogKind};

use super::super::columns::{Column, Narrow, Text};
use super::super::segment::{Chunk, TextColumn};
use crate::names;
use crate::store::{Dimension, MAX_GROUPS, OTHER};

/// Where the values of a dimension stand.
#[derive(Debug, Clone, Copy)]
enum Place {
    Text(Text),
    Narrow(Narrow),
}

const fn place(dimension: Dimension) -> Place {
    match dimension {
        Dimension::Service => Place::Text(Text::Service),
        Dimension::Object => Place::Text(Text::Object),
        Dimension::Tenant => Place::Text(Text::Tenant),
        Dimension::Login => Place::Text(Text::Login),
        Dimension::Ip => Place::Text(Text::Ip),
        Dimension::UserAgent => Place::Text(Text::UserAgent),
        Dimension::Error => Place::Text(Text::Error),
        Dimension::Desc => Place::Text(Text::Desc),
        Dimension::Status => Place::Narrow(Narrow::Status),
        Dimension::Kind => Place::Narrow(Narrow::Kind),
        Dimension::End => Place::Narrow(Narrow::End),
    }
}

/// The values of one chunk: a key for each row.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Keys<'a> {
    Text(TextColumn<'a>),
    Number(&'a [u32]),
}

impl Keys<'_> {
    fn key(&self, row: usize) -> u32 {
        match self {
            Self::Text(column) => column.keys[row],
            Self::Number(numbers) => numbers[row],
        }
    }
}

/// The numbers of the values seen so far, 0 on.
#[derive(Debug)]
pub(crate) struct Values {
    pub(crate) dimension: Dimension,
    pub(crate) names: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, usize>,
    dictionary: u64,
    /// By key: number plus 1, 0 when it is not known yet.
    table: Vec<u32>,
}

/// Entries of the table; rows with larger keys are looked up by text.
const MAX_TABLE: usize = 1 << 22;

impl Values {
    pub(crate) fn new(dimension: Dimension) -> Self {
        let (names, numbers) = (Vec::new(), HashMap::new());
        Self { dimension, names, numbers, dictionary: 0, table: Vec::new() }
    }

    /// The column its values stand in.
    pub(crate) const fn column(&self) -> Column {
        match place(self.dimension) {
            Place::Text(text) => Column::Text(text),
            Place::Narrow(narrow) => Column::Narrow(narrow),
        }
    }

    /// The keys of a chunk; to be called once before its rows are numbered.
    pub(crate) fn enter<'a>(&mut self, chunk: &Chunk<'a>) -> Keys<'a> {
        match place(self.dimension) {
            Place::Narrow(narrow) => Keys::Number(chunk.narrow(narrow)),
            Place::Text(text) => {
                let column = chunk.text(text);
                if self.dictionary != column.dictionary {
                    self.dictionary = column.dictionary;
                    self.table.clear();
                }
                Keys::Text(column)
            }
        }
    }

    /// The number of a row's value.
    #[inline]
    pub(crate) fn number(&mut self, keys: Keys<'_>, row: usize) -> usize {
        let key = keys.key(row);
        match self.table.get(key as usize) {
            Some(known) if *known != 0 => *known as usize - 1,
            _ => self.learn(keys, key),
        }
    }

    #[cold]
    fn learn(&mut self, keys: Keys<'_>, key: u32) -> usize {
        let number = match keys {
            Keys::Text(column) => self.find(column.text(key)),
            Keys::Number(_) => self.find(&self.label(key)),
        };
        let place = key as usize;
        if place < MAX_TABLE {
            if place >= self.table.len() {
                self.table.resize(place + 1, 0);
            }
            self.table[place] = u32::try_from(number + 1).unwrap_or(0);
        }
        number
    }

    /// How a number is shown.
    fn label(&self, key: u32) -> String {
        let byte = u8::try_from(key).unwrap_or(u8::MAX);
        match self.dimension {
            Dimension::Kind => names::xlog_kind(XLogKind::from_wire_lossy(byte)).to_owned(),
            Dimension::End => names::end_reason(EndReason::from_wire_lossy(byte)).to_owned(),
            _ => key.to_string(),
        }
    }

    /// The number of a value by its text.
    pub(super) fn find(&mut self, value: &str) -> usize {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        let is_full = self.names.len() >= MAX_GROUPS;
        if let Some(number) = self.numbers.get(OTHER).filter(|_| is_full) {
            return *number;
        }
        let name: Arc<str> = if is_full { OTHER.into() } else { value.into() };
        let number = self.names.len();
        self.names.push(Arc::clone(&name));
        self.numbers.insert(name, number);
        number
    }
}
