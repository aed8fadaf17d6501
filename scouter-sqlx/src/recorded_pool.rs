//! [`Pool`]: sqlx's pool, whose waits, checkouts and statements are recorded.

use std::fmt;
use std::ops::Deref;
use std::panic::Location;
use std::sync::Arc;

use scouter_core::checkout::CheckoutGuard;
use scouter_core::pools::{self, PoolProbe, PoolState, PoolWaits};
use scouter_core::record::StepKind;
use scouter_core::{OpenStep, TextKind, intern};
use sqlx::{Database, Error, SqlSafeStr, SqlStr};

use crate::connection::{Conn, PoolConnection};
use crate::options::PoolOptions;
use crate::prepare::in_open_step;
use crate::settings::Settings;
use crate::transaction::Transaction;
use crate::{driver, pool_name, pool_report};

type ConnectOptionsOf<DB> = <<DB as Database>::Connection as sqlx::Connection>::Options;

/// sqlx's pool with the same methods; what runs on it is recorded in the current transaction.
///
/// It dereferences to [`sqlx::Pool`], so `size()`, `close()`, listeners and functions that want
/// the plain pool keep working; whatever they run there is not recorded (see the crate's limits).
pub struct Pool<DB: Database> {
    inner: sqlx::Pool<DB>,
    options: Arc<PoolOptions<DB>>,
    settings: Settings,
    /// Shared by all clones: the pool is among the counters of the process as long as one of them is.
    probe: Arc<Probe<DB>>,
    /// Where waits for its connections are counted.
    waits: &'static PoolWaits,
}

/// How a pool is, for the counters of the process.
struct Probe<DB: Database>(sqlx::Pool<DB>);

impl<DB: Database> PoolProbe for Probe<DB> {
    fn state(&self) -> PoolState {
        PoolState {
            max: self.0.options().get_max_connections().into(),
            size: self.0.size().into(),
            idle: self.0.num_idle() as u64,
        }
    }
}

impl<DB: Database> Pool<DB> {
    pub(crate) fn new(inner: sqlx::Pool<DB>, settings: Option<Settings>) -> Self {
        let settings = settings.unwrap_or_else(|| Self::settings_of(&inner));
        let options = Arc::new(PoolOptions::from(inner.options().clone()));
        let probe = Arc::new(Probe(inner.clone()));
        pools::watch(settings.pool, &probe);
        Self { inner, options, settings, probe, waits: pools::waits(settings.pool) }
    }

    /// Settings of a pool of which nothing was said.
    pub(crate) fn settings_of(inner: &sqlx::Pool<DB>) -> Settings {
        let options = inner.connect_options();
        let name = intern(TextKind::Pool, &pool_name::of::<DB>(&options));
        Settings::named(name, driver::dialect_by_options::<DB>(&options))
    }

