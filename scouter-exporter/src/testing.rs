//! A recorder for unit tests.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use scouter_wire::codec::{CallsiteEntry, OptionEntry, Totals};
use scouter_wire::record::{
    ActiveTransaction, Alert, AlertKind, AlertLevel, EndReason, ProfileFate, RunState, XLog,
    XLogFlags, XLogKind,
};
use scouter_wire::{Gxid, TextKind, TextRef, Txid};

use crate::Texts;
use crate::source::{NewText, Source, TextSource, Visitor};
use crate::tools::Tools;

/// An XLog with hardly anything in it.
pub(crate) fn xlog(id: u64, tenant: &str) -> XLog<'_> {
    XLog {
        end_unix_us: 1_760_000_000_000_000,
        elapsed_us: 1_000,
        txid: Txid::new(id).unwrap(),
        gxid: Gxid::new(u128::from(id)).unwrap(),
        caller: None,
        kind: XLogKind::Web,
        end: EndReason::Complete,
        profile: ProfileFate::Kept,
        flags: XLogFlags::default(),
        service: TextRef(1),
        status: 200,
        error: "",
        busy_us: 10,
        polls: 1,
        ttfb_us: 900,
        sql_count: 0,
        sql_us: 0,
        sql_rows: 0,
        pool_wait_us: 0,
        api_count: 0,
        api_us: 0,
        bytes_out: 0,
        alloc_bytes: 0,
        steps: 1,
        steps_dropped: 0,
        tenant,
        login: "",
        desc: "",
        ip: "",
        user_agent: "",
        tags: &[],
    }
}

pub(crate) fn alert(message: &str) -> Alert {
    Alert {
        unix_us: 1,
        kind: AlertKind::Agent,
        level: AlertLevel::Info,
        message: message.into(),
        place: String::new(),
        service: String::new(),
        tenant: String::new(),
        transaction: None,
        suppressed: 0,
        stack: Vec::new(),
    }
}

/// Texts `text 1`, `text 2` …, without end.
pub(crate) fn texts() -> Texts {
    Texts::new(Box::new(|from, out| {
        for number in from + 1..from + 100 {
            let text: &'static str = Box::leak(format!("text {number}").into_boxed_str());
            out.push((TextRef(u32::try_from(number).unwrap()), TextKind::Sql, text));
        }
    }))
}

/// A recorder that records nothing of its own.
pub(crate) struct Synthetic {
    texts: Arc<Mutex<Vec<NewText>>>,
    step_max: String,
    callsite: CallsiteEntry,
    tools: Tools,
}

impl Synthetic {
    pub(crate) fn new() -> Self {
        let callsite = CallsiteEntry {
            id: 3,
            name: "load".into(),
            place: "src/a.rs:1".into(),
            arguments: Vec::new(),
            flags: 9,
        };
        Self { texts: Arc::default(), step_max: "1024".into(), callsite, tools: Tools::default() }
    }
}

impl Source for Synthetic {
    fn drain(&mut self, _: &mut dyn Visitor, _: usize) -> usize {
        0
    }

    fn text_source(&self) -> TextSource {
        let texts = Arc::clone(&self.texts);
        Box::new(move |from, out| out.extend(texts.lock().unwrap().iter().skip(from)))
    }

    fn intern(&mut self, kind: TextKind, text: &str) -> TextRef {
        let mut texts = self.texts.lock().unwrap();
        if let Some((number, ..)) = texts.iter().find(|(_, k, t)| *k == kind && *t == text) {
            return *number;
        }
        let number = TextRef(u32::try_from(texts.len() + 1).unwrap());
        texts.push((number, kind, Box::leak(text.to_owned().into_boxed_str())));
        number
    }

    fn alerts(&mut self, _: &mut Vec<Alert>) {}

    fn totals(&mut self) -> Totals {
        Totals::default()
    }

    fn active_count(&mut self) -> usize {
        2
    }

    fn counters(&mut self, _: &mut dyn FnMut(String, f64)) {}

    fn unix_us(&mut self) -> i64 {
        0
    }

    fn reanchor(&mut self) {}

    fn watch(&mut self, _: crate::clock::Moment) -> Duration {
        Duration::MAX
    }

    fn tools(&mut self) -> &mut Tools {
        &mut self.tools
    }

    fn active(&mut self, limit: usize, out: &mut Vec<ActiveTransaction>) -> usize {
        let transaction = ActiveTransaction {
            txid: Txid::new(1).unwrap(),
            gxid: Gxid::new(1).unwrap(),
            kind: XLogKind::Web,
            caller: None,
            service: "GET /".into(),
            tenant: String::new(),
            login: String::new(),
            ip: String::new(),
            desc: String::new(),
            age_us: 1,
            busy_us: 0,
            state: RunState::Waiting,
            tid: 0,
            steps: 0,
            stack: Vec::new(),
        };
        out.extend(std::iter::repeat_n(transaction, limit.min(2)));
        2
    }

    fn options(&mut self) -> Vec<OptionEntry> {
        vec![OptionEntry {
            name: "profile_step_max_count".into(),
            value: self.step_max.clone(),
            ..OptionEntry::default()
        }]
    }

    fn set_option(&mut self, _: &str, value: &str) -> Result<(), String> {
        let _: u64 = value.parse().map_err(|_| "not a number".to_owned())?;
        self.step_max = value.into();
        Ok(())
    }

    fn callsites(&mut self) -> Vec<CallsiteEntry> {
        vec![self.callsite.clone()]
    }

    fn set_callsite(&mut self, id: u64, flags: u32) -> Result<CallsiteEntry, String> {
        if id != self.callsite.id {
            return Err(format!("there is no callsite {id}"));
        }
        self.callsite.flags = flags;
        Ok(self.callsite.clone())
    }
}
