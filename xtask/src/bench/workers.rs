//! The Workers of the rows and the requests to them, and the rows in which one Worker is loaded.

use bytes::Bytes;
use hyper::Method;

use super::load::Exchange;

/// The answer of the row `hello`.
pub const HELLO: &str = "Hello World!";
/// The answer of the row `json`.
pub const JSON: &str = "{\"message\":\"Hello, World!\"}";
/// The long answer of the bare hyper server in the rows with slow clients, in bytes; the Worker's
/// is as long.
pub const LARGE_BYTES: usize = 64 << 10;
const ECHO_BYTES: usize = 1024 * 1024;

/// The Worker of a row, and servers that do the same without Workers.
pub struct Project {
    /// Name of the row and of the project's folder.
    pub name: &'static str,
    /// Name of the main file below `src`.
    pub file: &'static str,
    /// Its text.
    pub worker: &'static str,
    /// The npm package that it imports.
    pub package: Option<&'static str>,
    /// A Node server that does the same; the port is its argument.
    pub node: Option<&'static str>,
    /// Whether the bare hyper server can do the same.
    pub hyper: bool,
    /// CPU limit of a request, in milliseconds; the usual one without it.
    pub cpu_ms: Option<u32>,
    /// Whether clients come with TLS.
    pub tls: bool,
    /// Entries of more Workers for `isolde serve`.
    pub more_workers: String,
    /// Serves this Worker many times, at the hosts `w0`, `w1` and so on.
    pub copies: Option<Copies>,
}

/// Copies of a Worker.
#[derive(Debug, Clone, Copy)]
pub struct Copies {
    /// How many.
    pub count: usize,
    /// Fresh isolates that Isolde keeps ready.
    pub pool: usize,
}

/// A row of the table.
pub struct Row {
    /// The Worker.
    pub project: Project,
    /// The request and its answer.
    pub exchange: Exchange,
    /// Requests in a run; none: the start is measured.
    pub requests: usize,
}

/// A request for a text.
pub fn get(path: &'static str, expected: &'static str) -> Exchange {
    Exchange {
        method: Method::GET,
        path,
        body: Bytes::new(),
        expected: Bytes::from_static(expected.as_bytes()),
    }
}

/// The Worker that greets, in a row of this name.
pub fn hello(name: &'static str) -> Project {
    Project {
        name,
        file: "index.js",
        worker: include_str!("../../../examples/hello/src/index.js"),
        package: None,
        node: Some(include_str!("servers/hello.mjs")),
        hyper: true,
        cpu_ms: None,
        tls: false,
        more_workers: String::new(),
        copies: None,
    }
}

/// A row in which a request body comes back.
pub fn echo(name: &'static str, bytes: usize, requests: usize) -> Row {
    let body = Bytes::from((0..bytes).map(|at| (at * 31 % 251) as u8).collect::<Vec<u8>>());
    Row {
        project: Project {
            worker: include_str!("servers/echo.worker.js"),
            node: Some(include_str!("servers/echo.mjs")),
            ..hello(name)
        },
        exchange: Exchange {
            method: Method::POST,
            path: "/echo",
            body: body.clone(),
            expected: body,
        },
        requests,
    }
}

/// The rows in which one Worker is loaded, in the order of the table.
pub fn rows() -> Vec<Row> {
    vec![
        Row { project: hello("hello"), exchange: get("/", HELLO), requests: 100_000 },
        Row {
            project: Project {
                worker: include_str!("servers/json.worker.js"),
                node: Some(include_str!("servers/json.mjs")),
                ..hello("json")
            },
            exchange: get("/json", JSON),
            requests: 100_000,
        },
        echo("echo-1mib", ECHO_BYTES, 2_000),
        Row {
            project: Project {
                file: "index.ts",
                worker: include_str!("../../../examples/hono/src/index.ts"),
                package: Some("hono"),
                node: None,
                hyper: false,
                ..hello("hono")
            },
            exchange: get("/user/42", "{\"id\":\"42\"}"),
            requests: 50_000,
        },
        Row {
            project: Project { tls: true, ..hello("tls") },
            exchange: get("/", HELLO),
            requests: 50_000,
        },
        Row { project: hello("start"), exchange: get("/", HELLO), requests: 0 },
    ]
}
