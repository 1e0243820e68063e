//! Limits of a request's head. They are the same for all Workers.

use std::time::Duration;

/// Longest URL of a request in bytes.
pub const URL_BYTES_MAX: usize = 16 << 10;
/// All headers of a request or a response together in bytes.
pub const HEADER_BYTES_MAX: usize = 128 << 10;
/// Headers of a request, and those that a Worker may give a response or a subrequest.
pub const HEADER_FIELDS_MAX: usize = 512;
/// Fields that the inbound proxy adds to those of a client: `Host`, which HTTP/2 does without, and
/// the description of the client.
pub const HOP_FIELDS_MAX: usize = 2;
/// Longest name of a host in bytes.
///
/// <https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4>
pub const HOST_BYTES_MAX: usize = 253;
/// How long a client may take for a request's head, counted from its connection's beginning or from
/// the end of its last response. Behind a response it may be up to twice as long.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// A client that closes its writing half so soon after its request waits for the answer. One that
/// closes it later has left: TCP signals no more than the end of that half.
pub const HALF_CLOSE_MAX: Duration = Duration::from_millis(50);
/// How long a client that has closed its writing half is waited for while nothing is sent to it: it
/// may have left, and only a write would show that.
pub const SILENCE_MAX: Duration = Duration::from_secs(15);
