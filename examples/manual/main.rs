//! Everything by hand: no macro, no layer, no async runtime. For what the macros do not reach, such
//! as a protocol of your own.
//!
//! ```text
//! cargo run -p scouter-examples --example manual
//! ```

use std::io::Write;
use std::time::Duration;

use scouter::exporter::{Agent, Memory};
use scouter::record::{EndReason, Outcome, StepKind, XLogKind};
use scouter::{
    ApiOutcome, Begin, Field, OpenStep, SqlOutcome, TextKind, Transaction, callsite, current,
    intern, step,
};

/// One line of a text protocol, answered.
fn serve(line: &str) -> String {
    // 1. Begin, with a name of which there are few: the verb, never the argument.
    let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
    let service = intern(TextKind::Service, &format!("LINE {verb}"));
    let transaction = Transaction::begin(Begin::new(service).kind(XLogKind::Background));
    transaction.set_text(Field::Tenant, "acme");

    // 2. What this thread does while it is entered belongs to it.
    let answer = {
        let _entered = transaction.enter();
        let step = step(callsite!(name: "answer", args: ["argument"]));
        step.attr("bytes", argument.len());
        let answer = answer(verb, argument);
        if let Err(error) = &answer {
            step.fail(error);
            current::error(error);
        }
        answer
    };

    // 3. End it once. Dropped without, it would count as cancelled.
    transaction.end(EndReason::Complete);
    answer.unwrap_or_else(|error| format!("error: {error}"))
}

fn answer(verb: &str, argument: &str) -> Result<String, String> {
    match verb {
        "GET" => {
            let mut statement = OpenStep::begin(
                StepKind::Sql,
                intern(TextKind::Sql, "SELECT v FROM kv WHERE k = ?"),
            );
            statement.mark_wait_end(); // the connection is there
            statement.mark_first_row();
            statement.finish_sql(SqlOutcome { rows: 1, binds: 1, ..SqlOutcome::default() });
            Ok(format!("value of {argument}"))
        }
        "TELL" => {
            let call = OpenStep::begin(StepKind::Api, intern(TextKind::Api, "POST neighbour/tell"));
            call.finish_api(ApiOutcome {
                status: 503,
                address: "neighbour:7000",
                outcome: Outcome::Error,
                error: "busy",
                ..ApiOutcome::default()
            });
            Err("the neighbour is busy".into())
        }
        _ => Err(format!("no verb {verb}")),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // `scouter::init("lines")?` sends to a collector; here the records are shown instead.
    let records = Memory::new();
    let scouter = Agent::builder("lines").without_collector().sink(records.clone()).start()?;

    let mut out = std::io::stdout().lock();
    for line in ["GET colour", "TELL hello", "SHOUT"] {
        writeln!(out, "{line} -> {}", serve(line))?;
    }

    scouter.flush(Duration::from_secs(5));
    let records = records.content();
    writeln!(out)?;
    records.xlogs.iter().try_for_each(|row| writeln!(out, "{row}"))?;
    records.profiles.iter().try_for_each(|(txid, tree)| write!(out, "\n{txid}\n{tree}"))?;
    Ok(())
}
