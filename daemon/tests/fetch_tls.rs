//! Whom the daemon trusts: the system's roots and `ca_file`, nobody else, and nothing is sent before that is clear.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails loudly, in its helpers too")]

mod fetch_support;

use bearerd::fetch::Fetchers;
use fetch_support::{
    GOOD, PATIENT, RawServer, answer, cause, failure, fetcher, granted, parts, read_request,
    refresh, send,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

/// Made by `make.sh` there.
fn pem(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fetch_support/tls").join(name)
}

fn ca_file(path: &Path) -> String {
    format!("ca_file = \"{}\"", path.display())
}

/// A server with this certificate, and the requests that came through.
fn server(certificate: &str) -> (RawServer, String, Receiver<String>) {
    let chain = vec![CertificateDer::from_pem_file(pem(certificate)).unwrap()];
    let key = PrivateKeyDer::from_pem_file(pem("server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    let (requests, received) = channel();
    let server = RawServer::start_raw(move |stream: TcpStream| {
        let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        let request = read_request(&mut stream);
        if !request.is_empty() {
            requests.send(request).unwrap();
            send(&mut stream, answer(200, "", GOOD));
        }
    });
    let url = format!("https://{}", server.address);
    (server, url, received)
}

#[tokio::test]
async fn a_ca_file_is_trusted_and_a_stranger_is_not() {
    let (server, url, received) = server("loopback.pem");
    granted(fetcher(&url, &ca_file(&pem("ca.pem")), PATIENT).fetch(refresh()).await);
    assert!(received.recv().unwrap().starts_with("POST "));

    for more in [String::new(), ca_file(&pem("other-ca.pem"))] {
        let failure = failure(fetcher(&url, &more, PATIENT).fetch(refresh()).await);
        assert_eq!(cause(&failure), "NotSent", "{more}");
        let expected = format!(
            "`{}` was not reached: certificate not trusted: its issuer is unknown; add its CA as \
             `ca_file`, or to the system's",
            server.address
        );
        assert_eq!(failure.message, expected, "{more}");
    }
    assert!(received.try_recv().is_err(), "nothing was sent to a stranger");
}

#[tokio::test]
async fn a_certificate_for_another_host_or_another_time_is_refused() {
    for (certificate, words) in [
        ("elsewhere.pem", "it is for another host"),
        ("expired.pem", "it has expired; renew it, or set this machine's clock"),
    ] {
        let (_server, url, received) = server(certificate);
        let failure =
            failure(fetcher(&url, &ca_file(&pem("ca.pem")), PATIENT).fetch(refresh()).await);
        assert_eq!(cause(&failure), "NotSent", "{certificate}");
        let expected = format!("certificate not trusted: {words}");
        assert!(failure.message.ends_with(&expected), "{}", failure.message);
        assert!(received.try_recv().is_err(), "{certificate}");
    }
}

#[tokio::test]
async fn a_server_without_tls_gets_nothing() {
    let server = RawServer::start_raw(|mut stream| send(&mut stream, answer(400, "", "")));
    let url = format!("https://{}", server.address);
    let failure = failure(fetcher(&url, "", PATIENT).fetch(refresh()).await);
    assert_eq!(cause(&failure), "NotSent");
    assert!(failure.message.contains("TLS failed: "), "{}", failure.message);
}

#[tokio::test]
async fn a_mended_ca_file_heals_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    std::fs::copy(pem("other-ca.pem"), &path).unwrap();
    let (_server, url, _received) = server("loopback.pem");
    let fetcher = fetcher(&url, &ca_file(&path), PATIENT);
    assert_eq!(cause(&failure(fetcher.fetch(refresh()).await)), "NotSent");

    std::fs::remove_file(&path).unwrap();
    let gone = failure(fetcher.fetch(refresh()).await);
    assert_eq!(cause(&gone), "NotSent");
    let expected = format!("failed to read `ca_file` `{}`: No such file", path.display());
    assert!(gone.message.contains(&expected), "{}", gone.message);

    std::fs::write(&path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .unwrap();
    let torn = failure(fetcher.fetch(refresh()).await);
    assert_eq!(cause(&torn), "NotSent");
    assert!(torn.message.contains("`ca_file`"), "{}", torn.message);

    std::fs::copy(pem("ca.pem"), &path).unwrap();
    granted(fetcher.fetch(refresh()).await);
}

#[tokio::test]
async fn a_ca_that_left_the_file_is_not_trusted_after_a_reload() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    std::fs::copy(pem("ca.pem"), &path).unwrap();
    let (_server, url, _received) = server("loopback.pem");
    let (clients, profile) = parts(&url, &ca_file(&path), PATIENT);
    let fetcher = clients.fetcher_for(&profile).unwrap();
    granted(fetcher.fetch(refresh()).await);

    std::fs::copy(pem("other-ca.pem"), &path).unwrap();
    clients.read_again();
    assert_eq!(cause(&failure(fetcher.fetch(refresh()).await)), "NotSent");
}
