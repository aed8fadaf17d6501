//! One timed thing inside a transaction.

use crate::{TextRef, Txid};

/// What a step is, and which text its name refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
#[non_exhaustive]
pub enum StepKind {
    /// An instrumented function ([`TextKind::Method`](crate::TextKind::Method)).
    #[default]
    Method = 0,
    /// A SQL statement ([`TextKind::Sql`](crate::TextKind::Sql)).
    Sql = 1,
    /// An outbound call ([`TextKind::Api`](crate::TextKind::Api)).
    Api = 2,
    /// A note of the application (text inline in [`Detail::Text`]).
    Message = 3,
    /// An error that was seen (text inline in [`Detail::Text`]).
    Error = 4,
    /// A wait for a pooled connection ([`TextKind::Pool`](crate::TextKind::Pool)).
    PoolWait = 5,
    /// A named wait, `scouter::wait("inventory lock", fut)` ([`TextKind::Method`](crate::TextKind::Method)).
    Wait = 6,
    /// A task started with `scouter::spawn` ([`TextKind::Method`](crate::TextKind::Method)).
    Spawn = 7,
    /// BEGIN, COMMIT, ROLLBACK, SAVEPOINT ([`TextKind::Sql`](crate::TextKind::Sql)).
    SqlTransaction = 8,
    /// Something that only a newer version can name
    /// ([`TextKind::Method`](crate::TextKind::Method), or no name).
    Other = 15,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
#[non_exhaustive]
pub enum Outcome {
    /// It came to its end.
    #[default]
    Ok = 0,
    /// It failed; the message is in [`Step::error`].
    Error = 1,
    /// Its future or stream was dropped before its end.
    Cancelled = 2,
    /// It panicked.
    Panic = 3,
    /// It was still open when the transaction ended.
    Unfinished = 4,
    /// In a way that only a newer version can name.
    Other = 7,
}

/// What only some kinds of step have.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub enum Detail<'a> {
    /// Nothing more.
    #[default]
    None,
    /// A note or an error text.
    Text(&'a str),
    /// A SQL statement.
    Sql {
        /// From the start of the step until a connection was held, µs; part of the elapsed time.
        pool_wait_us: u64,
        /// From the held connection to the first row, µs; `None` when no row came.
        first_row_us: Option<u64>,
        /// Rows fetched so far.
        rows: u64,
        /// Rows affected, for statements that return none.
        affected: u64,
        /// Number of bound values.
        binds: u32,
        /// Bound values, empty unless the author and a switch allow them.
        bind_values: &'a str,
    },
    /// An outbound call.
    Api {
        /// Status of the response, 0 when none came.
        status: u16,
        /// The transaction that served it, if the peer said so.
        callee: Option<Txid>,
        /// Address that was called, `host:port`.
        address: &'a str,
        /// From the call to the response headers, µs.
        ttfb_us: u64,
    },
    /// Attributes of a method step: keys with their values as text.
    Attributes(&'a [super::Tag<'a>]),
    /// A spawned task.
    Spawn {
        /// The transaction of the child lane.
        child: Option<Txid>,
    },
}

/// One timed thing inside a transaction, or a folded run of the same thing.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Step<'a> {
    /// What it is.
    pub kind: StepKind,
    /// How it ended.
    pub outcome: Outcome,
    /// Index of the enclosing step in the profile; always smaller than its own.
    pub parent: Option<u32>,
    /// Name, of the text kind that belongs to [`Step::kind`].
    pub name: TextRef,
    /// From the begin of the transaction to its start, µs.
    pub start_us: u64,
    /// From its start to its end, µs; for a folded run the sum over the run.
    pub elapsed_us: u64,
    /// Polled part of the elapsed time, µs; equals it for synchronous steps.
    pub busy_us: u64,
    /// How often it was polled; 0 for synchronous steps. Saturates at 4,095.
    pub polls: u16,
    /// How many runs are folded into it; 1 when none are.
    pub count: u32,
    /// The longest run of a fold, µs; equals the elapsed time when `count` is 1.
    pub max_us: u64,
    /// Error message, or empty.
    pub error: &'a str,
    /// What only its kind has.
    pub detail: Detail<'a>,
}

from_wire!(StepKind: Method Sql Api Message Error PoolWait Wait Spawn SqlTransaction;
    or Other);

from_wire!(Outcome: Ok Error Cancelled Panic Unfinished; or Other);
