//! `#[sqlx::test]`, migrations and the derives against MariaDB. `query!` asks one database per
//! build; `sqlite.rs` and `postgres.rs` have it.

use sqlx::{Executor, MySqlPool};

use crate::{Grade, Named};

#[ignore = "needs DATABASE_URL: run by `the_macros_work_on_mariadb`"]
#[sqlx::test(migrations = "./migrations", fixtures("items"))]
async fn a_test_gets_a_pool_of_ours_with_migrations_and_fixtures(pool: MySqlPool) {
    let mut transaction = pool.begin().await.unwrap();
    let named: Vec<Named> = sqlx::query_as("SELECT id, name FROM items ORDER BY id")
        .fetch_all(&mut *transaction)
        .await
        .unwrap();
    assert_eq!(named[0], Named { number: 1, name: "bolt".into() });
    transaction.rollback().await.unwrap();
    let grade: Grade = sqlx::query_scalar("SELECT id FROM items WHERE id = ?")
        .bind(Grade::High)
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(grade, Grade::High);
}

#[ignore = "needs DATABASE_URL: run by `the_macros_work_on_mariadb`"]
#[sqlx::test(migrations = "./migrations")]
async fn a_test_gets_a_connection_of_ours(mut connection: sqlx::pool::PoolConnection<sqlx::MySql>) {
    connection.execute("SELECT id FROM items").await.unwrap();
    let migrator = sqlx::migrate!("./migrations");
    migrator.run(&mut connection).await.unwrap();
}

/// `#[sqlx::test]` reads `DATABASE_URL`, so the tests above run in a process of their own.
#[test]
fn the_macros_work_on_mariadb() {
    let Some(server) = crate::mariadb::MariaDb::shared() else { return };
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "mysql::"])
        .env("DATABASE_URL", server.url())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("2 passed"), "{text}");
}
