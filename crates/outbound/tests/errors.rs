//! Errors: refused addresses, heads that are too large, origins that do not answer.

use std::rc::Rc;

use outbound::{Outbound, OutboundError, OutboundOptions, Policy};
use tokio::io::AsyncWriteExt;

use crate::support::*;

/// A server that answers with these bytes and keeps the connection open.
async fn answers(bytes: Vec<u8>) -> Server {
    let bytes = Rc::new(bytes);
    Server::raw(move |_, mut stream| {
        let bytes = Rc::clone(&bytes);
        async move {
            read_head(&mut stream).await;
            // The client may have seen enough before all is written.
            if stream.write_all(&bytes).await.is_ok() {
                read_to_end(&mut stream).await;
            }
        }
    })
    .await
}

async fn error_of(bytes: Vec<u8>) -> OutboundError {
    let server = answers(bytes).await;
    client().send(get(&server.url("/"))).await.err().expect("an error")
}

#[test]
fn loopback_is_reached_in_dev_only() {
    run(async {
        let server = answers(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi".to_vec()).await;
        let port = server.address.port();
        let strict = client_with(OutboundOptions { policy: Policy::PublicOnly, ..options() });
        for host in ["127.0.0.1", "localhost", "a.b.localhost", "[::ffff:127.0.0.1]", "[::1]"] {
            let url = format!("http://{host}:{port}/");
            let error = strict.send(get(&url)).await.err().expect("refused");
            assert!(matches!(error, OutboundError::Refused { .. }), "{host}: {error}");
            let want = format!("Refused by policy: {host} is not on the public Internet.");
            assert_eq!(error.client_message(), want);
        }
        assert_eq!(server.accepted.get(), 0);
        for (index, host) in ["127.0.0.1", "localhost", "a.b.LOCALHOST", "[::ffff:127.0.0.1]"]
            .into_iter()
            .enumerate()
        {
            let url = format!("http://{host}:{port}/");
            let response = client().send(get(&url)).await.expect("allowed");
            assert_eq!(text(response).await, "hi");
            assert_eq!(server.accepted.get(), index + 1);
        }
        for host in ["10.255.255.1", "169.254.169.254", "[fd00:ec2::254]"] {
            let error = client().send(get(&format!("http://{host}/"))).await.err();
            assert!(matches!(error, Some(OutboundError::Refused { .. })), "{host}: {error:?}");
        }
    });
}

#[test]
fn odd_hosts_never_reach_the_resolver() {
    run(async {
        for host in ["0x7f.1", "2130706433", "127.1", "0177.0.0.1", "a..b", "127.0.0.1."] {
            let error = client().send(get(&format!("http://{host}/"))).await.err();
            assert!(matches!(error, Some(OutboundError::InvalidHost { .. })), "{host}: {error:?}");
        }
    });
}

#[test]
fn nobody_there_is_a_lost_connection() {
    run(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        drop(listener);
        let error = client().send(get(&url)).await.err().expect("an error");
        assert!(matches!(error, OutboundError::Connect { .. }), "{error}");
        assert_eq!(error.client_message(), "Network connection lost.");
    });
}

#[test]
fn response_heads_have_limits() {
    run(async {
        let with_header = |size: usize| {
            let value = "x".repeat(size);
            format!("HTTP/1.1 200 OK\r\nx: {value}\r\ncontent-length: 0\r\n\r\n").into_bytes()
        };
        let server = answers(with_header(120 * 1024)).await;
        let response = client().send(get(&server.url("/"))).await.expect("it fits");
        assert_eq!(response.headers()["x"].len(), 120 * 1024);
        for size in [128 * 1024, 1024 * 1024] {
            let error = error_of(with_header(size)).await;
            assert!(matches!(error, OutboundError::HeadTooLarge { .. }), "{size}: {error}");
            let want = "Response head exceeds 131072 bytes or 256 headers.";
            assert_eq!(error.client_message(), want);
        }

        let with_headers = |count: usize| {
            let fields: String = (1..count).map(|index| format!("x-{index}: v\r\n")).collect();
            format!("HTTP/1.1 200 OK\r\n{fields}content-length: 0\r\n\r\n").into_bytes()
        };
        let server = answers(with_headers(256)).await;
        let response = client().send(get(&server.url("/"))).await.expect("it fits");
        assert_eq!(response.headers().len(), 256);
        let error = error_of(with_headers(257)).await;
        assert!(matches!(error, OutboundError::HeadTooLarge { .. }), "{error}");
    });
}

#[test]
fn what_is_not_http_is_told() {
    run(async {
        let error = error_of(b"SSH-2.0-OpenSSH_9.6\r\n\r\n".to_vec()).await;
        let want = "The remote server sent something that is not HTTP.";
        assert_eq!(error.client_message(), want);
        let error =
            error_of(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n".to_vec()).await;
        assert!(matches!(error, OutboundError::UnaskedUpgrade { .. }), "{error}");
    });
}

#[test]
fn hop_by_hop_headers_of_a_response_stay_here() {
    run(async {
        let head = "HTTP/1.1 200 OK\r\nx-a: 1\r\nkeep-alive: timeout=5\r\nconnection: x-b\r\n\
                    x-b: 2\r\nx-c: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
        let server = answers(head.into()).await;
        let response = client().send(get(&server.url("/"))).await.expect("a response");
        let names: Vec<_> = response.headers().keys().map(|name| name.as_str()).collect();
        assert_eq!(names, ["x-a", "x-c"]);
    });
}

#[test]
fn options_that_cannot_work_are_refused() {
    let zero = OutboundOptions { connections_per_host_max: 0, ..options() };
    assert!(matches!(Outbound::new(zero).err(), Some(OutboundError::BadOption(_))));
    for file in ["/nonexistent.pem", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")] {
        let options = OutboundOptions { extra_ca_file: Some(file.into()), ..options() };
        let error = Outbound::new(options).err();
        assert!(matches!(error, Some(OutboundError::ExtraCa { .. })), "{file}: {error:?}");
    }
}
