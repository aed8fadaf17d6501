//! The live view: what arrives, on every page that is open, a tenth of a second later.
//!
//! Ingest hands rows to the [`Hub`] only while somebody watches; otherwise it pays one atomic
//! load a batch. The hub keeps the newest rows in order of their arrival numbers and a task passes
//! them on, ten times a second, to each viewer from that viewer's cursor on. A viewer that cannot
//! keep up loses points, is told so (a GAP frame), and fetches them from the store.

pub(crate) mod bands;
pub(crate) mod blocks;
mod first_run;
mod hub;
mod pulse;
mod row;
mod socket;
mod viewer;

pub(crate) use bands::{ActiveBands, run_bands};
pub(crate) use first_run::FirstRun;
pub(crate) use hub::{Hub, run_fanout};
pub(crate) use row::{Labels, LiveRow};
pub(crate) use socket::upgrade;
