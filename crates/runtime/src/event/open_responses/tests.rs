//! Tests of the choice of a response that makes room, and of reading ahead.

use super::*;
use crate::http::body::OutBody;

fn run<F: Future>(test: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, test)
}

/// A body that gives chunks and then never ends.
struct Endless(Vec<Bytes>);

impl Body for Endless {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.0.pop() {
            Some(chunk) => Poll::Ready(Some(Ok(Frame::data(chunk)))),
            None => Poll::Pending,
        }
    }
}

#[test]
fn the_least_recently_used_response_makes_room() {
    run(async {
        let (open, event) = (OpenResponses::default(), OriginConnections::new(2));
        let first = open.acquire(&event, None).await;
        let second = open.acquire(&event, None).await;
        assert!(first.is_ok() && second.is_ok());
        let touch = open.put(1, 10);
        open.put(1, 11);
        assert_eq!(open.victim(1, Some(&event)), None, "nothing waits");
        let third = open.acquire(&event, None);
        let looks = async {
            tokio::task::yield_now().await;
            assert_eq!(open.victim(1, Some(&event)), Some((1, 10)));
            assert_eq!(open.victim(2, None), None, "another event");
            open.take(touch);
            assert_eq!(open.victim(1, Some(&event)), None, "one of them is read");
            open.put(1, 10);
            assert_eq!(open.victim(1, Some(&event)), Some((1, 11)));
            drop(first);
        };
        let (third, ()) = tokio::join!(third, looks);
        assert!(third.is_ok());
        assert_eq!(open.victim(1, Some(&event)), None, "nothing waits any more");
    });
}

#[test]
fn the_isolate_has_a_bound_of_its_own() {
    run(async {
        let open = OpenResponses::default();
        let events: Vec<OriginConnections> =
            (0..OPEN_RESPONSES_MAX + 1).map(|_| OriginConnections::new(6)).collect();
        let mut held = Vec::new();
        for (event, id) in events.iter().zip(1..).take(OPEN_RESPONSES_MAX) {
            held.push(open.acquire(event, None).await.ok());
            open.put(id, id + 1_000);
        }
        let last = events.last().expect("one more");
        let wait = open.acquire(last, None);
        let looks = async {
            // The many acquisitions above have used up the task's turn: the one that has to wait
            // may need another.
            for _ in 0..4 {
                tokio::task::yield_now().await;
            }
            assert_eq!(open.victim(9_999, Some(last)), Some((1, 1_001)));
            held.swap_remove(0);
        };
        let (got, ()) = tokio::join!(wait, looks);
        assert!(got.is_ok());
    });
}

#[test]
fn buffers_are_charged() {
    run(async {
        let (open, event) = (OpenResponses::default(), OriginConnections::new(6));
        let ledger = Ledger::new(OPEN_RESPONSE_BYTES + 10);
        let first = open.acquire(&event, Some(&ledger)).await;
        assert_eq!(ledger.external(), OPEN_RESPONSE_BYTES);
        let second = open.acquire(&event, Some(&ledger)).await;
        assert_eq!(second.err(), Some(NoConnection::Memory));
        drop(first);
        assert_eq!(ledger.external(), 0);
    });
}

#[test]
fn a_connection_is_free_when_the_body_has_come() {
    run(async {
        let (open, event) = (OpenResponses::default(), OriginConnections::new(1));
        let permit = open.acquire(&event, None).await.ok().expect("there is one");
        let (body, is_open) = Connected::new(Box::pin(OutBody::from(b"hi".to_vec())), permit);
        let mut body: InBody = Box::pin(body);
        assert_eq!((event.permits.available_permits(), is_open.load(Relaxed)), (0, true));
        assert_eq!(next_chunk(&mut body).await.expect("bytes").expect("good"), "hi");
        assert_eq!((event.permits.available_permits(), is_open.load(Relaxed)), (1, false));
        assert!(next_chunk(&mut body).await.is_none());
    });
}

#[test]
fn a_short_rest_is_read_ahead_and_a_long_one_is_cancelled() {
    run(async {
        let closed = std::rc::Rc::new(Cell::new(0));
        let ahead = |body: InBody| {
            let closed = closed.clone();
            read_ahead(body, None, move || closed.set(closed.get() + 1))
        };
        let mut short = ahead(Box::pin(OutBody::from(vec![1; READ_AHEAD_BYTES_MAX])));
        let bytes = next_chunk(&mut short).await.expect("bytes").expect("good");
        assert_eq!(bytes.len(), READ_AHEAD_BYTES_MAX);
        assert!(next_chunk(&mut short).await.is_none());
        assert_eq!(closed.get(), 0);
        let long = vec![Bytes::from(vec![1; READ_AHEAD_BYTES_MAX]), Bytes::from_static(b"x")];
        let mut long = ahead(Box::pin(Endless(long)));
        let error = next_chunk(&mut long).await.expect("an error").err();
        assert_eq!(error.map(|error| error.to_string()).as_deref(), Some(CLOSED));
        tokio::task::yield_now().await;
        assert_eq!(closed.get(), 1);
    });
}

#[test]
fn what_is_read_ahead_is_charged() {
    run(async {
        let ledger = Ledger::new(1_000);
        let body: InBody = Box::pin(OutBody::from(vec![1; 600]));
        let mut first = read_ahead(body, Some(ledger.clone()), || ());
        while ledger.external() == 0 {
            tokio::task::yield_now().await;
        }
        let body: InBody = Box::pin(OutBody::from(vec![1; 600]));
        let mut second = read_ahead(body, Some(ledger.clone()), || ());
        assert!(next_chunk(&mut second).await.expect("an error").is_err());
        assert_eq!(next_chunk(&mut first).await.expect("bytes").expect("good").len(), 600);
        assert_eq!(ledger.external(), 0);
    });
}
