//! Dumps that were taken: files of two lines of JSON, what a dump is of and what it says.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::telemetry::Counter;

/// Most dumps that are kept; with a further one the oldest goes, and `dumps_deleted` grows.
pub(crate) const MAX_DUMPS: usize = 100;

/// Bytes of all dumps together; past it the oldest go.
pub(crate) const MAX_DUMP_BYTES: u64 = 64 * 1024 * 1024;

/// What a dump is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DumpHead {
    pub(crate) unix_us: i64,
    pub(crate) object: String,
    pub(crate) instance: String,
    pub(crate) why: String,
}

/// A dump that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptDump {
    /// Name of its file, without the ending.
    pub(crate) id: String,
    pub(crate) head: DumpHead,
    /// Length of its file.
    pub(crate) bytes: u64,
}

/// The folder `dumps` of a data folder. Oldest first; read when it is first needed.
#[derive(Debug)]
pub(crate) struct Dumps {
    folder: PathBuf,
    kept: Mutex<Option<VecDeque<KeptDump>>>,
}

impl Dumps {
    /// The dumps of a data folder.
    pub(crate) fn new(data: &Path) -> Self {
        Self { folder: data.join("dumps"), kept: Mutex::new(None) }
    }

    /// Keeps a dump, and lets the oldest go that find no room beside it.
    ///
    /// # Errors
    /// If it cannot be written; the others are as they were.
    pub(crate) fn keep(&self, head: DumpHead, says: &Value, deleted: &Counter) -> io::Result<()> {
        let mut kept = self.kept.lock();
        let kept = kept.get_or_insert_with(|| read_folder(&self.folder));
        fs::create_dir_all(&self.folder)?;
        // Two of one moment are two.
        let id = (0..)
            .map(|n| format!("{:020}-{n}", head.unix_us.max(0)))
            .find(|id| !kept.iter().any(|one| one.id == *id))
            .unwrap_or_default();
        let mut text = serde_json::to_vec(&head)?;
        text.push(b'\n');
        text.extend_from_slice(says.to_string().as_bytes());
        text.push(b'\n');
        let unfinished = self.path(&id).with_extension("unfinished");
        let written = fs::File::create(&unfinished)
            .and_then(|mut file| file.write_all(&text).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&unfinished, self.path(&id)));
        if written.is_err() {
            // What is left of it may be what the disk is short of.
            let _ = fs::remove_file(&unfinished);
        }
        written?;
        kept.push_back(KeptDump { id, head, bytes: text.len() as u64 });
        while kept.len() > MAX_DUMPS
            || (kept.len() > 1 && kept.iter().map(|one| one.bytes).sum::<u64>() > MAX_DUMP_BYTES)
        {
            let Some(oldest) = kept.pop_front() else { break };
            deleted.one();
            if let Err(error) = fs::remove_file(self.path(&oldest.id)) {
                tracing::warn!(id = oldest.id, %error, "an old dump cannot be deleted");
            }
        }
        Ok(())
    }

    /// All that are kept, the newest first.
    pub(crate) fn all(&self) -> Vec<KeptDump> {
        let mut kept = self.kept.lock();
        kept.get_or_insert_with(|| read_folder(&self.folder)).iter().rev().cloned().collect()
    }

    /// What a dump says; `None` if there is none of this id.
    ///
    /// # Errors
    /// If its file cannot be read.
    pub(crate) fn read(&self, id: &str) -> io::Result<Option<(KeptDump, Value)>> {
        let Some(kept) = self.all().into_iter().find(|one| one.id == id) else { return Ok(None) };
        let text = fs::read_to_string(self.path(id))?;
        let says = text.split_once('\n').map(|(_, says)| serde_json::from_str(says));
        let says = says.ok_or(io::ErrorKind::UnexpectedEof)??;
        Ok(Some((kept, says)))
    }

    fn path(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }
}

