//! A collector with a plugin of your own: every finished transaction and every alert as a line of
//! JSON in a file.
//!
//! ```text
//! cargo run -p scouter-examples --example custom_plugin -- transactions.jsonl
//! ```
//!
//! Two more arguments are the addresses to listen at, for agents and for browsers.
//!
//! The plugin runs on its own thread behind its own bounded queue. While its disk is full it asks
//! for the same batch again; ingest never waits for it.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use scouter_collector::Collector;
use scouter_collector::plugin::{CollectorPlugin, Hooks, PluginError, Row, StoredAlert};
use serde_json::json;

/// Appends to a file.
struct JsonLines {
    out: BufWriter<File>,
}

impl JsonLines {
    fn open(path: &Path) -> std::io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { out: BufWriter::new(file) })
    }

    /// Writes a batch as a whole. After an error part of it may be in the file and the batch comes
    /// again: delivery is at least once.
    fn write(&mut self, lines: impl Iterator<Item = serde_json::Value>) -> Result<(), PluginError> {
        for line in lines {
            writeln!(self.out, "{line}").map_err(|error| PluginError::Retry(error.to_string()))?;
        }
        self.out.flush().map_err(|error| PluginError::Retry(error.to_string()))
    }
}

impl CollectorPlugin for JsonLines {
    fn name(&self) -> &str {
        "json-lines"
    }

    fn hooks(&self) -> Hooks {
        Hooks::XLOG.with(Hooks::ALERT)
    }

    fn xlog(&mut self, batch: &[Row]) -> Result<(), PluginError> {
        self.write(batch.iter().map(|row| {
            json!({
                "txid": row.txid.to_string(),
                "gxid": row.gxid.to_string(),
                "object": &*row.object,
                "service": &*row.service,
                "tenant": &*row.tenant,
                "end_unix_us": row.end_unix_us,
                "elapsed_us": row.elapsed_us,
                "status": row.status,
                "error": &*row.error,
            })
        }))
    }

    fn alert(&mut self, batch: &[StoredAlert]) -> Result<(), PluginError> {
        self.write(batch.iter().map(|stored| {
            json!({
                "object": &*stored.object,
                "unix_us": stored.alert.unix_us,
                "alert": stored.alert.message,
                "place": stored.alert.place,
            })
        }))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().map_or_else(|| "transactions.jsonl".into(), PathBuf::from);
    let mut collector = Collector::builder();
    if let (Some(agents), Some(http)) = (arguments.next(), arguments.next()) {
        collector = collector.agents(agents.parse()?).http(http.parse()?);
    }
    let plugin = JsonLines::open(&path)?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let running = collector.plugin(plugin).start().await?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "agents {}\nhttp http://{}/", running.agent_addr(), running.http_addr())?;
        writeln!(out, "every transaction goes to {} (Ctrl-C ends)", path.display())?;
        drop(out);
        tokio::signal::ctrl_c().await?;
        running.shutdown().await?;
        Ok(())
    })
}
