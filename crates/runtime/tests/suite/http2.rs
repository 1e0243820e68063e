//! HTTP/2, frame by frame: the same answers as over HTTP/1.1.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use h2::client::SendRequest;
use http::{Method, Request, StatusCode, Version};
use runtime::{ClientLimits, Peer};

use crate::lab::{DEADLINE, Lab, body, exchange, worker};

const WORKER: &str = r#"
const paths = {
  "/text": () => new Response("text"),
  "/request": ({ url, headers }) =>
    Response.json([url, headers.get("host"), headers.get("cookie")]),
  "/stream": () => new Response(new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(100_000)),
  })),
  "/empty": () => new Response(null, { headers: { "content-length": "4096" } }),
  "/not-modified": () => new Response(null, { status: 304, headers: { "content-length": "4096" } }),
  "/many-headers": () => {
    const headers = new Headers();
    for (let i = 0; i < 24_576; i += 1) headers.append(i.toString(36), "");
    return new Response("text", { headers });
  },
  "/throws": () => { throw new Error("thrown"); },
  "/large": () => new Response(new Uint8Array(1_250_000)),
  "/huge": () => new Response(new Uint8Array(25_000_000)),
  "/late": () => scheduler.wait(1_000).then(() => new Response("late")),
  "/large-stream": () => new Response(new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(400_000)),
  })),
  "/echo": async (request) => new Response(await request.text()),
};

export default {
  fetch: (request) => paths[new URL(request.url).pathname](request),
};
"#;

fn lab(name: &str) -> Lab {
    let lab = Lab::new(name, Peer::default());
    lab.router.set("a.example", worker("http2", WORKER));
    lab
}

/// Runs a test against a connection with a client's settings.
fn with_client<T>(
    lab: &Lab,
    settings: &h2::client::Builder,
    test: impl AsyncFnOnce(SendRequest<bytes::Bytes>) -> T,
) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let stream = tokio::net::UnixStream::connect(lab.socket()).await.expect("it accepts");
        let (client, connection) = settings.handshake(stream).await.expect("it speaks HTTP/2");
        tokio::task::spawn_local(async move { drop(connection.await) });
        tokio::time::timeout(DEADLINE, test(client)).await.expect("it answers in time")
    })
}

fn request(method: Method, uri: &str) -> http::request::Builder {
    Request::builder().version(Version::HTTP_2).method(method).uri(uri)
}

/// The head of an answer, and its body.
async fn ask(
    client: &mut SendRequest<bytes::Bytes>,
    request: http::request::Builder,
) -> (http::response::Parts, Result<Vec<u8>, h2::Error>) {
    std::future::poll_fn(|context| client.poll_ready(context)).await.expect("it takes requests");
    let (response, _) = client.send_request(request.body(()).unwrap(), true).unwrap();
    let (head, mut data) = response.await.expect("it answers").into_parts();
    let mut body = Vec::new();
    while let Some(part) = data.data().await {
        match part {
            Ok(part) => {
                let _ = data.flow_control().release_capacity(part.len());
                body.extend_from_slice(&part);
            }
            Err(error) => return (head, Err(error)),
        }
    }
    (head, Ok(body))
}

#[test]
fn responses_to_head_have_no_body() {
    let lab = lab("http2_head");
    with_client(&lab, &h2::client::Builder::new(), async |mut client| {
        for (path, status, length) in [
            ("/text", 200, Some("4")),
            ("/empty", 200, Some("4096")),
            ("/stream", 200, None),
            ("/throws", 500, Some("17")),
            ("/not-modified", 304, Some("4096")),
        ] {
            let uri = format!("http://a.example{path}");
            let (head, body) = ask(&mut client, request(Method::HEAD, &uri)).await;
            assert_eq!(head.status, status, "{path}");
            let said = head.headers.get("content-length").map(|length| length.to_str().unwrap());
            assert_eq!(said, length, "{path}");
            assert_eq!(body.expect("no frame is out of place"), b"", "{path}");
        }
        let unknown = request(Method::HEAD, "http://b.example/");
        let (head, body) = ask(&mut client, unknown).await;
        assert_eq!((head.status, body.unwrap().len()), (StatusCode::NOT_FOUND, 0));
        let (head, body) =
            ask(&mut client, request(Method::GET, "http://a.example/not-modified")).await;
        assert_eq!((head.status.as_u16(), body.unwrap().len()), (304, 0));
    });
}

