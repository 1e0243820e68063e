//! Sockets are shared by all owners: one that takes many does not deprive the others.

use std::sync::Arc;

use outbound::{Client, Fault, Outbound, OutboundError, OutboundOptions, ResponseBody, Tenant};
use tokio::io::AsyncWriteExt;

use crate::support::*;

/// A server whose responses never end, but for those to `/short`.
async fn endless_server() -> Server {
    Server::raw(|_, mut stream| async move {
        let head = read_head(&mut stream).await;
        let is_short = head.starts_with("GET /short");
        let length = if is_short { 2 } else { 1_000 };
        let response = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\nhi");
        stream.write_all(response.as_bytes()).await.expect("written");
        read_to_end(&mut stream).await;
    })
    .await
}

fn limited(sockets_max: usize, sockets_per_owner_max: usize) -> Arc<Outbound> {
    let options = OutboundOptions {
        sockets_max,
        sockets_per_owner_max,
        socket_wait_ms_max: 200,
        ..options()
    };
    Outbound::new(options).expect("good options")
}

fn client_of(outbound: &Arc<Outbound>, owner: &str) -> Client {
    outbound.client(Tenant { owner: owner.into(), ..Tenant::default() })
}

async fn open(client: &Client, url: &str) -> Result<ResponseBody, OutboundError> {
    Ok(client.send(get(url)).await?.into_body())
}

#[test]
fn an_owner_that_holds_many_is_refused_and_the_neighbour_is_not() {
    run(async {
        let server = endless_server().await;
        let (endless, short) = (server.url("/"), server.url("/short"));
        let outbound = limited(8, 3);
        let greedy = client_of(&outbound, "greedy");
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(open(&greedy, &endless).await.expect("within the limit"));
        }
        // Another isolate of the same owner counts with it.
        let error = open(&client_of(&outbound, "greedy"), &endless).await.err().expect("too many");
        assert!(matches!(error, OutboundError::TooManySockets { is_own_fault: true, .. }));
        assert_eq!((error.fault(), error.may_retry()), (Fault::Caller, true));
        let innocent = client_of(&outbound, "innocent").send(get(&short)).await.expect("one");
        assert_eq!(text(innocent).await, "hi");
        held.pop();
        open(&greedy, &endless).await.expect("there is room again");
    });
}

#[test]
fn idle_connections_are_closed_for_those_who_wait() {
    run(async {
        let outbound = limited(4, 4);
        let greedy = client_of(&outbound, "greedy");
        let mut servers = Vec::new();
        for _ in 0..2 {
            let server = endless_server().await;
            let response = greedy.send(get(&server.url("/short"))).await.expect("one");
            assert_eq!(text(response).await, "hi");
            servers.push(server);
        }
        let url = servers[0].url("/");
        let mut held = Vec::new();
        for owner in ["a", "b", "c"] {
            // The first two take what is left; the third gets one that was idle.
            held.push(open(&client_of(&outbound, owner), &url).await.expect("a socket"));
        }
        assert_eq!(held.len(), 3);
    });
}

#[test]
fn a_neighbour_without_a_socket_waits_for_one() {
    run(async {
        let server = endless_server().await;
        let (outbound, url) = (limited(2, 2), server.url("/"));
        let (a, b, c) =
            (client_of(&outbound, "a"), client_of(&outbound, "b"), client_of(&outbound, "c"));
        let first = open(&a, &url).await.expect("a socket");
        let _second = open(&b, &url).await.expect("a socket");
        let error = open(&c, &url).await.err().expect("there is none");
        assert!(matches!(error, OutboundError::TooManySockets { is_own_fault: false, .. }));
        assert_eq!(error.fault(), Fault::Platform);
        let free_one = async {
            settle().await;
            drop(first);
        };
        let (opened, ()) = tokio::join!(open(&c, &url), free_one);
        opened.expect("one was closed");
    });
}
