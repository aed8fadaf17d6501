//! `Executor` for the pool, for a connection, and for a plain connection that was handed in.

use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use sqlx::{Database, Either, Error, Execute, Executor, SqlStr};
use sqlx_core::describe::Describe;

use crate::connection::Conn;
use crate::driver::{self, Row, Rows};
use crate::instrument::Instrumented;
use crate::prepare;
use crate::recorded_pool::Pool;
use crate::recording::Recording;
use crate::stream::{
    ExecuteAll, FetchAll, FetchOne, FetchOptional, OnlyResults, OnlyRows, Recorded,
};
use crate::taken::Taken;

/// The methods that are the same for all: each boxes one future or stream of ours.
macro_rules! fetching_methods {
    ($lifetime:lifetime) => {
        type Database = DB;

        fn execute<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<DB::QueryResult, Error>>
        where
            $lifetime: 'e,
            E: 'q + Execute<'q, DB>,
        {
            Box::pin(ExecuteAll::new(self.open(Taken::new(query))))
        }

        fn execute_many<'e, 'q: 'e, E>(
            self,
            query: E,
        ) -> BoxStream<'e, Result<DB::QueryResult, Error>>
        where
            $lifetime: 'e,
            E: 'q + Execute<'q, DB>,
        {
            Box::pin(OnlyResults(self.open(Taken::new(query))))
        }

        fn fetch<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<DB::Row, Error>>
        where
            $lifetime: 'e,
            E: 'q + Execute<'q, DB>,
        {
            Box::pin(OnlyRows(self.open(Taken::new(query))))
        }

        fn fetch_many<'e, 'q: 'e, E>(
            self,
            query: E,
        ) -> BoxStream<'e, Result<Either<DB::QueryResult, DB::Row>, Error>>
        where
            $lifetime: 'e,
            E: 'q + Execute<'q, DB>,
        {
            Box::pin(self.open(Taken::new(query)))
        }

        fn fetch_all<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Vec<DB::Row>, Error>>
        where
            $lifetime: 'e,
            E: 'q + Execute<'q, DB>,
        {
            Box::pin(FetchAll::new(self.open(Taken::new(query))))
        }

        fn fetch_one<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<DB::Row, Error>>
        where
            $lifetime: 'e,
            E: 'q + Execute<'q, DB>,
        {
            Box::pin(FetchOne(self.open_optional(Taken::new(query))))
        }

        fn fetch_optional<'e, 'q: 'e, E>(
            self,
            query: E,
        ) -> BoxFuture<'e, Result<Option<DB::Row>, Error>>
        where
            $lifetime: 'e,
            E: 'q + Execute<'q, DB>,
        {
            Box::pin(self.open_optional(Taken::new(query)))
        }
    };
}

impl<'c, DB: Database> Executor<'c> for &'c mut Conn<DB> {
    fetching_methods!('c);

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [DB::TypeInfo],
    ) -> BoxFuture<'e, Result<DB::Statement, Error>>
    where
        'c: 'e,
    {
        let dialect = self.settings().dialect;
        Box::pin(prepare::recorded(sql.clone(), dialect, async move {
            driver::prepare::<DB>(self.raw_mut(), sql, parameters).await
        }))
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<DB>, Error>>
    where
        'c: 'e,
    {
        Box::pin(driver::describe::<DB>(self.raw_mut(), sql))
    }
}

impl<DB: Database> Conn<DB> {
    fn open(&mut self, query: Taken<DB>) -> Recorded<'_, DB> {
        let recording = Recording::on_connection(&query, self.settings(), self.checkout());
        let rows = match self.refuse_if_lost() {
            Ok(()) => driver::fetch_many(self.raw_mut(), query),
            Err(error) => Rows::Failed(Some(error)),
        };
        Recorded::new(recording, rows)
    }

    fn open_optional(&mut self, query: Taken<DB>) -> FetchOptional<'_, DB> {
        let recording = Recording::on_connection(&query, self.settings(), self.checkout());
        let row = match self.refuse_if_lost() {
            Ok(()) => driver::fetch_optional(self.raw_mut(), query),
            Err(error) => Row::Failed(Some(error)),
        };
        FetchOptional::new(recording, row)
    }
}

impl<'p, DB: Database> Executor<'p> for &Pool<DB>
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    fetching_methods!('p);

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [DB::TypeInfo],
    ) -> BoxFuture<'e, Result<DB::Statement, Error>>
    where
        'p: 'e,
    {
        let prepare = self.inner().prepare_with(sql.clone(), parameters);
        Box::pin(prepare::recorded(sql, self.settings().dialect, prepare))
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<DB>, Error>>
    where
        'p: 'e,
    {
        self.inner().describe(sql)
    }
}

impl<DB: Database> Pool<DB>
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    fn open<'e>(&self, mut query: Taken<DB>) -> Recorded<'e, DB> {
        let recording = Recording::on_pool(&mut query, self.settings(), self.waits());
        Recorded::new(recording, Rows::Same(self.inner().fetch_many(query)))
    }

    fn open_optional<'e>(&self, mut query: Taken<DB>) -> FetchOptional<'e, DB> {
        let recording = Recording::on_pool(&mut query, self.settings(), self.waits());
        FetchOptional::new(recording, Row::Same(self.inner().fetch_optional(query)))
    }
}

impl<'c, DB: Database> Executor<'c> for Instrumented<'c, DB> {
    fetching_methods!('c);

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [DB::TypeInfo],
    ) -> BoxFuture<'e, Result<DB::Statement, Error>>
    where
        'c: 'e,
    {
        let dialect = self.settings.dialect;
        Box::pin(prepare::recorded(sql.clone(), dialect, async move {
            driver::prepare::<DB>(self.connection, sql, parameters).await
        }))
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<DB>, Error>>
    where
        'c: 'e,
    {
        Box::pin(driver::describe::<DB>(self.connection, sql))
    }
}

impl<'c, DB: Database> Instrumented<'c, DB> {
    fn open(self, query: Taken<DB>) -> Recorded<'c, DB> {
        let recording = Recording::on_connection(&query, self.settings, None);
        Recorded::new(recording, driver::fetch_many(self.connection, query))
    }

    fn open_optional(self, query: Taken<DB>) -> FetchOptional<'c, DB> {
        let recording = Recording::on_connection(&query, self.settings, None);
        FetchOptional::new(recording, driver::fetch_optional(self.connection, query))
    }
}