/// So many fields leave no room in hyper's map for the date.
#[test]
fn responses_with_too_many_headers() {
    let lab = lab("http2_many_headers");
    let attack = async |mut client| {
        for _ in 0..2 {
            let asked = request(Method::GET, "http://a.example/many-headers");
            let (head, _) = ask(&mut client, asked).await;
            assert_eq!(head.status, 500);
        }
        let (head, _) = ask(&mut client, request(Method::GET, "http://a.example/text")).await;
        assert_eq!(head.status, 200, "the connection is still good");
    };
    lab.beside_a_neighbour(|| with_client(&lab, &h2::client::Builder::new(), attack));
}

#[test]
fn cookies_and_the_host_are_those_of_http_1() {
    let lab = lab("http2_headers");
    with_client(&lab, &h2::client::Builder::new(), async |mut client| {
        let asked = request(Method::GET, "http://A.example/request")
            .header("cookie", "a=1")
            .header("cookie", "b=2")
            .header("cookie", "c=3");
        let (_, body) = ask(&mut client, asked).await;
        let seen = r#"["http://a.example/request","A.example","a=1; b=2; c=3"]"#;
        assert_eq!(String::from_utf8(body.unwrap()).unwrap(), seen);
    });
    let mut stream = lab.connect();
    let seen = exchange(
        &mut stream,
        "GET /request HTTP/1.1\r\nhost: A.example\r\ncookie: a=1; b=2; c=3\r\n\r\n",
    );
    assert_eq!(body(&seen), r#"["http://a.example/request","A.example","a=1; b=2; c=3"]"#);
}

#[test]
fn ambiguous_or_too_large_requests_are_refused() {
    let lab = lab("http2_refusals");
    with_client(&lab, &h2::client::Builder::new(), async |mut client| {
        let uri = "http://a.example/text";
        let mut statuses = Vec::new();
        let mut many = request(Method::GET, uri);
        for number in 0..600 {
            many = many.header(format!("x-{number}"), "a");
        }
        let mut large = request(Method::GET, uri);
        for number in 0..40 {
            large = large.header(format!("x-{number}"), "a".repeat(8_000));
        }
        let long = format!("http://a.example/{}", "a".repeat(17 << 10));
        for asked in [
            request(Method::GET, uri).header("host", "b.example"),
            request(Method::GET, uri).header("host", "a.example"),
            request(Method::GET, "http://a,b/text"),
            many,
            large,
            request(Method::GET, &long),
        ] {
            let (head, body) = ask(&mut client, asked).await;
            assert!(body.is_ok());
            statuses.push(head.status.as_u16());
        }
        assert_eq!(statuses, [400, 200, 400, 431, 431, 414]);
        let (head, _) = ask(&mut client, request(Method::GET, uri)).await;
        assert_eq!(head.status, 200, "the connection is still good");
    });
}

/// Memory of this process in bytes.
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")).expect("it is there");
    kilobytes.trim().parse::<usize>().expect("it is a number") << 10
}

