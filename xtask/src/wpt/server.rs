//! A small HTTP server for the files of the suite, on loopback.
//!
//! It is written on plain sockets and not on hyper, because the tests need responses that a proper
//! server does not send: broken chunks, custom status lines, endless bodies. A thread serves a
//! connection; bodies and connections are few and short.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::handlers;

const HEAD_BYTES_MAX: u64 = 256 * 1024;
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;
const IDLE_SECONDS_MAX: u64 = 60;
const HOST: &str = "localhost";
/// A port on which nothing listens, for tests that want `https`: "discard".
const CLOSED_PORT: u16 = 9;

/// Where the server can be reached.
#[derive(Debug, Clone, Copy)]
pub struct Origins {
    ports: [u16; 2],
}

impl Origins {
    /// The origin of the tests.
    pub fn first(&self) -> String {
        format!("http://{HOST}:{}", self.ports[0])
    }

    /// Fills in the `{{…}}` of a `.sub.` file.
    pub fn substitute(&self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            filled.push_str(before);
            let Some((name, behind)) = after.split_once("}}") else {
                filled.push_str("{{");
                rest = after;
                continue;
            };
            filled.push_str(&self.value_of(name));
            rest = behind;
        }
        filled.push_str(rest);
        filled
    }

    fn value_of(&self, name: &str) -> String {
        match name {
            "host" => HOST.to_owned(),
            "ports[http][0]" => self.ports[0].to_string(),
            "ports[http][1]" => self.ports[1].to_string(),
            "location[server]" => self.first(),
            "location[host]" => format!("{HOST}:{}", self.ports[0]),
            _ if name.starts_with("ports[") => CLOSED_PORT.to_string(),
            // All other domains are this machine too.
            _ if name.starts_with("domains[") || name.starts_with("hosts[") => {
                "127.0.0.1".to_owned()
            }
            _ => format!("{{{{{name}}}}}"),
        }
    }
}

/// State of the server, for its handlers.
pub struct State {
    /// The checkout.
    pub suite: PathBuf,
    /// Values that requests store for later ones.
    pub stash: Mutex<BTreeMap<String, String>>,
    /// Where the server listens.
    pub origins: Origins,
}

/// A running server. It ends with the process.
pub struct Server {
    state: Arc<State>,
}

/// A request. Texts are bytes, one `char` each (isomorphic decoding).
pub struct Request {
    /// As it was sent.
    pub method: String,
    /// Of the URL, decoded.
    pub path: String,
    /// Of the URL, decoded, in order.
    pub query: Vec<(String, String)>,
    /// As they were sent, in order.
    pub headers: Vec<(String, String)>,
    /// Complete.
    pub body: Vec<u8>,
    /// The port of the other end, which tells connections apart.
    pub peer: u16,
}

/// Writes a body bit by bit and closes.
pub type StreamBody = Box<dyn FnOnce(&mut dyn Write) -> io::Result<()> + Send>;

/// The body of a response.
pub enum Body {
    /// With its length.
    Bytes(Vec<u8>),
    /// Without one.
    Stream(StreamBody),
}

/// A response. Texts are bytes, one `char` each.
pub struct Response {
    /// The status line's number and text.
    pub status: (u16, String),
    /// In order.
    pub headers: Vec<(String, String)>,
    /// What follows.
    pub body: Body,
}

impl Response {
    /// A response with a body of known length.
    pub fn new(status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Self {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            status: (status, reason(status).to_owned()),
            headers: headers.iter().map(own).collect(),
            body: Body::Bytes(body.into()),
        }
    }

    /// A response whose body is written by `write`.
    pub fn stream(
        headers: &[(&str, &str)],
        write: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'static,
    ) -> Self {
        Self { body: Body::Stream(Box::new(write)), ..Self::new(200, headers, "") }
    }

    /// Adds a header.
    pub fn push(&mut self, name: &str, value: &str) {
        self.headers.push((name.to_owned(), value.to_owned()));
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        401 => "Unauthorized",
        404 => "Not Found",
        _ => "",
    }
}

impl Request {
    /// The first value of a query parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A header, with the values of repeated ones joined.
    pub fn header(&self, name: &str) -> Option<String> {
        let same = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let values: Vec<&str> = same.map(|(_, value)| value.as_str()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// The path up to its last slash.
    pub fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

impl Server {
    /// Listens on two ports of loopback.
    pub fn start(suite: &Path) -> io::Result<Self> {
        let mut listeners = Vec::new();
        let mut ports = [0, 0];
        for port in &mut ports {
            let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            *port = first.local_addr()?.port();
            // `localhost` may be tried in both families; a machine without IPv6 has one.
            listeners.extend(TcpListener::bind((Ipv6Addr::LOCALHOST, *port)).ok());
            listeners.push(first);
        }
        let state = Arc::new(State {
            suite: suite.to_path_buf(),
            stash: Mutex::new(BTreeMap::new()),
            origins: Origins { ports },
        });
        for listener in listeners {
            let state = Arc::clone(&state);
            thread::spawn(move || accept(&listener, &state));
        }
        Ok(Self { state })
    }

    /// Where the server can be reached.
    pub fn origins(&self) -> &Origins {
        &self.state.origins
    }

    /// An address of the server.
    #[cfg(test)]
    pub fn address(&self) -> std::net::SocketAddr {
        std::net::SocketAddr::from((Ipv4Addr::LOCALHOST, self.state.origins.ports[0]))
    }
}

fn accept(listener: &TcpListener, state: &Arc<State>) {
    for stream in listener.incoming().flatten() {
        let state = Arc::clone(state);
        thread::spawn(move || {
            // Tests break connections off on purpose.
            let _ = serve(&stream, &state);
        });
    }
}

fn serve(stream: &TcpStream, state: &Arc<State>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(IDLE_SECONDS_MAX)))?;
    let peer = stream.peer_addr()?.port();
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader, peer)? {
        let response = handlers::respond(&request, state);
        if !write_response(stream, &request.method, response)? {
            break;
        }
    }
    Ok(())
}

