//! The process of a trial: started, awaited until it listens, ended.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child as Process, Command};
use tokio::time::timeout;

use super::Stage;
use crate::AnyError;

/// How long it may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(60);

/// How long it may take to end by itself.
const END_LIMIT: Duration = Duration::from_secs(3);

/// What somebody who runs this service would set.
pub(super) const OPTIONS: [(&str, &str); 2] = [
    ("SCOUTER_TRACE_TENANT_TRUSTED", "true"),
    // Nothing in this shop should take longer.
    ("SCOUTER_ALERT_TRANSACTION_RUNNING_MS", "6000"),
];

pub(super) struct Child {
    pub(super) address: SocketAddr,
    process: Process,
    folder: PathBuf,
    /// URL of a PostgreSQL server, and the name of the database that was made there.
    database: Option<(String, String)>,
}

impl Child {
    pub(super) async fn start(
        stage: &Stage,
        name: &str,
        bank: SocketAddr,
    ) -> Result<Self, AnyError> {
        let own = format!("scouter-gallery-{}-{name}", std::process::id());
        let folder = std::env::temp_dir().join(own);
        std::fs::create_dir_all(&folder)?;
        let (url, database) = match stage.database.as_str() {
            "sqlite" => (format!("sqlite://{}?mode=rwc", folder.join("shop.db").display()), None),
            server => {
                // The names are those of the faults, and of nobody else's databases.
                let database = format!("scouter_gallery_{}", name.replace('-', "_"));
                let (at, _) = server.rsplit_once('/').ok_or("a database URL ends with /NAME")?;
                drop_database(server, &database).await?;
                ask_server(server, format!("CREATE DATABASE {database}")).await?;
                (format!("{at}/{database}"), Some((server.to_owned(), database)))
            }
        };
        let mut process = Command::new(std::env::current_exe()?)
            .args(["serve", name, &url, &format!("http://{bank}")])
            .env("SCOUTER_COLLECTOR", stage.agents.to_string())
            .envs(OPTIONS)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let output = process.stdout.take().ok_or("the process has no standard output")?;
        let mut lines = BufReader::new(output).lines();
        let Ok(Ok(Some(line))) = timeout(START_LIMIT, lines.next_line()).await else {
            return Err(format!("the process of {name} did not start").into());
        };
        let address = line.trim_start_matches("ready ").parse()?;
        Ok(Self { address, process, folder, database })
    }

    /// Ends it, and takes away what was made for it.
    pub(super) async fn end(mut self) {
        drop(self.process.stdin.take());
        if timeout(END_LIMIT, self.process.wait()).await.is_err() {
            let _ = self.process.kill().await;
        }
        let _ = std::fs::remove_dir_all(&self.folder);
        if let Some((server, database)) = &self.database
            && let Err(error) = drop_database(server, database).await
        {
            crate::say(format_args!("gallery: database {database} stays: {error}"));
        }
    }
}

async fn drop_database(server: &str, database: &str) -> Result<(), sqlx::Error> {
    ask_server(server, format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)")).await
}

/// Runs one statement; its text has nothing of a user in it.
async fn ask_server(url: &str, statement: String) -> Result<(), sqlx::Error> {
    sqlx::any::install_default_drivers();
    let server = sqlx::AnyPool::connect(url).await?;
    let done = sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&server).await;
    server.close().await;
    done.map(drop)
}
