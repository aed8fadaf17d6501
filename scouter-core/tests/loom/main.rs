//! Loom models of everything two threads touch at once: the seqlock of a header's life, the record
//! that is rewritten while it is read, closing from a foreign thread, texts, both queues.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p scouter-core --release --test loom`
//!
//! The modules under test are included by path, so that they compile against loom's atomics; what
//! they need of the rest of the crate is stubbed below.
#![cfg(loom)]
#![allow(dead_code, reason = "the models use a part of each module")]
#![allow(unsafe_code, reason = "the included modules contain the recorder's unsafe code")]
#![allow(missing_docs, unreachable_pub, reason = "the included modules are internal")]

#[path = "../../src/header.rs"]
mod header;
#[path = "../../src/queue.rs"]
mod queue;
#[path = "../../src/records.rs"]
mod records;
#[path = "../../src/sync.rs"]
mod sync;
#[path = "../../src/texts.rs"]
mod texts;

mod lives;
mod queues;

mod callsite {
    use scouter_wire::record::StepKind;

    #[derive(Debug)]
    pub struct Callsite(pub u64);

    impl Callsite {
        pub fn kind(&self) -> StepKind {
            StepKind::Method
        }

        pub fn text(&self) -> crate::text::TextId {
            crate::text::TextId::from_number(0)
        }
    }
}

mod sys {
    pub fn prefetch<T>(_: &T) {}
}

mod text {
    #[derive(Debug, Clone, Copy)]
    pub struct TextId(u32);

    impl TextId {
        pub const fn number(self) -> u32 {
            self.0
        }

        pub const fn from_number(number: u32) -> Self {
            Self(number)
        }
    }
}

mod pool {
    use crate::header::{Chunk, Directory};
    use crate::texts::TextPage;

    #[derive(Debug, Default)]
    pub struct CarriedCell;

    impl CarriedCell {
        pub fn set(&self, _: Option<()>) {}
    }

    pub fn take_chunk() -> Option<&'static Chunk> {
        Some(Box::leak(Box::new(Chunk::blank())))
    }

    pub fn give_chunk(_: &'static Chunk) {}

    pub fn take_directory() -> Option<&'static Directory> {
        None
    }

    pub fn give_directory(_: &'static Directory) {}

    pub fn take_text_page() -> Option<&'static TextPage> {
        None
    }

    pub fn give_text_page(_: &'static TextPage) {}

    pub fn count_no_memory() {}
}
