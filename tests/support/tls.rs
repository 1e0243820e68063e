//! A tunnel of TLS: what is sent to its address without TLS reaches the server with it, so that all
//! that tests do by hand can be done through TLS, too.

use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

use super::trust::{Shown, client_config};

/// A tunnel. It is there until the test's process ends.
pub struct Tunnel {
    /// Where it takes connections.
    pub address: String,
    certificates: Shown,
}

impl Tunnel {
    /// A tunnel to a server's address, for a client that speaks `protocol` (of ALPN) and asks for
    /// the host `name`.
    pub fn open(server: &str, name: &'static str, protocol: &str) -> Self {
        let (server, certificates) = (server.to_owned(), Shown::default());
        let config = client_config(protocol, Some(certificates.clone()));
        let connector = TlsConnector::from(Arc::new(config));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a port");
        listener.set_nonblocking(true).expect("it is a socket");
        let address = listener.local_addr().expect("it is bound").to_string();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("it is made").block_on(async move {
                let listener = TcpListener::from_std(listener).expect("it is a listener");
                while let Ok((near, _)) = listener.accept().await {
                    let (connector, server) = (connector.clone(), server.clone());
                    tokio::spawn(async move { join(near, &server, name, connector).await.ok() });
                }
            });
        });
        Self { address, certificates }
    }

    /// The certificate that the server showed last.
    pub fn certificate(&self) -> Vec<u8> {
        self.certificates.lock().unwrap().last().cloned().unwrap_or_default()
    }
}

async fn join(
    mut near: TcpStream,
    server: &str,
    name: &'static str,
    connector: TlsConnector,
) -> std::io::Result<()> {
    let far = TcpStream::connect(server).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let name = ServerName::try_from(name).expect("it is a name");
    let far = connector.connect(name, far).await?;
    let ((mut near_read, mut near_write), (mut far_read, mut far_write)) =
        (near.split(), tokio::io::split(far));
    // A server may answer and close before it has read everything: what cannot be sent any more
    // must not keep its answer back.
    let (_, answers) = tokio::join!(
        async {
            let _ = copy(&mut near_read, &mut far_write).await;
            far_write.shutdown().await
        },
        async {
            // A server that is killed ends its connection without a word of TLS: so does this end.
            let _ = copy(&mut far_read, &mut near_write).await;
            near_write.shutdown().await
        },
    );
    answers
}