/// Reads a request, or nothing where the connection ends before one.
fn read_request(reader: &mut impl BufRead, peer: u16) -> io::Result<Option<Request>> {
    let mut head = reader.by_ref().take(HEAD_BYTES_MAX);
    let first = read_line(&mut head)?;
    if first.is_empty() {
        return Ok(None);
    }
    let mut headers = Vec::new();
    loop {
        let line = read_line(&mut head)?;
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.push((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()));
        }
    }
    let mut words = first.split(' ');
    let method = words.next().unwrap_or_default().to_owned();
    let target = words.next().unwrap_or("/");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut request = Request {
        method,
        path: percent_decode(path),
        query: parse_query(query),
        headers,
        body: Vec::new(),
        peer,
    };
    request.body = read_body(reader, &request)?;
    Ok(Some(request))
}

fn read_line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut bytes = Vec::new();
    reader.read_until(b'\n', &mut bytes)?;
    while matches!(bytes.last(), Some(b'\n' | b'\r')) {
        bytes.pop();
    }
    Ok(decode(&bytes))
}

fn read_body(reader: &mut impl BufRead, request: &Request) -> io::Result<Vec<u8>> {
    let is_chunked = request
        .header("transfer-encoding")
        .is_some_and(|value| value.to_ascii_lowercase().contains("chunked"));
    if !is_chunked {
        let length = request.header("content-length").and_then(|value| value.parse().ok());
        return read_exactly(reader, length.unwrap_or(0));
    }
    let mut body = Vec::new();
    loop {
        let line = read_line(reader)?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        let length = usize::from_str_radix(digits, 16).map_err(io::Error::other)?;
        if body.len() + length > BODY_BYTES_MAX {
            return Err(io::Error::other("the body is too long"));
        }
        body.extend(read_exactly(reader, length)?);
        // The line end behind the chunk, and behind the last one no trailers.
        read_line(reader)?;
        if length == 0 {
            return Ok(body);
        }
    }
}

fn read_exactly(reader: &mut impl BufRead, length: usize) -> io::Result<Vec<u8>> {
    if length > BODY_BYTES_MAX {
        return Err(io::Error::other("the body is too long"));
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(body)
}

/// Writes a response and says whether the connection can be used again.
fn write_response(mut stream: &TcpStream, method: &str, response: Response) -> io::Result<bool> {
    let (number, text) = &response.status;
    let mut head = format!("HTTP/1.1 {number} {text}\r\n");
    for (name, value) in &response.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let has_no_body = method == "HEAD" || matches!(number, 204 | 304);
    match response.body {
        Body::Bytes(bytes) => {
            let has =
                |name: &str| response.headers.iter().any(|(key, _)| key.eq_ignore_ascii_case(name));
            if !has("content-length") && !matches!(number, 204 | 304) {
                head.push_str(&format!("Content-Length: {}\r\n", bytes.len()));
            }
            head.push_str("\r\n");
            let mut message = encode(&head);
            if !has_no_body {
                message.extend(bytes);
            }
            stream.write_all(&message)?;
            Ok(true)
        }
        Body::Stream(write) => {
            head.push_str("Connection: close\r\n\r\n");
            stream.write_all(&encode(&head))?;
            if !has_no_body {
                write(&mut stream)?;
            }
            Ok(false)
        }
    }
}

/// Bytes as text, one `char` each.
pub fn decode(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// The bytes of such a text. Other characters become question marks.
pub fn encode(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
}

/// `%41` becomes `A`.
pub fn percent_decode(text: &str) -> String {
    let bytes = encode(text);
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = digits.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[at], byte) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                at += 3;
            }
            (byte, _) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    decode(&decoded)
}

/// Query parameters in order.
pub fn parse_query(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let plain = |text: &str| percent_decode(&text.replace('+', " "));
            (plain(name), plain(value))
        })
        .collect()
}

/// The file that a path of a URL names. None where it would leave the suite.
pub fn file_of(suite: &Path, path: &str) -> Option<PathBuf> {
    let relative = String::from_utf8_lossy(&encode(path)).into_owned();
    let relative = Path::new(file_name(&relative));
    let is_inside = relative.components().all(|part| matches!(part, Component::Normal(_)));
    let file = suite.join(relative);
    (is_inside && file.is_file()).then_some(file)
}

/// Where a path of a URL lies below the suite: one address has nothing to do with its file.
pub fn file_name(path: &str) -> &str {
    match path {
        "/resources/WebIDLParser.js" => "resources/webidl2/lib/webidl2.js",
        _ => path.trim_start_matches('/'),
    }
}
