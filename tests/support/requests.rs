//! The file `requests.http` of a Worker-level test.
//!
//! ```text
//! ### what this one is for
//! # @together        (optional directives)
//! POST /path
//! content-type: text/plain
//!
//! the body
//! ```
//!
//! Directives: `@together` sends this request at the same time as the next, each on a connection
//! of its own; `@chunked` sends the body line by line, each line a chunk; `@console TEXT` waits for
//! a console line with TEXT after the response. `{{host}}` and `{{neighbour}}` stand for the
//! addresses of the Worker and of the one in the folder `neighbour`. A `\r` at the end of a line
//! of a body is written `\r`, because files have plain line ends.

use std::collections::HashMap;

/// A request of the file.
#[derive(Debug, Default)]
pub struct Request {
    /// Its purpose.
    pub title: String,
    /// The method.
    pub method: String,
    /// The target: a path with a query, or a URL.
    pub target: String,
    /// Headers without those that frame the body, names in small letters.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// All of it as HTTP/1.1.
    pub bytes: Vec<u8>,
    /// Whether the next one is sent before this one's response is read.
    pub together: bool,
    /// Console lines to wait for after it.
    pub console: Vec<String>,
}

/// Reads the file's text.
pub fn parse(text: &str, addresses: &HashMap<&str, String>) -> Vec<Request> {
    let mut text = text.to_owned();
    for (name, address) in addresses {
        text = text.replace(&format!("{{{{{name}}}}}"), address);
    }
    let host = &addresses["host"];
    let blocks = text.split("### ").skip(1);
    blocks.map(|block| request(block, host)).collect()
}

fn request(block: &str, host: &str) -> Request {
    let mut request = Request::default();
    let (head, body) = block.split_once("\n\n").unwrap_or((block.trim_end(), ""));
    let mut lines = head.lines();
    request.title = lines.next().expect("a request has a title").to_owned();
    let mut chunked = false;
    let mut line = lines.next().expect("a request has a request line");
    while let Some(directive) = line.strip_prefix("# @") {
        match directive.split_once(' ').unwrap_or((directive, "")) {
            ("together", _) => request.together = true,
            ("chunked", _) => chunked = true,
            ("console", text) => request.console.push(text.to_owned()),
            (other, _) => panic!("no directive is called {other}"),
        }
        line = lines.next().expect("a request has a request line");
    }
    let (method, target) = line.split_once(' ').expect("a request line has a target");
    (request.method, request.target) = (method.to_owned(), target.to_owned());
    let mut head = format!("{line} HTTP/1.1\r\n");
    let mut has_host = false;
    for header in lines {
        has_host |= header.starts_with("host:");
        head.push_str(header);
        head.push_str("\r\n");
        let (name, value) = header.split_once(':').expect("a header has a colon");
        request.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    if !has_host {
        head.push_str(&format!("host: {host}\r\n"));
    }
    let body = body.strip_suffix("\n\n").or(body.strip_suffix('\n')).unwrap_or(body);
    let body = body.replace("\\r", "\r");
    request.bytes = framed(head, &body, chunked);
    request.body = match chunked {
        true => body.lines().flat_map(|line| [line, "\n"]).collect::<String>().into_bytes(),
        false => body.into_bytes(),
    };
    request
}

fn framed(mut head: String, body: &str, chunked: bool) -> Vec<u8> {
    if chunked {
        head.push_str("transfer-encoding: chunked\r\n\r\n");
        for line in body.lines() {
            head.push_str(&format!("{:x}\r\n{line}\n\r\n", line.len() + 1));
        }
        head.push_str("0\r\n\r\n");
    } else {
        if !body.is_empty() {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        head.push_str(body);
    }
    head.into_bytes()
}
