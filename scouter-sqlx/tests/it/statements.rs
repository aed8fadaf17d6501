//! What is recorded of a statement.

use futures_util::{FutureExt, TryStreamExt};
use scouter_core::options;
use scouter_core::record::{AlertKind, Outcome};
use scouter_sqlx as sqlx;
use sqlx::Executor;

use crate::support::{
    assert_tree, mariadb, of_kind, postgres, record, record_cancelled, sql, sqlite, step,
};

const NUMBERS: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) SELECT i FROM n";
const NUMBERS_NAME: &str =
    "WITH RECURSIVE n(i) AS (SELECT ? UNION ALL SELECT i + ? FROM n WHERE i < ?) SELECT i FROM n";

#[tokio::test]
async fn statements_are_steps_without_literals() {
    let pool = sqlite().await;
    let (recording, _) = record(async {
        pool.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)").await.unwrap();
        pool.execute("INSERT INTO t VALUES (1, 'secret'), (2, 'x')").await.unwrap();
        sqlx::query("SELECT b FROM t WHERE a = ?").bind(1).fetch_one(&pool).await.unwrap();
        let mut connection = pool.acquire().await.unwrap();
        connection.fetch_all("SELECT b FROM t WHERE b <> 'secret'").await.unwrap();
        sqlx::query("UPDATE t SET b = ?").bind("y").execute(&mut *connection).await.unwrap();
    })
    .await;
    assert_tree(
        &recording,
        "
test
    sql CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)
    sql INSERT INTO t VALUES (?, ?), …
    sql SELECT b FROM t WHERE a = ?
    pool_wait SQLite memory
    sql SELECT b FROM t WHERE b <> ?
    sql UPDATE t SET b = ?",
    );
    let by_key = sql(&recording, "SELECT b FROM t WHERE a = ?");
    assert_eq!((by_key.rows, by_key.binds, by_key.affected), (1, 1, 0));
    assert!(by_key.first_row_us.is_some() && by_key.bind_values.is_empty());
    let update = sql(&recording, "UPDATE t SET b = ?");
    assert_eq!((update.rows, update.affected, update.first_row_us), (0, 2, None));
    let xlog = recording.only();
    assert_eq!((xlog.sql_count, xlog.sql_rows), (5, 2));
}

#[tokio::test]
async fn every_way_to_fetch_counts_its_rows_and_ends_its_step() {
    let pool = sqlite().await;
    let mut connection = pool.acquire().await.unwrap();
    for way in 0..7 {
        let (recording, _) = record(async {
            let connection = &mut *connection;
            match way {
                0 => drop(connection.execute(NUMBERS).await.unwrap()),
                1 => drop(connection.execute_many(NUMBERS).try_collect::<Vec<_>>().await.unwrap()),
                2 => drop(connection.fetch(NUMBERS).try_collect::<Vec<_>>().await.unwrap()),
                3 => drop(connection.fetch_many(NUMBERS).try_collect::<Vec<_>>().await.unwrap()),
                4 => drop(connection.fetch_all(NUMBERS).await.unwrap()),
                5 => drop(connection.fetch_one(NUMBERS).await.unwrap()),
                _ => drop(connection.fetch_optional(NUMBERS).await.unwrap()),
            }
        })
        .await;
        let rows = if way < 5 { 50 } else { 1 };
        assert_eq!(sql(&recording, NUMBERS_NAME).rows, rows, "way {way}");
        assert_eq!(step(&recording, NUMBERS_NAME).outcome, Outcome::Ok, "way {way}");
    }
}

#[tokio::test]
async fn a_stream_broken_off_is_cancelled_and_keeps_its_rows() {
    let pool = sqlite().await;
    let (recording, _) = record(async {
        let mut rows = sqlx::query(NUMBERS).fetch(&pool);
        for _ in 0..7 {
            rows.try_next().await.unwrap();
        }
    })
    .await;
    assert_eq!(sql(&recording, NUMBERS_NAME).rows, 7);
    assert_eq!(step(&recording, NUMBERS_NAME).outcome, Outcome::Cancelled);

    let Some(pool) = postgres().await else { return };
    let (recording, _) = record(async {
        let mut rows = sqlx::query(NUMBERS).fetch(&pool);
        for _ in 0..7 {
            rows.try_next().await.unwrap();
        }
    })
    .await;
    assert_eq!(sql(&recording, NUMBERS_NAME).rows, 7);
    assert_eq!(step(&recording, NUMBERS_NAME).outcome, Outcome::Cancelled);
}

