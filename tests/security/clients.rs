//! Hostile clients: malformed, ambiguous, too large and too slow requests.

use super::Pair;
use crate::support::http::Connection;

/// Sends bytes; the status of the answer, or none when the connection just ends.
fn status(pair: &Pair, bytes: &[u8]) -> Option<u16> {
    let mut connection = pair.isolde.connect();
    // The server may have closed before it has everything.
    let _ = connection.try_send(bytes);
    connection.try_response("GET").map(|response| response.status)
}

/// Each of these heads is answered with 400, first on a new connection, then as the second request
/// of one, where another part of the server reads it.
#[test]
fn malformed_heads() {
    let mut pair = Pair::of("greedy");
    let heads: [(&str, &[u8]); 15] = [
        ("no HTTP at all", b"hello there\r\n\r\n"),
        ("HTTP/0.9", b"GET /ok\r\n\r\n"),
        ("a version that does not exist", b"GET /ok HTTP/7.3\r\nhost: w0\r\n\r\n"),
        ("no target", b"GET  HTTP/1.1\r\nhost: w0\r\n\r\n"),
        ("a method with a control character", b"G\x01T /ok HTTP/1.1\r\nhost: w0\r\n\r\n"),
        ("a header without a colon", b"GET /ok HTTP/1.1\r\nhost: w0\r\nnothing\r\n\r\n"),
        ("a space before the colon", b"GET /ok HTTP/1.1\r\nhost: w0\r\nx-a : b\r\n\r\n"),
        (
            "a header that goes on in the next line",
            b"GET /ok HTTP/1.1\r\nhost: w0\r\nx: a\r\n b\r\n\r\n",
        ),
        ("NUL in a header", b"GET /ok HTTP/1.1\r\nhost: w0\r\nx-a: b\0c\r\n\r\n"),
        (
            "a length that is no number",
            b"GET /ok HTTP/1.1\r\nhost: w0\r\ncontent-length: x\r\n\r\n",
        ),
        ("a negative length", b"GET /ok HTTP/1.1\r\nhost: w0\r\ncontent-length: -1\r\n\r\n"),
        (
            "two lengths",
            b"GET /ok HTTP/1.1\r\nhost: w0\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        ),
        (
            "an encoding that does not end in chunked",
            b"POST /ok HTTP/1.1\r\nhost: w0\r\ntransfer-encoding: gzip\r\n\r\n",
        ),
        ("no host", b"GET /ok HTTP/1.1\r\n\r\n"),
        ("a host that is none", b"GET /ok HTTP/1.1\r\nhost: a b\r\n\r\n"),
    ];
    let mut wrong = Vec::new();
    for (what, head) in heads {
        let first = status(&pair, head);
        let mut later = b"GET /ok HTTP/1.1\r\nhost: w0\r\n\r\n".to_vec();
        later.extend(head);
        let second = second_status(&pair, &later);
        if (first, second) != (Some(400), Some(400)) {
            wrong.push(format!("{what}: {first:?} as the first request, {second:?} as the second"));
        }
        pair.assert_served(&format!("after {what}"));
    }
    assert!(wrong.is_empty(), "not 400: {wrong:#?}");
}

fn second_status(pair: &Pair, bytes: &[u8]) -> Option<u16> {
    let mut connection = pair.isolde.connect();
    let _ = connection.try_send(bytes);
    let first = connection.try_response("GET")?;
    assert_eq!(first.status, 200, "the request before it is good");
    connection.try_response("GET").map(|response| response.status)
}

/// Ambiguous targets and hosts are answered with 400, on a new connection and as a second request:
/// the router and the Worker must see the same host.
#[test]
fn ambiguous_targets_and_hosts() {
    let mut pair = Pair::of("hog");
    let heads: [&[u8]; 24] = [
        b"GET /ok HTTP/1.1\r\nhost: w0/admin?\r\n\r\n",
        b"GET /ok HTTP/1.1\r\nhost: user@w0\r\n\r\n",
        b"GET /ok HTTP/1.1\r\nhost: w0\r\nhost: w1\r\n\r\n",
        b"GET /ok HTTP/1.1\r\nhost: w0\r\nhost: w0\r\n\r\n",
        b"GET /ok HTTP/1.1\r\nhost:\r\n\r\n",
        b"GET /ok HTTP/1.1\r\nhost: w0,w1\r\n\r\n",
        b"GET /ok HTTP/1.1\r\nhost: w0\tw1\r\n\r\n",
        b"GET /ok HTTP/1.1\r\nhost: \"w0\"\r\n\r\n",
        b"GET /ok HTTP/1.1\r\nhost: w\xc3\xb6\r\n\r\n",
        b"GET /ok HTTP/1.1\r\nhost: w\xff\r\n\r\n",
        b"GET /ok HTTP/1.1\r\nhost: w%30\r\n\r\n",
        b"GET /ok HTTP/1.1\r\nhost: w0:x\r\n\r\n",
        b"GET abc HTTP/1.1\r\nhost: w0\r\n\r\n",
        b"GET ;x HTTP/1.1\r\nhost: w0\r\n\r\n",
        b"GET localhost:80 HTTP/1.1\r\nhost: w0\r\n\r\n",
        b"GET * HTTP/1.1\r\nhost: w0\r\n\r\n",
        b"GET ftp://w0/ok HTTP/1.1\r\nhost: w0\r\n\r\n",
        b"GET http://user@w0/ok HTTP/1.1\r\nhost: w0\r\n\r\n",
        b"GET http:///ok HTTP/1.1\r\nhost: w0\r\n\r\n",
        b"GET http://w0/ok HTTP/1.1\r\nhost: w0,w1\r\n\r\n",
        b"GET http://w0/ok HTTP/1.1\r\n\r\n",
        b"POST /ok HTTP/1.1\r\nhost: w0\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"POST /ok HTTP/1.1\r\nhost: w0\r\ntransfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        b"CONNECT w0:80 HTTP/1.1\r\nhost: w0\r\n\r\n",
    ];
    for head in heads {
        let text = String::from_utf8_lossy(head);
        assert_refused(&pair, head, 400);
        let good = b"GET /ok HTTP/1.1\r\nhost: w0\r\n\r\n";
        let second = second_status(&pair, &[good, head].concat());
        assert_eq!(second, Some(400), "second {text}");
    }
    pair.assert_served("after odd hosts");
}

/// The answer of a front thread: it has a date, and says that the connection ends.
fn assert_refused(pair: &Pair, head: &[u8], status: u16) {
    let text = String::from_utf8_lossy(head);
    let mut connection = pair.isolde.connect();
    connection.send(head);
    let response = connection.response("GET");
    assert_eq!(response.status, status, "{text}");
    assert!(response.header("date").is_some(), "{text}: {:?}", response.headers);
    assert_eq!(response.header("connection"), Some("close"), "{text}");
    assert!(connection.is_closed(), "{text}");
}

/// A target with a host of its own: that is the host, for the router and for the Worker.
#[test]
fn the_host_of_the_target_counts() {
    let worker = crate::support::repository("tests/reliability/client");
    let isolde = crate::support::process::Isolde::dev(&worker);
    let mut connection = isolde.connect();
    // The first request is read by a front thread, the second by the isolate's.
    for _ in 0..2 {
        connection.send(b"GET http://Target.example:80/request?a HTTP/1.1\r\nhost: other\r\n\r\n");
        let seen = r#"["http://target.example/request?a","Target.example:80",null,null]"#;
        assert_eq!(connection.response("GET").text(), seen);
    }
}

/// A hostile proxy's trick: two lengths that two servers would read differently.
#[test]
fn smuggled_requests() {
    let mut pair = Pair::of("greedy");
    let mut connection = pair.isolde.connect();
    connection.send(
        b"POST /body HTTP/1.1\r\nhost: w0\r\ncontent-length: 44\r\n\
          transfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /count HTTP/1.1\r\nhost: w1\r\n\r\n",
    );
    let response = connection.response("POST");
    if response.status == 200 {
        // Read as chunked, which is right, the connection may not be used again: RFC 9112, 6.3.
        assert_eq!(response.text(), "0");
        assert!(connection.is_closed(), "the connection was used again");
    } else {
        assert_eq!(response.status, 400);
    }
    pair.assert_served("after two lengths");
}

/// Chunks that another server could read differently: 400 and the end of the connection, whether
/// the Worker reads the body or not, in one packet with the head or after it.
#[test]
fn malformed_chunks() {
    let mut pair = Pair::of("greedy");
    let extension = format!("3;{}\r\nabc\r\n0\r\n\r\n", "x".repeat(64 << 10));
    let trailers = format!("3\r\nabc\r\n0\r\n{}\r\n", "x-a: b\r\n".repeat(5_000));
    let bodies = [
        "zz\r\nabc\r\n0\r\n\r\n",
        "+3\r\nabc\r\n0\r\n\r\n",
        "-3\r\nabc\r\n0\r\n\r\n",
        "0x3\r\nabc\r\n0\r\n\r\n",
        "3 3\r\nabc\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nabc\r\n0\r\n\r\n",
        "3\nabc\n0\n\n",
        "3\r\nabc0\r\n\r\n",
        "3\r\nabcdef\r\n0\r\n\r\n",
        &extension,
        &trailers,
    ];
    for path in ["/body", "/ok"] {
        let head =
            format!("POST {path} HTTP/1.1\r\nhost: w0\r\ntransfer-encoding: chunked\r\n\r\n");
        for (number, body) in bodies.iter().enumerate() {
            for separate in [false, true] {
                let mut connection = pair.isolde.connect();
                let what = format!("{path}, body {number}, separate: {separate}");
                connection.send(head.as_bytes());
                if separate {
                    std::thread::sleep(std::time::Duration::from_millis(2));
                }
                let _ = connection.try_send(body.as_bytes());
                let response = connection.response("POST");
                // A body that comes late finds an answer that did not wait for it.
                let answered = separate && path == "/ok" && response.status == 200;
                assert!(response.status == 400 || answered, "{what}: {}", response.excerpt());
                let closes = response.header("connection") == Some("close");
                assert!(closes || answered, "{what}: {:?}", response.headers);
                assert!(connection.is_closed(), "{what}");
            }
        }
        pair.assert_served("after chunks that are none");
    }
    let mut connection = pair.isolde.connect();
    connection
        .send(b"POST /body HTTP/1.1\r\nhost: w0\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc");
    connection.finish_sending();
    let response = connection.try_response("POST");
    assert!(response.is_none_or(|response| response.status >= 400), "the client is gone");
    pair.assert_served("after a chunk that breaks off");
}

#[test]
fn too_many_headers() {
    let mut pair = Pair::of("greedy");
    let line = |n: usize| format!("x-{n}: {}\r\n", "y".repeat(100));
    let bomb = |count: usize| {
        let headers: String = (0..count).map(line).collect();
        format!("GET /ok HTTP/1.1\r\nhost: w0\r\n{headers}\r\n")
    };
    let huge = format!("GET /ok HTTP/1.1\r\nhost: w0\r\nx: {}\r\n\r\n", "y".repeat(200 << 10));
    let endless = format!("GET /ok HTTP/1.1\r\nhost: w0\r\nx: {}", "y".repeat(400 << 10));
    for (what, head) in [("many", bomb(1000)), ("all", bomb(2000)), ("one", huge), ("end", endless)]
    {
        assert_eq!(status(&pair, head.as_bytes()), Some(431), "{what}, first");
        let later = format!("GET /ok HTTP/1.1\r\nhost: w0\r\n\r\n{head}");
        assert_eq!(second_status(&pair, later.as_bytes()), Some(431), "{what}, second");
        pair.assert_served(&format!("after too many headers ({what})"));
    }
    assert_eq!(status(&pair, bomb(200).as_bytes()), Some(200), "200 headers are fine");
}

#[test]
fn too_long_addresses() {
    let mut pair = Pair::of("greedy");
    for length in [17 << 10, 100 << 10] {
        let head = format!("GET /ok?{} HTTP/1.1\r\nhost: w0\r\n\r\n", "x".repeat(length));
        assert_eq!(status(&pair, head.as_bytes()), Some(414), "{length} bytes, first");
        let later = format!("GET /ok HTTP/1.1\r\nhost: w0\r\n\r\n{head}");
        assert_eq!(second_status(&pair, later.as_bytes()), Some(414), "{length} bytes, second");
        pair.assert_served("after a long address");
    }
    let fits = format!("GET /ok?{} HTTP/1.1\r\nhost: w0\r\n\r\n", "x".repeat(16_000));
    assert_eq!(status(&pair, fits.as_bytes()), Some(200));
}

/// The length alone is enough to refuse: not a byte of the body is sent.
#[test]
fn bodies_over_the_limit() {
    let mut pair = Pair::of("greedy");
    for length in ["104857601", "99999999999999"] {
        let head = format!("POST /body HTTP/1.1\r\nhost: w0\r\ncontent-length: {length}\r\n\r\n");
        assert_eq!(status(&pair, head.as_bytes()), Some(413), "{length} bytes");
        pair.assert_served("after a body that is too large");
    }
}

/// Without a length the limit is met on the way.
#[test]
fn chunked_bodies_over_the_limit() {
    let mut pair = Pair::of("greedy");
    let mut connection = pair.isolde.connect();
    connection.send(b"POST /body HTTP/1.1\r\nhost: w0\r\ntransfer-encoding: chunked\r\n\r\n");
    let mut chunk = b"100000\r\n".to_vec();
    chunk.resize(chunk.len() + (1 << 20), b'x');
    chunk.extend(b"\r\n");
    let mut sent = 0;
    while sent < 300 && connection.try_send(&chunk).is_ok() {
        sent += 1;
    }
    // The answer may be lost when the server closes while the client is still sending.
    if let Some(response) = connection.try_response("POST") {
        assert!(response.status >= 400, "{} MiB were taken", response.text().len() >> 20);
    }
    pair.assert_served("after a chunked body that is too large");
}

#[test]
fn bytes_of_other_protocols() {
    let mut pair = Pair::of("greedy");
    let hello = [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], &[7; 506]].concat();
    let status = status(&pair, &hello);
    assert!(matches!(status, Some(400) | None), "TLS gets {status:?}");
    pair.assert_served("after TLS");
    let mut frames = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    frames.extend([0xff; 2000]);
    let mut connection = pair.isolde.connect();
    let _ = connection.try_send(&frames);
    drop(connection);
    pair.assert_served("after HTTP/2 frames that are none");
    drop(Connection::open(&pair.isolde.address));
    pair.assert_served("after a connection that sent nothing");
}

