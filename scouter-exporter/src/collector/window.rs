//! What was encoded and is not acknowledged yet (B4): bounded, oldest profiles dropped first,
//! XLogs last.
//!
//! What is dropped after it was sent may be stored all the same. It is remembered as [`Unsure`],
//! and counted when the collector says: as delivered when an acknowledgement or the next WELCOME
//! covers it, as dropped when the next WELCOME does not. Counting it as dropped at once would count
//! it twice.

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

/// Most losses that wait for the collector to say whether they were stored, 24 bytes each. Past it
/// the oldest counts as dropped at once; a frame that is stored and counted so makes the books of
/// its object show less than nothing pending.
pub(crate) const MAX_UNSURE: usize = 8_192;

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

/// What is lost with a frame, or without its profiles.
#[derive(Debug, Clone, Copy)]
enum Loss {
    XLogs(DropReason, usize),
    Profiles(DropReason, usize),
    Series,
}

impl Loss {
    fn count_dropped(self, telemetry: &Telemetry) {
        match self {
            Self::XLogs(reason, count) | Self::Profiles(reason, count) => {
                telemetry.drop_records(reason, count);
            }
            Self::Series => telemetry.dropped_series.add(1),
        }
    }

    fn count_delivered(self, telemetry: &Telemetry) {
        match self {
            Self::XLogs(_, count) => telemetry.acked_xlogs.add(count as u64),
            Self::Profiles(_, count) => telemetry.acked_profiles.add(count as u64),
            Self::Series => {}
        }
    }

    fn xlogs(self) -> usize {
        if let Self::XLogs(_, count) = self { count } else { 0 }
    }
}

/// Something that was sent, then dropped: whether it is stored the collector has yet to say.
#[derive(Debug, Clone, Copy)]
struct Unsure {
    seq: u64,
    loss: Loss,
}

/// Frames in the order of their sequence.
#[derive(Debug)]
pub(crate) struct Window {
    frames: VecDeque<Pending>,
    unsure: VecDeque<Unsure>,
    limit_bytes: usize,
    bytes: usize,
    /// In frames and in what is unsure.
    xlogs: usize,
    last_seq: u64,
    /// The highest seq that may be stored: sent since the last WELCOME, or covered by it.
    maybe_stored: u64,
}

impl Window {
    pub(crate) fn new(limit_bytes: usize) -> Self {
        Self {
            frames: VecDeque::new(),
            unsure: VecDeque::new(),
            limit_bytes,
            bytes: 0,
            xlogs: 0,
            last_seq: 0,
            maybe_stored: 0,
        }
    }

