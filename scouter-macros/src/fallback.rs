//! What comes out when something is wrong: the item as it was written, and the messages.
//!
//! The item stays because the rest of the crate uses it: without it one mistake in an attribute
//! would bury its message under "cannot find function" errors, and editors would lose the body.

use proc_macro2::TokenStream;
use quote::quote;

use crate::errors::Errors;

/// The unchanged item, followed by one `compile_error!` for each message.
pub(crate) fn unchanged(item: TokenStream, errors: Errors) -> TokenStream {
    let messages = errors.into_compile_errors();
    quote!(#item #messages)
}

/// What to say about an item that is neither a function nor an `impl` block.
pub(crate) fn not_a_function(item: &TokenStream) -> &'static str {
    if syn::parse2::<syn::TraitItemFn>(item.clone()).is_ok() {
        return "a method without a body has nothing to record; put `#[scout]` on its implementations";
    }
    match syn::parse2::<syn::Item>(item.clone()) {
        Ok(syn::Item::Trait(_)) => {
            "`#[scout]` records code, and a trait has none of its own; put it on the `impl` block, or \
             on a method with a body"
        }
        Ok(syn::Item::Mod(_)) => {
            "`#[scout]` cannot be put on a module; put it on the functions or `impl` blocks in it"
        }
        _ => "`#[scout]` can be put on functions, methods and `impl` blocks",
    }
}
