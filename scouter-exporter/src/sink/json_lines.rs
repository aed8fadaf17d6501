//! One JSON object a line: to a file, to standard output, to anything that can be written.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use scouter_wire::Txid;
use scouter_wire::record::{Alert, CounterPoint, Detail, Digest, DigestKey, Step, XLog};

use super::json::{Object, put_string};
use super::{Progress, Sink, Turn};
use crate::Texts;

/// Bytes that are gathered before they are written, and at every turn.
const BUFFER_BYTES: usize = 64 * 1024;

/// Writes what it gets as JSON lines: `{"type":"xlog",…}`, `profile`, `counters`, `digest`, `alert`.
///
/// A write that fails drops the lines gathered so far (at most 64 KiB and one record), counts them
/// (`exporter_sink_lost`) and is answered like a panic: the sink rests for a while and is tried
/// again. A line that was written in part is ended before the next one, so that one line of the
/// output cannot be read, not two. When it is the flush that fails, all lines of that write count
/// as lost, since nobody knows better.
pub struct JsonLines {
    out: Box<dyn Write + Send>,
    buffer: String,
    /// Where in the buffer the profile begins that is not complete yet.
    profile_at: Option<usize>,
    is_first_step: bool,
    /// The output ends within a line.
    is_torn: bool,
    lost: u64,
}

impl fmt::Debug for JsonLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonLines").finish_non_exhaustive()
    }
}

impl JsonLines {
    /// Writes to anything.
    pub fn new(out: impl Write + Send + 'static) -> Self {
        Self {
            out: Box::new(out),
            buffer: String::new(),
            profile_at: None,
            is_first_step: true,
            is_torn: false,
            lost: 0,
        }
    }

    /// Writes to standard output.
    #[must_use]
    pub fn stdout() -> Self {
        Self::new(io::stdout())
    }

    /// Appends to a file, which is created when it does not exist.
    ///
    /// # Errors
    /// When the file cannot be opened for appending.
    pub fn file(path: impl AsRef<Path>) -> io::Result<Self> {
        Ok(Self::new(OpenOptions::new().create(true).append(true).open(path)?))
    }

