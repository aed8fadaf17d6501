//! Works rollups out from the rows of a segment.

use std::collections::HashMap;

use super::super::bytes::{put_text, put_varint, zigzag};
use super::super::columns::HAS_ERROR;
use super::table::{self, Key};
use super::{KEY_COUNT, MAX_KEYS, MIN_ROWS_PER_KEY, MINUTE_US, Shape, Totals};

/// The rows of a segment, by the columns that rollups need.
pub(crate) struct Rows<'a> {
    /// Numbers of the rows in the order of END.
    pub(crate) order: &'a [u32],
    pub(crate) end: &'a [i64],
    pub(crate) elapsed: &'a [u64],
    pub(crate) flags: &'a [u32],
    pub(crate) sql_us: &'a [u64],
    pub(crate) sql_count: &'a [u32],
    pub(crate) api_us: &'a [u64],
    pub(crate) api_count: &'a [u32],
    /// Numbers of texts by [`KEY_COLUMNS`](super::KEY_COLUMNS).
    pub(crate) keys: [&'a [u32]; KEY_COUNT],
    /// The text of a column with a number.
    pub(crate) text: &'a dyn Fn(usize, u32) -> &'a str,
}

/// Which tables are kept. They stand in the file, so that it can be worked out again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) rows_per_key: u32,
    pub(crate) keys: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rows_per_key: MIN_ROWS_PER_KEY, keys: MAX_KEYS }
    }
}

impl Limits {
    /// Whether a table of so many keys pays for so many rows.
    const fn pays(self, keys: usize, rows: usize) -> bool {
        keys > 0 && (keys as u64) * (self.rows_per_key as u64) <= rows as u64
    }
}

/// The parts of a file of rollups, before they are compressed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Built {
    pub(crate) texts: Vec<u8>,
    /// Tables of all rows; empty when none pays.
    pub(crate) total: Vec<u8>,
    /// Of each minute that has any: its number, how many tables, the tables.
    pub(crate) minutes: Vec<u8>,
    /// Tables that there are not because they would have too many keys.
    pub(crate) over_limit: u64,
    /// By which it was worked out.
    pub(super) limits: Limits,
}

/// Works out the rollups of a segment.
pub(crate) fn build(rows: &Rows<'_>, limits: Limits) -> Built {
    let mut built = Built { limits, ..Built::default() };
    let (Some(first), Some(last)) = (rows.order.first(), rows.order.last()) else { return built };
    let (first, last) = (rows.end[*first as usize], rows.end[*last as usize]);
    let places: [Places<'_>; KEY_COUNT] = std::array::from_fn(|column| Places::new(rows, column));
    let mut families = Vec::new();
    for pair in [Shape::ServiceObject, Shape::TenantService] {
        match Family::pair(rows, &places, pair, limits) {
            Ok(family) => families.push(family),
            Err(why) => {
                built.over_limit += u64::from(why == NotKept::TooManyKeys);
                // Services are told by the first pair or its substitutes.
                let singles = match pair {
                    Shape::ServiceObject => &[Shape::Service, Shape::Object][..],
                    _ => &[Shape::Tenant],
                };
                for single in singles {
                    match Family::single(rows, &places, *single, limits) {
                        Ok(family) => families.push(family),
                        Err(why) => built.over_limit += u64::from(why == NotKept::TooManyKeys),
                    }
                }
            }
        }
    }
    if families.is_empty() {
        return built;
    }
    for place in &places {
        place.put(&mut built.texts);
    }
    let minute = |at: usize| rows.end[rows.order[at] as usize].div_euclid(MINUTE_US);
    let has_minutes = minute(0) != last.div_euclid(MINUTE_US);
    let mut begin = 0;
    while begin < rows.order.len() {
        let number = minute(begin);
        let end = begin
            + rows.order[begin..]
                .partition_point(|row| rows.end[*row as usize].div_euclid(MINUTE_US) == number);
        let (mut tables, mut count) = (Vec::new(), 0);
        for family in &mut families {
            family.add(rows, begin..end);
            if has_minutes {
                count += family.put_minute(&mut tables, number, end - begin, limits);
            }
            family.keep();
        }
        if count > 0 {
            put_varint(&mut built.minutes, zigzag(number));
            put_varint(&mut built.minutes, count);
            built.minutes.append(&mut tables);
        }
        begin = end;
    }
    for family in &families {
        let entries = family.keys.iter().copied().zip(&family.totals);
        table::put(&mut built.total, family.shape, first, entries);
    }
    built
}

/// The texts of one column that occur, in order, and the place of each number among them.
struct Places<'a> {
    texts: Vec<&'a str>,
    of_number: Vec<u32>,
}

