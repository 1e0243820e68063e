//! Routing: once for a connection, again after a change, and failures.

use std::sync::atomic::Ordering;
use std::time::Duration;

use runtime::Peer;

use crate::lab::{Lab, body, exchange, worker};

fn text(text: &str) -> String {
    format!("export default {{ fetch: () => new Response({text:?}) }};")
}

fn get(host: &str, path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n")
}

#[test]
fn a_kept_connection_asks_again_only_when_routes_changed() {
    let lab = Lab::new("route_cache", Peer::default());
    lab.router.set("a.example", worker("first", &text("first")));
    let mut stream = lab.connect();
    for path in ["/", "/b", "/c?d"] {
        assert_eq!(body(&exchange(&mut stream, &get("a.example", path))), "first");
    }
    assert_eq!(lab.router.take_urls(), ["http://a.example/"]);
    lab.router.set("a.example", worker("second", &text("second")));
    for _ in 0..5 {
        assert_eq!(body(&exchange(&mut stream, &get("a.example", "/"))), "second");
    }
}

#[test]
fn the_router_the_worker_and_the_log_see_one_url() {
    let lab = Lab::new("one_url", Peer::default());
    let source = "export default { fetch: (request) => new Response(request.url) };";
    lab.router.set("a.example", worker("url", source));
    let answer = exchange(&mut lab.connect(), &get("a.example", "/a/../b?c=%41"));
    assert_eq!(body(&answer), "http://a.example/b?c=%41");
    assert_eq!(lab.router.take_urls(), ["http://a.example/b?c=%41"]);
    assert_eq!(lab.failures.paths(), ["/b?c=%41"]);
}

#[test]
fn routes_by_path_hold_for_their_path() {
    let lab = Lab::new("route_by_path", Peer::default());
    lab.router.set("a.example", worker("text", &text("text")));
    lab.router.set_by_path(true);
    let mut stream = lab.connect();
    for path in ["/a", "/a?x", "/b", "/b"] {
        assert_eq!(body(&exchange(&mut stream, &get("a.example", path))), "text");
    }
    assert_eq!(lab.router.take_urls(), ["http://a.example/a", "http://a.example/b"]);
}

#[test]
fn a_router_may_wait_and_fail() {
    let lab = Lab::new("route_failures", Peer::default());
    lab.router.set("a.example", worker("text", &text("text")));
    lab.router.set_delay(Duration::from_millis(50));
    let close = |host: &str| get(host, "/").replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
    assert_eq!(body(&lab.ask(&close("a.example"))), "text");
    let unknown = lab.ask(&close("b.example"));
    assert!(unknown.starts_with("HTTP/1.1 404 "), "{unknown}");
    let mut stream = lab.connect();
    assert_eq!(body(&exchange(&mut stream, &get("a.example", "/"))), "text");
    lab.router.set_unavailable(true);
    // A new connection, and one that is with an isolate.
    let unavailable = lab.ask(&close("a.example"));
    assert!(unavailable.starts_with("HTTP/1.1 503 "), "{unavailable}");
    let unavailable = exchange(&mut stream, &get("a.example", "/"));
    assert!(unavailable.starts_with("HTTP/1.1 503 "), "{unavailable}");
    lab.router.set_unavailable(false);
    assert_eq!(body(&exchange(&mut stream, &get("a.example", "/"))), "text");
    assert!(lab.router.asked.load(Ordering::Relaxed) >= 5);
}

const ENTRYPOINTS: &str = r#"
export default { fetch: () => new Response("default") };
export const object = { fetch: () => new Response("object") };
export class Class {
  fetch = () => new Response("class");
}
"#;

#[test]
fn a_route_may_name_an_entrypoint() {
    let lab = Lab::new("route_entrypoints", Peer::default());
    lab.router.set("a.example", worker("entrypoints", ENTRYPOINTS));
    let mut stream = lab.connect();
    assert_eq!(body(&exchange(&mut stream, &get("a.example", "/"))), "default");
    for (name, text) in [("object", "object"), ("Class", "class"), ("default", "default")] {
        lab.router.set_entrypoint(name);
        assert_eq!(body(&exchange(&mut stream, &get("a.example", "/"))), text);
    }
    lab.router.set_entrypoint("missing");
    let missing = exchange(&mut stream, &get("a.example", "/"));
    assert!(missing.starts_with("HTTP/1.1 500 "), "{missing}");
}
