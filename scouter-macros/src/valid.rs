//! Turns options and signature into a [`Plan`], or says everything that is wrong with them.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Block, Ident, LitStr, Signature};

use crate::attr::{Args, Captured, Options};
use crate::errors::{Errors, nearest};
use crate::signature::{
    Shape, Tail, bound_names, looks_like_result, never_returns, plain_parameters, returns_nothing,
    tail,
};
use crate::slow::Slow;

/// What to generate for one function; only complete when no error was pushed.
pub(crate) struct Plan {
    /// What the recording shows, with the span that gives the callsite its line.
    pub(crate) name: LitStr,
    /// Parameters to capture, in the order of the list.
    pub(crate) captures: Vec<Capture>,
    /// Whether the returned value is captured.
    pub(crate) ret: bool,
    /// Whether an `Err` marks the step as failed.
    pub(crate) err: bool,
    /// From which duration on the step is marked.
    pub(crate) slow: Option<Slow>,
    /// What kind of transaction is opened when none is active: a variant of `XLogKind`.
    pub(crate) opens: Option<&'static str>,
    /// Whether the `async fn` becomes a `fn` that returns its future.
    pub(crate) lean: bool,
    /// The crate that holds `__private`.
    pub(crate) krate: TokenStream,
    /// Whether that is `::scouter`, because the author named none.
    pub(crate) has_default_crate: bool,
    /// Where the time is spent.
    pub(crate) shape: Shape,
}

/// One captured parameter or field.
pub(crate) struct Capture {
    /// What to read.
    pub(crate) what: Captured,
    /// Its key in the recording.
    pub(crate) label: String,
    /// Whether only its presence is shown.
    pub(crate) redacted: bool,
}

