//! sqlx's macros through the renamed dependency: `query!`, `query_as!`, `migrate!`, the derives,
//! `#[sqlx::test]`. They expand to `::sqlx::…`, so only a package that renames can test them.
//!
//! The answers of the databases are committed in `.sqlx/` and used when `DATABASE_URL` is unset.
//! To make them anew, for each database with the tables of `migrations/` in it:
//! ```sh
//! DATABASE_URL=sqlite:/tmp/macros.db SQLX_OFFLINE_DIR=$PWD/.sqlx cargo check \
//!     -p scouter-query-macros --tests --no-default-features --features check-sqlite
//! ```
