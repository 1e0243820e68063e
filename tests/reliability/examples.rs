//! The folder `examples`: each does what its README says.

use crate::support::http::Response;
use crate::support::process::Isolde;
use crate::support::{repository, scratch_folder};

fn example(name: &str) -> Isolde {
    Isolde::dev(&repository("examples").join(name))
}

fn post(isolde: &Isolde, path: &str, content_type: &str, body: &str) -> Response {
    let mut connection = isolde.connect();
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {content_type}\r\n\
         content-length: {length}\r\n\r\n"
    );
    connection.send(head.as_bytes());
    connection.send(body.as_bytes());
    connection.response("POST")
}

#[test]
fn hello() {
    assert_eq!(example("hello").get("/").text(), "Hello World!");
}

#[test]
fn service_worker() {
    let isolde = example("service-worker");
    assert_eq!(isolde.get("/").text(), "Hello from a service worker\n");
    assert_eq!(post(&isolde, "/method", "text/plain", "").text(), "POST\n");
    assert_eq!(isolde.get("/elsewhere").status, 404);
}

#[test]
fn streaming() {
    let isolde = example("streaming");
    let answer = post(&isolde, "/", "text/plain", "grüße an alle");
    assert_eq!(answer.text(), "GRÜSSE AN ALLE");
    assert_eq!(isolde.get("/lines?count=3").text(), "line 1\nline 2\nline 3\n");
    let many = isolde.get("/lines?count=10000");
    assert!(many.complete, "the body came to its end");
    assert_eq!(many.text().lines().count(), 10_000);
    assert_eq!(isolde.get("/elsewhere").status, 404);
}

#[test]
fn server_sent_events() {
    let answer = example("server-sent-events").get("/events?count=3&interval=5");
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    let ticks = (1..4).map(|n| format!("id: {n}\nevent: tick\ndata: tick {n}\n\n"));
    let expected = ticks.collect::<String>() + "event: done\ndata: bye\n\n";
    assert!(answer.complete, "the body came to its end");
    assert_eq!(answer.text(), expected);
}

#[test]
fn webassembly() {
    let isolde = example("webassembly");
    assert_eq!(isolde.get("/?a=1071&b=462").text(), r#"{"a":1071,"b":462,"gcd":21}"#);
    assert_eq!(isolde.get("/?a=-1&b=2").status, 400);
}

#[test]
fn form_upload() {
    let isolde = example("form-upload");
    assert!(isolde.get("/").text().contains("<form"));
    let body = "--X\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nnotes\r\n--X\r\n\
        Content-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\
        Content-Type: text/plain\r\n\r\nabc\r\n--X--\r\n";
    let answer = post(&isolde, "/", "multipart/form-data; boundary=X", body);
    // The digest of `abc` is the one in FIPS 180.
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let file = format!(
        r#"{{"field":"file","name":"a.txt","type":"text/plain","size":3,"sha256":"{sha256}"}}"#
    );
    assert_eq!(answer.text(), format!(r#"{{"fields":{{"title":"notes"}},"files":[{file}]}}"#));
    assert_eq!(post(&isolde, "/", "text/plain", "no form").status, 400);
}

/// The proxy's upstream is another example here: no test reaches the Internet.
#[test]
fn fetch_proxy() {
    let upstream = example("service-worker");
    let folder = scratch_folder("fetch-proxy");
    let source = repository("examples/fetch-proxy");
    std::fs::create_dir(folder.join("src")).unwrap();
    for file in ["src/index.js", "wrangler.jsonc"] {
        std::fs::copy(source.join(file), folder.join(file)).unwrap();
    }
    let variables = format!("UPSTREAM=http://{}\n", upstream.address);
    std::fs::write(folder.join(".dev.vars"), variables).unwrap();
    let proxy = Isolde::dev(&folder);
    let answer = proxy.get("/");
    assert_eq!(answer.text(), "Hello from a service worker\n");
    assert_eq!(answer.header("x-proxied-by"), Some("fetch-proxy"));
    assert_eq!(post(&proxy, "/method", "text/plain", "a body").text(), "POST\n");
    assert_eq!(proxy.get("/elsewhere").status, 404);
}

/// `cargo xtask test` installs its packages from npm.
#[test]
fn hono() {
    if !repository("examples/hono/node_modules").is_dir() {
        println!("skipped: examples/hono/node_modules is missing, run npm ci there");
        return;
    }
    let isolde = example("hono");
    assert_eq!(isolde.get("/").status, 200);
    assert!(isolde.get("/user/42").text().contains("42"));
    assert_eq!(post(&isolde, "/echo", "text/plain", "some text").text(), "some text");
    assert_eq!(isolde.get("/elsewhere").status, 404);
}
