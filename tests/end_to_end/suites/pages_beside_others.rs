//! Operations on pages while other sessions do the same, or while the connection ends.

use std::collections::BTreeSet;

use entity::{Error, Page, VectorId, VectorIds, prelude::*};
use futures_util::future::join_all;
use sea_orm::{DatabaseConnection, DbBackend, TransactionTrait};

use super::{
    Test,
    pages::{document, ids, migrated, page, rows},
};
use crate::{
    engines::Database,
    proxy::{self, Cut, Lost},
    tier,
};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    let mut tests = tests![
        of_replacements_at_the_same_time_every_id_is_returned_or_there,
        a_delete_beside_inserts_loses_no_id,
        pages_of_neighbouring_documents_are_replaced_side_by_side,
        whatever_is_done_at_the_same_time_no_id_is_lost,
    ];
    match backend {
        DbBackend::Sqlite => {
            tests.extend(tests![callers_transactions_delete_one_after_the_other]);
        }
        _ => tests.extend(tests![a_lost_connection_loses_no_id]),
    }
    tests
}

async fn of_replacements_at_the_same_time_every_id_is_returned_or_there(database: Database) {
    const TASKS: i32 = 8;
    let db = migrated(&database).await;
    let doc_id = document(&db).await;
    for round in 0..20 {
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| {
                let db = db.clone();
                let page = Page::new(1, [format!("{round} {task}")]);
                tokio::spawn(async move { Vectors::replace_page(&db, doc_id, page).await })
            })
            .collect();
        let mut seen: Vec<VectorId> = Vec::new();
        for task in tasks {
            seen.extend(task.await.unwrap().expect("it replaces"));
        }
        let left = Vectors::ids_of_page(&db, doc_id, 1).await.unwrap();
        assert_eq!(left.len(), 1, "{left}");
        seen.extend(left.iter().cloned());
        let before = if round == 0 { 0 } else { 1 };
        assert_eq!(seen.len(), TASKS as usize + before, "{seen:?}");
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len());
    }
}

