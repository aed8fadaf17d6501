//! What `#[sqlx::test]` expands to, for test functions that take our pool or connection.
//!
//! sqlx runs the functions through a trait over `fn` pointers of its own types; a pointer to a
//! function over ours cannot be passed there, so the run is rebuilt from sqlx's public parts.

pub use sqlx::testing::{
    FixtureSnapshot, TestArgs, TestContext, TestFixture, TestSupport, TestTermination,
};

use std::time::Duration;

use sqlx::migrate::Migrate;
use sqlx::{ConnectOptions, Connection as _, Database, Executor};

use crate::connection::PoolConnection;
use crate::options::PoolOptions;
use crate::recorded_pool::Pool;

type ConnectOptionsOf<DB> = <<DB as Database>::Connection as sqlx::Connection>::Options;

/// How long a test may hold on to its pool after its end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// A test function `#[sqlx::test]` can run. Shadows `sqlx::testing::TestFn`.
pub trait TestFn {
    /// What the function returns.
    type Output;

    /// Sets the database up, runs the function, and removes the database if it succeeded.
    fn run_test(self, args: TestArgs) -> Self::Output;
}

impl<DB, Fut> TestFn for fn(Pool<DB>) -> Fut
where
    DB: TestSupport,
    DB::Connection: Migrate,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    Fut: Future,
    Fut::Output: TestTermination,
{
    type Output = Fut::Output;

    fn run_test(self, args: TestArgs) -> Self::Output {
        run_with_pool(args, self)
    }
}

impl<DB, Fut> TestFn for fn(PoolConnection<DB>) -> Fut
where
    DB: TestSupport,
    DB::Connection: Migrate,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    Fut: Future,
    Fut::Output: TestTermination,
{
    type Output = Fut::Output;

    fn run_test(self, args: TestArgs) -> Self::Output {
        run_with_pool(args, |pool| async move {
            let connection = pool.acquire().await.unwrap_or_else(|error| fail("connect", &error));
            let result = self(connection).await;
            pool.close().await;
            result
        })
    }
}

impl<DB, Fut> TestFn for fn(PoolOptions<DB>, ConnectOptionsOf<DB>) -> Fut
where
    DB: TestSupport,
    DB::Connection: Migrate,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    Fut: Future,
    Fut::Output: TestTermination,
{
    type Output = Fut::Output;

    fn run_test(self, args: TestArgs) -> Self::Output {
        run(args, self)
    }
}

impl<Fut: Future> TestFn for fn() -> Fut {
    type Output = Fut::Output;

    fn run_test(self, args: TestArgs) -> Self::Output {
        sqlx::testing::TestFn::run_test(self, args)
    }
}

fn run_with_pool<DB, F, Fut>(args: TestArgs, test: F) -> Fut::Output
where
    DB: TestSupport,
    DB::Connection: Migrate,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    F: FnOnce(Pool<DB>) -> Fut,
    Fut: Future,
    Fut::Output: TestTermination,
{
    let path = args.test_path;
    run::<DB, _, _>(args, |pool_options, connect_options| async move {
        let pool = pool_options
            .connect_with(connect_options)
            .await
            .unwrap_or_else(|error| fail("connect the pool of", &error));
        let result = test(pool.clone()).await;
        if sqlx_core::rt::timeout(CLOSE_TIMEOUT, pool.close()).await.is_err() {
            report(format_args!("test {path} held onto Pool after exiting"));
        }
        result
    })
}

fn run<DB, F, Fut>(args: TestArgs, test: F) -> Fut::Output
where
    DB: TestSupport,
    DB::Connection: Migrate,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    F: FnOnce(PoolOptions<DB>, ConnectOptionsOf<DB>) -> Fut,
    Fut: Future,
    Fut::Output: TestTermination,
{
    sqlx_core::rt::test_block_on(async move {
        let context = DB::test_context(&args).await.unwrap_or_else(|error| fail("set up", &error));
        set_up::<DB>(&context.connect_opts, &args).await;
        let result = test(PoolOptions::from(context.pool_opts), context.connect_opts).await;
        if result.is_success()
            && let Err(error) = DB::cleanup_test(&DB::db_name(&args)).await
        {
            report(format_args!("failed to delete database {:?}: {error}", context.db_name));
        }
        result
    })
}

async fn set_up<DB: Database>(options: &ConnectOptionsOf<DB>, args: &TestArgs)
where
    DB::Connection: Migrate,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let mut connection = options.connect().await.unwrap_or_else(|error| fail("connect to", &error));
    if let Some(migrator) = args.migrator
        && let Err(error) = migrator.run_direct(None, &mut connection, false).await
    {
        fail("migrate", &error);
    }
    for fixture in args.fixtures {
        if let Err(error) = (&mut connection).execute(fixture.contents).await {
            fail(fixture.path, &error);
        }
    }
    if let Err(error) = connection.close().await {
        fail("close the set-up connection of", &error);
    }
}

#[expect(clippy::panic, reason = "a test that cannot be set up has failed")]
fn fail(what: &str, error: &dyn std::error::Error) -> ! {
    panic!("failed to {what} the test database: {error}")
}

#[expect(clippy::print_stderr, reason = "runs inside a test only, like sqlx's own")]
fn report(message: std::fmt::Arguments<'_>) {
    eprintln!("{message}");
}
