//! One agent's connection after WELCOME: frame after frame, each into its place.

use std::io::Read;
use std::sync::Arc;

use scouter_wire::codec::{
    ClockReading, FrameHeader, FrameType, MAX_LIST_ITEMS, Origin as WireOrigin, Reply,
    SectionDecoder, SeriesView, TextTable, XLogColumns, put_text_ids, read_alerts,
    read_object_frame, read_texts, write_frame,
};
use scouter_wire::record::{CounterPoint, Digest};
use scouter_wire::{TextKind, TextRef};

use super::admit::Admission;
use super::batch::RowLabels;
use super::end::{End, Reason};
use super::frames::Frames;
use super::handshake::{Peer, hash_seed, measured_offset_us, store_id};
use super::outbox::{Outbox, Outgoing};
use crate::app::App;
use crate::control::AgentHandle;
use crate::plugin::{CounterRecord, Event, Hooks};
use crate::store::{AlertBatch, Appended, CounterBatch, DigestBatch, StoredAlert, WalSeq};

/// One agent's connection. Its buffers are used again for every frame.
pub(crate) struct Session<'a> {
    pub(super) app: &'a App,
    pub(super) peer: Peer,
    pub(super) outbox: Outbox,
    pub(super) handle: Arc<AgentHandle>,
    pub(super) admission: Admission,
    pub(super) decoder: SectionDecoder,
    pub(super) columns: XLogColumns,
    pub(super) table: TextTable,
    pub(super) texts: Vec<TextRef>,
    pub(super) known_texts: Vec<(TextKind, TextRef)>,
    pub(super) labels: RowLabels,
    /// Highest sequence in the WAL of what this connection sent: what an acknowledgement of a
    /// frame that is not stored waits for.
    pub(super) wal_seq: WalSeq,
}

impl<'a> Session<'a> {
    /// A session for a peer that was welcomed.
    ///
    /// # Errors
    /// If there is no memory for the decoder.
    pub(crate) fn new(
        app: &'a App,
        peer: Peer,
        outbox: Outbox,
        handle: Arc<AgentHandle>,
    ) -> Result<Self, End> {
        Ok(Self {
            admission: Admission::new(hash_seed(app), app.limits.texts_per_minute),
            labels: RowLabels::new(Arc::clone(&peer.name)),
            app,
            peer,
            outbox,
            handle,
            decoder: SectionDecoder::new()?,
            columns: XLogColumns::new(),
            table: TextTable::default(),
            texts: Vec::new(),
            known_texts: Vec::new(),
            wal_seq: WalSeq::default(),
        })
    }

    /// Handles frames until the connection ends.
    pub(crate) fn run<R: Read>(&mut self, frames: &mut Frames<R>) -> End {
        loop {
            if self.app.connections.is_stopping() {
                return End::Closed;
            }
            let header = match frames.next() {
                Ok(header) => header,
                Err(end) => return end,
            };
            if let Err(end) = self.handle_frame(&header, frames.body()) {
                return end;
            }
        }
    }

    fn handle_frame(&mut self, header: &FrameHeader, body: &[u8]) -> Result<(), End> {
        let telemetry = &self.app.telemetry;
        telemetry.frames.one();
        telemetry.frame_bytes.add(body.len() as u64);
        self.app.objects.seen(&self.peer, self.app.clock.unix_us());
        match header.frame_type() {
            Some(FrameType::Batch) => self.batch(header.seq, body),
            Some(FrameType::Text) => self.texts(body),
            Some(FrameType::Counter) => self.counters(header.seq, body),
            Some(FrameType::Agg) => self.digests(header.seq, body),
            Some(FrameType::Alert) => self.alerts(header.seq, body),
            Some(FrameType::Object) => self.object(header.seq, body),
            Some(FrameType::Clock) => self.tell_time(body),
            Some(FrameType::Reply) => {
                self.handle.on_reply(&Reply::read(body)?);
                Ok(())
            }
            Some(FrameType::Error) => Err(End::Closed),
            Some(other) => {
                let sentence = format!("an agent must not send {other:?} here");
                Err(End::out_of_order(&sentence))
            }
            None => {
                telemetry.frames_unknown_type.one();
                self.ack(header.seq)
            }
        }
    }

