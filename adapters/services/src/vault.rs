//! An axum service behind TLS (rustls with ring), and its client on reqwest.

use axum::Router;
use axum::routing::get;
use axum::serve::Listener;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::{Error, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// Serves over TLS.
pub async fn serve(listener: TcpListener, tls: ServerConfig) -> io::Result<()> {
    let router = Router::new().route("/secret", get(async || "swordfish"));
    axum::serve(Handshakes::begin(listener, tls)?, router).await
}

/// Reads a server's certificate and key.
pub fn server(certificate: &[u8], key: &[u8]) -> Result<ServerConfig, Error> {
    let certificates = CertificateDer::pem_slice_iter(certificate).collect::<Result<_, _>>()?;
    let config = ServerConfig::builder().with_no_client_auth();
    Ok(config
        .with_single_cert(certificates, PrivateKeyDer::from_pem_slice(key)?)
        .expect("the key is the certificate's"))
}

/// Returns a client that trusts one certificate.
pub fn client(root: &[u8]) -> reqwest::Client {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(root).expect("a certificate")).expect("a root certificate");
    let tls = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let client = reqwest::Client::builder().timeout(Duration::from_secs(9)).no_proxy();
    client.tls_backend_preconfigured(tls).build().expect("a client")
}

/// Connections whose handshake is done. A slow handshake does not hold up others.
struct Handshakes {
    address: SocketAddr,
    done: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

impl Handshakes {
    fn begin(listener: TcpListener, tls: ServerConfig) -> io::Result<Self> {
        let (sender, done) = mpsc::channel(16);
        let address = listener.local_addr()?;
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        tokio::spawn(async move {
            while let Ok((stream, from)) = listener.accept().await {
                let (acceptor, sender) = (acceptor.clone(), sender.clone());
                tokio::spawn(async move {
                    match timeout(HANDSHAKE, acceptor.accept(stream)).await {
                        Ok(Ok(stream)) => drop(sender.send((stream, from)).await),
                        Ok(Err(error)) => tracing::warn!("{from}: {error}"),
                        Err(_) => tracing::warn!("{from}: the handshake takes too long"),
                    }
                });
            }
        });
        Ok(Self { address, done })
    }
}

impl Listener for Handshakes {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.done.recv().await {
            Some(connection) => connection,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}
