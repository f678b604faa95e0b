//! Peers that speak TLS, and an authority that says who they are.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use net::{Client, ClientCertificate, Config, Tls, TlsSettings};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Who issues certificates.
#[derive(Debug)]
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key.
pub(crate) struct Identity {
    cert: Certificate,
    key: KeyPair,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("it can be signed"))
    }

    pub(crate) fn pem(&self) -> String {
        self.0.as_ref().pem()
    }

    /// A certificate of an issuer for these names, issued by itself.
    pub(crate) fn itself(names: &[&str]) -> Identity {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Identity { cert: params.self_signed(&key).expect("it can be signed"), key }
    }

    /// A certificate for these names and addresses.
    pub(crate) fn issue(&self, names: &[&str]) -> Identity {
        self.issue_valid(names, (2020, 2090))
    }

    /// A certificate that is valid from the beginning of one year to that of another.
    pub(crate) fn issue_valid(&self, names: &[&str], (from, until): (i32, i32)) -> Identity {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().expect("a key");
        let cert = params.signed_by(&key, &self.0).expect("it can be signed");
        Identity { cert, key }
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.as_ref().der().clone()).expect("it is one");
        Arc::new(roots)
    }
}

impl Identity {
    pub(crate) fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    pub(crate) fn cert_pem(&self) -> String {
        self.cert.pem()
    }

    /// What a client shows of it, to hosts of these domains.
    pub(crate) fn for_domains(&self, domains: &[&str]) -> ClientCertificate {
        let domains = domains.iter().map(|&domain| domain.to_owned()).collect();
        ClientCertificate { cert: self.cert_pem(), key: self.key_pem(), domains }
    }

    fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.serialize_der()).into()
    }
}

/// What a peer does differently from any other.
#[derive(Default, Debug)]
pub(crate) struct Manner<'a> {
    /// The only versions that it speaks.
    pub(crate) versions: Option<&'a [&'static SupportedProtocolVersion]>,
    /// Who must have issued the certificate that it asks for.
    pub(crate) clients_of: Option<&'a Authority>,
    /// The protocols that it chooses from.
    pub(crate) protocols: &'a [&'a [u8]],
    /// The size of its records, if not as large as may be.
    pub(crate) record: Option<usize>,
    /// How often its certificate is followed by another that nobody needs.
    pub(crate) padding: usize,
}

/// A configuration of a server that is this one.
pub(crate) fn server(identity: &Identity, manner: &Manner<'_>) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(manner.versions.unwrap_or(rustls::ALL_VERSIONS))
        .expect("there are ciphers for all versions");
    let builder = match manner.clients_of {
        None => builder.with_no_client_auth(),
        Some(authority) => builder.with_client_cert_verifier(
            WebPkiClientVerifier::builder_with_provider(authority.roots(), provider)
                .build()
                .expect("it has a root"),
        ),
    };
    let chain = vec![identity.cert.der().clone(); manner.padding + 1];
    let mut config =
        builder.with_single_cert(chain, identity.key_der()).expect("the key is the certificate's");
    config.max_fragment_size = manner.record;
    config.alpn_protocols = manner.protocols.iter().map(|name| name.to_vec()).collect();
    Arc::new(config)
}

/// A peer at `localhost` that treats its nth connection, once it is safe, with `serve(n, stream)`.
pub(crate) async fn tls_peer<F, R>(config: Arc<ServerConfig>, serve: F) -> String
where
    F: Fn(usize, TlsStream<TcpStream>) -> R + Send + Sync + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let acceptor = TlsAcceptor::from(config);
    let serve = Arc::new(serve);
    tokio::spawn(async move {
        let mut connections = 0;
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, serve) = (acceptor.clone(), Arc::clone(&serve));
            tokio::spawn(async move {
                // Whoever does not agree with the client has told it why.
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve(connections, stream).await;
                }
            });
            connections += 1;
        }
    });
    format!("https://localhost:{port}/")
}

/// What becomes of the bytes of a peer on their way to the client.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Meddling {
    /// They come one by one.
    Trickled,
    /// The one at this place is another.
    Spoiled(usize),
    /// None comes from this place on, and the connection ends.
    Cut(usize),
}

/// A relay to a peer that meddles.
pub(crate) async fn meddler(url: &str, meddling: Meddling) -> String {
    let authority = url.trim_start_matches("https://").trim_end_matches('/').to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            near.set_nodelay(true).expect("it is a socket");
            let mut far = TcpStream::connect(&authority).await.expect("the peer listens");
            tokio::spawn(async move {
                let (mut near_read, mut near_write) = near.split();
                let (mut far_read, mut far_write) = far.split();
                let there = async {
                    let _ = tokio::io::copy(&mut near_read, &mut far_write).await;
                    let _ = far_write.shutdown().await;
                };
                let back = async {
                    let mut place = 0;
                    while let Ok(mut byte) = far_read.read_u8().await {
                        match meddling {
                            Meddling::Spoiled(spoiled) if spoiled == place => byte ^= 0x55,
                            Meddling::Cut(cut) if cut == place => break,
                            _ => {}
                        }
                        if near_write.write_u8(byte).await.is_err() {
                            break;
                        }
                        place += 1;
                    }
                    let _ = near_write.shutdown().await;
                };
                tokio::join!(there, back);
            });
        }
    });
    format!("https://localhost:{port}/")
}

/// A relay to a peer, which counts what goes to it and what comes from it. In the clear: what it counts is what
/// is on the wire.
pub(crate) async fn relay(url: &str) -> (String, Arc<[AtomicU64; 2]>) {
    let authority = url.trim_start_matches("https://").trim_end_matches('/').to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let counted: Arc<[AtomicU64; 2]> = Arc::default();
    let counts = Arc::clone(&counted);
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let mut far = TcpStream::connect(&authority).await.expect("the peer listens");
            let counts = Arc::clone(&counts);
            tokio::spawn(async move {
                let (mut near_read, mut near_write) = near.split();
                let (mut far_read, mut far_write) = far.split();
                tokio::join!(
                    pass(&mut near_read, &mut far_write, &counts[0]),
                    pass(&mut far_read, &mut near_write, &counts[1]),
                );
            });
        }
    });
    (format!("https://localhost:{port}/"), counted)
}

async fn pass(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    count: &AtomicU64,
) {
    let mut room = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut room).await {
        // Before it goes on: who has it, has been counted.
        count.fetch_add(read as u64, Ordering::SeqCst);
        if to.write_all(&room[..read]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}

/// A client that believes an authority, beside whatever else is said.
pub(crate) fn client_of(authority: &Authority, settings: TlsSettings) -> Client {
    Client::new(config_of(authority, settings))
}

pub(crate) fn config_of(authority: &Authority, settings: TlsSettings) -> Arc<Config> {
    let settings = TlsSettings { roots: vec![authority.pem()], ..settings };
    let tls = Arc::new(Tls::new(settings).expect("they are valid"));
    Arc::new(Config { tls, ..Config::default() })
}
