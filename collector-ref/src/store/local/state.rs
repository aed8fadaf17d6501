//! The state database: identity of the store, dictionary and alerts, in SQLite.
//!
//! Nothing here is on the way of an acknowledgement: texts and alerts are in the WAL first and are
//! written here when their generation is sealed. The database has its own thread, so that callers
//! may be in or outside an asynchronous runtime. This is the only module that knows which database
//! it is.

use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use parking_lot::Mutex;
use scouter_wire::record::Alert;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Row as _, SqliteConnection};

use super::alerts::{AlertRow, alert_json};
use super::config::Durability;
use super::texts::NumberedText;
use crate::store::{StoredAlert, TimeRange};

/// Most alerts kept; past it the oldest are deleted.
pub(crate) const MAX_ALERTS: i64 = 100_000;

/// Requests that wait for the database's thread; past it a caller waits.
const MAX_REQUESTS: usize = 64;

/// Identity of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) store_id: u128,
    pub(crate) hash_seed: u128,
}

type Job = Box<dyn FnOnce(&mut SqliteConnection, &tokio::runtime::Runtime) + Send>;

/// The open database.
#[derive(Debug)]
pub(crate) struct State {
    jobs: Mutex<Option<SyncSender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the database said.
pub(crate) type StateResult<T> = Result<T, String>;

impl State {
    /// Opens or makes the database; a new one gets a new identity.
    pub(crate) fn open(path: &Path, durability: Durability) -> StateResult<(Self, Identity)> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(match durability {
                Durability::None => SqliteSynchronous::Off,
                Durability::Power | Durability::Process => SqliteSynchronous::Full,
            })
            .disable_statement_logging();
        let (opened, answer) = sync_channel(1);
        let (jobs, queue) = sync_channel::<Job>(MAX_REQUESTS);
        let run = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = match runtime {
                Ok(runtime) => runtime,
                Err(error) => {
                    let _gone = opened.send(Err(error.to_string()));
                    return;
                }
            };
            let connected = runtime.block_on(async {
                let mut connection = options.connect().await?;
                let identity = prepare(&mut connection).await?;
                Ok::<_, sqlx::Error>((connection, identity))
            });
            let mut connection = match connected {
                Ok((connection, identity)) => {
                    let _gone = opened.send(Ok(identity));
                    connection
                }
                Err(error) => {
                    let _gone = opened.send(Err(error.to_string()));
                    return;
                }
            };
            for job in queue {
                job(&mut connection, &runtime);
            }
            // An error while closing loses nothing: every write was committed by its job.
            let _closed = runtime.block_on(connection.close());
        };
        let thread = std::thread::Builder::new().name("scouter-store-state".into()).spawn(run);
        let thread = thread.map_err(|error| error.to_string())?;
        let identity = answer.recv().map_err(|_| "its thread ended".to_owned())??;
        Ok((Self { jobs: Mutex::new(Some(jobs)), thread: Mutex::new(Some(thread)) }, identity))
    }

    /// Runs one job on the database's thread and waits for its answer.
    fn run<T: Send + 'static>(
        &self,
        job: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, sqlx::Error> + Send + 'static,
    ) -> StateResult<T> {
        let (answer, answered) = sync_channel(1);
        let job: Job = Box::new(move |connection, runtime| {
            let result = runtime.block_on(job(connection)).map_err(|error| error.to_string());
            let _gone = answer.send(result);
        });
        let jobs = self.jobs.lock().clone().ok_or("the state database is closed")?;
        jobs.send(job).map_err(|_| "the state database is closed".to_owned())?;
        answered.recv().map_err(|_| "the state database's thread ended".to_owned())?
    }

    /// Lets the database check its own pages.
    pub(crate) fn verify(&self) -> StateResult<()> {
        let found: String = self.run(async |connection| {
            sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(connection).await
        })?;
        if found == "ok" { Ok(()) } else { Err(found) }
    }

    /// All texts, by kind and number.
    pub(crate) fn texts(&self) -> StateResult<Vec<NumberedText>> {
        self.run(async |connection| {
            let rows = sqlx::query("SELECT kind, id, text FROM texts ORDER BY kind, id")
                .fetch_all(connection)
                .await?;
            rows.iter()
                .map(|row| {
                    let text: String = row.try_get(2)?;
                    Ok(NumberedText {
                        kind: row.try_get(0)?,
                        id: row.try_get(1)?,
                        text: text.into(),
                    })
                })
                .collect()
        })
    }

    /// Writes new texts and the alerts of a generation, all or nothing. The same again changes
    /// nothing.
    pub(crate) fn persist(
        &self,
        texts: Vec<NumberedText>,
        generation: u64,
        alerts: &[(std::sync::Arc<str>, Alert)],
    ) -> StateResult<()> {
        let rows = alerts
            .iter()
            .map(|(object, alert)| (alert.unix_us, object.to_string(), alert_json(alert)));
        let alerts: Vec<_> = rows.collect();
        if texts.is_empty() && alerts.is_empty() {
            return Ok(());
        }
        self.run(async move |connection| {
            let mut transaction = connection.begin().await?;
            for text in &texts {
                sqlx::query("INSERT OR IGNORE INTO texts (kind, id, text) VALUES (?, ?, ?)")
                    .bind(text.kind)
                    .bind(text.id)
                    .bind(&*text.text)
                    .execute(&mut *transaction)
                    .await?;
            }
            for (ordinal, (unix_us, object, json)) in alerts.iter().enumerate() {
                sqlx::query(
                    "INSERT OR IGNORE INTO alerts (generation, ordinal, unix_us, object, alert) \
                     VALUES (?, ?, ?, ?, ?)",
                )
                .bind(generation.cast_signed())
                .bind(i64::try_from(ordinal).unwrap_or(i64::MAX))
                .bind(unix_us)
                .bind(object)
                .bind(json)
                .execute(&mut *transaction)
                .await?;
            }
            if !alerts.is_empty() {
                sqlx::query(
                    "DELETE FROM alerts WHERE rowid IN \
                     (SELECT rowid FROM alerts ORDER BY unix_us DESC LIMIT -1 OFFSET ?)",
                )
                .bind(MAX_ALERTS)
                .execute(&mut *transaction)
                .await?;
            }
            transaction.commit().await
        })
    }

    /// Alerts in a range, newest first.
    pub(crate) fn alerts(&self, range: TimeRange, limit: usize) -> StateResult<Vec<StoredAlert>> {
        self.run(async move |connection| {
            let rows = sqlx::query(
                "SELECT object, alert FROM alerts WHERE unix_us BETWEEN ? AND ? \
                 ORDER BY unix_us DESC LIMIT ?",
            )
            .bind(range.from_unix_us)
            .bind(range.to_unix_us)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(connection)
            .await?;
            let mut alerts = Vec::with_capacity(rows.len());
            for row in &rows {
                let (object, json): (String, String) = (row.try_get(0)?, row.try_get(1)?);
                if let Some(alert) = AlertRow::parse(&json) {
                    alerts.push(StoredAlert { object: object.into(), alert });
                }
            }
            Ok(alerts)
        })
    }

    /// Ends the thread.
    pub(crate) fn close(&self) {
        self.jobs.lock().take();
        if let Some(thread) = self.thread.lock().take() {
            // A panic of the thread has been printed; there is nothing to add.
            let _ended = thread.join();
        }
    }
}

