//! What `Executor` returns: the driver's stream or future with the recording around it.
//!
//! sqlx builds `execute`, `fetch_all` and their kind from `fetch_many` by boxing adapter after
//! adapter. Each has its own future here, so a statement costs one box beyond the driver's own and
//! never more than with plain sqlx.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use sqlx::{Database, Either, Error};

use crate::driver::{Item, Row, Rows};
use crate::recording::Recording;

/// A recorded statement: `fetch_many`.
pub(crate) struct Recorded<'e, DB: Database> {
    recording: Recording,
    rows: Rows<'e, DB>,
    is_over: bool,
}

impl<'e, DB: Database> Recorded<'e, DB> {
    pub(crate) fn new(recording: Recording, rows: Rows<'e, DB>) -> Self {
        Self { recording, rows, is_over: false }
    }

    fn poll_item(&mut self, context: &mut Context<'_>) -> Poll<Option<Item<DB>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let Self { recording, rows, .. } = self;
        let item = ready!(recording.poll(|| rows.poll_next(context)));
        let item = recording.observe::<DB>(item);
        self.is_over = matches!(item, None | Some(Err(_)));
        Poll::Ready(item)
    }
}

impl<DB: Database> Recorded<'_, DB> {
    /// Polls to the end and hands each item on, many of them in one poll of the step.
    fn poll_all(
        &mut self,
        context: &mut Context<'_>,
        mut take: impl FnMut(Either<DB::QueryResult, DB::Row>),
    ) -> Poll<Result<(), Error>> {
        while !self.is_over {
            let Self { recording, rows, .. } = self;
            let (room, mut fetched) = (recording.rows_at_a_time(), 0);
            let mut affected = None;
            let polled = recording.poll(|| {
                while fetched < room && affected.is_none() {
                    match ready!(rows.poll_next(context)) {
                        Some(Ok(Either::Right(row))) => {
                            fetched += 1;
                            take(Either::Right(row));
                        }
                        Some(Ok(Either::Left(result))) => affected = Some(result),
                        Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                        None => return Poll::Ready(Some(Ok(()))),
                    }
                }
                Poll::Ready(None)
            });
            recording.rows_came(fetched)?;
            if let Some(result) = affected {
                recording.result_came::<DB>(&result);
                take(Either::Left(result));
            }
            match ready!(polled) {
                None => {}
                Some(Ok(())) => {
                    recording.finish_ok();
                    self.is_over = true;
                }
                Some(Err(error)) => {
                    recording.finish_failed(&error);
                    self.is_over = true;
                    return Poll::Ready(Err(error));
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<DB: Database> Unpin for Recorded<'_, DB> {}

impl<DB: Database> Drop for Recorded<'_, DB> {
    fn drop(&mut self) {
        self.recording.let_go(std::mem::replace(&mut self.rows, Rows::Failed(None)));
    }
}

impl<DB: Database> Stream for Recorded<'_, DB> {
    type Item = Item<DB>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_item(context)
    }
}

/// Only the rows: `fetch`.
pub(crate) struct OnlyRows<'e, DB: Database>(pub(crate) Recorded<'e, DB>);

impl<DB: Database> Unpin for OnlyRows<'_, DB> {}

impl<DB: Database> Stream for OnlyRows<'_, DB> {
    type Item = Result<DB::Row, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let recorded = &mut self.get_mut().0;
        loop {
            return Poll::Ready(match ready!(recorded.poll_item(context)) {
                Some(Ok(Either::Right(row))) => Some(Ok(row)),
                Some(Ok(Either::Left(_))) => continue,
                Some(Err(error)) => Some(Err(error)),
                None => None,
            });
        }
    }
}

/// Only the results: `execute_many`.
pub(crate) struct OnlyResults<'e, DB: Database>(pub(crate) Recorded<'e, DB>);

impl<DB: Database> Unpin for OnlyResults<'_, DB> {}

