#![forbid(unsafe_code)]
//! `#[scout]`: records a function as a step.
//!
//! Use it through the facade crate `scouter`; the generated code names `::scouter`, and
//! `crate = path` names another crate that offers the same `__private` module.
//!
//! | file | what it does |
//! |---|---|
//! | `attr` | parses the options, going on after a mistake |
//! | `slow` | the duration of `slow` |
//! | `signature` | what kind of function it is |
//! | `valid` | options and signature become a plan, or spanned errors, all at once |
//! | `expand` | writes the instrumented function |
//! | `fallback` | on an error the item comes out unchanged, with the messages |

mod attr;
mod errors;
mod expand;
mod fallback;
mod signature;
mod slow;
mod valid;

use proc_macro::TokenStream;

/// Records every call of a function as a step of the current transaction.
///
/// It can be put on a `fn`, an `async fn`, a method, a function that returns `impl Future` or a
/// boxed future (also what `#[async_trait]` makes), and on an `impl` block, where it applies to
/// all methods. Outside of a transaction a call costs about a nanosecond. A future is recorded
/// from its first poll to its end, its polled and its waiting time apart; one that is dropped
/// early shows as *cancelled*, a panic as *panic*.
///
/// **Nothing of the program is captured unless it is listed**, and what is listed is captured only
/// while the callsite's switch for it is on: `args` and `ret` are switched on for a place when
/// somebody wants to look (in the page, or by `Callsite::set_flags`), errors are on from the start.
/// A remote switch can never reveal what the author did not list. Off costs one load and a branch.
///
/// # Options
///
/// ## `name = "load order"`
///
/// What the recording shows. Default: the name of the function; in an instrumented `impl` block
/// `Type::method`. On an `impl` block: the word before `::`.
///
/// ## `args(id, order.customer, self.region)`
///
/// Captures parameters, or fields of them, when the function starts (an `async fn`: at its first
/// poll). Integers of at most 64 bits, floats and booleans are stored as they are, also behind one
/// reference. Other values are written by `Debug`, cut at 128 bytes, without allocation; a type without `Debug` shows its name. In
/// generic code `Debug` is used only when the bound is written there. Default: nothing.
///
/// ## `args(all)`, `skip(password, body)`
///
/// Captures every parameter that is a plain name, except those in `skip`; `self` and the names
/// inside of patterns are captured only when they are listed. Default: nothing.
///
/// ## `redact(card)`
///
/// Shows that a listed parameter was there, as `<redacted>`; the value is never formatted.
///
/// ## `ret`
///
/// Captures the returned value under the key `return`, shown as in `args`. On an `impl` block it
/// applies to the methods that return a value. The body becomes a closure, so
/// `Location::caller()` inside of it answers with a line of the function itself. Default: off.
///
/// ## `err`
///
/// Marks the step as failed when the function returns `Err`, with the error's `Display` as
/// message (else `Debug`, else its type). On an `impl` block it applies to the methods whose
/// return type is called `…Result`. Default: off.
///
/// ## `slow = "200ms"`
///
/// Marks a step that took at least this long with the attribute `slow`, whose value is the
/// threshold; a marked step is never folded into the run of its siblings. Faster calls are
/// recorded as always: leaving them out would leave out what they contain. A call that panics or a
/// future that is dropped early shows only that. Unit: a whole number and `us`, `ms` or `s`, above
/// zero, at most an hour. On an `impl` block it applies to all methods. Costs one more reading of
/// the clock while recording. Default: no mark.
///
/// ## `service`
///
/// Opens a transaction of kind *service* with the name of the function when none is active: for
/// consumers, cron jobs and everything else that no layer opens one for. Within a transaction it
/// is a step like any other. With `err`, an error marks the transaction too. Not on an `impl`
/// block. Default: off.
///
/// ## `background`
///
/// As `service`, with a transaction of kind *background*: cron jobs, clean-up, whatever nobody
/// waits for. One of the two only. Default: off.
///
/// ## `lean`
///
/// Writes an `async fn` as a `fn` that returns `impl Future`, which holds its arguments once
/// instead of twice: each level of nested calls is smaller, usually smaller than without
/// `#[scout]`. The step begins at the first poll as always. What changes: parameters that the body
/// does not use are dropped when the function returns its future, not when that ends. Not for
/// `async fn .. -> !`, and not below `#[async_trait]`, which boxes the future anyway. On an `impl`
/// block it applies to its async methods. Default: off.
///
/// ## `crate = scouter_core`
///
/// The crate that the generated code names. Default: `::scouter`.
///
/// # Errors
///
/// A mistake in the options, or a function that cannot be recorded (`const fn`, C-variadic,
/// naked), is a compile error at the place of the mistake; all mistakes are reported at once and
/// the item comes out unchanged. In an `impl` block such functions are left out silently, unless
/// they carry `#[scout]` themselves.
///
/// # Examples
///
/// The facade's documentation compiles and runs this one.
///
/// ```ignore
/// #[scouter::scout(args(id), err)]
/// async fn load_order(id: u64) -> Result<String, std::io::Error> {
///     Ok(format!("order {id}"))
/// }
/// ```
#[proc_macro_attribute]
pub fn scout(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::scout(options.into(), item.into()).into()
}
