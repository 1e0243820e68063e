//! A client of HTTP/2 that sends any bytes and remembers which frames came. It reads on a thread of
//! its own, so that no server waits for it.

use std::collections::HashSet;
use std::io::{BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use super::PATIENCE;

/// What every client sends first.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// SETTINGS without any.
pub const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
/// The acknowledgement of SETTINGS.
pub const ACKNOWLEDGED: &[u8] = &[0, 0, 0, 4, 1, 0, 0, 0, 0];

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS_TYPE: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

/// So many frames are told of in a message.
const TOLD_MAX: usize = 8;

/// What has come.
#[derive(Default)]
pub struct Seen {
    /// The codes of GOAWAY.
    pub goaways: HashSet<u32>,
    /// Streams and codes of RST_STREAM.
    pub resets: HashSet<(u32, u32)>,
    /// Streams and statuses.
    pub statuses: HashSet<(u32, u16)>,
    /// What acknowledged PINGs said.
    pub pongs: HashSet<[u8; 8]>,
    /// Whether the server's SETTINGS came.
    pub settings: bool,
    /// Whether the connection has ended.
    pub ended: bool,
    /// The first of these in words.
    told: Vec<String>,
}

/// A connection. Dropping it ends it.
pub struct Connection {
    stream: TcpStream,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    reader: Option<JoinHandle<()>>,
}

impl Connection {
    pub fn open(address: &str) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("no connection: {error}");
        let stream = TcpStream::connect(address).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(failed)?;
        let seen = Arc::<(Mutex<Seen>, Condvar)>::default();
        let (incoming, sink) = (stream.try_clone().map_err(failed)?, seen.clone());
        let reader = std::thread::spawn(move || {
            // However the connection ends, it has ended.
            let _ = read(BufReader::new(incoming), &sink);
            note(&sink, |seen| {
                seen.ended = true;
                "the end".to_owned()
            });
        });
        Ok(Self { stream, seen, reader: Some(reader) })
    }

    /// Sends bytes; whether the connection took them.
    pub fn send(&self, bytes: &[u8]) -> bool {
        (&self.stream).write_all(bytes).is_ok()
    }

    /// Sends a PING.
    pub fn ping(&self, said: [u8; 8]) -> bool {
        let frame = [&[0, 0, 8, PING, 0, 0, 0, 0, 0], &said[..]].concat();
        self.send(&frame)
    }

    /// Sends a good GET for `/` of the host `a`, in which nothing is left to the tables of HPACK.
    pub fn get(&self, stream: u32) -> bool {
        let block = [0x82, 0x84, 0x86, 0x01, 0x01, b'a'];
        self.send(&[&[0, 0, 6, HEADERS, 5], &stream.to_be_bytes()[..], &block].concat())
    }

    /// Waits until something is true of what has come, but not for longer than this.
    pub fn wait(&self, patience: Duration, until: impl Fn(&Seen) -> bool) {
        let (seen, more) = &*self.seen;
        let guard = seen.lock().unwrap();
        drop(more.wait_timeout_while(guard, patience, |seen| !until(seen)).unwrap());
    }

    /// What has come so far.
    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.0.lock().unwrap()
    }

    /// The same in words, for messages.
    pub fn told(&self) -> String {
        self.seen().told.join(", ")
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

/// Changes what has been seen, and puts it into words.
fn note(sink: &(Mutex<Seen>, Condvar), change: impl FnOnce(&mut Seen) -> String) {
    let mut seen = sink.0.lock().unwrap();
    let words = change(&mut seen);
    if seen.told.len() < TOLD_MAX || seen.ended {
        seen.told.push(words);
    }
    sink.1.notify_all();
}

/// Reads frames until the connection ends.
fn read(mut stream: impl Read, sink: &(Mutex<Seen>, Condvar)) -> std::io::Result<()> {
    let mut statuses = Statuses::default();
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head)?;
        if head.starts_with(b"HTTP/1.") {
            note(sink, |_| "an answer of HTTP/1".to_owned());
            std::io::copy(&mut stream, &mut std::io::sink())?;
            return Ok(());
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).expect("24 bits fit")];
        stream.read_exact(&mut payload)?;
        let number = |at: usize| {
            let bytes = payload.get(at..at + 4).map(|bytes| bytes.try_into().expect("four"));
            bytes.map_or(0, u32::from_be_bytes)
        };
        let stream_id = u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]);
        let acknowledges = head[4] & 1 != 0;
        match head[3] {
            GOAWAY => note(sink, |seen| {
                seen.goaways.insert(number(4));
                format!("GOAWAY {}", number(4))
            }),
            RST_STREAM => note(sink, |seen| {
                seen.resets.insert((stream_id, number(0)));
                format!("RST_STREAM {stream_id} {}", number(0))
            }),
            HEADERS => {
                // Trailers have no status.
                if let Some(status) = statuses.read(&payload) {
                    note(sink, |seen| {
                        seen.statuses.insert((stream_id, status));
                        format!("status {stream_id} {status}")
                    });
                }
            }
            SETTINGS_TYPE if !acknowledges => note(sink, |seen| {
                seen.settings = true;
                "SETTINGS".to_owned()
            }),
            PING if acknowledges => note(sink, |seen| {
                seen.pongs.extend(<[u8; 8]>::try_from(&payload[..]));
                "PING acknowledged".to_owned()
            }),
            _ => {}
        }
    }
}

