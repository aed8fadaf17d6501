//! Starts the four processes in the order they need each other, starts a dead one again at its
//! address, and ends them in the reverse order, the collector last.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::select_all;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::child::Child;
use crate::load::{Load, Totals};
use crate::signal::{EndOfLoad, end_of_demo};
use crate::{AnyError, Options, say};

/// Pause before a dead process is started again.
const RESTART_PAUSE: Duration = Duration::from_millis(500);

/// What a process is started with, at first and again.
struct Plan {
    name: &'static str,
    arguments: Vec<String>,
}

/// What the supervisor waits for.
enum Event {
    /// A process is dead, and how it died.
    Ended(usize, String),
    Progress,
    EndOfLoad,
}

struct Demo {
    environment: Vec<(&'static str, String)>,
    plans: Vec<Plan>,
    children: Vec<Child>,
    status: Option<PathBuf>,
    /// What the load generator sent, once it was told to stop.
    sent: Option<Totals>,
}

/// Runs the demo until Ctrl-C, SIGTERM, the time limit, or an error that a restart does not mend.
pub(crate) async fn run(options: Options) -> Result<(), AnyError> {
    let (data, is_temporary) = data_folder(&options)?;
    let database = std::env::var("SHOP_DATABASE_URL")
        .unwrap_or_else(|_| format!("sqlite://{}?mode=rwc", data.join("shop.db").display()));
    let mut demo = Demo::new(options.status.clone());
    demo.start_all(&options, &data, &database).await?;
    let front = demo.address("front");
    demo.welcome();
    let mut load = Load::start(front, options.rate, options.ledger.as_deref())?;
    let outcome = demo.watch(&mut load, options.seconds).await;
    say(format_args!("\ndemo: ending; the services first, so that their agents can deliver"));
    let totals = load.stop().await;
    demo.end().await;
    say(format_args!("demo: {totals}"));
    if is_temporary {
        let _ = std::fs::remove_dir_all(&data);
    }
    outcome
}

fn data_folder(options: &Options) -> Result<(PathBuf, bool), AnyError> {
    let (folder, is_temporary) = match &options.data {
        Some(folder) => (folder.clone(), false),
        None => (std::env::temp_dir().join(format!("scouter-demo-{}", std::process::id())), true),
    };
    std::fs::create_dir_all(&folder)
        .map_err(|error| format!("cannot make the data folder {}: {error}", folder.display()))?;
    Ok((folder, is_temporary))
}

impl Demo {
    fn new(status: Option<PathBuf>) -> Self {
        let environment = vec![
            // All four run on this machine, so the headers they send each other are to be trusted.
            ("SCOUTER_TRACE_TENANT_TRUSTED", "true".to_owned()),
            ("SCOUTER_TRACE_TENANT_HOSTS", "127.0.0.1".to_owned()),
            ("SCOUTER_TRACE_TENANT_REDIRECTS_GUARDED", "true".to_owned()),
            // The load generator reads it to reconcile what it saw with what was stored.
            ("SCOUTER_TRACE_RESPONSE_GXID_ENABLED", "true".to_owned()),
        ];
        Self { environment, plans: Vec::new(), children: Vec::new(), status, sent: None }
    }

    async fn start_all(
        &mut self,
        options: &Options,
        data: &std::path::Path,
        database: &str,
    ) -> Result<(), AnyError> {
        say(format_args!("Scouter demo: a small shop under load, and the picture of it\n"));
        let store = data.join("collector").display().to_string();
        let (agents, http) = (options.agents.to_string(), options.http.to_string());
        self.start("collector", vec![agents, http, store]).await?;
        let agents = self.children[0].addresses[1];
        self.environment.push(("SCOUTER_COLLECTOR", agents.to_string()));
        // From now on it keeps its addresses, so that agents find it again after a restart.
        self.plans[0].arguments[0] = agents.to_string();
        self.plans[0].arguments[1] = self.children[0].addresses[0].to_string();
        let any = "127.0.0.1:0".to_owned();
        self.start("billing", vec![any.clone(), database.to_owned()]).await?;
        let billing = self.address("billing").to_string();
        self.start("orders", vec![any.clone(), database.to_owned(), billing]).await?;
        let orders = self.address("orders").to_string();
        self.start("front", vec![any, orders]).await?;
        for (plan, child) in self.plans.iter_mut().zip(&self.children).skip(1) {
            plan.arguments[0] = child.addresses[0].to_string();
        }
        self.write_status()
    }

