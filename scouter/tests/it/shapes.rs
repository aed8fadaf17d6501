//! Every kind of function that can carry the attribute compiles, answers as before, and is a step.

use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use scouter::scout;

use crate::support::{block_on, steps, steps_async};

#[derive(Default)]
struct Orders {
    loaded: u64,
}

#[scout]
fn free(id: u64) -> u64 {
    id + 1
}

#[scout]
fn early_return(id: u64) -> Result<u64, String> {
    if id == 0 {
        return Err("zero".into());
    }
    let parsed: u64 = "1".parse::<u64>().map_err(|error| error.to_string())?;
    Ok(parsed + id)
}

#[scout]
#[expect(clippy::needless_lifetimes, clippy::multiple_bound_locations, reason = "both are tested")]
fn generic<'a, T: Display + ?Sized, const N: usize>(value: &'a T, _sizes: [u8; N]) -> (&'a T, usize)
where
    T: Send,
{
    (value, N)
}

#[scout]
fn iterator(limit: u32) -> impl Iterator<Item = u32> + Clone {
    (0..limit).map(|n| n * 2)
}

#[scout]
fn destructured((left, _): (u64, u64), [first, ..]: [u64; 3]) -> u64 {
    left + first
}

#[scout]
#[expect(unsafe_code, reason = "an unsafe fn that does nothing unsafe")]
unsafe fn unsafe_fn(id: u64) -> u64 {
    id
}

#[scout]
extern "C" fn extern_c(id: u64) -> u64 {
    id
}

#[scout]
fn never(message: &'static str) -> ! {
    std::panic::panic_any(message)
}

#[scout]
async fn async_never() -> ! {
    std::panic::panic_any("async never")
}

#[scout]
fn r#type(r#match: u64) -> u64 {
    r#match
}

impl Orders {
    #[scout]
    fn by_ref(&self) -> &u64 {
        &self.loaded
    }

    #[scout]
    fn by_mut(&mut self) -> &mut u64 {
        self.loaded += 1;
        &mut self.loaded
    }

    #[scout]
    fn by_value(self) -> u64 {
        self.loaded
    }

    #[scout]
    fn by_arc(self: Arc<Self>) -> u64 {
        self.loaded
    }

    #[scout]
    async fn async_by_mut(&mut self) -> &mut u64 {
        self.loaded += 1;
        &mut self.loaded
    }
}

#[test]
fn synchronous_functions_answer_as_before_and_are_steps() {
    let mut orders = Orders::default();
    let recorded = steps(|| {
        assert_eq!(free(1), 2);
        assert_eq!(early_return(0), Err("zero".into()));
        assert_eq!(early_return(1), Ok(2));
        assert_eq!(generic("text", [0; 4]), ("text", 4));
        assert_eq!(iterator(3).collect::<Vec<_>>(), [0, 2, 4]);
        assert_eq!(destructured((1, 2), [3, 4, 5]), 4);
        assert_eq!(extern_c(7), 7);
        assert_eq!(r#type(8), 8);
        assert_eq!(*orders.by_ref(), 0);
        *orders.by_mut() += 1;
        assert_eq!(Arc::new(Orders { loaded: 9 }).by_arc(), 9);
        assert_eq!(orders.by_value(), 2);
    });
    assert_eq!(
        recorded,
        "free\nearly_return x2\ngeneric\niterator\ndestructured\nextern_c\ntype\nby_ref\nby_mut\n\
         by_arc\nby_value\n"
    );
}

#[test]
#[expect(unsafe_code, reason = "calls an unsafe fn that does nothing unsafe")]
fn an_unsafe_function_stays_unsafe() {
    // SAFETY: `unsafe_fn` has no precondition.
    assert_eq!(steps(|| assert_eq!(unsafe { unsafe_fn(6) }, 6)), "unsafe_fn\n");
}

#[test]
fn a_function_that_never_returns_is_a_step_that_panicked() {
    let recorded = steps(|| {
        let caught = std::panic::catch_unwind(|| never("gone"));
        assert_eq!(caught.unwrap_err().downcast_ref::<&str>(), Some(&"gone"));
    });
    assert_eq!(recorded, "never !panic\n");
    let caught = std::panic::catch_unwind(|| block_on(async_never()));
    assert_eq!(caught.unwrap_err().downcast_ref::<&str>(), Some(&"async never"));
}

// ---- futures -------------------------------------------------------------------------------

#[scout]
async fn async_question_mark(text: &str) -> Result<u64, Box<dyn std::error::Error>> {
    let number: u64 = text.parse()?;
    tokio::task::yield_now().await;
    if number == 0 {
        return Err("zero".into());
    }
    Ok(number)
}

#[scout]
async fn async_coerces(is_text: bool) -> Box<dyn Display> {
    if is_text {
        return Box::new("text");
    }
    Box::new(7)
}

#[scout]
async fn async_impl(limit: u32) -> impl Iterator<Item = u32> {
    0..limit
}

#[scout]
fn returns_future(id: u64) -> impl Future<Output = u64> + Send {
    let next = id + 1;
    async move { next }
}

#[scout]
fn returns_other_future(id: u64) -> impl Future<Output = u64> {
    free_future(id)
}

#[scout]
fn returns_early(id: u64) -> impl Future<Output = u64> {
    if id == 0 {
        return std::future::ready(0);
    }
    std::future::ready(id)
}

#[scout]
fn borrows(text: &str) -> impl Future<Output = usize> {
    async { text.len() }
}

#[scout]
fn boxed(text: &str) -> Pin<Box<dyn Future<Output = usize> + Send + '_>> {
    Box::pin(async move {
        tokio::task::yield_now().await;
        text.len()
    })
}

