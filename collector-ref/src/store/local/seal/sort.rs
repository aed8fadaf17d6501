//! The order in which rows are sealed: by END, rows of one microsecond as they arrived.

use super::super::layout::Hour;

/// Most segments one generation is cut into. Rows of further hours (only a broken clock makes so
/// many) share the last one, in the folder of its newest row.
pub(crate) const MAX_HOURS_PER_SEAL: usize = 48;

const DIGIT_BITS: u32 = 11;
const DIGITS: usize = 1 << DIGIT_BITS;

/// Row numbers in the order of their END times (stable).
pub(crate) fn by_end(ends: &[i64]) -> Vec<u32> {
    let (Some(&first), Some(&last)) = (ends.iter().min(), ends.iter().max()) else {
        return Vec::new();
    };
    let span = last.wrapping_sub(first).cast_unsigned();
    // A generation has far fewer than 2^32 rows.
    let rows = u32::try_from(ends.len()).unwrap_or(u32::MAX);
    let mut order: Vec<u32> = (0..rows).collect();
    if ends.is_sorted() {
        return order;
    }
    // Least significant digit first: each pass is stable, so the last one leaves all in order.
    let passes = (u64::BITS - span.leading_zeros()).div_ceil(DIGIT_BITS);
    let mut next = vec![0; order.len()];
    for pass in 0..passes {
        let shift = pass * DIGIT_BITS;
        let digit = |row: u32| {
            let offset = ends[row as usize].wrapping_sub(first).cast_unsigned();
            usize::try_from(offset >> shift).unwrap_or_default() % DIGITS
        };
        let mut starts = [0u32; DIGITS + 1];
        for row in &order {
            starts[digit(*row) + 1] += 1;
        }
        for place in 0..DIGITS {
            starts[place + 1] += starts[place];
        }
        for row in &order {
            let place = &mut starts[digit(*row)];
            next[*place as usize] = *row;
            *place += 1;
        }
        std::mem::swap(&mut order, &mut next);
    }
    order
}

/// Cuts sorted rows into runs of one hour each, newest first when there are too many.
pub(crate) fn by_hour<'a>(ends: &[i64], order: &'a [u32]) -> Vec<(Hour, &'a [u32])> {
    let hour = |row: &u32| Hour::of(ends[*row as usize]);
    let mut runs: Vec<(Hour, &[u32])> = Vec::new();
    let mut rest = order;
    while let Some(last) = rest.last() {
        let newest = hour(last);
        let cut = if runs.len() + 1 == MAX_HOURS_PER_SEAL {
            0
        } else {
            rest.partition_point(|row| hour(row) < newest)
        };
        runs.push((newest, &rest[cut..]));
        rest = &rest[..cut];
    }
    runs.reverse();
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::local::layout::HOUR_US;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_come_out_in_order_and_equal_ones_as_they_arrived(
            ends in prop::collection::vec(prop_oneof![0i64..50, any::<i64>()], 0..300),
        ) {
            let order = by_end(&ends);
            let mut expected: Vec<u32> = (0..u32::try_from(ends.len()).unwrap()).collect();
            expected.sort_by_key(|row| ends[*row as usize]);
            prop_assert_eq!(order, expected);
        }

        #[test]
        fn every_row_is_in_one_run_and_runs_are_hours(
            hours in prop::collection::vec(-100i64..100, 0..200),
        ) {
            let ends: Vec<i64> = hours.iter().map(|hour| hour * HOUR_US + 5).collect();
            let order = by_end(&ends);
            let runs = by_hour(&ends, &order);
            prop_assert!(runs.len() <= MAX_HOURS_PER_SEAL);
            let joined: Vec<u32> = runs.iter().flat_map(|(_, rows)| rows.iter().copied()).collect();
            prop_assert_eq!(&joined, &order);
            for (hour, rows) in runs.iter().skip(1) {
                prop_assert!(rows.iter().all(|row| Hour::of(ends[*row as usize]) == *hour));
            }
        }
    }
}
