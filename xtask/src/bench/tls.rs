//! TLS of the load generator.

use std::io;
use std::sync::{Arc, OnceLock};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

#[path = "../../../tests/support/trust.rs"]
mod trust;

/// Makes a connection to a server's `localhost` one with TLS. Every session is a new one.
pub async fn connect(stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    let config = CONFIG.get_or_init(|| Arc::new(trust::client_config("http/1.1", None)));
    let name = ServerName::try_from("localhost").expect("it is a name");
    TlsConnector::from(config.clone()).connect(name, stream).await
}