#[scout]
fn boxed_elsewhere(id: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    let future = free_future(id);
    if id == 0 {
        return Box::pin(std::future::ready(0));
    }
    Box::pin(future)
}

async fn free_future(id: u64) -> u64 {
    tokio::task::yield_now().await;
    id
}

#[test]
fn futures_answer_as_before_and_are_steps() {
    let mut orders = Orders::default();
    let recorded = steps_async(async {
        assert_eq!(async_question_mark("12").await.unwrap(), 12);
        assert_eq!(async_question_mark("0").await.unwrap_err().to_string(), "zero");
        assert!(async_question_mark("x").await.is_err());
        assert_eq!(async_coerces(true).await.to_string(), "text");
        assert_eq!(async_coerces(false).await.to_string(), "7");
        assert_eq!(async_impl(3).await.count(), 3);
        assert_eq!(returns_future(1).await, 2);
        assert_eq!(returns_other_future(3).await, 3);
        assert_eq!(returns_early(0).await + returns_early(4).await, 4);
        assert_eq!(borrows("four").await, 4);
        assert_eq!(boxed("three").await, 5);
        assert_eq!(boxed_elsewhere(0).await + boxed_elsewhere(5).await, 5);
        *orders.async_by_mut().await += 1;
        assert_eq!(orders.loaded, 2);
    });
    assert_eq!(
        recorded,
        "async_question_mark x3\nasync_coerces x2\nasync_impl\nreturns_future\n\
         returns_other_future\nreturns_early x2\nborrows\nboxed\nboxed_elsewhere x2\nasync_by_mut\n"
    );
}

// ---- references out of a `&mut` argument ---------------------------------------------------

#[scout(args(value), ret)]
fn push(stock: &mut Vec<u64>, value: u64) -> &mut u64 {
    stock.push(value);
    stock.last_mut().unwrap()
}

#[scout(err)]
fn find(stock: &mut [u64], value: u64) -> Result<&mut u64, String> {
    if stock.is_empty() {
        return Err("empty".into());
    }
    stock.iter_mut().find(|one| **one == value).ok_or_else(|| "none".into())
}

impl Orders {
    #[scout(ret, err)]
    fn next(&mut self) -> Result<&mut u64, String> {
        self.loaded.checked_add(1).ok_or("full")?;
        Ok(&mut self.loaded)
    }

    #[scout]
    fn boxed_early(&mut self, id: u64) -> BoxFuture<'_, u64> {
        if id == 0 {
            return Box::pin(std::future::ready(0));
        }
        let loaded = &mut self.loaded;
        Box::pin(async move {
            *loaded += id;
            *loaded
        })
    }

    #[scout]
    fn boxed_by_method(&mut self) -> BoxFuture<'_, &mut u64> {
        async move { &mut self.loaded }.boxed()
    }
}

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// As futures-util has it.
trait FutureExt: Future + Sized {
    fn boxed<'a>(self) -> BoxFuture<'a, Self::Output>
    where
        Self: Send + 'a,
    {
        Box::pin(self)
    }
}

impl<F: Future> FutureExt for F {}

#[test]
fn a_reference_out_of_a_mutable_argument_can_be_returned() {
    let mut orders = Orders::default();
    let mut stock = Vec::new();
    let recorded = steps_async(async {
        assert_eq!(find(&mut stock, 1), Err("empty".into()));
        *push(&mut stock, 1) += 1;
        *find(&mut stock, 2).unwrap() += 1;
        assert_eq!(stock, [3]);
        *orders.next().unwrap() += 1;
        assert_eq!(orders.boxed_early(0).await, 0);
        assert_eq!(orders.boxed_early(5).await, 6);
        *orders.boxed_by_method().await += 1;
        assert_eq!(orders.loaded, 7);
    });
    assert_eq!(recorded, "find !error empty\npush\nfind\nnext\nboxed_early x2\nboxed_by_method\n");
}

