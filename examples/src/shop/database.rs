//! The shop's tables, on an embedded SQLite file or, by `SHOP_DATABASE_URL`, on PostgreSQL.

use std::time::Duration;

use sqlx::AnyPool;
use sqlx::any::AnyPoolOptions;

/// Orders the shop starts with.
pub(super) const SEEDED_ORDERS: i64 = 240;

/// Connections a service keeps. Small, so that a leaked one hurts.
const POOL_CONNECTIONS: u32 = 6;

/// Connects to `url`; `init` makes the tables.
pub(super) async fn connect(url: &str) -> Result<AnyPool, sqlx::Error> {
    sqlx::any::install_default_drivers();
    AnyPoolOptions::new()
        .max_connections(POOL_CONNECTIONS)
        .acquire_timeout(Duration::from_secs(3))
        .after_connect(|connection, _| {
            Box::pin(async move {
                // Two services share the SQLite file; PostgreSQL has no such setting and says so.
                if connection.backend_name() == "SQLite" {
                    sqlx::query("PRAGMA journal_mode = WAL").execute(&mut *connection).await?;
                    sqlx::query("PRAGMA busy_timeout = 2000").execute(&mut *connection).await?;
                }
                Ok(())
            })
        })
        .connect(url)
        .await
}

/// Makes the tables of `orders` and fills them once.
pub(super) async fn make_orders(pool: &AnyPool) -> Result<(), sqlx::Error> {
    for statement in [
        "CREATE TABLE IF NOT EXISTS orders (id BIGINT PRIMARY KEY, tenant TEXT NOT NULL, \
         customer TEXT NOT NULL, state TEXT NOT NULL)",
        "CREATE TABLE IF NOT EXISTS items (order_id BIGINT NOT NULL, sku TEXT NOT NULL, \
         quantity BIGINT NOT NULL, cents BIGINT NOT NULL)",
        "CREATE INDEX IF NOT EXISTS items_of_order ON items (order_id)",
    ] {
        sqlx::query(statement).execute(pool).await?;
    }
    let (known,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM orders").fetch_one(pool).await?;
    if known > 0 {
        return Ok(());
    }
    let mut seeding = pool.begin().await?;
    for id in 1..=SEEDED_ORDERS {
        let tenant = ["acme", "globex", "initech"][usize::try_from(id % 3).unwrap_or(0)];
        sqlx::query("INSERT INTO orders (id, tenant, customer, state) VALUES ($1, $2, $3, 'paid')")
            .bind(id)
            .bind(tenant)
            .bind(format!("customer-{}", id % 17))
            .execute(&mut *seeding)
            .await?;
        for line in 0..3 {
            sqlx::query(
                "INSERT INTO items (order_id, sku, quantity, cents) VALUES ($1, $2, $3, $4)",
            )
            .bind(id)
            .bind(format!("sku-{}", (id * 7 + line) % 40))
            .bind(1 + line)
            .bind(199 + 50 * line)
            .execute(&mut *seeding)
            .await?;
        }
    }
    seeding.commit().await
}

/// Makes the table of `billing`.
pub(super) async fn make_billing(pool: &AnyPool) -> Result<(), sqlx::Error> {
    sqlx::query(
        "CREATE TABLE IF NOT EXISTS charges (order_id BIGINT NOT NULL, tenant TEXT NOT NULL, \
         cents BIGINT NOT NULL)",
    )
    .execute(pool)
    .await?;
    Ok(())
}
