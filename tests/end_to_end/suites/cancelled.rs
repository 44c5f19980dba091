//! Calls on pages that are dropped before they are done: the client has disconnected, or the time
//! is over.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use entity::{Error, VectorIds, prelude::*};
use sea_orm::{
    ConnectOptions, DatabaseConnection, DbBackend, TransactionTrait, sqlx::Executor as _,
};

use super::{
    Test,
    pages::{document, ids, migrated, page},
};
use crate::engines::Database;

/// Not on MySQL and MariaDB, where the pool of sqlx 0.9.0 may never get back the connection of a
/// dropped call.
pub fn tests(backend: DbBackend) -> Vec<Test> {
    match backend {
        DbBackend::MySql => Vec::new(),
        _ => tests![a_dropped_call_is_done_or_not_and_the_next_one_is_committed],
    }
}

/// A call that is dropped after this many polls.
struct Dropped<'f, T> {
    call: Pin<Box<dyn Future<Output = T> + Send + 'f>>,
    polls_left: usize,
}

impl<T> Future for Dropped<'_, T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        if self.polls_left == 0 {
            return Poll::Ready(None);
        }
        self.polls_left -= 1;
        self.call.as_mut().poll(context).map(Some)
    }
}

#[derive(Clone, Copy, Debug)]
enum Call {
    Record,
    ReplacePage,
    ReplaceDocument,
    DeletePages,
}

const CALLS: [Call; 4] = [
    Call::Record,
    Call::ReplacePage,
    Call::ReplaceDocument,
    Call::DeletePages,
];

impl Call {
    /// Runs a call on a document that has `["a"]` as its page 1.
    async fn run<C>(self, db: &C, doc_id: i32) -> Result<(), Error>
    where
        C: sea_orm::ConnectionTrait + TransactionTrait,
    {
        let new = page(1, &["b"]);
        match self {
            Self::Record => Vectors::record_pages(db, doc_id, [new]).await.map(|_| ()),
            Self::ReplacePage => Vectors::replace_page(db, doc_id, new).await.map(|_| ()),
            Self::ReplaceDocument => Vectors::replace_document(db, doc_id, [new])
                .await
                .map(|_| ()),
            Self::DeletePages => Vectors::delete_pages_of_document(db, doc_id)
                .await
                .map(|_| ()),
        }
    }

    fn done(self) -> VectorIds {
        match self {
            Self::Record => ids(&["a", "b"]),
            Self::ReplacePage | Self::ReplaceDocument => ids(&["b"]),
            Self::DeletePages => ids(&[]),
        }
    }
}

/// Returns a pool of one connection, so that the next call gets the one of the dropped call. As
/// docs/services.md shows, PostgreSQL's pool takes no connection back inside a transaction, which
/// sqlx 0.9.0 does if `begin` is dropped.
async fn pool(database: &Database) -> DatabaseConnection {
    let mut options = ConnectOptions::new(&database.url);
    options
        .max_connections(1)
        .map_sqlx_postgres_pool_opts(|pool| {
            pool.after_release(|connection, _| {
                Box::pin(async move { connection.execute("ROLLBACK").await.map(|_| true) })
            })
        });
    sea_orm::Database::connect(options).await.expect("a pool")
}

async fn a_dropped_call_is_done_or_not_and_the_next_one_is_committed(database: Database) {
    let witness = migrated(&database).await;
    let db = pool(&database).await;
    let mut dropped = 0;
    for call in CALLS {
        for polls_left in 0.. {
            let (doc_id, next) = (document(&witness).await, document(&witness).await);
            Vectors::record_pages(&db, doc_id, [page(1, &["a"])])
                .await
                .unwrap();
            let ended = Dropped {
                call: Box::pin(call.run(&db, doc_id)),
                polls_left,
            };
            let ended = ended.await;

            let recorded = Vectors::record_pages(&db, next, [page(1, &["n"])]).await;

            assert_eq!(recorded, Ok(1), "{call:?} after {polls_left} polls");
            let read = Vectors::ids_of_page(&witness, next, 1).await;
            assert_eq!(read, Ok(ids(&["n"])), "{call:?} after {polls_left} polls");
            let left = Vectors::ids_of_page(&witness, doc_id, 1).await.unwrap();
            match ended {
                Some(outcome) => {
                    assert_eq!(outcome, Ok(()));
                    assert_eq!(left, call.done());
                    break;
                }
                None => assert!(
                    left == ids(&["a"]) || left == call.done(),
                    "{call:?} after {polls_left} polls: {left}"
                ),
            }
            dropped += 1;
        }
    }
    println!(
        "{}: {dropped} calls dropped, each done or not; 0 of the calls after them lost",
        database.engine.name
    );
}