    /// Answers at once, so that the agent measures the clocks and not the disk.
    fn tell_time(&self, body: &[u8]) -> Result<(), End> {
        let now = self.app.clock.unix_us();
        let asked = ClockReading::read(body)?;
        let reading = ClockReading { received_unix_us: now, answered_unix_us: now, ..asked };
        let mut frame = Vec::new();
        // Three numbers, far below the limit of a frame.
        let _ = write_frame(&mut frame, FrameType::Clock, 0, |out| reading.put(out));
        self.send(Outgoing::Frame(frame))
    }

    fn texts(&mut self, body: &[u8]) -> Result<(), End> {
        let now_us = self.app.clock.monotonic_us();
        let mut ids = Vec::new();
        let mut seq = WalSeq::default();
        let mut result = Ok(());
        let (admission, app) = (&mut self.admission, self.app);
        read_texts(body, |new| {
            if result.is_err() {
                return;
            }
            let kind_number = new.kind.map_or(u8::MAX, |kind| kind as u8);
            match admission.number(&*app.store, &new, kind_number, now_us) {
                Ok((id, wal_seq, is_over)) => {
                    ids.push(id);
                    seq = seq.max(wal_seq.unwrap_or_default());
                    app.telemetry.texts_over_rate.add(u64::from(is_over));
                }
                Err(end) => result = Err(end),
            }
        })?;
        result?;
        self.wal_seq = self.wal_seq.max(seq);
        for ids in ids.chunks(MAX_LIST_ITEMS) {
            let mut frame = Vec::new();
            let put = |out: &mut Vec<u8>| put_text_ids(out, ids);
            if write_frame(&mut frame, FrameType::TextId, 0, put).is_ok() {
                self.send(Outgoing::FrameWhen(seq, frame))?;
            }
        }
        Ok(())
    }

    fn counters(&mut self, frame_seq: u64, body: &[u8]) -> Result<(), End> {
        let view = SeriesView::parse(body, &mut self.table)?;
        self.check_origin(&view.origin)?;
        self.resolve()?;
        let mut unix_us = 0;
        let mut points: Vec<CounterPoint> = Vec::new();
        view.counters(&self.texts, |time, point| {
            unix_us = time;
            points.push(point);
        })?;
        let unix_us = unix_us.saturating_add(self.peer.clock_offset_us);
        let appended = self.app.store.append_counters(&CounterBatch {
            origin: self.peer.origin,
            seq: frame_seq,
            object: self.peer.object_id,
            unix_us,
            points: &points,
        })?;
        if self.note(appended) && self.app.plugins.want(Hooks::COUNTER) {
            let records = points.iter().map(|point| CounterRecord {
                object: Arc::clone(&self.peer.name),
                name: self.text(TextKind::Counter, point.name),
                unix_us,
                value: point.value,
            });
            self.app.plugins.offer(&Event::Counters(Arc::new(records.collect())));
        }
        self.ack(frame_seq)
    }

    fn digests(&mut self, frame_seq: u64, body: &[u8]) -> Result<(), End> {
        let view = SeriesView::parse(body, &mut self.table)?;
        self.check_origin(&view.origin)?;
        self.resolve()?;
        let mut digests: Vec<Digest> = Vec::new();
        let interval = view.digests(&self.texts, |digest| digests.push(digest))?;
        let appended = self.app.store.append_digests(&DigestBatch {
            origin: self.peer.origin,
            seq: frame_seq,
            object: self.peer.object_id,
            from_unix_us: interval.from_unix_us.saturating_add(self.peer.clock_offset_us),
            digests: &digests,
        })?;
        if self.note(appended) {
            self.app.telemetry.digests.add(digests.len() as u64);
            self.app.telemetry.digests_unknown.add(interval.skipped);
        }
        self.ack(frame_seq)
    }

