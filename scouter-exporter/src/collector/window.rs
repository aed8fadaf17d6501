//! What was encoded and is not acknowledged yet (B4): bounded, oldest profiles dropped first,
//! XLogs last.

use std::collections::VecDeque;

use scouter_wire::codec::{
    DropReason, EncodeError, EncodedBatch, EncodedSeries, Origin, TextName, Totals,
    write_alerts_frame,
};
use scouter_wire::record::Alert;
use scouter_wire::{TextKind, TextRef};

use crate::telemetry::Telemetry;

/// Most bytes kept until they are acknowledged, 8 MiB: about 60,000 transactions with profiles.
///
/// Past it the oldest profiles go (`window_profiles`), then the oldest counters, digests and alerts
/// (`exporter_dropped_series`), and only when nothing but XLogs is left the oldest XLogs
/// (`window_xlogs`).
pub const DEFAULT_WINDOW_BYTES: usize = 8 * 1024 * 1024;

/// One frame that is encoded but for its head.
#[derive(Debug)]
pub(crate) enum Payload {
    Batch(EncodedBatch),
    Series(EncodedSeries),
    Alerts(Vec<Alert>),
}

#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) seq: u64,
    pub(crate) payload: Payload,
    /// How often it was sent.
    pub(crate) sends: u32,
}

impl Payload {
    fn kept_bytes(&self) -> usize {
        match self {
            Self::Batch(batch) => batch.kept_bytes(),
            Self::Series(series) => series.kept_bytes(),
            Self::Alerts(alerts) => alerts
                .iter()
                .map(|alert| {
                    size_of::<Alert>()
                        + alert.message.len()
                        + alert.place.len()
                        + alert.service.len()
                        + alert.tenant.len()
                })
                .sum(),
        }
    }

    fn counts(&self) -> (usize, usize) {
        match self {
            Self::Batch(batch) => (batch.xlogs, batch.profiles),
            Self::Series(_) | Self::Alerts(_) => (0, 0),
        }
    }
}

impl Pending {
    /// The texts it refers to.
    pub(crate) fn texts(&self) -> &[(TextKind, TextRef)] {
        match &self.payload {
            Payload::Batch(batch) => &batch.texts,
            Payload::Series(series) => &series.texts,
            Payload::Alerts(_) => &[],
        }
    }

    /// Appends the frame as it is sent to one store.
    pub(crate) fn write(
        &mut self,
        out: &mut Vec<u8>,
        origin: &Origin,
        totals: &Totals,
        name: impl FnMut(TextKind, TextRef) -> TextName,
    ) -> Result<(), EncodeError> {
        match &mut self.payload {
            Payload::Batch(batch) => {
                batch.set_totals(totals);
                batch.write_frame(out, self.seq, origin, name)
            }
            Payload::Series(series) => series.write_frame(out, self.seq, origin, name),
            Payload::Alerts(alerts) => write_alerts_frame(out, self.seq, origin, alerts),
        }
    }
}

/// Frames in the order of their sequence.
#[derive(Debug)]
pub(crate) struct Window {
    frames: VecDeque<Pending>,
    limit_bytes: usize,
    bytes: usize,
    xlogs: usize,
    last_seq: u64,
}

