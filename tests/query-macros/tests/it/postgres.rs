//! The macros against Postgres.

use sqlx::{Connection, Executor, PgConnection, PgPool};

use crate::{Grade, Named};

struct Item {
    id: i32,
    name: String,
    note: Option<String>,
}

async fn by_transaction(connection: &mut PgConnection) -> Result<Option<String>, sqlx::Error> {
    let id = 2;
    sqlx::query_scalar!("SELECT name FROM items WHERE id = $1", id).fetch_optional(connection).await
}

#[ignore = "needs DATABASE_URL: run by `the_macros_work_on_postgres`"]
#[sqlx::test(migrations = "./migrations", fixtures("items"))]
async fn checked_queries_run_on_pool_connection_and_transaction(pool: PgPool) {
    let rows = sqlx::query!("SELECT id, name, note FROM public.items ORDER BY id")
        .fetch_all(&pool)
        .await
        .unwrap();
    assert_eq!(
        (rows.len(), rows[0].name.as_str(), rows[1].note.as_deref()),
        (2, "bolt", Some("M4"))
    );
    let items = sqlx::query_as!(Item, "SELECT id, name, note FROM items WHERE name <> $1", "bolt")
        .fetch_all(&pool)
        .await
        .unwrap();
    assert_eq!(
        (items[0].id, items[0].name.as_str(), items[0].note.as_deref()),
        (2, "nut", Some("M4"))
    );
    let mut transaction = pool.begin().await.unwrap();
    let (id, name) = (3, "pin");
    let done = sqlx::query!("INSERT INTO items (id, name) VALUES ($1, $2)", id, name)
        .execute(&mut *transaction)
        .await
        .unwrap();
    assert_eq!(done.rows_affected(), 1);
    assert_eq!(by_transaction(&mut transaction).await.unwrap().as_deref(), Some("nut"));
    transaction.rollback().await.unwrap();
    let named: Vec<Named> =
        sqlx::query_as("SELECT id, name FROM items ORDER BY id").fetch_all(&pool).await.unwrap();
    assert_eq!(named[0], Named { number: 1, name: "bolt".into() });
    let grade: Grade = sqlx::query_scalar("SELECT id FROM items WHERE id = $1")
        .bind(Grade::High)
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(grade, Grade::High);
    assert_ne!(grade, Grade::Low);
}

#[ignore = "needs DATABASE_URL: run by `the_macros_work_on_postgres`"]
#[sqlx::test(migrations = "./migrations")]
async fn a_test_gets_a_connection_of_ours(
    mut connection: sqlx::pool::PoolConnection<sqlx::Postgres>,
) {
    connection.ping().await.unwrap();
    connection.execute("SELECT id FROM items").await.unwrap();
}

#[ignore = "needs DATABASE_URL: run by `the_macros_work_on_postgres`"]
#[sqlx::test(migrations = false)]
async fn a_test_gets_options_and_migrates_by_itself(
    options: sqlx::pool::PoolOptions<sqlx::Postgres>,
    connect: <<sqlx::Postgres as sqlx::Database>::Connection as Connection>::Options,
) -> sqlx::Result<()> {
    let pool: PgPool = options.max_connections(2).connect_with(connect).await?;
    let migrator = sqlx::migrate!("./migrations");
    migrator.run(&pool).await?;
    let mut connection = pool.acquire().await?;
    migrator.run(&mut connection).await?;
    migrator.run(&mut *connection).await?;
    assert!(
        sqlx::query!("SELECT COUNT(*) AS count FROM public.items")
            .fetch_one(&mut *connection)
            .await
            .is_ok()
    );
    drop(connection);
    pool.close().await;
    Ok(())
}

/// `#[sqlx::test]` reads `DATABASE_URL`, so the tests above run in a process of their own.
#[test]
fn the_macros_work_on_postgres() {
    let Some(server) = crate::server::Postgres::shared() else { return };
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "postgres::"])
        .env("DATABASE_URL", server.url())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("3 passed"), "{text}");
}
