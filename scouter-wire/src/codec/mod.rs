//! Frames: how records travel between agent and collector, and lie in the write-ahead log.
//!
//! `docs/WIRE.md` describes the bytes. Nothing here does I/O, starts threads or keeps globals.
//! Every decoder is total: whatever the input, it answers records or a [`DecodeError`], and
//! reserves no more memory than the limits in this module allow. What only a newer sender knows is
//! no error: longer records are read as far as they are known, kinds read as `Other`, digests of an
//! unknown key are skipped and counted.
//!
//! # How a collector uses it
//!
//! 1. Compare the first bytes of a connection with [`check_preface`]; answer anything else with a
//!    [`Refusal`] and close.
//! 2. Read [`FRAME_HEADER_BYTES`], [`FrameHeader::parse`], read that many bytes,
//!    [`FrameHeader::check`]; or give a buffer to [`Frame::parse`]. Skip a frame whose
//!    [`FrameHeader::frame_type`] is `None`; close on an error.
//! 3. [`Hello::read`], [`Auth::read`] when HELLO says that it follows ([`Auth::matches`]); answer
//!    with a [`Welcome`].
//! 4. TEXT: [`read_texts`]; check each hash with [`HashSeed::hash`], number the text, answer
//!    [`put_text_ids`]. Frames with a seq may refer to a hash as soon as its TEXT was sent, so TEXT
//!    goes through the write-ahead log too.
//! 5. BATCH: [`BatchView::parse`], resolve [`TextTable::entries`] to a `Vec<TextRef>` in the same
//!    order (an entry of a kind you do not know: any number), then
//!    [`SectionDecoder::xlogs`] into kept [`XLogColumns`]. `XLogColumns::profiles` says which row
//!    each profile belongs to. Store `profile_section` as it is, with the resolved numbers beside
//!    it; [`SectionDecoder::profiles`] reads it years later. A frame may have
//!    `counts.profiles_stripped`: then there are none.
//! 6. COUNTER and AGG: [`SeriesView`]; add up [`DigestInterval::skipped`]. ALERT: [`read_alerts`]. OBJECT: [`read_object_frame`].
//! 7. After durability: [`Ack`] with the highest seq without a gap in what was received on this
//!    connection. A seq at or below the high-water mark of (instance, epoch) is a duplicate; gaps
//!    are normal (the agent dropped and counted those frames).
//! 8. Commands: [`Command`] out, [`Reply`] chunks into an [`Answer`], then [`read_active`],
//!    [`read_options`] or [`read_callsites`].
//! 9. CLOCK: fill a [`ClockReading`] in and send it back, at once.
//!
//! ```
//! use scouter_wire::codec::{Ack, Frame, FrameType, write_frame};
//!
//! let mut out = Vec::new();
//! write_frame(&mut out, FrameType::Ack, 0, |body| {
//!     Ack { seq: 7, credit_bytes: 1 << 20 }.put(body);
//! })?;
//! let (frame, length) = Frame::parse(&out)?.ok_or("a whole frame")?;
//! assert_eq!(length, out.len());
//! assert_eq!(frame.header.frame_type(), Some(FrameType::Ack));
//! assert_eq!(Ack::read(frame.body)?.seq, 7);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod alert;
mod answers;
mod batch;
mod bytes;
mod clock;
mod code;
mod column;
mod compress;
mod control;
mod error;
mod frame;
mod hash;
mod heap;
mod hello;
mod limits;
mod origin;
mod rewrite;
mod series;
mod strings;
mod texts;
mod tools;
mod totals;

pub use alert::{read_alerts, write_alerts_frame};
pub use answers::{
    CallsiteEntry, OptionEntry, put_active, put_callsites, put_options, read_active,
    read_callsites, read_options,
};
pub use batch::{
    BatchCounts, BatchEncoder, BatchView, DistinctText, EncodedBatch, ProfileEntry, Profiles,
    SectionDecoder, XLogColumns,
};
pub use clock::ClockReading;
pub use code::{FrameEntry, MAX_STACK_FRAMES, ModuleEntry, code_entries, code_frames};
pub use control::{Answer, Command, CommandKind, Encoding, Reply};
pub use error::{DecodeError, EncodeError};
pub use frame::{
    FRAME_HEADER_BYTES, FRAME_VERSION, Frame, FrameHeader, FrameType, PREFACE, check_preface,
    write_frame,
};
pub use hash::HashSeed;
pub use heap::{HeapEntry, HeapProfile, put_heap, read_heap};
pub use hello::{Ack, Auth, Hello, Refusal, RefusalCode, Welcome, put_object, read_object_frame};
pub use limits::{
    MAX_ACTIVE_STACK, MAX_BATCH_PROFILES, MAX_BATCH_STEPS, MAX_BATCH_XLOGS, MAX_COMMAND_BYTES,
    MAX_FRAME_BYTES, MAX_FRAME_TEXTS, MAX_LIST_ITEMS, MAX_NAME_BYTES, MAX_REPLY_BYTES,
    MAX_REPLY_CHUNK_BYTES, MAX_SECTION_BYTES, MAX_SENTENCE_BYTES, MAX_SKETCH_BUCKETS,
    MAX_STEP_TEXT_BYTES, MAX_TAGS, MAX_TOKEN_BYTES,
};
pub use origin::{InstanceId, Origin, StoreId};
pub use rewrite::{RewriteError, rewrite_frame};
pub use series::{DigestInterval, EncodedSeries, SeriesEncoder, SeriesView};
pub use texts::{
    NewText, NumberedText, TextEntry, TextName, TextTable, put_text_ids, put_texts, read_text_ids,
    read_texts,
};
pub use tools::{
    CapabilityEntry, EnvironmentEntry, ProfileMode, StackCount, StackProfile, StackQuality,
    ThreadDump, ThreadEntry, put_environment, put_profile, put_threads, read_environment,
    read_profile, read_threads,
};
pub use totals::{DropReason, Totals};