async fn prepare(connection: &mut SqliteConnection) -> Result<Identity, sqlx::Error> {
    for statement in [
        "CREATE TABLE IF NOT EXISTS identity (store_id BLOB NOT NULL, hash_seed BLOB NOT NULL)",
        "CREATE TABLE IF NOT EXISTS texts (kind INTEGER NOT NULL, id INTEGER NOT NULL, \
         text TEXT NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID",
        "CREATE TABLE IF NOT EXISTS alerts (generation INTEGER NOT NULL, \
         ordinal INTEGER NOT NULL, unix_us INTEGER NOT NULL, object TEXT NOT NULL, \
         alert TEXT NOT NULL, PRIMARY KEY (generation, ordinal))",
        "CREATE INDEX IF NOT EXISTS alerts_by_time ON alerts (unix_us)",
    ] {
        sqlx::query(statement).execute(&mut *connection).await?;
    }
    let row = sqlx::query("SELECT store_id, hash_seed FROM identity")
        .fetch_optional(&mut *connection)
        .await?;
    if let Some(row) = row {
        let number = |bytes: Vec<u8>| {
            let bytes = bytes.first_chunk::<16>().copied();
            bytes.map(u128::from_le_bytes).ok_or(sqlx::Error::RowNotFound)
        };
        let (store_id, hash_seed) = (number(row.try_get(0)?)?, number(row.try_get(1)?)?);
        return Ok(Identity { store_id, hash_seed });
    }
    let identity = Identity { store_id: random()?, hash_seed: random()? };
    sqlx::query("INSERT INTO identity (store_id, hash_seed) VALUES (?, ?)")
        .bind(identity.store_id.to_le_bytes().to_vec())
        .bind(identity.hash_seed.to_le_bytes().to_vec())
        .execute(connection)
        .await?;
    Ok(identity)
}

fn random() -> Result<u128, sqlx::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| sqlx::Error::Configuration(error.into()))?;
    Ok(u128::from_le_bytes(bytes))
}
