//! Names, looked up at a DNS server of the tests that answers, slowly, wrongly, or not at all.

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use outbound::{Fault, LookUpError, Outbound, OutboundError, OutboundOptions, Policy, Tenant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

use crate::support::*;

const TYPE_A: u16 = 1;
/// Bits of a message's flags: it is an answer, and it was cut off.
const ANSWER: u16 = 0x8180;
const CUT_OFF: u16 = 0x0200;
const NO_SUCH_NAME: u16 = 3;

/// A DNS server on UDP and TCP. What it answers depends on the name's first label: `slow` gets
/// nothing, `none` does not exist, `inside` is a private address, `large` is cut off over UDP;
/// everything else is this machine.
struct Dns {
    address: SocketAddr,
    /// The names of A questions, as they came.
    asked: Rc<RefCell<Vec<String>>>,
}

impl Dns {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let socket = UdpSocket::bind(address).await.expect("the same port");
        let asked: Rc<RefCell<Vec<String>>> = Rc::default();
        let list = asked.clone();
        tokio::task::spawn_local(async move {
            let mut buffer = [0; 1_500];
            loop {
                let (length, from) = socket.recv_from(&mut buffer).await.expect("a question");
                let (name, kind) = question(&buffer[..length]);
                if kind == TYPE_A {
                    list.borrow_mut().push(name.clone());
                }
                if let Some(answer) = answer(&buffer[..length], &name, kind, true) {
                    socket.send_to(&answer, from).await.expect("sent");
                }
            }
        });
        tokio::task::spawn_local(async move {
            loop {
                let (mut stream, _) = listener.accept().await.expect("a connection");
                tokio::task::spawn_local(async move {
                    while let Ok(length) = stream.read_u16().await {
                        let mut message = vec![0; usize::from(length)];
                        stream.read_exact(&mut message).await.expect("a question");
                        let (name, kind) = question(&message);
                        let answer = answer(&message, &name, kind, false).expect("an answer");
                        let length = u16::try_from(answer.len()).expect("a short answer");
                        stream.write_u16(length).await.expect("sent");
                        stream.write_all(&answer).await.expect("sent");
                    }
                });
            }
        });
        Self { address, asked }
    }

    fn options(&self) -> OutboundOptions {
        OutboundOptions { name_servers: Some(vec![self.address]), ..options() }
    }
}

/// Name and type of a message's question.
fn question(message: &[u8]) -> (String, u16) {
    let (mut labels, mut at) = (Vec::new(), 12);
    while message[at] != 0 {
        let end = at + 1 + usize::from(message[at]);
        labels.push(String::from_utf8_lossy(&message[at + 1..end]).to_lowercase());
        at = end;
    }
    (labels.join("."), u16::from_be_bytes([message[at + 1], message[at + 2]]))
}

fn answer(question: &[u8], name: &str, kind: u16, is_udp: bool) -> Option<Vec<u8>> {
    let label = name.split(['.', '-']).next().unwrap_or_default();
    let (flags, address) = match label {
        "slow" => return None,
        "none" => (ANSWER | NO_SUCH_NAME, None),
        "large" if is_udp => (ANSWER | CUT_OFF, None),
        "inside" => (ANSWER, Some(Ipv4Addr::new(10, 0, 0, 1))),
        _ => (ANSWER, Some(Ipv4Addr::LOCALHOST)),
    };
    let address = address.filter(|_| kind == TYPE_A);
    let question_end = 12 + name.len() + 2 + 4;
    let mut answer = question[..2].to_vec();
    for number in [flags, 1, u16::from(address.is_some()), 0, 0] {
        answer.extend(number.to_be_bytes());
    }
    answer.extend(&question[12..question_end]);
    if let Some(address) = address {
        // The question's name, A, IN, 60 seconds, four bytes.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        answer.extend(address.octets());
    }
    Some(answer)
}

/// A server that answers and closes, so that each request looks its host up.
async fn closing_server() -> Server {
    Server::raw(|_, mut stream| async move {
        read_head(&mut stream).await;
        let response = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi";
        stream.write_all(response).await.expect("written");
    })
    .await
}

fn tenant(owner: &str) -> Tenant {
    Tenant { owner: owner.into(), ..Tenant::default() }
}

async fn get_ok(outbound: &Arc<Outbound>, owner: &str, url: &str) {
    let response = outbound.client(tenant(owner)).send(get(url)).await.expect("a response");
    assert_eq!(text(response).await, "hi");
}

fn look_up_error(error: Option<OutboundError>) -> LookUpError {
    match error {
        Some(OutboundError::Resolve { source, .. }) => source,
        other => panic!("no look-up failed: {other:?}"),
    }
}

