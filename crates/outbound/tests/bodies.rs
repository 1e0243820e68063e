//! Bodies: streaming both ways, backpressure, and the end of their connections.

use std::cell::Cell;
use std::rc::Rc;

use http::{Request, Response};
use http_body_util::BodyExt;
use outbound::OutboundError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;

use crate::support::*;

/// More than all buffers between two ends hold: loopback sockets take a few MiB each.
const TOO_MUCH: usize = 64 * 1024 * 1024 / ENDLESS_CHUNK_BYTES;

#[test]
fn both_bodies_stream_at_the_same_time() {
    run(async {
        let server =
            Server::http1(|request: Request<_>| async { Response::new(request.into_body()) });
        let server = server.await;
        let client = client();
        for _ in 0..2 {
            let (feed, state) = Feed::new();
            let request = Request::post(server.url("/")).body(feed).expect("a request");
            state.push("0");
            let mut echo = client.send(request).await.expect("a response").into_body();
            assert_eq!(chunk(&mut echo).await, "0");
            for piece in ["one", "two", "three"] {
                state.push(piece);
                assert_eq!(chunk(&mut echo).await, piece);
            }
            state.end();
            assert!(echo.frame().await.is_none());
        }
        assert_eq!(server.accepted.get(), 1);
    });
}

#[test]
fn an_upload_waits_for_its_reader() {
    run(async {
        let server = Server::raw(|_, stream| async move {
            std::future::pending::<()>().await;
            drop(stream);
        })
        .await;
        let count = Rc::new(Cell::new(0));
        let body = Endless(Rc::clone(&count));
        let request = Request::post(server.url("/")).body(body).expect("a request");
        let client = client();
        let mut exchange = std::pin::pin!(client.send(request));
        tokio::select! {
            _ = &mut exchange => panic!("nobody answers"),
            () = settle() => {}
        }
        assert!(count.get() > 0, "nothing was sent");
        assert!(count.get() < TOO_MUCH, "{} chunks were read ahead", count.get());
    });
}

#[test]
fn a_download_waits_for_its_reader() {
    run(async {
        let count = Rc::new(Cell::new(0));
        let counter = Rc::clone(&count);
        let server = Server::http1(move |_| {
            let body = Endless(Rc::clone(&counter));
            async { Response::new(body) }
        })
        .await;
        let response = client().send(get(&server.url("/"))).await.expect("a response");
        settle().await;
        let ahead = count.get();
        assert!(ahead < TOO_MUCH, "{ahead} chunks were read ahead");
        let mut body = response.into_body();
        let mut left = ahead * ENDLESS_CHUNK_BYTES;
        while left > 0 {
            left = left.saturating_sub(chunk(&mut body).await.len());
        }
        settle().await;
        assert!(count.get() > ahead, "it did not go on");
    });
}

/// A server that sends a head and a bit of the body, and says when its client has gone.
async fn slow_server() -> (Server, Rc<Notify>) {
    let gone = Rc::new(Notify::new());
    let notify = Rc::clone(&gone);
    let server = Server::raw(move |_, mut stream| {
        let notify = Rc::clone(&notify);
        async move {
            let head = read_head(&mut stream).await;
            if head.starts_with("GET /body") {
                let part = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\npart";
                stream.write_all(part).await.expect("written");
            }
            read_to_end(&mut stream).await;
            notify.notify_one();
        }
    })
    .await;
    (server, gone)
}

#[test]
fn dropping_the_future_closes_the_connection() {
    run(async {
        let (server, gone) = slow_server().await;
        let client = client();
        let url = server.url("/never");
        let (feed, state) = Feed::new();
        let exchange = client.send(Request::post(&url).body(feed).expect("a request"));
        tokio::select! {
            _ = exchange => panic!("nobody answers"),
            () = settle() => {}
        }
        gone.notified().await;
        assert!(state.is_dropped.get());
    });
}

#[test]
fn dropping_an_unfinished_body_closes_the_connection() {
    run(async {
        let (server, gone) = slow_server().await;
        let response = client().send(get(&server.url("/body"))).await.expect("a response");
        let mut body = response.into_body();
        assert_eq!(chunk(&mut body).await, "part");
        drop(body);
        gone.notified().await;
    });
}

#[test]
fn a_body_that_is_cut_off_is_an_error() {
    run(async {
        let server = Server::raw(|_, mut stream| async move {
            read_head(&mut stream).await;
            let part = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\npart";
            stream.write_all(part).await.expect("written");
        })
        .await;
        let response = client().send(get(&server.url("/"))).await.expect("a response");
        let error = response.into_body().collect().await.expect_err("it is cut off");
        assert!(matches!(error, OutboundError::ResponseBody(_)), "{error}");
        assert_eq!(error.client_message(), "Network connection lost.");
    });
}

#[test]
fn a_request_body_that_fails_fails_with_its_own_error() {
    run(async {
        let (server, gone) = slow_server().await;
        let (feed, state) = Feed::new();
        state.push("part");
        let request = Request::post(server.url("/")).body(feed).expect("a request");
        let client = client();
        let fail_later = async {
            settle().await;
            state.fail("the stream was errored");
        };
        let (result, ()) = tokio::join!(client.send(request), fail_later);
        let error = result.err().expect("an error");
        assert!(matches!(error, OutboundError::RequestBody(_)), "{error}");
        assert_eq!(error.client_message(), "the stream was errored");
        gone.notified().await;
    });
}

#[test]
fn an_upload_outlives_an_early_response() {
    run(async {
        let got = Rc::new(std::cell::RefCell::new(String::new()));
        let sink = Rc::clone(&got);
        let done = Rc::new(Notify::new());
        let notify = Rc::clone(&done);
        let server = Server::raw(move |_, mut stream| {
            let (sink, notify) = (Rc::clone(&sink), Rc::clone(&notify));
            async move {
                read_head(&mut stream).await;
                let early = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n";
                stream.write_all(early).await.expect("written");
                let mut bytes = Vec::new();
                while !bytes.ends_with(b"0\r\n\r\n") {
                    assert_ne!(stream.read_buf(&mut bytes).await.expect("bytes"), 0);
                }
                *sink.borrow_mut() = String::from_utf8(bytes).expect("text");
                notify.notify_one();
            }
        })
        .await;
        let client = client();
        let (feed, state) = Feed::new();
        let request = Request::post(server.url("/")).body(feed).expect("a request");
        let response = client.send(request).await.expect("a response");
        assert_eq!(text(response).await, "");
        state.push("late");
        state.end();
        done.notified().await;
        assert!(got.borrow().ends_with("4\r\nlate\r\n0\r\n\r\n"), "{}", got.borrow());
    });
}
