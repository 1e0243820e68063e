//! Limits of one Worker, and its neighbour that has others.

use std::sync::Arc;

use program::Limits;
use runtime::Peer;

use crate::lab::{Lab, body, worker};

const WORKER: &str = r#"
const kept = [];
const paths = {
  "/heap": () => {
    for (let i = 0; i < 800_000; i += 1) kept.push({ i, list: [i] });
    return "kept";
  },
  "/buffers": () => {
    try {
      for (let i = 0; i < 40; i += 1) kept.push(new Uint8Array(1 << 20));
      return "kept";
    } catch (error) {
      kept.length = 0;
      return error.name;
    }
  },
  "/text": () => "text",
};

export default {
  fetch: ({ url }) => new Response(paths[new URL(url).pathname]()),
};
"#;

/// A Worker that may have 24 MiB is ended there; the same code with the usual limit is not.
#[test]
fn a_worker_with_less_memory() {
    let lab = Lab::new("limits_memory", Peer::default());
    let usual = worker("usual", WORKER);
    let limits = Limits { memory_bytes_max: 24 << 20, ..usual.limits.clone() };
    let small = worker("small", WORKER);
    lab.router.set("small.test", Arc::new(program::Worker { limits, ..(*small).clone() }));
    lab.router.set("usual.test", usual);
    let get = |host: &str, path: &str| {
        lab.ask(&format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"))
    };
    lab.beside_a_neighbour(|| {
        assert_eq!(body(&get("small.test", "/buffers")), "RangeError");
        assert_eq!(body(&get("small.test", "/text")), "text", "an exception ends nothing");
        assert_eq!(lab.failures.all(), [""; 0]);
        let ended = get("small.test", "/heap");
        assert!(ended.starts_with("HTTP/1.1 503 "), "{ended}");
        assert!(ended.ends_with("error code: 1102\n"), "{ended}");
        assert_eq!(lab.failures.all(), ["small: Error: Worker exceeded memory limit."]);
        assert_eq!(body(&get("small.test", "/text")), "text", "there is another isolate");
        for path in ["/buffers", "/heap"] {
            assert_eq!(body(&get("usual.test", path)), "kept", "{path}");
        }
    });
}
