//! The shapes in which users write sqlx, compiled and run against each database.
//!
//! Nothing here looks at recordings: the property is that source written for plain sqlx compiles
//! and answers the same.

use futures_util::TryStreamExt;
use scouter_sqlx as sqlx;
use sqlx::{Acquire, AssertSqlSafe, Connection, Database, Executor, FromRow, QueryBuilder, Row};

/// A row as users write it.
#[derive(Debug, PartialEq, Eq, FromRow)]
struct Item {
    id: i32,
    name: String,
}

/// §E: a trait implemented for everything that has a database, with the bound on its connection.
trait Repository {
    type Db: Database;

    fn pool(&self) -> &sqlx::Pool<Self::Db>;
}

trait Count {
    async fn count(&self, sql: &'static str) -> Result<usize, sqlx::Error>;
}

impl<T: Repository> Count for T
where
    for<'c> &'c mut <T::Db as Database>::Connection: Executor<'c, Database = T::Db>,
{
    async fn count(&self, sql: &'static str) -> Result<usize, sqlx::Error> {
        let on_pool = self.pool().fetch_all(sql).await?.len();
        let mut connection = self.pool().acquire().await?;
        let on_connection = connection.fetch_all(sql).await?.len();
        let by_reference = (&mut *connection).fetch_all(sql).await?.len();
        assert!(on_pool == on_connection && on_pool == by_reference);
        Ok(on_pool)
    }
}

struct Owner<DB: Database>(sqlx::Pool<DB>);

impl<DB: Database> Repository for Owner<DB> {
    type Db = DB;

    fn pool(&self) -> &sqlx::Pool<DB> {
        &self.0
    }
}

/// A function generic over the database that uses the target of the dereference.
async fn generic_transaction<DB>(
    transaction: &mut sqlx::Transaction<'_, DB>,
) -> Result<u64, sqlx::Error>
where
    DB: Database,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let rows = transaction.fetch_all("SELECT id FROM shapes").await?;
    let again = (&mut **transaction).fetch_all("SELECT id FROM shapes").await?;
    assert_eq!(rows.len(), again.len());
    Ok(rows.len() as u64)
}

/// Code generic over `C: sqlx::Connection`.
async fn generic_connection<C>(connection: &mut C) -> Result<(), sqlx::Error>
where
    C: Connection,
    for<'c> &'c mut C: Executor<'c, Database = C::Database>,
{
    connection.ping().await?;
    connection.execute("SELECT 1").await?;
    assert!(!connection.is_in_transaction());
    connection.shrink_buffers();
    Ok(())
}

async fn generic_acquire<'a, A, DB>(source: A) -> Result<(), sqlx::Error>
where
    A: Acquire<'a, Database = DB>,
    DB: Database,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let mut connection = source.acquire().await?;
    connection.execute("SELECT 1").await?;
    let mut transaction = Connection::begin(&mut *connection).await?;
    transaction.execute("SELECT 1").await?;
    transaction.commit().await
}

