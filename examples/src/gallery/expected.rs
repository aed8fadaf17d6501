//! The faults, and what Scouter must say about each.

use crate::AnyError;
use crate::service::SOURCES;

/// How requests with the fault arrive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Traffic {
    /// How many, at most.
    pub(crate) requests: u32,
    /// So many at a time; the next one is sent when one is answered.
    pub(crate) together: u32,
}

/// Tenant of the requests with a fault.
pub(crate) const TENANT: &str = "acme";

/// Tenants of the healthy ones.
pub(crate) const OTHERS: [&str; 2] = ["globex", "initech"];

/// What the healthy ones ask for.
pub(crate) const HEALTHY_SERVICE: &str = "GET /orders/{id}";

/// What makes it go wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cause {
    /// Requests to the route with the name of the fault.
    Requests(Traffic),
    /// The bank behind the service answers ever later to everybody.
    TiredBank,
}

/// Once.
const ONCE: Traffic = Traffic { requests: 1, together: 1 };

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    /// Its name, and the path of its route.
    pub(crate) name: &'static str,
    /// Kind of the alert that must name it.
    pub(crate) kind: &'static str,
    /// Kinds that are true of its requests as well.
    pub(crate) also: &'static [&'static str],
    /// Kinds that are true of the healthy requests beside it, because of it.
    pub(crate) hurts: &'static [&'static str],
    pub(crate) cause: Cause,
    /// What the alert's sentence must say.
    pub(crate) says: &'static str,
}

const fn fault(name: &'static str, kind: &'static str, says: &'static str) -> Fault {
    Fault { name, kind, also: &[], hurts: &[], cause: Cause::Requests(ONCE), says }
}

impl Fault {
    const fn also(mut self, kinds: &'static [&'static str]) -> Self {
        self.also = kinds;
        self
    }

    const fn hurts(mut self, kinds: &'static [&'static str]) -> Self {
        self.hurts = kinds;
        self
    }

    const fn tires_the_bank(mut self) -> Self {
        self.cause = Cause::TiredBank;
        self
    }

    const fn traffic(mut self, requests: u32, together: u32) -> Self {
        self.cause = Cause::Requests(Traffic { requests, together });
        self
    }

    /// Name of the service as the collector knows it.
    pub(crate) fn service(&self) -> String {
        match self.cause {
            Cause::Requests(_) => format!("GET /{}", self.name),
            Cause::TiredBank => HEALTHY_SERVICE.to_owned(),
        }
    }

    /// Tenants whose requests it hits.
    pub(crate) fn tenants(&self) -> &'static [&'static str] {
        match self.cause {
            Cause::Requests(_) => &[TENANT],
            Cause::TiredBank => &OTHERS,
        }
    }

    /// `file.rs:LINE` of the marked place.
    ///
    /// # Errors
    /// When no place is marked for it.
    pub(crate) fn place(&self) -> Result<String, AnyError> {
        let marker = format!("// gallery: {}", self.name);
        for (file, text) in SOURCES {
            let lines: Vec<&str> = text.lines().collect();
            let Some(at) = lines.iter().position(|line| line.ends_with(&marker)) else { continue };
            // A comment of its own stands above a function.
            let is_own_line = lines[at].trim_start().starts_with("//");
            let line = if is_own_line {
                lines[at..].iter().position(|line| line.contains("fn ")).map(|below| at + below)
            } else {
                Some(at)
            };
            return Ok(format!("{file}:{}", line.ok_or("a marker without a function")? + 1));
        }
        Err(format!("no line is marked with {marker}").into())
    }
}

/// All of them, in the order in which they are shown.
pub(crate) const FAULTS: [Fault; 26] = [
    fault("slow-sql", "slow_statement", "WITH RECURSIVE"),
    fault("slow-outbound", "slow_call", "GET 127.0.0.1"),
    fault("slow-function", "slow_transaction", "settle_all_accounts"),
    fault("stuck-lock", "stuck_await", "recount_stock")
        .also(&["slow_transaction"])
        .hurts(&["stuck_await", "slow_transaction"]),
    fault("stuck-outbound", "slow_call", "GET 127.0.0.1"),
    fault("blocking-sleep", "blocking_poll", "blocking_sleep").traffic(5, 1),
    fault("blocking-io", "blocking_poll", "write_all_invoices").traffic(5, 1),
    fault("cpu-loop", "blocking_poll", "price_everything").traffic(5, 1),
    fault("starved-runtime", "starved_runtime", "starved_runtime")
        .also(&["blocking_poll"])
        // What was under way ends late.
        .hurts(&["slow_statement"])
        .traffic(4, 4),
    fault("forgotten-connection", "connection_leak", "no statement"),
    fault("stored-connection", "connection_leak", "SELECT"),
    fault("uncommitted", "uncommitted", "UPDATE orders").also(&["slow_statement"]),
    fault("held-across-call", "held_across_call", "GET 127.0.0.1")
        .also(&["slow_call", "slow_statement"]),
    fault("pool-exhausted", "pool_exhausted", "service/pool.rs")
        .traffic(8, 8)
        .also(&["held_long"])
        .hurts(&["pool_exhausted"]),
    // To decode that many, or to fill that much, keeps a thread.
    fault("many-rows", "too_many_rows", "WITH RECURSIVE")
        .also(&["slow_statement", "blocking_poll"]),
    fault("n-plus-one", "repeated_statement", "SELECT customer"),
    // Readers wait while SQLite writes.
    fault("chatty-writes", "repeated_statement", "INSERT INTO audit")
        .also(&["slow_statement"])
        .hurts(&["slow_statement"]),
    fault("tiny-calls", "chatty_calls", "10000 times"),
    // The backtrace that is printed keeps the thread while its symbols are looked up.
    fault("panic-in-handler", "panic", "index out of bounds").also(&["blocking_poll"]),
    fault("panic-in-task", "panic", "every cart has a price").also(&["blocking_poll"]),
    fault("hidden-error", "error_burst", "cart").traffic(60, 2),
    fault("error-burst", "error_burst", "cart").traffic(400, 4),
    fault("memory-growth", "memory_growth", "remember_session").traffic(1_000, 1),
    fault("huge-allocation", "large_allocation", "200 MiB").also(&["blocking_poll"]),
    fault("slow-back", "cascade", "127.0.0.1").tires_the_bank(),
    fault("retry-storm", "retry_storm", "127.0.0.1"),
];
