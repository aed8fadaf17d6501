//! The macros against Sqlite.

use sqlx::{Connection, Executor, SqliteConnection, SqlitePool};

use crate::{Grade, Named};

struct Item {
    id: i64,
    name: String,
    note: Option<String>,
}

async fn by_transaction(connection: &mut SqliteConnection) -> Result<Option<String>, sqlx::Error> {
    let id = 2;
    sqlx::query_scalar!("SELECT name FROM items WHERE id = ?", id).fetch_optional(connection).await
}

#[sqlx::test(migrations = "./migrations", fixtures("items"))]
async fn checked_queries_run_on_pool_connection_and_transaction(pool: SqlitePool) {
    let rows = sqlx::query!("SELECT id, name, note FROM items ORDER BY id")
        .fetch_all(&pool)
        .await
        .unwrap();
    assert_eq!(
        (rows.len(), rows[0].name.as_str(), rows[1].note.as_deref()),
        (2, "bolt", Some("M4"))
    );
    let items = sqlx::query_as!(Item, "SELECT id, name, note FROM items WHERE name <> ?", "bolt")
        .fetch_all(&pool)
        .await
        .unwrap();
    assert_eq!(
        (items[0].id, items[0].name.as_str(), items[0].note.as_deref()),
        (2, "nut", Some("M4"))
    );
    let mut transaction = pool.begin().await.unwrap();
    let (id, name) = (3, "pin");
    let done = sqlx::query!("INSERT INTO items (id, name) VALUES (?, ?)", id, name)
        .execute(&mut *transaction)
        .await
        .unwrap();
    assert_eq!(done.rows_affected(), 1);
    assert_eq!(by_transaction(&mut transaction).await.unwrap().as_deref(), Some("nut"));
    transaction.rollback().await.unwrap();
    let named: Vec<Named> =
        sqlx::query_as("SELECT id, name FROM items ORDER BY id").fetch_all(&pool).await.unwrap();
    assert_eq!(named[0], Named { number: 1, name: "bolt".into() });
    let grade: Grade = sqlx::query_scalar("SELECT id FROM items WHERE id = ?")
        .bind(Grade::High)
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(grade, Grade::High);
    assert_ne!(grade, Grade::Low);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_test_gets_a_connection_of_ours(
    mut connection: sqlx::pool::PoolConnection<sqlx::Sqlite>,
) {
    connection.ping().await.unwrap();
    connection.execute("SELECT id FROM items").await.unwrap();
}

#[sqlx::test(migrations = false)]
async fn a_test_gets_options_and_migrates_by_itself(
    options: sqlx::pool::PoolOptions<sqlx::Sqlite>,
    connect: <<sqlx::Sqlite as sqlx::Database>::Connection as Connection>::Options,
) -> sqlx::Result<()> {
    let pool: SqlitePool = options.max_connections(2).connect_with(connect).await?;
    let migrator = sqlx::migrate!("./migrations");
    migrator.run(&pool).await?;
    let mut connection = pool.acquire().await?;
    migrator.run(&mut connection).await?;
    migrator.run(&mut *connection).await?;
    assert!(
        sqlx::query!("SELECT COUNT(*) AS count FROM items")
            .fetch_one(&mut *connection)
            .await
            .is_ok()
    );
    drop(connection);
    pool.close().await;
    Ok(())
}

#[sqlx::test]
async fn a_test_without_a_database_runs() {
    let pool = SqlitePool::connect_lazy("sqlite::memory:").unwrap();
    assert_eq!(pool.size(), 0);
}

#[sqlx::test(migrations = "./migrations", fixtures("items"))]
async fn checked_queries_are_recorded(pool: SqlitePool) {
    use scouter_core::{Begin, TextKind, Transaction, in_transaction, intern, testing};
    let recording = testing::capture_async(async {
        let service = intern(TextKind::Service, "checked");
        let run = async {
            sqlx::query!("SELECT id, name, note FROM items ORDER BY id").fetch_all(&pool).await
        };
        in_transaction(Transaction::begin(Begin::new(service)), run).await.unwrap();
    })
    .await;
    let expected = "checked\n    sql SELECT id, name, note FROM items ORDER BY id\n";
    assert_eq!(recording.tree(), expected);
}