/// Asks for 100 answers and reads none of them until it is told that the test is over.
fn ask_and_read_nothing(lab: &Lab, path: &str, over: &AtomicBool) {
    let mut settings = h2::client::Builder::new();
    settings.initial_window_size(0);
    with_client(lab, &settings, async |mut client| {
        let mut kept = Vec::new();
        for _ in 0..100 {
            let ready = std::future::poll_fn(|context| client.poll_ready(context));
            ready.await.expect("it takes requests");
            let asked = request(Method::GET, &format!("http://a.example{path}")).body(()).unwrap();
            let (response, _) = client.send_request(asked, true).unwrap();
            kept.push(response.await);
        }
        while !over.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
}

/// Two connections ask for 100 large answers each and read none of them: 250 MB. No isolate is
/// condemned for it, and the Worker's other clients and another Worker are answered all the while.
#[test]
fn unread_answers_are_bounded() {
    for path in ["/large", "/large-stream"] {
        let lab = lab(&format!("http2_unread{}", path.replace('/', "_")));
        let mut neighbour = lab.connect();
        let get = "GET /text HTTP/1.1\r\nhost: a.example\r\n\r\n";
        assert_eq!(body(&exchange(&mut neighbour, get)), "text");
        let (before, mut most) = (memory(), 0);
        let over = AtomicBool::new(false);
        let attack = || {
            std::thread::scope(|scope| {
                let clients =
                    [(); 2].map(|()| scope.spawn(|| ask_and_read_nothing(&lab, path, &over)));
                for _ in 0..300 {
                    assert_eq!(body(&exchange(&mut neighbour, get)), "text", "{path}");
                    most = most.max(memory());
                    std::thread::sleep(Duration::from_millis(5));
                }
                over.store(true, Ordering::Relaxed);
                clients.into_iter().for_each(|client| client.join().expect("all were answered"));
            })
        };
        lab.beside_a_neighbour(attack);
        // An answer for which there is no room fails alone. A condemned isolate would fail all that
        // it has in flight, and the next one too.
        let failures = lab.failures.all();
        let memory = failures.iter().filter(|failure| failure.contains("memory limit"));
        assert!(memory.count() < 50, "{path}: {failures:?}");
        let grown = most.saturating_sub(before) >> 20;
        // The 65th request in flight starts a second isolate, and each may hold its quota; the rest
        // is V8's own.
        assert!(grown < 2 * 128 + 48, "{path}: {grown} MiB were held");
    }
}

/// An answer for which there is no room goes before those that nobody reads: each one of many gets
/// its head, and the last one is there in whole.
#[test]
fn a_new_answer_goes_before_those_that_nobody_reads() {
    let lab = lab("http2_room");
    let mut settings = h2::client::Builder::new();
    settings.initial_window_size(25_000).initial_connection_window_size(1 << 20);
    let attack = async |mut client: SendRequest<bytes::Bytes>| {
        let mut kept = Vec::new();
        // 250 MB for one isolate, which may have 128 MiB.
        for number in 0..10 {
            let ready = std::future::poll_fn(|context| client.poll_ready(context));
            ready.await.expect("it takes requests");
            let asked = request(Method::GET, "http://a.example/huge").body(()).unwrap();
            let (response, _) = client.send_request(asked, true).unwrap();
            let response = response.await.expect("it answers");
            let failures = lab.failures.all();
            assert_eq!(response.status(), StatusCode::OK, "answer {number}: {failures:?}");
            kept.push(response.into_body());
        }
        let mut last = kept.pop().expect("there are ten");
        let mut length = 0;
        while let Some(part) = last.data().await {
            let part = part.expect("the answer is not broken off");
            length += part.len();
            last.flow_control().release_capacity(part.len()).unwrap();
        }
        assert_eq!(length, 25_000_000, "the last one is whole");
    };
    lab.beside_a_neighbour(|| with_client(&lab, &settings, attack));
    assert_eq!(lab.failures.all(), [""; 0]);
}

/// A connection that asks for nothing is told to go, whether it answers PINGs or not; one with a
/// stream in flight is not.
#[test]
fn silent_connections_end() {
    let idle = Duration::from_millis(300);
    let limits = ClientLimits { http2_idle_max: idle, ..ClientLimits::default() };
    let lab = Lab::with("http2_silent", Peer::default(), limits);
    lab.router.set("a.example", worker("http2", WORKER));
    let attack = async |mut client: SendRequest<bytes::Bytes>| {
        let (head, body) = ask(&mut client, request(Method::GET, "http://a.example/late")).await;
        assert_eq!((head.status.as_u16(), body.unwrap().len()), (200, 4), "it outlives the wait");
        // It is told to go, and gone.
        let over = async {
            while std::future::poll_fn(|context| client.poll_ready(context)).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(DEADLINE, over).await.expect("the connection ends");
    };
    lab.beside_a_neighbour(|| {
        with_client(&lab, &h2::client::Builder::new(), attack);
        // This one never says a word behind its first, not even that it heard.
        let mut silent = lab.connect();
        silent.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
        let mut rest = Vec::new();
        silent.read_to_end(&mut rest).expect("the connection ends");
    });
}

/// A client that takes its answers slowly, but takes them, gets them in whole.
#[test]
fn an_answer_that_is_read_slowly_is_complete() {
    let lab = lab("http2_slow_reader");
    let mut settings = h2::client::Builder::new();
    settings.initial_window_size(1_000);
    with_client(&lab, &settings, async |mut client| {
        let asked = request(Method::GET, "http://a.example/large").body(()).unwrap();
        let (response, _) = client.send_request(asked, true).unwrap();
        let mut data = response.await.expect("it answers").into_body();
        let mut length = 0;
        while let Some(part) = data.data().await {
            let part = part.expect("the answer is not broken off");
            length += part.len();
            data.flow_control().release_capacity(part.len()).unwrap();
        }
        assert_eq!(length, 1_250_000);
    });
}