/// A session that records a page while its document is deleted gets an error, or the deletion
/// returns the page's ids.
async fn a_delete_beside_inserts_loses_no_id(database: Database) {
    let rounds = tier::rounds(50, 1_000);
    const WRITERS: i32 = 3;
    let db = migrated(&database).await;
    let mut recorded_beside = 0;
    for round in 0..rounds {
        let doc_id = document(&db).await;
        let writers: Vec<_> = (0..WRITERS)
            .map(|number| {
                let db = db.clone();
                let page = Page::new(number, [format!("{round} {number}")]);
                tokio::spawn(async move { Vectors::record_pages(&db, doc_id, [page]).await })
            })
            .collect();
        if round % 2 == 0 {
            tokio::task::yield_now().await;
        }
        let deleted = Vectors::delete_document(&db, doc_id)
            .await
            .expect("deleted");
        let mut recorded = 0;
        for (number, writer) in writers.into_iter().enumerate() {
            match writer.await.unwrap() {
                Ok(_) => {
                    let id = VectorId::from(format!("{round} {number}"));
                    assert!(deleted.contains(&id), "{id} is lost, of {deleted}");
                    recorded += 1;
                }
                Err(Error::UnknownDocument { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(deleted.len(), recorded, "{deleted}");
        recorded_beside += recorded;
    }
    assert!(rows(&db).await.is_empty());
    println!(
        "{}: {rounds} deletions of a document beside {WRITERS} writers: {recorded_beside} pages recorded and returned, 0 ids lost",
        database.engine.name
    );
}

async fn pages_of_neighbouring_documents_are_replaced_side_by_side(database: Database) {
    let db = migrated(&database).await;
    let mut doc_ids = Vec::new();
    for _ in 0..8 {
        doc_ids.push(document(&db).await);
    }
    for round in 0..20 {
        let replaced = join_all(doc_ids.iter().map(|doc_id| {
            let new = Page::new(round, [format!("{doc_id} {round}")]);
            Vectors::replace_page(&db, *doc_id, new)
        }));
        for outcome in replaced.await {
            assert_eq!(outcome, Ok(ids(&[])));
        }
    }
}

/// Each task has ids of its own: at the end each id is in a row, or one call has returned it, not
/// both.
async fn whatever_is_done_at_the_same_time_no_id_is_lost(database: Database) {
    const TASKS: usize = 6;
    let db = migrated(&database).await;
    let doc_ids = [
        document(&db).await,
        document(&db).await,
        document(&db).await,
    ];
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| tokio::spawn(changes(db.clone(), doc_ids, task)))
        .collect();
    let (mut recorded, mut seen) = (Vec::new(), Vec::new());
    for task in tasks {
        let (written, returned) = task.await.unwrap();
        recorded.extend(written);
        seen.extend(returned);
    }

    let rows = rows(&db).await;
    seen.extend(rows.into_iter().flat_map(|row| row.vector_ids));

    recorded.sort();
    seen.sort();
    assert_eq!(seen, recorded);
}

/// Returns the ids that have been recorded, and those that have been returned.
async fn changes(
    db: DatabaseConnection,
    doc_ids: [i32; 3],
    task: usize,
) -> (Vec<VectorId>, Vec<VectorId>) {
    let (mut recorded, mut returned) = (Vec::new(), Vec::new());
    for number in 0..60 {
        let doc_id = doc_ids[(number * 7 + task) % doc_ids.len()];
        let new = Page::new((number % 4) as i32, [format!("{task} {number}")]);
        let ids = new.ids.clone();
        let outcome = match (number + task) % 7 {
            0 | 1 => Vectors::record_pages(&db, doc_id, [new])
                .await
                .map(|_| VectorIds::default()),
            2 => Vectors::replace_page(&db, doc_id, new).await,
            3 => Vectors::delete_page(&db, doc_id, new.number).await,
            4 => Vectors::replace_document(&db, doc_id, [new]).await,
            5 => Vectors::delete_pages_of_document(&db, doc_id).await,
            _ if number > 40 => Vectors::delete_document(&db, doc_id).await,
            _ => continue,
        };
        let is_written = matches!((number + task) % 7, 0..=2 | 4);
        match outcome {
            Ok(unused) => {
                returned.extend(unused);
                recorded.extend(ids.into_iter().filter(|_| is_written));
            }
            Err(Error::UnknownDocument { .. }) => {}
            // InnoDB reads the whole of a small table, and locks what other sessions change in it.
            Err(error) if error.is_retryable() => {}
            Err(error) => panic!("{error}"),
        }
    }
    (recorded, returned)
}

/// The transactions have read before they write.
async fn callers_transactions_delete_one_after_the_other(database: Database) {
    let db = migrated(&database).await;
    let doc_ids = [document(&db).await, document(&db).await];
    let deleted = doc_ids.map(|doc_id| {
        let database = database.clone();
        tokio::spawn(async move {
            let db = database.connect().await;
            let transaction = db.begin().await.unwrap();
            let deleted = Vectors::delete_document(&transaction, doc_id).await;
            transaction.commit().await.unwrap();
            deleted
        })
    });
    for deleted in deleted {
        assert_eq!(deleted.await.unwrap(), Ok(ids(&[])));
    }
}

/// Wherever the connection ends: the page is as it was, or its ids have been returned.
async fn a_lost_connection_loses_no_id(database: Database) {
    let db = migrated(&database).await;
    let mut unanswered = 0;
    // The driver sends its own requests at any time, so one round may miss the COMMIT.
    let rounds = [Lost::Request, Lost::Answer].repeat(10);
    for lost in rounds {
        if unanswered > 0 {
            break;
        }
        for passed in 1.. {
            let doc_id = document(&db).await;
            Vectors::record_pages(&db, doc_id, [page(1, &["a"])])
                .await
                .unwrap();

            let cut = Cut { passed, lost };
            let ended = proxy::cut_off(&database, cut, |url| async move {
                let db = sea_orm::Database::connect(url.as_str()).await?;
                let replaced = Vectors::replace_page(&db, doc_id, page(1, &["b"])).await;
                db.close().await?;
                replaced
            })
            .await;

            let now = Vectors::ids_of_page(&db, doc_id, 1).await.unwrap();
            match ended.finished.expect("it is not killed") {
                Ok(unused) => assert_eq!((unused, now), (ids(&["a"]), ids(&["b"]))),
                Err(Error::CommitUnknown { unused, .. }) => {
                    assert_eq!(unused, ids(&["a"]));
                    unanswered += usize::from(now == ids(&["b"]));
                }
                Err(error) => assert_eq!(now, ids(&["a"]), "{cut:?}: {error}"),
            }
            if !ended.at_the_fault {
                break;
            }
        }
    }
    assert!(unanswered > 0);
}
