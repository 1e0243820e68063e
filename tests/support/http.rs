//! HTTP/1.1 by hand, so that a test can send what no client library would.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};

use super::DEADLINE;

/// A connection to a server.
pub struct Connection {
    stream: BufReader<TcpStream>,
}

/// A response.
#[derive(Debug, Clone)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// The reason phrase.
    pub reason: String,
    /// Headers as they came, names in small letters.
    pub headers: Vec<(String, String)>,
    /// The body without its framing.
    pub body: Vec<u8>,
    /// Whether the body came to its end.
    pub complete: bool,
}

impl Response {
    /// A header's value; the first where there are several.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|header| header.0 == name).map(|header| header.1.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The beginning of the body's text, without styles, for messages.
    pub fn excerpt(&self) -> String {
        let text = self.text();
        let start = text.find("</style>").unwrap_or_default();
        text[start..].chars().take(400).collect()
    }

    /// Whether another request can follow on the same connection.
    pub fn keeps_connection(&self) -> bool {
        self.complete && self.header("connection") != Some("close")
    }

    /// Cloudflare's error code in an error page, as `Error 1101.` or `error code: 1101`.
    pub fn error_code(&self) -> Option<u16> {
        let text = self.text();
        let after = |words: &str| text.find(words).map(|at| at + words.len());
        let at = after("</p>").and(after(" Error ")).or_else(|| after("error code: "))?;
        text.get(at..at + 4)?.parse().ok()
    }
}

impl Connection {
    /// Connects.
    pub fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).expect("isolde accepts connections");
        stream.set_read_timeout(Some(DEADLINE)).expect("a deadline can be set");
        stream.set_write_timeout(Some(DEADLINE)).expect("a deadline can be set");
        stream.set_nodelay(true).expect("nodelay can be set");
        Self { stream: BufReader::new(stream) }
    }

    /// Sends bytes.
    pub fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).expect("the server reads");
    }

    /// Sends bytes; the server may have closed.
    pub fn try_send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Closes the writing half.
    pub fn finish_sending(&mut self) {
        self.stream.get_ref().shutdown(Shutdown::Write).expect("the connection is open");
    }

    /// Whether the server has closed the connection and sent nothing more.
    pub fn is_closed(&mut self) -> bool {
        let mut byte = [0];
        match self.stream.read(&mut byte) {
            Ok(count) => count == 0,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }

    /// Reads a response to a request with this method; informational ones are skipped.
    pub fn response(&mut self, method: &str) -> Response {
        self.try_response(method).expect("the server answers")
    }

    /// The same; none when the connection ends, or nothing comes in time.
    pub fn try_response(&mut self, method: &str) -> Option<Response> {
        let mut response = self.try_head()?;
        while response.status < 200 {
            response = self.try_head()?;
        }
        if method == "HEAD" || matches!(response.status, 204 | 304) {
            return Some(response);
        }
        Some(self.with_body(response))
    }

    /// Reads the body of a response whose head has been read.
    pub fn with_body(&mut self, mut response: Response) -> Response {
        if response.header("transfer-encoding") == Some("chunked") {
            response.complete = self.chunked(&mut response.body).is_some();
        } else if let Some(length) = response.header("content-length") {
            let length: usize = length.parse().expect("a length is a number");
            let mut body = Vec::new();
            let read = self.stream.by_ref().take(length as u64).read_to_end(&mut body);
            response.complete = read.is_ok_and(|read| read == length);
            response.body = body;
        } else {
            response.complete = self.stream.read_to_end(&mut response.body).is_ok();
        }
        response
    }

    /// Reads the head of a response.
    pub fn head(&mut self) -> Response {
        self.try_head().expect("the server answers")
    }

    fn try_head(&mut self) -> Option<Response> {
        let status = self.line()?;
        let mut words = status.splitn(3, ' ');
        let version = words.next().unwrap_or_default();
        assert!(version.starts_with("HTTP/1."), "no status line: {status:?}");
        let status = words.next().and_then(|code| code.parse().ok()).expect("a status code");
        let reason = words.next().unwrap_or_default().to_owned();
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').expect("a header has a colon");
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Some(Response { status, reason, headers, body: Vec::new(), complete: true })
    }

    /// Reads a chunk of a chunked body; none at its end.
    pub fn chunk(&mut self) -> Option<Vec<u8>> {
        let line = self.line()?;
        let digits = line.split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(digits, 16).ok()?;
        let mut chunk = vec![0; size + 2];
        self.stream.read_exact(&mut chunk).ok()?;
        assert_eq!(chunk.split_off(size), b"\r\n", "a chunk ends with its line");
        Some(chunk)
    }

    fn chunked(&mut self, body: &mut Vec<u8>) -> Option<()> {
        loop {
            let chunk = self.chunk()?;
            if chunk.is_empty() {
                return Some(());
            }
            body.extend(chunk);
        }
    }

    /// A line without its end; none when the connection ends.
    fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).ok()?;
        let line = line.strip_suffix(b"\r\n")?;
        Some(String::from_utf8_lossy(line).into_owned())
    }
}
