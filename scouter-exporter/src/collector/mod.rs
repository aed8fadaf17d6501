//! The sink that delivers to the collector: batches, keeps until acknowledged, sends.

mod commands;
mod connection;
mod names;
mod sender;
mod skew;
mod spool;
mod suspect;
#[cfg(feature = "tls")]
mod tls;
mod transport;
mod window;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use scouter_wire::Txid;
use scouter_wire::codec::{
    BatchEncoder, DropReason, EncodeError, InstanceId, SeriesEncoder, Totals,
};
use scouter_wire::record::{Alert, CounterPoint, Digest, Object, Step, XLog};

pub use commands::MAX_ACTIVE_LISTED;
pub use sender::{ACK_TIMEOUT, CLOCK_OFFSET_TAG, GREETING_TIMEOUT};
pub(crate) use sender::{Sender, Timeouts};
pub use spool::DEFAULT_SPOOL_BYTES;
pub(crate) use spool::Spool;
pub use suspect::MAX_FRAME_KILLS;
pub use transport::CONNECT_TIMEOUT;
pub(crate) use transport::{TLS_SCHEME, Transport, transport_to};
pub use window::DEFAULT_WINDOW_BYTES;
pub(crate) use window::{Payload, Window};

use crate::Texts;
use crate::clock::Moment;
use crate::notice::{Notice, Notices};
use crate::sink::{Progress, Sink, Turn};
use crate::telemetry::Telemetry;

/// XLogs after which a batch is closed.
pub const BATCH_XLOGS: usize = 500;

/// After this time a batch is closed however few XLogs it has.
pub const BATCH_AGE: Duration = Duration::from_millis(250);

/// Bytes before compression after which a batch is closed.
const BATCH_BYTES: usize = 2 * 1024 * 1024;

/// Most bytes of one profile before compression. Further steps of it are dropped and counted
/// (`exporter_truncated_steps`), so that the batch always fits a frame.
const MAX_PROFILE_BYTES: usize = 4 * 1024 * 1024;

/// Most digests, points or alerts in one frame; more are split.
const ITEMS_PER_FRAME: usize = 2_000;

/// Delivers to a collector over the wire protocol.
pub(crate) struct Collector {
    encoder: BatchEncoder,
    series: SeriesEncoder,
    /// When the first record came into the open batch.
    batch_since: Option<Moment>,
    has_open_profile: bool,
    window: Window,
    sender: Sender,
    totals: Totals,
    telemetry: Arc<Telemetry>,
    notices: Arc<Notices>,
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector").field("window", &self.window.bytes()).finish_non_exhaustive()
    }
}

/// What a [`Collector`] is made of.
pub(crate) struct CollectorSettings {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) token: Option<String>,
    pub(crate) object: Object,
    pub(crate) instance: InstanceId,
    pub(crate) window_bytes: usize,
    /// Takes what does not fit the window.
    pub(crate) spool: Option<Spool>,
    pub(crate) timeouts: Timeouts,
}

impl Collector {
    pub(crate) fn new(
        settings: CollectorSettings,
        telemetry: Arc<Telemetry>,
        notices: Arc<Notices>,
    ) -> Result<Self, EncodeError> {
        let CollectorSettings { transport, token, object, instance, timeouts, .. } = settings;
        let mut window = Window::new(settings.window_bytes);
        if let Some(spool) = settings.spool {
            window.set_spool(spool);
        }
        let sender = Sender::new(
            transport,
            token,
            object,
            instance,
            timeouts,
            Arc::clone(&telemetry),
            Arc::clone(&notices),
        );
        Ok(Self {
            encoder: BatchEncoder::new()?,
            series: SeriesEncoder::new(),
            batch_since: None,
            has_open_profile: false,
            window,
            sender,
            totals: Totals::default(),
            telemetry,
            notices,
        })
    }

    fn close_batch(&mut self) {
        if self.encoder.is_empty() {
            return;
        }
        self.batch_since = None;
        let (xlogs, profiles) = (self.encoder.xlogs(), self.encoder.profiles());
        match self.encoder.finish(&self.totals) {
            Ok(batch) => self.window.push(Payload::Batch(batch), &self.telemetry),
            Err(_) => {
                self.telemetry.encode_failures.add(1);
                self.telemetry.drop_records(DropReason::Unsendable, xlogs);
                self.telemetry.drop_records(DropReason::UnsendableProfile, profiles);
            }
        }
        self.note_pending();
    }

    fn note_pending(&self) {
        let pending = self.window.xlogs() + self.encoder.xlogs();
        self.telemetry.pending_xlogs.set(pending as u64);
    }

    fn opened(&mut self) {
        self.batch_since.get_or_insert_with(Moment::now);
    }

    fn is_full(&self) -> bool {
        self.encoder.xlogs() >= BATCH_XLOGS
            || self.encoder.profiles() >= BATCH_XLOGS
            || self.encoder.bytes() >= BATCH_BYTES
    }
}

