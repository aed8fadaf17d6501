//! The recorder of this process as a [`Source`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use scouter_core::drain::{self, DrainVisitor};
use scouter_core::{Callsite, CallsiteFlags, Txid, alert, clock, live, options, plugin, telemetry};
use scouter_wire::codec::{CallsiteEntry, DropReason, HashSeed, OptionEntry, Totals};
use scouter_wire::record::{ActiveTransaction, Alert, Step, XLog};
use scouter_wire::{TextKind, TextRef};

use crate::clock::Moment;
use crate::counters::approximate;
use crate::source::{Source, TextSource, Visitor};
use crate::tools::{Tools, capabilities};
use crate::watch::Watch;

static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// Owns the recorder's output: there is one in a process at a time.
pub(crate) struct CoreSource {
    tools: Tools,
    watch: Watch,
}

impl CoreSource {
    /// Takes the recorder's output and turns recording on; `None` when an exporter has it.
    pub(crate) fn take() -> Option<Self> {
        if IS_TAKEN.swap(true, Ordering::AcqRel) {
            return None;
        }
        scouter_core::set_recording(true);
        Some(Self { tools: Tools::default(), watch: Watch::default() })
    }
}

impl Drop for CoreSource {
    fn drop(&mut self) {
        // Nothing is recorded that nobody would drain.
        scouter_core::set_recording(false);
        IS_TAKEN.store(false, Ordering::Release);
    }
}

struct Adapter<'a>(&'a mut dyn Visitor);

impl DrainVisitor for Adapter<'_> {
    fn xlog(&mut self, xlog: &XLog<'_>) {
        self.0.xlog(xlog);
    }

    fn profile_begin(&mut self, txid: Txid, end_unix_us: i64, _: u32) {
        self.0.profile_begin(txid, end_unix_us);
    }

    fn step(&mut self, step: &Step<'_>) {
        self.0.step(step);
    }

    fn profile_end(&mut self) {
        self.0.profile_end();
    }
}

impl Source for CoreSource {
    fn drain(&mut self, visitor: &mut dyn Visitor, limit: usize) -> usize {
        let drained = drain::drain(&mut Adapter(visitor), limit);
        drained.xlogs + drained.profiles
    }

    fn text_source(&self) -> TextSource {
        Box::new(|from, out| {
            let mut fresh = Vec::new();
            drain::new_texts(from, &mut fresh);
            out.extend(fresh.into_iter().map(|(id, kind, text)| (TextRef::from(id), kind, text)));
        })
    }

    fn intern(&mut self, kind: TextKind, text: &str) -> TextRef {
        scouter_core::intern(kind, text).into()
    }

    fn alerts(&mut self, out: &mut Vec<Alert>) {
        alert::drain_alerts(out);
    }

    fn totals(&mut self) -> Totals {
        let recorder = drain::totals();
        let mut totals = Totals::default();
        totals.recorded = recorder.recorded;
        for (reason, count) in [
            (DropReason::SummaryRing, recorder.dropped_summary_queue),
            (DropReason::HeaderLimit, recorder.dropped_header_limit),
            (DropReason::NoThread, recorder.dropped_no_thread),
            (DropReason::Rule, recorder.dropped_rule),
            (DropReason::ProfileQueue, recorder.profiles_dropped_queue),
            (DropReason::Sampled, recorder.profiles_sampled_out),
        ] {
            totals.set_dropped(reason, count);
        }
        totals
    }

    fn active_count(&mut self) -> usize {
        live::active_count()
    }

    fn counters(&mut self, visit: &mut dyn FnMut(String, f64)) {
        for (name, value) in telemetry::counters() {
            visit(format!("scouter_{name}|"), approximate(value));
        }
        for capability in capabilities() {
            let is_available = u8::from(capability.unavailable.is_empty());
            visit(format!("tool_available||{}", capability.name), is_available.into());
        }
        scouter_core::counters::visit(visit);
        plugin::collect_counters(|name, value| {
            let has_unit = name.contains('|');
            visit(if has_unit { name.to_owned() } else { format!("{name}|") }, value);
        });
    }

    fn unix_us(&mut self) -> i64 {
        clock::unix_us(clock::now_ticks())
    }

    fn reanchor(&mut self) {
        clock::reanchor();
    }

    fn watch(&mut self, now: Moment) -> Duration {
        self.watch.look(now)
    }

    fn tools(&mut self) -> &mut Tools {
        &mut self.tools
    }

    fn active(&mut self, limit: usize, out: &mut Vec<ActiveTransaction>) -> usize {
        live::active(out, limit)
    }

    fn options(&mut self) -> Vec<OptionEntry> {
        options::all()
            .iter()
            .map(|info| OptionEntry {
                name: info.name.to_owned(),
                value: options::value(info.name).unwrap_or_default(),
                default: info.default.to_owned(),
                unit: info.unit.to_owned(),
                help: info.help.to_owned(),
                is_live: info.is_live,
            })
            .collect()
    }

    fn set_option(&mut self, name: &str, value: &str) -> Result<(), String> {
        let info = options::all().iter().find(|info| info.name == name);
        if info.is_some_and(|info| !info.is_live) {
            return Err(format!(
                "option `{name}` cannot be changed while the process runs; set it before it starts"
            ));
        }
        options::set(name, value).map_err(|error| error.to_string())
    }

    fn callsites(&mut self) -> Vec<CallsiteEntry> {
        scouter_core::callsites().map(entry).collect()
    }

    fn set_callsite(&mut self, id: u64, flags: u32) -> Result<CallsiteEntry, String> {
        let set = flags_of(flags).ok_or_else(|| {
            format!("flags {flags} are not a sum of 1 (step), 2 (args), 4 (ret) and 8 (err)")
        })?;
        let mut changed = None;
        for callsite in scouter_core::callsites().filter(|callsite| self::id(callsite) == id) {
            callsite.set_flags(set);
            changed = Some(entry(callsite));
        }
        changed.ok_or_else(|| format!("there is no callsite {id}; ask for the list of callsites"))
    }
}

/// The flags with their numbers on the wire.
const FLAGS: [(u32, CallsiteFlags); 4] = [
    (1, CallsiteFlags::STEP),
    (2, CallsiteFlags::ARGS),
    (4, CallsiteFlags::RET),
    (8, CallsiteFlags::ERR),
];

fn flags_of(number: u32) -> Option<CallsiteFlags> {
    (number < 16).then(|| {
        FLAGS
            .iter()
            .filter(|(bit, _)| number & bit != 0)
            .fold(CallsiteFlags::NONE, |flags, (_, flag)| flags.with(*flag))
    })
}

/// Names a callsite by what it is, so that the id survives a restart of the process. Several may
/// share one (a macro used twice on a line); they are switched together. 53 bits, so that JSON
/// numbers hold it.
fn id(callsite: &Callsite) -> u64 {
    let text = scouter_wire::text::method_text(callsite.name(), callsite.file(), callsite.line());
    HashSeed::default().hash(TextKind::Method, &text) >> 11
}

fn entry(callsite: &Callsite) -> CallsiteEntry {
    let flags = callsite.flags();
    CallsiteEntry {
        id: id(callsite),
        name: callsite.name().to_owned(),
        place: callsite.place(),
        arguments: callsite.arg_names().iter().map(|name| (*name).to_owned()).collect(),
        flags: FLAGS
            .iter()
            .filter(|(_, flag)| flags.contains(*flag))
            .fold(0, |number, (bit, _)| number | bit),
    }
}
