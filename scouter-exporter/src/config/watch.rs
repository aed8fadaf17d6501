//! Reads the configuration file, looks whether it has changed, and applies what did.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use scouter_core::options;

use super::file::{Entry, entries};
use super::{MAX_FILE_BYTES, Settings, is_setting, listed};
use crate::clock::Moment;

/// How often the file is looked at. A change is taken when it looked the same twice, so that a file
/// that is being written is left alone.
pub const CONFIG_INTERVAL: Duration = Duration::from_secs(2);

/// What tells one state of a file from another. A file moved into its place may have time and
/// length of the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
    inode: u64,
}

/// The configuration file of an agent.
#[derive(Debug)]
pub(crate) struct Watch {
    path: PathBuf,
    /// Options as they were before the file: what leaves the file has this value again.
    before: BTreeMap<&'static str, String>,
    /// Options that the environment sets: it goes before the file.
    fixed: Vec<&'static str>,
    applied: Option<Stamp>,
    seen: Option<Stamp>,
    /// What was taken from the file, by name.
    values: BTreeMap<String, String>,
    looked: Moment,
}

impl Watch {
    /// Reads the file into `settings` and the options of the recorder.
    pub(crate) fn open(path: &Path, settings: &mut Settings, mistakes: &mut Vec<String>) -> Self {
        // The application may change its folder.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let value = |info: &options::OptionInfo| Some((info.name, options::value(info.name)?));
        let before = options::all().iter().filter_map(value).collect();
        // Before the text: if the file changes between the two, the next look finds it changed.
        let applied = stamp(&path);
        let values = match read(&path) {
            Ok(text) => settings.apply_lines(&text, &path.display().to_string(), mistakes),
            Err(mistake) => {
                mistakes.push(mistake);
                BTreeMap::new()
            }
        };
        let looked = Moment::now();
        Self { path, before, fixed: Vec::new(), applied, seen: applied, values, looked }
    }

    /// Leaves to the environment what it has set.
    pub(crate) fn fix(&mut self, names: Vec<&'static str>) {
        self.fixed = names;
    }

    /// Looks, if it is time to. Answers what there is to say.
    pub(crate) fn look(&mut self, now: Moment) -> Option<String> {
        if now.since(self.looked) < CONFIG_INTERVAL {
            return None;
        }
        self.looked = now;
        self.look_now()
    }

    fn look_now(&mut self) -> Option<String> {
        let stamp = stamp(&self.path);
        let is_settled = std::mem::replace(&mut self.seen, stamp) == stamp;
        if stamp == self.applied || !is_settled {
            return None;
        }
        self.applied = stamp;
        if stamp.is_none() {
            return Some(format!("{} is gone; what it said stays", self.path.display()));
        }
        self.take()
    }

    /// Applies what differs from what the file said before. A file that cannot be read whole changes
    /// nothing; a value that cannot be used leaves what it would have replaced.
    fn take(&mut self) -> Option<String> {
        let text = match read(&self.path) {
            Ok(text) => text,
            Err(mistake) => return Some(format!("{mistake}; what it said before stays")),
        };
        let mut entries_by_line = Vec::new();
        for Entry { line, content } in entries(&text) {
            match content {
                Ok((name, value)) => entries_by_line.push((line, name, value)),
                Err(sentence) => {
                    let at = self.at(line);
                    return Some(format!("{at}: {sentence}; what the file said before stays"));
                }
            }
        }
        let former = std::mem::take(&mut self.values);
        let mut sentences = Vec::new();
        for (line, name, value) in entries_by_line {
            let said = former.get(&name);
            if said == Some(&value) || self.is_fixed(&name) {
                self.values.insert(name, value);
                continue;
            }
            // Settings of the agent are only checked: they are those of its start.
            match Settings::new("checked").apply(&name, &value, &self.at(line)) {
                Ok(()) => {
                    if is_setting(&name) {
                        sentences.push(at_next_start(&name));
                    }
                    self.values.insert(name, value);
                }
                Err(mistake) => {
                    sentences.push(format!("{mistake}; what it was stays"));
                    self.values.extend(said.map(|said| (name, said.clone())));
                }
            }
        }
        for name in former.keys().filter(|name| !self.values.contains_key(*name)) {
            sentences.extend(self.take_back(name));
        }
        let shown = self.path.display();
        (!sentences.is_empty()).then(|| format!("{shown}: {}", listed(&sentences)))
    }

    /// Undoes what the file said of a name that has left it.
    fn take_back(&self, name: &str) -> Option<String> {
        if self.is_fixed(name) {
            return None;
        }
        if is_setting(name) {
            return Some(at_next_start(name));
        }
        let before = self.before.get(name)?;
        options::set(name, before).err().map(|error| error.to_string())
    }

    fn is_fixed(&self, name: &str) -> bool {
        self.fixed.contains(&name)
    }

    fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.path.display())
    }
}

fn at_next_start(name: &str) -> String {
    format!("`{name}` takes effect when the application starts again")
}

/// `None` where there is nothing.
fn stamp(path: &Path) -> Option<Stamp> {
    let facts = fs::metadata(path).ok()?;
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(&facts);
    #[cfg(not(unix))]
    let inode = 0;
    Some(Stamp { modified: facts.modified().ok(), bytes: facts.len(), inode })
}

/// Reads the whole file; on failure a sentence says why.
fn read(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let text = || {
        // Opening a pipe waits for whoever writes to it, and a device may have no end.
        if !fs::metadata(path)?.is_file() {
            return Err(std::io::Error::other("it is not a regular file"));
        }
        let mut text = String::new();
        fs::File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
        Ok(text)
    };
    match text() {
        Ok(text) if text.len() as u64 > MAX_FILE_BYTES => {
            Err(format!("{shown} is longer than {MAX_FILE_BYTES} bytes"))
        }
        Ok(text) => Ok(text),
        Err(error) => Err(format!("{shown} cannot be read: {error}")),
    }
}

#[cfg(test)]
mod tests;
