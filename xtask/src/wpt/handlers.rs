//! Answers of the suite's server: its files, and Rust versions of the Python handlers that the
//! tests of fetch use most. Other handlers give 501, so that a test fails with a reason.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::server::{Request, Response, State, decode, encode, file_of, percent_decode};

const TRICKLE_COUNT_MAX: u64 = 1000;
const DELAY_MS_MAX: u64 = 10_000;
const ENDLESS_SECONDS_MAX: u64 = 60;
const ENDLESS_PAUSE: Duration = Duration::from_millis(10);
const EVENTS_PAUSE: Duration = Duration::from_secs(2);
const STASH_PAUSE: Duration = Duration::from_millis(5);

/// Answers a request.
pub fn respond(request: &Request, state: &std::sync::Arc<State>) -> Response {
    let mut response = match request.path.rsplit('/').next().unwrap_or_default() {
        "inspect-headers.py" => inspect_headers(request),
        "echo-content.py" | "echo-content.h2.py" => echo_content(request),
        "network-partition-key.py" => connections(request, state),
        "method.py" => method(request),
        "redirect.py" => redirect(request, state),
        "redirect-empty-location.py" => Response::new(302, &[("Location", "")], ""),
        "status.py" => status(request),
        "trickle.py" => trickle(request),
        "bad-chunk-encoding.py" => bad_chunks(request),
        "infinite-slow-response.py" => endless(request, state),
        "cache.py" if request.folder().ends_with("request/resources") => http_cache(request, state),
        "cache.py" => cache(request),
        "authentication.py" => authentication(request),
        "dump-authorization-header.py" => dump_authorization(request),
        "script-with-header.py" => {
            let mime = request.get("mime").unwrap_or_default();
            Response::new(200, &[("Content-Type", mime)], "console.log('Script loaded')")
        }
        "stash-put.py" => stash_put(request, state),
        "stash-take.py" => stash_take(request, state),
        "clean-stash.py" => clean_stash(request, state),
        "bad-gzip-body.py" => bad_body("gzip"),
        "bad-br-body.py" => bad_body("br"),
        "bad-zstd-body.py" => bad_body("zstd"),
        "echo-headers.py" => echo_headers(request),
        "parse-headers.py" => parse_headers(request),
        "message.py" => event_message(request),
        "message2.py" => event_messages(),
        "last-event-id.py" => last_event_id(request),
        "cors.py" if request.folder().starts_with("/eventsource") => event_cache_control(request),
        name if name.ends_with(".py") => {
            Response::new(501, &[], format!("xtask has no handler for {}", request.path))
        }
        _ => file(request, state),
    };
    pipe(request, &mut response);
    response
}

fn milliseconds(request: &Request, name: &str, usual: u64) -> Duration {
    let wanted = request.get(name).and_then(|text| text.parse().ok()).unwrap_or(usual);
    Duration::from_millis(wanted.min(DELAY_MS_MAX))
}

/// The stash of the folder of a request.
fn stash_key(request: &Request, key: &str) -> String {
    format!("{}\n{key}", request.folder())
}

fn take(state: &State, key: &str) -> Option<String> {
    state.stash.lock().expect("no thread panics with the stash").remove(key)
}

fn put(state: &State, key: String, value: String) {
    state.stash.lock().expect("no thread panics with the stash").insert(key, value);
}

/// The headers that were asked for come back as `x-request-…`.
fn inspect_headers(request: &Request) -> Response {
    let mut response = Response::new(200, &[], "");
    let names: Vec<&str> =
        request.get("headers").map(|names| names.split('|').collect()).unwrap_or_default();
    for name in &names {
        if let Some(value) = request.header(name) {
            response.push(&format!("x-request-{name}"), &value);
        }
    }
    if request.get("cors").is_some() {
        let exposed: Vec<String> = names.iter().map(|name| format!("x-request-{name}")).collect();
        let all: Vec<&str> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
        let origin = request.header("origin").unwrap_or_else(|| "*".to_owned());
        response.push("Access-Control-Allow-Origin", &origin);
        response.push("Access-Control-Allow-Credentials", "true");
        response.push("Access-Control-Allow-Methods", "GET, POST, HEAD");
        response.push("Access-Control-Expose-Headers", &exposed.join(", "));
        let allowed = request.get("allow_headers").map_or(all.join(", "), str::to_owned);
        response.push("Access-Control-Allow-Headers", &allowed);
    }
    response.push("content-type", "text/plain");
    response
}