#[tokio::test]
async fn a_query_dropped_while_it_runs_is_cancelled() {
    let Some(pool) = postgres().await else { return };
    let mut connection = pool.acquire().await.unwrap();
    let (recording, _) = record(async {
        let sleep = sqlx::query("SELECT pg_sleep(60)").execute(&mut *connection);
        assert!(sleep.now_or_never().is_none());
    })
    .await;
    assert_tree(&recording, "test\n    sql SELECT pg_sleep(?) !cancelled");
    connection.close_on_drop();
}

#[tokio::test]
async fn a_query_dropped_while_it_runs_on_sqlite_is_cancelled() {
    let pool = sqlite().await;
    let mut connection = pool.acquire().await.unwrap();
    // No row comes before the last, and that takes longer than one poll.
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) \
                   SELECT COUNT(*) AS endless FROM n";
    let attempt = async |_| sqlx::query(endless).execute(&mut *connection).now_or_never().is_none();
    let (recording, _) = record_cancelled(attempt).await;
    let steps = recording.steps(recording.only().txid);
    assert_eq!((steps.len(), steps[0].outcome), (1, Outcome::Cancelled));
    connection.execute("SELECT 1").await.unwrap();
}

#[tokio::test]
async fn a_connection_opened_by_its_options_is_recorded() {
    use sqlx::ConnectOptions;

    async fn check<O: ConnectOptions>(options: O)
    where
        for<'c> &'c mut O::Connection: Executor<'c>,
    {
        let (recording, _) = record(async {
            let mut connection = options.connect().await.unwrap();
            connection.execute("SELECT 'by options'").await.unwrap();
            sqlx::Connection::close(connection).await.unwrap();
        })
        .await;
        assert_tree(&recording, "test\n    sql SELECT ?");
    }

    let options: sqlx::sqlite::SqliteConnectOptions = "sqlite::memory:".parse().unwrap();
    let mut connection: sqlx::SqliteConnection = options.connect().await.unwrap();
    connection.execute("SELECT 1").await.unwrap();
    check(options.disable_statement_logging()).await;
    let Some(server) = crate::postgres::Postgres::shared() else { return };
    let options = sqlx::postgres::PgConnectOptions::from_url(&server.url().parse().unwrap());
    check(options.unwrap()).await;
}

#[tokio::test]
async fn an_error_carries_code_and_message() {
    let pool = sqlite().await;
    let (recording, _) = record(async {
        pool.execute("CREATE TABLE t (a INTEGER PRIMARY KEY)").await.unwrap();
        pool.execute("INSERT INTO t VALUES (1)").await.unwrap();
        assert!(pool.execute("INSERT INTO t VALUES (1) -- again").await.is_err());
        assert!(pool.fetch_optional("SELECT a FROM nowhere").await.is_err());
    })
    .await;
    let errors: Vec<_> = recording
        .steps(recording.only().txid)
        .iter()
        .filter(|step| step.outcome == Outcome::Error)
        .map(|step| step.error.as_str())
        .collect();
    assert_eq!(errors, ["1555: UNIQUE constraint failed: t.a", "1: no such table: nowhere"]);
    assert_eq!(recording.only().error, "1555: UNIQUE constraint failed: t.a");
}

#[tokio::test]
async fn a_postgres_error_carries_the_sqlstate_and_select_has_no_rows_affected() {
    let Some(pool) = postgres().await else { return };
    let (recording, _) = record(async {
        pool.execute("CREATE TEMPORARY TABLE states (a INTEGER PRIMARY KEY)").await.unwrap();
        sqlx::query("INSERT INTO states SELECT generate_series(1, $1)")
            .bind(20)
            .execute(&pool)
            .await
            .unwrap();
        pool.fetch_all("SELECT a FROM states").await.unwrap();
        assert!(pool.execute("INSERT INTO states VALUES (7)").await.is_err());
    })
    .await;
    let insert = sql(&recording, "INSERT INTO states SELECT generate_series(?, $1)");
    assert_eq!((insert.affected, insert.binds, insert.bind_values.as_str()), (20, 1, ""));
    let select = sql(&recording, "SELECT a FROM states");
    assert_eq!((select.rows, select.affected), (20, 0));
    let error = &step(&recording, "INSERT INTO states VALUES (?)").error;
    assert!(error.starts_with("23505: duplicate key value"), "{error}");
}