    /// Whether the collector has nothing more to say about anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty() && self.unsure.is_empty()
    }

    /// XLogs that are neither acknowledged nor counted as dropped.
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
        let with_profiles = self.frames.iter_mut().find_map(|pending| match &mut pending.payload {
            Payload::Batch(batch) if batch.profiles > 0 => Some((pending.seq, batch)),
            _ => None,
        });
        if let Some((seq, batch)) = with_profiles {
            let before = batch.kept_bytes();
            let stripped = batch.strip_profiles();
            self.bytes -= before - batch.kept_bytes();
            self.lose(seq, Loss::Profiles(DropReason::WindowProfiles, stripped), telemetry);
            return true;
        }
        let series = self.frames.iter().position(|p| !matches!(p.payload, Payload::Batch(_)));
        let Some(dropped) = self.frames.remove(series.unwrap_or(0)) else { return false };
        self.bytes -= dropped.payload.kept_bytes();
        let (xlogs, _) = dropped.payload.counts();
        let loss = match series {
            Some(_) => Loss::Series,
            None => Loss::XLogs(DropReason::WindowXLogs, xlogs),
        };
        self.lose(dropped.seq, loss, telemetry);
        true
    }

    /// Counts a loss, or remembers it when the frame may be stored.
    fn lose(&mut self, seq: u64, loss: Loss, telemetry: &Telemetry) {
        if seq > self.maybe_stored {
            self.xlogs -= loss.xlogs();
            loss.count_dropped(telemetry);
            return;
        }
        if self.unsure.len() >= MAX_UNSURE
            && let Some(oldest) = self.unsure.pop_front()
        {
            self.xlogs -= oldest.loss.xlogs();
            oldest.loss.count_dropped(telemetry);
        }
        self.unsure.push_back(Unsure { seq, loss });
    }

    /// Notes that a frame was sent: from now on it may be stored.
    pub(crate) fn note_sent(&mut self, seq: u64) {
        self.maybe_stored = self.maybe_stored.max(seq);
    }

    /// Forgets everything up to `seq`, which is durable; whether there was anything.
    pub(crate) fn acknowledge(&mut self, seq: u64, telemetry: &Telemetry) -> bool {
        let before = (self.frames.len(), self.unsure.len());
        while self.frames.front().is_some_and(|pending| pending.seq <= seq) {
            let Some(pending) = self.frames.pop_front() else { break };
            let (xlogs, profiles) = pending.payload.counts();
            self.bytes -= pending.payload.kept_bytes();
            self.xlogs -= xlogs;
            telemetry.acked_xlogs.add(xlogs as u64);
            telemetry.acked_profiles.add(profiles as u64);
        }
        let xlogs = &mut self.xlogs;
        self.unsure.retain(|unsure| {
            let is_stored = unsure.seq <= seq;
            if is_stored {
                *xlogs -= unsure.loss.xlogs();
                unsure.loss.count_delivered(telemetry);
            }
            !is_stored
        });
        telemetry.pending_bytes.set(self.bytes as u64);
        before != (self.frames.len(), self.unsure.len())
    }

    /// A store has said on a new connection what it has of us: everything up to `seq`, and nothing
    /// that came later. Whether anything was acknowledged by that.
    pub(crate) fn welcome(&mut self, seq: u64, telemetry: &Telemetry) -> bool {
        let is_progress = self.acknowledge(seq, telemetry);
        for unsure in self.unsure.drain(..) {
            self.xlogs -= unsure.loss.xlogs();
            unsure.loss.count_dropped(telemetry);
        }
        self.maybe_stored = seq;
        is_progress
    }

    /// The first frame after `seq`.
    pub(crate) fn next_after(&mut self, seq: u64) -> Option<&mut Pending> {
        let at = self.frames.partition_point(|pending| pending.seq <= seq);
        self.frames.get_mut(at)
    }

    /// Drops a frame that cannot be sent, or that no collector takes; false when it is gone
    /// already.
    pub(crate) fn discard(&mut self, seq: u64, telemetry: &Telemetry) -> bool {
        let Ok(at) = self.frames.binary_search_by_key(&seq, |pending| pending.seq) else {
            return false;
        };
        let Some(pending) = self.frames.remove(at) else { return false };
        self.bytes -= pending.payload.kept_bytes();
        telemetry.pending_bytes.set(self.bytes as u64);
        if let Payload::Batch(batch) = &pending.payload {
            let (xlogs, profiles) = (batch.xlogs, batch.profiles);
            self.lose(seq, Loss::Profiles(DropReason::UnsendableProfile, profiles), telemetry);
            self.lose(seq, Loss::XLogs(DropReason::Unsendable, xlogs), telemetry);
        } else {
            self.lose(seq, Loss::Series, telemetry);
        }
        true
    }

    /// Drops everything: the process ends. What was sent and not acknowledged counts as dropped
    /// too, since nobody will ever know better.
    pub(crate) fn abandon(&mut self, telemetry: &Telemetry) {
        for unsure in self.unsure.drain(..) {
            unsure.loss.count_dropped(telemetry);
        }
        for pending in self.frames.drain(..) {
            let (xlogs, profiles) = pending.payload.counts();
            telemetry.drop_records(DropReason::Unsendable, xlogs);
            telemetry.drop_records(DropReason::UnsendableProfile, profiles);
        }
        (self.bytes, self.xlogs) = (0, 0);
        telemetry.pending_bytes.set(0);
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
        assert_eq!(telemetry.dropped_series.value(), 1);
    }

    /// Two batches, the first sent, both dropped by a window that has become too small.
    fn dropped_after_the_first_was_sent(telemetry: &Telemetry) -> Window {
        let mut window = Window::new(usize::MAX);
        for payload in [batch(true), batch(true)] {
            window.push(payload, telemetry);
        }
        window.note_sent(1);
        while window.make_room(telemetry) {}
        window
    }

    fn dropped(telemetry: &Telemetry) -> (u64, u64) {
        let totals = telemetry.snapshot().totals;
        (totals.dropped(DropReason::WindowXLogs), totals.dropped(DropReason::WindowProfiles))
    }

    fn acked(telemetry: &Telemetry) -> (u64, u64) {
        (telemetry.acked_xlogs.value(), telemetry.acked_profiles.value())
    }

    #[test]
    fn what_is_dropped_after_it_was_sent_is_pending_until_the_collector_says() {
        let telemetry = Telemetry::default();
        let window = dropped_after_the_first_was_sent(&telemetry);
        assert_eq!((dropped(&telemetry), acked(&telemetry)), ((10, 10), (0, 0)));
        assert_eq!((window.xlogs(), window.bytes(), window.is_empty()), (10, 0, false));
    }

    #[test]
    fn an_acknowledgement_of_what_was_dropped_counts_it_as_delivered_once() {
        let telemetry = Telemetry::default();
        let mut window = dropped_after_the_first_was_sent(&telemetry);
        assert!(window.acknowledge(1, &telemetry));
        assert_eq!((dropped(&telemetry), acked(&telemetry)), ((10, 10), (10, 10)));
        assert!(window.is_empty() && window.xlogs() == 0);
        assert!(!window.welcome(1, &telemetry), "it is not counted again");
        assert_eq!((dropped(&telemetry), acked(&telemetry)), ((10, 10), (10, 10)));
    }

    #[test]
    fn a_welcome_tells_whether_what_was_dropped_is_stored() {
        for (high_water, expected) in [(1, ((10, 10), (10, 10))), (0, ((20, 20), (0, 0)))] {
            let telemetry = Telemetry::default();
            let mut window = dropped_after_the_first_was_sent(&telemetry);
            window.welcome(high_water, &telemetry);
            assert_eq!((dropped(&telemetry), acked(&telemetry)), expected);
            assert!(window.is_empty() && window.xlogs() == 0);
        }
    }

    #[test]
    fn after_a_welcome_that_does_not_cover_it_a_frame_is_dropped_for_sure() {
        let telemetry = Telemetry::default();
        let mut window = Window::new(usize::MAX);
        window.push(batch(false), &telemetry);
        window.note_sent(1);
        window.welcome(0, &telemetry);
        while window.make_room(&telemetry) {}
        assert_eq!((dropped(&telemetry), window.xlogs()), ((10, 0), 0));
    }

    #[test]
    fn profiles_that_were_stored_before_they_were_dropped_count_as_delivered() {
        let telemetry = Telemetry::default();
        let mut window = Window::new(usize::MAX);
        window.push(batch(true), &telemetry);
        window.note_sent(1);
        assert!(window.make_room(&telemetry));
        window.acknowledge(1, &telemetry);
        assert_eq!((dropped(&telemetry), acked(&telemetry)), ((0, 0), (10, 10)));
    }

    #[test]
    fn past_the_limit_the_oldest_loss_counts_as_dropped() {
        let telemetry = Telemetry::default();
        let mut window = Window::new(usize::MAX);
        for _ in 0..=MAX_UNSURE {
            window.push(alert(), &telemetry);
        }
        window.note_sent(u64::MAX);
        while window.make_room(&telemetry) {}
        assert_eq!(telemetry.dropped_series.value(), 1);
        assert_eq!(window.unsure.len(), MAX_UNSURE);
        window.abandon(&telemetry);
        assert_eq!(telemetry.dropped_series.value(), MAX_UNSURE as u64 + 1);
    }
}
