//! Looks whether the configuration file has changed, and applies what did.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::file::{Entry, entries};
use super::{MAX_FILE_BYTES, is_setting};
use crate::clock::Moment;
use crate::notice::Notices;

/// How often the file is looked at. A change is taken when it looked the same twice, so that a file
/// that is being written is left alone.
pub const CONFIG_INTERVAL: Duration = Duration::from_secs(2);

/// What tells one state of a file from another.
type Stamp = (Option<SystemTime>, u64);

/// The configuration file of a running agent.
#[derive(Debug)]
pub(crate) struct Watch {
    path: PathBuf,
    /// Options that the environment sets: it goes before the file.
    fixed: Vec<&'static str>,
    applied: Option<Stamp>,
    seen: Option<Stamp>,
    /// What the file says, by name.
    values: BTreeMap<String, String>,
    looked: Moment,
    notices: Arc<Notices>,
}

impl Watch {
    /// Watches a file that was applied just now.
    pub(crate) fn new(path: PathBuf, fixed: Vec<&'static str>, notices: Arc<Notices>) -> Self {
        let applied = stamp(&path);
        let values = read(&path).map(|entries| valid(entries).0).unwrap_or_default();
        Self { path, fixed, applied, seen: applied, values, looked: Moment::now(), notices }
    }

    /// Looks, if it is time to.
    pub(crate) fn look(&mut self, now: Moment) {
        if now.since(self.looked) < CONFIG_INTERVAL {
            return;
        }
        self.looked = now;
        let stamp = stamp(&self.path);
        let is_settled = stamp == self.seen;
        self.seen = stamp;
        if stamp == self.applied || stamp.is_none() || !is_settled {
            return;
        }
        self.applied = stamp;
        if let Err(sentence) = self.take() {
            self.notices.say(&format!("{}: {sentence}", self.path.display()));
        }
    }

    /// Applies what differs from what the file said before. A file that cannot be read whole changes
    /// nothing.
    fn take(&mut self) -> Result<(), String> {
        let (values, mistakes) = valid(read(&self.path)?);
        if let Some(mistake) = mistakes.into_iter().next() {
            return Err(format!("{mistake}; what the file said before stays"));
        }
        let gone = self.values.keys().filter(|name| !values.contains_key(*name));
        let changes: Vec<(String, Option<String>)> = gone
            .map(|name| (name.clone(), None))
            .chain(
                values
                    .iter()
                    .filter(|(name, value)| self.values.get(*name) != Some(value))
                    .map(|(name, value)| (name.clone(), Some(value.clone()))),
            )
            .collect();
        self.values = values;
        let mut sentences = Vec::new();
        for (name, value) in changes {
            if is_setting(&name) {
                sentences.push(format!("`{name}` takes effect when the application starts again"));
                continue;
            }
            if self.fixed.iter().any(|fixed| *fixed == name) {
                continue;
            }
            let default = scouter_core::options::all().iter().find(|info| info.name == name);
            let value = value.as_deref().or(default.map(|info| info.default)).unwrap_or_default();
            if let Err(error) = scouter_core::options::set(&name, value) {
                sentences.push(error.to_string());
            }
        }
        if sentences.is_empty() { Ok(()) } else { Err(sentences.join("; ")) }
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let facts = std::fs::metadata(path).ok()?;
    Some((facts.modified().ok(), facts.len()))
}

fn read(path: &Path) -> Result<Vec<Entry>, String> {
    let facts = std::fs::metadata(path).map_err(|error| format!("it cannot be read: {error}"))?;
    if facts.len() > MAX_FILE_BYTES {
        return Err(format!("it is longer than {MAX_FILE_BYTES} bytes"));
    }
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("it cannot be read: {error}"))?;
    Ok(entries(&text))
}

/// The values by name, the last one of each, and what cannot be read.
fn valid(entries: Vec<Entry>) -> (BTreeMap<String, String>, Vec<String>) {
    let (mut values, mut mistakes) = (BTreeMap::new(), Vec::new());
    for Entry { line, content } in entries {
        match content {
            Ok((name, value)) => {
                values.insert(name, value);
            }
            Err(sentence) => mistakes.push(format!("line {line}: {sentence}")),
        }
    }
    (values, mistakes)
}
