//! The second door: `sqlx` is the plain one, and only the pool is wrapped.

use futures_util::TryStreamExt;
use sqlx::{Acquire, Connection, Executor, FromRow, QueryBuilder, Row};

use crate::support::{assert_tree, record};

/// A row as users write it.
#[derive(Debug, PartialEq, Eq, FromRow)]
struct Item {
    id: i32,
    name: String,
}

macro_rules! wrapped {
    ($module:ident, $DB:ident, $Connection:ident, $ExecutorAlias:ident, $PoolOptions:ty, $url:expr) => {
        mod $module {
            use super::*;
            use sqlx::{$Connection, $DB, $ExecutorAlias};

            async fn prepared_pool(name: &str) -> Option<scouter_sqlx::Pool<$DB>> {
                let options = <$PoolOptions>::new().max_connections(1);
                let plain: sqlx::Pool<$DB> = options.connect(&$url?).await.unwrap();
                let pool = scouter_sqlx::wrap(plain).name(name).build();
                pool.execute("CREATE TEMPORARY TABLE shapes (id INTEGER, name TEXT)")
                    .await
                    .unwrap();
                let mut builder = QueryBuilder::<$DB>::new("INSERT INTO shapes (id, name) ");
                builder.push_values([(1, "one"), (2, "two")], |mut row, (id, name)| {
                    row.push_bind(id).push_bind(name);
                });
                builder.build().execute(&pool).await.unwrap();
                Some(pool)
            }

            async fn by_executor(executor: impl $ExecutorAlias<'_>) -> Vec<Item> {
                sqlx::query_as("SELECT id, name FROM shapes").fetch_all(executor).await.unwrap()
            }

            async fn by_recorded(connection: &mut scouter_sqlx::$Connection) -> i64 {
                let count = sqlx::query_scalar("SELECT COUNT(*) FROM shapes");
                count.fetch_one(connection).await.unwrap()
            }

            async fn by_driver(connection: &mut $Connection) {
                connection.execute("SELECT 'in the dark'").await.unwrap();
                let asked = sqlx::query("SELECT 'asked', 'for'");
                asked.execute(scouter_sqlx::instrument(connection)).await.unwrap();
            }

            #[tokio::test]
            async fn what_is_asked_of_the_wrapped_types_is_recorded() {
                let Some(pool) = prepared_pool("second door").await else { return };
                let (recording, _) = record(async {
                    assert_eq!(by_executor(&pool).await.len(), 2);
                    let mut connection = pool.acquire().await.unwrap();
                    assert_eq!(by_executor(&mut *connection).await.len(), 2);
                    let mut transaction = connection.begin().await.unwrap();
                    assert_eq!(by_recorded(&mut transaction).await, 2);
                    let mut savepoint = transaction.begin().await.unwrap();
                    savepoint.execute("DELETE FROM shapes").await.unwrap();
                    savepoint.rollback().await.unwrap();
                    transaction.commit().await.unwrap();
                    connection
                        .transaction(|transaction| {
                            Box::pin(async move {
                                let mut rows = transaction.fetch("SELECT name FROM shapes");
                                let row = rows.try_next().await?.unwrap();
                                assert_eq!(row.get::<String, _>(0), "one");
                                Ok::<(), sqlx::Error>(())
                            })
                        })
                        .await
                        .unwrap();
                    assert!(connection.cached_statements_size() > 0);
                    connection.ping().await.unwrap();
                })
                .await;
                assert_tree(
                    &recording,
                    "
test
    sql SELECT id, name FROM shapes
    pool_wait second door
    sql SELECT id, name FROM shapes
    sql BEGIN
    sql SELECT COUNT(*) FROM shapes
    sql SAVEPOINT
    sql DELETE FROM shapes
    sql ROLLBACK TO SAVEPOINT
    sql COMMIT
    sql BEGIN
    sql SELECT name FROM shapes !cancelled
    sql COMMIT",
                );
            }

            /// Said in the documentation of `wrap`: if this changes, that must.
            #[tokio::test]
            async fn a_function_over_the_drivers_connection_is_not_recorded_unless_asked_for() {
                let Some(pool) = prepared_pool("in the dark").await else { return };
                let (recording, _) = record(async {
                    let mut transaction = pool.begin().await.unwrap();
                    by_driver(&mut transaction).await;
                    transaction.rollback().await.unwrap();
                })
                .await;
                assert_tree(
                    &recording,
                    "
test
    pool_wait in the dark
    sql BEGIN
    sql SELECT ?, ?
    sql ROLLBACK",
                );
            }

            async fn by_acquire<'a, A>(source: A) -> Result<(), sqlx::Error>
            where
                A: Acquire<'a, Database = $DB>,
            {
                let mut transaction = source.begin().await?;
                transaction.execute("SELECT 'by acquire'").await?;
                transaction.rollback().await
            }

            #[tokio::test]
            async fn code_over_plain_sqlx_takes_the_wrapped_types() {
                let Some(pool) = prepared_pool("generic").await else { return };
                by_acquire(&pool).await.unwrap();
                let mut connection = pool.acquire().await.unwrap();
                by_acquire(&mut connection).await.unwrap();
                by_acquire(&mut *connection).await.unwrap();
                drop(connection);
                let plain: &sqlx::Pool<$DB> = &pool;
                by_acquire(plain).await.unwrap();
            }
        }
    };
}

wrapped!(
    sqlite,
    Sqlite,
    SqliteConnection,
    SqliteExecutor,
    sqlx::sqlite::SqlitePoolOptions,
    Some(String::from("sqlite::memory:"))
);

wrapped!(
    postgres,
    Postgres,
    PgConnection,
    PgExecutor,
    sqlx::postgres::PgPoolOptions,
    crate::postgres::Postgres::shared().map(crate::postgres::Postgres::url)
);

wrapped!(
    mariadb,
    MySql,
    MySqlConnection,
    MySqlExecutor,
    sqlx::mysql::MySqlPoolOptions,
    crate::mariadb::MariaDb::shared().map(crate::mariadb::MariaDb::url)
);
