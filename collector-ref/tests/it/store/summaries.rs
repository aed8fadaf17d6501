//! Summaries, differences and the counted picture against the same worked out row by row, from
//! memory and from files.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use scouter_collector::store::{
    AxisKind, Bounds, Dimension, Filter, GridShape, Measure, PageRequest, Row, Store, TimeRange,
    quantise,
};
use scouter_wire::record::XLogFlags;

use super::basics::with_traffic;
use super::support::{Agent, NOON, every_row, open, xlog};

/// Asks twice: of what is in memory, and once it is sealed.
fn hot_and_sealed(store: &dyn Store, check: impl Fn()) {
    check();
    store.seal().unwrap();
    assert_eq!(store.stats().hot_rows, 0);
    check();
}

fn value_of(row: &Row, by: Dimension) -> String {
    match by {
        Dimension::Service => row.service.to_string(),
        Dimension::Object => row.object.to_string(),
        Dimension::Tenant => row.tenant.to_string(),
        Dimension::Login => row.login.to_string(),
        Dimension::Ip => row.ip.to_string(),
        Dimension::UserAgent => row.user_agent.to_string(),
        Dimension::Error => row.error.to_string(),
        Dimension::Status => row.status.to_string(),
        Dimension::Desc => row.desc.to_string(),
        // Generated traffic is of one kind and one end, whose names the API's tests check.
        _ => String::new(),
    }
}

#[test]
fn a_summary_of_every_dimension_is_what_its_rows_add_up_to() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let rows = with_traffic(&store, 8, 500);
    let bounds = Bounds { low: quantise::elapsed(2_000), ..Bounds::time(TimeRange::ALL) };
    let mut ends: Vec<i64> = rows
        .iter()
        .filter(|row| bounds.contains(row.end_unix_us, row.elapsed_us))
        .map(|row| row.end_unix_us)
        .collect();
    ends.sort_unstable();
    hot_and_sealed(&store, || {
        for by in Dimension::ALL {
            let mut expected: BTreeMap<String, (u64, u64, u64, u64)> = BTreeMap::new();
            for row in rows.iter().filter(|row| bounds.contains(row.end_unix_us, row.elapsed_us)) {
                let sums = expected.entry(value_of(row, by)).or_default();
                sums.0 += 1;
                sums.1 += u64::from(!row.error.is_empty());
                sums.2 += row.elapsed_us;
                sums.3 += row.sql_us;
            }
            let found = store.summary(&bounds, &Filter::ALL, by).unwrap();
            assert_eq!(found.iter().map(|group| group.first_unix_us).min(), ends.first().copied());
            assert_eq!(found.iter().map(|group| group.last_unix_us).max(), ends.last().copied());
            assert!(found.is_sorted_by(|a, b| a.count >= b.count), "{by:?}");
            let nameless = matches!(by, Dimension::Kind | Dimension::End);
            let found: BTreeMap<String, (u64, u64, u64, u64)> = found
                .iter()
                .map(|group| {
                    let value = if nameless { String::new() } else { group.value.to_string() };
                    let sums = (group.count, group.errors, group.elapsed_sum_us, group.sql_sum_us);
                    (value, sums)
                })
                .collect();
            assert_eq!(found, expected, "{by:?}");
        }
    });
}

#[test]
fn percentiles_of_a_summary_are_within_five_percent() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let rows = with_traffic(&store, 4, 500);
    let mut elapsed: Vec<u64> = rows.iter().map(|row| row.elapsed_us).collect();
    elapsed.sort_unstable();
    let groups =
        store.summary(&Bounds::time(TimeRange::ALL), &Filter::ALL, Dimension::Kind).unwrap();
    assert_eq!(groups.len(), 1);
    let exact = |percent: usize| elapsed[(elapsed.len() * percent).div_ceil(100) - 1];
    for (found, percent) in [(groups[0].p50_us, 50), (groups[0].p95_us, 95), (groups[0].p99_us, 99)]
    {
        let exact = exact(percent);
        assert!(found.abs_diff(exact) * 20 <= exact, "p{percent}: {found}, not {exact}");
    }
    assert_eq!(groups[0].max_us, exact(100));
}

