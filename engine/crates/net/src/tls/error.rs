//! Why a connection by TLS was not made, or broke.

use std::io;

use rustls::{AlertDescription, CertificateError, InvalidMessage, PeerIncompatible};

use crate::error::Error;

/// What rustls says, by the names of this crate.
pub(crate) fn from_tls(error: &rustls::Error) -> Error {
    match error {
        rustls::Error::InvalidCertificate(why) => from_certificate(why),
        // What an answer in the clear looks like to someone who expects records.
        rustls::Error::InvalidMessage(
            InvalidMessage::InvalidContentType
            | InvalidMessage::UnknownProtocolVersion
            | InvalidMessage::MessageTooLarge
            | InvalidMessage::MessageTooShort
            | InvalidMessage::InvalidEmptyPayload,
        ) => Error::NotTls,
        rustls::Error::AlertReceived(alert) => from_alert(*alert),
        rustls::Error::PeerIncompatible(
            PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::ServerDoesNotSupportTls12Or13,
        ) => Error::Tls("the server speaks none of the versions that are allowed".to_owned()),
        other => Error::Tls(other.to_string()),
    }
}

/// Whether a server breaks off because it speaks nothing of what it was offered beside TLS.
pub(crate) fn refuses_protocols(error: &io::Error) -> bool {
    let refusal = rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol);
    error.get_ref().and_then(|inner| inner.downcast_ref()) == Some(&refusal)
}

fn from_certificate(why: &CertificateError) -> Error {
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            Error::CertificateExpired
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            Error::CertificateNotYetValid
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            let expected = expected.to_str();
            Error::CertificateForOtherHost(match presented.as_slice() {
                [] => format!("it names no host at all, so not `{expected}` either"),
                names => format!("it is for {}, not for {expected}", listed(names)),
            })
        }
        CertificateError::NotValidForName => {
            Error::CertificateForOtherHost("it is for another".to_owned())
        }
        CertificateError::UnknownIssuer => Error::CertificateFromUnknownIssuer,
        // A certificate that `openssl req -x509` makes: nothing but the text tells it from other reasons.
        CertificateError::Other(why) if why.to_string().contains("CaUsedAsEndEntity") => {
            let what = "it is an issuer's own (`CA:TRUE`), which no server's may be";
            Error::CertificateInvalid(what.to_owned())
        }
        other => Error::CertificateInvalid(other.to_string()),
    }
}

/// A few names of a certificate, which come as `DnsName("a.test")`.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown = names.iter().take(SHOWN).map(|name| name.split('"').nth(1).unwrap_or(name));
    let listed = shown.collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => listed,
        more => format!("{listed} and {more} more"),
    }
}

/// What the peer says before it breaks off. Of all that it may mean, only what it thinks of our certificate
/// can be told apart: servers say `handshake_failure` to nearly everything else.
fn from_alert(alert: AlertDescription) -> Error {
    let what = match alert {
        AlertDescription::CertificateRequired => "it wants one and got none",
        AlertDescription::NoCertificate => "it got none",
        AlertDescription::BadCertificate => "it is invalid",
        AlertDescription::UnsupportedCertificate => "it is of a kind that is not supported",
        AlertDescription::CertificateRevoked => "it was revoked",
        AlertDescription::CertificateExpired => "it has expired",
        AlertDescription::CertificateUnknown => "it is not acceptable",
        AlertDescription::UnknownCA => "its issuer is not known there",
        AlertDescription::AccessDenied => "it gives no access",
        AlertDescription::ProtocolVersion => {
            let what = "the server speaks none of the versions that are allowed";
            return Error::Tls(what.to_owned());
        }
        AlertDescription::UnrecognisedName => {
            return Error::Tls("the server knows no such host".to_owned());
        }
        AlertDescription::NoApplicationProtocol => {
            let what = "the server speaks none of the protocols that it was offered";
            return Error::Tls(what.to_owned());
        }
        other => return Error::Tls(format!("the server broke off with the alert {other:?}")),
    };
    Error::ClientCertificateRefused(what.to_owned())
}