/// What lies in the folder, the oldest first; what is no dump is left alone.
fn read_folder(folder: &Path) -> VecDeque<KeptDump> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut kept: Vec<_> = files.filter_map(|file| read_head(&file.path())).collect();
    kept.sort_by(|a, b| a.id.cmp(&b.id));
    kept.into()
}

fn read_head(path: &Path) -> Option<KeptDump> {
    if path.extension()? != "json" {
        return None;
    }
    let file = fs::File::open(path).ok()?;
    let bytes = file.metadata().ok()?.len();
    let mut line = String::new();
    BufReader::new(file).read_line(&mut line).ok()?;
    let head = serde_json::from_str(&line).ok()?;
    Some(KeptDump { id: path.file_stem()?.to_str()?.to_owned(), head, bytes })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn head(unix_us: i64) -> DumpHead {
        let (object, instance) = ("/a".to_owned(), "7".to_owned());
        DumpHead { unix_us, object, instance, why: "CPU\n\"at\" 99 %".to_owned() }
    }

    #[test]
    fn dumps_are_read_back_the_newest_first_also_by_the_next_collector() {
        let data = tempfile::tempdir().unwrap();
        let (dumps, deleted) = (Dumps::new(data.path()), Counter::default());
        assert!(dumps.all().is_empty());
        for (at, says) in [(5, json!({ "n": 1 })), (5, json!({ "n": 2 })), (90, json!({ "n": 3 }))]
        {
            dumps.keep(head(at), &says, &deleted).unwrap();
        }
        fs::write(data.path().join("dumps/notes.txt"), "mine").unwrap();
        fs::write(data.path().join("dumps/broken.json"), "{").unwrap();
        let next = Dumps::new(data.path());
        assert_eq!(next.all(), dumps.all());
        let all = next.all();
        assert_eq!(all.iter().map(|one| one.head.unix_us).collect::<Vec<_>>(), [90, 5, 5]);
        let read = |index: usize| next.read(&all[index].id).unwrap().unwrap().1["n"].clone();
        assert_eq!((read(0), read(1), read(2)), (json!(3), json!(2), json!(1)));
        assert!(next.read("../audit").unwrap().is_none());
        fs::write(data.path().join(format!("dumps/{}.json", all[0].id)), "cut").unwrap();
        assert!(next.read(&all[0].id).is_err());
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many_or_they_are_too_large_and_that_is_counted() {
        let data = tempfile::tempdir().unwrap();
        let (dumps, deleted) = (Dumps::new(data.path()), Counter::default());
        for at in 0..i64::try_from(MAX_DUMPS).unwrap() + 3 {
            dumps.keep(head(at), &json!({}), &deleted).unwrap();
        }
        assert_eq!((dumps.all().len(), deleted.value()), (MAX_DUMPS, 3));
        assert_eq!(fs::read_dir(data.path().join("dumps")).unwrap().count(), MAX_DUMPS);
        let large = json!({ "x": "y".repeat(usize::try_from(MAX_DUMP_BYTES / 2).unwrap()) });
        dumps.keep(head(1_000), &large, &deleted).unwrap();
        dumps.keep(head(1_001), &large, &deleted).unwrap();
        assert_eq!(dumps.all().len(), 1, "two of half the size, and a little more, are too large");
        assert_eq!(dumps.all()[0].head.unix_us, 1_001);
    }

    #[test]
    fn a_dump_that_cannot_be_written_is_an_error_and_leaves_the_others() {
        let data = tempfile::tempdir().unwrap();
        let (dumps, deleted) = (Dumps::new(data.path()), Counter::default());
        dumps.keep(head(1), &json!({}), &deleted).unwrap();
        fs::remove_dir_all(data.path().join("dumps")).unwrap();
        fs::write(data.path().join("dumps"), "in the way").unwrap();
        assert!(dumps.keep(head(2), &json!({}), &deleted).is_err());
        assert_eq!(dumps.all().len(), 1);
    }
}
