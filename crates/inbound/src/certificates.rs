//! Certificates of the node, by the names in them.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

#[cfg(test)]
mod tests;

/// A certificate with its chain, and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pem {
    /// The certificate first, then those that vouch for it.
    pub chain: Vec<u8>,
    /// Its private key.
    pub private_key: Vec<u8>,
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The chain is no PEM.
    #[error("the certificate is no PEM file: {0}")]
    Chain(#[source] rustls::pki_types::pem::Error),
    /// There is no certificate in it.
    #[error("there is no certificate in the file; it begins with -----BEGIN CERTIFICATE-----")]
    Empty,
    /// The key is no PEM, or there is none.
    #[error("there is no private key in the key's file: {0}")]
    Key(#[source] rustls::pki_types::pem::Error),
    /// The key is another certificate's.
    #[error("the key is not the certificate's: they come from different requests")]
    Mismatch,
    /// TLS cannot use them.
    #[error("the certificate cannot be used: {0}")]
    Unusable(#[source] rustls::Error),
    /// It names no host.
    #[error("the certificate names no host: it has no subject alternative name")]
    NoName,
    /// None could be made for development.
    #[error("no certificate could be made: {0}")]
    Make(#[from] rcgen::Error),
}

/// Certificates by name.
#[derive(Debug, Default)]
pub struct Certificates {
    /// By host, and by `*.` and the rest of it.
    by_name: HashMap<String, Arc<CertifiedKey>>,
    /// For clients that name no host, or one that no certificate has.
    first: Option<Arc<CertifiedKey>>,
}

impl Certificates {
    /// Reads certificates. Of two for the same name the first is used.
    ///
    /// # Errors
    /// See [`CertificateError`].
    pub fn read(pems: &[Pem]) -> Result<Self, CertificateError> {
        let mut certificates = Self::default();
        for pem in pems {
            let (names, key) = read(pem)?;
            let key = Arc::new(key);
            certificates.first.get_or_insert_with(|| key.clone());
            for name in names {
                certificates.by_name.entry(name).or_insert_with(|| key.clone());
            }
        }
        Ok(certificates)
    }

    /// The certificate for a host: with its name, with a wildcard for it, or the first.
    fn find(&self, host: &str) -> Option<Arc<CertifiedKey>> {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let wildcard = || {
            let (_, rest) = host.split_once('.')?;
            self.by_name.get(&format!("*.{rest}"))
        };
        self.by_name.get(&host).or_else(wildcard).or(self.first.as_ref()).cloned()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        hello.server_name().map_or_else(|| self.first.clone(), |host| self.find(host))
    }
}

/// The names of a certificate, if it can be used.
///
/// # Errors
/// See [`CertificateError`].
pub fn check(pem: &Pem) -> Result<Vec<String>, CertificateError> {
    read(pem).map(|(names, _)| names)
}

fn read(pem: &Pem) -> Result<(Vec<String>, CertifiedKey), CertificateError> {
    let chain = CertificateDer::pem_slice_iter(&pem.chain)
        .collect::<Result<Vec<_>, _>>()
        .map_err(CertificateError::Chain)?;
    let first = chain.first().ok_or(CertificateError::Empty)?.clone();
    let key = PrivateKeyDer::from_pem_slice(&pem.private_key).map_err(CertificateError::Key)?;
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let key = CertifiedKey::from_der(chain, key, &provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => CertificateError::Mismatch,
        other => CertificateError::Unusable(other),
    })?;
    let unusable = |_| CertificateError::Unusable(rustls::CertificateError::BadEncoding.into());
    let names = webpki::EndEntityCert::try_from(&first).map_err(unusable)?;
    let names: Vec<String> = names.valid_dns_names().map(str::to_ascii_lowercase).collect();
    if names.is_empty() {
        return Err(CertificateError::NoName);
    }
    Ok((names, key))
}

/// A certificate for development, which vouches for itself.
///
/// # Errors
/// When it cannot be made.
pub fn self_signed(hosts: &[String]) -> Result<Pem, CertificateError> {
    let localhost = "localhost".to_owned();
    let hosts: Vec<String> = hosts.iter().cloned().chain([localhost]).collect();
    let made = rcgen::generate_simple_self_signed(hosts)?;
    Ok(Pem {
        chain: made.cert.pem().into_bytes(),
        private_key: made.signing_key.serialize_pem().into_bytes(),
    })
}
