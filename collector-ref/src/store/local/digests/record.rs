//! Digests as bytes: one by one in a record of the WAL, and the sums they share with the files.

use scouter_wire::TextRef;
use scouter_wire::record::{Digest, DigestKey, Sketch, StepKind};

use super::SplitKey;
use crate::store::local::bytes::{Damaged, Reader, put_text, put_varint};
use crate::store::{DigestKind, DigestTotals};

/// Buckets a sketch has.
const MAX_BUCKETS: u64 = 512;

/// The digests of one frame, with the store's numbers of their texts.
pub(crate) fn encode(digests: &[Digest]) -> Vec<u8> {
    let mut out = Vec::new();
    for digest in digests {
        let Some(key) = SplitKey::of(&digest.key) else { continue };
        out.push(kind_number(key.kind));
        put_varint(&mut out, u64::from(key.text.0));
        put_text(&mut out, key.detail);
        put_peer(&mut out, key.peer.map(|kind| kind as u8));
        put_totals(&mut out, &digest.into());
    }
    out
}

/// Reads the digests of one frame.
pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<Digest>, Damaged> {
    let mut reader = Reader(bytes);
    let mut digests = Vec::new();
    while !reader.0.is_empty() {
        let kind = kind_of_number(reader.u8()?)?;
        let text = TextRef(reader.varint_u32()?);
        let detail = reader.text()?.to_owned();
        let peer = read_peer(&mut reader)?;
        let key = match kind {
            DigestKind::Service => DigestKey::Service(text),
            DigestKind::Sql => DigestKey::Sql(text),
            DigestKind::Api => DigestKey::Api(text),
            DigestKind::Method => DigestKey::Method(text),
            DigestKind::Error => DigestKey::Error(text, detail),
            DigestKind::Edge => {
                let kind = peer.and_then(StepKind::from_wire).ok_or(Damaged)?;
                DigestKey::Edge { service: text, kind, peer: detail }
            }
        };
        let totals = read_totals(&mut reader)?;
        digests.push(Digest {
            key,
            count: totals.count,
            errors: totals.errors,
            elapsed_us: totals.elapsed_us,
            sketch: totals.sketch,
            unseen_profiles: totals.unseen_profiles,
        });
    }
    Ok(digests)
}

/// Numbers of kinds are part of the format.
pub(super) fn kind_number(kind: DigestKind) -> u8 {
    match kind {
        DigestKind::Service => 0,
        DigestKind::Sql => 1,
        DigestKind::Api => 2,
        DigestKind::Error => 3,
        DigestKind::Edge => 4,
        DigestKind::Method => 5,
    }
}

pub(super) fn kind_of_number(number: u8) -> Result<DigestKind, Damaged> {
    DigestKind::ALL.into_iter().find(|kind| kind_number(*kind) == number).ok_or(Damaged)
}

pub(super) fn put_peer(out: &mut Vec<u8>, peer: Option<u8>) {
    out.push(u8::from(peer.is_some()));
    out.extend(peer);
}

pub(super) fn read_peer(reader: &mut Reader<'_>) -> Result<Option<u8>, Damaged> {
    match reader.u8()? {
        0 => Ok(None),
        1 => reader.u8().map(Some),
        _ => Err(Damaged),
    }
}

pub(super) fn put_totals(out: &mut Vec<u8>, totals: &DigestTotals) {
    for number in [totals.count, totals.errors, totals.elapsed_us, totals.unseen_profiles] {
        put_varint(out, number);
    }
    put_varint(out, totals.sketch.buckets.len() as u64);
    let mut last = 0;
    for (bucket, count) in &totals.sketch.buckets {
        put_varint(out, u64::from(bucket.wrapping_sub(last)));
        put_varint(out, *count);
        last = *bucket;
    }
}

pub(super) fn read_totals(reader: &mut Reader<'_>) -> Result<DigestTotals, Damaged> {
    let mut totals = DigestTotals {
        count: reader.varint()?,
        errors: reader.varint()?,
        elapsed_us: reader.varint()?,
        unseen_profiles: reader.varint()?,
        sketch: Sketch::default(),
    };
    let mut bucket = 0u64;
    for at in 0..reader.count()? {
        let ahead = reader.varint()?;
        bucket = bucket.checked_add(ahead).filter(|next| *next < MAX_BUCKETS).ok_or(Damaged)?;
        let count = reader.varint()?;
        if count == 0 || (at > 0 && ahead == 0) {
            return Err(Damaged);
        }
        totals.sketch.buckets.push((u16::try_from(bucket).map_err(|_| Damaged)?, count));
    }
    Ok(totals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_digest_comes_back_and_a_cut_one_is_damage() {
        let text = TextRef(7);
        let keys = [
            DigestKey::Service(text),
            DigestKey::Sql(TextRef::NONE),
            DigestKey::Api(text),
            DigestKey::Error(text, "no row \u{e4}".into()),
            DigestKey::Edge { service: text, kind: StepKind::Sql, peer: "db:5432".into() },
            DigestKey::Method(text),
        ];
        let mut sketch = Sketch::default();
        [0, 5, 900, u64::MAX].into_iter().for_each(|value| sketch.insert(value));
        let digest = |key: &DigestKey| Digest {
            key: key.clone(),
            count: 4,
            errors: 1,
            elapsed_us: u64::MAX,
            sketch: sketch.clone(),
            unseen_profiles: 3,
        };
        let digests: Vec<Digest> = keys.iter().map(digest).collect();
        let bytes = encode(&digests);
        assert_eq!(decode(&bytes).as_ref(), Ok(&digests));
        assert_eq!(decode(&[]), Ok(Vec::new()));
        for digest in &digests {
            let bytes = encode(std::slice::from_ref(digest));
            for cut in 1..bytes.len() {
                assert_eq!(decode(&bytes[..cut]), Err(Damaged), "{digest:?} cut at {cut}");
            }
        }
    }
}
