//! What a process that died could not say any more, told by the next one.
//!
//! While the agent runs, a file in a folder of your choice holds its last readings; a panic writes
//! itself behind them ([`scouter_core::last_words`]). An agent that ends takes its file away. One
//! that is killed, aborts or crashes leaves it, and the next agent of the same object that starts
//! with this folder raises an alert with what stands in it and removes it.
//!
//! The file belongs to whoever holds its lock, which the kernel frees at the death of a process. So
//! several processes of one object may share a folder, and each dead one is told once.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::hash::BuildHasher;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use scouter_core::alert::{self, About, AlertKind, AlertLevel};
use scouter_core::last_words::{self, MAX_LAST_WORDS_BYTES, PANIC_OFFSET};

const SUFFIX: &str = ".words";

/// Length of a file: it is written whole at the beginning, so that a disk that fills up later does
/// not matter.
const FILE_BYTES: usize = PANIC_OFFSET + MAX_LAST_WORDS_BYTES;

/// Most files that are looked at when an agent starts; those of a folder beyond it stay for the next.
const MAX_FILES: usize = 1_000;

/// Most deaths that are told at a start; further ones are removed and only counted in the last alert.
const MAX_TOLD: usize = 16;

/// The file of this process.
#[derive(Debug)]
pub(crate) struct LastWords {
    file: File,
    path: PathBuf,
    object: String,
    started_unix_us: i64,
}

impl LastWords {
    /// Tells of the processes of `object` that died with a file in `folder`, and begins one.
    ///
    /// # Errors
    /// If the folder cannot be made or takes no file.
    pub(crate) fn open(folder: &Path, object: &str, now_unix_us: i64) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        tell(&dead(folder, object)?, now_unix_us);
        let random = std::hash::RandomState::new().hash_one(std::process::id());
        let path = folder.join(format!("scouter-{}-{random:016x}{SUFFIX}", std::process::id()));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path)?;
        // Taken away also when what follows fails.
        let words = Self { file, path, object: object.to_owned(), started_unix_us: now_unix_us };
        words.file.lock()?;
        write_at(&words.file, &[0; FILE_BYTES], 0)?;
        words.note(0, 0, now_unix_us)?;
        last_words::set_file(Some(words.file.try_clone()?));
        Ok(words)
    }

    /// Writes down how the process is.
    ///
    /// # Errors
    /// Whatever the disk says.
    pub(crate) fn note(&self, rss_bytes: u64, active: usize, unix_us: i64) -> io::Result<()> {
        let mut text = format!(
            "object {}\npid {}\nstarted_unix_us {}\nunix_us {unix_us}\nrss_bytes {rss_bytes}\n\
             active {active}\n",
            self.object,
            std::process::id(),
            self.started_unix_us
        );
        // A name of a kilobyte would run into the panic: such a file tells nothing.
        text.truncate(text.floor_char_boundary(PANIC_OFFSET));
        let mut bytes = text.into_bytes();
        bytes.resize(PANIC_OFFSET, 0);
        write_at(&self.file, &bytes, 0)
    }
}

