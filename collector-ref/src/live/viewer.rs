//! One open page: what it wants, how far it is, and its bounded queue.

use axum::body::Bytes;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::blocks;
use super::row::LiveRow;
use crate::store::{Filter, Measure};
use crate::telemetry::Telemetry;

/// One open page.
#[derive(Debug)]
pub(crate) struct Viewer {
    frames: mpsc::Sender<Bytes>,
    wishes: Mutex<Wishes>,
}

/// What a page wants.
#[derive(Debug, Default)]
struct Wishes {
    points: Option<Points>,
    wants_pulse: bool,
}

/// A running subscription of points.
#[derive(Debug)]
struct Points {
    measure: Measure,
    filter: Filter,
    /// Arrival number up to which the page has everything (or was told that it has not).
    cursor: u64,
    /// Since when points were dropped: the cursor from which the page must fetch again.
    gap_from: Option<u64>,
}

impl Viewer {
    /// A viewer with its queue.
    pub(crate) fn new(frames: mpsc::Sender<Bytes>) -> Self {
        Self { frames, wishes: Mutex::new(Wishes::default()) }
    }

    /// Begins to pass on points by this measure that arrived after `cursor`.
    pub(crate) fn subscribe_points(&self, measure: Measure, filter: Filter, cursor: u64) {
        self.wishes.lock().points = Some(Points { measure, filter, cursor, gap_from: None });
    }

    /// Ends it.
    pub(crate) fn unsubscribe_points(&self) {
        self.wishes.lock().points = None;
    }

    /// Begins or ends the pulse.
    pub(crate) fn set_pulse(&self, wants_pulse: bool) {
        self.wishes.lock().wants_pulse = wants_pulse;
    }

    /// Whether it wants the pulse.
    pub(crate) fn wants_pulse(&self) -> bool {
        self.wishes.lock().wants_pulse
    }

    /// Queues a frame that may be missed.
    pub(crate) fn offer(&self, frame: &Bytes) {
        // A full queue or a gone page: the next pulse says it all anew.
        let _ = self.frames.try_send(frame.clone());
    }

    /// Passes on what lies behind this viewer's cursor. `recent` is ascending and without a gap
    /// from its first row on; `last` is the newest arrival number, also of rows no longer kept.
    pub(crate) fn pass_on(&self, recent: &Recent<'_>, telemetry: &Telemetry) {
        let mut wishes = self.wishes.lock();
        let Some(points) = &mut wishes.points else { return };
        if points.cursor >= recent.last {
            return;
        }
        if points.cursor + 1 < recent.first {
            points.gap_from.get_or_insert(points.cursor);
            points.cursor = recent.first - 1;
        }
        let news = recent.after(points.cursor);
        let frame = points.frame(news, recent.last);
        let result = match frame {
            Some(frame) => self.frames.try_send(frame.into()),
            None => Ok(()),
        };
        match result {
            Ok(()) => points.gap_from = None,
            Err(TrySendError::Full(_)) => {
                if points.gap_from.is_none() {
                    telemetry.viewer_gaps.one();
                    points.gap_from = Some(points.cursor);
                }
                telemetry.viewer_points_dropped.add(news.len() as u64);
            }
            Err(TrySendError::Closed(_)) => {}
        }
        points.cursor = recent.last;
    }
}

impl Points {
    /// The frames to send, in one message: a gap if there was one, then blocks with the news that
    /// pass the filter. `None` when there is nothing to say.
    fn frame(&self, news: &[LiveRow], last: u64) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        if let Some(from) = self.gap_from {
            out.extend_from_slice(&blocks::gap(from, self.cursor));
        }
        let passing = news.iter().filter(|row| row.passes(&self.filter));
        let mut points: Vec<_> = passing.map(|row| row.point(self.measure)).collect();
        points.sort_by_key(|point| point.end_unix_us);
        blocks::put_blocks(&mut out, &points, last);
        (!out.is_empty()).then_some(out)
    }
}

/// The newest rows, as the fan-out hands them to each viewer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recent<'a> {
    /// Ascending by arrival number, without a gap.
    pub(crate) rows: &'a [LiveRow],
    /// Arrival number of the first row that is kept.
    pub(crate) first: u64,
    /// Newest arrival number.
    pub(crate) last: u64,
}

impl<'a> Recent<'a> {
    fn after(&self, cursor: u64) -> &'a [LiveRow] {
        let known = self.rows.partition_point(|row| row.arrival <= cursor);
        &self.rows[known..]
    }
}
