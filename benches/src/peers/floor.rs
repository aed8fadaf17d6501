//! The physical floor of a timed step: two readings of the time stamp counter and one record of
//! 32 bytes. Nobody can time a step for less on this machine.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;

use fastant::Instant;

use super::SpanPeer;

/// 4,096 records of 32 bytes: as much as stays in the first levels of the cache.
const RECORDS: usize = 4_096;

#[derive(Clone, Copy)]
struct Record {
    _site: &'static str,
    _start: Instant,
    _end: Instant,
}

/// Writes records into a ring and never reads them.
pub(crate) struct Floor {
    ring: Box<[Cell<Record>]>,
    next: Cell<usize>,
}

impl Floor {
    #[inline]
    fn timed(&self, inner: impl FnOnce()) {
        let start = Instant::now();
        inner();
        self.write(start, Instant::now());
    }

    #[inline]
    fn write(&self, start: Instant, end: Instant) {
        let index = self.next.get();
        self.next.set((index + 1) % RECORDS);
        if let Some(slot) = self.ring.get(index) {
            slot.set(Record { _site: "step", _start: start, _end: end });
        }
    }
}

impl SpanPeer for Floor {
    fn start() -> Self {
        let now = Instant::now();
        let record = Record { _site: "", _start: now, _end: now };
        Self { ring: vec![Cell::new(record); RECORDS].into_boxed_slice(), next: Cell::new(0) }
    }

    #[inline]
    fn root(&self, inner: impl FnOnce()) {
        inner();
    }

    #[inline]
    fn step(&self, inner: impl FnOnce()) {
        self.timed(inner);
    }

    /// An open step can be seen, and a step inside knows which one it is in; so the record stands
    /// there from the beginning, and is found again and closed at the end.
    #[inline]
    fn outer_step(&self, inner: impl FnOnce()) {
        let index = self.next.get();
        let start = Instant::now();
        self.write(start, start);
        inner();
        if let Some(slot) = self.ring.get(index) {
            slot.set(Record { _end: Instant::now(), ..slot.get() });
        }
    }

    #[inline]
    fn other_step(&self, inner: impl FnOnce()) {
        self.timed(inner);
    }

    #[inline]
    fn step_with_two(&self, _: u64, _: &'static str, inner: impl FnOnce()) {
        self.timed(inner);
    }

    #[inline]
    fn step_with_text(&self, _: &str, inner: impl FnOnce()) {
        self.timed(inner);
    }

    /// Each poll of the request is timed, as whoever tells busy from idle must.
    async fn root_future<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        let start = Instant::now();
        let polled = poll_fn(|cx| {
            let start = Instant::now();
            let polled = future.as_mut().poll(cx);
            self.write(start, Instant::now());
            polled
        });
        let output = polled.await;
        self.write(start, Instant::now());
        output
    }

    async fn step_future<F: Future>(&self, future: F) -> F::Output {
        let start = Instant::now();
        let output = future.await;
        self.write(start, Instant::now());
        output
    }
}
