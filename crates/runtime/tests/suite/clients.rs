//! What clients may take: connections, and time for bodies each way. Another Worker is asked all
//! the while.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use runtime::{ClientLimits, MinimumRate, Peer};

use crate::lab::{DEADLINE, Lab, body, exchange, worker};

const WORKER: &str = r#"
export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/large") return new Response(new Uint8Array(20_000_000));
    return new Response(request.body === null ? "ok" : await request.text());
  },
};
"#;

const OK: &str = "GET /ok HTTP/1.1\r\nhost: a.example\r\n\r\n";

fn lab(name: &str, clients: ClientLimits) -> Lab {
    let lab = Lab::with(name, Peer::default(), clients);
    lab.router.set("a.example", worker("clients", WORKER));
    lab
}

#[test]
fn connections_beyond_the_limit_are_refused() {
    let limits = ClientLimits { connections_max: 3, ..ClientLimits::default() };
    let lab = lab("connections_max", limits);
    lab.beside_a_neighbour(|| fill_and_let_go(&lab));
}

/// Takes the two connections that the neighbour leaves.
fn fill_and_let_go(lab: &Lab) {
    let kept: Vec<_> = (0..2)
        .map(|_| {
            let mut stream = lab.connect();
            assert_eq!(body(&exchange(&mut stream, OK)), "ok");
            stream
        })
        .collect();
    let refused = lab.ask(OK);
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    assert!(refused.contains("\r\ndate: ") && refused.contains("\r\nconnection: close\r\n"));
    drop(kept);
    let end = Instant::now() + DEADLINE;
    while Instant::now() < end {
        let mut stream = lab.connect();
        if exchange(&mut stream, OK).starts_with("HTTP/1.1 200 ") {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("connections that ended are still counted");
}

/// One client address has its limit; a neighbour connects through a UNIX socket.
#[test]
fn connections_of_one_address_beyond_its_limit_are_refused() {
    let limits = ClientLimits { connections_per_address_max: 2, ..ClientLimits::default() };
    let mut lab = lab("connections_per_address_max", limits);
    let address = lab.listen_tcp();
    lab.beside_a_neighbour(|| fill_from_one_address(address));
}

fn fill_from_one_address(address: SocketAddr) {
    let connect = || {
        let mut stream = TcpStream::connect(address).expect("the runtime accepts");
        stream.set_read_timeout(Some(DEADLINE)).expect("a deadline can be set");
        stream.write_all(OK.as_bytes()).expect("the runtime reads");
        let mut head = [0; 13];
        stream.read_exact(&mut head).expect("the runtime answers");
        (stream, String::from_utf8_lossy(&head).into_owned())
    };
    let kept = [connect(), connect()];
    assert!(kept.iter().all(|(_, head)| head == "HTTP/1.1 200 "), "{kept:?}");
    assert_eq!(connect().1, "HTTP/1.1 503 ");
    drop(kept);
    let end = Instant::now() + DEADLINE;
    while connect().1 != "HTTP/1.1 200 " {
        assert!(Instant::now() < end, "connections that ended are still counted");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_body_that_trickles_in_is_ended() {
    let upload = MinimumRate { patience: Duration::from_millis(500), bytes_per_second_min: 1_000 };
    let lab = lab("slow_upload", ClientLimits { upload, ..ClientLimits::default() });
    lab.beside_a_neighbour(|| trickle(&lab));
}

fn trickle(lab: &Lab) {
    for framing in ["content-length: 100000", "transfer-encoding: chunked"] {
        let mut stream = lab.connect();
        let head = format!("POST /echo HTTP/1.1\r\nhost: a.example\r\n{framing}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let part = if framing.starts_with("content") { "a" } else { "1\r\na\r\n" };
        // A byte now and then does not buy time. Sending fails once the server has closed.
        let end = Instant::now() + DEADLINE;
        while Instant::now() < end && stream.write_all(part.as_bytes()).is_ok() {
            stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            let mut answer = [0; 64];
            if let Ok(count) = stream.read(&mut answer) {
                let answer = String::from_utf8_lossy(&answer[..count]).into_owned();
                assert!(answer.starts_with("HTTP/1.1 408 "), "{framing}: {answer}");
                break;
            }
        }
        assert!(Instant::now() < end, "{framing}: it was never ended");
    }
}

#[test]
fn an_answer_that_is_read_a_byte_at_a_time_is_broken_off() {
    let download =
        MinimumRate { patience: Duration::from_millis(500), bytes_per_second_min: 1 << 20 };
    let lab = lab("slow_download", ClientLimits { download, ..ClientLimits::default() });
    lab.beside_a_neighbour(|| take_slowly(&lab));
}

fn take_slowly(lab: &Lab) {
    let mut stream = lab.connect();
    stream.write_all(b"GET /large HTTP/1.1\r\nhost: a.example\r\n\r\n").unwrap();
    let end = Instant::now() + Duration::from_secs(10);
    let mut byte = [0];
    while Instant::now() < end {
        stream.read_exact(&mut byte).expect("what is there already can be read");
        std::thread::sleep(Duration::from_millis(100));
        if end.duration_since(Instant::now()) < Duration::from_secs(8) {
            break;
        }
    }
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!(rest.len() < 20_000_000, "the answer was not broken off");
}
