//! The last words of a process: a small file in which the panic hook writes before it returns.
//!
//! With `panic = "abort"` nothing runs after the hook, and nobody drains what waits in memory. The
//! exporter opens the file and writes readings into its beginning every two seconds; the hook writes
//! the panic behind them; whoever starts next reads both. A write reaches the page cache, which
//! outlives the process (not the machine).
//!
//! The rejected alternative is to map the file: a store into a mapping whose file was truncated, or
//! whose disk is full, kills the host with SIGBUS. A write only fails, which is counted
//! (`last_words_failed`).

use std::fmt::Write as _;
use std::fs::File;

use parking_lot::RwLock;

use crate::clock;
use crate::fixed::Fixed;
use crate::panics::Seen;
use crate::telemetry::LAST_WORDS_FAILED;
use crate::text::text_at_once;

/// Where in the file the panic stands; before it are the readings of the exporter.
pub const PANIC_OFFSET: usize = 1_024;

/// Most bytes of the words about a panic; longer ones are cut.
pub const MAX_LAST_WORDS_BYTES: usize = 2_048;

static FILE: RwLock<Option<File>> = RwLock::new(None);

/// Says where the hook writes, or with `None` that it writes nowhere.
pub fn set_file(file: Option<File>) {
    let before = std::mem::replace(&mut *FILE.write(), file);
    // Closed outside of the lock.
    drop(before);
}

/// Writes a panic down. Allocates nothing; while the file is being changed, which happens at the
/// start and at the end of an agent, nothing is written.
pub(crate) fn write(seen: &Seen) {
    let Some(file) = FILE.try_read() else { return };
    let Some(file) = &*file else { return };
    let mut words = Fixed::<MAX_LAST_WORDS_BYTES>::EMPTY;
    // Only a text that is too long fails, and is cut then.
    _ = compose(&mut words, seen);
    if write_at(file, words.bytes(), PANIC_OFFSET as u64).is_err() {
        LAST_WORDS_FAILED.add(1);
    }
}

fn compose(words: &mut Fixed<MAX_LAST_WORDS_BYTES>, seen: &Seen) -> std::fmt::Result {
    writeln!(words, "panic_unix_us {}", clock::wall_us())?;
    writeln!(words, "place {}:{}", seen.file.as_str(), seen.line)?;
    writeln!(words, "thread {}", seen.scene.thread.as_str())?;
    if let Some((gxid, txid)) = seen.scene.transaction {
        writeln!(words, "transaction {gxid} {txid}")?;
        writeln!(words, "service {}", text_at_once(seen.scene.service))?;
    }
    words.write_str("message ")?;
    // A line is one fact.
    for line in seen.message.as_str().split(['\n', '\r']) {
        write!(words, "{line} ")?;
    }
    words.write_str("\n")?;
    for site in seen.scene.sites() {
        writeln!(words, "inside {} @ {}:{}", site.name(), site.file(), site.line())?;
    }
    Ok(())
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(not(unix))]
fn write_at(_: &File, _: &[u8], _: u64) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}
