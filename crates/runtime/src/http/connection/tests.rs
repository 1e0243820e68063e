//! Tests of upgrades, which no Worker can ask for yet.

use std::rc::Rc;
use std::time::Duration;

use ingress::connections::ClientConnections;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::*;

const RATE: MinimumRate =
    MinimumRate { patience: Duration::from_secs(60), bytes_per_second_min: 1 };

#[test]
fn an_upgraded_connection_leaves_http_with_its_unread_bytes() {
    let local = tokio::task::LocalSet::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    local.block_on(&runtime, async {
        let (mut client, server) = UnixStream::pair().unwrap();
        let (upgrade, upgraded) = Upgrade::pair();
        let upgrade = Rc::new(Cell::new(Some(upgrade)));
        let (_drain_sender, drain) = watch::channel(Drain::Stay);
        let connections = ClientConnections::new(1, 1);
        let guard = connections.admit(None).expect("it is the first");
        let served = tokio::task::spawn_local(async move {
            let stream = Prefixed::new(Transport::Unix(server), Bytes::new(), RATE);
            let answer = |_: Request<Inbound>| {
                let mut response = Response::new(OutBody::Empty);
                *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
                let extension = upgrade.take().expect("there is one request");
                response.extensions_mut().insert(extension);
                async move { response }
            };
            match serve_http1(stream, RATE, &drain, || false, |_, _| {}, answer).await {
                ConnectionEnd::Upgraded(upgrade, stream, read) => {
                    upgrade.deliver(stream, read, guard)
                }
                _ => panic!("it was not upgraded"),
            }
        });
        let request =
            b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nearly";
        client.write_all(request).await.unwrap();
        let connection = upgraded.await.expect("the connection comes");
        served.await.unwrap();
        assert_eq!(connection.read, "early");
        assert!(connections.admit(None).is_none(), "it still counts");
        let mut stream = connection.stream.attach().unwrap();
        stream.write_all(b"hello").await.unwrap();
        drop((stream, connection.guard));
        assert!(connections.admit(None).is_some());
        let mut seen = String::new();
        client.read_to_string(&mut seen).await.unwrap();
        assert!(seen.starts_with("HTTP/1.1 101 "), "{seen}");
        assert!(seen.ends_with("\r\n\r\nhello"), "{seen}");
    });
}
