//! `http1.toml`: what the bytes of a client are to HTTP/1. Where a connection must end, or must go
//! on, another request tells: nothing waits to see that nothing comes.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::{Door, Excuse, PATIENCE, cases, echo, node, replay};
use crate::support::process::Isolde;
use crate::support::tls::Tunnel;

/// A case; the head of the file says what the fields mean.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    rule: String,
    send: String,
    repeat: Option<Repeat>,
    then: Option<String>,
    #[serde(default)]
    finish: bool,
    #[serde(default)]
    may_continue: bool,
    #[serde(default)]
    head: Vec<usize>,
    status: Vec<Wanted>,
    closed: Option<bool>,
    body: Option<String>,
    open: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Repeat {
    from: String,
    times: usize,
}

/// A status, or a choice of them.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Wanted {
    One(u16),
    Any(Vec<u16>),
}

impl Wanted {
    fn has(&self, status: u16) -> bool {
        match self {
            Self::One(wanted) => *wanted == status,
            Self::Any(choice) => choice.contains(&status),
        }
    }
}

impl super::Case for Case {
    fn name(&self) -> &str {
        &self.name
    }

    fn excuse(&self, door: Door) -> Excuse {
        Excuse::at(door, self.open.is_some())
    }

    fn run(&self, address: &str, door: Door) -> Result<(), String> {
        let mut client = Client::open(address)?;
        if door == Door::Later {
            client.send(b"GET /first HTTP/1.1\r\nHost: a\r\n\r\n");
            let status = client.answer(false)?.map(|answer| answer.status);
            if status != Some(200) {
                return Err(format!("the good request before it got {status:?}"));
            }
        }
        client.patience = self.excuse(door).patience();
        self.judge(&mut client).map_err(|got| {
            let closed = match self.closed {
                Some(true) => ", closed",
                Some(false) => ", kept",
                None => "",
            };
            format!("wanted {:?}{closed} ({}), got {got}", self.status, self.rule)
        })
    }
}

impl Case {
    /// Sends the request, and sees whether the answers are right.
    fn judge(&self, client: &mut Client) -> Result<(), String> {
        let send = match &self.repeat {
            Some(repeat) => self.send.replace(&repeat.from, &repeat.from.repeat(repeat.times)),
            None => self.send.clone(),
        };
        client.send(&bytes(&send));
        if self.then.is_none() && self.finish {
            client.finish();
        }
        let last = self.answers(client)?;
        if let (Some(wanted), Some(last)) = (&self.body, &last)
            && last.status == 200
            && last.body != bytes(wanted)
        {
            return Err(format!("the body {:?}", String::from_utf8_lossy(&last.body)));
        }
        match self.closed {
            Some(true) => client.expect_end(last.is_some_and(|last| last.closes)),
            Some(false) => client.expect_more(),
            None => Ok(()),
        }
    }

    /// Reads as many answers as there should be, and gives the last.
    fn answers(&self, client: &mut Client) -> Result<Option<Answer>, String> {
        let (mut statuses, mut last) = (Vec::new(), None);
        let mut then = self.then.as_ref();
        while let Some(wanted) = self.status.get(statuses.len()) {
            let to_head = self.head.contains(&statuses.len());
            let answer = client.answer(to_head).map_err(|what| format!("{statuses:?}, {what}"))?;
            let status = answer.as_ref().map_or(0, |answer| answer.status);
            if status == 100 && self.may_continue && !wanted.has(100) {
                continue;
            }
            statuses.push(status);
            if !wanted.has(status) {
                return Err(format!("{statuses:?}"));
            }
            last = answer.or(last);
            if let Some(then) = then.take() {
                client.send(&bytes(then));
                if self.finish {
                    client.finish();
                }
            }
        }
        Ok(last)
    }
}

/// The bytes of a text of the file: a character is a byte.
fn bytes(text: &str) -> Vec<u8> {
    text.chars().map(|character| u8::try_from(character).expect("it is Latin-1")).collect()
}

/// An answer of the server.
struct Answer {
    status: u16,
    body: Vec<u8>,
    /// Whether it says that the connection ends behind it.
    closes: bool,
}

/// A connection.
struct Client {
    stream: TcpStream,
    /// What has come and was not read yet.
    pending: Vec<u8>,
    /// How long to wait for what should come.
    patience: Duration,
    finished: bool,
}

