//! `lean`: the same recording and the same answers from a smaller future.

use std::future::Future;
use std::sync::Arc;

use scouter::scout;

use crate::support::{attributes_async, capture_all_of, steps_async, transactions};

type Argument = [u64; 19];

async fn pause() {
    tokio::task::yield_now().await;
}

async fn plain(argument: Argument) -> u64 {
    pause().await;
    argument[0]
}

#[scout]
async fn wrapped(argument: Argument) -> u64 {
    pause().await;
    argument[0]
}

#[scout(lean)]
async fn lean(argument: Argument) -> u64 {
    pause().await;
    argument[0]
}

#[test]
fn a_lean_future_holds_its_arguments_once() {
    let argument = [0; 19];
    let sizes = [
        size_of_val(&plain(argument)),
        size_of_val(&wrapped(argument)),
        size_of_val(&lean(argument)),
    ];
    // The plain one holds them twice; the step is smaller than they are.
    assert!(sizes[2] < sizes[0] && sizes[0] < sizes[1], "plain, wrapped, lean: {sizes:?}");
    assert!(sizes[1] - sizes[2] >= size_of::<Argument>(), "wrapped, lean: {sizes:?}");
}

#[scout(lean, args(text), ret, err, name = "lean parse")]
async fn parse(
    text: &str,
    _unused: Arc<()>,
) -> Result<u64, Box<dyn std::error::Error + Send + Sync>> {
    pause().await;
    if text == "early" {
        return Ok(0);
    }
    Ok(text.parse().map_err(|_| "bad")?)
}

#[scout(lean)]
async fn longer<'a, T, const N: usize>(left: &'a T, _: [u8; N]) -> &'a str
where
    T: AsRef<str> + Sync + ?Sized,
{
    pause().await;
    left.as_ref()
}

#[scout(lean)]
async fn ascending(limit: u32) -> impl Iterator<Item = u32> {
    pause().await;
    0..limit
}

#[scout(lean, service, err, name = "lean consume")]
async fn consume(message: &str) -> Result<(), String> {
    pause().await;
    Err(message.to_owned())
}

#[derive(Default)]
struct Shop(u64);

trait Store {
    async fn load(&mut self, id: u64) -> &mut u64;
    #[scout(lean, name = "Lean::sum")]
    async fn sum(&mut self) -> u64 {
        *self.load(1).await + *self.load(2).await
    }
}

#[scout(lean)]
impl Store for Shop {
    async fn load(&mut self, id: u64) -> &mut u64 {
        pause().await;
        self.0 += id;
        &mut self.0
    }
}

#[scout(lean, name = "Lean")]
impl Shop {
    fn sync(&self) -> u64 {
        self.0
    }

    #[expect(unsafe_code, reason = "an unsafe fn that does nothing unsafe")]
    async unsafe fn risky(self: Arc<Self>) -> Self {
        pause().await;
        Self(self.0 + 1)
    }
}

#[test]
#[expect(unsafe_code, reason = "calls an unsafe fn that does nothing unsafe")]
fn lean_functions_answer_as_before_and_are_steps() {
    let recorded = steps_async(async {
        assert_eq!(parse("7", Arc::default()).await.unwrap(), 7);
        assert_eq!(parse("early", Arc::default()).await.unwrap(), 0);
        assert!(parse("x", Arc::default()).await.is_err());
        assert_eq!(longer("abc", [0; 3]).await, "abc");
        assert_eq!(ascending(3).await.count(), 3);
        let mut shop = Shop::default();
        assert_eq!(shop.sum().await, 4);
        // SAFETY: the function asks for nothing.
        assert_eq!(unsafe { Arc::new(shop).risky() }.await.sync(), 4);
    });
    assert_eq!(
        recorded,
        "lean parse x2\nlean parse !error bad\nlonger\nascending\nLean::sum\n    Shop::load x2\n\
         Lean::risky\nLean::sync\n"
    );
}

#[scout(lean, args(id), ret, name = "lean watched")]
async fn watched(id: u64) -> u64 {
    pause().await;
    id + 1
}

#[test]
fn a_lean_function_reads_its_arguments_at_the_first_poll() {
    capture_all_of("lean watched");
    assert_eq!(attributes_async(async { drop(watched(1)) }), "");
    assert_eq!(attributes_async(watched(1)), "id=1 return=2");
}

#[test]
fn a_lean_service_opens_its_transaction() {
    let recorded = transactions(|| _ = crate::support::block_on(consume("late")));
    assert_eq!(
        recorded,
        "lean consume (Service, complete) !error late\n    lean consume !error late\n"
    );
}

#[test]
fn a_lean_future_is_send_when_its_body_is() {
    fn is_send<T: Future + Send>(future: T) -> T {
        future
    }
    let text = String::from("7");
    drop(is_send(parse(&text, Arc::default())));
    drop(is_send(longer(&text, [0; 1])));
}
