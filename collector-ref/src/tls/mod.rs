//! TLS on both ports: one certificate, read again when its file changes.
//!
//! Version 1.3 only: agents are ours and browsers have had it since 2018. A certificate that was
//! renewed takes effect within [`RENEWAL_INTERVAL`] without a restart; one that cannot be read is
//! told in the log, and the former stays.

mod http;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::RwLock;
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use serde::Deserialize;

pub(crate) use http::{TLS_FIRST_BYTE, TlsListener};

/// How often the files of the certificate are looked at.
pub const RENEWAL_INTERVAL: Duration = Duration::from_secs(60);

/// Where the certificate of the collector is, and what it is for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TlsFiles {
    /// The certificate and those between it and the authority, in PEM.
    pub certificate: PathBuf,
    /// Its private key, in PEM.
    pub key: PathBuf,
    /// Whether agents must use it; those on this machine need not. Default: yes.
    #[serde(default = "yes")]
    pub agents: bool,
    /// Whether page and API use it; no, where a proxy in front of the collector does. Default: yes.
    #[serde(default = "yes")]
    pub http: bool,
}

fn yes() -> bool {
    true
}

impl TlsFiles {
    /// A certificate and its key for both ports.
    #[must_use]
    pub fn new(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self { certificate: certificate.into(), key: key.into(), agents: true, http: true }
    }
}

/// A certificate cannot be used.
#[derive(Debug)]
pub struct TlsError {
    path: PathBuf,
    what: String,
}

impl TlsError {
    fn new(path: &Path, what: impl fmt::Display) -> Self {
        Self { path: path.to_owned(), what: what.to_string() }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the TLS file {} cannot be used: {}", self.path.display(), self.what)
    }
}

impl std::error::Error for TlsError {}

/// The certificate in use, and how it becomes the configuration of a connection.
#[derive(Debug)]
pub(crate) struct Tls {
    files: TlsFiles,
    identity: Arc<Identity>,
    /// What the files looked like when they were read last.
    seen: RwLock<Option<Stamp>>,
    agents: Arc<ServerConfig>,
    http: Arc<ServerConfig>,
}

/// Modification times and lengths of both files.
type Stamp = [(Option<SystemTime>, u64); 2];

/// The key that signs handshakes; replaced when the certificate is renewed.
#[derive(Debug)]
struct Identity(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Identity {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read()))
    }
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// If one cannot be read, is not PEM, or key and certificate do not belong together.
    pub(crate) fn open(files: TlsFiles) -> Result<Self, TlsError> {
        let stamp = stamp(&files).ok();
        let identity = Arc::new(Identity(RwLock::new(Arc::new(read(&files)?))));
        let agents = configuration(&identity, &[], &files)?;
        let http = configuration(&identity, &[b"http/1.1"], &files)?;
        Ok(Self { files, identity, seen: RwLock::new(stamp), agents, http })
    }

    /// For connections of agents, where they must use TLS.
    pub(crate) fn for_agents(&self) -> Option<&Arc<ServerConfig>> {
        self.files.agents.then_some(&self.agents)
    }

    /// For page and API, where they use TLS.
    pub(crate) fn for_http(&self) -> Option<&Arc<ServerConfig>> {
        self.files.http.then_some(&self.http)
    }

    /// Reads the files again if they have changed; true when there is a new certificate.
    ///
    /// # Errors
    /// As [`Tls::open`]; the former certificate stays, and the files are read again next time.
    pub(crate) fn renew(&self) -> Result<bool, TlsError> {
        let now =
            stamp(&self.files).map_err(|error| TlsError::new(&self.files.certificate, error))?;
        if *self.seen.read() == Some(now) {
            return Ok(false);
        }
        let renewed = read(&self.files)?;
        *self.identity.0.write() = Arc::new(renewed);
        *self.seen.write() = Some(now);
        Ok(true)
    }
}

/// Looks at the files of the certificate for ever.
pub(crate) async fn keep_renewed(tls: Arc<Tls>) {
    let mut last_error = None;
    loop {
        tokio::time::sleep(RENEWAL_INTERVAL).await;
        let of_thread = Arc::clone(&tls);
        let renewed = tokio::task::spawn_blocking(move || of_thread.renew()).await;
        match renewed {
            Ok(Ok(true)) => tracing::info!("the TLS certificate was renewed"),
            Ok(Err(error)) if last_error.as_ref() != Some(&error.to_string()) => {
                tracing::error!(%error, "the TLS certificate in use stays");
                last_error = Some(error.to_string());
                continue;
            }
            Ok(Err(_)) => continue,
            Ok(Ok(false)) | Err(_) => {}
        }
        last_error = None;
    }
}

fn configuration(
    identity: &Arc<Identity>,
    protocols: &[&[u8]],
    files: &TlsFiles,
) -> Result<Arc<ServerConfig>, TlsError> {
    let resolver = Arc::clone(identity);
    let mut configuration = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| TlsError::new(&files.certificate, error))?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    configuration.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok(Arc::new(configuration))
}

fn stamp(files: &TlsFiles) -> io::Result<Stamp> {
    let look = |path: &Path| -> io::Result<_> {
        let facts = std::fs::metadata(path)?;
        Ok((facts.modified().ok(), facts.len()))
    };
    Ok([look(&files.certificate)?, look(&files.key)?])
}

fn read(files: &TlsFiles) -> Result<CertifiedKey, TlsError> {
    let TlsFiles { certificate, key, .. } = files;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| TlsError::new(certificate, error))?;
    if chain.is_empty() {
        return Err(TlsError::new(certificate, "there is no certificate in it"));
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| TlsError::new(key, error))?;
    CertifiedKey::from_der(chain, secret, &default_provider())
        .map_err(|error| TlsError::new(key, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_identity(folder: &Path, name: &str) -> TlsFiles {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let files = TlsFiles::new(folder.join("certificate.pem"), folder.join("key.pem"));
        std::fs::write(&files.certificate, made.cert.pem()).unwrap();
        std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        files
    }

    #[test]
    fn a_renewed_certificate_is_taken_and_a_broken_one_leaves_the_former() {
        let folder = tempfile::tempdir().unwrap();
        let tls = Tls::open(write_identity(folder.path(), "one.example")).unwrap();
        let current = || tls.identity.0.read().cert[0].clone();
        let first = current();
        assert!(!tls.renew().unwrap(), "nothing has changed");
        write_identity(folder.path(), "a-longer-name.example");
        assert!(tls.renew().unwrap());
        let second = current();
        assert_ne!(first, second);
        std::fs::write(&tls.files.key, "no key").unwrap();
        let error = tls.renew().unwrap_err().to_string();
        assert!(error.contains("key.pem cannot be used"), "{error}");
        assert_eq!(current(), second);
    }

    #[test]
    fn what_is_wrong_with_the_files_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let files = write_identity(folder.path(), "one.example");
        let other = tempfile::tempdir().unwrap();
        let foreign = write_identity(other.path(), "two.example");
        std::fs::write(folder.path().join("empty.pem"), "").unwrap();
        for (certificate, key, expected) in [
            (folder.path().join("missing.pem"), files.key.clone(), "missing.pem"),
            (folder.path().join("empty.pem"), files.key.clone(), "no certificate"),
            (files.certificate.clone(), files.certificate.clone(), "certificate.pem"),
            (files.certificate.clone(), foreign.key, "key.pem"),
        ] {
            let error = Tls::open(TlsFiles::new(certificate, key)).unwrap_err().to_string();
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }
}
