//! TLS, as options ask for it and as a plan has it.
//!
//! Certificates and keys are texts here, and no file is named: a script's own options could name any. What the
//! texts say is read where TLS is spoken, and what is wrong with them is said there.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Problems;

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TlsVersion {
    /// TLS 1.2.
    #[serde(rename = "tls1.2")]
    Tls12,
    /// TLS 1.3.
    #[serde(rename = "tls1.3")]
    Tls13,
}

impl TlsVersion {
    const NAMES: [&str; 2] = ["tls1.2", "tls1.3"];
}

/// The versions of TLS that are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TlsVersionOptions {
    /// Only this one.
    #[schemars(with = "String", extend("enum" = TlsVersion::NAMES))]
    Only(TlsVersion),
    /// These.
    Range(TlsVersionRange),
}

/// The versions of TLS from one to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TlsVersionRange {
    /// The oldest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        with = "Option<String>",
        extend("enum" = TlsVersion::NAMES, "default" = "tls1.2")
    )]
    pub min: Option<TlsVersion>,
    /// The newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        with = "Option<String>",
        extend("enum" = TlsVersion::NAMES, "default" = "tls1.3")
    )]
    pub max: Option<TlsVersion>,
}

/// A certificate to show to servers that ask who is there, and its key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TlsAuthOptions {
    /// The certificate, and those that lead from it to its issuer, as PEM text.
    #[schemars(length(min = 1))]
    pub cert: String,
    /// Its private key as PEM text, not encrypted.
    #[schemars(length(min = 1))]
    pub key: String,
    /// The hosts that it is for, where `*.` at the start stands for one label; for all if it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domains: Option<Vec<String>>,
}

impl fmt::Debug for TlsAuthOptions {
    /// The key is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsAuthOptions").field("domains", &self.domains).finish_non_exhaustive()
    }
}

/// How TLS is spoken, with nothing left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsPlan {
    /// Whether every server's certificate is believed.
    pub insecure_skip_verify: bool,
    /// The oldest and the newest version that is spoken.
    pub versions: (TlsVersion, TlsVersion),
    /// Certificates to show to servers that ask who is there.
    pub auth: Vec<TlsAuthOptions>,
    /// Certificates of issuers to believe, beside those that the machine believes.
    pub roots: Vec<String>,
    /// Whether a VU goes on with the sessions it had.
    pub session_resumption: bool,
}

/// The oldest and the newest version.
pub(crate) fn versions(
    options: Option<TlsVersionOptions>,
    problems: &mut Problems,
) -> (TlsVersion, TlsVersion) {
    let (min, max) = match options {
        Some(TlsVersionOptions::Only(version)) => (version, version),
        Some(TlsVersionOptions::Range(TlsVersionRange { min, max })) => {
            (min.unwrap_or(TlsVersion::Tls12), max.unwrap_or(TlsVersion::Tls13))
        }
        None => (TlsVersion::Tls12, TlsVersion::Tls13),
    };
    if min > max {
        problems.push("tlsVersion", "must have a `min` that is not newer than its `max`");
    }
    (min, max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse_json;

    #[test]
    fn versions_are_one_or_a_range() {
        use TlsVersion::{Tls12, Tls13};
        for (options, versions) in [
            ("{}", (Tls12, Tls13)),
            (r#"{"tlsVersion":"tls1.2"}"#, (Tls12, Tls12)),
            (r#"{"tlsVersion":{"min":"tls1.3"}}"#, (Tls13, Tls13)),
            (r#"{"tlsVersion":{"min":"tls1.2","max":"tls1.3"}}"#, (Tls12, Tls13)),
            (r#"{"tlsVersion":{}}"#, (Tls12, Tls13)),
        ] {
            let plan = parse_json(options).unwrap().plan().unwrap();
            assert_eq!(plan.tls.versions, versions, "{options}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_said_with_its_place() {
        let options = r#"{
            "insecureSkipTLSVerify": "yes",
            "tlsVersion": "tls1.1",
            "tlsAuth": [{"cert":"","key":"k","password":"p"}, {"cert":"c"}],
            "tlsRoots": "a.pem"
        }"#;
        assert_eq!(
            parse_json(options).unwrap_err().to_string(),
            "insecureSkipTLSVerify: must be true or false, but is `yes`\n\
             tlsAuth[0].cert: must not be empty, but is ``\n\
             tlsAuth[0]: unknown key `password`\n\
             tlsAuth[1].key: is missing\n\
             tlsRoots: must be a list, but is `a.pem`\n\
             tlsVersion: must be `tls1.2` or `tls1.3`, but is `tls1.1`"
        );
        let options = r#"{"tlsVersion":{"min":"tls1.3","max":"tls1.2"}}"#;
        assert_eq!(
            parse_json(options).unwrap().plan().unwrap_err().to_string(),
            "tlsVersion: must have a `min` that is not newer than its `max`"
        );
    }

    #[test]
    fn a_layer_replaces_what_the_one_below_says_of_tls() {
        let upper = parse_json(r#"{"tlsRoots":["a"],"insecureSkipTLSVerify":false}"#).unwrap();
        let lower =
            r#"{"tlsRoots":["b"],"tlsSessionResumption":true,"insecureSkipTLSVerify":true}"#;
        let tls = upper.over(parse_json(lower).unwrap()).plan().unwrap().tls;
        assert_eq!((tls.roots, tls.session_resumption), (vec!["a".to_owned()], true));
        assert!(!tls.insecure_skip_verify);
    }
}
