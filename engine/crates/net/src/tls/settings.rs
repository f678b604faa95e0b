//! What a run says of TLS, checked before it starts.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, KeyLogFile, RootCertStore, SupportedProtocolVersion,
    client::danger::ServerCertVerifier,
};

use crate::tls::trust;
use crate::version::Offer;

/// Tickets that a VU keeps where sessions are resumed, eight a server: as many servers as a page is made of.
const TICKETS: usize = 64;

/// How connections by TLS are made: what a run says, unchecked.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// Whether every certificate is believed, whoever issued it and whomever it is for.
    pub insecure_skip_verify: bool,
    /// The oldest version that is spoken.
    pub min_version: TlsVersion,
    /// The newest version that is spoken; the newest there is where nothing is said.
    pub max_version: Option<TlsVersion>,
    /// Certificates of issuers to believe, beside those that this machine believes: PEM texts, each of one or
    /// more.
    pub roots: Vec<String>,
    /// Who to be, where a server asks. The first that is for a host stands.
    pub client_certificates: Vec<ClientCertificate>,
    /// Whether a VU that connects to a server again goes on with the session it had there. Otherwise every
    /// connection is made as if for the first time.
    pub resume_sessions: bool,
    /// Whether the keys of all connections are appended to the file that `SSLKEYLOGFILE` in the environment
    /// names, if it does, so that what was captured of them can be read.
    pub log_keys: bool,
}

impl fmt::Debug for TlsSettings {
    /// Keys are left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSettings")
            .field("insecure_skip_verify", &self.insecure_skip_verify)
            .field("min_version", &self.min_version)
            .field("max_version", &self.max_version)
            .field("roots", &self.roots.len())
            .field("client_certificates", &self.client_certificates.len())
            .field("resume_sessions", &self.resume_sessions)
            .field("log_keys", &self.log_keys)
            .finish()
    }
}

/// A certificate to show to servers that ask who is there, and its key.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate, and those that lead from it to its issuer: PEM.
    pub cert: String,
    /// Its private key: PEM, not encrypted.
    pub key: String,
    /// The hosts it is for, where `*.` at the start stands for one label; for all if there are none.
    pub domains: Vec<String>,
}

impl fmt::Debug for ClientCertificate {
    /// The key is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate").field("domains", &self.domains).finish_non_exhaustive()
    }
}

/// A version of TLS. Older ones are not spoken: no server should be tested by what no client may use
/// (RFC 8996).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2.
    #[default]
    Tls12,
    /// TLS 1.3.
    Tls13,
}

impl TlsVersion {
    /// The version as k6's options and its `tls_version` tag have it, such as `tls1.3`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tls12 => "tls1.2",
            Self::Tls13 => "tls1.3",
        }
    }
}

/// What is wrong with what a run says of TLS, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsProblem {
    /// A text of roots is none.
    #[error("{what}")]
    Root {
        /// Which of the roots, from 0.
        index: usize,
        /// What is wrong with it.
        what: String,
    },
    /// A client's certificate is none.
    #[error("{what}")]
    ClientCertificate {
        /// Which of the certificates, from 0.
        index: usize,
        /// What is wrong with it.
        what: String,
    },
    /// A client's key is none, or not that of its certificate.
    #[error("{what}")]
    ClientKey {
        /// Which of the certificates, from 0.
        index: usize,
        /// What is wrong with it.
        what: String,
    },
    /// The oldest version is newer than the newest.
    #[error("no version is left: the oldest is {min}, the newest {max}")]
    Versions {
        /// The oldest version.
        min: &'static str,
        /// The newest version.
        max: &'static str,
    },
}

/// How connections by TLS are made: what a run says, checked.
pub struct Tls {
    settings: TlsSettings,
    roots: Vec<CertificateDer<'static>>,
    identities: Vec<Identity>,
    provider: Arc<CryptoProvider>,
    /// Made for the first connection: a run without TLS reads none of the machine's certificates.
    made: OnceLock<Made>,
}

struct Identity {
    domains: Vec<String>,
    key: Arc<CertifiedKey>,
}

/// rustls' configurations: those of nobody in particular, and those of each identity.
struct Made {
    anonymous: Offers,
    identities: Vec<Offers>,
}

/// One for each offer, in the order of [`Offer::ALL`].
struct Offers([Arc<ClientConfig>; Offer::ALL.len()]);

