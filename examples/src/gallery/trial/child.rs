//! The process of a trial: started, awaited until it listens, ended.

use std::net::SocketAddr;
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
const OPTIONS: [(&str, &str); 2] = [
    ("SCOUTER_TRACE_TENANT_TRUSTED", "true"),
    // Nothing in this shop should take longer.
    ("SCOUTER_ALERT_TRANSACTION_RUNNING_MS", "6000"),
];

/// Makes an empty database for one process, on the server of this URL.
async fn own_database(url: &str, name: &str) -> Result<String, AnyError> {
    sqlx::any::install_default_drivers();
    let database = format!("gallery_{}", name.replace('-', "_"));
    let server = sqlx::AnyPool::connect(url).await?;
    // The names are those of the faults: nothing of a user is in them.
    for statement in [
        format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)"),
        format!("CREATE DATABASE {database}"),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&server).await?;
    }
    server.close().await;
    let (server, _) = url.rsplit_once('/').ok_or("a database URL ends with /NAME")?;
    Ok(format!("{server}/{database}"))
}

pub(super) struct Child {
    pub(super) address: SocketAddr,
    process: Process,
    folder: std::path::PathBuf,
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
        let database = match stage.database.as_str() {
            "sqlite" => format!("sqlite://{}?mode=rwc", folder.join("shop.db").display()),
            url => own_database(url, name).await?,
        };
        let mut process = Command::new(std::env::current_exe()?)
            .args(["serve", name, &database, &format!("http://{bank}")])
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
        Ok(Self { address, process, folder })
    }

    pub(super) async fn end(mut self) {
        drop(self.process.stdin.take());
        if timeout(END_LIMIT, self.process.wait()).await.is_err() {
            let _ = self.process.kill().await;
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
