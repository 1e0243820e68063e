//! `http2.toml`: what the frames of a client are to HTTP/2.

use std::time::Duration;

use serde::Deserialize;

use super::connection::{ACKNOWLEDGED, Connection, PREFACE, SETTINGS, Seen};
use super::{Door, Excuse, PATIENCE, cases, echo, node, replay};
use crate::support::process::Isolde;
use crate::support::tls::Tunnel;

/// The stream of the good request that shows that a connection is alive.
const LAST: u32 = 0x3fff_ffff;

/// How long the client waits before it sends `then`.
const PAUSE: Duration = Duration::from_millis(333);

/// How much of repeated frames is written at once.
const BATCH_BYTES: usize = 64 << 10;

/// Error codes in their order.
const CODES: [&str; 14] = [
    "NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT",
    "STREAM_CLOSED", "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR",
    "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
];

/// A case; the head of the file says what the fields mean.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    rule: String,
    #[serde(default)]
    raw: bool,
    #[serde(default)]
    first: Vec<String>,
    frames: Vec<String>,
    repeat: Option<u32>,
    #[serde(default)]
    then: Vec<String>,
    expect: Texts,
    open: Option<String>,
}

/// One text or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Texts {
    One(String),
    Any(Vec<String>),
}

/// What must happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Goaway(u32),
    Reset(u32, u32),
    Status(u32, u16),
    Close,
    Alive,
}

impl Event {
    /// Reads an item of `expect`.
    fn parse(text: &str) -> Self {
        let words: Vec<&str> = text.split(' ').collect();
        let code = |name: &str| {
            let place = CODES.iter().position(|code| *code == name);
            u32::try_from(place.expect("the code exists")).expect("there are few")
        };
        let stream = |text: &str| text.parse().expect("a stream is a number");
        match words[..] {
            ["goaway", name] => Self::Goaway(code(name)),
            ["reset", id, name] => Self::Reset(stream(id), code(name)),
            ["status", id, status] => {
                Self::Status(stream(id), status.parse().expect("a status is a number"))
            }
            ["close"] => Self::Close,
            ["alive"] => Self::Alive,
            _ => panic!("{text:?} is nothing that can be expected"),
        }
    }

    /// Whether it has happened. What is alive shows itself when it is asked.
    fn is_in(self, seen: &Seen) -> bool {
        match self {
            Self::Goaway(code) => seen.ended && seen.goaways.contains(&code),
            Self::Reset(stream, code) => seen.resets.contains(&(stream, code)),
            Self::Status(stream, status) => seen.statuses.contains(&(stream, status)),
            Self::Close => seen.ended,
            Self::Alive => false,
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
        let connection = Connection::open(address)?;
        if !self.raw {
            greet(&connection);
        }
        connection.send(&self.first.iter().flat_map(|frame| bytes(frame)).collect::<Vec<_>>());
        self.send_frames(&connection);
        if !self.then.is_empty() {
            connection.wait(PAUSE, |seen| seen.ended);
            connection.send(&self.then.iter().flat_map(|frame| bytes(frame)).collect::<Vec<_>>());
        }
        self.judge(&connection, self.excuse(door).patience()).map_err(|got| {
            format!("wanted {:?} ({}), got {got}: {}", self.events(), self.rule, connection.told())
        })
    }

    fn afterwards(&self, address: &str) -> Result<(), String> {
        let connection = Connection::open(address)?;
        greet(&connection);
        match lives(&connection, PATIENCE, |_| false) {
            true => Ok(()),
            false => Err(format!("the server does not answer: {}", connection.told())),
        }
    }
}

impl Case {
    fn events(&self) -> Vec<Event> {
        match &self.expect {
            Texts::One(text) => vec![Event::parse(text)],
            Texts::Any(texts) => texts.iter().map(|text| Event::parse(text)).collect(),
        }
    }

    /// Sends `frames` as often as they are repeated, or until the connection ends.
    fn send_frames(&self, connection: &Connection) {
        let text = self.frames.join(" ");
        let numbered = text.contains("SSSSSSSS");
        let mut frames = bytes(&text.replace("SSSSSSSS", "00000001"));
        let mut batch = Vec::new();
        for place in 0..self.repeat.unwrap_or(1) {
            if numbered && place > 0 {
                frames = bytes(&text.replace("SSSSSSSS", &format!("{:08x}", 2 * place + 1)));
            }
            batch.extend_from_slice(&frames);
            if batch.len() >= BATCH_BYTES {
                if !connection.send(&batch) {
                    return;
                }
                batch.clear();
            }
        }
        connection.send(&batch);
    }