    fn line(&mut self, kind: &str, write: impl FnOnce(&mut Object<'_>)) {
        self.drop_open_profile();
        let mut object = Object::begin(&mut self.buffer);
        object.text("type", kind);
        write(&mut object);
        object.end();
        self.buffer.push('\n');
        if self.buffer.len() >= BUFFER_BYTES {
            self.write();
        }
    }

    #[expect(clippy::panic, reason = "how a sink reports that it cannot go on; it is caught")]
    fn write(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        if let Err(error) = self.put(buffer.as_bytes()) {
            panic!("JSON lines cannot be written: {error}");
        }
        self.buffer = buffer;
        self.buffer.clear();
    }

    /// Writes whole lines, and counts those that do not get through.
    fn put(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.is_torn {
            self.out.write_all(b"\n").inspect_err(|_| self.lost += count_lines(lines))?;
            self.is_torn = false;
        }
        let mut rest = lines;
        while !rest.is_empty() {
            let result = match self.out.write(rest) {
                Ok(0) => Err(io::ErrorKind::WriteZero.into()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(0),
                result => result,
            };
            match result {
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(error) => {
                    let written = lines.len() - rest.len();
                    self.is_torn = lines[..written].last().is_some_and(|last| *last != b'\n');
                    // A line that lacks nothing but its end is not lost: the next write ends it.
                    let is_whole = rest.first() == Some(&b'\n');
                    self.lost += count_lines(rest) - u64::from(is_whole);
                    return Err(error);
                }
            }
        }
        self.out.flush().inspect_err(|_| {
            self.is_torn = true;
            self.lost += count_lines(lines);
        })
    }

    /// A profile whose end the sink did not see, since it rested.
    fn drop_open_profile(&mut self) {
        if let Some(at) = self.profile_at.take() {
            self.buffer.truncate(at);
            self.lost += 1;
        }
    }
}

fn count_lines(lines: &[u8]) -> u64 {
    lines.iter().filter(|byte| **byte == b'\n').count() as u64
}

impl Sink for JsonLines {
    fn name(&self) -> &'static str {
        "json_lines"
    }

    fn xlog(&mut self, xlog: &XLog<'_>, texts: &Texts) {
        self.line("xlog", |object| put_xlog(object, xlog, texts));
    }

    fn profile_begin(&mut self, txid: Txid, end_unix_us: i64) {
        self.drop_open_profile();
        self.profile_at = Some(self.buffer.len());
        let mut object = Object::begin(&mut self.buffer);
        object.text("type", "profile").text("txid", &txid.to_string());
        object.signed("end_unix_us", end_unix_us).nested("steps", |out| out.push('['));
        self.is_first_step = true;
    }

    fn step(&mut self, step: &Step<'_>, texts: &Texts) {
        // The sink rested when the profile began.
        if self.profile_at.is_none() {
            return;
        }
        if !std::mem::take(&mut self.is_first_step) {
            self.buffer.push(',');
        }
        let mut object = Object::begin(&mut self.buffer);
        put_step(&mut object, step, texts);
        object.end();
    }

    fn profile_end(&mut self) {
        if self.profile_at.take().is_none() {
            return;
        }
        self.buffer.push_str("]}\n");
        if self.buffer.len() >= BUFFER_BYTES {
            self.write();
        }
    }

    fn counters(&mut self, unix_us: i64, points: &[CounterPoint], texts: &Texts) {
        self.line("counters", |object| {
            object.signed("unix_us", unix_us).nested("values", |out| {
                let mut values = Object::begin(out);
                for point in points {
                    values.float(texts.text(point.name), point.value);
                }
                values.end();
            });
        });
    }

    fn digests(&mut self, from_unix_us: i64, to_unix_us: i64, digests: &[Digest], texts: &Texts) {
        for digest in digests {
            self.line("digest", |object| {
                object.signed("from_unix_us", from_unix_us).signed("to_unix_us", to_unix_us);
                put_key(object, &digest.key, texts);
                object.number("count", digest.count).count("errors", digest.errors);
                object.number("elapsed_us", digest.elapsed_us);
                for (name, share) in [("p50_us", 0.5), ("p95_us", 0.95), ("p99_us", 0.99)] {
                    object.number(name, digest.sketch.quantile(share).unwrap_or(0));
                }
                object.count("unseen_profiles", digest.unseen_profiles);
            });
        }
    }

    fn alerts(&mut self, alerts: &[Alert]) {
        for alert in alerts {
            self.line("alert", |object| {
                object.signed("unix_us", alert.unix_us);
                object.text("kind", &format!("{:?}", alert.kind));
                object.text("level", &format!("{:?}", alert.level));
                object.text("message", &alert.message).text("place", &alert.place);
                object.text("service", &alert.service).text("tenant", &alert.tenant);
                if let Some((gxid, txid)) = alert.transaction {
                    object.text("gxid", &gxid.to_string()).text("txid", &txid.to_string());
                }
                object.count("suppressed", u64::from(alert.suppressed));
            });
        }
    }

    fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    fn turn(&mut self, _: &mut Turn<'_>) -> Progress {
        if !self.buffer.is_empty() {
            self.write();
        }
        Progress::Idle
    }
}

fn put_xlog(object: &mut Object<'_>, xlog: &XLog<'_>, texts: &Texts) {
    object.text("txid", &xlog.txid.to_string()).text("gxid", &xlog.gxid.to_string());
    if let Some(caller) = xlog.caller {
        object.text("caller", &caller.to_string());
    }
    object
        .signed("end_unix_us", xlog.end_unix_us)
        .number("elapsed_us", xlog.elapsed_us)
        .text("service", texts.text(xlog.service))
        .text("kind", &format!("{:?}", xlog.kind))
        .text("end", &format!("{:?}", xlog.end))
        .text("profile", &format!("{:?}", xlog.profile))
        .count("flags", u64::from(xlog.flags.0))
        .count("status", u64::from(xlog.status))
        .text("error", xlog.error)
        .number("busy_us", xlog.busy_us)
        .count("polls", u64::from(xlog.polls))
        .count("ttfb_us", xlog.ttfb_us)
        .count("sql_count", u64::from(xlog.sql_count))
        .count("sql_us", xlog.sql_us)
        .count("sql_rows", xlog.sql_rows)
        .count("pool_wait_us", xlog.pool_wait_us)
        .count("api_count", u64::from(xlog.api_count))
        .count("api_us", xlog.api_us)
        .count("bytes_out", xlog.bytes_out)
        .count("alloc_bytes", xlog.alloc_bytes)
        .count("steps", u64::from(xlog.steps))
        .count("steps_dropped", u64::from(xlog.steps_dropped))
        .text("tenant", xlog.tenant)
        .text("login", xlog.login)
        .text("desc", xlog.desc)
        .text("ip", xlog.ip)
        .text("user_agent", xlog.user_agent);
    if !xlog.tags.is_empty() {
        object.nested("tags", |out| put_tags(out, xlog.tags, texts));
    }
}

fn put_tags(out: &mut String, tags: &[scouter_wire::record::Tag<'_>], texts: &Texts) {
    out.push('[');
    for (at, tag) in tags.iter().enumerate() {
        out.push_str(if at == 0 { "[" } else { ",[" });
        put_string(out, texts.text(tag.key));
        out.push(',');
        put_string(out, tag.value);
        out.push(']');
    }
    out.push(']');
}

fn put_step(object: &mut Object<'_>, step: &Step<'_>, texts: &Texts) {
    object.text("kind", &format!("{:?}", step.kind)).text("name", texts.text(step.name));
    if step.outcome != scouter_wire::record::Outcome::Ok {
        object.text("outcome", &format!("{:?}", step.outcome));
    }
    if let Some(parent) = step.parent {
        object.number("parent", u64::from(parent));
    }
    object.number("start_us", step.start_us).number("elapsed_us", step.elapsed_us);
    if step.polls > 0 {
        object.number("busy_us", step.busy_us).number("polls", u64::from(step.polls));
    }
    if step.count != 1 {
        object.number("count", u64::from(step.count)).number("max_us", step.max_us);
    }
    object.text("error", step.error);
    match step.detail {
        Detail::Text(text) => {
            object.text("text", text);
        }
        Detail::Sql { pool_wait_us, first_row_us, rows, affected, binds, bind_values } => {
            object.count("pool_wait_us", pool_wait_us);
            if let Some(first_row_us) = first_row_us {
                object.number("first_row_us", first_row_us);
            }
            object.count("rows", rows).count("affected", affected);
            object.count("binds", u64::from(binds)).text("bind_values", bind_values);
        }
        Detail::Api { status, callee, address, ttfb_us } => {
            object.count("status", u64::from(status)).text("address", address);
            object.count("ttfb_us", ttfb_us);
            if let Some(callee) = callee {
                object.text("callee", &callee.to_string());
            }
        }
        Detail::Attributes(attributes) => {
            object.nested("attributes", |out| put_tags(out, attributes, texts));
        }
        Detail::Spawn { child: Some(child) } => {
            object.text("child", &child.to_string());
        }
        _ => {}
    }
}

fn put_key(object: &mut Object<'_>, key: &DigestKey, texts: &Texts) {
    match key {
        DigestKey::Service(service) => object.text("service", texts.text(*service)),
        DigestKey::Sql(sql) => object.text("sql", texts.text(*sql)),
        DigestKey::Api(api) => object.text("api", texts.text(*api)),
        DigestKey::Method(method) => object.text("method", texts.text(*method)),
        DigestKey::Error(service, message) => {
            object.text("service", texts.text(*service)).text("error", message)
        }
        DigestKey::Edge { service, kind, peer } => object
            .text("service", texts.text(*service))
            .text("peer_kind", &format!("{kind:?}"))
            .text("peer", peer),
        _ => object,
    };
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::testing::{alert, texts};

    /// A disk with room for so many bytes, written in pieces of at most seven.
    #[derive(Clone, Default)]
    struct Disk(Arc<Mutex<(usize, Vec<u8>)>>);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let (room, content) = &mut *self.0.lock().unwrap();
            let count = bytes.len().min(7).min(*room);
            if count == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            *room -= count;
            content.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Disk {
        fn set_room(&self, bytes: usize) {
            self.0.lock().unwrap().0 = bytes;
        }

        /// Lines that can be read, and those that cannot.
        fn lines(&self) -> (usize, usize) {
            let content = String::from_utf8(self.0.lock().unwrap().1.clone()).unwrap();
            let is_whole = |line: &&str| line.starts_with('{') && line.ends_with('}');
            let whole = content.lines().filter(is_whole).count();
            (whole, content.lines().count() - whole)
        }
    }

    fn write(sink: &mut JsonLines) -> bool {
        catch_unwind(AssertUnwindSafe(|| sink.write())).is_ok()
    }

    #[test]
    fn a_failed_write_counts_its_lines_and_the_next_begins_a_line() {
        let mut sink = JsonLines::new(Disk::default());
        let alerts = [alert("one"), alert("two"), alert("three")];
        sink.alerts(&alerts);
        let length = sink.buffer.len();
        for cut in 0..length {
            let disk = Disk::default();
            let mut sink = JsonLines::new(disk.clone());
            sink.alerts(&alerts);
            disk.set_room(cut);
            assert!(!write(&mut sink), "cut at {cut}");
            let lost = sink.take_lost();
            sink.alerts(&alerts);
            assert!(!write(&mut sink), "still full");
            let lost = lost + sink.take_lost();
            disk.set_room(usize::MAX);
            sink.alerts(&alerts);
            assert!(write(&mut sink));
            let (whole, torn) = disk.lines();
            assert_eq!((whole as u64 + lost, sink.take_lost()), (9, 0), "cut at {cut}");
            assert!(whole >= 3 && torn <= 1, "cut at {cut}: {torn} torn lines");
        }
    }

    #[test]
    fn a_profile_that_the_sink_saw_in_part_is_left_out() {
        let disk = Disk::default();
        disk.set_room(usize::MAX);
        let mut sink = JsonLines::new(disk.clone());
        let (texts, txid) = (texts(), Txid::new(1).unwrap());
        sink.step(&Step::default(), &texts);
        sink.profile_end();
        assert_eq!(sink.take_lost(), 0, "it never began");
        sink.profile_begin(txid, 1);
        sink.step(&Step::default(), &texts);
        sink.alerts(&[alert("one")]);
        assert_eq!(sink.take_lost(), 1);
        sink.profile_begin(txid, 1);
        sink.step(&Step::default(), &texts);
        sink.profile_end();
        assert!(write(&mut sink));
        assert_eq!(disk.lines(), (2, 0));
    }
}
