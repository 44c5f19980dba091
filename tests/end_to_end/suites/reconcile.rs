//! The comparison with a vector store in the library, and the list of Qdrant's points.

use std::{
    collections::BTreeSet,
    convert::Infallible,
    sync::{Arc, Mutex},
};

use bytes::{BufMut, Bytes, BytesMut};
use entity::{
    Page, VectorId,
    audit::{AuditError, Finding, PageKey, Point},
    prelude::*,
    reconcile, scroll,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use h2::{RecvStream, server::SendResponse};
use http::{HeaderMap, HeaderValue, Request, Response};
use prost::Message;
use qdrant_client::{
    Qdrant,
    qdrant::{PointId, RetrievedPoint, ScrollPoints, ScrollResponse},
};
use sea_orm::{DatabaseConnection, TransactionTrait};
use tokio::net::{TcpListener, TcpStream};

use super::{
    Test,
    audit::{insert, migrated},
};
use crate::engines::Database;

pub fn tests() -> Vec<Test> {
    tests![
        a_stream_of_points_is_compared_with_the_rows,
        it_runs_in_a_callers_transaction,
        an_error_of_the_points_is_returned,
        what_nobody_reads_ends,
        every_row_that_cannot_be_read_comes_before_the_first_stray_point,
        the_points_of_a_collection_are_listed_page_by_page,
        a_store_whose_pages_lead_to_themselves_is_an_error,
        a_store_that_is_away_is_an_error,
    ]
}

async fn with_ids(database: &Database) -> DatabaseConnection {
    let db = migrated(database, 1).await;
    let uuid = VectorId::from("0f8fad5bd9cb469fa16570867728950e");
    let ids = [uuid, VectorId::from(7), VectorId::from(8)];
    Vectors::record_pages(&db, 1, [Page::new(1, ids)])
        .await
        .expect("recorded");
    db
}

fn stray(id: impl Into<VectorId>) -> Finding {
    let id: VectorId = id.into();
    Finding::Stray { point: id.into() }
}

fn missing(id: impl Into<VectorId>) -> Finding {
    Finding::Missing {
        id: id.into(),
        page: PageKey { doc_id: 1, page: 1 },
    }
}

fn points(
    ids: impl IntoIterator<Item = u64>,
) -> impl stream::Stream<Item = Result<Point, Infallible>> {
    let ids: Vec<Result<Point, Infallible>> = ids.into_iter().map(|id| Ok(id.into())).collect();
    stream::iter(ids)
}

async fn a_stream_of_points_is_compared_with_the_rows(database: Database) {
    let db = with_ids(&database).await;
    let uuid = VectorId::from("0f8fad5bd9cb469fa16570867728950e");
    let points = [
        Ok::<_, Infallible>(VectorId::from(8)),
        Ok(VectorId::from(9)),
        Ok(uuid),
    ];

    let findings = reconcile(&db, stream::iter(points)).await.expect("points");
    let mut findings: Vec<Finding> = findings.try_collect().await.expect("findings");

    findings.sort();
    assert_eq!(findings, [stray(9), missing(7)]);
}

async fn it_runs_in_a_callers_transaction(database: Database) {
    let db = with_ids(&database).await;
    let transaction = db.begin().await.expect("a transaction");
    // Which nobody else sees.
    Vectors::record_pages(&transaction, 1, [Page::new(2, [9_u64])])
        .await
        .expect("recorded");

    let findings = reconcile(&transaction, points([9, 10]))
        .await
        .expect("points");
    let findings: Vec<Finding> = findings.try_collect().await.expect("findings");

    transaction
        .rollback()
        .await
        .expect("the transaction goes on");
    assert!(findings.contains(&stray(10)), "{findings:?}");
    assert!(!findings.contains(&stray(9)), "{findings:?}");
    assert_eq!(findings.len(), 4, "{findings:?}");
}

async fn an_error_of_the_points_is_returned(database: Database) {
    let db = with_ids(&database).await;
    let points = [
        Ok(VectorId::from(8)),
        Err("the store went away"),
        Ok(VectorId::from(9)),
    ];

    let outcome = reconcile(&db, stream::iter(points)).await;

    let error = outcome.err().expect("an error");
    assert!(matches!(error, AuditError::Points(_)), "{error:?}");
    assert_eq!(
        error.to_string(),
        "the points cannot be listed: the store went away"
    );
}

async fn what_nobody_reads_ends(database: Database) {
    let db = with_ids(&database).await;
    for _ in 0..20 {
        let mut findings = reconcile(&db, points(100..5_000)).await.expect("points");
        assert!(findings.next().await.is_some_and(|finding| finding.is_ok()));
        drop(findings);
    }
    // The connection is the pool's again.
    assert_eq!(Vectors::count_pages(&db, 1).await, Ok(1));
}

async fn every_row_that_cannot_be_read_comes_before_the_first_stray_point(database: Database) {
    let db = with_ids(&database).await;
    for page in 2..200 {
        insert(&db, 1, page, "[1").await;
    }

    let findings = reconcile(&db, points(100..2_000)).await.expect("points");
    let findings: Vec<Finding> = findings.try_collect().await.expect("findings");

    let is_unreadable = |finding: &Finding| matches!(finding, Finding::Unreadable { .. });
    assert!(findings[..198].iter().all(is_unreadable));
    assert_eq!(
        findings.iter().filter(|one| is_unreadable(one)).count(),
        198
    );
}

/// A Qdrant that knows one call.
struct Store {
    url: String,
    calls: Arc<Mutex<Vec<ScrollPoints>>>,
}

/// What it answers.
type Answer = fn(&ScrollPoints) -> ScrollResponse;

impl Store {
    async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let calls = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&calls);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, Arc::clone(&heard), answer));
            }
        });
        Self { url, calls }
    }

    fn client(&self) -> Qdrant {
        Qdrant::from_url(&self.url)
            .skip_compatibility_check()
            .build()
            .expect("a client")
    }
}