    fn alerts(&mut self, frame_seq: u64, body: &[u8]) -> Result<(), End> {
        let mut alerts = Vec::new();
        let offset = self.peer.clock_offset_us;
        let origin = read_alerts(body, |mut alert| {
            alert.unix_us = alert.unix_us.saturating_add(offset);
            alerts.push(alert);
        })?;
        self.check_origin(&origin)?;
        let appended = self.app.store.append_alerts(&AlertBatch {
            origin: self.peer.origin,
            seq: frame_seq,
            object: self.peer.object_id,
            alerts: &alerts,
        })?;
        if self.note(appended) {
            self.app.telemetry.alerts.add(alerts.len() as u64);
            if self.app.plugins.want(Hooks::ALERT) {
                let object = &self.peer.name;
                let stored = alerts
                    .into_iter()
                    .map(|alert| StoredAlert { object: Arc::clone(object), alert });
                self.app.plugins.offer(&Event::Alerts(Arc::new(stored.collect())));
            }
        }
        self.ack(frame_seq)
    }

    fn object(&mut self, frame_seq: u64, body: &[u8]) -> Result<(), End> {
        let object = read_object_frame(body)?;
        if object.name != self.peer.object.name {
            let sentence = "OBJECT names another object than HELLO did: reconnect under that name";
            return Err(End::out_of_order(sentence));
        }
        if let Some(offset) = measured_offset_us(&object) {
            self.peer.clock_offset_us = offset;
        }
        self.peer.object = object;
        self.app.objects.describe(&self.peer, &self.app.plugins);
        self.ack(frame_seq)
    }

    /// Refuses a frame that speaks in the numbers of another store, or of another agent.
    pub(super) fn check_origin(&self, origin: &WireOrigin) -> Result<(), End> {
        let own = store_id(self.app);
        if origin.store != own {
            let sentence = format!(
                "the frame is written for store {:032x}, this is {:032x}: rewrite it with hashes",
                origin.store.0, own.0
            );
            return Err(End::refuse(Reason::OtherStore, sentence));
        }
        let expected = self.peer.origin;
        if (origin.instance.0, origin.epoch) != (expected.instance, expected.epoch) {
            let sentence = "a frame names another instance or epoch than HELLO did";
            return Err(End::out_of_order(sentence));
        }
        Ok(())
    }

    /// Resolves the text table of the frame in hand.
    pub(super) fn resolve(&mut self) -> Result<(), End> {
        let entries = self.table.entries();
        let (store, known) = (&*self.app.store, &mut self.known_texts);
        self.admission.resolve(store, entries, &mut self.texts, known)
    }

    /// Notes what became of an append, and says whether it was new. Its acknowledgement comes after
    /// all that follows from it: what an agent knows to be stored is also counted and shown.
    pub(super) fn note(&mut self, appended: Appended) -> bool {
        let (seq, is_new) = match appended {
            Appended::Kept { seq, .. } => (seq, true),
            Appended::Duplicate { seq } => (seq, false),
        };
        if !is_new {
            self.app.telemetry.frames_duplicate.one();
        }
        self.wal_seq = self.wal_seq.max(seq);
        is_new
    }

    /// Acknowledges a frame when all that came before it on this connection is durable.
    pub(super) fn ack(&mut self, frame_seq: u64) -> Result<(), End> {
        // Frames without a number are not acknowledged.
        if frame_seq == 0 { Ok(()) } else { self.send(Outgoing::AckWhen(self.wal_seq, frame_seq)) }
    }

    fn send(&self, outgoing: Outgoing) -> Result<(), End> {
        // The writer ends only when the socket is broken; then the reader is about to notice.
        self.outbox.blocking_send(outgoing).map_err(|_| End::Closed)
    }

    fn text(&self, kind: TextKind, text: TextRef) -> Arc<str> {
        self.app.store.text(kind, text).unwrap_or_default()
    }
}
