//! From what a plan says of TLS to how it is spoken.

use net::{ClientCertificate, Tls, TlsProblem, TlsSettings};
use plan::{Plan, TlsVersion};

use crate::exit::ExitCode;
use crate::fault::Fault;

/// Reads all certificates and keys.
///
/// Fails with everything that is wrong with any of them.
pub(crate) fn tls(plan: &Plan) -> Result<Tls, Fault> {
    let (min, max) = plan.tls.versions;
    let client_certificate = |auth: &plan::TlsAuthOptions| ClientCertificate {
        cert: auth.cert.clone(),
        key: auth.key.clone(),
        domains: auth.domains.clone().unwrap_or_default(),
    };
    let settings = TlsSettings {
        insecure_skip_verify: plan.tls.insecure_skip_verify,
        min_version: version(min),
        max_version: Some(version(max)),
        roots: plan.tls.roots.clone(),
        client_certificates: plan.tls.auth.iter().map(client_certificate).collect(),
        resume_sessions: plan.tls.session_resumption,
        // The variable that browsers and curl know too. Whoever can set it can also read this process.
        log_keys: std::env::var_os("SSLKEYLOGFILE").is_some(),
    };
    Tls::new(settings).map_err(|problems| {
        let fault = Fault::new(ExitCode::InvalidConfig, "the options are invalid");
        problems.iter().fold(fault, |fault, problem| {
            let place = match problem {
                TlsProblem::Root { index, .. } => format!("tlsRoots[{index}]"),
                TlsProblem::ClientCertificate { index, .. } => format!("tlsAuth[{index}].cert"),
                TlsProblem::ClientKey { index, .. } => format!("tlsAuth[{index}].key"),
                TlsProblem::Versions { .. } => "tlsVersion".to_owned(),
            };
            fault.detail(format!("{place}: {problem}"))
        })
    })
}

fn version(version: TlsVersion) -> net::TlsVersion {
    match version {
        TlsVersion::Tls12 => net::TlsVersion::Tls12,
        TlsVersion::Tls13 => net::TlsVersion::Tls13,
    }
}