#[test]
fn what_distinguishes_a_box_comes_first_and_chance_does_not_come_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut agent = Agent::new(&store, 1, "/node/orders");
    for id in 1..=1_000u64 {
        let is_slow = id % 10 == 0;
        let mut row = xlog(NOON - 1_000_000, if is_slow { 3_000_000 } else { 2_000 }, id);
        // Nine in ten of the slow ones are one tenant's, who has one in ten of the others; logins
        // are as common among both.
        row.tenant = if (id / 10 % 10 == 0) == is_slow { "globex" } else { "acme" };
        row.login = if id % 7 == 0 { "ada" } else { "bob" };
        agent.push(&row, &[]);
    }
    agent.send(&store);
    let bounds = Bounds { low: quantise::elapsed(1_000_000), ..Bounds::time(TimeRange::ALL) };
    hot_and_sealed(&store, || {
        let found = store.differences(&bounds, TimeRange::ALL, &Filter::ALL, 10).unwrap();
        assert_eq!((found.selected, found.rest), (100, 900));
        let told: Vec<_> = found
            .values
            .iter()
            .map(|value| (value.dimension, &*value.value, value.least > 0.0))
            .collect();
        let expected = [(Dimension::Tenant, "acme", true), (Dimension::Tenant, "globex", false)];
        assert_eq!(told, expected, "{found:?}");
        let one = store.differences(&bounds, TimeRange::ALL, &Filter::ALL, 1).unwrap();
        assert_eq!(one.values, found.values[..1]);
    });
}

#[test]
fn a_box_around_everything_or_nothing_differs_in_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let rows = with_traffic(&store, 2, 500).len() as u64;
    let all = Bounds::time(TimeRange::ALL);
    let none = Bounds { low: u16::MAX, ..all };
    for (bounds, selected) in [(all, rows), (none, 0)] {
        let found = store.differences(&bounds, TimeRange::ALL, &Filter::ALL, 10).unwrap();
        assert_eq!((found.selected, found.rest), (selected, rows - selected));
        assert!(found.values.is_empty());
    }
}

fn measured(row: &Row, measure: Measure) -> u64 {
    match measure {
        Measure::Busy => row.busy_us,
        Measure::PoolWait => row.pool_wait_us,
        Measure::SqlTime => row.sql_us,
        Measure::SqlCount => row.sql_count.into(),
        Measure::ApiTime => row.api_us,
        Measure::ApiCount => row.api_count.into(),
        Measure::BytesOut => row.bytes_out,
        _ => row.elapsed_us,
    }
}

#[test]
fn each_measure_gives_dots_boxes_and_pictures_their_heights() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut rows = with_traffic(&store, 8, 500);
    rows.sort_by_key(|row| row.end_unix_us);
    let first_ms = quantise::time_ms(rows[0].end_unix_us);
    hot_and_sealed(&store, || {
        for measure in Measure::ALL {
            let cells: Vec<u16> =
                rows.iter().map(|row| quantise::elapsed(measured(row, measure))).collect();
            let mut sorted = cells.clone();
            sorted.sort_unstable();
            let points = store.points(TimeRange::ALL, measure, &Filter::ALL, 1 << 20).unwrap();
            let mut heights: Vec<u16> = points.points.iter().map(|point| point.height).collect();
            heights.sort_unstable();
            assert_eq!(heights, sorted, "{measure:?}");
            let low = sorted[sorted.len() / 2];
            let bounds = Bounds { low, ..Bounds::time(TimeRange::ALL) }.by(measure);
            let inside = cells.iter().filter(|cell| **cell >= low).count();
            let request = PageRequest { limit: 0, after: None };
            let page = store.rows(&bounds, &Filter::ALL, &request).unwrap();
            assert_eq!(page.total, inside as u64, "{measure:?}");
            let found = store.differences(&bounds, TimeRange::ALL, &Filter::ALL, 1).unwrap();
            assert_eq!(found.selected, inside as u64, "{measure:?}");
            let shape = GridShape {
                column_ms: 60_000,
                first_column: first_ms.div_euclid(60_000),
                columns: 100,
                rows: 1,
                measure,
                axis: AxisKind::Log,
                low: 0,
                high: low,
            };
            let grid = store.grid(&shape, &Filter::ALL).unwrap();
            let lane: u32 = grid.all.iter().step_by(2).sum();
            let above = cells.iter().filter(|cell| **cell > low).count();
            assert_eq!((lane as usize, grid.total), (above, rows.len() as u64), "{measure:?}");
        }
    });
}

