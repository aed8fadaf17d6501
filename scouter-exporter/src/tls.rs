//! TLS 1.3 to whoever gets records, checked against the system's certificates or a file of one's own.

use std::fmt;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

/// A connection to a host, before its handshake. The trusted certificates are read anew each time,
/// so that a file that is replaced needs no restart.
///
/// # Errors
/// If the host has no name that a certificate could have, or the trusted certificates cannot be read.
pub fn client(host: &str, authority: Option<&Path>) -> io::Result<ClientConnection> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| io::Error::new(ErrorKind::InvalidInput, "its name is no host name"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let configuration = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(io::Error::other)?
        .with_root_certificates(match authority {
            Some(path) => certificates_in(path)?,
            None => those_of_the_system()?,
        })
        .with_no_client_auth();
    ClientConnection::new(Arc::new(configuration), name).map_err(io::Error::other)
}

fn certificates_in(path: &Path) -> io::Result<RootCertStore> {
    let unusable = |what: &dyn fmt::Display| {
        let sentence = format!("the trusted certificates in {}: {what}", path.display());
        io::Error::new(ErrorKind::InvalidInput, sentence)
    };
    let mut trusted = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unusable(&error))? {
        let certificate = certificate.map_err(|error| unusable(&error))?;
        trusted.add(certificate).map_err(|error| unusable(&error))?;
    }
    if trusted.is_empty() {
        return Err(unusable(&"there is none in it"));
    }
    Ok(trusted)
}

fn those_of_the_system() -> io::Result<RootCertStore> {
    let mut trusted = RootCertStore::empty();
    // Some of a system's many certificates are usually odd; those left are enough.
    trusted.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if trusted.is_empty() {
        let sentence = "this system trusts no certificate: install its ca-certificates, or name a \
                        file of your own";
        return Err(io::Error::new(ErrorKind::NotFound, sentence));
    }
    Ok(trusted)
}
