//! Points that come from a stream, for the thread that keeps them.

use std::pin::pin;

use async_channel::Receiver;
use futures_util::{Stream, StreamExt};

use super::{
    Point,
    worker::{Listing, ListingError},
};

/// Returns the points as they are listed, and what has to go on meanwhile.
pub(super) fn streamed<P, E>(
    points: impl Stream<Item = Result<P, E>>,
) -> (Listing, impl Future<Output = ()>)
where
    P: Into<Point>,
    E: Into<ListingError>,
{
    const AT_ONCE: usize = 1_024;
    const WAITING: usize = 4;
    let (send, sent) = async_channel::bounded(WAITING);
    let received = Received {
        points: sent,
        is_over: false,
    };
    let sending = async move {
        let points = points.map(|point| point.map(Into::into).map_err(Into::into));
        let mut points = pin!(points.ready_chunks(AT_ONCE));
        while let Some(points) = points.next().await {
            if send.send(Streamed::Points(points)).await.is_err() {
                return;
            }
        }
        // Where the thread has ended it answers with the reason.
        let _ = send.send(Streamed::End).await;
    };
    (Box::new(received.flatten()), sending)
}

/// They are waited for as a thread does.
struct Received {
    points: Receiver<Streamed>,
    is_over: bool,
}

enum Streamed {
    Points(Vec<Result<Point, ListingError>>),
    End,
}

impl Iterator for Received {
    type Item = Vec<Result<Point, ListingError>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        match self.points.recv_blocking() {
            Ok(Streamed::Points(points)) => Some(points),
            Ok(Streamed::End) => None,
            // The sender was dropped, so the list is incomplete.
            Err(_) => {
                self.is_over = true;
                Some(vec![Err("the stream was dropped before its end".into())])
            }
        }
    }
}
