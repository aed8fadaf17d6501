//! Which connection is checked out of which pool, by whom, since when and from which line.
//!
//! Registering costs one short lock of one of a few shards. A checkout that is still open when
//! its transaction is over is a leak; whoever watches ([`open_checkouts`]) decides that.

#[path = "checkout/holders.rs"]
mod holders;

use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use parking_lot::Mutex;
use scouter_wire::{Gxid, Txid};

use crate::header::Header;
use crate::telemetry::CHECKOUTS_UNTRACKED;
use crate::text::TextId;
use crate::texts::Slot;
use crate::{alert, clock, current, lane, switch, transaction};

pub use self::holders::{MAX_REPORTED_HOLDERS, holders};

/// How a checkout was taken when a statement was sent to the pool itself. It ends with the
/// statement, and its line is not that of the caller.
pub const STATEMENT: &str = "statement";

/// Most checkouts that are tracked at once; further ones are not, and `checkouts_untracked` grows.
pub const MAX_CHECKOUTS: usize = 16_384;

/// Shards of the registry; a checkout goes to the next one in turn that has room.
const SHARDS: usize = 8;

struct Entry {
    number: u64,
    pool: TextId,
    how: &'static str,
    at: &'static Location<'static>,
    since: u64,
    owner: Option<Owner>,
    /// Of the owner, if it has one.
    tenant: Option<Box<str>>,
    is_expected_long: bool,
    is_leaked_on_purpose: bool,
}

/// What runs on a connection: written without the lock, by whoever holds the connection. A place
/// of the registry keeps its own for ever, so at most [`MAX_CHECKOUTS`] of them exist.
#[derive(Debug, Default)]
struct Used {
    statements: AtomicU64,
    last_sql: AtomicU32,
    /// Whether one runs now.
    is_busy: AtomicBool,
}