impl Client {
    fn open(address: &str) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("no connection: {error}");
        let stream = TcpStream::connect(address).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(failed)?;
        Ok(Self { stream, pending: Vec::new(), patience: PATIENCE, finished: false })
    }

    /// Sends bytes. The server may have answered and closed before it has read all of them.
    fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Ends the half of the connection that is the client's.
    fn finish(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
        self.finished = true;
    }

    /// The connection must end without another answer. One more request finds out whether somebody
    /// still reads. Where the server has said that it closes it may wait for the client to do so
    /// first, and drop what comes.
    fn expect_end(&mut self, said: bool) -> Result<(), String> {
        if !self.finished {
            self.send(b"GET /after HTTP/1.1\r\nHost: a\r\n\r\n");
        }
        if said {
            self.finish();
        }
        match self.answer(false) {
            Ok(None) => Ok(()),
            Ok(Some(answer)) => {
                let body = String::from_utf8_lossy(&answer.body).into_owned();
                let body: String = body.chars().take(60).collect();
                Err(format!("one more answer, {} {body:?}", answer.status))
            }
            Err(what) => Err(format!("the right answers, then no end: {what}")),
        }
    }

    /// The connection must go on.
    fn expect_more(&mut self) -> Result<(), String> {
        self.send(b"GET /after HTTP/1.1\r\nHost: a\r\n\r\n");
        match self.answer(false)? {
            Some(answer) if answer.status == 200 && answer.body == b"GET /after 0" => Ok(()),
            Some(answer) => {
                let body = String::from_utf8_lossy(&answer.body);
                Err(format!("{} {body:?} for the next request", answer.status))
            }
            None => Err("the right answers, then the end".to_owned()),
        }
    }

    /// Reads an answer; none when the connection ends before it.
    fn answer(&mut self, to_head: bool) -> Result<Option<Answer>, String> {
        let end = Instant::now() + self.patience;
        let Some(head) = self.until(b"\r\n\r\n", end)? else {
            return match self.pending.is_empty() {
                true => Ok(None),
                false => Err(format!("half an answer: {:?}", self.excerpt())),
            };
        };
        let head = String::from_utf8_lossy(&head).into_owned();
        let (line, fields) = head.split_once("\r\n").unwrap_or((&head, ""));
        let status = line.strip_prefix("HTTP/1.").and_then(|line| line.get(2..5)?.parse().ok());
        let status = status.ok_or_else(|| format!("no status line: {line:?}"))?;
        let field = |wanted: &str| {
            let mut fields = fields.split("\r\n").filter_map(|field| field.split_once(':'));
            let found = fields.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| value.trim().to_ascii_lowercase())
        };
        let closes = field("connection").is_some_and(|value| value == "close");
        let body = if to_head || status < 200 || matches!(status, 204 | 304) {
            Vec::new()
        } else if field("transfer-encoding").is_some() {
            self.chunks(end)?
        } else {
            let length = field("content-length").and_then(|length| length.parse().ok());
            let length = length.ok_or_else(|| format!("a body without length: {head:?}"))?;
            self.exactly(length, end)?
        };
        Ok(Some(Answer { status, body, closes }))
    }

    fn chunks(&mut self, end: Instant) -> Result<Vec<u8>, String> {
        let mut body = Vec::new();
        loop {
            let line = self.until(b"\r\n", end)?.ok_or("half a body")?;
            let line = String::from_utf8_lossy(&line).into_owned();
            let size = usize::from_str_radix(&line, 16).map_err(|_| "a chunk without size")?;
            body.extend(self.exactly(size, end)?);
            self.exactly(2, end)?;
            if size == 0 {
                return Ok(body);
            }
        }
    }

    /// What comes before a mark, which is dropped; none when the connection ends first.
    fn until(&mut self, mark: &[u8], end: Instant) -> Result<Option<Vec<u8>>, String> {
        loop {
            let at = self.pending.windows(mark.len()).position(|bytes| bytes == mark);
            if let Some(at) = at {
                let found = self.pending.drain(..at).collect();
                self.pending.drain(..mark.len());
                return Ok(Some(found));
            }
            if !self.fill(end)? {
                return Ok(None);
            }
        }
    }

    fn exactly(&mut self, count: usize, end: Instant) -> Result<Vec<u8>, String> {
        while self.pending.len() < count {
            if !self.fill(end)? {
                return Err("half a body".to_owned());
            }
        }
        Ok(self.pending.drain(..count).collect())
    }

    /// Waits for more; whether any comes before the end of the connection.
    fn fill(&mut self, end: Instant) -> Result<bool, String> {
        let left = end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        self.stream.set_read_timeout(Some(left)).map_err(|error| error.to_string())?;
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(count) => {
                self.pending.extend(&buffer[..count]);
                Ok(count > 0)
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(false),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Err(format!("then nothing more than {:?}", self.excerpt()))
            }
            Err(error) => Err(error.to_string()),
        }
    }

    /// The beginning of what has come, for messages.
    fn excerpt(&self) -> String {
        String::from_utf8_lossy(&self.pending).chars().take(60).collect()
    }
}

#[test]
fn first_requests() {
    let isolde = Isolde::dev(&echo());
    replay(&cases::<Case>("http1.toml"), &isolde.address, Door::First);
}

#[test]
fn requests_behind_a_good_one() {
    let isolde = Isolde::dev(&echo());
    replay(&cases::<Case>("http1.toml"), &isolde.address, Door::Later);
}

#[test]
fn requests_through_the_proxy() {
    let (isolde, _) = node("framing_http1");
    replay(&cases::<Case>("http1.toml"), &isolde.address, Door::Inbound);
}

#[test]
fn requests_through_the_proxy_with_tls() {
    let (_isolde, https) = node("framing_http1_tls");
    let tunnel = Tunnel::open(&https, "a.example", "http/1.1");
    replay(&cases::<Case>("http1.toml"), &tunnel.address, Door::Inbound);
}
