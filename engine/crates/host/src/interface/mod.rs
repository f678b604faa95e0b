//! The contract's interfaces, one file each, implemented on a VU's state.

pub(crate) mod checks;
pub(crate) mod context;
pub(crate) mod dataset;
pub(crate) mod http;
pub(crate) mod log;
pub(crate) mod metrics;
pub(crate) mod sse;
pub(crate) mod timing;
pub(crate) mod websocket;

use crate::bindings::wasmload::script::types::{self, TlsError};
use crate::state::VuState;

impl types::Host for VuState {}

/// What went wrong with TLS, if that is what an error is of.
fn tls_error(error: &net::Error) -> Option<TlsError> {
    Some(match error {
        net::Error::CertificateExpired => TlsError::CertificateExpired,
        net::Error::CertificateNotYetValid => TlsError::CertificateNotYetValid,
        net::Error::CertificateForOtherHost(whose) => {
            TlsError::CertificateForOtherHost(whose.clone())
        }
        net::Error::CertificateFromUnknownIssuer => TlsError::CertificateFromUnknownIssuer,
        net::Error::CertificateInvalid(why) => TlsError::CertificateInvalid(why.clone()),
        net::Error::ClientCertificateRefused(why) => {
            TlsError::ClientCertificateRefused(why.clone())
        }
        net::Error::NotTls => TlsError::NotTls,
        net::Error::Tls(why) => TlsError::Other(why.clone()),
        _ => return None,
    })
}