macro_rules! shapes {
    ($module:ident, $DB:ident, $Pool:ident, $Connection:ident, $ExecutorAlias:ident,
        $Transaction:ident, $one:literal, $rows:literal, $pool:expr) => {
        mod $module {
            use super::*;
            use scouter_sqlx as sqlx;
            use scouter_sqlx::{$Connection, $DB, $ExecutorAlias, $Pool, $Transaction};

            async fn prepared_pool() -> Option<$Pool> {
                let pool: $Pool = $pool?;
                // A pool of one connection: temporary tables and in-memory databases are its own.
                pool.execute(
                    "CREATE TEMPORARY TABLE shapes (id INTEGER PRIMARY KEY, name TEXT NOT NULL)",
                )
                .await
                .unwrap();
                sqlx::query(concat!("INSERT INTO shapes (id, name) VALUES ", $rows))
                    .bind(1)
                    .bind("one")
                    .bind(2)
                    .bind("two")
                    .bind(3)
                    .bind("three")
                    .execute(&pool)
                    .await
                    .unwrap();
                Some(pool)
            }

            async fn by_connection(connection: &mut $Connection) -> Result<i64, sqlx::Error> {
                sqlx::query_scalar("SELECT COUNT(*) FROM shapes").fetch_one(connection).await
            }

            async fn by_executor(executor: impl $ExecutorAlias<'_>) -> Result<i64, sqlx::Error> {
                sqlx::query_scalar("SELECT COUNT(*) FROM shapes").fetch_one(executor).await
            }

            async fn by_generic_executor<'e, E>(executor: E) -> Result<Vec<Item>, sqlx::Error>
            where
                E: Executor<'e, Database = $DB>,
            {
                sqlx::query_as("SELECT id, name FROM shapes ORDER BY id").fetch_all(executor).await
            }

            async fn by_value(mut transaction: $Transaction<'_>) -> Result<(), sqlx::Error> {
                sqlx::query(concat!("DELETE FROM shapes WHERE id = ", $one))
                    .bind(3)
                    .execute(&mut *transaction)
                    .await?;
                transaction.rollback().await
            }

            async fn by_reference(transaction: &mut $Transaction<'_>) -> Result<i64, sqlx::Error> {
                by_connection(transaction).await?;
                sqlx::query_scalar("SELECT COUNT(*) FROM shapes")
                    .fetch_one(&mut **transaction)
                    .await
            }

            #[tokio::test]
            async fn queries_of_every_kind() {
                let Some(pool) = prepared_pool().await else { return };
                let row = sqlx::query(concat!("SELECT name FROM shapes WHERE id = ", $one))
                    .bind(2)
                    .fetch_one(&pool)
                    .await
                    .unwrap();
                assert_eq!(row.get::<String, _>("name"), "two");
                let item: Option<Item> =
                    sqlx::query_as(concat!("SELECT id, name FROM shapes WHERE id = ", $one))
                        .bind(9)
                        .fetch_optional(&pool)
                        .await
                        .unwrap();
                assert_eq!(item, None);
                let names: Vec<String> = sqlx::query("SELECT name FROM shapes ORDER BY id")
                    .map(|row: <$DB as Database>::Row| row.get(0))
                    .fetch_all(&pool)
                    .await
                    .unwrap();
                assert_eq!(names, ["one", "two", "three"]);
                sqlx::raw_sql("SELECT 1; SELECT 2").execute(&pool).await.unwrap();
                let mut builder = QueryBuilder::<$DB>::new("INSERT INTO shapes (id, name) ");
                builder.push_values([(10, "ten"), (11, "eleven")], |mut row, (id, name)| {
                    row.push_bind(id).push_bind(name);
                });
                let inserted = builder.build().execute(&pool).await.unwrap().rows_affected();
                assert_eq!(inserted, 2);
                let sql = String::from("SELECT COUNT(*) FROM shapes");
                let count: i64 =
                    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&pool).await.unwrap();
                assert_eq!(count, 5);
            }

            #[tokio::test]
            async fn executors_of_every_kind() {
                let Some(pool) = prepared_pool().await else { return };
                assert_eq!(by_executor(&pool).await.unwrap(), 3);
                assert_eq!(by_generic_executor(&pool).await.unwrap().len(), 3);
                let mut connection = pool.acquire().await.unwrap();
                assert_eq!(by_connection(&mut connection).await.unwrap(), 3);
                assert_eq!(by_executor(&mut *connection).await.unwrap(), 3);
                assert_eq!(by_generic_executor(&mut *connection).await.unwrap().len(), 3);
                let mut transaction = connection.begin().await.unwrap();
                assert_eq!(by_connection(&mut transaction).await.unwrap(), 3);
                assert_eq!(by_executor(&mut *transaction).await.unwrap(), 3);
                assert_eq!(by_reference(&mut transaction).await.unwrap(), 3);
                by_value(transaction).await.unwrap();
                assert_eq!(by_connection(&mut connection).await.unwrap(), 3);
            }

            #[tokio::test]
            async fn a_stream_broken_off_leaves_a_usable_connection() {
                let Some(pool) = prepared_pool().await else { return };
                let mut connection = pool.acquire().await.unwrap();
                for _ in 0..3 {
                    let mut rows = sqlx::query("SELECT id FROM shapes").fetch(&mut *connection);
                    assert!(rows.try_next().await.unwrap().is_some());
                }
                drop(connection);
                let mut rows = sqlx::query("SELECT id FROM shapes").fetch(&pool);
                assert!(rows.try_next().await.unwrap().is_some());
                drop(rows);
                assert_eq!(by_executor(&pool).await.unwrap(), 3);
            }

            #[tokio::test]
            async fn prepared_statements_run_and_statements_are_described() {
                let Some(pool) = prepared_pool().await else { return };
                let sql = concat!("SELECT name FROM shapes WHERE id = ", $one);
                let mut connection = pool.acquire().await.unwrap();
                let statement = connection.prepare(sqlx::SqlStr::from_static(sql)).await.unwrap();
                let row = sqlx::Statement::query(&statement)
                    .bind(1)
                    .fetch_one(&mut *connection)
                    .await
                    .unwrap();
                assert_eq!(row.get::<String, _>(0), "one");
                let described = sqlx::SqlStr::from_static("SELECT id FROM shapes");
                let described = connection.describe(described).await.unwrap();
                assert_eq!(sqlx::Column::name(described.column(0)), "id");
                let before = connection.cached_statements_size();
                assert!(before > 0);
                ::scouter_sqlx::Connection::clear_cached_statements(&mut *connection)
                    .await
                    .unwrap();
                assert_eq!(connection.cached_statements_size(), 0);
            }

            #[tokio::test]
            async fn transactions_commit_roll_back_nest_and_drop() {
                let Some(pool) = prepared_pool().await else { return };
                let delete = "DELETE FROM shapes WHERE id = 1";
                drop({
                    let mut transaction = pool.begin().await.unwrap();
                    transaction.execute(delete).await.unwrap();
                    transaction
                });
                assert_eq!(by_executor(&pool).await.unwrap(), 3, "a dropped one rolls back");

                let mut transaction = pool.begin().await.unwrap();
                let mut savepoint = transaction.begin().await.unwrap();
                savepoint.execute(delete).await.unwrap();
                savepoint.rollback().await.unwrap();
                let mut savepoint = transaction.begin().await.unwrap();
                savepoint.execute("DELETE FROM shapes WHERE id = 2").await.unwrap();
                savepoint.commit().await.unwrap();
                assert!(transaction.is_in_transaction());
                transaction.commit().await.unwrap();
                let left = by_generic_executor(&pool).await.unwrap();
                assert_eq!(left.iter().map(|item| item.id).collect::<Vec<_>>(), [1, 3]);

                crate::support::until(|| pool.num_idle() == 1).await;
                let transaction = pool.try_begin().await.unwrap();
                assert!(transaction.is_some());
                assert!(pool.try_begin().await.unwrap().is_none(), "the pool has one connection");
            }

            #[tokio::test]
            async fn the_transaction_callback_commits_and_rolls_back() {
                let Some(pool) = prepared_pool().await else { return };
                let mut connection = pool.acquire().await.unwrap();
                connection
                    .transaction(|transaction| {
                        Box::pin(async move {
                            transaction.execute("DELETE FROM shapes WHERE id = 1").await.map(|_| ())
                        })
                    })
                    .await
                    .unwrap();
                let failed: Result<(), sqlx::Error> = connection
                    .transaction(|transaction| {
                        Box::pin(async move {
                            transaction.execute("DELETE FROM shapes WHERE id = 2").await?;
                            Err(sqlx::Error::RowNotFound)
                        })
                    })
                    .await;
                assert!(failed.is_err());
                assert_eq!(by_connection(&mut connection).await.unwrap(), 2);
            }

            #[tokio::test]
            async fn code_generic_over_the_database_runs() {
                let Some(pool) = prepared_pool().await else { return };
                generic_acquire(&pool).await.unwrap();
                let mut connection = pool.acquire().await.unwrap();
                generic_acquire(&mut *connection).await.unwrap();
                generic_acquire(&mut connection).await.unwrap();
                generic_connection::<$Connection>(&mut connection).await.unwrap();
                generic_connection(&mut **connection).await.unwrap();
                drop(connection);
                let mut transaction = pool.begin().await.unwrap();
                assert_eq!(generic_transaction(&mut transaction).await.unwrap(), 3);
                generic_acquire(&mut transaction).await.unwrap();
                transaction.rollback().await.unwrap();
                let owner = Owner(pool);
                assert_eq!(owner.count("SELECT id FROM shapes").await.unwrap(), 3);
            }

            #[tokio::test]
            async fn connections_close_detach_and_leak() {
                let Some(pool) = prepared_pool().await else { return };
                let connection = pool.acquire().await.unwrap();
                let mut own: $Connection = connection.detach();
                own.ping().await.unwrap();
                assert_eq!(pool.size(), 0);
                own.close().await.unwrap();
                let connection = pool.acquire().await.unwrap();
                connection.close().await.unwrap();
                assert_eq!(pool.size(), 0);
                let leaked = pool.acquire().await.unwrap().leak();
                assert_eq!(pool.size(), 1);
                drop(leaked);
            }

            #[tokio::test]
            async fn the_pool_answers_like_a_plain_one() {
                let Some(pool) = prepared_pool().await else { return };
                assert_eq!(pool.size(), 1);
                assert_eq!(pool.options().get_max_connections(), 1);
                let _options = pool.options().clone().max_connections(2);
                let _connect_options = pool.connect_options();
                assert!(!pool.is_closed());
                let event = pool.close_event();
                let plain: &sqlx::pool::Pool<$DB> = &pool;
                assert_eq!(plain.num_idle(), pool.num_idle());
                pool.close().await;
                event.await;
                assert!(matches!(pool.acquire().await, Err(sqlx::Error::PoolClosed)));
                assert!(matches!(
                    sqlx::query("SELECT 1").execute(&pool).await,
                    Err(sqlx::Error::PoolClosed)
                ));
            }
        }
    };
}