impl<DB: Database> Stream for OnlyResults<'_, DB> {
    type Item = Result<DB::QueryResult, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let recorded = &mut self.get_mut().0;
        loop {
            return Poll::Ready(match ready!(recorded.poll_item(context)) {
                Some(Ok(Either::Left(result))) => Some(Ok(result)),
                Some(Ok(Either::Right(_))) => continue,
                Some(Err(error)) => Some(Err(error)),
                None => None,
            });
        }
    }
}

/// The sum of all results: `execute`.
pub(crate) struct ExecuteAll<'e, DB: Database> {
    recorded: Recorded<'e, DB>,
    sum: DB::QueryResult,
}

impl<'e, DB: Database> ExecuteAll<'e, DB> {
    pub(crate) fn new(recorded: Recorded<'e, DB>) -> Self {
        Self { recorded, sum: DB::QueryResult::default() }
    }
}

impl<DB: Database> Unpin for ExecuteAll<'_, DB> {}

impl<DB: Database> Future for ExecuteAll<'_, DB> {
    type Output = Result<DB::QueryResult, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { recorded, sum } = self.get_mut();
        ready!(recorded.poll_all(context, |item| {
            if let Either::Left(result) = item {
                sum.extend(Some(result));
            }
        }))?;
        Poll::Ready(Ok(std::mem::take(sum)))
    }
}

/// All rows: `fetch_all`.
pub(crate) struct FetchAll<'e, DB: Database> {
    recorded: Recorded<'e, DB>,
    rows: Vec<DB::Row>,
}

impl<'e, DB: Database> FetchAll<'e, DB> {
    pub(crate) fn new(recorded: Recorded<'e, DB>) -> Self {
        Self { recorded, rows: Vec::new() }
    }
}

impl<DB: Database> Unpin for FetchAll<'_, DB> {}

impl<DB: Database> Future for FetchAll<'_, DB> {
    type Output = Result<Vec<DB::Row>, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { recorded, rows } = self.get_mut();
        ready!(recorded.poll_all(context, |item| {
            if let Either::Right(row) = item {
                rows.push(row);
            }
        }))?;
        Poll::Ready(Ok(std::mem::take(rows)))
    }
}

/// One row or none: `fetch_optional`.
pub(crate) struct FetchOptional<'e, DB: Database> {
    recording: Recording,
    row: Row<'e, DB>,
}

impl<'e, DB: Database> FetchOptional<'e, DB> {
    pub(crate) fn new(recording: Recording, row: Row<'e, DB>) -> Self {
        Self { recording, row }
    }
}

impl<DB: Database> Unpin for FetchOptional<'_, DB> {}

impl<DB: Database> Drop for FetchOptional<'_, DB> {
    fn drop(&mut self) {
        self.recording.let_go(std::mem::replace(&mut self.row, Row::Failed(None)));
    }
}

impl<DB: Database> Future for FetchOptional<'_, DB> {
    type Output = Result<Option<DB::Row>, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { recording, row } = self.get_mut();
        match ready!(recording.poll(|| row.poll(context))) {
            Ok(row) => {
                if row.is_some() {
                    recording.rows_came(1)?;
                }
                recording.finish_ok();
                Poll::Ready(Ok(row))
            }
            Err(error) => {
                recording.finish_failed(&error);
                Poll::Ready(Err(error))
            }
        }
    }
}

/// One row or an error: `fetch_one`.
pub(crate) struct FetchOne<'e, DB: Database>(pub(crate) FetchOptional<'e, DB>);

impl<DB: Database> Unpin for FetchOne<'_, DB> {}

impl<DB: Database> Future for FetchOne<'_, DB> {
    type Output = Result<DB::Row, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let row = ready!(Pin::new(&mut self.get_mut().0).poll(context));
        Poll::Ready(row.and_then(|row| row.ok_or(Error::RowNotFound)))
    }
}
