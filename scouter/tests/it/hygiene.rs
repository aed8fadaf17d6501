//! Nothing that the user shadows gets in the way of the generated code.
#![expect(
    dead_code,
    unused_macros,
    non_camel_case_types,
    non_snake_case,
    reason = "names that exist to shadow others"
)]

use crate::support::{steps, steps_async};

mod no_prelude {
    #![no_implicit_prelude]

    // Every name that careless generated code would use, meaning something else.
    pub(super) struct Result;
    pub(super) struct Option;
    pub(super) struct Box;
    pub(super) struct Pin;
    pub(super) struct Future;
    pub(super) struct String;
    pub(super) struct Callsite;
    pub(super) struct Probe;
    pub(super) trait Debug {}
    pub(super) trait Display {}
    pub(super) mod std {}
    pub(super) mod core {}
    pub(super) mod alloc {}
    pub(super) mod scouter {}
    pub(super) mod scouter_core {}
    pub(super) mod linkme {}
    pub(super) fn Ok() {}
    pub(super) fn Err() {}
    pub(super) fn Some() {}
    pub(super) fn None() {}
    pub(super) fn drop() {}
    pub(super) type bool = ();
    pub(super) type u64 = ();
    macro_rules! callsite {
        () => {
            compile_error!("the user's own macro")
        };
    }
    macro_rules! concat {
        () => {
            compile_error!("the user's own macro")
        };
    }
    macro_rules! file {
        () => {
            compile_error!("the user's own macro")
        };
    }
    macro_rules! line {
        () => {
            compile_error!("the user's own macro")
        };
    }

    #[::scouter::scout(args(all), ret, err)]
    pub(super) fn sync(id: ::core::primitive::u64) -> ::core::result::Result<Result, Option> {
        let __scouter_site = id;
        let __scouter_step = __scouter_site;
        let __scouter_value = __scouter_step;
        if __scouter_value == 1 {
            ::core::result::Result::Ok(Result)
        } else {
            ::core::result::Result::Err(Option)
        }
    }

    #[::scouter::scout(args(id), ret, err, service)]
    pub(super) async fn future(
        id: ::core::primitive::u64,
    ) -> ::core::result::Result<::core::primitive::u64, Option> {
        ::core::result::Result::Ok(id)
    }

    #[::scouter::scout(args(id), ret)]
    pub(super) fn boxed(
        id: ::core::primitive::u64,
    ) -> ::core::pin::Pin<
        ::std::boxed::Box<
            dyn ::core::future::Future<Output = ::core::primitive::u64> + ::core::marker::Send,
        >,
    > {
        ::std::boxed::Box::pin(async move { id })
    }

    #[::scouter::scout(service, err)]
    pub(super) fn service() -> ::core::result::Result<(), Option> {
        ::core::result::Result::Ok(())
    }
}

/// Methods of the user that are called like ours must not be taken for them.
struct Impostor;

trait Capture {
    fn enter(&self) {}
    fn opened(&self) {}
    fn is_args_on(&self) {}
    fn is_err_on(&self) {}
}

impl<T: ?Sized> Capture for T {}

impl std::fmt::Debug for Impostor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("impostor")
    }
}

#[scouter::scout(args(value))]
fn with_impostor(value: Impostor) -> Impostor {
    value
}

/// The crate may have another name, or be re-exported.
mod renamed {
    pub(super) mod reexported {
        pub(in super::super) use scouter::__private;
    }

    #[scouter::scout(crate = crate::hygiene::renamed::reexported)]
    pub(super) fn by_path() {}

    #[scouter::scout(crate = reexported, args(id))]
    pub(super) async fn relative(id: u8) -> u8 {
        id
    }
}

#[test]
fn shadowed_names_do_not_reach_the_generated_code() {
    let recorded = steps_async(async {
        assert!(no_prelude::sync(1).is_ok());
        assert!(no_prelude::future(2).await.is_ok());
        assert_eq!(no_prelude::boxed(3).await, 3);
        assert!(no_prelude::service().is_ok());
    });
    assert_eq!(recorded, "sync\nfuture\nboxed\nservice\n");
    assert!(steps(|| assert!(no_prelude::sync(0).is_err())).starts_with("sync !error"));
}

#[test]
fn methods_of_the_user_with_our_names_are_not_called() {
    assert_eq!(steps(|| _ = with_impostor(Impostor)), "with_impostor\n");
}

#[test]
fn the_crate_option_names_where_the_generated_code_looks() {
    let recorded = steps_async(async {
        renamed::by_path();
        assert_eq!(renamed::relative(1).await, 1);
    });
    assert_eq!(recorded, "by_path\nrelative\n");
}