/// Checks `options` against the function and plans its code.
///
/// `prefix` is the name of the type whose `impl` block is being instrumented.
pub(crate) fn plan(
    options: &Options,
    signature: &Signature,
    attributes: &[Attribute],
    body: &Block,
    prefix: Option<&str>,
    errors: &mut Errors,
) -> Plan {
    let shape = Shape::of(signature);
    check_function(signature, attributes, errors);
    check_results(options, signature, shape, errors);
    check_lean(options, signature, errors);
    let captures = captures(options, signature, errors);
    if let (Some(Args::All(span) | Args::Listed(span, _)), Shape::ImplFuture | Shape::BoxedFuture) =
        (&options.args, shape)
        && !matches!(tail(body, shape), Tail::Block(_))
    {
        errors.push(
            *span,
            "`args` needs the returned future to be an `async move { .. }` block at the end of \
             the function: arguments are read when it is polled first",
        );
    }
    Plan {
        name: name(options, signature, prefix),
        captures,
        ret: options.ret.is_some(),
        err: options.err.is_some(),
        slow: options.slow.clone(),
        opens: opens(options, errors),
        lean: options.lean.is_some(),
        krate: options.krate.as_ref().map_or_else(|| quote!(::scouter), |path| quote!(#path)),
        has_default_crate: options.krate.is_none(),
        shape,
    }
}

/// Options that an `impl` block passes on to a method that can use them.
pub(crate) fn inherit(own: Options, outer: &Options, signature: &Signature) -> Options {
    let mut outer = outer.clone();
    if returns_nothing(signature) || never_returns(signature) {
        outer.ret = None;
    }
    if !looks_like_result(signature) {
        outer.err = None;
    }
    if signature.asyncness.is_none() || never_returns(signature) {
        outer.lean = None;
    }
    own.or(&outer)
}

/// Refuses options that only make sense on one function.
pub(crate) fn check_impl_options(options: &Options, errors: &mut Errors) {
    let args = options.args.as_ref().map(|(Args::All(span) | Args::Listed(span, _))| *span);
    let lists = [
        (args, "args"),
        (options.skip.as_ref().map(|skip| skip.0), "skip"),
        (options.redact.as_ref().map(|redact| redact.0), "redact"),
    ];
    for (span, option) in lists {
        if let Some(span) = span {
            errors.push(
                span,
                format_args!(
                    "`{option}` names parameters of one function; put `#[scout({option}(..))]` on \
                     the method"
                ),
            );
        }
    }
    for (span, option) in [(options.service, "service"), (options.background, "background")] {
        if let Some(span) = span {
            errors.push(
                span,
                format_args!(
                    "`{option}` belongs to one function; put `#[scout({option})]` on the method"
                ),
            );
        }
    }
}

/// Whether the function can be instrumented at all; in an `impl` block such methods stay as they
/// are, since the attribute was not put on them.
pub(crate) fn is_instrumentable(signature: &Signature, attributes: &[Attribute]) -> bool {
    let mut errors = Errors::default();
    check_function(signature, attributes, &mut errors);
    errors.is_empty()
}

fn check_function(signature: &Signature, attributes: &[Attribute], errors: &mut Errors) {
    if let Some(constant) = &signature.constness {
        errors.push(
            constant.span(),
            "a `const fn` cannot be recorded: it may run at compile time, where there is no clock",
        );
    }
    if let Some(variadic) = &signature.variadic {
        errors.push(
            variadic.dots.span(),
            "a C-variadic function cannot be recorded; put `#[scout]` on the function it calls",
        );
    }
    if let Some(naked) = attributes.iter().find(|attribute| is_naked(attribute)) {
        errors.push(
            naked.span(),
            "a naked function cannot be recorded: its body is nothing but assembly",
        );
    }
}

fn is_naked(attribute: &Attribute) -> bool {
    attribute.path().is_ident("naked")
        || (attribute.path().is_ident("unsafe")
            && attribute.parse_args::<Ident>().is_ok_and(|inner| inner == "naked"))
}

fn check_results(options: &Options, signature: &Signature, shape: Shape, errors: &mut Errors) {
    let never = never_returns(signature);
    if let Some(span) = options.ret
        && (never || returns_nothing(signature))
    {
        errors.push(span, "`ret` captures the returned value, but this function returns none");
    }
    if let Some(span) = options.err
        && (never || (returns_nothing(signature) && matches!(shape, Shape::Sync | Shape::Async)))
    {
        errors.push(span, "`err` needs a function that returns a `Result`");
    }
}

fn opens(options: &Options, errors: &mut Errors) -> Option<&'static str> {
    match (options.service, options.background) {
        (Some(_), Some(background)) => {
            errors.push(
                background,
                "a transaction has one kind: keep `service` (somebody waits for the work) or \
                 `background` (nobody does)",
            );
            None
        }
        (Some(_), None) => Some("Service"),
        (None, Some(_)) => Some("Background"),
        (None, None) => None,
    }
}

fn check_lean(options: &Options, signature: &Signature, errors: &mut Errors) {
    let Some(span) = options.lean else { return };
    if signature.asyncness.is_none() {
        errors.push(
            span,
            "`lean` rewrites an `async fn`, and this is none; a returned future is held once already",
        );
    } else if never_returns(signature) {
        errors.push(span, "`lean` cannot name the future of an `async fn` that returns `!`");
    }
}

fn captures(options: &Options, signature: &Signature, errors: &mut Errors) -> Vec<Capture> {
    let bound = bound_names(signature);
    let skip = options.skip.as_ref().map_or(&[][..], |skip| &skip.1);
    let redact = options.redact.as_ref().map_or(&[][..], |redact| &redact.1);
    if let (Some((span, _)), None | Some(Args::Listed(..))) = (&options.skip, &options.args) {
        errors.push(
            *span,
            "`skip` takes parameters out of `args(all)`; without it nothing is captured",
        );
    }
    for one in skip {
        check_bound(one, &bound, errors);
        if !one.fields.is_empty() {
            errors.push(one.root.span(), "`skip` takes whole parameters, not fields of them");
        }
    }
    let listed: Vec<Captured> = match &options.args {
        None => Vec::new(),
        Some(Args::Listed(_, listed)) => {
            check_listed(listed, &bound, errors);
            listed.clone()
        }
        Some(Args::All(_)) => plain_parameters(signature)
            .filter(|name| !skip.iter().any(|one| one.root == **name))
            .map(|name| Captured::whole(name.clone()))
            .collect(),
    };
    for one in redact {
        if !listed.iter().any(|captured| captured.label() == one.label()) {
            errors.push(
                one.root.span(),
                format_args!(
                    "`{0}` is not captured, so there is nothing to redact; list it in `args` \
                    or drop it from `redact`",
                    one.label()
                ),
            );
        }
    }
    listed
        .into_iter()
        .map(|what| {
            let label = what.label();
            let redacted = redact.iter().any(|one| one.label() == label);
            Capture { what, label, redacted }
        })
        .collect()
}

fn check_listed(listed: &[Captured], bound: &[Ident], errors: &mut Errors) {
    for (index, one) in listed.iter().enumerate() {
        check_bound(one, bound, errors);
        if listed[..index].iter().any(|earlier| earlier.label() == one.label()) {
            errors.push(one.root.span(), format_args!("`{}` is listed twice", one.label()));
        }
    }
}

fn check_bound(one: &Captured, bound: &[Ident], errors: &mut Errors) {
    if bound.iter().any(|name| name == &one.root) {
        return;
    }
    let names: Vec<String> = bound.iter().map(|name| name.unraw().to_string()).collect();
    let root = one.root.unraw().to_string();
    let hint = match nearest(&root, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => "the function has no parameters".to_owned(),
        None => format!("the parameters are: {}", names.join(", ")),
    };
    errors.push(one.root.span(), format_args!("no parameter `{root}`; {hint}"));
}

fn name(options: &Options, signature: &Signature, prefix: Option<&str>) -> LitStr {
    // The span is that of the function's name also when `name` is given: the place of a callsite
    // is the function, not its attribute.
    let span: Span = signature.ident.span();
    if let Some(name) = &options.name {
        return LitStr::new(&name.value(), span);
    }
    let function = signature.ident.unraw();
    match prefix {
        Some(prefix) => LitStr::new(&format!("{prefix}::{function}"), span),
        None => LitStr::new(&function.to_string(), span),
    }
}