impl Sink for Collector {
    fn name(&self) -> &'static str {
        "collector"
    }

    fn xlog(&mut self, xlog: &XLog<'_>, _: &Texts) {
        if self.is_full() {
            self.close_batch();
        }
        if !self.encoder.push_xlog(xlog) {
            // Cannot be: the batch was closed long before its limit. Counted all the same.
            self.telemetry.drop_records(DropReason::Unsendable, 1);
        }
        self.opened();
        self.note_pending();
    }

    fn profile_begin(&mut self, txid: Txid, end_unix_us: i64) {
        if self.encoder.profiles() >= BATCH_XLOGS || self.encoder.bytes() >= BATCH_BYTES {
            self.close_batch();
        }
        self.has_open_profile = self.encoder.begin_profile(txid, end_unix_us);
        if !self.has_open_profile {
            self.telemetry.drop_records(DropReason::UnsendableProfile, 1);
        }
        self.opened();
    }

    fn step(&mut self, step: &Step<'_>, _: &Texts) {
        let fits = self.encoder.bytes() < BATCH_BYTES + MAX_PROFILE_BYTES;
        if !(self.has_open_profile && fits && self.encoder.push_step(step)) {
            self.telemetry.truncated_steps.add(1);
        }
    }

    fn profile_end(&mut self) {
        self.encoder.end_profile();
        self.has_open_profile = false;
    }

    fn counters(&mut self, unix_us: i64, points: &[CounterPoint], _: &Texts) {
        for points in points.chunks(ITEMS_PER_FRAME) {
            let series = self.series.counters(unix_us, points);
            self.window.push(Payload::Series(series), &self.telemetry);
        }
    }

    fn digests(&mut self, from_unix_us: i64, to_unix_us: i64, digests: &[Digest], _: &Texts) {
        for digests in digests.chunks(ITEMS_PER_FRAME) {
            let series = self.series.digests(from_unix_us, to_unix_us, digests);
            self.window.push(Payload::Series(series), &self.telemetry);
        }
    }

    fn alerts(&mut self, alerts: &[Alert]) {
        for alerts in alerts.chunks(ITEMS_PER_FRAME) {
            self.window.push(Payload::Alerts(alerts.to_vec()), &self.telemetry);
        }
    }

    fn turn(&mut self, turn: &mut Turn<'_>) -> Progress {
        self.totals = turn.totals;
        let is_old = self.batch_since.is_some_and(|since| Moment::now().since(since) >= BATCH_AGE);
        if turn.is_flush || is_old || self.is_full() {
            self.close_batch();
        }
        let progress = self.sender.turn(&mut self.window, turn);
        if let Some(error) = self.window.take_spool_error() {
            self.notices.once(Notice::Spool, || {
                format!(
                    "the disk of the spool fails ({error}); what cannot be kept is dropped and \
                     counted (exporter_spool_failures)"
                )
            });
        }
        self.note_pending();
        if self.encoder.is_empty() { progress } else { progress.max(Progress::Waiting) }
    }
}

impl Drop for Collector {
    /// What was not acknowledged when the agent ends is counted as not delivered.
    fn drop(&mut self) {
        self.close_batch();
        self.window.abandon(&self.telemetry);
        self.note_pending();
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Mutex;

    use super::transport::Stream;
    use super::*;
    use crate::testing::{Synthetic, texts};

    /// A collector that is away.
    struct Away;

    impl Transport for Away {
        fn connect(&self) -> io::Result<Box<dyn Stream>> {
            Err(io::ErrorKind::ConnectionRefused.into())
        }

        fn target(&self) -> String {
            "away:1".into()
        }
    }

    /// What is said when a connection fails at this moment.
    fn said(is_ending: bool, was_connected: bool) -> Vec<String> {
        let said = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&said);
        let say = move |line: &str| heard.lock().unwrap().push(line.to_owned());
        let telemetry = Arc::new(Telemetry::default());
        telemetry.connections.add(u64::from(was_connected));
        let settings = CollectorSettings {
            transport: Arc::new(Away),
            token: None,
            object: Object::default(),
            instance: InstanceId(1),
            window_bytes: DEFAULT_WINDOW_BYTES,
            spool: None,
            timeouts: Timeouts::default(),
        };
        let notices = Arc::new(Notices::new(Some(Box::new(say))));
        let mut sink = Collector::new(settings, Arc::clone(&telemetry), notices).unwrap();
        let (texts, mut source) = (texts(), Synthetic::new());
        while telemetry.connection_failures.value() == 0 {
            sink.turn(&mut Turn {
                texts: &texts,
                totals: Totals::default(),
                unix_us: 1,
                is_flush: true,
                is_ending,
                control: &mut source,
            });
            std::thread::yield_now();
        }
        said.lock().unwrap().clone()
    }

    #[test]
    fn a_collector_that_ends_together_with_the_agent_is_not_worth_a_line() {
        assert!(said(true, true).is_empty());
        assert_eq!(said(false, true).len(), 1);
        assert_eq!(said(true, false).len(), 1, "nobody has heard yet that it is not there");
    }
}