#[tokio::test]
async fn a_select_behind_with_or_parentheses_has_no_rows_affected() {
    let Some(pool) = postgres().await else { return };
    let (recording, _) = record(async {
        pool.execute("CREATE TEMPORARY TABLE behind (a INTEGER)").await.unwrap();
        pool.execute("INSERT INTO behind VALUES (1), (2)").await.unwrap();
        pool.fetch_all("WITH b AS (SELECT a FROM behind) SELECT a FROM b").await.unwrap();
        pool.fetch_all("(SELECT a FROM behind)").await.unwrap();
        let delete = "WITH b AS (SELECT a FROM behind) DELETE FROM behind USING b";
        pool.execute(delete).await.unwrap();
    })
    .await;
    for select in ["WITH b AS (SELECT a FROM behind) SELECT a FROM b", "(SELECT a FROM behind)"] {
        let select = sql(&recording, select);
        assert_eq!((select.rows, select.affected), (2, 0));
    }
    let delete = sql(&recording, "WITH b AS (SELECT a FROM behind) DELETE FROM behind USING b");
    assert_eq!((delete.rows, delete.affected), (0, 2));
}

#[tokio::test]
async fn preparing_is_a_step() {
    let pool = sqlite().await;
    let (recording, _) = record(async {
        pool.prepare(sqlx::SqlStr::from_static("SELECT 1")).await.unwrap();
        let mut connection = pool.acquire().await.unwrap();
        let statement = sqlx::SqlStr::from_static("SELECT 2, 'x'");
        connection.prepare(statement).await.unwrap();
        assert!(connection.prepare(sqlx::SqlStr::from_static("SELEC")).await.is_err());
    })
    .await;
    assert_tree(
        &recording,
        "
test !error
    sql PREPARE SELECT ?
    pool_wait SQLite memory
    sql PREPARE SELECT ?, ?
    sql PREPARE SELEC !error",
    );
}

/// The switch is of the process, but without permission it shows nothing: this test alone allows.
#[tokio::test]
async fn bound_values_are_written_only_if_allowed_and_switched_on_and_only_for_sqlite() {
    let plain = sqlite().await.into_inner();
    let allowed = sqlx::wrap(plain.clone()).bind_values(true).secret_words(&["e_mail"]).build();
    let refused = sqlx::wrap(plain).build();
    let others = async |sql: &'static str| {
        let mut values = Vec::new();
        if let Some(pool) = postgres().await {
            let pool = sqlx::wrap(pool.into_inner()).bind_values(true).build();
            let ask = async { drop(sqlx::query("SELECT $1::text").bind("x").execute(&pool).await) };
            values.push(self::sql(&record(ask).await.0, "SELECT $1::text"));
        }
        if let Some(pool) = mariadb().await {
            let pool = sqlx::wrap(pool.into_inner()).bind_values(true).build();
            let ask = async { drop(sqlx::query(sql).bind("x").execute(&pool).await) };
            values.push(self::sql(&record(ask).await.0, sql));
        }
        values
    };
    for is_on in [false, true, false] {
        options::set("trace_sql_parameter_enabled", &is_on.to_string()).unwrap();
        let (recording, _) = record(async {
            let secrets = ["SELECT ? AS shown", "SELECT ? AS Password", "SELECT ? AS e_mail"];
            for sql in secrets {
                sqlx::query(sql).bind("x").execute(&allowed).await.unwrap();
            }
            sqlx::query("SELECT ? AS refused").bind("x").execute(&refused).await.unwrap();
        })
        .await;
        let values = |name| sql(&recording, name).bind_values;
        let (shown, redacted) = if is_on { (r#"[Text("x")]"#, "<redacted>") } else { ("", "") };
        assert_eq!(values("SELECT ? AS shown"), shown, "on: {is_on}");
        assert_eq!(values("SELECT ? AS Password"), redacted, "on: {is_on}");
        assert_eq!(values("SELECT ? AS e_mail"), redacted, "on: {is_on}");
        assert_eq!(values("SELECT ? AS refused"), "", "on: {is_on}");
        for other in others("SELECT ?").await {
            assert_eq!((other.binds, other.bind_values.as_str()), (1, ""));
        }
    }
}

#[tokio::test]
async fn too_many_rows_are_told_once_while_they_come_and_all_of_them_arrive() {
    let pool = sqlx::wrap(sqlite().await.into_inner()).name("rows-db").too_many_rows(10).build();
    let mut before_the_end = Vec::new();
    let (recording, after) = record(async {
        let mut rows = sqlx::query(NUMBERS).fetch(&pool);
        let mut count = 0;
        while rows.try_next().await.unwrap().is_some() {
            count += 1;
            if count == 20 {
                before_the_end = crate::support::alerts();
            }
        }
        assert_eq!(count, 50);
    })
    .await;
    let told = of_kind(&before_the_end, AlertKind::TooManyRows);
    assert_eq!(told.len(), 1, "{before_the_end:?}");
    assert!(told[0].message.contains("fetched 10 rows and is still fetching: WITH RECURSIVE"));
    assert_eq!((told[0].service.as_str(), told[0].transaction.is_some()), ("test", true));
    assert!(of_kind(&after, AlertKind::TooManyRows).is_empty());
    let select = step(&recording, NUMBERS_NAME);
    assert_eq!(select.error, "fetched 10 rows or more");
    assert_eq!(recording.only().error, "fetched 10 rows or more");
}

#[tokio::test]
async fn a_hard_limit_stops_the_statement_with_an_error() {
    let pool = sqlx::wrap(sqlite().await.into_inner()).hard_limit(5).build();
    let (recording, _) = record(async {
        let error = pool.fetch_all(NUMBERS).await.unwrap_err();
        assert!(error.to_string().contains("hard_limit(5)"), "{error}");
    })
    .await;
    assert_eq!(step(&recording, NUMBERS_NAME).outcome, Outcome::Error);
}

#[tokio::test]
async fn limits_of_zero_are_off() {
    let pool = sqlite().await.into_inner();
    let pool = sqlx::wrap(pool).too_many_rows(0).hard_limit(0).repeat_limit(0).build();
    let (recording, alerts) = record(async {
        for _ in 0..3 {
            pool.fetch_all(NUMBERS).await.unwrap();
        }
    })
    .await;
    assert!(alerts.is_empty(), "{alerts:?}");
    assert_eq!(recording.only().error, "");
}

#[tokio::test]
async fn a_slow_statement_is_told_by_name() {
    let pool = sqlite().await.into_inner();
    let pool = sqlx::wrap(pool).slow_sql(std::time::Duration::from_micros(1)).build();
    let (_, alerts) = record(async {
        pool.fetch_all("SELECT 'slow'").await.unwrap();
    })
    .await;
    let slow = of_kind(&alerts, AlertKind::SlowStatement);
    assert!(slow.len() == 1 && slow[0].message.ends_with(": SELECT ?"), "{alerts:?}");
}

/// A statement that takes tens of ms on any machine, told apart by a name.
fn counting(name: &str) -> sqlx::AssertSqlSafe<String> {
    sqlx::AssertSqlSafe(format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) \
         SELECT COUNT(*) AS {name} FROM n"
    ))
}

