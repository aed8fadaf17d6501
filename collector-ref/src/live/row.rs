//! One transaction as the live view keeps it for some seconds.

use std::sync::Arc;

use scouter_wire::record::{ProfileFate, XLog, XLogFlags};
use scouter_wire::{Gxid, Txid};

use crate::store::quantise;
use crate::store::{Clause, Filter, Glob, Measure, Point, Test};

/// What a filter or the picture needs of one transaction.
#[derive(Debug, Clone)]
pub(crate) struct LiveRow {
    /// Store-wide arrival number.
    pub(crate) arrival: u64,
    /// END by the collector's clock, unix µs.
    pub(crate) end_unix_us: i64,
    /// From begin to end, µs.
    pub(crate) elapsed_us: u64,
    /// Identity.
    pub(crate) txid: Txid,
    /// Trace it belongs to.
    pub(crate) gxid: Gxid,
    /// HTTP status, gRPC code as 1000 + code, or 0.
    pub(crate) status: u16,
    /// Names it shares with others.
    pub(crate) labels: Arc<Labels>,
    busy_us: u64,
    bytes_out: u64,
    sql_count: u32,
    api_count: u32,
    sql_us: u64,
    api_us: u64,
    pool_wait_us: u64,
    attributes: u16,
    /// Only while a viewer filters by one of them.
    texts: Option<Box<Texts>>,
}

/// The texts of a row that are its own.
#[derive(Debug, Clone)]
struct Texts {
    tenant: Box<str>,
    login: Box<str>,
    ip: Box<str>,
    user_agent: Box<str>,
    desc: Box<str>,
    error: Box<str>,
}

impl Texts {
    fn of(row: &XLog<'_>) -> Box<Self> {
        Box::new(Self {
            tenant: row.tenant.into(),
            login: row.login.into(),
            ip: row.ip.into(),
            user_agent: row.user_agent.into(),
            desc: row.desc.into(),
            error: row.error.into(),
        })
    }
}

/// The names a connection's rows share.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Labels {
    /// Name of the object.
    pub(crate) object: Arc<str>,
    /// Service name.
    pub(crate) service: Arc<str>,
    /// Its stable hash, see [`quantise::service_hash`].
    pub(crate) service_hash: u64,
}

impl Labels {
    /// Labels of a service on an object.
    pub(crate) fn new(object: Arc<str>, service: Arc<str>) -> Self {
        let service_hash = quantise::service_hash(&service);
        Self { object, service, service_hash }
    }
}

impl LiveRow {
    /// Takes from a row what the live view needs.
    pub(crate) fn new(
        row: &XLog<'_>,
        arrival: u64,
        clock_offset_us: i64,
        labels: Arc<Labels>,
        with_texts: bool,
    ) -> Self {
        let mut attributes = u16::from(labels.service_hash.to_le_bytes()[0]) << 8;
        for (holds, bit) in [
            (!row.error.is_empty(), Point::ERROR),
            (row.flags.contains(XLogFlags::SLOW), Point::SLOW),
            (row.profile == ProfileFate::Kept, Point::PROFILE),
        ] {
            attributes |= if holds { bit } else { 0 };
        }
        Self {
            arrival,
            end_unix_us: row.end_unix_us.saturating_add(clock_offset_us),
            elapsed_us: row.elapsed_us,
            txid: row.txid,
            gxid: row.gxid,
            busy_us: row.busy_us,
            bytes_out: row.bytes_out,
            sql_count: row.sql_count,
            api_count: row.api_count,
            sql_us: row.sql_us,
            api_us: row.api_us,
            pool_wait_us: row.pool_wait_us,
            status: row.status,
            attributes,
            labels,
            texts: with_texts.then(|| Texts::of(row)),
        }
    }

    /// Whether it has an error.
    pub(crate) fn has_error(&self) -> bool {
        self.attributes & Point::ERROR != 0
    }

    /// Its dot by this measure.
    pub(crate) fn point(&self, measure: Measure) -> Point {
        Point {
            end_unix_us: self.end_unix_us,
            height: quantise::elapsed(self.value(measure)),
            attributes: self.attributes,
        }
    }

    fn value(&self, measure: Measure) -> u64 {
        match measure {
            Measure::Elapsed => self.elapsed_us,
            Measure::Busy => self.busy_us,
            Measure::PoolWait => self.pool_wait_us,
            Measure::SqlTime => self.sql_us,
            Measure::SqlCount => self.sql_count.into(),
            Measure::ApiTime => self.api_us,
            Measure::ApiCount => self.api_count.into(),
            Measure::BytesOut => self.bytes_out,
        }
    }

    /// Whether it passes a filter: the same answer as the store's.
    pub(crate) fn passes(&self, filter: &Filter) -> bool {
        filter.clauses.iter().all(|Clause { test, is_negated }| self.meets(test) != *is_negated)
    }

    fn meets(&self, test: &Test) -> bool {
        match test {
            Test::Service(glob) => glob.matches(&self.labels.service),
            Test::Object(glob) => glob.matches(&self.labels.object),
            Test::Tenant(glob) => self.text_matches(glob, |texts| &texts.tenant),
            Test::Login(glob) => self.text_matches(glob, |texts| &texts.login),
            Test::Ip(glob) => self.text_matches(glob, |texts| &texts.ip),
            Test::UserAgent(glob) => self.text_matches(glob, |texts| &texts.user_agent),
            Test::Desc(glob) => self.text_matches(glob, |texts| &texts.desc),
            Test::ErrorText(glob) => self.text_matches(glob, |texts| &texts.error),
            Test::Status(low, high) => (*low..=*high).contains(&self.status),
            Test::Error => self.has_error(),
            Test::Slow => self.attributes & Point::SLOW != 0,
            Test::ElapsedAbove(us) => self.elapsed_us > *us,
            Test::ElapsedBelow(us) => self.elapsed_us < *us,
            Test::SqlAbove(us) => self.sql_us > *us,
            Test::ApiAbove(us) => self.api_us > *us,
            Test::PoolAbove(us) => self.pool_wait_us > *us,
        }
    }

    fn text_matches(&self, glob: &Glob, text: impl Fn(&Texts) -> &str) -> bool {
        glob.matches(self.texts.as_deref().map_or("", text))
    }
}

/// Whether a filter looks at texts that rows do not always carry.
pub(crate) fn needs_texts(filter: &Filter) -> bool {
    let is_own = |test: &Test| match test {
        Test::Tenant(_)
        | Test::Login(_)
        | Test::Ip(_)
        | Test::UserAgent(_)
        | Test::Desc(_)
        | Test::ErrorText(_) => true,
        Test::Service(_)
        | Test::Object(_)
        | Test::Status(..)
        | Test::Error
        | Test::Slow
        | Test::ElapsedAbove(_)
        | Test::ElapsedBelow(_)
        | Test::SqlAbove(_)
        | Test::ApiAbove(_)
        | Test::PoolAbove(_) => false,
    };
    filter.clauses.iter().any(|clause| is_own(&clause.test))
}