/// As much of HPACK as finds the status of an answer. For each entry of the dynamic table: its
/// status, if it is one. Entries that a server may no longer use are kept.
#[derive(Default)]
struct Statuses(Vec<Option<u16>>);

impl Statuses {
    /// The status of a block of fields.
    fn read(&mut self, mut block: &[u8]) -> Option<u16> {
        let mut status = None;
        while let Some(first) = block.first().copied() {
            let is_indexed = first & 0x80 != 0;
            let is_added = first & 0xc0 == 0x40;
            let bits = match first {
                0x80.. => 7,
                0x40.. => 6,
                0x20.. => 5,
                _ => 4,
            };
            let index = number(&mut block, bits)?;
            if bits == 5 {
                continue;
            }
            let indexed = self.entry(index);
            let found = if is_indexed {
                indexed
            } else {
                if index == 0 {
                    text(&mut block)?;
                }
                let value = text(&mut block)?;
                indexed.and_then(|_| value.parse().ok())
            };
            status = status.or(found);
            if is_added {
                self.0.insert(0, found);
            }
        }
        status
    }

    /// The status of an entry of the static or the dynamic table.
    fn entry(&self, index: usize) -> Option<u16> {
        match index {
            8..15 => Some([200, 204, 206, 304, 400, 404, 500][index - 8]),
            62.. => self.0.get(index - 62).copied().flatten(),
            _ => None,
        }
    }
}

/// Reads a number with a prefix of so many bits.
fn number(block: &mut &[u8], bits: u32) -> Option<usize> {
    let mask = (1 << bits) - 1;
    let mut value = usize::from(*block.split_off_first()? & mask);
    if value < usize::from(mask) {
        return Some(value);
    }
    for shift in (0..28).step_by(7) {
        let byte = *block.split_off_first()?;
        value += usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Reads a text. Of the code of Huffman only the digits are known.
fn text(block: &mut &[u8]) -> Option<String> {
    let is_huffman = block.first()? & 0x80 != 0;
    let length = number(block, 7)?;
    let raw = block.split_off(..length)?;
    if !is_huffman {
        return Some(String::from_utf8_lossy(raw).into_owned());
    }
    let bits = raw.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
    let (mut digits, mut code, mut count) = (String::new(), 0_u8, 0);
    for bit in bits {
        (code, count) = (code << 1 | bit, count + 1);
        let digit = match (count, code) {
            (5, 0..=2) => code,
            (6, 0b01_1001..=0b01_1111) => code - 0b01_1001 + 3,
            (6.., _) => break,
            _ => continue,
        };
        digits.push(char::from(b'0' + digit));
        (code, count) = (0, 0);
    }
    Some(digits)
}
