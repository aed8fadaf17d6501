//! The options written between the brackets of `#[scout(..)]`.
//!
//! Parsing goes on after a mistake: the rest up to the next comma is skipped, so that one build
//! shows every mistake of the attribute.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Ident, LitStr, Member, Path, Token, parenthesized};

use crate::errors::{Errors, nearest};
use crate::slow::{self, Slow};

/// Every option, in the order in which the documentation explains them.
const OPTIONS: [&str; 11] = [
    "name",
    "args",
    "skip",
    "redact",
    "ret",
    "err",
    "slow",
    "service",
    "background",
    "lean",
    "crate",
];

/// The options of one attribute.
#[derive(Default, Clone)]
pub(crate) struct Options {
    /// `name = "…"`.
    pub(crate) name: Option<LitStr>,
    /// `args(…)`.
    pub(crate) args: Option<Args>,
    /// `skip(…)`, with the span of the option.
    pub(crate) skip: Option<(Span, Vec<Captured>)>,
    /// `redact(…)`, with the span of the option.
    pub(crate) redact: Option<(Span, Vec<Captured>)>,
    /// `ret`.
    pub(crate) ret: Option<Span>,
    /// `err`.
    pub(crate) err: Option<Span>,
    /// `slow = "200ms"`.
    pub(crate) slow: Option<Slow>,
    /// `service`.
    pub(crate) service: Option<Span>,
    /// `background`.
    pub(crate) background: Option<Span>,
    /// `lean`.
    pub(crate) lean: Option<Span>,
    /// `crate = path`.
    pub(crate) krate: Option<Path>,
}

/// What `args(..)` lists.
#[derive(Clone)]
pub(crate) enum Args {
    /// `args(all)`.
    All(Span),
    /// `args(a, b.id)`.
    Listed(Span, Vec<Captured>),
}

/// A parameter or a field of one: `id`, `order.customer.0`, `self.name`.
#[derive(Clone)]
pub(crate) struct Captured {
    /// The parameter it starts from.
    pub(crate) root: Ident,
    /// The fields below it.
    pub(crate) fields: Vec<Member>,
}

impl Captured {
    /// The parameter itself.
    pub(crate) fn whole(root: Ident) -> Self {
        Self { root, fields: Vec::new() }
    }

    /// As the recording shows it: `order.customer.0`.
    pub(crate) fn label(&self) -> String {
        let mut label = self.root.unraw().to_string();
        for field in &self.fields {
            label.push('.');
            match field {
                Member::Named(name) => label.push_str(&name.unraw().to_string()),
                Member::Unnamed(index) => label.push_str(&index.index.to_string()),
            }
        }
        label
    }
}

impl ToTokens for Captured {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.root.to_tokens(tokens);
        for field in &self.fields {
            <Token![.]>::default().to_tokens(tokens);
            field.to_tokens(tokens);
        }
    }
}

impl Parse for Captured {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let root = input.call(Ident::parse_any)?;
        let mut fields = Vec::new();
        while input.parse::<Option<Token![.]>>()?.is_some() {
            fields.push(input.parse()?);
        }
        if !input.is_empty() && !input.peek(Token![,]) {
            return Err(input.error(
                "only parameters and their fields can be captured, like `order` or `order.id`",
            ));
        }
        Ok(Self { root, fields })
    }
}

