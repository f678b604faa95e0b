//! Why the two sides did not agree on TLS.
//!
//! Its face is [`http`](crate::http) and [`websocket`](crate::websocket).

use crate::bindings::wasmload::script::types::TlsError;

/// What went wrong with TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlsErrorKind {
    /// The target's certificate has expired.
    CertificateExpired,
    /// The target's certificate is not valid yet.
    CertificateNotYetValid,
    /// The target's certificate is another host's.
    CertificateForOtherHost,
    /// Nobody that is believed has issued the target's certificate.
    CertificateFromUnknownIssuer,
    /// The target's certificate is no good for another reason.
    CertificateInvalid,
    /// The target does not accept the certificate it was shown, or that it was shown none.
    ClientCertificateRefused,
    /// The target speaks something else than TLS.
    NotTls,
    /// Anything else.
    Other,
}

pub(crate) fn kind(error: &TlsError) -> TlsErrorKind {
    match error {
        TlsError::CertificateExpired => TlsErrorKind::CertificateExpired,
        TlsError::CertificateNotYetValid => TlsErrorKind::CertificateNotYetValid,
        TlsError::CertificateForOtherHost(_) => TlsErrorKind::CertificateForOtherHost,
        TlsError::CertificateFromUnknownIssuer => TlsErrorKind::CertificateFromUnknownIssuer,
        TlsError::CertificateInvalid(_) => TlsErrorKind::CertificateInvalid,
        TlsError::ClientCertificateRefused(_) => TlsErrorKind::ClientCertificateRefused,
        TlsError::NotTls => TlsErrorKind::NotTls,
        TlsError::Other(_) => TlsErrorKind::Other,
    }
}

pub(crate) fn text(error: &TlsError) -> String {
    match error {
        TlsError::CertificateExpired => "the target's certificate has expired".into(),
        TlsError::CertificateNotYetValid => "the target's certificate is not valid yet".into(),
        TlsError::CertificateForOtherHost(whose) => {
            format!("the target's certificate is not for this host: {whose}")
        }
        TlsError::CertificateFromUnknownIssuer => {
            "the target's certificate is from an unknown issuer".into()
        }
        TlsError::CertificateInvalid(why) => {
            format!("the target's certificate is invalid: {why}")
        }
        TlsError::ClientCertificateRefused(why) => {
            format!("the target refused the client's certificate: {why}")
        }
        TlsError::NotTls => "the target does not speak TLS there".into(),
        TlsError::Other(why) => format!("TLS failed: {why}"),
    }
}
