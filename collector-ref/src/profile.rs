//! A step of a profile with all its texts, as the API and plugins hand it out.

use scouter_wire::record::{Detail, Outcome, Step, StepKind};
use scouter_wire::text::split_method_text;
use scouter_wire::{Gxid, TextKind, Txid};

use crate::store::Texts;

/// All steps of one transaction, in order.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Profile {
    /// The transaction.
    pub txid: Txid,
    /// Trace it belongs to, when its row came in the same frame.
    pub gxid: Option<Gxid>,
    /// Name of the object that served it.
    pub object: std::sync::Arc<str>,
    /// The steps; a step's parent always stands before it.
    pub steps: Vec<StepRecord>,
}

/// One step with its texts. Fields mean what those of [`Step`] mean.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StepRecord {
    /// What it is.
    pub kind: StepKind,
    /// How it ended.
    pub outcome: Outcome,
    /// Index of the enclosing step.
    pub parent: Option<u32>,
    /// Function, statement, outbound call, pool or wait.
    pub name: String,
    /// Line of code, `src/orders.rs:12`, or empty.
    pub place: String,
    /// From the begin of the transaction, µs.
    pub start_us: u64,
    /// From its start to its end, µs.
    pub elapsed_us: u64,
    /// Polled part of it, µs.
    pub busy_us: u64,
    /// How often it was polled.
    pub polls: u16,
    /// How many runs are folded into it.
    pub count: u32,
    /// The longest run of a fold, µs.
    pub max_us: u64,
    /// Error message, or empty.
    pub error: String,
    /// What only its kind has.
    pub detail: StepDetail,
}

/// What only some kinds of step have.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum StepDetail {
    /// Nothing more.
    #[default]
    None,
    /// A note or an error text.
    Text(String),
    /// A SQL statement.
    Sql {
        /// Wait for a connection, µs.
        pool_wait_us: u64,
        /// From the held connection to the first row, µs.
        first_row_us: Option<u64>,
        /// Rows fetched.
        rows: u64,
        /// Rows affected.
        affected: u64,
        /// Number of bound values.
        binds: u32,
        /// Bound values, when author and switch allow them.
        bind_values: String,
    },
    /// An outbound call.
    Api {
        /// Status of the response.
        status: u16,
        /// The transaction that served it.
        callee: Option<Txid>,
        /// Address that was called.
        address: String,
        /// From the call to the response headers, µs.
        ttfb_us: u64,
    },
    /// Attributes: keys and values.
    Attributes(Vec<(String, String)>),
    /// A spawned task.
    Spawn {
        /// The transaction of the child lane.
        child: Option<Txid>,
    },
}

/// The kind of text that the name of a step refers to.
pub(crate) fn name_kind(kind: StepKind) -> Option<TextKind> {
    match kind {
        StepKind::Method | StepKind::Wait | StepKind::Spawn => Some(TextKind::Method),
        StepKind::Sql | StepKind::SqlTransaction => Some(TextKind::Sql),
        StepKind::Api => Some(TextKind::Api),
        StepKind::PoolWait => Some(TextKind::Pool),
        _ => None,
    }
}

impl StepRecord {
    /// Copies a step and looks up its texts.
    pub(crate) fn new(step: &Step<'_>, texts: &dyn Texts) -> Self {
        let full = name_kind(step.kind).map_or("", |kind| texts.text(kind, step.name));
        let (name, place) = match name_kind(step.kind) {
            Some(TextKind::Method) => split_method_text(full),
            _ => (full, ""),
        };
        Self {
            kind: step.kind,
            outcome: step.outcome,
            parent: step.parent,
            name: name.to_owned(),
            place: place.to_owned(),
            start_us: step.start_us,
            elapsed_us: step.elapsed_us,
            busy_us: step.busy_us,
            polls: step.polls,
            count: step.count,
            max_us: step.max_us,
            error: step.error.to_owned(),
            detail: detail(&step.detail, texts),
        }
    }
}

fn detail(detail: &Detail<'_>, texts: &dyn Texts) -> StepDetail {
    match *detail {
        Detail::Text(text) => StepDetail::Text(text.to_owned()),
        Detail::Sql { pool_wait_us, first_row_us, rows, affected, binds, bind_values } => {
            let bind_values = bind_values.to_owned();
            StepDetail::Sql { pool_wait_us, first_row_us, rows, affected, binds, bind_values }
        }
        Detail::Api { status, callee, address, ttfb_us } => {
            StepDetail::Api { status, callee, address: address.to_owned(), ttfb_us }
        }
        Detail::Attributes(tags) => StepDetail::Attributes(
            tags.iter()
                .map(|tag| (texts.text(TextKind::Key, tag.key).to_owned(), tag.value.to_owned()))
                .collect(),
        ),
        Detail::Spawn { child } => StepDetail::Spawn { child },
        _ => StepDetail::None,
    }
}
