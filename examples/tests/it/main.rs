//! The demo as a stranger runs it, checked from both sides: what the load generator saw against
//! what the collector stored.

mod demo;
mod reconcile;
mod survive;
