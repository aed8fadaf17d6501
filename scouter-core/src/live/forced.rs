//! The row of a transaction that does not end.
//!
//! Only its owner may write into a header, and the owner hangs. So another header stands in for it:
//! it takes over the figures and texts as a reader sees them, and ends at once, as any transaction
//! does. The one that hangs goes on as before and is seen in the live view; when it ends after all
//! it gives no second row, since that right has been claimed. Its steps are not taken over: the live
//! view has them as long as it hangs, and the stand-in's row says where.

use std::fmt;

use scouter_wire::Txid;
use scouter_wire::record::EndReason;

use super::{RECORD_TRIES, read};
use crate::header::{Half, Header, Word};
use crate::telemetry::{DROPPED_HEADER_LIMIT, TRANSACTIONS_FORCED};
use crate::texts::{Slot, walk};
use crate::transaction::{mark, set_error};
use crate::{finish, lane, options, pool};

/// Gives a running transaction its row now, with [`EndReason::ForcedEnd`] and this error; whether
/// it did. It does not if the transaction has ended or has had its row, or if no header is free.
///
/// Never on a thread that serves requests: it looks through all running transactions.
#[must_use]
pub fn force_end(txid: Txid, error: &dyn fmt::Display) -> bool {
    if lane::thread().is_none() {
        return false;
    }
    let mut headers = Vec::new();
    pool::headers(&mut headers);
    let is_it = |header: &&'static Header| header.word(Word::Txid) == txid.value();
    let Some(hanging) = headers.into_iter().find(is_it) else { return false };
    let Some(stand_in) = lane::with(lane::take_header) else {
        DROPPED_HEADER_LIMIT.add(1);
        return false;
    };
    stand_in.prepare(options::PROFILE_STEP_MAX_COUNT.small());
    let (mut life, mut texts) = (0, Vec::new());
    let is_read = read(hanging, |header, generation| {
        life = generation;
        stand_in.copy_figures(header);
        texts.clear();
        (0..RECORD_TRIES).any(|_| header.texts.copy_for_readers(&mut texts));
    });
    if !is_read || stand_in.word(Word::Txid) != txid.value() || !hanging.claim(life) {
        lane::give_header(stand_in);
        return false;
    }
    stand_in.set(Word::PollStart, 0);
    stand_in.set_half(Half::Tid, 0);
    // What travels on to callees stays with the one that hangs.
    stand_in.set_half(Half::Marks, stand_in.half(Half::Marks) & mark::KEEP);
    stand_in.publish();
    walk(&texts, &mut Vec::new(), |slot, key, text| {
        if let Some(slot) = Slot::from_number(slot) {
            stand_in.texts.set(slot, key, text);
        }
    });
    set_error(stand_in, error);
    TRANSACTIONS_FORCED.add(1);
    finish::finish(stand_in, EndReason::ForcedEnd);
    true
}
