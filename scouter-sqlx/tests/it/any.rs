//! The driver that is chosen at run time.

use scouter_sqlx as sqlx;
use sqlx::{AnyConnection, AnyPool, Connection, Executor, Row};

use crate::mariadb::MariaDb;
use crate::postgres::Postgres;
use crate::support::{assert_tree, record};

async fn by_connection(connection: &mut AnyConnection) -> i64 {
    sqlx::query("SELECT COUNT(*) FROM any_table").fetch_one(connection).await.unwrap().get(0)
}

/// Inserts by this statement, as the databases write placeholders differently.
async fn check(url: &str, name: &str, insert: &'static str) {
    sqlx::any::install_default_drivers();
    let pool: AnyPool =
        sqlx::any::AnyPoolOptions::new().max_connections(1).connect(url).await.unwrap();
    let pool: AnyPool = sqlx::wrap(pool.into_inner()).name(name).build();
    let (recording, _) = record(async {
        pool.execute("CREATE TEMPORARY TABLE any_table (a INTEGER)").await.unwrap();
        let mut transaction = pool.begin().await.unwrap();
        sqlx::query(insert).bind(7).execute(&mut *transaction).await.unwrap();
        assert_eq!(by_connection(&mut transaction).await, 1);
        transaction.rollback().await.unwrap();
        let mut connection = pool.acquire().await.unwrap();
        assert_eq!(by_connection(&mut connection).await, 0);
        connection.ping().await.unwrap();
    })
    .await;
    assert_tree(
        &recording,
        &format!(
            "
test
    sql CREATE TEMPORARY TABLE any_table (a INTEGER)
    pool_wait {name}
    sql BEGIN
    sql {insert}
    sql SELECT COUNT(*) FROM any_table
    sql ROLLBACK
    pool_wait {name}
    sql SELECT COUNT(*) FROM any_table"
        ),
    );
}

#[tokio::test]
async fn any_pool_records_sqlite() {
    check("sqlite::memory:", "any sqlite", "INSERT INTO any_table VALUES ($1)").await;
}

#[tokio::test]
async fn a_cancelled_begin_closes_no_connection_of_sqlite() {
    use futures_util::FutureExt;

    sqlx::any::install_default_drivers();
    let options = sqlx::any::AnyPoolOptions::new().max_connections(1);
    let pool: AnyPool = options.connect("sqlite::memory:").await.unwrap();
    let mut connection = pool.acquire().await.unwrap();
    connection.execute("CREATE TABLE kept (a INTEGER)").await.unwrap();
    // The worker may answer within the first poll: then once more.
    while connection.begin().now_or_never().is_some() {}
    drop(connection);
    // A closed connection would take the database along.
    pool.execute("SELECT a FROM kept").await.unwrap();
}

#[tokio::test]
async fn any_pool_records_postgres() {
    let Some(server) = Postgres::shared() else { return };
    check(&server.url(), "any postgres", "INSERT INTO any_table VALUES ($1)").await;
}

#[tokio::test]
async fn any_pool_records_mariadb() {
    let Some(server) = MariaDb::shared() else { return };
    check(&server.url(), "any mariadb", "INSERT INTO any_table VALUES (?)").await;
}

#[tokio::test]
async fn any_pool_reads_the_strings_of_mariadb_as_strings() {
    let Some(server) = MariaDb::shared() else { return };
    sqlx::any::install_default_drivers();
    let options = sqlx::any::AnyPoolOptions::new().max_connections(1);
    let pool: AnyPool = options.connect(&server.url()).await.unwrap();
    let (recording, _) = record(async {
        pool.execute(r#"SELECT "secret", 'it\'s' # secret"#).await.unwrap();
        let mut connection = pool.acquire().await.unwrap();
        connection.execute(r#"SELECT "secret" AS again"#).await.unwrap();
    })
    .await;
    let tree = recording.tree();
    assert!(tree.contains("sql SELECT ?, ?\n") && tree.contains("sql SELECT ? AS again"), "{tree}");
    assert!(!tree.contains("secret"), "{tree}");
}
