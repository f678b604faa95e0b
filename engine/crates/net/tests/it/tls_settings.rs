//! What a run may not say of TLS, all at once.

use net::{ClientCertificate, Tls, TlsProblem, TlsSettings, TlsVersion};

use crate::tls_peer::Authority;

fn problems(settings: TlsSettings) -> Vec<TlsProblem> {
    Tls::new(settings).expect_err("there is something wrong")
}

#[test]
fn everything_that_is_wrong_is_told_with_its_place() {
    let authority = Authority::new("ours");
    let (one, other) = (authority.issue(&["one"]), authority.issue(&["other"]));
    let client = |cert: &str, key: &str| ClientCertificate {
        cert: cert.to_owned(),
        key: key.to_owned(),
        domains: Vec::new(),
    };
    let (cert, key) = (one.cert_pem(), one.key_pem());
    let encrypted = key.replace("PRIVATE", "ENCRYPTED PRIVATE");
    let told = problems(TlsSettings {
        roots: vec![authority.pem(), "no PEM".to_owned(), cert.replace("MII", "MIX")],
        client_certificates: vec![
            client(&cert, &key),
            client(&cert, &other.key_pem()),
            client(&key, &cert),
            client(&cert, &encrypted),
        ],
        min_version: TlsVersion::Tls13,
        max_version: Some(TlsVersion::Tls12),
        ..TlsSettings::default()
    });
    let told: Vec<_> = told
        .iter()
        .map(|problem| match problem {
            TlsProblem::Root { index, what } => format!("root {index} {what}"),
            TlsProblem::ClientCertificate { index, what } => format!("cert {index} {what}"),
            TlsProblem::ClientKey { index, what } => format!("key {index} {what}"),
            TlsProblem::Versions { .. } => problem.to_string(),
        })
        .collect();
    for (told, says) in told.iter().zip([
        "root 1 has no certificate: it must be PEM, `-----BEGIN CERTIFICATE-----` and so on",
        "root 2 has a certificate that cannot be used: ",
        "key 1 is not the key of the certificate",
        "cert 2 has no certificate: ",
        "key 2 has no private key: it must be PEM, `-----BEGIN PRIVATE KEY-----` and so on",
        "key 3 is encrypted; write it in the clear with `openssl pkey -in FILE`",
        "no version is left: the oldest is tls1.3, the newest tls1.2",
    ]) {
        assert!(told.starts_with(says), "{told}");
    }
    assert_eq!(told.len(), 7, "{told:#?}");
}

#[test]
fn keys_are_in_no_message() {
    let identity = Authority::new("ours").issue(&["one"]);
    let settings = TlsSettings {
        client_certificates: vec![identity.for_domains(&["a.test"])],
        ..TlsSettings::default()
    };
    let shown = format!("{settings:?} {:?}", settings.client_certificates);
    assert!(shown.contains("a.test") && !shown.contains("KEY"), "{shown}");
}
