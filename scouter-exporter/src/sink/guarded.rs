//! Keeps a panicking sink from taking the worker down.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use scouter_wire::codec::DropReason;

use super::{Progress, Sink, Turn};
use crate::backoff::{Backoff, MAX_WAIT};
use crate::clock::Moment;
use crate::notice::{Notice, Notices};
use crate::telemetry::Telemetry;

/// A sink, and what is known of its panics.
pub(crate) struct Guarded {
    sink: Box<dyn Sink>,
    /// After a panic: not before this time.
    rest_until: Option<Moment>,
    last_panic: Moment,
    backoff: Backoff,
    /// Reason under which XLogs count that it does not see, when it is the one that delivers.
    skipped: Option<DropReason>,
    telemetry: Arc<Telemetry>,
    notices: Arc<Notices>,
}

impl Guarded {
    pub(crate) fn new(
        sink: Box<dyn Sink>,
        skipped: Option<DropReason>,
        telemetry: Arc<Telemetry>,
        notices: Arc<Notices>,
    ) -> Self {
        Self {
            sink,
            rest_until: None,
            last_panic: Moment::default(),
            backoff: Backoff::default(),
            skipped,
            telemetry,
            notices,
        }
    }

    /// Calls the sink unless it rests; answers nothing when it rests or panics.
    pub(crate) fn call<T>(&mut self, call: impl FnOnce(&mut dyn Sink) -> T) -> Option<T> {
        if self.rest_until.is_some() {
            return None;
        }
        // Whatever state the sink is in after a panic is its own affair: nobody else sees it.
        let result = catch_unwind(AssertUnwindSafe(|| call(&mut *self.sink)));
        if result.is_err() {
            self.count_lost();
            self.telemetry.sink_panics.add(1);
            self.last_panic = Moment::now();
            self.rest_until = Some(self.last_panic.after(self.backoff.wait()));
            self.notices.once(Notice::SinkPanic, || {
                format!(
                    "sink {} panicked; it is tried again with growing pauses, and what it misses \
                     is counted as exporter_sink_skipped",
                    self.sink.name()
                )
            });
        }
        result.ok()
    }

    /// As [`Guarded::call`] for one XLog, which is counted when the sink does not see it.
    pub(crate) fn offer(&mut self, call: impl FnOnce(&mut dyn Sink)) {
        if self.call(call).is_none() {
            self.telemetry.sink_skipped.add(1);
            if let Some(reason) = self.skipped {
                self.telemetry.drop_records(reason, 1);
            }
        }
    }

    /// A sink that panics even here keeps its figure for itself.
    fn count_lost(&mut self) {
        let lost = catch_unwind(AssertUnwindSafe(|| self.sink.take_lost()));
        self.telemetry.sink_lost.add(lost.unwrap_or(0));
    }

    pub(crate) fn turn(&mut self, turn: &mut Turn<'_>) -> Progress {
        if self.rest_until.is_some_and(|until| Moment::now() >= until) {
            self.rest_until = None;
        }
        let progress = self.call(|sink| sink.turn(turn));
        if progress.is_some() {
            self.count_lost();
        }
        // One good turn says little: a sink may panic at every XLog only.
        if progress.is_some() && Moment::now().since(self.last_panic) > 2 * MAX_WAIT {
            self.backoff.reset();
        }
        // While it rests nothing waits for it: what it misses is counted, and a flush goes on.
        progress.unwrap_or(Progress::Idle)
    }
}