shapes!(
    sqlite,
    Sqlite,
    SqlitePool,
    SqliteConnection,
    SqliteExecutor,
    SqliteTransaction,
    "$1",
    "($1, $2), ($3, $4), ($5, $6)",
    sqlx::sqlite::SqlitePoolOptions::new()
        .max_connections(1)
        .connect("sqlite::memory:")
        .await
        .map(Some)
        .unwrap()
);

shapes!(
    postgres,
    Postgres,
    PgPool,
    PgConnection,
    PgExecutor,
    PgTransaction,
    "$1",
    "($1, $2), ($3, $4), ($5, $6)",
    match crate::postgres::Postgres::shared() {
        Some(server) => sqlx::postgres::PgPoolOptions::new()
            .max_connections(1)
            .connect(&server.url())
            .await
            .map(Some)
            .unwrap(),
        None => None,
    }
);

shapes!(
    mariadb,
    MySql,
    MySqlPool,
    MySqlConnection,
    MySqlExecutor,
    MySqlTransaction,
    "?",
    "(?, ?), (?, ?), (?, ?)",
    match crate::mariadb::MariaDb::shared() {
        Some(server) => sqlx::mysql::MySqlPoolOptions::new()
            .max_connections(1)
            .connect(&server.url())
            .await
            .map(Some)
            .unwrap(),
        None => None,
    }
);

