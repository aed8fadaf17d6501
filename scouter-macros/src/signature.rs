//! What kind of function it is, read from its signature and the last expression of its body.

use proc_macro2::TokenStream;
use quote::quote;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{
    Block, Expr, ExprAsync, ExprReturn, FnArg, GenericArgument, Ident, Item, Pat, PathArguments,
    ReturnType, Signature, Stmt, Type, TypeParamBound,
};

/// Where the time of a function is spent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    /// In the call itself.
    Sync,
    /// In the future of an `async fn`.
    Async,
    /// In the future that it returns as `impl Future`.
    ImplFuture,
    /// In the future that it returns in a box; `#[async_trait]` makes these too.
    BoxedFuture,
}

impl Shape {
    /// Reads it from the signature.
    pub(crate) fn of(signature: &Signature) -> Self {
        if signature.asyncness.is_some() {
            return Self::Async;
        }
        match &signature.output {
            ReturnType::Type(_, ty) if is_impl_future(ty) => Self::ImplFuture,
            ReturnType::Type(_, ty) if is_boxed_future(ty) => Self::BoxedFuture,
            _ => Self::Sync,
        }
    }
}

/// Whether it returns `!`.
pub(crate) fn never_returns(signature: &Signature) -> bool {
    matches!(&signature.output, ReturnType::Type(_, ty) if matches!(**ty, Type::Never(_)))
}

/// Whether no value comes back from the call.
pub(crate) fn returns_nothing(signature: &Signature) -> bool {
    match &signature.output {
        ReturnType::Default => true,
        ReturnType::Type(_, ty) => matches!(&**ty, Type::Tuple(tuple) if tuple.elems.is_empty()),
    }
}

/// Whether the type of the value, or of the value of the returned future, is called `…Result`.
pub(crate) fn looks_like_result(signature: &Signature) -> bool {
    struct FutureOutput<'ast>(Option<&'ast Type>);
    impl<'ast> Visit<'ast> for FutureOutput<'ast> {
        fn visit_assoc_type(&mut self, assoc: &'ast syn::AssocType) {
            if assoc.ident == "Output" {
                self.0.get_or_insert(&assoc.ty);
            }
        }
    }
    let ReturnType::Type(_, ty) = &signature.output else { return false };
    let mut output = FutureOutput(None);
    if Shape::of(signature) != Shape::Sync {
        output.visit_type(ty);
    }
    last_segment(output.0.unwrap_or(ty))
        .is_some_and(|(name, _)| name.to_string().ends_with("Result"))
}

/// The return type, with `_` for each `impl Trait` in it; nothing where no type can be written.
pub(crate) fn return_type_hint(signature: &Signature) -> Option<TokenStream> {
    match &signature.output {
        ReturnType::Default => Some(quote!(())),
        ReturnType::Type(_, ty) if matches!(**ty, Type::Never(_)) => None,
        ReturnType::Type(_, ty) => {
            let mut ty = ty.clone();
            EraseImplTrait.visit_type_mut(&mut ty);
            Some(quote!(#ty))
        }
    }
}

/// `impl Trait` is not a type that a local variable can have.
struct EraseImplTrait;

impl VisitMut for EraseImplTrait {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if matches!(ty, Type::ImplTrait(_)) {
            *ty = Type::Infer(syn::TypeInfer { underscore_token: Default::default() });
        } else {
            visit_mut::visit_type_mut(self, ty);
        }
    }
}

/// Every name that the parameters bind, also those inside of patterns, and `self`.
pub(crate) fn bound_names(signature: &Signature) -> Vec<Ident> {
    struct Names(Vec<Ident>);
    impl<'ast> Visit<'ast> for Names {
        fn visit_pat_ident(&mut self, pat: &'ast syn::PatIdent) {
            self.0.push(pat.ident.clone());
            visit::visit_pat_ident(self, pat);
        }
        fn visit_receiver(&mut self, receiver: &'ast syn::Receiver) {
            self.0.push(Ident::new("self", receiver.self_token.span));
        }
    }
    let mut names = Names(Vec::new());
    for input in &signature.inputs {
        names.visit_fn_arg(input);
    }
    names.0
}

/// The parameters that are a plain name: what `args(all)` means.
pub(crate) fn plain_parameters(signature: &Signature) -> impl Iterator<Item = &Ident> {
    signature.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(typed) => match &*typed.pat {
            Pat::Ident(name) => Some(&name.ident),
            _ => None,
        },
        FnArg::Receiver(_) => None,
    })
}

/// The future at the end of the body of a function that returns one.
pub(crate) enum Tail<'a> {
    /// `async move { … }`.
    Block(&'a ExprAsync),
    /// Any other expression that yields the future.
    Expr(&'a Expr),
    /// Not known: the body has an early `return` or no last expression.
    Hidden,
}

/// Finds the future that the body of a [`Shape::ImplFuture`] or [`Shape::BoxedFuture`] ends in;
/// for the boxed shape that is the argument of a final `Box::pin(…)`.
pub(crate) fn tail(body: &Block, shape: Shape) -> Tail<'_> {
    let Some(Stmt::Expr(last, None)) = body.stmts.last() else { return Tail::Hidden };
    if returns_early(body) {
        return Tail::Hidden;
    }
    let future = if shape == Shape::BoxedFuture {
        match box_pin_argument(last) {
            Some(future) => future,
            None => return Tail::Hidden,
        }
    } else {
        last
    };
    match future {
        Expr::Async(block) => Tail::Block(block),
        other => Tail::Expr(other),
    }
}