    /// Waits for what must happen.
    fn judge(&self, connection: &Connection, patience: Duration) -> Result<(), String> {
        let events = self.events();
        let happened = |seen: &Seen| events.iter().copied().find(|event| event.is_in(seen));
        if events.contains(&Event::Alive) {
            let lives = lives(connection, patience, |seen| happened(seen).is_some());
            if lives && happened(&connection.seen()).is_none() {
                return Ok(());
            }
        } else {
            connection.wait(patience, |seen| seen.ended || happened(seen).is_some());
        }
        let event = happened(&connection.seen());
        match event {
            Some(event @ (Event::Reset(..) | Event::Status(..))) => {
                self.must_go_on(connection, event)
            }
            Some(_) => Ok(()),
            None => Err("none of it".to_owned()),
        }
    }

    /// Only a stream has ended: the connection acknowledges a PING, unless it may end, too.
    fn must_go_on(&self, connection: &Connection, event: Event) -> Result<(), String> {
        connection.ping(*b"pingpong");
        connection.wait(PATIENCE, |seen| seen.ended || seen.pongs.contains(b"pingpong"));
        let seen = connection.seen();
        let may_end = |event: Event| matches!(event, Event::Goaway(_) | Event::Close);
        let ended_rightly =
            self.events().into_iter().any(|event| may_end(event) && event.is_in(&seen));
        match seen.pongs.contains(b"pingpong") || ended_rightly {
            true => Ok(()),
            false => Err(format!("{event:?}, but no life afterwards")),
        }
    }
}

/// Opens a connection as every client does.
fn greet(connection: &Connection) {
    connection.send(&[PREFACE, SETTINGS].concat());
    connection.wait(PATIENCE, |seen| seen.ended || seen.settings);
    connection.send(ACKNOWLEDGED);
}

/// Whether the connection acknowledges a PING and answers a good request. A request that is refused
/// because too many others are not answered yet is sent again. Stops looking where `enough`.
fn lives(connection: &Connection, patience: Duration, enough: impl Fn(&Seen) -> bool) -> bool {
    let end = std::time::Instant::now() + patience;
    let refused = CODES.iter().position(|code| *code == "REFUSED_STREAM").expect("it is one");
    let refused = u32::try_from(refused).expect("there are few");
    connection.ping(*b"is alive");
    for stream in (LAST..).step_by(2) {
        connection.get(stream);
        let left = end.saturating_duration_since(std::time::Instant::now());
        connection.wait(left, |seen| {
            let answered = seen.statuses.contains(&(stream, 200));
            let answered = answered && seen.pongs.contains(b"is alive");
            seen.ended || answered || seen.resets.contains(&(stream, refused)) || enough(seen)
        });
        let seen = connection.seen();
        let answered = seen.statuses.contains(&(stream, 200)) && seen.pongs.contains(b"is alive");
        let again = seen.resets.contains(&(stream, refused)) && !seen.ended && !enough(&seen);
        if !again || left.is_zero() {
            return answered && !seen.ended;
        }
        drop(seen);
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

/// The bytes of a text of the file: hexadecimal, where `6162*10` is ten times the same.
fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in text.split_whitespace() {
        let (digits, times) = word.split_once('*').unwrap_or((word, "1"));
        let times = times.parse().expect("a number of times");
        let pairs = digits.as_bytes().chunks(2).map(|pair| {
            let pair = std::str::from_utf8(pair).expect("digits are ASCII");
            u8::from_str_radix(pair, 16).unwrap_or_else(|_| panic!("{word:?} is not hexadecimal"))
        });
        bytes.extend(pairs.collect::<Vec<u8>>().repeat(times));
    }
    bytes
}

#[test]
fn frames() {
    let isolde = Isolde::dev(&echo());
    replay(&cases::<Case>("http2.toml"), &isolde.address, Door::First);
}

#[test]
fn frames_through_the_proxy_with_tls() {
    let (_isolde, https) = node("framing_http2");
    let tunnel = Tunnel::open(&https, "a.example", "h2");
    replay(&cases::<Case>("http2.toml"), &tunnel.address, Door::Inbound);
}
