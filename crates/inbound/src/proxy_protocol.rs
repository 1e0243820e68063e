//! The PROXY protocol, versions 1 and 2: a load balancer in front says who its client is.
//!
//! <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>

use std::net::IpAddr;

use bytes::BytesMut;
use ppp::{HeaderResult, PartialResult, v1, v2};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Longest header: addresses, and some facts more.
const HEADER_BYTES_MAX: usize = 4 << 10;

/// How a header of version 1 begins.
const V1_BEGINNING: &[u8] = b"PROXY ";
/// How a header of version 2 begins.
const V2_BEGINNING: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Longest header of version 1.
const V1_BYTES_MAX: usize = 107;

/// Why a connection cannot be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HeaderError {
    /// The stream failed, or ended in the header.
    #[error(transparent)]
    Stream(#[from] std::io::Error),
    /// There is no header.
    #[error("the connection does not begin with a header of the PROXY protocol")]
    Missing,
}

/// Reads the header; gives the client's address, which is nothing for the load balancer's own
/// connections. Bytes behind the header stay in `read`.
pub(crate) async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    read: &mut BytesMut,
) -> Result<Option<IpAddr>, HeaderError> {
    loop {
        if let Some((address, length)) = parse(read)? {
            let _ = read.split_to(length);
            return Ok(address);
        }
        if stream.read_buf(read).await? == 0 {
            return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
        }
    }
}

/// The client's address and the header's length; `None` when there are too few bytes to tell.
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<(Option<IpAddr>, usize)>, HeaderError> {
    let may_be = |beginning: &[u8]| beginning.starts_with(bytes) || bytes.starts_with(beginning);
    let (is_line, mut bytes) = (may_be(V1_BEGINNING), bytes);
    // The parser takes some beginnings of a header for mistakes, and some mistakes for beginnings.
    if is_line {
        let mut ends = bytes.windows(2).take(V1_BYTES_MAX - 1);
        match ends.position(|end| end == b"\r\n") {
            Some(end) => bytes = &bytes[..end + 2],
            None if bytes.len() < V1_BYTES_MAX => return Ok(None),
            None => return Err(HeaderError::Missing),
        }
    } else if !may_be(V2_BEGINNING) {
        return Err(HeaderError::Missing);
    }
    let header = HeaderResult::parse(bytes);
    if header.is_incomplete() {
        let may_go_on = !is_line && bytes.len() < HEADER_BYTES_MAX;
        return if may_go_on { Ok(None) } else { Err(HeaderError::Missing) };
    }
    let (address, length) = match header {
        HeaderResult::V1(Ok(header)) => {
            let address = match header.addresses {
                v1::Addresses::Tcp4(addresses) => Some(addresses.source_address.into()),
                v1::Addresses::Tcp6(addresses) => Some(addresses.source_address.into()),
                v1::Addresses::Unknown => None,
            };
            (address, header.header.len())
        }
        HeaderResult::V2(Ok(header)) => {
            let address = match (header.command, header.addresses) {
                (v2::Command::Local, _) => None,
                (_, v2::Addresses::IPv4(addresses)) => Some(addresses.source_address.into()),
                (_, v2::Addresses::IPv6(addresses)) => Some(addresses.source_address.into()),
                _ => None,
            };
            (address, header.header.len())
        }
        _ => return Err(HeaderError::Missing),
    };
    Ok(Some((address, length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The header of version 2 for a client at 192.0.2.1.
    const V2: &[u8] =
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc0\0\x02\x02\x04\xd2\0\x50";

    #[test]
    fn headers_of_both_versions() {
        let of = |bytes: &[u8]| parse(bytes).unwrap().unwrap();
        let v1 = b"PROXY TCP4 192.0.2.1 192.0.2.2 1234 80\r\nGET /";
        assert_eq!(of(v1), (Some("192.0.2.1".parse().unwrap()), v1.len() - 5));
        let v6 = b"PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n";
        assert_eq!(of(v6), (Some("2001:db8::1".parse().unwrap()), v6.len()));
        assert_eq!(of(b"PROXY UNKNOWN\r\n"), (None, 15));
        assert_eq!(of(V2), (Some("192.0.2.1".parse().unwrap()), V2.len()));
        let local = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0rest";
        assert_eq!(of(local), (None, local.len() - 4));
        for length in 0..V2.len() {
            assert!(parse(&V2[..length]).unwrap().is_none(), "{length} bytes of version 2");
        }
        for length in 0..v1.len() - 5 {
            assert!(parse(&v1[..length]).unwrap().is_none(), "{length} bytes of version 1");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for bytes in [
            &b"GET / HTTP/1.1\r\n\r\n"[..],
            b"\x16\x03\x01\x02\0",
            b"P\rP_Y P",
            b"PROXY \r\n",
            b"PROXY TCP4\r\n",
            b"PROXY TCP4 192.0.2.256 192.0.2.2 1234 80\r\n",
            b"PROXY TCP4 192.0.2.1 192.0.2.2 1234 99999\r\n",
            &[b"PROXY ", &[b'x'; HEADER_BYTES_MAX][..]].concat(),
            &[&V2[..14], &[0xff; HEADER_BYTES_MAX][..]].concat(),
        ] {
            assert!(parse(bytes).is_err(), "{:?}", bytes.escape_ascii().to_string());
        }
    }
}
