//! One page of rows, newest first, and the exact number of all.
//!
//! All rows are counted by the columns the filter needs; only those that can be on the page are
//! read whole. Order: END, then txid, then gxid, all descending, which is the same whether a row
//! lies in memory or in a file, so that a page cursor stays good while rows are sealed.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use super::super::columns::Column;
use super::super::view::{Stop, View};
use super::filter::FilterRun;
use crate::store::{Bounds, Filter, MAX_PAGE_ROWS, Page, PageCursor, PageRequest, Row};

/// A row that may be on the page: END and txid, source, number in the source.
type Candidate = ((i64, u64), usize, usize);

/// The newest rows so far, as many as the page has.
#[derive(Debug)]
struct Newest {
    limit: usize,
    /// The oldest is on top.
    heap: BinaryHeap<Reverse<Candidate>>,
    /// Rows beyond the limit with END and txid of the oldest, or of the cursor: their gxid, which is
    /// known only when they are read, decides about them.
    ties: Vec<Candidate>,
    after: Option<(i64, u64)>,
}

impl Newest {
    /// END of the oldest row when the page is full: older rows need not be offered.
    fn oldest_end(&self) -> Option<i64> {
        let is_full = self.heap.len() >= self.limit;
        self.heap.peek().filter(|_| is_full).map(|oldest| oldest.0.0.0)
    }

    #[inline]
    fn push(&mut self, candidate: Candidate) {
        let key = candidate.0;
        match self.after {
            Some(after) if key > after => return,
            Some(after) if key == after => return self.ties.push(candidate),
            _ => {}
        }
        if self.heap.len() < self.limit {
            self.heap.push(Reverse(candidate));
            return;
        }
        let Some(Reverse((oldest, ..))) = self.heap.peek() else { return };
        match key.cmp(oldest) {
            Ordering::Less => {}
            Ordering::Equal => self.ties.push(candidate),
            Ordering::Greater => self.replace_oldest(candidate),
        }
    }

    fn replace_oldest(&mut self, candidate: Candidate) {
        let Some(Reverse(dropped)) = self.heap.pop() else { return };
        self.heap.push(Reverse(candidate));
        let is_tie = self.heap.peek().is_some_and(|oldest| oldest.0.0 == dropped.0);
        if is_tie {
            self.ties.push(dropped);
        } else if !self.ties.is_empty() {
            let after = self.after;
            self.ties.retain(|tie| Some(tie.0) == after);
        }
    }
}

/// Counts and reads one page.
pub(crate) fn page(
    view: &View,
    bounds: &Bounds,
    filter: &Filter,
    request: &PageRequest,
) -> Result<Page, Stop> {
    let limit = request.limit.min(MAX_PAGE_ROWS);
    let mut run = FilterRun::new(*bounds, filter);
    let (counted, listed) = (run.columns(&[]), run.columns(&[Column::Txid]));
    let mut total = 0u64;
    let after = request.after.map(|after| (after.end_unix_us, after.txid));
    let mut newest = Newest { limit, heap: BinaryHeap::new(), ties: Vec::new(), after };
    for source in view.newest_first(bounds.range) {
        let is_listed = limit > 0
            && newest.oldest_end().is_none_or(|end| view.sources[source].last_unix_us() >= end);
        let columns = if is_listed { &listed } else { &counted };
        view.scan_source(source, bounds.range, columns, &mut |chunk| {
            run.select(chunk, |row| {
                total += 1;
                if is_listed {
                    let key = (chunk.end[row], chunk.txid[row]);
                    newest.push((key, source, chunk.first_row + row));
                }
            });
        })?;
    }
    let mut candidates = newest.ties;
    candidates.extend(newest.heap.into_iter().map(|Reverse(candidate)| candidate));
    let (rows, is_last) = read(view, candidates, limit, request.after)?;
    let next = if is_last { None } else { rows.last().map(Row::cursor) };
    Ok(Page { total, rows, next })
}

/// Reads the candidates and cuts the page out of them; answers whether nothing follows it.
fn read(
    view: &View,
    mut candidates: Vec<Candidate>,
    limit: usize,
    after: Option<PageCursor>,
) -> Result<(Vec<Row>, bool), Stop> {
    candidates.sort_unstable_by_key(|(_, source, row)| (*source, *row));
    let mut rows = Vec::with_capacity(candidates.len());
    for own in candidates.chunk_by(|a, b| a.1 == b.1) {
        let numbers: Vec<usize> = own.iter().map(|(_, _, row)| *row).collect();
        rows.extend(view.sources[own[0].1].rows(&numbers)?);
    }
    rows.retain(|row| after.is_none_or(|after| row.cursor() < after));
    rows.sort_unstable_by_key(|row| Reverse(row.cursor()));
    // A full page may be the last one too; then the next one is empty.
    let is_last = rows.len() < limit || limit == 0;
    rows.truncate(limit);
    Ok((rows, is_last))
}