#[tokio::test]
async fn statements_of_a_pattern_are_not_told_as_slow_or_only_much_later() {
    let pool = sqlite().await.into_inner();
    let pool = sqlx::wrap(pool).slow_sql(std::time::Duration::from_millis(10)).build();
    let set = |name: &str, value: &str| options::set(name, value).unwrap();
    let (_, alerts) = record(async {
        set("alert_quiet_statement_patterns", "VACUUM*; *AS quiet FROM n");
        set("alert_patient_statement_patterns", "*AS patient FROM n");
        set("alert_patience_factor", "1000");
        for name in ["quiet", "patient", "usual"] {
            pool.fetch_all(counting(name)).await.unwrap();
        }
        set("alert_patience_factor", "1");
        pool.fetch_all(counting("patient")).await.unwrap();
        for name in ["alert_quiet_statement_patterns", "alert_patient_statement_patterns"] {
            set(name, "");
        }
        set("alert_patience_factor", "10");
    })
    .await;
    let told = |name: &str| {
        let end = format!("AS {name} FROM n");
        let slow = of_kind(&alerts, AlertKind::SlowStatement);
        slow.iter().filter(|alert| alert.message.ends_with(&end)).count()
    };
    assert_eq!([told("quiet"), told("patient"), told("usual")], [0, 1, 1], "{alerts:?}");
}

#[tokio::test]
async fn a_statement_is_not_told_as_slow_for_the_time_in_which_the_machine_was_too_busy() {
    let pool = sqlite().await.into_inner();
    let pool = sqlx::wrap(pool).slow_sql(std::time::Duration::from_millis(10)).build();
    let relaxed = std::sync::atomic::Ordering::Relaxed;
    let busy = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let is_busy = busy.clone();
    let machine = std::thread::Builder::new().name("machine".into()).spawn(move || {
        while is_busy.load(relaxed) {
            scouter_core::live::note_late(std::time::Duration::from_secs(100));
            std::thread::yield_now();
        }
    });
    let (_, alerts) = record(async {
        pool.fetch_all(counting("busy")).await.unwrap();
    })
    .await;
    busy.store(false, relaxed);
    machine.unwrap().join().unwrap();
    let slow = of_kind(&alerts, AlertKind::SlowStatement);
    assert!(!slow.iter().any(|alert| alert.message.contains("AS busy")), "{alerts:?}");
}

