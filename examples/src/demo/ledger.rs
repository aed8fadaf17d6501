//! One line for each request that was sent, so that a test can reconcile both sides.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use crate::AnyError;

/// What the load generator saw of one request.
#[derive(Default, Serialize)]
pub(crate) struct Entry {
    /// The id the front service put on its response, `gxid-txid`.
    pub(crate) id: Option<String>,
    /// On whose behalf it was sent.
    pub(crate) tenant: &'static str,
    /// HTTP status, 0 when no response came.
    pub(crate) status: u16,
    /// How it ended for the customer.
    pub(crate) end: &'static str,
}

/// Writes entries to a file, or nowhere.
pub(crate) struct Ledger(Option<Mutex<BufWriter<File>>>);

impl Ledger {
    pub(crate) fn create(path: Option<&Path>) -> Result<Self, AnyError> {
        let Some(path) = path else { return Ok(Self(None)) };
        let file = File::create(path)
            .map_err(|error| format!("cannot write the ledger {}: {error}", path.display()))?;
        Ok(Self(Some(Mutex::new(BufWriter::new(file)))))
    }

    pub(crate) fn write(&self, entry: &Entry) {
        let Some(file) = &self.0 else { return };
        let Ok(mut line) = serde_json::to_vec(entry) else { return };
        line.push(b'\n');
        let _ = file.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line);
    }

    pub(crate) fn flush(&self) {
        if let Some(file) = &self.0 {
            let _ = file.lock().unwrap_or_else(PoisonError::into_inner).flush();
        }
    }
}
