//! Who changed what, from where: one JSON line per control action.
//!
//! The file `audit.jsonl` in the data folder is only ever appended to. When it is longer than
//! [`MAX_AUDIT_BYTES`] it becomes `audit.1.jsonl`, replacing the one before.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use serde_json::json;

use crate::auth::Caller;

/// Length at which the file is put aside.
pub(crate) const MAX_AUDIT_BYTES: u64 = 16 * 1024 * 1024;

/// The audit file of a collector.
#[derive(Debug)]
pub(crate) struct Audit {
    path: PathBuf,
    file: Mutex<Option<File>>,
}

impl Audit {
    /// The audit file of a data folder; it is made with the first action.
    pub(crate) fn new(data: &Path) -> Self {
        Self { path: data.join("audit.jsonl"), file: Mutex::new(None) }
    }

    /// Writes one action down.
    ///
    /// # Errors
    /// If it cannot be written; the caller then refuses the action, so that none goes unseen.
    pub(crate) fn note(
        &self,
        unix_us: i64,
        caller: &Caller,
        action: &str,
        object: &str,
        what: &str,
    ) -> io::Result<()> {
        let line = json!({
            "unix_us": unix_us, "account": caller.account.as_deref(), "role": caller.role, "address": caller.address.to_string(),
            "action": action, "object": object, "what": what,
        });
        let mut file = self.file.lock();
        if file.as_ref().is_some_and(is_full) {
            *file = None;
            std::fs::rename(&self.path, self.path.with_file_name("audit.1.jsonl"))?;
        }
        if file.is_none() {
            *file = Some(OpenOptions::new().create(true).append(true).open(&self.path)?);
        }
        match file.as_mut() {
            Some(file) => file.write_all(format!("{line}\n").as_bytes()),
            None => Ok(()),
        }
    }
}

fn is_full(file: &File) -> bool {
    file.metadata().is_ok_and(|meta| meta.len() >= MAX_AUDIT_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Role;

    #[test]
    fn each_action_is_one_line_and_an_unwritable_folder_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let caller = &Caller {
            account: Some("ada".into()),
            role: Role::Operator,
            address: "127.0.0.1".parse().unwrap(),
        };
        let audit = Audit::new(folder.path());
        audit.note(1, caller, "set option", "/host/orders", "a=\"b\"\n").unwrap();
        audit.note(2, caller, "set option", "/host/orders", "c=d").unwrap();
        let text = std::fs::read_to_string(folder.path().join("audit.jsonl")).unwrap();
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["what"], "a=\"b\"\n");
        assert_eq!(lines[1]["role"], "operator");
        assert_eq!(lines[1]["account"], "ada");
        let nowhere = Audit::new(&folder.path().join("missing"));
        assert!(nowhere.note(1, caller, "x", "y", "z").is_err());
    }
}