fn echo_content(request: &Request) -> Response {
    let or_no = |name: &str| request.header(name).unwrap_or_else(|| "NO".to_owned());
    let headers = [
        ("X-Request-Method", request.method.as_str()),
        ("X-Request-Content-Length", &or_no("content-length")),
        ("X-Request-Content-Type", &or_no("content-type")),
        ("Content-Type", "text/plain"),
    ];
    Response::new(200, &headers, request.body.clone())
}

fn method(request: &Request) -> Response {
    let mut response = Response::new(200, &[], request.body.clone());
    if request.get("cors").is_some() {
        response.push("Access-Control-Allow-Origin", "*");
        response.push("Access-Control-Allow-Credentials", "true");
        response.push("Access-Control-Allow-Methods", "GET, POST, PUT, FOO");
        response.push("Access-Control-Allow-Headers", "x-test, x-foo");
        response.push("Access-Control-Expose-Headers", "x-request-method");
    }
    response.push("x-request-method", &request.method);
    for part in ["type", "length", "encoding", "language", "location"] {
        let value = request.header(&format!("content-{part}"));
        let value = value.unwrap_or_else(|| "NO".to_owned());
        response.push(&format!("x-request-content-{part}"), &value);
    }
    response
}

/// Redirects to `location`, counts by `token`, and stops at `max_count`.
fn redirect(request: &Request, state: &State) -> Response {
    let mut response = Response::new(302, &[("Content-Type", "text/plain")], "");
    response.push("Cache-Control", "no-cache");
    response.push("Pragma", "no-cache");
    match request.header("origin") {
        Some(origin) => {
            response.push("Access-Control-Allow-Origin", &origin);
            response.push("Access-Control-Allow-Credentials", "true");
        }
        None => response.push("Access-Control-Allow-Origin", "*"),
    }
    let key = request.get("token").map(|token| stash_key(request, token));
    let stashed = key.as_ref().and_then(|key| take(state, key));
    let count = stashed.and_then(|count| count.parse::<u64>().ok()).unwrap_or(0) + 1;
    if let Some(status) = request.get("redirect_status").and_then(|text| text.parse().ok()) {
        response.status = (status, String::new());
    }
    if let Some(location) = request.get("location") {
        response.push("Location", &redirect_target(request, location, count));
    }
    if let Some(policy) = request.get("redirect_referrerpolicy") {
        response.push("Referrer-Policy", policy);
    }
    if request.get("delay").is_some() {
        sleep(milliseconds(request, "delay", 0));
    }
    if let Some(key) = key {
        put(state, key, count.to_string());
        let max = request.get("max_count").and_then(|text| text.parse::<u64>().ok());
        if max.is_some_and(|max| count > max) {
            // The last one was no redirection.
            return Response::new(200, &[], (count - 1).to_string());
        }
    }
    response
}

/// The parameters go along, and the count makes every address of a loop another one.
fn redirect_target(request: &Request, location: &str, count: u64) -> String {
    let scheme = location.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    let is_scheme = |scheme: &String| {
        scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    };
    let scheme = scheme.filter(is_scheme).unwrap_or_default();
    if request.get("simple").is_some() || !["", "http", "https"].contains(&scheme.as_str()) {
        return location.to_owned();
    }
    let sign = if location.contains('?') { '&' } else { '?' };
    let mut seen: Vec<&str> = Vec::new();
    let mut target = format!("{location}{sign}");
    for (name, value) in &request.query {
        if !seen.contains(&name.as_str()) {
            seen.push(name);
            target.push_str(&format!("{}={}&", form_encode(name), form_encode(value)));
        }
    }
    target.push_str(&format!("count={count}"));
    target
}

fn form_encode(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        b' ' => "+".to_owned(),
        _ => format!("%{byte:02X}"),
    };
    encode(text).into_iter().map(one).collect()
}

fn status(request: &Request) -> Response {
    let text = |name: &str, usual: &str| request.get(name).unwrap_or(usual).to_owned();
    let headers =
        [("Content-Type", text("type", "")), ("X-Request-Method", request.method.clone())];
    let mut response = Response::new(200, &[], encode(&text("content", "")));
    response.headers = headers.map(|(name, value)| (name.to_owned(), value)).to_vec();
    response.status = (text("code", "200").parse().unwrap_or(200), text("text", "OMG"));
    response
}

fn trickle(request: &Request) -> Response {
    let pause = milliseconds(request, "ms", 500);
    let count = request.get("count").and_then(|text| text.parse().ok()).unwrap_or(50);
    sleep(pause);
    let kind = [("Content-type", "text/plain")];
    let headers = if request.get("notype").is_some() { &kind[..0] } else { &kind[..] };
    Response::stream(headers, move |out| {
        for _ in 0..TRICKLE_COUNT_MAX.min(count) {
            sleep(pause);
            out.write_all(b"TEST_TRICKLE\n")?;
        }
        Ok(())
    })
}