impl Drop for LastWords {
    fn drop(&mut self) {
        last_words::set_file(None);
        // If that fails, the next start tells of a death that was none: better than the reverse.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(not(unix))]
fn write_at(_: &File, _: &[u8], _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// What the dead processes of an object have left; their files are gone then.
fn dead(folder: &Path, object: &str) -> io::Result<Vec<Facts>> {
    let mut dead = Vec::new();
    for entry in std::fs::read_dir(folder)?.flatten().take(MAX_FILES) {
        let name = entry.file_name();
        let is_ours = name
            .to_str()
            .is_some_and(|name| name.starts_with("scouter-") && name.ends_with(SUFFIX));
        if !is_ours {
            continue;
        }
        // One that lives, that another process is just telling of, or that cannot be read: not ours.
        let Ok(file) = OpenOptions::new().read(true).write(true).open(entry.path()) else {
            continue;
        };
        if file.try_lock().is_err() {
            continue;
        }
        let Ok(facts) = Facts::read(&file) else { continue };
        if facts.text("object") == object && std::fs::remove_file(entry.path()).is_ok() {
            dead.push(facts);
        }
    }
    Ok(dead)
}

fn tell(dead: &[Facts], now_unix_us: i64) {
    let untold = dead.len().saturating_sub(MAX_TOLD);
    for (index, facts) in dead.iter().take(MAX_TOLD).enumerate() {
        let group = facts.text("pid").to_owned() + facts.text("started_unix_us");
        let transaction = facts.transaction();
        let about = About {
            service: facts.text("service"),
            transaction,
            group: &group,
            count: if index == 0 {
                u32::try_from(untold).unwrap_or(u32::MAX).saturating_add(1)
            } else {
                1
            },
            ..About::default()
        };
        alert::raise_for(
            &about,
            AlertKind::PreviousDeath,
            AlertLevel::Error,
            facts.text("place"),
            format_args!("{}", facts.sentence(now_unix_us)),
        );
    }
}

/// What stands in a file.
#[derive(Debug, Default)]
struct Facts {
    texts: HashMap<String, String>,
    inside: Vec<String>,
}

impl Facts {
    fn read(mut file: &File) -> io::Result<Self> {
        let mut bytes = vec![0; FILE_BYTES];
        let mut len = 0;
        while len < bytes.len() {
            match file.read(&mut bytes[len..])? {
                0 => break,
                read => len += read,
            }
        }
        bytes.truncate(len);
        Ok(Self::of(&String::from_utf8_lossy(&bytes)))
    }

    fn of(text: &str) -> Self {
        let mut facts = Self::default();
        for line in text.split(['\n', '\0']) {
            match line.trim_end().split_once(' ') {
                Some(("inside", step)) => facts.inside.push(step.to_owned()),
                Some((key, value)) => _ = facts.texts.insert(key.to_owned(), value.to_owned()),
                None => {}
            }
        }
        facts
    }

    fn text(&self, key: &str) -> &str {
        self.texts.get(key).map_or("", String::as_str)
    }

    fn number(&self, key: &str) -> i64 {
        self.text(key).parse().unwrap_or(0)
    }

    fn transaction(&self) -> Option<(scouter_wire::Gxid, scouter_wire::Txid)> {
        let (gxid, txid) = self.text("transaction").split_once(' ')?;
        Some((gxid.parse().ok()?, txid.parse().ok()?))
    }

    fn sentence(&self, now_unix_us: i64) -> String {
        let at = self.number("unix_us");
        let mut sentence = format!(
            "process {} of this object, which ran for {}, ended without saying so at most {} after \
             its last sign of life {} ago: {} MiB resident, {} transactions in flight; ",
            self.text("pid"),
            seconds(at.saturating_sub(self.number("started_unix_us"))),
            seconds(READING_US),
            seconds(now_unix_us.saturating_sub(at)),
            self.number("rss_bytes") >> 20,
            self.number("active"),
        );
        if self.texts.contains_key("panic_unix_us") {
            let later = self.number("panic_unix_us").saturating_sub(at);
            let when = if later >= -READING_US {
                "the last thing it did was a panic".to_owned()
            } else {
                format!("its last panic was {} before that", seconds(later.saturating_neg()))
            };
            sentence += &format!(
                "{when}: {} (thread {}, at {}",
                self.text("message"),
                self.text("thread"),
                self.text("place")
            );
            if !self.inside.is_empty() {
                sentence += &format!("; inside {}", self.inside.join(" > "));
            }
            sentence.push(')');
        } else {
            sentence += "it did not panic: it was killed (SIGKILL, as by the kernel when memory is \
                         short, or a signal it does not handle), crashed, or left without dropping \
                         the agent's guard";
        }
        sentence
    }
}

/// How often readings are written, µs.
const READING_US: i64 = 2_000_000;

fn seconds(us: i64) -> String {
    format!("{} s", us.max(0) / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_stands_in_a_file_is_read_as_far_as_it_makes_sense() {
        let facts = Facts::of("object /h/a\npid 7\0\0\0unix_us\nrss_bytes x\n\u{fffd}inside");
        assert_eq!((facts.text("object"), facts.text("pid")), ("/h/a", "7"));
        assert_eq!((facts.number("rss_bytes"), facts.number("nothing")), (0, 0));
        assert!(facts.transaction().is_none());
        assert!(Facts::of("transaction 0 0").transaction().is_none());
        for text in ["", "\n\n", "\0", "a", "unix_us -9\npanic_unix_us 9223372036854775807"] {
            assert!(!Facts::of(text).sentence(0).is_empty());
        }
    }

    #[test]
    fn a_panic_long_before_the_end_is_not_taken_for_its_cause() {
        let text = |panic: &str| {
            format!(
                "pid 7\nstarted_unix_us 0\nunix_us 60000000\nmessage boom \npanic_unix_us {panic}"
            )
        };
        let sentence = |panic| Facts::of(&text(panic)).sentence(65_000_000);
        assert!(sentence("60500000").contains("the last thing it did was a panic: boom ("));
        assert!(sentence("20000000").contains("its last panic was 40 s before that: boom ("));
        assert!(sentence("1").contains("ran for 60 s") && sentence("1").contains("life 5 s ago"));
    }
}
