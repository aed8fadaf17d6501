//! What is captured: only what is listed, only while it is switched on, cut, and never by `Debug`
//! code that can hurt the request.

#![forbid(unsafe_code)]

use std::fmt;

use scouter::scout;

use crate::support::{allocations_of_second, attributes, attributes_async, capture_all_of};

struct NoDebug;

#[derive(Debug, Clone)]
struct Customer {
    name: String,
    ids: (u64, u64),
    #[expect(dead_code, reason = "shown by nobody, which is the point")]
    password: &'static str,
}

fn customer() -> Customer {
    Customer { name: "bob".into(), ids: (7, 8), password: "hunter2" }
}

struct Panics;

impl fmt::Debug for Panics {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        std::panic::panic_any("Debug of the user")
    }
}

struct Endless;

impl fmt::Debug for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        loop {
            f.write_str("endless ")?;
        }
    }
}

#[scout(args(id, customer.name, customer.ids.1, other))]
fn listed(id: u32, customer: &Customer, other: NoDebug, secret: &str) -> usize {
    let _ = other;
    secret.len() + customer.name.len() + id as usize
}

#[test]
fn only_what_is_listed_is_captured_and_a_type_without_debug_shows_its_name() {
    capture_all_of("listed");
    let recorded = attributes(|| _ = listed(30, &customer(), NoDebug, "hunter2"));
    assert_eq!(
        recorded,
        "id=30 customer.name=\"bob\" customer.ids.1=8 other=<it::capture::NoDebug>"
    );
}

#[scout(args(all))]
fn numbers(len: usize, by: isize, share: f64, of: &f64, wide: u128, seen: &u64) -> u64 {
    u64::from(share < *of) + (len + by.unsigned_abs()) as u64 + seen + u64::from(wide > 1)
}

#[test]
fn numbers_are_words_also_behind_a_reference_and_wide_ones_are_text() {
    capture_all_of("numbers");
    let recorded = attributes(|| _ = numbers(7, -7, 1.0, &1.0, u128::MAX, &9));
    // `Debug` would write 1.0.
    let wide = u128::MAX;
    assert_eq!(recorded, format!("len=7 by=-7 share=1 of=1 wide={wide} seen=9"));
}

#[test]
fn capturing_allocates_nothing() {
    capture_all_of("listed");
    let customer = customer();
    let call = || _ = listed(30, &customer, NoDebug, "hunter2");
    assert_eq!(allocations_of_second(call), 0);
}

#[scout(args(all), skip(password), redact(card))]
fn all_but(user: &str, password: &str, card: u64, (left, _right): (u8, u8), ok: bool) -> usize {
    user.len() + password.len() + usize::from(left) + usize::from(ok) + usize::from(card > 0)
}

#[test]
fn skipped_and_redacted_values_never_reach_the_recording() {
    capture_all_of("all_but");
    let recorded = attributes(|| _ = all_but("ann", "hunter2", 4111, (1, 2), true));
    assert_eq!(recorded, "user=\"ann\" card=<redacted> ok=true");
}

#[scout(args(id, customer.ids.0, rate))]
async fn listed_async(id: i64, customer: Customer, rate: f32) -> String {
    tokio::task::yield_now().await;
    format!("{id}{}{rate}", customer.name)
}

#[test]
fn arguments_of_an_async_fn_are_read_at_its_first_poll() {
    capture_all_of("listed_async");
    let recorded = attributes_async(async {
        assert_eq!(listed_async(-1, customer(), 0.5).await, "-1bob0.5");
    });
    assert_eq!(recorded, "id=-1 customer.ids.0=7 rate=0.5");
}

struct Orders {
    region: &'static str,
}

#[scout]
impl Orders {
    #[scout(args(self.region, order))]
    async fn ship(&mut self, order: u64) -> u64 {
        order
    }
}

#[test]
fn fields_of_self_can_be_listed() {
    capture_all_of("Orders::ship");
    let recorded = attributes_async(async {
        Orders { region: "eu" }.ship(3).await;
    });
    assert_eq!(recorded, "self.region=\"eu\" order=3");
}

#[scout(args(value))]
fn generic_value<T>(value: T) -> T {
    value
}

#[scout(args(value))]
fn generic_debug<T: fmt::Debug>(value: T) -> T {
    value
}

#[test]
fn a_generic_value_needs_the_bound_to_be_shown() {
    capture_all_of("generic_value");
    capture_all_of("generic_debug");
    assert_eq!(attributes(|| _ = generic_value(vec![1_u8])), "value=<alloc::vec::Vec<u8>>");
    assert_eq!(attributes(|| _ = generic_debug(vec![1_u8])), "value=[1]");
}

#[scout(args(text))]
fn long(text: &str) -> usize {
    text.len()
}

#[scout(args(value))]
fn hurtful<T: fmt::Debug>(value: T) {
    drop(value);
}

#[test]
fn a_long_value_is_cut_and_says_so() {
    capture_all_of("long");
    let megabyte = "ä".repeat(1 << 19);
    let recorded = attributes(|| _ = long(&megabyte));
    assert!(recorded.starts_with("text=\"ä") && recorded.ends_with('…'), "{recorded}");
    let value = recorded.strip_prefix("text=").unwrap();
    assert!(value.len() <= 128 && value.len() > 120, "{}", value.len());
}

#[test]
fn a_debug_that_panics_or_never_ends_does_not_hurt_the_request() {
    capture_all_of("hurtful");
    assert_eq!(attributes(|| hurtful(Panics)), "value=<panicked>");
    let endless = attributes(|| hurtful(Endless));
    assert!(endless.starts_with("value=endless endless") && endless.ends_with('…'), "{endless}");
}

#[scout(ret)]
fn answer(id: u64) -> u64 {
    if id == 0 {
        return 42;
    }
    id
}

#[scout(ret)]
async fn answer_async(id: u64) -> Result<Option<u64>, String> {
    if id == 0 { Err("none".into()) } else { Ok(Some(id)) }
}

#[test]
fn ret_captures_what_is_returned_also_early() {
    capture_all_of("answer");
    capture_all_of("answer_async");
    assert_eq!(attributes(|| _ = answer(0)), "return=42");
    let recorded = attributes_async(async { _ = answer_async(0).await });
    assert_eq!(recorded, "return=Err(\"none\")");
}

struct OnlyDebug;

impl fmt::Debug for OnlyDebug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnlyDebug")
    }
}

#[scout(err)]
fn fails<E>(error: E) -> Result<(), E> {
    Err(error)
}

#[scout(err)]
fn fails_with_io() -> std::io::Result<u64> {
    let text = std::fs::read_to_string("/there/is/no/such/file")?;
    Ok(text.len() as u64)
}

#[scout(err)]
async fn fails_with_debug() -> Result<(), OnlyDebug> {
    Err(OnlyDebug)
}

#[scout(err)]
async fn fails_with_neither() -> Result<(), NoDebug> {
    Err(NoDebug)
}

#[test]
fn err_marks_the_step_with_display_else_debug_else_the_type() {
    use crate::support::{steps, steps_async};
    let recorded = steps(|| _ = fails_with_io());
    assert!(recorded.starts_with("fails_with_io !error No such file"), "{recorded}");
    assert_eq!(
        steps_async(async { _ = fails_with_debug().await }),
        "fails_with_debug !error OnlyDebug\n"
    );
    assert_eq!(
        steps_async(async { _ = fails_with_neither().await }),
        "fails_with_neither !error it::capture::NoDebug\n"
    );
    // Behind a generic parameter the bound is not known.
    assert_eq!(steps(|| _ = fails("text")), "fails !error &str\n");
}