#[tokio::test]
async fn a_statement_that_only_waited_is_not_slow() {
    let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
    let options = options.acquire_timeout(std::time::Duration::from_millis(20));
    let plain = options.connect("sqlite::memory:").await.unwrap().into_inner();
    let pool = sqlx::wrap(plain).slow_sql(std::time::Duration::from_micros(1)).build();
    let held = pool.acquire().await.unwrap();
    let (recording, alerts) = record(async {
        let starved = pool.execute("SELECT 'never ran'").await;
        assert!(matches!(starved, Err(sqlx::Error::PoolTimedOut)));
        let mut given_up = pool.fetch_all("SELECT 'given up', 1");
        assert!((&mut given_up).now_or_never().is_none());
        // However late it is given up.
        assert!(matches!(pool.acquire().await, Err(sqlx::Error::PoolTimedOut)));
        drop(given_up);
    })
    .await;
    drop(held);
    assert_eq!(step(&recording, "SELECT ?, ?").outcome, Outcome::Cancelled);
    assert!(step(&recording, "SELECT ?, ?").elapsed_us >= 20_000);
    assert!(of_kind(&alerts, AlertKind::SlowStatement).is_empty(), "{alerts:?}");
}

#[tokio::test]
async fn slow_is_what_a_statement_took_without_its_wait() {
    let Some(pool) = postgres().await else { return };
    let plain = pool.into_inner();
    let pool = sqlx::wrap(plain).slow_sql(std::time::Duration::from_micros(1)).build();
    let mut held = pool.acquire().await.unwrap();
    let (recording, alerts) = record(async {
        let waiting = pool.execute("SELECT 'waited', 1, 2");
        let holding = async {
            // The other statement is polled first and finds no connection.
            tokio::task::yield_now().await;
            (&mut **held).execute("SELECT pg_sleep(0.05)").await.unwrap();
            drop(held);
        };
        let (done, ()) = tokio::join!(waiting, holding);
        done.unwrap();
    })
    .await;
    let name = "SELECT ?, ?, ?";
    let (elapsed_us, wait_us) = (step(&recording, name).elapsed_us, sql(&recording, name).wait_us);
    assert!(wait_us >= 50_000, "{wait_us}");
    let slow = of_kind(&alerts, AlertKind::SlowStatement);
    let told = slow.iter().find(|alert| alert.place == name).unwrap();
    let told_ms: u64 = told.message.split(' ').find_map(|word| word.parse().ok()).unwrap();
    let executed_us = elapsed_us - wait_us;
    assert!(told_ms <= executed_us / 1_000, "{} of {executed_us} µs", told.message);
}

#[tokio::test]
async fn a_repeated_statement_is_told_once_with_the_advice_that_fits() {
    let pool = sqlx::wrap(sqlite().await.into_inner()).repeat_limit(5).build();
    let (_, alerts) = record(async {
        pool.execute("CREATE TABLE repeated (a)").await.unwrap();
        for number in 0..8 {
            sqlx::query("SELECT a FROM repeated WHERE a = ?")
                .bind(number)
                .fetch_optional(&pool)
                .await
                .unwrap();
            sqlx::query("INSERT INTO repeated VALUES (?)")
                .bind(number)
                .execute(&pool)
                .await
                .unwrap();
        }
    })
    .await;
    let told: Vec<_> = of_kind(&alerts, AlertKind::RepeatedStatement)
        .iter()
        .map(|alert| alert.message.clone())
        .collect();
    assert_eq!(told.len(), 2, "{alerts:?}");
    assert!(told[0].contains("ran 5 times") && told[0].contains("N+1"), "{told:?}");
    assert!(told[1].contains("ran 5 times") && told[1].contains("chatty writes"), "{told:?}");
}

#[tokio::test]
async fn a_plain_connection_is_recorded_when_asked() {
    let pool = sqlite().await;
    let (recording, _) = record(async {
        let mut connection = pool.acquire().await.unwrap();
        let raw = &mut **connection;
        raw.execute("SELECT 'not seen'").await.unwrap();
        sqlx::query("SELECT 'seen', ?").bind(1).fetch_all(sqlx::instrument(raw)).await.unwrap();
    })
    .await;
    assert_tree(&recording, "test\n    pool_wait SQLite memory\n    sql SELECT ?, ?");
}

#[tokio::test]
async fn nothing_is_recorded_outside_a_transaction() {
    let pool = sqlite().await;
    let recording = scouter_core::testing::capture_async(async {
        pool.fetch_all("SELECT 1").await.unwrap();
    })
    .await;
    assert_eq!(recording.tree(), "");
}