impl<'a> Places<'a> {
    fn new(rows: &Rows<'a>, column: usize) -> Self {
        let keys = rows.keys[column];
        let mut of_number: Vec<u32> = Vec::new();
        let mut used: Vec<u32> = Vec::new();
        for row in rows.order {
            let number = keys[*row as usize];
            let place = number as usize;
            if place >= of_number.len() {
                of_number.resize(place + 1, u32::MAX);
            }
            if of_number[place] == u32::MAX {
                of_number[place] = 0;
                used.push(number);
            }
        }
        used.sort_unstable_by_key(|number| (rows.text)(column, *number));
        for (place, number) in (0..).zip(&used) {
            of_number[*number as usize] = place;
        }
        Self { texts: used.iter().map(|number| (rows.text)(column, *number)).collect(), of_number }
    }

    fn put(&self, out: &mut Vec<u8>) {
        put_varint(out, self.texts.len() as u64);
        self.texts.iter().for_each(|text| put_text(out, text));
    }
}

/// Why there is no table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NotKept {
    DoesNotPay,
    TooManyKeys,
}

/// A table in the making: the keys of its rows, what they add up to in this minute and in all.
struct Family {
    shape: Shape,
    /// By the order of rows: number of the key.
    of_row: Vec<u32>,
    /// By number, ascending.
    keys: Vec<Key>,
    minute: Vec<Totals>,
    /// Numbers that the minute has.
    touched: Vec<u32>,
    totals: Vec<Totals>,
}

impl Family {
    fn new(shape: Shape, of_row: Vec<u32>, keys: Vec<Key>) -> Self {
        let none = vec![Totals::default(); keys.len()];
        Self { shape, of_row, keys, minute: none.clone(), touched: Vec::new(), totals: none }
    }

