//! What was encoded and is not acknowledged yet (B4): bounded, oldest profiles dropped first,
//! XLogs last. With a [`Spool`] what was not sent yet goes there before anything is dropped.
//!
//! What is dropped after it was sent may be stored all the same. It is remembered as [`Unsure`],
//! and counted when the collector says: as delivered when an acknowledgement or the next WELCOME
//! covers it, as dropped when the next WELCOME does not. Counting it as dropped at once would count
//! it twice.

use std::collections::VecDeque;
use std::io;

use scouter_wire::codec::{
    DropReason, EncodeError, EncodedBatch, EncodedSeries, Origin, TextName, Totals,
    write_alerts_frame,
};
use scouter_wire::record::Alert;
use scouter_wire::{TextKind, TextRef};

use super::spool::{Away, Spool};
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
    /// Where its sections are, when they are in the spool.
    away: Option<Away>,
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
    spool: Option<Spool>,
    spool_error: Option<io::Error>,
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
            spool: None,
            spool_error: None,
        }
    }

    /// From now on what does not fit goes to a spool first.
    pub(crate) fn set_spool(&mut self, spool: Spool) {
        self.spool = Some(spool);
    }

    /// What the disk of the spool has said since this was asked last.
    pub(crate) fn take_spool_error(&mut self) -> Option<io::Error> {
        self.spool_error.take()
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
        self.frames.push_back(Pending { seq: self.last_seq, payload, sends: 0, away: None });
        while self.bytes > self.limit_bytes
            && (self.page_out(telemetry) || self.make_room(telemetry))
        {}
        self.note_bytes(telemetry);
    }

    /// Moves the sections of the newest batch that was not sent to the spool: it is the last to be
    /// needed. False when there is none, or no room for it.
    fn page_out(&mut self, telemetry: &Telemetry) -> bool {
        let Some(spool) = &mut self.spool else { return false };
        let sent = self.maybe_stored;
        let newest = self.frames.iter_mut().rev().take_while(|pending| pending.seq > sent);
        for Pending { payload, away, .. } in newest {
            let (Payload::Batch(batch), None) = (payload, &away) else { continue };
            let before = batch.kept_bytes();
            return match spool.put(batch) {
                Ok(place) => {
                    *away = Some(place);
                    self.bytes -= before - batch.kept_bytes();
                    true
                }
                Err(error) if error.kind() == io::ErrorKind::StorageFull => false,
                Err(error) => {
                    telemetry.spool_failures.add(1);
                    self.spool_error = Some(error);
                    false
                }
            };
        }
        false
    }

    /// Brings the frame after `seq` into memory; `None` when there is none, or when what is under
    /// way leaves no room for it now.
    pub(crate) fn next_to_send(
        &mut self,
        seq: u64,
        is_under_way: bool,
        telemetry: &Telemetry,
    ) -> Option<&mut Pending> {
        loop {
            let at = self.frames.partition_point(|pending| pending.seq <= seq);
            let pending = self.frames.get_mut(at)?;
            let (Some(away), Some(spool)) = (&pending.away, &mut self.spool) else { break };
            if is_under_way && self.bytes + away.bytes() > self.limit_bytes {
                return None;
            }
            let Payload::Batch(batch) = &mut pending.payload else { break };
            let before = batch.kept_bytes();
            let taken = spool.take(away, batch);
            pending.away = None;
            self.bytes += batch.kept_bytes() - before;
            let lost = pending.seq;
            match taken {
                Ok(()) => {
                    self.note_bytes(telemetry);
                    break;
                }
                Err(error) => {
                    telemetry.spool_failures.add(1);
                    self.spool_error = Some(error);
                    self.discard(lost, telemetry);
                }
            }
        }
        self.next_after(seq)
    }

    fn note_bytes(&self, telemetry: &Telemetry) {
        telemetry.pending_bytes.set(self.bytes as u64);
        telemetry.spool_bytes.set(self.spool.as_ref().map_or(0, Spool::used_bytes));
    }

    /// Frees what a frame that is gone had in the spool.
    fn forget(&mut self, pending: &Pending) {
        if let (Some(away), Some(spool)) = (&pending.away, &mut self.spool) {
            spool.forget(away);
        }
    }

    /// Drops the least valuable thing; false when nothing is left.
    fn make_room(&mut self, telemetry: &Telemetry) -> bool {
        let with_profiles = self.frames.iter_mut().find_map(|pending| match &mut pending.payload {
            Payload::Batch(batch) if batch.profiles > 0 => {
                Some((pending.seq, batch, &mut pending.away))
            }
            _ => None,
        });
        if let Some((seq, batch, away)) = with_profiles {
            if let (Some(away), Some(spool)) = (away, &mut self.spool) {
                spool.forget_profiles(away);
            }
            let before = batch.kept_bytes();
            let stripped = batch.strip_profiles();
            self.bytes -= before - batch.kept_bytes();
            self.lose(seq, Loss::Profiles(DropReason::WindowProfiles, stripped), telemetry);
            return true;
        }
        let series = self.frames.iter().position(|p| !matches!(p.payload, Payload::Batch(_)));
        let Some(dropped) = self.frames.remove(series.unwrap_or(0)) else { return false };
        self.bytes -= dropped.payload.kept_bytes();
        self.forget(&dropped);
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
            self.forget(&pending);
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
        self.note_bytes(telemetry);
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
    fn next_after(&mut self, seq: u64) -> Option<&mut Pending> {
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
        self.forget(&pending);
        self.note_bytes(telemetry);
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
        self.spool = None;
        self.note_bytes(telemetry);
    }
}

#[cfg(test)]
mod tests;