    /// See [`sqlx::Pool::connect`].
    ///
    /// # Errors
    /// If the URL is malformed or the first connection fails.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        PoolOptions::new().connect(url).await
    }

    /// See [`sqlx::Pool::connect_with`].
    ///
    /// # Errors
    /// If the first connection fails.
    pub async fn connect_with(options: ConnectOptionsOf<DB>) -> Result<Self, Error> {
        PoolOptions::new().connect_with(options).await
    }

    /// See [`sqlx::Pool::connect_lazy`].
    ///
    /// # Errors
    /// If the URL is malformed.
    pub fn connect_lazy(url: &str) -> Result<Self, Error> {
        PoolOptions::new().connect_lazy(url)
    }

    /// See [`sqlx::Pool::connect_lazy_with`].
    pub fn connect_lazy_with(options: ConnectOptionsOf<DB>) -> Self {
        PoolOptions::new().connect_lazy_with(options)
    }

    /// See [`sqlx::Pool::acquire`]. The wait is a step, the checkout carries the caller's line.
    ///
    /// # Errors
    /// Those of sqlx; a timeout also raises an alert that lists who holds the connections.
    ///
    /// # Cancel safety
    /// As in sqlx: dropped before its end, it gives its place in the queue back.
    #[track_caller]
    pub fn acquire(
        &self,
    ) -> impl Future<Output = Result<PoolConnection<DB>, Error>> + Send + use<DB> {
        self.check_out("acquire", Location::caller())
    }

    fn check_out(
        &self,
        how: &'static str,
        at: &'static Location<'static>,
    ) -> impl Future<Output = Result<PoolConnection<DB>, Error>> + Send + use<DB> {
        // The pool and not its future is captured: a captured future is stored twice.
        let (pool, settings, waits) = (self.inner.clone(), self.settings, self.waits);
        async move {
            let step = OpenStep::begin(StepKind::PoolWait, settings.pool);
            let wait = waits.begin();
            let acquired = in_open_step(step, pool.acquire()).await;
            drop(wait);
            match acquired {
                Ok(connection) => Ok(held(connection, settings, how, at)),
                Err(error) => {
                    if matches!(error, Error::PoolTimedOut) {
                        pool_report::exhausted(settings.pool, Some(at));
                    }
                    Err(error)
                }
            }
        }
    }

    /// See [`sqlx::Pool::try_acquire`].
    #[track_caller]
    pub fn try_acquire(&self) -> Option<PoolConnection<DB>> {
        let connection = self.inner.try_acquire()?;
        Some(held(connection, self.settings, "try_acquire", Location::caller()))
    }

    /// See [`sqlx::Pool::begin`]. Wait, BEGIN and the later COMMIT or ROLLBACK are steps.
    ///
    /// # Errors
    /// Those of [`Pool::acquire`] and of BEGIN.
    ///
    /// # Cancel safety
    /// Safe, unlike sqlx 0.9 itself: dropped while BEGIN is on its way to a network database, it
    /// closes the connection instead of handing it on inside an open transaction, and raises an
    /// alert.
    #[track_caller]
    pub fn begin(
        &self,
    ) -> impl Future<Output = Result<Transaction<'static, DB>, Error>> + Send + 'static {
        self.begin_at(None, Location::caller())
    }

    /// See [`sqlx::Pool::begin_with`].
    ///
    /// # Errors
    /// Those of [`Pool::begin`].
    #[track_caller]
    pub fn begin_with(
        &self,
        statement: impl SqlSafeStr,
    ) -> impl Future<Output = Result<Transaction<'static, DB>, Error>> + Send + 'static {
        self.begin_at(Some(statement.into_sql_str()), Location::caller())
    }

    pub(crate) fn begin_at<'t>(
        &self,
        statement: Option<SqlStr>,
        at: &'static Location<'static>,
    ) -> impl Future<Output = Result<Transaction<'t, DB>, Error>> + Send + use<'t, DB> {
        let pool = self.clone();
        async move {
            let connection = pool.check_out("begin", at).await?;
            Transaction::begin_owned(connection, statement).await
        }
    }

    /// See [`sqlx::Pool::try_begin`].
    ///
    /// # Errors
    /// Those of BEGIN.
    #[track_caller]
    pub fn try_begin(
        &self,
    ) -> impl Future<Output = Result<Option<Transaction<'static, DB>>, Error>> + Send + 'static
    {
        self.try_begin_at(None, Location::caller())
    }

    /// See [`sqlx::Pool::try_begin_with`].
    ///
    /// # Errors
    /// Those of BEGIN.
    #[track_caller]
    pub fn try_begin_with(
        &self,
        statement: impl SqlSafeStr,
    ) -> impl Future<Output = Result<Option<Transaction<'static, DB>>, Error>> + Send + 'static
    {
        self.try_begin_at(Some(statement.into_sql_str()), Location::caller())
    }

    fn try_begin_at(
        &self,
        statement: Option<SqlStr>,
        at: &'static Location<'static>,
    ) -> impl Future<Output = Result<Option<Transaction<'static, DB>>, Error>> + Send + 'static
    {
        let pool = self.clone();
        async move {
            let Some(connection) = pool.inner.try_acquire() else { return Ok(None) };
            let connection = held(connection, pool.settings, "try_begin", at);
            Transaction::begin_owned(connection, statement).await.map(Some)
        }
    }

    /// See [`sqlx::Pool::options`].
    #[must_use]
    pub fn options(&self) -> &PoolOptions<DB> {
        &self.options
    }

    /// sqlx's own pool. What runs on it is not recorded, except by the fallback layer.
    #[must_use]
    pub fn inner(&self) -> &sqlx::Pool<DB> {
        &self.inner
    }

    /// Gives sqlx's own pool back.
    #[must_use]
    pub fn into_inner(self) -> sqlx::Pool<DB> {
        self.inner
    }

    pub(crate) fn settings(&self) -> Settings {
        self.settings
    }

    pub(crate) fn waits(&self) -> &'static PoolWaits {
        self.waits
    }
}

fn held<DB: Database>(
    connection: sqlx::pool::PoolConnection<DB>,
    settings: Settings,
    how: &'static str,
    at: &'static Location<'static>,
) -> PoolConnection<DB> {
    let checkout = CheckoutGuard::register(settings.pool, how, at);
    PoolConnection::new(Conn::pooled(connection, checkout, settings))
}

impl<DB: Database> Clone for Pool<DB> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            options: Arc::clone(&self.options),
            settings: self.settings,
            probe: Arc::clone(&self.probe),
            waits: self.waits,
        }
    }
}

impl<DB: Database> fmt::Debug for Pool<DB> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(formatter)
    }
}

impl<DB: Database> Deref for Pool<DB> {
    type Target = sqlx::Pool<DB>;

    fn deref(&self) -> &Self::Target {
        &self.inner
    }
}

impl<DB: Database> From<sqlx::Pool<DB>> for Pool<DB> {
    fn from(inner: sqlx::Pool<DB>) -> Self {
        Self::new(inner, None)
    }
}

impl<DB: Database> From<Pool<DB>> for sqlx::Pool<DB> {
    fn from(pool: Pool<DB>) -> Self {
        pool.inner
    }
}
