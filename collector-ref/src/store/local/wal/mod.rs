//! The write-ahead log: one file per generation of rows in memory.
//!
//! A record is written with one `writev` and acknowledged after the `fdatasync` it shares with its
//! neighbours. The file of a generation is deleted when everything in it is sealed, durable and
//! named in the manifest; until then it is what a crash is recovered from. A write that did not
//! succeed as a whole is cut off again, so that the file never holds half a record in its middle.

mod reader;
mod record;
mod sync;
mod writer;

pub(crate) use reader::{WalFile, WalHeader};
pub(crate) use record::{FrameId, Mark, OBJECT_KIND, Record, RecordHead};
pub(crate) use sync::Syncer;
pub(crate) use writer::WalWriter;
