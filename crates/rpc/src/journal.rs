//! What a process writes of its Workers and its clients, one line of JSON for each entry: console
//! output, exceptions, requests. The supervisor reads it, and believes nothing but that this
//! process wrote it.

use serde::{Deserialize, Serialize};

/// Longest line in bytes, without its end.
pub const LINE_BYTES_MAX: usize = 64 << 10;

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The Worker's number; none where a request has no Worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// What it did.
    #[serde(flatten)]
    pub event: Event,
}

/// Something that a Worker did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event {
    /// It wrote to the console.
    Console {
        /// `log`, `error` and so on.
        level: String,
        /// The text.
        message: String,
    },
    /// An exception was not caught, or failed a request.
    Exception {
        /// The error's name.
        name: String,
        /// Its message.
        message: String,
        /// The frames of its stack, one a line.
        stack: String,
    },
    /// A request is through.
    Request(Request),
    /// Entries of its owner's Workers were left out: they wrote too much.
    Dropped {
        /// How many.
        count: u64,
    },
}

/// A request that is through, see `ingress::access`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The client's address, if it is known.
    pub client: Option<String>,
    /// The method.
    pub method: String,
    /// The URL, or the target as far as it could be read.
    pub url: String,
    /// Status of the response; 499 when the client left first.
    pub status: u16,
    /// Bytes of the response's body that went to the client.
    pub bytes: u64,
    /// How it ended, as in the platform's logs: `ok`, `exception` and so on.
    pub outcome: String,
    /// From its head to the end of its response, in microseconds.
    pub wall_us: u64,
    /// CPU time of the Worker up to the head of the response, in microseconds.
    pub cpu_us: u64,
}

impl Entry {
    /// The line, without its end; `None` when it is too long.
    pub fn to_line(&self) -> Option<String> {
        serde_json::to_string(self).ok().filter(|line| line.len() <= LINE_BYTES_MAX)
    }

    /// Reads a line; `None` when it is none.
    pub fn from_line(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_lines() {
        let request = Request {
            client: Some("192.0.2.1".to_owned()),
            method: "GET".to_owned(),
            url: "http://a.example/\n".to_owned(),
            status: 200,
            bytes: 7,
            outcome: "ok".to_owned(),
            wall_us: 1,
            cpu_us: 2,
        };
        let message = "two\nlines \u{1b}[31m".to_owned();
        for event in [
            Event::Console { level: "log".to_owned(), message: message.clone() },
            Event::Exception { name: "Error".to_owned(), message, stack: String::new() },
            Event::Request(request),
            Event::Dropped { count: 3 },
        ] {
            let entry = Entry { number: Some(7), event };
            let line = entry.to_line().unwrap();
            assert!(!line.contains('\n'));
            assert_eq!(Entry::from_line(line.as_bytes()), Some(entry));
        }
        let message = "x".repeat(LINE_BYTES_MAX);
        let event = Event::Console { level: "log".to_owned(), message };
        assert_eq!(Entry { number: None, event }.to_line(), None);
        assert_eq!(Entry::from_line(b"{\"event\":\"console\"}"), None);
    }
}
