//! HTTP/1: reuse of connections, the retry on a stale one, what is sent.

use std::cell::Cell;
use std::io::{Read, Write};
use std::rc::Rc;
use std::sync::mpsc::sync_channel;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use outbound::{OutboundError, OutboundOptions, Tenant};
use tokio::io::AsyncWriteExt;

use crate::support::*;

const HELLO: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

#[test]
fn a_connection_serves_one_request_after_the_other() {
    run(async {
        let server = Server::http1(|request: Request<_>| async move {
            let mut response = Response::new(full(request.uri().path().to_string()));
            match request.uri().path() {
                "/204" => *response.status_mut() = StatusCode::NO_CONTENT,
                "/304" => *response.status_mut() = StatusCode::NOT_MODIFIED,
                "/chunked" => {
                    let (feed, state) = Feed::new();
                    state.push("/chunked");
                    state.end();
                    *response.body_mut() = Box::pin(feed);
                }
                _ => {}
            }
            response
        })
        .await;
        let client = client();
        for path in ["/1", "/chunked", "/204", "/304", "/2"] {
            let response = client.send(get(&server.url(path))).await.expect("a response");
            let status = response.status().as_u16();
            let want = if status == 200 { path } else { "" };
            assert_eq!(text(response).await, want);
        }
        let head = Request::head(server.url("/head")).body(empty()).expect("a request");
        let response = client.send(head).await.expect("a response");
        assert_eq!(response.headers()["content-length"], "5");
        assert_eq!(text(response).await, "");
        assert_eq!(text(client.send(get(&server.url("/3"))).await.expect("one")).await, "/3");
        assert_eq!(server.accepted.get(), 1);
    });
}

#[test]
fn a_body_with_a_length_need_not_be_polled_past_its_end() {
    run(async {
        let server = Server::http1(|_| async { Response::new(full("hello")) }).await;
        let client = client();
        for _ in 0..3 {
            let response = client.send(get(&server.url("/"))).await.expect("a response");
            let mut body = response.into_body();
            assert_eq!(chunk(&mut body).await, "hello");
            drop(body);
            settle().await;
        }
        assert_eq!(server.accepted.get(), 1);
    });
}

#[test]
fn clients_share_nothing() {
    run(async {
        let server = Server::http1(|_| async { Response::new(full("hello")) }).await;
        let outbound = outbound::Outbound::new(options()).expect("good options");
        for _ in 0..2 {
            let response =
                outbound.client(Tenant::default()).send(get(&server.url("/"))).await.expect("one");
            text(response).await;
        }
        assert_eq!(server.accepted.get(), 2);
    });
}

#[test]
fn an_idle_time_of_nothing_means_no_reuse() {
    run(async {
        let server = Server::http1(|_| async { Response::new(full("hello")) }).await;
        let client = client_with(OutboundOptions { idle_ms_max: 0, ..options() });
        for _ in 0..3 {
            text(client.send(get(&server.url("/"))).await.expect("a response")).await;
        }
        assert_eq!(server.accepted.get(), 3);
    });
}

#[test]
fn a_host_gets_no_more_connections_than_allowed() {
    run(async {
        let (running, most) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let counts = (Rc::clone(&running), Rc::clone(&most));
        let server = Server::http1(move |_| {
            let (running, most) = counts.clone();
            async move {
                running.set(running.get() + 1);
                most.set(most.get().max(running.get()));
                settle().await;
                running.set(running.get() - 1);
                Response::new(full("hello"))
            }
        })
        .await;
        let client = client_with(OutboundOptions { connections_per_host_max: 2, ..options() });
        let tasks: Vec<_> = (0..6)
            .map(|_| {
                let (client, url) = (client.clone(), server.url("/"));
                tokio::task::spawn_local(async move {
                    text(client.send(get(&url)).await.expect("a response")).await
                })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.expect("no panic"), "hello");
        }
        assert_eq!((server.accepted.get(), most.get()), (2, 2));
    });
}

/// Answers the first request of the first connection, then hangs up as soon as it gets another one.
async fn hangs_up_on_the_second_request() -> (Server, Rc<Cell<usize>>) {
    let heads = Rc::new(Cell::new(0));
    let count = Rc::clone(&heads);
    let server = Server::raw(move |number, mut stream| {
        let count = Rc::clone(&count);
        async move {
            loop {
                read_head(&mut stream).await;
                count.set(count.get() + 1);
                if number == 1 && count.get() == 2 {
                    return;
                }
                stream.write_all(HELLO).await.expect("written");
            }
        }
    })
    .await;
    (server, heads)
}

