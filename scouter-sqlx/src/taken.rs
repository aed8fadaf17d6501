//! A query taken apart, so that its text and arguments can be looked at on the way to the driver.

use std::cell::Cell;

use scouter_core::clock;
use sqlx::error::BoxDynError;
use sqlx::{Arguments as _, Database, Execute, SqlStr};

/// What a query consists of. It is itself a query again.
pub(crate) struct Taken<DB: Database> {
    sql: SqlStr,
    statement: Option<DB::Statement>,
    arguments: Option<Result<Option<DB::Arguments>, BoxDynError>>,
    is_persistent: bool,
    tells_start: bool,
}

impl<DB: Database> Taken<DB> {
    /// Takes the query apart.
    ///
    /// The order matters: `persistent()` of a mapped query answers by whether its arguments were
    /// taken, and the drivers take them first. The other order would cache statements that plain
    /// sqlx does not.
    pub(crate) fn new<'q, Q: Execute<'q, DB> + 'q>(mut query: Q) -> Self {
        let statement = query.statement().cloned();
        let arguments = Some(query.take_arguments());
        let is_persistent = query.persistent();
        let sql = query.sql();
        Self { sql, statement, arguments, is_persistent, tells_start: false }
    }

    /// Makes the query tell when a driver starts with it; see [`StartMark`].
    pub(crate) fn tell_start(&mut self) {
        self.tells_start = true;
    }

    pub(crate) fn text(&self) -> &str {
        self.sql.as_str()
    }

    /// Number of bound values.
    pub(crate) fn binds(&self) -> u32 {
        match &self.arguments {
            Some(Ok(Some(arguments))) => u32::try_from(arguments.len()).unwrap_or(u32::MAX),
            _ => 0,
        }
    }

    pub(crate) fn arguments(&self) -> Option<&DB::Arguments> {
        self.arguments.as_ref()?.as_ref().ok()?.as_ref()
    }
}

impl<DB: Database> Execute<'_, DB> for Taken<DB> {
    fn sql(self) -> SqlStr {
        self.sql
    }

    fn statement(&self) -> Option<&DB::Statement> {
        self.statement.as_ref()
    }

    fn take_arguments(&mut self) -> Result<Option<DB::Arguments>, BoxDynError> {
        if self.tells_start {
            STARTED.set(clock::now_ticks());
        }
        self.arguments.take().unwrap_or(Ok(None))
    }

    fn persistent(&self) -> bool {
        self.is_persistent
    }
}

thread_local! {
    /// When the driver took a statement up, in ticks; 0 when it did not.
    static STARTED: Cell<u64> = const { Cell::new(0) };
}

/// Tells, around one poll, when a driver took up a statement that was sent to a pool.
///
/// A pool gives no sign when its wait is over. But the driver asks for the arguments right after
/// the pool handed it the connection, and it does so inside our poll on our thread: a thread-local
/// is enough, where a shared cell would cost an allocation per statement.
pub(crate) struct StartMark {
    outer: u64,
}

impl StartMark {
    pub(crate) fn arm() -> Self {
        Self { outer: STARTED.replace(0) }
    }

    /// The moment in ticks, if it came.
    pub(crate) fn started(&self) -> Option<u64> {
        Some(STARTED.get()).filter(|ticks| *ticks != 0)
    }
}

impl Drop for StartMark {
    fn drop(&mut self) {
        // Polls nest when a pool's hook runs statements: the outer one keeps its own answer.
        STARTED.set(self.outer);
    }
}

#[cfg(all(test, feature = "_sqlite"))]
mod tests {
    use super::*;
    use sqlx::Sqlite;

    fn persistence(query: impl Execute<'static, Sqlite> + 'static) -> bool {
        Taken::new(query).persistent()
    }

    #[test]
    fn persistence_is_what_a_driver_of_plain_sqlx_would_see() {
        // Drivers ask for the arguments first, then for persistence: so does this reference.
        fn reference(mut query: impl Execute<'static, Sqlite>) -> bool {
            let _ = query.take_arguments();
            query.persistent()
        }
        assert_eq!(persistence(sqlx::query("SELECT 1")), reference(sqlx::query("SELECT 1")));
        assert_eq!(
            persistence(sqlx::query("SELECT 1").persistent(false)),
            reference(sqlx::query("SELECT 1").persistent(false))
        );
        assert_eq!(
            persistence(sqlx::query("SELECT 1").map(|_| ())),
            reference(sqlx::query("SELECT 1").map(|_| ()))
        );
        assert_eq!(persistence("SELECT 1"), reference("SELECT 1"));
    }

    #[test]
    fn arguments_are_counted_and_handed_on_once() {
        let mut query = Taken::<Sqlite>::new(sqlx::query("SELECT ?, ?").bind(1).bind("x"));
        assert_eq!((query.binds(), query.text()), (2, "SELECT ?, ?"));
        assert!(query.take_arguments().is_ok_and(|arguments| arguments.is_some()));
        assert!(query.take_arguments().is_ok_and(|arguments| arguments.is_none()));
    }

    #[test]
    fn the_start_mark_nests() {
        let mut query = Taken::<Sqlite>::new("SELECT 1");
        query.tell_start();
        let outer = StartMark::arm();
        assert!(outer.started().is_none());
        {
            let inner = StartMark::arm();
            let _ = query.take_arguments();
            assert!(inner.started().is_some());
        }
        assert!(outer.started().is_none());
        let _ = query.take_arguments();
        assert!(outer.started().is_some());
    }
}