#[test]
fn the_counted_picture_has_each_row_in_its_pixel() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let rows = with_traffic(&store, 8, 500);
    let first_ms = quantise::time_ms(rows.iter().map(|row| row.end_unix_us).min().unwrap());
    for axis in [AxisKind::Log, AxisKind::Linear] {
        // Ends before the last rows, so that some are outside.
        let shape = GridShape {
            column_ms: 40,
            first_column: first_ms.div_euclid(40) - 3,
            columns: 60,
            rows: 111,
            measure: Measure::Elapsed,
            axis,
            low: quantise::elapsed(100),
            high: quantise::elapsed(200_000),
        };
        let row_of = shape.row_of();
        let mut expected = [vec![0u32; shape.cells()], vec![0u32; shape.cells()]];
        for row in &rows {
            let Some(column) = shape.column(quantise::time_ms(row.end_unix_us)) else { continue };
            let height = row_of[usize::from(quantise::elapsed(row.elapsed_us))];
            let cell = column * 112 + usize::from(height);
            expected[0][cell] += 1;
            expected[1][cell] += u32::from(!row.error.is_empty());
        }
        let total: u32 = expected[0].iter().sum();
        assert!(0 < total && (total as usize) < rows.len(), "{total} of {}", rows.len());
        let found = store.grid(&shape, &Filter::ALL).unwrap();
        assert_eq!((&found.all, &found.errors), (&expected[0], &expected[1]), "{axis:?}");
        assert_eq!((found.total, found.cursor), (total.into(), rows.len() as u64));
        store.seal().unwrap();
        assert_eq!(store.grid(&shape, &Filter::ALL).unwrap(), found, "sealed, {axis:?}");
    }
}

#[test]
fn a_walk_visits_every_row_once_and_stops_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut expected = with_traffic(&store, 8, 500);
    expected.sort_unstable_by_key(Row::cursor);
    let bounds = Bounds::time(TimeRange::ALL);
    hot_and_sealed(&store, || {
        let mut seen = Vec::new();
        let mut keep = |row| {
            seen.push(row);
            ControlFlow::Continue(())
        };
        store.walk(&bounds, &Filter::ALL, &mut keep).unwrap();
        seen.sort_unstable_by_key(Row::cursor);
        assert_eq!(seen, expected);
        let mut visited = 0;
        let mut stop = |_| {
            visited += 1;
            if visited == 7 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        store.walk(&bounds, &Filter::ALL, &mut stop).unwrap();
        assert_eq!(visited, 7);
    });
}

#[test]
fn flags_and_filters_hold_for_summaries_as_for_lists() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut agent = Agent::new(&store, 1, "/node/orders");
    for id in 1..=20u64 {
        let mut row = xlog(NOON - 1_000_000, 1_000, id);
        row.flags = if id % 4 == 0 { XLogFlags::SLOW } else { XLogFlags::default() };
        agent.push(&row, &[]);
    }
    agent.send(&store);
    assert_eq!(every_row(&store).len(), 20);
    let clause = scouter_collector::store::Clause {
        test: scouter_collector::store::Test::Slow,
        is_negated: false,
    };
    let filter = Filter { clauses: vec![clause] };
    let found = store.summary(&Bounds::time(TimeRange::ALL), &filter, Dimension::Object).unwrap();
    assert_eq!((found.len(), found[0].count), (1, 5));
}