#[test]
fn an_idempotent_request_is_repeated_once_when_its_connection_was_stale() {
    run(async {
        let (server, heads) = hangs_up_on_the_second_request().await;
        let client = client();
        text(client.send(get(&server.url("/"))).await.expect("a response")).await;
        let response = client.send(get(&server.url("/"))).await.expect("a response");
        assert_eq!(text(response).await, "hello");
        assert_eq!((server.accepted.get(), heads.get()), (2, 3));
    });
}

#[test]
fn a_request_that_may_have_had_an_effect_is_not_repeated() {
    run(async {
        let with_body = Request::put("http://a.test").body(full("touched")).expect("a request");
        let without = Request::post("http://a.test").body(empty()).expect("a request");
        for mut request in [with_body, without] {
            let (server, heads) = hangs_up_on_the_second_request().await;
            *request.uri_mut() = server.url("/").parse().expect("a URL");
            let client = client();
            text(client.send(get(&server.url("/"))).await.expect("a response")).await;
            let error = client.send(request).await.err().expect("an error");
            assert!(matches!(error, OutboundError::Exchange { .. }), "{error}");
            assert_eq!(error.client_message(), "Network connection lost.");
            assert_eq!((server.accepted.get(), heads.get()), (1, 2));
        }
    });
}

#[test]
fn a_post_does_not_go_to_a_connection_that_was_closed_while_the_thread_was_busy() {
    run(async {
        // A thread of its own, so that it can hang up while this one is at a standstill.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let (hang_up, hung_up) = (sync_channel(1), sync_channel(1));
        let (ask, asked) = hang_up;
        let (tell, told) = hung_up;
        let server = std::thread::spawn(move || {
            for _ in 0..3 {
                let (mut stream, _) = listener.accept().expect("a connection");
                let mut head = [0; 4096];
                assert_ne!(stream.read(&mut head).expect("a request"), 0);
                stream.write_all(HELLO).expect("written");
                asked.recv().expect("to be asked");
                drop(stream);
                tell.send(()).expect("a listener");
            }
        });
        let client = client();
        for _ in 0..3 {
            let response = client.send(post(&url, "")).await.expect("a response");
            assert_eq!(text(response).await, "hello");
            ask.send(()).expect("a server");
            told.recv().expect("the server has hung up");
        }
        server.join().expect("no panic");
    });
}

#[test]
fn a_first_connection_that_fails_is_not_tried_again() {
    run(async {
        let server = Server::raw(|_, mut stream| async move {
            read_head(&mut stream).await;
        })
        .await;
        let error = client().send(get(&server.url("/"))).await.err().expect("an error");
        assert!(matches!(error, OutboundError::Exchange { .. }), "{error}");
        assert_eq!(server.accepted.get(), 1);
    });
}

#[test]
fn the_request_on_the_wire() {
    run(async {
        let server = Server::raw(|_, mut stream| async move {
            let head = read_head(&mut stream).await;
            let response = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", head.len());
            stream.write_all(response.as_bytes()).await.expect("written");
            stream.write_all(head.as_bytes()).await.expect("written");
        })
        .await;
        let request = Request::post(server.url("/a?b=c"))
            .header("x-first", "1")
            .header("connection", "x-gone")
            .header("x-gone", "1")
            .header("x-last", "2")
            .body(empty())
            .expect("a request");
        let echoed = text(client().send(request).await.expect("a response")).await;
        let host = server.address;
        let want = format!(
            "POST /a?b=c HTTP/1.1\r\nhost: {host}\r\nx-first: 1\r\nx-last: 2\r\n\
             content-length: 0\r\naccept-encoding: gzip, br\r\n\r\n"
        );
        assert_eq!(echoed, want);
    });
}

#[test]
fn a_response_in_a_coding_comes_as_it_is() {
    run(async {
        let server = Server::http1(|request: Request<_>| async move {
            assert_eq!(request.headers()["accept-encoding"], "gzip, br");
            let response = Response::builder().header("content-encoding", "gzip");
            response.body(Full::new(Bytes::from("not even gzip"))).expect("a response")
        })
        .await;
        let response = client().send(get(&server.url("/"))).await.expect("a response");
        assert_eq!(response.headers()["content-encoding"], "gzip");
        assert_eq!(response.headers()["content-length"], "13");
        assert_eq!(text(response).await, "not even gzip");
    });
}
