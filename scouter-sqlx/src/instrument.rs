//! The way out of the facade's blind spots: [`instrument`] a driver's connection for one statement.

use std::fmt;

use scouter_core::{TextKind, intern};
use sqlx::Database;

use crate::driver;
use crate::settings::Settings;

/// Records statements of a plain connection that other code handed to us.
///
/// # Examples
/// ```
/// # async fn run(raw: &mut sqlx::SqliteConnection) -> Result<(), sqlx::Error> {
/// use scouter_sqlx::instrument;
/// sqlx::query("DELETE FROM jobs").execute(instrument(raw)).await?;
/// # Ok(())
/// # }
/// ```
pub fn instrument<C>(connection: &mut C) -> Instrumented<'_, C::Database>
where
    C: sqlx::Connection,
{
    let name = intern(TextKind::Pool, C::Database::NAME);
    let settings = Settings::named(name, driver::dialect::<C::Database>(connection));
    Instrumented { connection, settings }
}

/// A borrowed plain connection whose next statement is recorded; made by [`instrument`].
pub struct Instrumented<'c, DB: Database> {
    pub(crate) connection: &'c mut DB::Connection,
    pub(crate) settings: Settings,
}

impl<DB: Database> fmt::Debug for Instrumented<'_, DB> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Instrumented").field("driver", &DB::NAME).finish_non_exhaustive()
    }
}
