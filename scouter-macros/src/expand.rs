//! Writes the instrumented function.
//!
//! The generated code is small, because it is repeated in every function: one flag test inline,
//! everything else in non-generic functions of `__private`. No name of the prelude appears in it,
//! and its local variables are hygienic, so nothing that the user shadows can get in its way.
//!
//! A synchronous body stays where it is, behind a guard; only `ret` and `err` move it into a
//! closure, because only they need its value. A future is wrapped, never guarded: a guard across
//! an `.await` would give the children of `join!` and `select!` the wrong parent.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{
    AttrStyle, Attribute, Block, Expr, ExprAsync, ImplItem, ItemFn, ItemImpl, Signature, Type,
};

use crate::attr::Options;
use crate::errors::Errors;
use crate::fallback;
use crate::signature::{Shape, Tail, never_returns, return_type_hint, tail};
use crate::slow::Slow;
use crate::valid::{self, Plan};

/// Expands `#[scout(options)] item`.
pub(crate) fn scout(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let options = Options::parse(options, &mut errors);
    if let Ok(function) = syn::parse2::<ItemFn>(item.clone()) {
        let plan = valid::plan(
            &options,
            &function.sig,
            &function.attrs,
            &function.block,
            None,
            &mut errors,
        );
        if !errors.is_empty() {
            return fallback::unchanged(item, errors);
        }
        let ItemFn { attrs, vis, sig, block } = &function;
        return write_function(&plan, attrs, quote!(#vis), sig, block);
    }
    match syn::parse2::<ItemImpl>(item.clone()) {
        Ok(block) => scout_impl(&options, block, errors),
        Err(_) => {
            errors.push(span_of(&item), fallback::not_a_function(&item));
            fallback::unchanged(item, errors)
        }
    }
}

/// Every method of an `impl` block; options on a method go before those on the block.
fn scout_impl(options: &Options, mut block: ItemImpl, mut errors: Errors) -> TokenStream {
    valid::check_impl_options(options, &mut errors);
    let prefix =
        options.name.as_ref().map(syn::LitStr::value).or_else(|| type_name(&block.self_ty));
    let mut written = Vec::new();
    for item in &mut block.items {
        let ImplItem::Fn(method) = item else { continue };
        let own = take_scout(&mut method.attrs, &mut errors);
        if own.is_none() && !valid::is_instrumentable(&method.sig, &method.attrs) {
            continue;
        }
        let options = valid::inherit(own.unwrap_or_default(), options, &method.sig);
        let plan = valid::plan(
            &options,
            &method.sig,
            &method.attrs,
            &method.block,
            prefix.as_deref(),
            &mut errors,
        );
        let (vis, defaultness) = (&method.vis, &method.defaultness);
        let visibility = quote!(#vis #defaultness);
        written.push((
            method.sig.ident.clone(),
            write_function(&plan, &method.attrs, visibility, &method.sig, &method.block),
        ));
    }
    if !errors.is_empty() {
        return fallback::unchanged(block.into_token_stream(), errors);
    }
    let mut written = written.into_iter().peekable();
    for item in &mut block.items {
        if let ImplItem::Fn(method) = item
            && let Some((_, tokens)) = written.next_if(|(name, _)| *name == method.sig.ident)
        {
            *item = ImplItem::Verbatim(tokens);
        }
    }
    block.into_token_stream()
}

/// Takes the `#[scout(..)]` of a method out of its attributes.
fn take_scout(attributes: &mut Vec<Attribute>, errors: &mut Errors) -> Option<Options> {
    let index = attributes.iter().position(|attribute| {
        attribute.path().segments.last().is_some_and(|last| last.ident == "scout")
    })?;
    let attribute = attributes.remove(index);
    let tokens = match &attribute.meta {
        syn::Meta::List(list) => list.tokens.clone(),
        _ => TokenStream::new(),
    };
    Some(Options::parse(tokens, errors))
}

/// The name of the implementing type, without path and generics.
fn type_name(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
        Type::Reference(reference) => type_name(&reference.elem),
        _ => None,
    }
}

/// The first tokens of an item, to underline; a whole struct would be too much.
fn span_of(item: &TokenStream) -> Span {
    item.clone().into_iter().next().map_or_else(Span::call_site, |first| first.span())
}

fn write_function(
    plan: &Plan,
    attributes: &[Attribute],
    visibility: TokenStream,
    signature: &Signature,
    body: &Block,
) -> TokenStream {
    let outer = attributes.iter().filter(|one| matches!(one.style, AttrStyle::Outer));
    let inner = attributes.iter().filter(|one| matches!(one.style, AttrStyle::Inner(_)));
    let writer = Writer { plan, signature, site: Ident::new("__scouter_site", Span::mixed_site()) };
    let statements = match plan.shape {
        Shape::Sync => writer.sync(body),
        Shape::Async if plan.lean => writer.async_future(body),
        Shape::Async => writer.async_fn(body),
        Shape::ImplFuture | Shape::BoxedFuture => writer.returned_future(body),
    };
    let (site, callsite) = (&writer.site, writer.callsite());
    // The braces keep the span of the body: messages about its type point there.
    let block = quote_spanned!(body.brace_token.span.join() => {
        #(#inner)*
        let #site = #callsite;
        #statements
    });
    if plan.lean {
        let signature = lean_signature(signature);
        return quote!(#(#outer)* #visibility #signature #block);
    }
    quote!(#(#outer)* #visibility #signature #block)
}

/// The signature of an `async fn` as that of a `fn` that returns the future.
///
/// The tokens of `impl Future` carry the macro's own edition, so it captures every lifetime in
/// crates of any edition, as an `async fn` does.
fn lean_signature(signature: &Signature) -> Signature {
    let mut signature = signature.clone();
    signature.asyncness = None;
    let output = match &signature.output {
        syn::ReturnType::Default => quote!(()),
        syn::ReturnType::Type(_, ty) => quote!(#ty),
    };
    signature.output = syn::parse_quote! {
        -> impl ::core::future::Future<Output = #output>
    };
    signature
}

/// One function while it is written.
struct Writer<'a> {
    plan: &'a Plan,
    signature: &'a Signature,
    /// The local variable that holds the callsite.
    site: Ident,
}

impl Writer<'_> {
    /// The static description of this function. Every token of the call carries the span of the
    /// function's name: `line!()` inside answers with the line where the call begins, and that of
    /// the attribute would be the same for all methods of an `impl` block.
    fn callsite(&self) -> TokenStream {
        let name = &self.plan.name;
        let span = name.span();
        let krate = self.plan.krate.clone().into_iter().map(|mut token| {
            token.set_span(span.resolved_at(token.span()));
            token
        });
        let krate = match self.plan.has_default_crate {
            true => quote_spanned!(span=> ::scouter),
            false => krate.collect(),
        };
        let labels = self.plan.captures.iter().map(|capture| &capture.label);
        let labels = quote_spanned!(span=> [#(#labels),*]);
        quote_spanned!(span=> #krate::__private::callsite!(name: #name, args: #labels))
    }

    fn sync(&self, body: &Block) -> TokenStream {
        let (krate, site) = (&self.plan.krate, &self.site);
        let (guard, service) = (local("__scouter_step"), local("__scouter_service"));
        let entered = local("__scouter_entered");
        let open = self.kind().map(|kind| {
            quote! {
                let #service = #krate::__private::service(#site, #kind);
                let #entered = #service.enter();
            }
        });
        let slow = self.plan.slow.as_ref().map(|Slow { ns, text }| {
            let slow = local("__scouter_slow");
            // Declared after the step, so it is dropped while that is still open.
            quote!(let #slow = #krate::__private::SlowGuard::new(#site, #ns, #text);)
        });
        let head = self.capture_arguments();
        let body = if self.plan.ret || self.plan.err {
            let service = match self.plan.opens.is_some() {
                true => quote!(#service.opened()),
                false => quote!(#krate::__private::Service::NONE),
            };
            self.inspected_call(body, &service)
        } else {
            let statements = &body.stmts;
            quote!(#(#statements)*)
        };
        quote! {
            #open
            let #guard = #krate::__private::step(#site);
            #slow
            #head
            #body
        }
    }

    /// The body as a closure whose value can be looked at; `return` and `?` leave the closure.
    fn inspected_call(&self, body: &Block, service: &TokenStream) -> TokenStream {
        let value = local("__scouter_value");
        let call = self.closure_call(body);
        let look = self.inspect_value(&quote!(&#value), service);
        quote! {
            let #value = #call;
            #look
            #value
        }
    }

    /// Not called in place: a closure that is only called is taken for `FnMut`, and that cannot
    /// hand out a reference into a `&mut` parameter that it has captured. A function that wants
    /// `FnOnce` says which kind is meant.
    fn closure_call(&self, body: &Block) -> TokenStream {
        let krate = &self.plan.krate;
        let statements = &body.stmts;
        // A closure can be given a return type unless it holds `impl Trait` or is `!`.
        let output = match return_type_hint(self.signature) {
            Some(hint) => quote!(-> #hint),
            None => TokenStream::new(),
        };
        quote! {
            #krate::__private::call_once(move || #output { #(#statements)* })
        }
    }

    /// The variant of `XLogKind` that a transaction opened here has.
    fn kind(&self) -> Option<TokenStream> {
        let krate = &self.plan.krate;
        let kind = Ident::new(self.plan.opens?, Span::mixed_site());
        Some(quote!(#krate::__private::XLogKind::#kind))
    }

    fn async_fn(&self, body: &Block) -> TokenStream {
        let future = self.async_future(body);
        quote!(#future.await)
    }

    fn async_future(&self, body: &Block) -> TokenStream {
        let head = self.capture_arguments();
        let typed = self.early_type();
        let statements = &body.stmts;
        let block =
            quote_spanned!(body.brace_token.span.join() => { #typed #head #(#statements)* });
        self.wrap(&quote!(async move #block))
    }

    fn returned_future(&self, body: &Block) -> TokenStream {
        let boxed = |future: TokenStream| {
            let krate = &self.plan.krate;
            match self.plan.shape {
                Shape::BoxedFuture => quote!(#krate::__private::boxed(#future)),
                _ => future,
            }
        };
        let before = &body.stmts[..body.stmts.len().saturating_sub(1)];
        match tail(body, self.plan.shape) {
            Tail::Block(block) => {
                let future = boxed(self.wrap(&self.with_head(block)));
                quote!(#(#before)* #future)
            }
            Tail::Expr(expr) => {
                let future = boxed(self.wrap(expr));
                quote!(#(#before)* #future)
            }
            Tail::Hidden => {
                let (value, call) = (local("__scouter_future"), self.closure_call(body));
                let future = boxed(self.wrap(&value));
                quote! {
                    let #value = #call;
                    #future
                }
            }
        }
    }

    /// The same `async` block, reading the arguments first.
    fn with_head(&self, block: &ExprAsync) -> Expr {
        let head = self.capture_arguments();
        let ExprAsync { attrs, async_token, capture, block } = block;
        let statements = &block.stmts;
        let block = quote_spanned!(block.span() => { #head #(#statements)* });
        Expr::Verbatim(quote!(#(#attrs)* #async_token #capture #block))
    }

    /// The future with its step, or with its transaction, around it.
    fn wrap(&self, future: &impl ToTokens) -> TokenStream {
        let (krate, site) = (&self.plan.krate, &self.site);
        let value = local("__scouter_value");
        let slow = self
            .plan
            .slow
            .as_ref()
            .map(|Slow { ns, text }| quote!(#krate::__private::mark_slow(#site, #ns, #text);));
        let inspected = if self.plan.ret || self.plan.err {
            let none = quote!(#krate::__private::Service::NONE);
            let look = self.inspect_value(&quote!(#value), &none);
            quote!(#krate::__private::inspect(#future, move |#value| { #slow #look }))
        } else if slow.is_some() {
            quote!(#krate::__private::inspect(#future, move |_| { #slow }))
        } else {
            quote!(#future)
        };
        let Some(kind) = self.kind() else {
            return quote!(#krate::__private::in_step(#site, #inspected));
        };
        let service = local("__scouter_service");
        let look = if self.plan.err {
            let look = self.inspect_error(&quote!(#value), &quote!(#service));
            quote!(move |#service, #value| { #look })
        } else {
            quote!(|_, _| {})
        };
        quote!(#krate::__private::in_service(#site, #kind, #inspected, #look))
    }

    /// Reads the listed arguments when the callsite's flag says so.
    fn capture_arguments(&self) -> TokenStream {
        if self.plan.captures.is_empty() {
            return TokenStream::new();
        }
        let (krate, site) = (&self.plan.krate, &self.site);
        let reads = self.plan.captures.iter().map(|capture| {
            let (what, label) = (&capture.what, &capture.label);
            if capture.redacted {
                quote!(#krate::__private::capture_redacted(&*#site, #label);)
            } else {
                quote_spanned! {what.root.span()=>
                    (&&&#krate::__private::Probe(&#what)).scouter_capture(&*#site, #label);
                }
            }
        });
        let methods = self.capture_methods();
        quote! {
            if #site.is_args_on() {
                #methods
                #(#reads)*
            }
        }
    }

    /// Looks at `value`, a reference to what the function returned; `service` is the transaction
    /// that an error marks too.
    fn inspect_value(&self, value: &TokenStream, service: &TokenStream) -> TokenStream {
        let (krate, site) = (&self.plan.krate, &self.site);
        let methods = self.capture_methods();
        let ret = self.plan.ret.then(|| {
            quote! {
                if #site.is_ret_on() {
                    #methods
                    (&&&#krate::__private::Probe(#value)).scouter_capture(&*#site, "return");
                }
            }
        });
        let err = self.plan.err.then(|| self.inspect_error(value, service));
        quote!(#ret #err)
    }

    fn inspect_error(&self, value: &TokenStream, service: &TokenStream) -> TokenStream {
        let (krate, site) = (&self.plan.krate, &self.site);
        let error = local("__scouter_error");
        // A value that is no `Result` is reported at the return type.
        let span = match &self.signature.output {
            syn::ReturnType::Default => Span::call_site(),
            syn::ReturnType::Type(_, ty) => ty.span(),
        };
        let failure = quote_spanned!(span=> #krate::__private::failure(#value));
        quote! {
            if #site.is_err_on() {
                #[allow(unused_imports)]
                use #krate::__private::{FailDisplay as _, FailDebug as _, FailTypeName as _};
                if let #krate::__private::Failure::Is(#error) = #failure {
                    (&&&#krate::__private::Probe(#error)).scouter_fail(&*#site, #service);
                }
            }
        }
    }

    /// Brings the methods of `Probe` into scope, one trait for each way to show a value.
    fn capture_methods(&self) -> TokenStream {
        let krate = &self.plan.krate;
        quote! {
            #[allow(unused_imports)]
            use #krate::__private::{CaptureWord as _, CaptureDebug as _, CaptureTypeName as _};
        }
    }

    /// A `return` that never runs: it tells the type of the block before the body is checked, so
    /// that `?`, `into()` and coercions behave as in the function that the user wrote.
    fn early_type(&self) -> TokenStream {
        if never_returns(self.signature) {
            return TokenStream::new();
        }
        let Some(hint) = return_type_hint(self.signature) else { return TokenStream::new() };
        let value = local("__scouter_never");
        quote! {
            #[allow(unreachable_code, clippy::diverging_sub_expression, clippy::empty_loop)]
            if false {
                let #value: #hint = loop {};
                return #value;
            }
        }
    }
}

/// A local variable that the user's code cannot see.
fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}
