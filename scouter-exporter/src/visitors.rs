//! Who was here: users of the last minutes and of the day, counted without keeping their names.

use std::collections::VecDeque;

use scouter_wire::record::{Visitors, XLog};

/// How long a user counts as recent: five minutes, as in SCOUTER (`counter_recentuser_valid_ms`).
pub const RECENT_USER_US: i64 = 300_000_000;

/// Pieces the recent past is kept in; each forgets its users as a whole.
const SLICES: i64 = 10;
const SLICE_US: i64 = RECENT_USER_US / SLICES;
const DAY_US: i64 = 86_400_000_000;

/// Counts users, each in 4 KiB: one for the day, one for each slice of the recent past.
///
/// A user is the login of a tenant; without a login the address of the client.
#[derive(Debug, Default)]
pub(crate) struct Users {
    /// Ascending by slice.
    slices: VecDeque<(i64, Visitors)>,
    day: i64,
    today: Visitors,
}

impl Users {
    pub(crate) fn xlog(&mut self, xlog: &XLog<'_>) {
        let user = match (xlog.login, xlog.ip) {
            ("", "") => return,
            ("", ip) => [xlog.tenant, "ip", ip],
            (login, _) => [xlog.tenant, "login", login],
        };
        self.move_to(xlog.end_unix_us);
        // What ended before midnight and comes after it counts for the new day.
        self.today.insert(&user);
        if let Some((_, visitors)) = self.slices.back_mut() {
            visitors.insert(&user);
        }
    }

    /// Users of the last five minutes, in steps of half a minute, and of this day (UTC).
    pub(crate) fn counts(&mut self, unix_us: i64) -> (u64, u64) {
        self.move_to(unix_us);
        let mut recent = Visitors::default();
        self.slices.iter().for_each(|(_, visitors)| recent.merge(visitors));
        (recent.count(), self.today.count())
    }

    /// Forgets what is over. A clock that goes back does not bring anything back.
    fn move_to(&mut self, unix_us: i64) {
        let slice = unix_us.div_euclid(SLICE_US);
        let newest = self.slices.back().map_or(i64::MIN, |(slice, _)| *slice);
        if slice > newest {
            self.slices.push_back((slice, Visitors::default()));
            while self.slices.front().is_some_and(|(first, _)| *first <= slice - SLICES) {
                self.slices.pop_front();
            }
        }
        let day = unix_us.div_euclid(DAY_US);
        if day > self.day {
            self.day = day;
            self.today.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::xlog;

    const NOON: i64 = 20_000 * DAY_US + DAY_US / 2;

    fn visit(users: &mut Users, at: i64, tenant: &str, login: &str, ip: &str) {
        users.xlog(&XLog { end_unix_us: at, login, ip, ..xlog(1, tenant) });
    }

    #[test]
    fn a_user_is_a_login_of_a_tenant_or_else_an_address_and_counts_once() {
        let mut users = Users::default();
        for _ in 0..3 {
            visit(&mut users, NOON, "acme", "ann", "10.0.0.1");
            visit(&mut users, NOON, "acme", "ann", "10.0.0.2");
            visit(&mut users, NOON, "other", "ann", "10.0.0.1");
            visit(&mut users, NOON, "acme", "", "10.0.0.1");
            visit(&mut users, NOON, "acme", "", "");
        }
        assert_eq!(users.counts(NOON), (3, 3));
    }

    #[test]
    fn recent_users_are_forgotten_after_five_minutes_and_all_of_them_at_midnight() {
        let mut users = Users::default();
        visit(&mut users, NOON, "acme", "ann", "");
        visit(&mut users, NOON + RECENT_USER_US / 2, "acme", "bob", "");
        assert_eq!(users.counts(NOON + RECENT_USER_US - SLICE_US), (2, 2));
        assert_eq!(users.counts(NOON + RECENT_USER_US), (1, 2));
        assert_eq!(users.counts(NOON + 2 * RECENT_USER_US), (0, 2));
        assert_eq!(users.counts(NOON + DAY_US / 2), (0, 0));
    }

    #[test]
    fn memory_stays_bounded_and_a_clock_that_goes_back_harms_nothing() {
        let mut users = Users::default();
        for minute in 0..1_000 {
            visit(&mut users, NOON + minute * 60_000_000, "acme", &minute.to_string(), "");
        }
        visit(&mut users, NOON, "acme", "late", "");
        assert!(users.slices.len() <= usize::try_from(SLICES).unwrap());
        assert!(users.slices.iter().is_sorted_by_key(|(slice, _)| *slice));
        assert!(users.counts(NOON).0 <= 7);
    }
}