// ---- impl blocks and traits ----------------------------------------------------------------

struct Shop<T> {
    stock: T,
}

#[scout]
impl<T: Clone + Send + Sync> Shop<T> {
    const LIMIT: u64 = 10;

    const fn limit() -> u64 {
        Self::LIMIT
    }

    fn stock(&self) -> T {
        self.stock.clone()
    }

    #[scout(name = "Shop::refill from outside")]
    async fn refill(&mut self, stock: T) {
        self.stock = stock;
    }
}

trait Store {
    async fn load(&self, id: u64) -> u64;
    fn store(&mut self, value: u64) -> u64;
    fn default_method(&self) -> u64 {
        1
    }
    #[scout(name = "Store::default")]
    async fn recorded_default(&mut self) -> u64 {
        self.store(3)
    }
}

#[scout]
impl Store for Shop<u64> {
    async fn load(&self, id: u64) -> u64 {
        self.stock + id
    }

    fn store(&mut self, value: u64) -> u64 {
        self.stock = value;
        value
    }
}

trait Named {
    fn name(&self) -> String;
}

impl Named for Shop<u64> {
    #[scout]
    fn name(&self) -> String {
        "shop".into()
    }
}

#[test]
fn an_impl_block_records_every_method_by_type_and_name() {
    let mut shop = Shop { stock: 1_u64 };
    let recorded = steps_async(async {
        assert_eq!(Shop::<u64>::limit(), 10);
        assert_eq!(shop.stock(), 1);
        shop.refill(5).await;
        assert_eq!(shop.load(1).await, 6);
        assert_eq!(shop.store(9), 9);
        assert_eq!(shop.default_method(), 1);
        assert_eq!(shop.recorded_default().await, 3);
        assert_eq!(shop.name(), "shop");
    });
    assert_eq!(
        recorded,
        "Shop::stock\nShop::refill from outside\nShop::load\nShop::store\nStore::default\n    Shop::store\n\
         name\n"
    );
}

#[async_trait::async_trait]
trait OldStyle {
    async fn load(&self, id: &str) -> Result<usize, String>;
    async fn store(&self) -> u64;
}

#[async_trait::async_trait]
impl OldStyle for Orders {
    #[scout(args(id), err)]
    async fn load(&self, id: &str) -> Result<usize, String> {
        tokio::task::yield_now().await;
        if id.is_empty() {
            return Err("empty".into());
        }
        Ok(id.len())
    }

    #[scout]
    async fn store(&self) -> u64 {
        self.load("inner").await.map_or(0, |len| len as u64)
    }
}

#[test]
fn async_trait_methods_are_steps_from_their_first_poll_to_their_end() {
    let store: Box<dyn OldStyle + Sync> = Box::new(Orders::default());
    let recorded = steps_async(async {
        assert_eq!(store.load("").await, Err("empty".into()));
        assert_eq!(store.store().await, 5);
        drop(store.store());
    });
    assert_eq!(recorded, "load !error empty\nstore\n    load\n");
}

#[async_trait::async_trait]
trait Shelf {
    async fn put(&self, id: u64) -> u64;
}

/// Under `#[async_trait]`: it has boxed the bodies before we see them.
struct Under;

#[async_trait::async_trait]
#[scout]
impl Shelf for Under {
    async fn put(&self, id: u64) -> u64 {
        tokio::task::yield_now().await;
        id + 1
    }
}

/// Above it: it boxes what we have made.
struct Above;

#[scout]
#[async_trait::async_trait]
impl Shelf for Above {
    async fn put(&self, id: u64) -> u64 {
        tokio::task::yield_now().await;
        id + 2
    }
}

#[test]
fn an_async_trait_impl_is_recorded_whichever_attribute_stands_first() {
    let recorded = steps_async(async {
        assert_eq!(Under.put(1).await, 2);
        assert_eq!(Above.put(1).await, 3);
    });
    assert_eq!(recorded, "Under::put\nAbove::put\n");
}

#[test]
fn the_place_of_a_step_is_the_line_of_its_function() {
    let places: Vec<(&str, u32)> = scouter::callsites()
        .filter(|site| site.file().ends_with("shapes.rs"))
        .map(|site| (site.name(), site.line()))
        .collect();
    let source = include_str!("shapes.rs");
    let line_of = |text: &str| {
        let line = source.lines().position(|line| line.trim_start().starts_with(text)).unwrap();
        u32::try_from(line + 1).unwrap()
    };
    for (name, text) in [
        ("free", "fn free("),
        ("by_arc", "fn by_arc("),
        ("async_coerces", "async fn async_coerces("),
        ("Shop::stock", "fn stock("),
        ("Shop::store", "fn store(&mut self, value: u64) -> u64 {"),
    ] {
        assert!(places.contains(&(name, line_of(text))), "{name}: {places:?}");
    }
}
