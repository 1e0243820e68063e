//! TLS to origins: trusted authorities, ALPN, and the handshake.

use std::path::Path;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::error::OutboundError;
use crate::policy::{Host, parse_host};

/// The ALPN name of HTTP/2.
pub(crate) const H2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// TLS sessions that one Worker isolate remembers for resumption.
const SESSIONS_MAX: usize = 32;

/// The configuration that all clients start from.
pub(crate) fn config(extra_ca_file: Option<&Path>) -> Result<ClientConfig, OutboundError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = extra_ca_file {
        add_authorities(&mut roots, path)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(OutboundError::TlsSetup)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![H2.to_vec(), HTTP1.to_vec()];
    Ok(config)
}

/// The configuration of one Worker. Sessions are not shared between Workers: the time of a
/// handshake would tell a Worker which origins another one has connected to.
pub(crate) fn config_of_client(config: &ClientConfig) -> Arc<ClientConfig> {
    let mut config = config.clone();
    config.resumption = Resumption::in_memory_sessions(SESSIONS_MAX);
    Arc::new(config)
}

fn add_authorities(roots: &mut RootCertStore, path: &Path) -> Result<(), OutboundError> {
    let failed = |reason: String| OutboundError::ExtraCa { path: path.into(), reason };
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| failed(error.to_string()))?;
    // Bundles of operating systems contain a few that rustls cannot use; one usable is enough.
    let (added, _unusable) = roots.add_parsable_certificates(certificates);
    if added == 0 {
        return Err(failed("no usable certificate in it".into()));
    }
    Ok(())
}

/// Does the handshake for a host as it stands in the URL.
pub(crate) async fn handshake(
    config: Arc<ClientConfig>,
    host: &str,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, OutboundError> {
    let name = match parse_host(host) {
        Some(Host::Address(address)) => Some(ServerName::from(address)),
        Some(Host::Name(name)) => ServerName::try_from(name).ok(),
        None => None,
    };
    let name = name.ok_or_else(|| OutboundError::InvalidHost { host: host.into() })?;
    TlsConnector::from(config)
        .connect(name, stream)
        .await
        .map_err(|source| OutboundError::Tls { host: host.into(), source })
}
