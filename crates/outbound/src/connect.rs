//! Opens a TCP connection to the first of a host's allowed addresses that accepts one.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::error::OutboundError;
use crate::resolve::AllowedAddress;

/// Tries the addresses in order. Each but the last gets `address_timeout`; the last has the rest of
/// the caller's own time limit.
pub(crate) async fn connect(
    host: &str,
    addresses: &[AllowedAddress],
    address_timeout: Duration,
) -> Result<TcpStream, OutboundError> {
    let mut last_error = OutboundError::NoAddress { host: host.into() };
    for (index, address) in addresses.iter().enumerate() {
        let address = address.socket_address();
        let attempt = TcpStream::connect(address);
        let result = if index + 1 == addresses.len() {
            attempt.await
        } else {
            let late = |_| Err(std::io::ErrorKind::TimedOut.into());
            timeout(address_timeout, attempt).await.unwrap_or_else(late)
        };
        // Requests are written whole; waiting for more bytes would only delay them.
        match result.and_then(|stream| stream.set_nodelay(true).map(|()| stream)) {
            Ok(stream) => return Ok(stream),
            Err(source) => {
                last_error = OutboundError::Connect { host: host.into(), address, source };
            }
        }
    }
    Err(last_error)
}