    async fn start(&mut self, name: &'static str, arguments: Vec<String>) -> Result<(), AnyError> {
        let child = Child::start(name, &arguments, &self.environment).await?;
        say(format_args!("  {name:<10} {:<22} pid {}", child.addresses[0], child.pid()));
        self.children.push(child);
        self.plans.push(Plan { name, arguments });
        Ok(())
    }

    fn address(&self, name: &str) -> SocketAddr {
        let child = self.children.iter().find(|child| child.name == name);
        child.map_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)), |child| child.addresses[0])
    }

    fn welcome(&self) {
        say(format_args!(
            "\n  Open  http://{}\n\n\
             \x20 Each dot is one request: its end across, its time up. Red ones failed.\n\
             \x20 Drag a box around some, click a row, and read where the time went.\n\
             \x20   high dots       GET /slow waits for a supplier; /search is slow now and then\n\
             \x20   red dots        GET /fail, and charges the bank refuses\n\
             \x20   GET /report     one query for each order\n\
             \x20   GET /leak       a connection that is never given back\n\
             \x20   Active          who waits for the inventory lock right now\n\n\
             \x20 Ctrl-C ends everything.\n",
            self.address("collector")
        ));
    }

    /// Restarts what dies and shows progress, until it is time to end.
    async fn watch(&mut self, load: &mut Load, seconds: Option<u64>) -> Result<(), AnyError> {
        let limit = async {
            match seconds {
                Some(seconds) => sleep(Duration::from_secs(seconds)).await,
                None => std::future::pending().await,
            }
        };
        let mut limit = std::pin::pin!(limit);
        let mut interrupt = std::pin::pin!(end_of_demo());
        let mut end_of_load = EndOfLoad::listen()?;
        let is_terminal = std::io::stderr().is_terminal();
        let mut progress = interval(Duration::from_secs(if is_terminal { 1 } else { 10 }));
        progress.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            let any_end = select_all(self.children.iter_mut().map(|child| Box::pin(child.ended())));
            let event = tokio::select! {
                () = &mut limit => return Ok(()),
                asked = &mut interrupt => return asked,
                () = end_of_load.next() => Event::EndOfLoad,
                (how, index, _) = any_end => Event::Ended(index, how),
                _ = progress.tick() => Event::Progress,
            };
            match event {
                Event::Ended(index, how) => self.restart(index, &how).await?,
                Event::Progress => show(load.totals(), is_terminal),
                Event::EndOfLoad => {
                    self.sent = Some(load.stop().await);
                    self.write_status()?;
                }
            }
        }
    }

    async fn restart(&mut self, index: usize, how: &str) -> Result<(), AnyError> {
        let Plan { name, arguments } = &self.plans[index];
        say(format_args!("\ndemo: {name} ended ({how}); starting it again"));
        sleep(RESTART_PAUSE).await;
        self.children[index] = Child::start(name, arguments, &self.environment).await?;
        self.write_status()
    }

    fn write_status(&self) -> Result<(), AnyError> {
        let Some(path) = &self.status else { return Ok(()) };
        let mut facts: serde_json::Map<_, _> = self
            .children
            .iter()
            .map(|child| {
                let facts = serde_json::json!({ "pid": child.pid(), "addresses": child.addresses });
                (child.name.to_owned(), facts)
            })
            .collect();
        if let Some(sent) = &self.sent {
            facts.insert("load".to_owned(), serde_json::to_value(sent)?);
        }
        // Renamed into place, so that a reader never sees half of it.
        let draft = path.with_extension("draft");
        std::fs::write(&draft, serde_json::to_vec(&facts)?)?;
        std::fs::rename(draft, path)?;
        Ok(())
    }

    async fn end(mut self) {
        while let Some(child) = self.children.pop() {
            child.end().await;
        }
    }
}

#[expect(clippy::print_stderr, reason = "one line that is written over again")]
fn show(totals: Totals, is_terminal: bool) {
    let end = if is_terminal { "\x1b[K\r" } else { "\n" };
    eprint!("  {totals}{end}");
}