/// A statement runs on a connection as long as this exists. See [`CheckoutGuard::note_statement`].
#[derive(Debug)]
#[must_use = "the statement ends when this is dropped"]
pub struct StatementGuard(Option<&'static Used>);

impl Drop for StatementGuard {
    #[inline]
    fn drop(&mut self) {
        if let Some(used) = self.0 {
            used.is_busy.store(false, Ordering::Relaxed);
        }
    }
}

struct Place {
    used: &'static Used,
    entry: Option<Entry>,
}

#[derive(Clone, Copy)]
struct Owner {
    header: &'static Header,
    generation: u32,
    txid: Option<Txid>,
    gxid: Option<Gxid>,
    service: TextId,
}

#[derive(Default)]
struct Shard {
    places: Vec<Place>,
    free: Vec<usize>,
}

impl Shard {
    /// A place that nobody has, made if need be; `None` when the shard has its share of the limit.
    fn free_place(&mut self) -> Option<usize> {
        if let Some(index) = self.free.pop() {
            return Some(index);
        }
        if self.places.len() >= MAX_CHECKOUTS / SHARDS {
            return None;
        }
        self.places.push(Place { used: Box::leak(Box::default()), entry: None });
        Some(self.places.len() - 1)
    }
}

static REGISTRY: [Mutex<Shard>; SHARDS] =
    [const { Mutex::new(Shard { places: Vec::new(), free: Vec::new() }) }; SHARDS];
/// Checkouts so far; the number of one also says which shard it goes to.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// A connection is checked out as long as this exists.
#[must_use = "the checkout ends when this is dropped"]
pub struct CheckoutGuard {
    place: Option<(usize, usize, &'static Used)>,
}

/// An open checkout, as [`open_checkouts`] shows it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CheckoutView {
    /// Its number: no other checkout of this process has it.
    pub number: u64,
    /// Name of the pool.
    pub pool: TextId,
    /// How it was taken: `acquire`, `begin`.
    pub how: &'static str,
    /// Source file of the call.
    pub file: &'static str,
    /// Line of the call.
    pub line: u32,
    /// Since when it is out, µs.
    pub age_us: u64,
    /// The transaction that took it.
    pub owner: Option<(Gxid, Txid)>,
    /// What that transaction served when it took it.
    pub service: TextId,
    /// Whether that transaction still runs.
    pub is_owner_running: bool,
    /// Whose request it was when it took it, or empty.
    pub tenant: String,
    /// Statements run on it since.
    pub statements: u64,
    /// Whether one runs now.
    pub is_busy: bool,
    /// The last of them.
    pub last_sql: TextId,
    /// Whether the application said that it stays out for long.
    pub is_expected_long: bool,
    /// Whether the application said that it stays out for ever.
    pub is_leaked_on_purpose: bool,
}

impl CheckoutGuard {
    /// Registers a checkout by the transaction this thread works on.
    pub fn register(pool: TextId, how: &'static str, at: &'static Location<'static>) -> Self {
        if switch::is_forked() {
            return Self { place: None };
        }
        let owner = lane::current().map(|(header, generation)| Owner {
            header,
            generation,
            txid: transaction::txid_of(header),
            gxid: transaction::gxid_of(header),
            service: alert::service_of(header),
        });
        let tenant = owner
            .filter(|owner| owner.header.texts.has(Slot::Tenant))
            .map(|owner| current::text_of(owner.header, Slot::Tenant).into_boxed_str());
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let entry = Entry {
            number,
            pool,
            how,
            at,
            since: clock::now_ticks(),
            owner,
            tenant,
            is_expected_long: false,
            is_leaked_on_purpose: false,
        };
        #[expect(clippy::cast_possible_truncation, reason = "less than the number of shards")]
        let first = (number % SHARDS as u64) as usize;
        for shard_number in (0..SHARDS).map(|next| (first + next) % SHARDS) {
            let mut shard = REGISTRY[shard_number].lock();
            let Some(index) = shard.free_place() else { continue };
            let place = &mut shard.places[index];
            place.entry = Some(entry);
            place.used.statements.store(0, Ordering::Relaxed);
            place.used.last_sql.store(0, Ordering::Relaxed);
            place.used.is_busy.store(false, Ordering::Relaxed);
            return Self { place: Some((shard_number, index, place.used)) };
        }
        CHECKOUTS_UNTRACKED.add(1);
        Self { place: None }
    }

    /// Says that a statement runs on the connection until the answer is dropped; for the one who
    /// holds it.
    #[inline]
    pub fn note_statement(&self, sql: TextId) -> StatementGuard {
        let used = self.place.map(|(_, _, used)| used);
        if let Some(used) = used {
            // One writer at a time, so no read-modify-write is needed.
            let statements = used.statements.load(Ordering::Relaxed) + 1;
            used.statements.store(statements, Ordering::Relaxed);
            used.last_sql.store(sql.number(), Ordering::Relaxed);
            used.is_busy.store(true, Ordering::Relaxed);
        }
        StatementGuard(used)
    }

    /// Says that the connection stays out for long and is given back one day: nobody is told.
    pub fn expect_long(&self) {
        self.with(|entry| entry.is_expected_long = true);
    }

    /// Says that the connection stays out for the rest of the process: it remains listed, marked.
    pub fn leaked_on_purpose(mut self) {
        self.with(|entry| entry.is_leaked_on_purpose = true);
        self.place = None;
    }

    /// Says that the connection does not belong to the pool any more: it is listed no longer.
    pub fn detach(self) {
        drop(self);
    }

    fn with(&self, f: impl FnOnce(&mut Entry)) {
        if let Some((shard, index, _)) = self.place
            && !switch::is_forked()
            && let Some(entry) = &mut REGISTRY[shard].lock().places[index].entry
        {
            f(entry);
        }
    }
}

impl Drop for CheckoutGuard {
    fn drop(&mut self) {
        if let Some((shard, index, _)) = self.place
            && !switch::is_forked()
        {
            let mut shard = REGISTRY[shard].lock();
            shard.places[index].entry = None;
            shard.free.push(index);
        }
    }
}

impl fmt::Debug for CheckoutGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckoutGuard").field("is_tracked", &self.place.is_some()).finish()
    }
}

/// Appends all open checkouts to `out`, shard by shard; never more than one shard is locked.
pub fn open_checkouts(out: &mut Vec<CheckoutView>) {
    let now = clock::now_ticks();
    for shard in &REGISTRY {
        out.extend(shard.lock().places.iter().filter_map(|place| view(place, now)));
    }
}

fn view(place: &Place, now: u64) -> Option<CheckoutView> {
    let entry = place.entry.as_ref()?;
    Some(CheckoutView {
        number: entry.number,
        pool: entry.pool,
        how: entry.how,
        file: entry.at.file(),
        line: entry.at.line(),
        age_us: clock::ticks_to_us(now.saturating_sub(entry.since)),
        service: entry.owner.map_or(TextId::NONE, |owner| owner.service),
        owner: entry.owner.and_then(|owner| owner.gxid.zip(owner.txid)),
        is_owner_running: entry
            .owner
            .is_some_and(|owner| owner.header.generation() == owner.generation),
        tenant: entry.tenant.as_deref().unwrap_or_default().to_owned(),
        statements: place.used.statements.load(Ordering::Relaxed),
        is_busy: place.used.is_busy.load(Ordering::Relaxed),
        last_sql: TextId::from_number(place.used.last_sql.load(Ordering::Relaxed)),
        is_expected_long: entry.is_expected_long,
        is_leaked_on_purpose: entry.is_leaked_on_purpose,
    })
}
