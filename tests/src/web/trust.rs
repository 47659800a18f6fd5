//! The private authorities that the harnesses of this process trust, and the TLS that they speak with their servers.

use std::io;
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

static TRUSTED: Mutex<Vec<CertificateDer<'static>>> = Mutex::new(Vec::new());

/// Trusts this authority from now on; PEM.
pub(crate) fn trust(authority: &str) -> io::Result<()> {
    let certificate =
        CertificateDer::from_pem_slice(authority.as_bytes()).map_err(io::Error::other)?;
    TRUSTED.lock().unwrap_or_else(PoisonError::into_inner).push(certificate);
    Ok(())
}

/// TLS with the server of this name or address.
pub(crate) fn connect(
    host: &str,
    stream: TcpStream,
) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let mut roots = RootCertStore::empty();
    for authority in TRUSTED.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        roots.add(authority.clone()).map_err(io::Error::other)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    Ok(StreamOwned::new(connection, stream))
}