impl Offers {
    fn of(&self, offer: Offer) -> &Arc<ClientConfig> {
        &self.0[offer as usize]
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tls").field(&self.settings).finish()
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            settings: TlsSettings::default(),
            roots: Vec::new(),
            identities: Vec::new(),
            provider: Arc::new(default_provider()),
            made: OnceLock::new(),
        }
    }
}

impl Tls {
    /// Checks settings. The certificates of this machine are read when the first connection is made.
    ///
    /// Fails with everything that is wrong with them.
    pub fn new(settings: TlsSettings) -> Result<Self, Vec<TlsProblem>> {
        let mut problems = Vec::new();
        let mut tls = Self::default();
        for (index, text) in settings.roots.iter().enumerate() {
            let known = |certs: &[CertificateDer<'static>]| {
                certs.iter().try_for_each(|cert| RootCertStore::empty().add(cert.clone()))
            };
            match certificates(text) {
                Ok(certs) => match known(&certs) {
                    Ok(()) => tls.roots.extend(certs),
                    Err(error) => {
                        let what = format!("has a certificate that cannot be used: {error}");
                        problems.push(TlsProblem::Root { index, what });
                    }
                },
                Err(what) => problems.push(TlsProblem::Root { index, what }),
            }
        }
        for (index, client) in settings.client_certificates.iter().enumerate() {
            match identity(client, &tls.provider, index) {
                Ok(identity) => tls.identities.push(identity),
                Err(more) => problems.extend(more),
            }
        }
        let max = settings.max_version.unwrap_or(TlsVersion::Tls13);
        if settings.min_version > max {
            let min = settings.min_version.name();
            problems.push(TlsProblem::Versions { min, max: max.name() });
        }
        tls.settings = settings;
        if problems.is_empty() { Ok(tls) } else { Err(problems) }
    }

    /// Reads the certificates of this machine, unless that has been done. Some milliseconds, once a run.
    pub(crate) fn prepare(&self) {
        self.made();
    }

    /// How to connect to a host, which may choose what is spoken from this.
    pub(crate) fn config(
        &self,
        host: &str,
        offer: Offer,
        sessions: &mut Sessions,
    ) -> Arc<ClientConfig> {
        let made = self.made();
        let identity = self.identities.iter().position(|one| one.is_for(host));
        let shared = identity.map_or(&made.anonymous, |identity| &made.identities[identity]);
        let shared = shared.of(offer);
        if self.settings.resume_sessions {
            sessions.of(identity, offer, shared)
        } else {
            Arc::clone(shared)
        }
    }

    fn made(&self) -> &Made {
        self.made.get_or_init(|| self.make())
    }

    fn make(&self) -> Made {
        let verifier = self.verifier();
        let anonymous = self.client_config(Arc::clone(&verifier), None);
        let identities = self.identities.iter();
        let identities = identities
            .map(|identity| self.client_config(Arc::clone(&verifier), Some(&identity.key)))
            .collect();
        Made { anonymous, identities }
    }

    fn verifier(&self) -> Arc<dyn ServerCertVerifier> {
        let provider = Arc::clone(&self.provider);
        let regardless = |believed| -> Arc<dyn ServerCertVerifier> {
            Arc::new(trust::Regardless { believed, provider: Arc::clone(&self.provider) })
        };
        if self.settings.insecure_skip_verify {
            return regardless(true);
        }
        let roots = Arc::new(trust::roots(&self.roots));
        match WebPkiServerVerifier::builder_with_provider(roots, provider).build() {
            Ok(verifier) => verifier,
            // There is no root at all.
            Err(_) => regardless(false),
        }
    }

    fn client_config(
        &self,
        verifier: Arc<dyn ServerCertVerifier>,
        key: Option<&Arc<CertifiedKey>>,
    ) -> Offers {
        let max = self.settings.max_version.unwrap_or(TlsVersion::Tls13);
        let spoken = |version: TlsVersion| self.settings.min_version <= version && version <= max;
        let versions: Vec<&'static SupportedProtocolVersion> =
            [(TlsVersion::Tls12, &TLS12), (TlsVersion::Tls13, &TLS13)]
                .into_iter()
                .filter_map(|(version, implementation)| spoken(version).then_some(implementation))
                .collect();
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&versions)
            .expect("at least one is left, and the provider has ciphers for each")
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match key {
            None => builder.with_no_client_auth(),
            Some(key) => {
                let key = SingleCertAndKey::from(Arc::clone(key));
                builder.with_client_cert_resolver(Arc::new(key))
            }
        };
        config.resumption = Resumption::disabled();
        if self.settings.log_keys {
            config.key_log = Arc::new(KeyLogFile::new());
        }
        Offers(Offer::ALL.map(|offer| {
            let mut config = config.clone();
            config.alpn_protocols = offer.protocols().iter().map(|name| name.to_vec()).collect();
            Arc::new(config)
        }))
    }
}