#[test]
fn slow_answers_of_one_owner_delay_no_other() {
    run(async {
        let (dns, server) = (Dns::start().await, closing_server().await);
        let port = server.address.port();
        let outbound = Outbound::new(dns.options()).expect("good options");
        let greedy = outbound.client(tenant("greedy"));
        let mut waiting = Vec::new();
        for number in 0..32 {
            let (client, url) = (greedy.clone(), format!("http://slow-{number}.test/"));
            let sent = async move { client.send(get(&url)).await.err() };
            waiting.push(tokio::task::spawn_local(sent));
        }
        // All of them have been asked for when the server has seen them.
        while dns.asked.borrow().iter().filter(|name| name.starts_with("slow")).count() < 32 {
            tokio::task::yield_now().await;
        }
        let error = greedy.send(get("http://slow-33.test/")).await.err();
        assert_eq!(error.as_ref().map(OutboundError::fault), Some(Fault::Caller));
        assert_eq!(look_up_error(error), LookUpError::TooMany);
        for number in 0..5 {
            let url = format!("http://fast-{number}.test:{port}/");
            get_ok(&outbound, "innocent", &url).await;
        }
        assert!(waiting.iter().all(|sent| !sent.is_finished()), "the slow ones still wait");
        // Look-ups of a blocking pool would be on threads of that name.
        let tasks = std::fs::read_dir("/proc/self/task").expect("the threads");
        for task in tasks.flatten() {
            let name = std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
            assert!(!name.starts_with("tokio"), "a thread for a look-up: {name}");
        }
    });
}

#[test]
fn a_look_up_ends_with_its_request_and_at_its_timeout() {
    run(async {
        let (dns, server) = (Dns::start().await, closing_server().await);
        let url = format!("http://fast.test:{}/", server.address.port());
        let options = OutboundOptions {
            look_ups_in_flight_per_owner_max: 1,
            look_up_ms_max: 300,
            ..dns.options()
        };
        let outbound = Outbound::new(options).expect("good options");
        let client = outbound.client(tenant("a"));
        {
            let mut sent = std::pin::pin!(client.send(get("http://slow.test/")));
            while dns.asked.borrow().is_empty() {
                tokio::select! {
                    _ = &mut sent => panic!("nobody answers"),
                    () = tokio::task::yield_now() => {}
                }
            }
            let error = client.send(get(&url)).await.err();
            assert_eq!(look_up_error(error), LookUpError::TooMany);
        }
        // The look-up that was dropped makes room as soon as the resolver's thread has seen it.
        while let Err(error) = client.send(get(&url)).await {
            assert_eq!(look_up_error(Some(error)), LookUpError::TooMany);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let error = client.send(get("http://slow.test/")).await.err();
        assert!(error.as_ref().is_some_and(OutboundError::may_retry));
        assert_eq!(look_up_error(error), LookUpError::Timeout);
        get_ok(&outbound, "a", &url).await;
    });
}

#[test]
fn an_answer_is_asked_for_once_by_each_owner() {
    run(async {
        let (dns, server) = (Dns::start().await, closing_server().await);
        let url = format!("http://a.test:{}/", server.address.port());
        let outbound = Outbound::new(dns.options()).expect("good options");
        for owner in ["a", "a", "b", "b", "a"] {
            get_ok(&outbound, owner, &url).await;
        }
        assert_eq!(server.accepted.get(), 5);
        assert_eq!(*dns.asked.borrow(), ["a.test", "a.test"]);
    });
}

#[test]
fn an_answer_that_is_cut_off_is_asked_for_over_tcp() {
    run(async {
        let (dns, server) = (Dns::start().await, closing_server().await);
        let outbound = Outbound::new(dns.options()).expect("good options");
        let url = format!("http://large.test:{}/", server.address.port());
        get_ok(&outbound, "a", &url).await;
    });
}

#[test]
fn names_that_do_not_exist_and_names_that_lead_inside() {
    run(async {
        let dns = Dns::start().await;
        let client = client_with(dns.options());
        let error = client.send(get("http://none.test/")).await.err().expect("no such name");
        assert_eq!(error.client_message(), "DNS lookup failed.");
        assert_eq!((error.fault(), error.may_retry()), (Fault::Origin, false));
        assert_eq!(look_up_error(Some(error)), LookUpError::NoSuchName);
        let error = client.send(get("http://inside.test/")).await.err().expect("refused");
        assert_eq!((error.fault(), error.may_retry()), (Fault::Policy, false));
        assert!(matches!(error, OutboundError::Refused { .. }), "{error}");
    });
}

#[test]
fn operators_open_and_close_ranges() {
    run(async {
        let (dns, server) = (Dns::start().await, closing_server().await);
        let url = format!("http://a.test:{}/", server.address.port());
        let loopback = || vec!["127.0.0.0/8".parse().expect("a range")];
        let strict = OutboundOptions { policy: Policy::PublicOnly, ..dns.options() };
        let open = OutboundOptions { allowed_ranges: loopback(), ..strict.clone() };
        let response = client_with(open).send(get(&url)).await.expect("allowed");
        assert_eq!(text(response).await, "hi");
        let closed = OutboundOptions { forbidden_ranges: loopback(), ..dns.options() };
        for (options, message) in [
            (strict, "Refused by policy: a.test is not on the public Internet."),
            (closed, "Refused by policy: a.test may not be reached."),
        ] {
            let error = client_with(options).send(get(&url)).await.err().expect("refused");
            assert_eq!(error.client_message(), message);
        }
        assert_eq!(server.accepted.get(), 1);
    });
}

#[test]
fn blocked_ports_are_not_even_looked_up() {
    run(async {
        let dns = Dns::start().await;
        let client = client_with(dns.options());
        for url in ["http://a.test:25/", "https://a.test:6667/", "http://127.0.0.1:22/"] {
            let error = client.send(get(url)).await.err().expect("blocked");
            assert!(matches!(error, OutboundError::BlockedPort { .. }), "{error}");
            assert_eq!(error.fault(), Fault::Policy);
        }
        assert!(dns.asked.borrow().is_empty());
    });
}
