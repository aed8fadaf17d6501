//! Names of statements: the normalised text, interned, found again by one hash and one lookup.
//!
//! The request path does not normalise: each thread keeps the statements it saw last by their
//! raw text. Text assembled with its values inside misses that cache every time and pays the
//! normaliser (about 1 ns a byte); it still ends as one dictionary text.

mod lists;
mod normalize;
mod verb;

use std::cell::RefCell;

use scouter_core::{TextId, TextKind, intern};

pub(crate) use normalize::Dialect;
use normalize::normalize;

/// Statements each thread remembers by their raw text. Past it the older one of the same slot is
/// forgotten and normalised again when it returns.
pub(crate) const MAX_CACHED_STATEMENTS: usize = 256;

/// Longest raw text that is remembered, bytes; longer ones are normalised at each use. Together
/// with [`MAX_CACHED_STATEMENTS`] it bounds the cache to 1 MiB per thread.
pub(crate) const MAX_CACHED_BYTES: usize = 4 * 1024;

/// Longest raw text that is looked at, bytes; a longer statement is named by its beginning.
pub(crate) const MAX_STATEMENT_BYTES: usize = 16 * 1024;

/// What is known of a statement without looking at its text again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Statement {
    /// The normalised text.
    pub(crate) name: TextId,
    /// Its verb is SELECT or another that only reads, so "rows affected" means nothing.
    pub(crate) is_read: bool,
}

/// The statement with this text.
pub(crate) fn statement(sql: &str, dialect: Dialect) -> Statement {
    let sql = &sql[..sql.floor_char_boundary(MAX_STATEMENT_BYTES)];
    if sql.len() > MAX_CACHED_BYTES {
        return describe(sql, dialect);
    }
    let hash = hash(sql, dialect);
    // During thread exit the cache is gone, and inside itself it is borrowed: both only cost time.
    CACHE
        .try_with(|cache| Some(cache.try_borrow_mut().ok()?.find(hash, sql, dialect)))
        .ok()
        .flatten()
        .unwrap_or_else(|| describe(sql, dialect))
}

fn describe(sql: &str, dialect: Dialect) -> Statement {
    let text = normalize(sql, dialect);
    let is_read = verb::is_read(&text);
    Statement { name: intern(TextKind::Sql, &text), is_read }
}

thread_local! {
    static CACHE: RefCell<Cache> = const { RefCell::new(Cache { slots: Vec::new() }) };
}

// The low byte of the hash chooses the slot.
const _: () = assert!(MAX_CACHED_STATEMENTS == 1 << u8::BITS);

struct Cache {
    slots: Vec<Option<Slot>>,
}

struct Slot {
    hash: u64,
    dialect: Dialect,
    sql: Box<str>,
    statement: Statement,
}

impl Cache {
    #[expect(clippy::cast_possible_truncation, reason = "the low byte of the hash is the slot")]
    fn find(&mut self, hash: u64, sql: &str, dialect: Dialect) -> Statement {
        if self.slots.is_empty() {
            self.slots.resize_with(MAX_CACHED_STATEMENTS, || None);
        }
        let slot = &mut self.slots[usize::from(hash as u8)];
        match slot {
            Some(slot) if slot.hash == hash && slot.dialect == dialect && *slot.sql == *sql => {
                slot.statement
            }
            _ => {
                let statement = describe(sql, dialect);
                *slot = Some(Slot { hash, dialect, sql: sql.into(), statement });
                statement
            }
        }
    }
}

/// Folded multiply over 16 bytes a step: the cache compares the text, so only speed counts here.
#[expect(clippy::cast_possible_truncation, reason = "both halves of the product are kept")]
fn hash(sql: &str, dialect: Dialect) -> u64 {
    const K0: u64 = 0xa076_1d64_78bd_642f;
    const K1: u64 = 0xe703_7ed1_a0b4_28db;
    let fold = |left: u64, right: u64| {
        let product = u128::from(left) * u128::from(right);
        (product as u64) ^ ((product >> 64) as u64)
    };
    let mut state = K0 ^ sql.len() as u64 ^ (dialect as u64) << 62;
    let mut rest = sql.as_bytes();
    while let Some((low, tail)) = rest.split_first_chunk::<8>()
        && let Some((high, tail)) = tail.split_first_chunk::<8>()
    {
        state = fold(u64::from_le_bytes(*low) ^ state, u64::from_le_bytes(*high) ^ K1);
        rest = tail;
    }
    let mut last = [0_u8; 16];
    last[..rest.len()].copy_from_slice(rest);
    let (low, high) = last.split_at(8);
    let word = |bytes: &[u8]| bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
    fold(word(low) ^ state, word(high) ^ K1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use scouter_core::text;

    fn name(sql: &str) -> String {
        text(statement(sql, Dialect::Standard).name).to_string()
    }

    #[test]
    fn the_same_statement_has_the_same_name_again_and_again() {
        let first = statement("SELECT a FROM t WHERE b = 1", Dialect::Standard);
        assert_eq!(first, statement("SELECT a FROM t WHERE b = 1", Dialect::Standard));
        assert_eq!(first, statement("SELECT a FROM t WHERE b = 2", Dialect::Standard));
        assert_eq!(name("SELECT a FROM t WHERE b = 3"), "SELECT a FROM t WHERE b = ?");
    }

    #[test]
    fn the_cache_stays_right_when_more_statements_pass_than_it_holds() {
        for round in 0..2 {
            for number in 0..MAX_CACHED_STATEMENTS * 3 {
                let sql = format!("SELECT c{number} FROM t");
                assert_eq!(name(&sql), sql, "round {round}");
            }
        }
    }

    #[test]
    fn a_statement_longer_than_the_limit_is_named_by_its_beginning() {
        let sql = format!("SELECT {} FROM t", "é, ".repeat(MAX_STATEMENT_BYTES));
        let name = name(&sql);
        assert!(name.len() <= MAX_STATEMENT_BYTES && name.starts_with("SELECT é, é"));
    }

    #[test]
    fn only_reading_statements_are_reads() {
        let is_read = |sql| statement(sql, Dialect::Standard).is_read;
        assert!(is_read("  select 1") && is_read("EXPLAIN SELECT 1"));
        assert!(!is_read("UPDATE t SET a = 1") && !is_read("selection") && !is_read(""));
    }

    #[test]
    fn the_hash_depends_on_every_byte() {
        let sql = "SELECT a, b, c FROM orders WHERE id = 17";
        for at in 0..sql.len() {
            let mut other = sql.as_bytes().to_vec();
            other[at] ^= 1;
            let other = String::from_utf8(other).unwrap();
            assert_ne!(hash(sql, Dialect::Standard), hash(&other, Dialect::Standard), "byte {at}");
        }
    }
}