// A wrapped pool gives the same types as the renamed dependency; `wrapped.rs` has the shapes of
// source whose `sqlx` is the plain one.
shapes!(
    wrapped_sqlite,
    Sqlite,
    SqlitePool,
    SqliteConnection,
    SqliteExecutor,
    SqliteTransaction,
    "$1",
    "($1, $2), ($3, $4), ($5, $6)",
    ::sqlx::sqlite::SqlitePoolOptions::new()
        .max_connections(1)
        .connect("sqlite::memory:")
        .await
        .map(|plain| Some(sqlx::wrap(plain).name("wrapped shapes").build()))
        .unwrap()
);

shapes!(
    wrapped_postgres,
    Postgres,
    PgPool,
    PgConnection,
    PgExecutor,
    PgTransaction,
    "$1",
    "($1, $2), ($3, $4), ($5, $6)",
    match crate::postgres::Postgres::shared() {
        Some(server) => ::sqlx::postgres::PgPoolOptions::new()
            .max_connections(1)
            .connect(&server.url())
            .await
            .map(|plain| Some(sqlx::wrap(plain).name("wrapped shapes").build()))
            .unwrap(),
        None => None,
    }
);

shapes!(
    wrapped_mariadb,
    MySql,
    MySqlPool,
    MySqlConnection,
    MySqlExecutor,
    MySqlTransaction,
    "?",
    "(?, ?), (?, ?), (?, ?)",
    match crate::mariadb::MariaDb::shared() {
        Some(server) => ::sqlx::mysql::MySqlPoolOptions::new()
            .max_connections(1)
            .connect(&server.url())
            .await
            .map(|plain| Some(sqlx::wrap(plain).name("wrapped shapes").build()))
            .unwrap(),
        None => None,
    }
);

#[tokio::test]
async fn listeners_and_advisory_locks_of_postgres_take_our_types() {
    use sqlx::postgres::{PgAdvisoryLock, PgListener, PgPoolOptions};

    let Some(server) = crate::postgres::Postgres::shared() else { return };
    let pool = PgPoolOptions::new().max_connections(2).connect(&server.url()).await.unwrap();
    let mut listener = PgListener::connect_with(&pool).await.unwrap();
    listener.listen("shapes").await.unwrap();
    pool.execute("NOTIFY shapes, 'heard'").await.unwrap();
    assert_eq!(listener.recv().await.unwrap().payload(), "heard");
    drop(listener);

    let lock = PgAdvisoryLock::new("shapes");
    let guard = lock.acquire(pool.acquire().await.unwrap()).await.unwrap();
    let mut other = pool.begin().await.unwrap();
    assert!(lock.try_acquire(&mut other).await.unwrap().right().is_some(), "it is taken");
    let connection: sqlx::pool::PoolConnection<sqlx::Postgres> = guard.release_now().await.unwrap();
    drop(connection);
    let guard = lock.acquire(&mut *other).await.unwrap();
    guard.release_now().await.unwrap();
    other.rollback().await.unwrap();
}