fn bad_chunks(request: &Request) -> Response {
    let pause = milliseconds(request, "ms", 1000);
    let count = request.get("count").and_then(|text| text.parse().ok()).unwrap_or(50);
    sleep(pause);
    Response::stream(&[("Transfer-Encoding", "chunked")], move |out| {
        for _ in 0..TRICKLE_COUNT_MAX.min(count) {
            sleep(pause);
            out.write_all(b"a\r\nTEST_CHUNK\r\n")?;
        }
        out.write_all(b"garbage")
    })
}

/// Writes until the other end goes away or `abortKey` is in the stash; `stateKey` tells which.
fn endless(request: &Request, state: &std::sync::Arc<State>) -> Response {
    let key = |name: &str| request.get(name).map(|key| stash_key(request, key));
    let (state_key, abort_key) = (key("stateKey"), key("abortKey"));
    if let Some(key) = &state_key {
        put(state, key.clone(), "open".to_owned());
    }
    let state = std::sync::Arc::clone(state);
    Response::stream(&[("Content-type", "text/plain")], move |out| {
        let result = write_endlessly(out, || {
            abort_key.as_ref().is_some_and(|key| take(&state, key).is_some())
        });
        if let Some(key) = state_key {
            put(&state, key, "closed".to_owned());
        }
        result
    })
}

fn write_endlessly(out: &mut dyn Write, is_over: impl Fn() -> bool) -> io::Result<()> {
    let started = Instant::now();
    out.write_all(&[b'.'; 2048])?;
    while started.elapsed().as_secs() < ENDLESS_SECONDS_MAX && !is_over() {
        out.write_all(b".")?;
        sleep(ENDLESS_PAUSE);
    }
    Ok(())
}

fn cache(request: &Request) -> Response {
    let tag = "\"123abc\"";
    if request.header("if-none-match").as_deref() == Some(tag) {
        return Response::new(304, &[("X-HTTP-STATUS", "304")], "");
    }
    let headers = [("ETag", tag), ("Content-Type", "text/plain")];
    Response::new(200, &headers, "lorem ipsum dolor sit amet")
}

/// The handler for the tests of the cache modes: it remembers each request's caching headers.
fn http_cache(request: &Request, state: &State) -> Response {
    let key = stash_key(request, request.get("token").unwrap_or_default());
    let seen = take(state, &key);
    if request.get("querystate").is_some() {
        let list = seen.map_or("null".to_owned(), |seen| format!("[{seen}]"));
        return Response::new(200, &[("Content-Type", "text/plain")], list);
    }
    let names = ["If-None-Match", "If-Modified-Since", "Pragma", "Cache-Control"];
    let mut entry = serde_json::Map::new();
    for name in names.into_iter().filter(|_| request.get("ignore").is_none()) {
        if let Some(value) = request.header(name) {
            entry.insert(name.to_owned(), value.into());
        }
    }
    let entry = serde_json::Value::Object(entry).to_string();
    put(state, key, seen.map_or(entry.clone(), |seen| format!("{seen},{entry}")));

    let tag = request.get("tag").filter(|tag| !tag.is_empty()).map(|tag| format!("\"{tag}\""));
    let date = request.get("date").filter(|date| !date.is_empty());
    let is_same = |name: &str, own: Option<&str>| {
        request.header(name).is_some_and(|value| Some(value.as_str()) == own)
    };
    let is_fresh = is_same("if-none-match", tag.as_deref()) || is_same("if-modified-since", date);
    let mut response = match (request.get("redirect"), is_fresh) {
        (Some(target), _) if !target.is_empty() => Response::new(302, &[("Location", target)], ""),
        (_, true) => Response::new(304, &[], ""),
        _ => {
            let content = encode(request.get("content").unwrap_or_default());
            Response::new(200, &[("Content-Type", "text/plain")], content)
        }
    };
    match (&tag, date) {
        (Some(tag), _) => response.push("ETag", tag),
        (None, Some(date)) => response.push("Last-Modified", date),
        (None, None) => {}
    }
    for (parameter, name) in
        [("expires", "Expires"), ("vary", "Vary"), ("cache_control", "Cache-Control")]
    {
        if let Some(value) = request.get(parameter).filter(|value| !value.is_empty()) {
            response.push(name, value);
        }
    }
    response.push("Access-Control-Allow-Origin", "*");
    response
}