async fn serve(socket: TcpStream, calls: Arc<Mutex<Vec<ScrollPoints>>>, answer: Answer) {
    let mut connection = h2::server::handshake(socket).await.expect("HTTP/2");
    while let Some(Ok((request, respond))) = connection.accept().await {
        tokio::spawn(call(request, respond, Arc::clone(&calls), answer));
    }
}

/// A message behind a byte that says that it is not compressed, and its length.
async fn call(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    calls: Arc<Mutex<Vec<ScrollPoints>>>,
    answer: Answer,
) {
    assert_eq!(request.uri().path(), "/qdrant.Points/Scroll");
    let mut body = request.into_body();
    let mut received = BytesMut::new();
    while let Some(data) = body.data().await {
        let data = data.expect("data");
        let _ = body.flow_control().release_capacity(data.len());
        received.extend_from_slice(&data);
    }
    let asked = ScrollPoints::decode(&received[5..]).expect("a message");
    let message = answer(&asked).encode_to_vec();
    calls.lock().expect("no panic").push(asked);

    let mut answered = BytesMut::new();
    answered.put_u8(0);
    answered.put_u32(u32::try_from(message.len()).expect("a length"));
    answered.extend_from_slice(&message);
    let head = Response::builder()
        .header("content-type", "application/grpc")
        .body(());
    let mut stream = respond
        .send_response(head.expect("a head"), false)
        .expect("a stream");
    stream.send_data(answered.freeze(), false).expect("data");
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    stream.send_trailers(trailers).expect("trailers");
}

const POINTS: u64 = 25_000;

/// The points are the numbers up to that, each third spelled as a UUID.
fn point(number: u64) -> PointId {
    match number % 3 {
        0 => VectorId::from(uuid(number)).try_into().expect("a UUID"),
        _ => number.into(),
    }
}

fn uuid(number: u64) -> String {
    format!("{number:032x}")
}

fn number(point: &PointId) -> u64 {
    match VectorId::try_from(point.clone()).expect("an id") {
        VectorId::Number(number) => number,
        other => u64::from_str_radix(&other.to_string(), 16).expect("a number"),
    }
}

fn scrolled(asked: &ScrollPoints) -> ScrollResponse {
    let from = asked.offset.as_ref().map_or(0, number);
    let to = POINTS.min(from + u64::from(asked.limit.expect("a limit")));
    ScrollResponse {
        next_page_offset: (to < POINTS).then(|| point(to)),
        result: (from..to).map(retrieved).collect(),
        ..Default::default()
    }
}

fn retrieved(number: u64) -> RetrievedPoint {
    RetrievedPoint {
        id: Some(point(number)),
        ..Default::default()
    }
}

async fn the_points_of_a_collection_are_listed_page_by_page(database: Database) {
    let db = with_ids(&database).await;
    let store = Store::start(scrolled).await;
    let client = store.client();

    let ids: BTreeSet<VectorId> = scroll(&client, "pages").try_collect().await.expect("ids");

    let wanted: BTreeSet<VectorId> = (0..POINTS)
        .map(|number| point(number).try_into().expect("an id"))
        .collect();
    assert_eq!(ids, wanted);
    let calls = store.calls.lock().expect("no panic").clone();
    assert_eq!(calls.len(), 3);
    assert!(
        calls.iter().all(|call| call.collection_name == "pages"),
        "{calls:?}"
    );
    let findings = reconcile(&db, scroll(&client, "pages"))
        .await
        .expect("points");
    let findings: Vec<Finding> = findings.try_collect().await.expect("findings");
    // 7 and 8 are points.
    assert_eq!(findings.len() as u64, POINTS - 2 + 1);
    let uuid = VectorId::from("0f8fad5bd9cb469fa16570867728950e");
    assert!(findings.contains(&missing(uuid)));
}

async fn a_store_whose_pages_lead_to_themselves_is_an_error(_: Database) {
    let store = Store::start(|_| ScrollResponse {
        next_page_offset: Some(point(1)),
        result: vec![retrieved(1)],
        ..Default::default()
    })
    .await;

    let ids: Result<Vec<VectorId>, _> = scroll(&store.client(), "pages").try_collect().await;

    let error = ids.expect_err("an error").to_string();
    assert_eq!(
        error,
        "the points of pages cannot be listed: a page leads to itself"
    );
}

async fn a_store_that_is_away_is_an_error(database: Database) {
    let db = with_ids(&database).await;
    let client = Qdrant::from_url("http://127.0.0.1:1")
        .skip_compatibility_check()
        .build();
    let client = client.expect("a client");

    let outcome = reconcile(&db, scroll(&client, "pages")).await;

    let error = outcome.err().expect("an error").to_string();
    assert!(
        error.contains("the points of pages cannot be listed"),
        "{error}"
    );
}