#[test]
fn many_connections_at_once() {
    let mut pair = Pair::of("greedy");
    for round in 0..3 {
        let connections: Vec<Connection> = (0..200)
            .map(|number| {
                let mut connection = pair.isolde.connect();
                let part = if number % 2 == 0 { "GET /ok HTTP/1.1\r\nho" } else { "" };
                let _ = connection.try_send(part.as_bytes());
                connection
            })
            .collect();
        pair.assert_served(&format!("with 200 connections that send nothing more, {round}"));
        drop(connections);
        pair.assert_served(&format!("after they went, {round}"));
    }
}

/// A head that arrives a byte at a time is refused after a fixed time.
#[test]
fn heads_that_never_end() {
    let mut pair = Pair::of("greedy");
    let mut first = pair.isolde.connect();
    first.send(b"GET /ok HTTP/1.1\r\nhost: w0\r\nx-slow: ");
    let mut second = pair.isolde.connect();
    second.send(b"GET /ok HTTP/1.1\r\nhost: w0\r\n\r\n");
    assert_eq!(second.response("GET").text(), "ok");
    second.send(b"GET /ok HTTP/1.1\r\nhost: w0\r\nx-slow: ");
    // A trickle does not buy more time. Sending fails once the server has closed.
    for _ in 0..30 {
        let sent = first.try_send(b"a").is_ok() | second.try_send(b"a").is_ok();
        if !sent {
            break;
        }
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
    let refused = |status: Option<u16>| status.is_none_or(|status| status == 408);
    assert!(refused(first.try_response("GET").map(|response| response.status)), "the first");
    assert!(refused(second.try_response("GET").map(|response| response.status)), "the second");
    pair.assert_served("after slow heads");
}

/// Headers that HTTP/2 compresses to little are counted at their full size.
#[test]
fn a_bomb_of_http_2_headers() {
    let mut pair = Pair::of("greedy");
    let mut curl = std::process::Command::new("curl");
    curl.args(["--http2-prior-knowledge", "-sS", "-m", "60", "-o", "-", "-w", "%{http_code}"]);
    for number in 0..40 {
        curl.args(["-H", &format!("x-{number}: {}", "a".repeat(8_000))]);
    }
    let Ok(output) = curl.arg(format!("http://{}/ok", pair.isolde.address)).output() else {
        println!("skipped: there is no curl");
        return;
    };
    let answer = String::from_utf8_lossy(&output.stdout);
    assert!(!answer.ends_with("200"), "320 kB of headers are too many: {answer}");
    pair.assert_served("after a bomb of headers");
}