impl Window {
    pub(crate) fn new(limit_bytes: usize) -> Self {
        Self { frames: VecDeque::new(), limit_bytes, bytes: 0, xlogs: 0, last_seq: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// XLogs in it.
    pub(crate) fn xlogs(&self) -> usize {
        self.xlogs
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a frame and makes room for it.
    pub(crate) fn push(&mut self, payload: Payload, telemetry: &Telemetry) {
        self.last_seq += 1;
        self.bytes += payload.kept_bytes();
        self.xlogs += payload.counts().0;
        self.frames.push_back(Pending { seq: self.last_seq, payload, sends: 0 });
        while self.bytes > self.limit_bytes && self.make_room(telemetry) {}
        telemetry.pending_bytes.set(self.bytes as u64);
    }

    /// Drops the least valuable thing; false when nothing is left.
    fn make_room(&mut self, telemetry: &Telemetry) -> bool {
        for pending in &mut self.frames {
            if let Payload::Batch(batch) = &mut pending.payload
                && batch.profiles > 0
            {
                let before = batch.kept_bytes();
                telemetry.drop_records(DropReason::WindowProfiles, batch.strip_profiles());
                self.bytes -= before - batch.kept_bytes();
                return true;
            }
        }
        let series = self.frames.iter().position(|p| !matches!(p.payload, Payload::Batch(_)));
        let Some(dropped) = self.frames.remove(series.unwrap_or(0)) else { return false };
        let (xlogs, _) = dropped.payload.counts();
        self.bytes -= dropped.payload.kept_bytes();
        self.xlogs -= xlogs;
        match series {
            Some(_) => telemetry.dropped_series.add(1),
            None => telemetry.drop_records(DropReason::WindowXLogs, xlogs),
        }
        true
    }

    /// Forgets everything up to `seq`, which is durable.
    pub(crate) fn acknowledge(&mut self, seq: u64, telemetry: &Telemetry) {
        while self.frames.front().is_some_and(|pending| pending.seq <= seq) {
            let Some(pending) = self.frames.pop_front() else { break };
            let (xlogs, profiles) = pending.payload.counts();
            self.bytes -= pending.payload.kept_bytes();
            self.xlogs -= xlogs;
            telemetry.acked_xlogs.add(xlogs as u64);
            telemetry.acked_profiles.add(profiles as u64);
        }
        telemetry.pending_bytes.set(self.bytes as u64);
    }

    /// The first frame after `seq`.
    pub(crate) fn next_after(&mut self, seq: u64) -> Option<&mut Pending> {
        let at = self.frames.partition_point(|pending| pending.seq <= seq);
        self.frames.get_mut(at)
    }

    /// Drops a frame that cannot be sent at all.
    pub(crate) fn discard(&mut self, seq: u64, telemetry: &Telemetry) {
        if let Ok(at) = self.frames.binary_search_by_key(&seq, |pending| pending.seq)
            && let Some(pending) = self.frames.remove(at)
        {
            let (xlogs, profiles) = pending.payload.counts();
            self.bytes -= pending.payload.kept_bytes();
            self.xlogs -= xlogs;
            telemetry.encode_failures.add(1);
            telemetry.drop_records(DropReason::Unsendable, xlogs);
            telemetry.drop_records(DropReason::UnsendableProfile, profiles);
        }
    }

    /// Drops everything: the process ends.
    pub(crate) fn abandon(&mut self, telemetry: &Telemetry) {
        for pending in self.frames.drain(..) {
            let (xlogs, profiles) = pending.payload.counts();
            telemetry.drop_records(DropReason::Unsendable, xlogs);
            telemetry.drop_records(DropReason::UnsendableProfile, profiles);
        }
        (self.bytes, self.xlogs) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use scouter_wire::Txid;
    use scouter_wire::codec::BatchEncoder;
    use scouter_wire::record::Step;

    use super::*;

    fn batch(has_profile: bool) -> Payload {
        let mut encoder = BatchEncoder::new().unwrap();
        let text = "x".repeat(200);
        for id in 1..=10 {
            assert!(encoder.push_xlog(&crate::testing::xlog(id, &text)));
            if has_profile {
                encoder.begin_profile(Txid::new(id).unwrap(), 0);
                encoder.push_step(&Step { start_us: id * id * 7_919, ..Step::default() });
                encoder.end_profile();
            }
        }
        Payload::Batch(encoder.finish(&Totals::default()).unwrap())
    }

    fn alert() -> Payload {
        Payload::Alerts(vec![crate::testing::alert("a")])
    }

    #[test]
    fn full_window_drops_profiles_then_series_then_xlogs_oldest_first() {
        let telemetry = Telemetry::default();
        let mut window = Window::new(usize::MAX);
        for payload in [batch(true), alert(), batch(true), batch(false)] {
            window.push(payload, &telemetry);
        }
        let dropped = |reason: DropReason| telemetry.snapshot().totals.dropped(reason);
        let mut log = Vec::new();
        while window.make_room(&telemetry) {
            log.push((
                dropped(DropReason::WindowProfiles),
                telemetry.dropped_series.value(),
                dropped(DropReason::WindowXLogs),
            ));
        }
        assert_eq!(
            log,
            [(10, 0, 0), (20, 0, 0), (20, 1, 0), (20, 1, 10), (20, 1, 20), (20, 1, 30)]
        );
        assert_eq!((window.bytes(), window.xlogs()), (0, 0));
    }

    #[test]
    fn window_never_exceeds_its_limit_and_every_xlog_is_accounted_for() {
        let telemetry = Telemetry::default();
        let mut window = Window::new(8_000);
        for _ in 0..100 {
            window.push(batch(true), &telemetry);
            assert!(window.bytes() <= 8_000);
        }
        window.acknowledge(98, &telemetry);
        let acked = telemetry.acked_xlogs.value();
        let dropped = telemetry.snapshot().totals.dropped(DropReason::WindowXLogs);
        assert_eq!(acked + dropped + window.xlogs() as u64, 1_000);
        assert!(acked > 0 && dropped > 0 && window.xlogs() > 0);
        window.abandon(&telemetry);
        assert!(window.is_empty() && window.bytes() == 0);
    }

    #[test]
    fn frames_are_found_in_sequence_whatever_was_dropped_between() {
        let telemetry = Telemetry::default();
        let mut window = Window::new(usize::MAX);
        for _ in 0..5 {
            window.push(alert(), &telemetry);
        }
        window.discard(3, &telemetry);
        assert_eq!(window.next_after(0).unwrap().seq, 1);
        assert_eq!(window.next_after(2).unwrap().seq, 4);
        assert!(window.next_after(5).is_none());
        assert_eq!(telemetry.encode_failures.value(), 1);
    }
}