fn box_pin_argument(expr: &Expr) -> Option<&Expr> {
    let Expr::Call(call) = expr else { return None };
    let Expr::Path(function) = &*call.func else { return None };
    let mut names = function.path.segments.iter().rev().map(|segment| &segment.ident);
    let is_box_pin =
        names.next().is_some_and(|name| name == "pin") && names.next().is_some_and(|n| n == "Box");
    if is_box_pin && call.args.len() == 1 { call.args.first() } else { None }
}

/// Whether the function itself, and not a closure or block inside of it, returns early.
fn returns_early(body: &Block) -> bool {
    struct Returns(bool);
    impl<'ast> Visit<'ast> for Returns {
        fn visit_expr_return(&mut self, _: &'ast ExprReturn) {
            self.0 = true;
        }
        fn visit_expr_try(&mut self, _: &'ast syn::ExprTry) {
            self.0 = true;
        }
        fn visit_expr_closure(&mut self, _: &'ast syn::ExprClosure) {}
        fn visit_expr_async(&mut self, _: &'ast ExprAsync) {}
        fn visit_item(&mut self, _: &'ast Item) {}
    }
    let mut returns = Returns(false);
    returns.visit_block(body);
    returns.0
}

fn is_impl_future(ty: &Type) -> bool {
    matches!(ty, Type::ImplTrait(it) if has_future(it.bounds.iter()))
}

fn is_boxed_future(ty: &Type) -> bool {
    let Some((name, arguments)) = last_segment(ty) else { return false };
    if name == "BoxFuture" || name == "LocalBoxFuture" {
        return true;
    }
    let is_dyn_future =
        |ty: &Type| matches!(ty, Type::TraitObject(object) if has_future(object.bounds.iter()));
    let is_box_of_it = |ty: &Type| match last_segment(ty) {
        Some((name, arguments)) => {
            name == "Box" && first_type(arguments).is_some_and(is_dyn_future)
        }
        None => false,
    };
    name == "Pin" && first_type(arguments).is_some_and(is_box_of_it)
}

fn last_segment(ty: &Type) -> Option<(&Ident, &PathArguments)> {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|last| (&last.ident, &last.arguments)),
        Type::Paren(inner) => last_segment(&inner.elem),
        Type::Group(inner) => last_segment(&inner.elem),
        _ => None,
    }
}

fn first_type(arguments: &PathArguments) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

fn has_future<'a>(mut bounds: impl Iterator<Item = &'a TypeParamBound>) -> bool {
    bounds.any(|bound| match bound {
        TypeParamBound::Trait(bound) => {
            bound.path.segments.last().is_some_and(|last| last.ident == "Future")
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::{Shape, Tail, bound_names, tail};
    use syn::ItemFn;

    #[test]
    fn the_shape_is_read_from_the_signature() {
        let rows = [
            ("fn f() {}", Shape::Sync),
            ("fn f() -> Result<Box<dyn Future<Output = ()>>, ()> {}", Shape::Sync),
            ("async fn f() {}", Shape::Async),
            ("fn f() -> impl Future<Output = u8> + Send {}", Shape::ImplFuture),
            ("fn f() -> impl core::future::Future<Output = u8> {}", Shape::ImplFuture),
            ("fn f() -> Pin<Box<dyn Future<Output = u8> + Send + '_>> {}", Shape::BoxedFuture),
            (
                "fn f() -> ::core::pin::Pin<Box<dyn ::core::future::Future<Output = u8> + 'a>> {}",
                Shape::BoxedFuture,
            ),
            ("fn f() -> BoxFuture<'static, u8> {}", Shape::BoxedFuture),
            ("fn f() -> Pin<Box<u8>> {}", Shape::Sync),
            ("fn f() -> impl Iterator<Item = u8> {}", Shape::Sync),
        ];
        for (source, expected) in rows {
            let item: ItemFn = syn::parse_str(source).unwrap();
            assert_eq!(Shape::of(&item.sig), expected, "{source}");
        }
    }

    #[test]
    fn the_tail_is_the_future_unless_the_body_returns_early() {
        let rows = [
            ("{ Box::pin(async move { 1 }) }", Shape::BoxedFuture, "block"),
            (
                "{ let x = 1; ::std::boxed::Box::pin(async move { x }) }",
                Shape::BoxedFuture,
                "block",
            ),
            ("{ Box::pin(inner(1)) }", Shape::BoxedFuture, "expr"),
            ("{ inner().boxed() }", Shape::BoxedFuture, "hidden"),
            ("{ if a { return Box::pin(b); } Box::pin(c) }", Shape::BoxedFuture, "hidden"),
            ("{ let f = || { return 1; }; Box::pin(c(f)) }", Shape::BoxedFuture, "expr"),
            ("{ async move { return 1; } }", Shape::ImplFuture, "block"),
            ("{ inner() }", Shape::ImplFuture, "expr"),
            ("{ return inner(); }", Shape::ImplFuture, "hidden"),
        ];
        for (source, shape, expected) in rows {
            let found = match tail(&syn::parse_str(source).unwrap(), shape) {
                Tail::Block(_) => "block",
                Tail::Expr(_) => "expr",
                Tail::Hidden => "hidden",
            };
            assert_eq!(found, expected, "{source}");
        }
    }

    #[test]
    fn names_inside_patterns_count_as_parameters() {
        let item: ItemFn =
            syn::parse_str("fn f(&self, a: u8, (b, C { d, .. }): (u8, C), Path(e): Path<u8>) {}")
                .unwrap();
        let names: Vec<String> = bound_names(&item.sig).iter().map(ToString::to_string).collect();
        assert_eq!(names, ["self", "a", "b", "d", "e"]);
    }
}