fn authentication(request: &Request) -> Response {
    // user:password
    if request.header("authorization").as_deref() == Some("Basic dXNlcjpwYXNzd29yZA==") {
        return Response::new(200, &[], "Authentication done");
    }
    let realm = format!("Basic realm=\"{}\"", request.get("realm").unwrap_or("test"));
    let hint = "Please login with credentials 'user' and 'password'";
    Response::new(401, &[("WWW-Authenticate", &realm)], hint)
}

fn dump_authorization(request: &Request) -> Response {
    let origin = request.header("origin");
    let mut response = Response::new(200, &[("Content-Type", "text/html")], "none");
    response.push("Cache-Control", "no-cache");
    response.push("Access-Control-Allow-Origin", origin.as_deref().unwrap_or("*"));
    response.push("Access-Control-Allow-Headers", "Authorization");
    if origin.is_some() {
        response.push("Access-Control-Allow-Credentials", "true");
    }
    if let Some(value) = request.header("authorization") {
        response.body = super::server::Body::Bytes(encode(&value));
    }
    response
}

fn stash_put(request: &Request, state: &State) -> Response {
    let mut response = Response::new(200, &[], "done");
    response.push("Access-Control-Allow-Origin", "*");
    if request.method == "OPTIONS" {
        response.push("Access-Control-Allow-Methods", "*");
        response.push("Access-Control-Allow-Headers", "*");
    } else if let (Some(key), Some(value)) = (request.get("key"), request.get("value")) {
        put(state, stash_key(request, key), value.to_owned());
    }
    response
}

fn stash_take(request: &Request, state: &State) -> Response {
    // Tests poll without a pause, and a Worker has only so many subrequests.
    sleep(STASH_PAUSE);
    let value = request.get("key").and_then(|key| take(state, &stash_key(request, key)));
    let headers = [("Access-Control-Allow-Origin", "*"), ("Content-Type", "application/json")];
    Response::new(200, &headers, serde_json::json!(value).to_string())
}

fn clean_stash(request: &Request, state: &State) -> Response {
    let token = request.get("token").unwrap_or_default();
    let found = take(state, &stash_key(request, token)).is_some();
    Response::new(200, &[], if found { "1" } else { "0" })
}

/// Counts the requests of a `uuid` and the connections that they came over.
fn connections(request: &Request, state: &State) -> Response {
    let key = stash_key(request, request.get("uuid").unwrap_or_default());
    let mut peers = take(state, &key).unwrap_or_default();
    peers.push_str(&format!("{} ", request.peer));
    let list: Vec<&str> = peers.split_whitespace().collect();
    let distinct: std::collections::BTreeSet<&str> = list.iter().copied().collect();
    let mut text = "ok".to_owned();
    if request.get("addcounter").is_some() {
        let (sent, made) = (list.len(), distinct.len());
        text.push_str(&format!(
            ". Request was sent {sent} times. {made} connections were created."
        ));
    }
    put(state, key, peers);
    let status = request.get("status").and_then(|text| text.parse().ok()).unwrap_or(200);
    Response::new(status, &[("Cache-Control", "no-store")], text)
}

fn bad_body(encoding: &str) -> Response {
    Response::new(200, &[("Content-Encoding", encoding)], format!("not actually {encoding}"))
}

/// All headers as text, a line each, repeated ones joined under the first spelling.
fn echo_headers(request: &Request) -> Response {
    let mut lines = String::new();
    let mut seen: Vec<String> = Vec::new();
    for (name, _) in &request.headers {
        let lower = name.to_ascii_lowercase();
        if !seen.contains(&lower) {
            let value = request.header(name).unwrap_or_default();
            lines.push_str(&format!("{name}: {value}\r\n"));
            seen.push(lower);
        }
    }
    Response::new(200, &[("Content-Type", "text/plain")], encode(&lines))
}

/// A header as the test spells it, whether it may be one or not.
fn parse_headers(request: &Request) -> Response {
    let value = request.get("my-custom-header").unwrap_or_default();
    Response::new(200, &[("My-Custom-Header", value)], "")
}

const EVENT_STREAM: (&str, &str) = ("Content-Type", "text/event-stream");

fn event_message(request: &Request) -> Response {
    sleep(milliseconds(request, "sleep", 0));
    let mime = request.get("mime").unwrap_or("text/event-stream");
    let message = request.get("message").unwrap_or("data: data");
    let newline = if request.get("newline") == Some("none") { "" } else { "\n\n" };
    Response::new(200, &[("Content-Type", mime)], encode(&format!("{message}{newline}\n")))
}

