//! TLS, ALPN, and HTTP/2: one connection for all, streams that end alone.

use http::{HeaderName, HeaderValue, Request, Response, Version};
use http_body_util::BodyExt;
use outbound::{OutboundError, OutboundOptions};
use tokio::io::AsyncWriteExt;

use crate::support::*;

const BOTH: &[&str] = &["h2", "http/1.1"];

async fn version_and_host(request: Request<hyper::body::Incoming>) -> Response<RequestBody> {
    let host = match request.headers().get("host") {
        Some(host) => host.to_str().expect("text").to_string(),
        None => request.uri().authority().expect("an authority").to_string(),
    };
    Response::new(full(format!("{:?} {host}", request.version())))
}

#[test]
fn alpn_decides_the_version() {
    run(async {
        for (protocols, version) in
            [(BOTH, "HTTP/2.0"), (&["http/1.1"], "HTTP/1.1"), (&[], "HTTP/1.1")]
        {
            let server = Server::tls("server", protocols, version_and_host).await;
            let client = client();
            for _ in 0..3 {
                let response =
                    client.send(get(&server.https("localhost", "/"))).await.expect("one");
                let want = format!("{version} localhost:{}", server.address.port());
                assert_eq!(text(response).await, want);
            }
            assert_eq!(server.accepted.get(), 1, "{version}");
            let literal = client.send(get(&server.https("127.0.0.1", "/"))).await;
            literal.expect("the certificate names the address too");
        }
    });
}

#[test]
fn all_first_requests_share_one_http2_connection() {
    run(async {
        let server = Server::tls("server", BOTH, version_and_host).await;
        let client = client_with(OutboundOptions { connections_per_host_max: 1, ..options() });
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let (client, url) = (client.clone(), server.https("localhost", "/"));
                tokio::task::spawn_local(async move {
                    client.send(get(&url)).await.expect("a response").version()
                })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.expect("no panic"), Version::HTTP_2);
        }
        assert_eq!(server.accepted.get(), 1);
    });
}

#[test]
fn http2_streams_both_ways_and_ends_streams_alone() {
    run(async {
        let echo = |request: Request<_>| async { Response::new(request.into_body()) };
        let server = Server::tls("server", BOTH, echo).await;
        let client = client();
        let url = server.https("localhost", "/");

        let (feed, abandoned) = Feed::new();
        abandoned.push("part");
        let request = Request::post(&url).body(feed).expect("a request");
        let mut body = client.send(request).await.expect("a response").into_body();
        assert_eq!(chunk(&mut body).await, "part");

        let (feed, state) = Feed::new();
        let request = Request::post(&url).body(feed).expect("a request");
        let mut echo = client.send(request).await.expect("a response").into_body();
        for piece in ["one", "two"] {
            state.push(piece);
            assert_eq!(chunk(&mut echo).await, piece);
        }
        assert!(!abandoned.is_dropped.get());
        drop(body);
        settle().await;
        assert!(abandoned.is_dropped.get(), "the upload of a dropped exchange goes on");
        state.push("three");
        assert_eq!(chunk(&mut echo).await, "three");
        state.end();
        assert!(echo.frame().await.is_none());
        assert_eq!(server.accepted.get(), 1);
    });
}

#[test]
fn dropping_the_future_ends_the_upload() {
    run(async {
        let never = |_| std::future::pending::<Response<RequestBody>>();
        let server = Server::tls("server", BOTH, never).await;
        let client = client();
        let (feed, state) = Feed::new();
        let request = Request::post(server.https("localhost", "/")).body(feed).expect("a request");
        tokio::select! {
            _ = client.send(request) => panic!("nobody answers"),
            () = async { while server.accepted.get() == 0 { settle().await } } => {}
        }
        settle().await;
        assert!(state.is_dropped.get());
    });
}

#[test]
fn http2_heads_have_limits() {
    run(async {
        let many = |request: Request<_>| async move {
            let count: usize = request.uri().path()[1..].parse().expect("a number");
            let mut response = Response::new(full("hello"));
            for index in 0..count {
                let name = HeaderName::try_from(format!("x-{index}")).expect("a name");
                response.headers_mut().insert(name, HeaderValue::from_static("v"));
            }
            response
        };
        let server = Server::tls("server", BOTH, many).await;
        let client = client();
        // hyper's server adds `date` and `content-length`.
        let fits = client.send(get(&server.https("localhost", "/254"))).await.expect("it fits");
        assert_eq!(fits.headers().len(), 256);
        let error = client.send(get(&server.https("localhost", "/255"))).await.err().expect("255");
        assert!(matches!(error, OutboundError::HeadTooLarge { .. }), "{error}");
    });
}

#[test]
fn certificates_are_checked_and_the_reason_is_told() {
    run(async {
        let own_roots_only = OutboundOptions { extra_ca_file: None, ..options() };
        for (certificate, options, reason) in [
            ("server", own_roots_only, "the certificate's issuer is not trusted"),
            ("expired", options(), "the certificate has expired"),
            ("other", options(), "the certificate is for another name"),
        ] {
            let server = Server::tls(certificate, BOTH, version_and_host).await;
            let url = server.https("localhost", "/");
            let error = client_with(options).send(get(&url)).await.err().expect("an error");
            assert!(matches!(error, OutboundError::Tls { .. }), "{error}");
            let want = format!("TLS handshake with localhost failed: {reason}.");
            assert_eq!(error.client_message(), want);
        }
    });
}

#[test]
fn what_is_not_tls_is_told() {
    run(async {
        let server = Server::raw(|_, mut stream| async move {
            // Whatever came of the write, the client must say why.
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            read_to_end(&mut stream).await;
        })
        .await;
        let url = server.https("localhost", "/");
        let error = client().send(get(&url)).await.err().expect("an error");
        let message = error.client_message();
        assert!(message.starts_with("TLS handshake with localhost failed: "), "{message}");
    });
}

#[test]
fn a_handshake_that_does_not_end_is_given_up() {
    run(async {
        let server =
            Server::raw(|_, mut stream| async move { read_to_end(&mut stream).await }).await;
        let client = client_with(OutboundOptions { connect_timeout_ms: 20, ..options() });
        let url = server.https("localhost", "/");
        let error = client.send(get(&url)).await.err().expect("an error");
        assert!(matches!(error, OutboundError::ConnectTimeout { limit_ms: 20, .. }), "{error}");
    });
}
