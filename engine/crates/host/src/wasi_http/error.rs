//! Why there is no response, in the standard's words.

use wasmtime_wasi_http::p2::bindings::http::types::{
    DnsErrorPayload, ErrorCode, TlsAlertReceivedPayload,
};

use crate::uploads::Refusal;

/// The case for an exchange that ended without a response.
pub(super) fn of_exchange(error: net::Error) -> ErrorCode {
    match error {
        net::Error::NameNotResolved => {
            ErrorCode::DnsError(DnsErrorPayload { rcode: Some(error.to_string()), info_code: None })
        }
        net::Error::ConnectionRefused => ErrorCode::ConnectionRefused,
        net::Error::ConnectTimedOut => ErrorCode::ConnectionTimeout,
        net::Error::TimedOut => ErrorCode::HttpResponseTimeout,
        net::Error::ConnectionReset | net::Error::StreamReset(_) | net::Error::GoAway(_) => {
            ErrorCode::ConnectionTerminated
        }
        net::Error::ClosedEarly => ErrorCode::HttpResponseIncomplete,
        net::Error::MalformedResponse(_) | net::Error::NoHttp2 | net::Error::Http2(..) => {
            ErrorCode::HttpProtocolError
        }
        net::Error::BodyTooLarge(limit) => ErrorCode::HttpResponseBodySize(Some(limit as u64)),
        net::Error::Unreachable => ErrorCode::DestinationIpUnroutable,
        net::Error::TooManyOpenFiles
        | net::Error::OutOfPorts
        | net::Error::TooManyConnections(_) => ErrorCode::ConnectionLimitReached,
        net::Error::CertificateExpired
        | net::Error::CertificateNotYetValid
        | net::Error::CertificateForOtherHost(_)
        | net::Error::CertificateFromUnknownIssuer
        | net::Error::CertificateInvalid(_) => ErrorCode::TlsCertificateError,
        net::Error::ClientCertificateRefused(why) => {
            ErrorCode::TlsAlertReceived(TlsAlertReceivedPayload {
                alert_id: None,
                alert_message: Some(why),
            })
        }
        net::Error::NotTls | net::Error::Tls(_) => ErrorCode::TlsProtocolError,
        net::Error::NotAllowed(_) => ErrorCode::HttpRequestDenied,
        // The standard knows of no proxies between a component and the target.
        net::Error::ProxyUnreachable(_)
        | net::Error::ProxyRefused(_)
        | net::Error::ProxyWantsCredentials
        | net::Error::ProxyRefusedCredentials
        | net::Error::MalformedProxyAnswer(_)
        | net::Error::Other(_) => ErrorCode::InternalError(Some(error.to_string())),
    }
}

/// The case for a request that was not sent because of its body.
pub(super) fn of_refusal(refusal: Refusal) -> ErrorCode {
    match refusal {
        Refusal::TooLarge(length) => ErrorCode::HttpRequestBodySize(Some(length)),
        // There is room for none.
        Refusal::Trailers => ErrorCode::HttpRequestTrailerSectionSize(Some(0)),
        Refusal::Unfinished => ErrorCode::HttpProtocolError,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_its_case() {
        let text = || "why".to_owned();
        for (error, case) in [
            (
                net::Error::NameNotResolved,
                r#"DnsError(DnsErrorPayload { rcode: Some("name not resolved"), info-code: None })"#,
            ),
            (net::Error::ConnectionRefused, "ConnectionRefused"),
            (net::Error::ConnectTimedOut, "ConnectionTimeout"),
            (net::Error::TimedOut, "HttpResponseTimeout"),
            (net::Error::ConnectionReset, "ConnectionTerminated"),
            (net::Error::ClosedEarly, "HttpResponseIncomplete"),
            (net::Error::MalformedResponse(text()), "HttpProtocolError"),
            (net::Error::BodyTooLarge(7), "HttpResponseBodySize(Some(7))"),
            (net::Error::Unreachable, "DestinationIpUnroutable"),
            (net::Error::TooManyOpenFiles, "ConnectionLimitReached"),
            (net::Error::OutOfPorts, "ConnectionLimitReached"),
            (net::Error::CertificateExpired, "TlsCertificateError"),
            (net::Error::CertificateNotYetValid, "TlsCertificateError"),
            (net::Error::CertificateForOtherHost(text()), "TlsCertificateError"),
            (net::Error::CertificateFromUnknownIssuer, "TlsCertificateError"),
            (net::Error::CertificateInvalid(text()), "TlsCertificateError"),
            (
                net::Error::ClientCertificateRefused(text()),
                r#"TlsAlertReceived(TlsAlertReceivedPayload { alert-id: None, alert-message: Some("why") })"#,
            ),
            (net::Error::NotTls, "TlsProtocolError"),
            (net::Error::Tls(text()), "TlsProtocolError"),
            (net::Error::NotAllowed(text()), "HttpRequestDenied"),
            (
                net::Error::ProxyWantsCredentials,
                r#"InternalError(Some("the proxy wants a user name and a password; write them into its URL: `http://user:password@…`"))"#,
            ),
            (net::Error::Other(text()), r#"InternalError(Some("why"))"#),
        ] {
            let code = format!("{:?}", of_exchange(error.clone()));
            assert_eq!(code, format!("ErrorCode::{case}"), "{error:?}");
        }
    }

    #[test]
    fn every_refusal_has_its_case() {
        for (refusal, case) in [
            (Refusal::TooLarge(7), "HttpRequestBodySize(Some(7))"),
            (Refusal::Trailers, "HttpRequestTrailerSectionSize(Some(0))"),
            (Refusal::Unfinished, "HttpProtocolError"),
        ] {
            assert_eq!(format!("{:?}", of_refusal(refusal)), format!("ErrorCode::{case}"));
        }
    }
}