impl Options {
    /// Reads the tokens between the brackets.
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut options = Self::default();
        let parsed = (|input: ParseStream<'_>| {
            while !input.is_empty() {
                if let Err(error) = options.parse_one(input, errors) {
                    errors.add(error);
                    skip_to_comma(input)?;
                }
                if !input.is_empty() && input.parse::<Token![,]>().is_err() {
                    errors.add(input.error("expected `,` between two options"));
                    skip_to_comma(input)?;
                    input.parse::<Option<Token![,]>>()?;
                }
            }
            Ok(())
        })
        .parse2(tokens);
        if let Err(error) = parsed {
            errors.add(error);
        }
        options
    }

    fn parse_one(&mut self, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<()> {
        let option = input.call(Ident::parse_any)?;
        let span = option.span();
        let is_new = match option.to_string().as_str() {
            "name" => set(&mut self.name, parse_name(input, span)?),
            "args" => set(&mut self.args, parse_args(input, span, errors)?),
            "skip" => set(&mut self.skip, (span, parse_list(input, span, "skip", errors)?)),
            "redact" => set(&mut self.redact, (span, parse_list(input, span, "redact", errors)?)),
            "ret" => set(&mut self.ret, span),
            "err" => set(&mut self.err, span),
            "slow" => set(&mut self.slow, slow::parse(input, span)?),
            "service" => set(&mut self.service, span),
            "background" => set(&mut self.background, span),
            "lean" => set(&mut self.lean, span),
            "crate" => set(&mut self.krate, parse_crate(input, span)?),
            unknown => {
                errors.push(span, unknown_option(unknown));
                return skip_to_comma(input);
            }
        };
        if !is_new {
            errors.push(span, format_args!("`{option}` is given twice; keep one"));
        }
        Ok(())
    }

    /// These options, where absent filled from those of the surrounding `impl` block.
    pub(crate) fn or(mut self, outer: &Self) -> Self {
        self.ret = self.ret.or(outer.ret);
        self.err = self.err.or(outer.err);
        self.slow = self.slow.or_else(|| outer.slow.clone());
        self.lean = self.lean.or(outer.lean);
        self.krate = self.krate.or_else(|| outer.krate.clone());
        self
    }
}

/// Fills an option; `false` when it was there already (the first one stays).
fn set<T>(slot: &mut Option<T>, value: T) -> bool {
    let is_new = slot.is_none();
    slot.get_or_insert(value);
    is_new
}

fn unknown_option(unknown: &str) -> String {
    match nearest(unknown, OPTIONS) {
        Some(known) => format!("unknown option `{unknown}`; did you mean `{known}`?"),
        None => format!("unknown option `{unknown}`; known are: {}", OPTIONS.join(", ")),
    }
}

fn parse_name(input: ParseStream<'_>, span: Span) -> syn::Result<LitStr> {
    let message = "`name` takes a string literal, like `name = \"load order\"`";
    input.parse::<Token![=]>().map_err(|_| syn::Error::new(span, message))?;
    let name: LitStr = input.parse().map_err(|error| syn::Error::new(error.span(), message))?;
    if name.value().trim().is_empty() {
        return Err(syn::Error::new(name.span(), "`name` must not be empty"));
    }
    Ok(name)
}

fn parse_crate(input: ParseStream<'_>, span: Span) -> syn::Result<Path> {
    let message = "`crate` takes a path without quotes, like `crate = scouter_core`";
    input.parse::<Token![=]>().map_err(|_| syn::Error::new(span, message))?;
    input.call(Path::parse_mod_style).map_err(|error| syn::Error::new(error.span(), message))
}

fn parse_args(input: ParseStream<'_>, span: Span, errors: &mut Errors) -> syn::Result<Args> {
    let mut listed = parse_list(input, span, "args", errors)?;
    let Some(all) = listed.iter().position(|one| one.root == "all" && one.fields.is_empty()) else {
        return Ok(Args::Listed(span, listed));
    };
    let all = listed.swap_remove(all);
    if let Some(extra) = listed.first() {
        return Err(syn::Error::new(
            extra.root.span(),
            "`args(all)` already captures every parameter; list names or write `all`, not both",
        ));
    }
    Ok(Args::All(all.root.span()))
}

/// `(a, b.id)`, at least one.
fn parse_list(
    input: ParseStream<'_>,
    span: Span,
    option: &str,
    errors: &mut Errors,
) -> syn::Result<Vec<Captured>> {
    let missing = || {
        let message = format!("`{option}` lists parameters, like `{option}(id, order.id)`");
        syn::Error::new(span, message)
    };
    if !input.peek(syn::token::Paren) {
        return Err(missing());
    }
    let content;
    parenthesized!(content in input);
    if content.is_empty() {
        return Err(missing());
    }
    let mut listed = Vec::new();
    while !content.is_empty() {
        match content.parse() {
            Ok(captured) => listed.push(captured),
            Err(error) => {
                errors.add(error);
                skip_to_comma(&content)?;
            }
        }
        content.parse::<Option<Token![,]>>()?;
    }
    Ok(listed)
}

fn skip_to_comma(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}
