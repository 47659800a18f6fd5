//! TLS in front of a provider, whose certificate can be exchanged for one that nobody trusts.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// The door.
#[derive(Debug)]
pub(crate) struct TlsDoor {
    address: SocketAddr,
    distrusted: Arc<AtomicBool>,
    shut: watch::Sender<bool>,
    /// Connections that have come to it.
    knocks: Arc<AtomicUsize>,
    _runtime: Runtime,
}

impl TlsDoor {
    /// Opens it before `upstream`; the certificate of its authority goes to `ca_file`.
    pub(crate) fn open(upstream: &str, ca_file: &Path) -> Self {
        let (good, ca) = certified();
        let (bad, _) = certified();
        std::fs::write(ca_file, ca).unwrap();
        let upstream = upstream.trim_start_matches("http://").to_owned();
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let distrusted = Arc::new(AtomicBool::new(false));
        let is_distrusted = Arc::clone(&distrusted);
        let (shut, counted) = (watch::Sender::new(false), Arc::new(AtomicUsize::new(0)));
        let (opens, knocks) = (shut.subscribe(), Arc::clone(&counted));
        runtime.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                counted.fetch_add(1, Ordering::SeqCst);
                let acceptor = match is_distrusted.load(Ordering::SeqCst) {
                    true => bad.clone(),
                    false => good.clone(),
                };
                let (mut opens, upstream) = (opens.clone(), upstream.clone());
                tokio::spawn(async move {
                    let _open_or_gone = opens.wait_for(|shut| !shut).await.is_ok();
                    pass(acceptor, stream, upstream).await;
                });
            }
        });
        Self { address, distrusted, shut, knocks, _runtime: runtime }
    }

    /// `https://127.0.0.1:PORT`.
    pub(crate) fn base_url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Keeps whoever comes waiting, or lets all in.
    pub(crate) fn keep_shut(&self, shut: bool) {
        self.shut.send_replace(shut);
    }

    /// How many have come so far.
    pub(crate) fn knocks(&self) -> usize {
        self.knocks.load(Ordering::SeqCst)
    }

    /// Shows the certificate of another authority from now on, or its own again.
    pub(crate) fn distrust(&self, distrusted: bool) {
        self.distrusted.store(distrusted, Ordering::SeqCst);
    }
}

async fn pass(acceptor: TlsAcceptor, stream: TcpStream, upstream: String) {
    let Ok(mut inside) = acceptor.accept(stream).await else { return };
    let Ok(mut outside) = TcpStream::connect(upstream).await else { return };
    let _either_side_closed = tokio::io::copy_bidirectional(&mut inside, &mut outside).await;
}

/// A server of an authority of its own, and that authority's certificate.
fn certified() -> (TlsAcceptor, String) {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = authority.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), certificate.pem())
}
