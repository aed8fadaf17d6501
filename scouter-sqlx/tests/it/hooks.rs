//! The hooks of a pool: what they get, what they decide, what is recorded of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use scouter_sqlx as sqlx;
use sqlx::{Database, Executor};

use crate::mariadb::MariaDb;
use crate::postgres::Postgres;
use crate::support::{assert_tree, record, until};

/// How often each hook ran.
#[derive(Default)]
struct Runs([AtomicU32; 3]);

impl Runs {
    fn count(&self, hook: usize) {
        self.0[hook].fetch_add(1, Ordering::Relaxed);
    }

    fn counts(&self) -> [u32; 3] {
        self.0.each_ref().map(|runs| runs.load(Ordering::Relaxed))
    }
}

macro_rules! hooks {
    ($module:ident, $DB:ident, $Connection:ident, $PoolOptions:ty, $url:expr) => {
        mod $module {
            use super::*;

            /// As in source that compiles with plain sqlx too.
            async fn create(
                connection: &mut <sqlx::$DB as Database>::Connection,
            ) -> Result<(), sqlx::Error> {
                connection.execute("CREATE TEMPORARY TABLE hooked (a INTEGER)").await?;
                Ok(())
            }

            async fn look(connection: &mut sqlx::raw::$Connection) -> Result<bool, sqlx::Error> {
                connection.execute("SELECT 'not recorded'").await?;
                let look = sqlx::query("SELECT a FROM hooked WHERE a > 0");
                look.fetch_all(sqlx::instrument(connection)).await?;
                Ok(true)
            }

            #[tokio::test]
            async fn hooks_run_decide_and_are_recorded_on_request() {
                let Some(url) = $url else { return };
                let runs = Arc::new(Runs::default());
                let (connects, acquires, releases) = (runs.clone(), runs.clone(), runs.clone());
                let pool = <$PoolOptions>::new()
                    .max_connections(1)
                    .after_connect(move |connection, _| {
                        connects.count(0);
                        Box::pin(create(connection))
                    })
                    .before_acquire(move |connection, meta| {
                        assert!(meta.age >= meta.idle_for);
                        acquires.count(1);
                        Box::pin(look(connection))
                    })
                    .after_release(move |connection, _| {
                        releases.count(2);
                        Box::pin(async move {
                            let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM hooked")
                                .fetch_one(&mut *connection)
                                .await?;
                            Ok(count == 0)
                        })
                    })
                    .connect(&url)
                    .await
                    .unwrap();
                let pool = sqlx::wrap(pool.into_inner()).name("hooked").build();
                let (recording, _) = record(async {
                    drop(pool.acquire().await.unwrap());
                    until(|| pool.num_idle() == 1).await;
                    pool.execute("INSERT INTO hooked VALUES (1)").await.unwrap();
                })
                .await;
                assert_tree(
                    &recording,
                    "
test
    pool_wait hooked
        sql SELECT a FROM hooked WHERE a > ?
    sql INSERT INTO hooked VALUES (?)
        sql SELECT a FROM hooked WHERE a > ?",
                );
                until(|| pool.size() == 0).await;
                assert_eq!(runs.counts(), [1, 2, 2]);
                pool.execute("SELECT a FROM hooked").await.unwrap();
                assert_eq!(runs.counts()[0], 2, "after_release asked to close the first one");
            }
        }
    };
}

hooks!(
    sqlite,
    Sqlite,
    SqliteConnection,
    sqlx::sqlite::SqlitePoolOptions,
    Some(String::from("sqlite::memory:"))
);

hooks!(
    postgres,
    Postgres,
    PgConnection,
    sqlx::postgres::PgPoolOptions,
    Postgres::shared().map(Postgres::url)
);

hooks!(
    mariadb,
    MySql,
    MySqlConnection,
    sqlx::mysql::MySqlPoolOptions,
    MariaDb::shared().map(MariaDb::url)
);