/// What one VU remembers of the servers that it has met, where sessions are resumed. Never shared: one VU is
/// one visitor, who has no tickets of another's.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Vec<(Option<usize>, Offer, Arc<ClientConfig>)>);

impl Sessions {
    /// A configuration that is as the shared one, with the memory of this VU.
    fn of(
        &mut self,
        identity: Option<usize>,
        offer: Offer,
        shared: &Arc<ClientConfig>,
    ) -> Arc<ClientConfig> {
        let mut of_identity = self.0.iter().filter(|(known, ..)| *known == identity);
        let same = of_identity.clone().find(|(_, known, _)| *known == offer);
        if let Some((.., config)) = same {
            return Arc::clone(config);
        }
        let mut config = ClientConfig::clone(shared);
        // What is spoken over a session makes it no other.
        config.resumption = match of_identity.next() {
            Some((.., known)) => known.resumption.clone(),
            None => Resumption::in_memory_sessions(TICKETS),
        };
        let config = Arc::new(config);
        self.0.push((identity, offer, Arc::clone(&config)));
        config
    }
}

impl Identity {
    fn is_for(&self, host: &str) -> bool {
        self.domains.is_empty() || self.domains.iter().any(|domain| covers(domain, host))
    }
}

/// Whether a name is that of a host, or `*.` and all of it but the first label.
fn covers(domain: &str, host: &str) -> bool {
    match domain.strip_prefix("*.") {
        None => domain.eq_ignore_ascii_case(host),
        Some(rest) => {
            host.split_once('.').is_some_and(|(_, parent)| parent.eq_ignore_ascii_case(rest))
        }
    }
}

fn certificates(text: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let certs: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    match certs {
        Ok(certs) if certs.is_empty() => {
            Err("has no certificate: it must be PEM, `-----BEGIN CERTIFICATE-----` and so on"
                .into())
        }
        Ok(certs) => Ok(certs),
        Err(error) => Err(format!("is no PEM: {error}")),
    }
}

fn identity(
    client: &ClientCertificate,
    provider: &CryptoProvider,
    index: usize,
) -> Result<Identity, Vec<TlsProblem>> {
    let cert =
        certificates(&client.cert).map_err(|what| TlsProblem::ClientCertificate { index, what });
    let key =
        private_key(&client.key, provider).map_err(|what| TlsProblem::ClientKey { index, what });
    let (cert, key) = match (cert, key) {
        (Ok(cert), Ok(key)) => (cert, key),
        (cert, key) => return Err(cert.err().into_iter().chain(key.err()).collect()),
    };
    let key = CertifiedKey::new(cert, key);
    match key.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {
            Ok(Identity { domains: client.domains.clone(), key: Arc::new(key) })
        }
        Err(rustls::Error::InconsistentKeys(_)) => {
            let what = "is not the key of the certificate".to_owned();
            Err(vec![TlsProblem::ClientKey { index, what }])
        }
        Err(error) => {
            let what = format!("cannot be used: {error}");
            Err(vec![TlsProblem::ClientCertificate { index, what }])
        }
    }
}

fn private_key(
    text: &str,
    provider: &CryptoProvider,
) -> Result<Arc<dyn rustls::sign::SigningKey>, String> {
    let key = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|error| match error {
        pem::Error::NoItemsFound if text.contains("ENCRYPTED") => {
            "is encrypted; write it in the clear with `openssl pkey -in FILE`".to_owned()
        }
        pem::Error::NoItemsFound => {
            "has no private key: it must be PEM, `-----BEGIN PRIVATE KEY-----` and so on".to_owned()
        }
        error => format!("is no PEM: {error}"),
    })?;
    // OpenSSL's older way of encrypting leaves the label as it is and says so in a header.
    if text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err("is encrypted; write it in the clear with `openssl pkey -in FILE`".to_owned());
    }
    provider
        .key_provider
        .load_private_key(key)
        .map_err(|error| format!("is no key that can be used: {error}"))
}