/// The same events every two seconds.
fn event_messages() -> Response {
    Response::stream(&[EVENT_STREAM, ("Cache-Control", "no-cache")], |out| {
        let started = Instant::now();
        while started.elapsed().as_secs() < ENDLESS_SECONDS_MAX {
            out.write_all(b"data:msg\ndata: msg\n\n:\nfalsefield:msg\n\nfalsefield:msg\n")?;
            out.write_all(b"Data:data\n\ndata\n\ndata:end\n\n")?;
            sleep(EVENTS_PAUSE);
        }
        Ok(())
    })
}

/// Tells what the client has seen last, or gives it something to see.
fn last_event_id(request: &Request) -> Response {
    let body = match request.header("last-event-id") {
        Some(id) if !id.is_empty() => format!("data: {id}\n\n"),
        _ => {
            let ellipsis = decode("\u{2026}".as_bytes());
            let id = request.get("idvalue").unwrap_or(&ellipsis);
            format!("id: {id}\nretry: 200\ndata: hello\n\n")
        }
    };
    Response::new(200, &[EVENT_STREAM], encode(&body))
}

/// Of the handler `cors.py` for event streams the part that tests in a worker use.
fn event_cache_control(request: &Request) -> Response {
    let value = request.header("cache-control").unwrap_or_default();
    Response::new(200, &[EVENT_STREAM], encode(&format!("data: {value}\n\n")))
}

/// Fills in the headers of the request.
fn substitute_headers(text: &str, request: &Request) -> String {
    let mut filled = text.to_owned();
    for name in ["accept", "cache-control"] {
        let value = request.header(name).unwrap_or_default();
        filled = filled.replace(&format!("{{{{headers[{name}]}}}}"), &value);
    }
    filled
}

/// A file of the suite with the headers of its `.headers` file.
fn file(request: &Request, state: &State) -> Response {
    let Some(path) = file_of(&state.suite, &request.path) else {
        return Response::new(404, &[("Content-Type", "text/plain")], "not in the suite");
    };
    let Ok(mut bytes) = fs::read(&path) else {
        return Response::new(500, &[], "cannot be read");
    };
    let name = request.path.rsplit('/').next().unwrap_or_default();
    if name.contains(".sub.") || request.get("pipe").is_some_and(|pipe| pipe.contains("sub")) {
        let text = String::from_utf8_lossy(&bytes);
        let text = substitute_headers(&text, request);
        bytes = state.origins.substitute(&text).into_bytes();
    }
    let mut response = Response::new(200, &[], bytes);
    for (name, value) in headers_of(&path) {
        response.push(&name, &value);
    }
    let has_type =
        response.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    if let (false, Some(mime)) = (has_type, mime_type(name)) {
        response.push("Content-Type", mime);
    }
    response
}

/// The lines of `<file>.headers` and, before them, of `__dir__.headers`.
fn headers_of(path: &Path) -> Vec<(String, String)> {
    let own = format!("{}.headers", path.display());
    let texts = [path.with_file_name("__dir__.headers"), own.into()].map(fs::read);
    let text: String = texts.into_iter().flatten().map(|bytes| decode(&bytes)).collect();
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
}

fn mime_type(name: &str) -> Option<&'static str> {
    Some(match name.rsplit_once('.')?.1 {
        "html" | "htm" => "text/html",
        "js" | "mjs" => "text/javascript",
        "json" => "application/json",
        "txt" | "idl" => "text/plain",
        "css" => "text/css",
        "xml" => "text/xml",
        "event_stream" => "text/event-stream",
        "png" => "image/png",
        "wasm" => "application/wasm",
        _ => return None,
    })
}

/// The part of `?pipe=` that tests of fetch use: `header(Name,value)` and `status(404)`.
fn pipe(request: &Request, response: &mut Response) {
    let Some(pipes) = request.get("pipe") else { return };
    for one in pipes.split('|') {
        let Some((name, rest)) = one.split_once('(') else { continue };
        let argument = rest.trim_end_matches(')');
        match (name, argument.split_once(',')) {
            ("header", Some((key, value))) => {
                response.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(key));
                response.push(key, &percent_decode(value));
            }
            ("status", None) => {
                let number = argument.parse().unwrap_or(200);
                response.status = (number, String::new());
            }
            ("trickle", None) => {
                let seconds = argument.trim_start_matches('d').parse::<f64>().unwrap_or(0.0);
                let pause = (seconds * 1000.0).clamp(0.0, DELAY_MS_MAX as f64);
                sleep(Duration::from_millis(pause as u64));
            }
            _ => {}
        }
    }
}