    fn single(
        rows: &Rows<'_>,
        places: &[Places<'_>; KEY_COUNT],
        shape: Shape,
        limits: Limits,
    ) -> Result<Self, NotKept> {
        let [column, _] = shape.columns();
        let (places, numbers) = (&places[column], rows.keys[column]);
        let count = check(places.texts.len(), rows.order.len(), limits)?;
        let place = |row: &u32| places.of_number[numbers[*row as usize] as usize];
        let keys = (0..count).map(|place| [place, place]).collect();
        Ok(Self::new(shape, rows.order.iter().map(place).collect(), keys))
    }

    fn pair(
        rows: &Rows<'_>,
        places: &[Places<'_>; KEY_COUNT],
        shape: Shape,
        limits: Limits,
    ) -> Result<Self, NotKept> {
        let [a, b] = shape.columns();
        let place = |column: usize, row: u32| {
            places[column].of_number[rows.keys[column][row as usize] as usize]
        };
        let mut known = KnownPairs::new(places[a].texts.len(), places[b].texts.len());
        let mut keys: Vec<Key> = Vec::new();
        let mut of_row = Vec::with_capacity(rows.order.len());
        for row in rows.order {
            let key = [place(a, *row), place(b, *row)];
            let number = known.number(key);
            if number as usize == keys.len() {
                keys.push(key);
                check(keys.len(), rows.order.len(), limits)?;
            }
            of_row.push(number);
        }
        // Numbered anew in the order of the keys, so that tables are sorted by number.
        let count = u32::try_from(keys.len()).unwrap_or(u32::MAX);
        let mut order: Vec<u32> = (0..count).collect();
        order.sort_unstable_by_key(|number| keys[*number as usize]);
        let mut sorted = vec![0; keys.len()];
        for (place, number) in (0..).zip(&order) {
            sorted[*number as usize] = place;
        }
        of_row.iter_mut().for_each(|number| *number = sorted[*number as usize]);
        keys.sort_unstable();
        Ok(Self::new(shape, of_row, keys))
    }

    /// Adds up rows of one minute.
    fn add(&mut self, rows: &Rows<'_>, places: std::ops::Range<usize>) {
        for place in places {
            let (row, number) = (rows.order[place] as usize, self.of_row[place]);
            let totals = &mut self.minute[number as usize];
            if totals.spread.count == 0 {
                self.touched.push(number);
            }
            totals.spread.add(rows.elapsed[row], rows.flags[row] & HAS_ERROR != 0);
            totals.add_times(rows.end[row], rows.sql_us[row], rows.api_us[row]);
            totals.sql_count += u64::from(rows.sql_count[row]);
            totals.api_count += u64::from(rows.api_count[row]);
        }
    }

    /// Writes the minute's table, or those by one text alone where they pay and it does not.
    fn put_minute(&mut self, out: &mut Vec<u8>, minute: i64, rows: usize, limits: Limits) -> u64 {
        self.touched.sort_unstable();
        let base = minute.wrapping_mul(MINUTE_US);
        let entries = self
            .touched
            .iter()
            .map(|number| (self.keys[*number as usize], &self.minute[*number as usize]));
        if limits.pays(self.touched.len(), rows) {
            table::put(out, self.shape, base, entries);
            return 1;
        }
        let mut count = 0;
        if self.shape.is_pair() {
            for (side, column) in self.shape.columns().into_iter().enumerate() {
                let shape = Shape::single(column);
                // Services are told by the pair with objects.
                if self.shape == Shape::TenantService && shape == Shape::Service {
                    continue;
                }
                let mut groups: HashMap<u32, Totals> = HashMap::new();
                for (key, totals) in entries.clone() {
                    groups.entry(key[side]).or_default().merge(totals);
                }
                if limits.pays(groups.len(), rows) {
                    let mut groups: Vec<(u32, Totals)> = groups.into_iter().collect();
                    groups.sort_unstable_by_key(|(place, _)| *place);
                    let entries = groups.iter().map(|(place, totals)| ([*place; 2], totals));
                    table::put(out, shape, base, entries);
                    count += 1;
                }
            }
        }
        count
    }

    /// Adds the minute to the totals and begins another.
    fn keep(&mut self) {
        for number in self.touched.drain(..) {
            let minute = &mut self.minute[number as usize];
            self.totals[number as usize].merge(minute);
            minute.clear();
        }
    }
}

fn check(keys: usize, rows: usize, limits: Limits) -> Result<u32, NotKept> {
    match u32::try_from(keys) {
        Ok(count) if count <= limits.keys && limits.pays(keys, rows) => Ok(count),
        Ok(count) if count <= limits.keys => Err(NotKept::DoesNotPay),
        _ => Err(NotKept::TooManyKeys),
    }
}

/// Numbers of pairs, in the order in which they are met.
enum KnownPairs {
    /// By both places: number plus 1.
    Table(Vec<u32>, usize),
    Map(HashMap<Key, u32>),
}

/// Entries of a table of pairs; more go into a map.
const MAX_TABLE: usize = 4 << 20;

impl KnownPairs {
    fn new(a: usize, b: usize) -> Self {
        match a.checked_mul(b).filter(|size| *size <= MAX_TABLE) {
            // The last entry is the number of the next pair.
            Some(size) => Self::Table(vec![0; size + 1], b),
            None => Self::Map(HashMap::new()),
        }
    }

    #[inline]
    fn number(&mut self, key: Key) -> u32 {
        match self {
            Self::Table(table, width) => {
                let place = key[0] as usize * *width + key[1] as usize;
                if table[place] == 0 {
                    let next = table.len() - 1;
                    table[next] += 1;
                    table[place] = table[next];
                }
                table[place] - 1
            }
            Self::Map(map) => {
                let next = u32::try_from(map.len()).unwrap_or(u32::MAX);
                *map.entry(key).or_insert(next)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::local::manifest::RollupEntry;
    use crate::store::local::rollup::{Need, verify};

    /// Rows of two services and one object in two minutes, each tenant once.
    struct Sample {
        order: Vec<u32>,
        end: Vec<i64>,
        numbers: Vec<u64>,
        small: Vec<u32>,
        services: Vec<u32>,
        objects: Vec<u32>,
        texts: Vec<String>,
    }

    impl Sample {
        fn new() -> Self {
            let rows = 64;
            Self {
                order: (0..rows).collect(),
                end: (0..rows).map(|row| i64::from(row) * 1_500_000).collect(),
                numbers: (0..rows).map(|row| u64::from(row) * 7).collect(),
                small: vec![1; rows as usize],
                services: (0..rows).map(|row| row % 2).collect(),
                objects: vec![5; rows as usize],
                texts: (0..rows).rev().map(|number| format!("text {number:02}")).collect(),
            }
        }

        fn build<T>(&self, limits: Limits, see: impl FnOnce(&Rows<'_>, Built) -> T) -> T {
            let rows = Rows {
                order: &self.order,
                end: &self.end,
                elapsed: &self.numbers,
                flags: &self.small,
                sql_us: &self.numbers,
                sql_count: &self.small,
                api_us: &self.numbers,
                api_count: &self.small,
                keys: [&self.services, &self.objects, &self.order],
                text: &|_, number| self.texts[number as usize].as_str(),
            };
            let built = build(&rows, limits);
            see(&rows, built)
        }
    }

    fn keys_of(built: &Built, need: Need) -> Option<(Shape, usize)> {
        let rollup = super::super::loaded::Rollup::parse(&built.texts, built.total.clone()).ok()?;
        let table = rollup.total(need)?;
        let mut keys = 0;
        table.each(|_, _| keys += 1).ok()?;
        Some((table.shape, keys))
    }

    #[test]
    fn tables_are_kept_where_they_pay_and_by_two_texts_answer_for_each() {
        Sample::new().build(Limits::default(), |_, built| {
            let need = Need::default();
            assert_eq!(keys_of(&built, need.with(0)), Some((Shape::Service, 2)));
            assert_eq!(keys_of(&built, need.with(1)), Some((Shape::Object, 1)));
            assert_eq!(keys_of(&built, need.with(0).with(1)), Some((Shape::ServiceObject, 2)));
            assert_eq!(keys_of(&built, need.with(2)), None, "as many tenants as rows");
            assert!(!built.minutes.is_empty());
            assert_eq!(built.over_limit, 0);
        });
    }

    #[test]
    fn a_table_of_too_many_keys_is_left_out_and_counted() {
        Sample::new().build(Limits { rows_per_key: 1, keys: 1 }, |_, built| {
            let need = Need::default();
            assert_eq!(keys_of(&built, need.with(1)), Some((Shape::Object, 1)));
            assert_eq!(keys_of(&built, need.with(0)), None);
            // Service and object, service, tenant and service, tenant.
            assert_eq!(built.over_limit, 4);
        });
    }

    #[test]
    fn a_file_that_does_not_say_what_the_rows_say_is_found_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seg-1.rol");
        let mut sample = Sample::new();
        let entry = sample.build(Limits { rows_per_key: 4, keys: 9 }, |_, built| {
            let (content, sum) = built.encode().unwrap().unwrap();
            std::fs::write(&path, &content).unwrap();
            RollupEntry { bytes: content.len() as u64, sum }
        });
        let verified =
            |sample: &Sample| sample.build(Limits::default(), |rows, _| verify(&path, entry, rows));
        assert_eq!(verified(&sample), Ok(()), "by the limits of the file, not by today's");
        sample.numbers[63] += 1;
        assert!(verified(&sample).unwrap_err().contains("rows"));
        sample.numbers[63] -= 1;
        let other = RollupEntry { sum: entry.sum ^ 1, ..entry };
        let seal = sample.build(Limits::default(), |rows, _| verify(&path, other, rows));
        assert!(seal.unwrap_err().contains("another seal"));
    }
}
