//! What whoever runs scripts allows them: grants, as a policy file and flags have them.
//!
//! Nothing is enforced here. Where connections are made, the network is; files and variables are handed out by who
//! assembles a run.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::wants::net_grants;
use crate::{MAX_RATE, MAX_VUS, NetGrant, Problems, check, pattern, problems, read, schema};

/// A policy, as its file has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(
    title = "wasmload policy",
    description = "What scripts are allowed. What is left out is not; `null` is as left out."
)]
pub struct PolicyOptions {
    /// Where an editor finds the schema of this file. Of no meaning to the run.
    #[serde(rename = "$schema")]
    pub schema: Option<String>,

    /// Whether everything is allowed: all hosts but for link-local addresses and those at which clouds tell their
    /// machines secrets, which `net` must name; all files; and all variables that a script says it wants.
    #[schemars(extend("default" = false))]
    pub all: Option<bool>,

    /// The places that may be connected to: `api.example.com:443`, `*.example.com`, `10.0.0.0/8`, `[::1]:8080`, `*`.
    pub net: Option<Vec<String>>,

    /// The methods that requests may have, in capitals. Any if it is left out.
    #[schemars(length(min = 1), extend("items" = { "type": "string", "pattern": pattern::METHOD.regex }))]
    pub methods: Option<Vec<String>>,

    /// The variables of the engine's own environment that are handed to scripts, as if by `--env`.
    #[schemars(extend("items" = { "type": "string", "pattern": pattern::ENV_NAME.regex }))]
    pub env: Option<Vec<String>>,

    /// Files that a script's own options may name, and folders in which they may, from the folder of this file.
    #[schemars(extend("items" = { "type": "string", "minLength": 1 }))]
    pub read: Option<Vec<String>>,

    /// Whether this machine may be connected to without being named.
    #[schemars(extend("default" = true))]
    pub loopback: Option<bool>,

    /// How much of it one host gets at most, whatever a script asks for.
    pub per_host: Option<PerHostOptions>,
}

/// How much of a run one host gets at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PerHostOptions {
    /// How many requests a second all VUs together may begin to one host; the others wait for their turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MAX_RATE))]
    pub rps: Option<u32>,

    /// How many connections all VUs together may have to one host; requests that need another wait for one to end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MAX_VUS))]
    pub connections: Option<u32>,
}

/// How much of a run one host gets at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerHost {
    /// How many requests a second.
    pub rps: Option<NonZeroU32>,
    /// How many connections at once.
    pub connections: Option<NonZeroU32>,
}

/// What is allowed, with nothing left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grants {
    /// Whether everything is, but for addresses that must be named.
    pub all: bool,
    /// The places that may be connected to.
    pub net: Vec<NetGrant>,
    /// The methods that requests may have; any if it is not said.
    pub methods: Option<Vec<String>>,
    /// The variables that are handed to scripts.
    pub env: BTreeSet<String>,
    /// Files and folders of files that a script's own options may name.
    pub read: Vec<String>,
    /// Whether this machine may be connected to without being named.
    pub loopback: bool,
    /// How much of it one host gets at most.
    pub per_host: PerHost,
}

impl Default for Grants {
    /// This machine, and nothing else.
    fn default() -> Self {
        Self {
            all: false,
            net: Vec::new(),
            methods: None,
            env: BTreeSet::new(),
            read: Vec::new(),
            loopback: true,
            per_host: PerHost::default(),
        }
    }
}

impl Grants {
    /// These and others: what either allows is allowed, and of two limits the lower stands.
    ///
    /// Fails where they contradict each other.
    pub fn and(self, other: Self) -> Result<Self, Problems> {
        let methods = match (self.methods, other.methods) {
            (Some(mut methods), Some(others)) => {
                methods.extend(
                    others.into_iter().filter(|other| !methods.contains(other)).collect::<Vec<_>>(),
                );
                Some(methods)
            }
            (methods, others) => methods.or(others),
        };
        let lower = |one: Option<NonZeroU32>, other: Option<NonZeroU32>| match (one, other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        let both = Self {
            all: self.all || other.all,
            net: [self.net, other.net].concat(),
            methods,
            env: self.env.into_iter().chain(other.env).collect(),
            read: [self.read, other.read].concat(),
            loopback: self.loopback && other.loopback,
            per_host: PerHost {
                rps: lower(self.per_host.rps, other.per_host.rps),
                connections: lower(self.per_host.connections, other.per_host.connections),
            },
        };
        let mut problems = Problems::default();
        both.check(&mut problems);
        problems.or(both)
    }

    fn check(&self, problems: &mut Problems) {
        for (key, contradicts) in
            [("methods", self.methods.is_some()), ("loopback", !self.loopback)]
        {
            if self.all && contradicts {
                problems.push(key, "contradicts `all`, which allows everything");
            }
        }
    }

    /// These, with paths as seen from elsewhere: where one is not absolute, it begins at this folder.
    #[must_use]
    pub fn with_files_in(mut self, folder: &Path) -> Self {
        for path in &mut self.read {
            *path = folder.join(&*path).to_string_lossy().into_owned();
        }
        self
    }
}

/// Reads a policy from JSON.
///
/// Fails with where the text stops being JSON, or else with all that is wrong with it at once.
pub fn parse_policy_json(text: &str) -> Result<Grants, Problems> {
    grants(read::json_value(text)?)
}

/// Reads a policy from TOML.
///
/// Fails with where the text stops being TOML, or else with all that is wrong with it at once.
pub fn parse_policy_toml(text: &str) -> Result<Grants, Problems> {
    grants(read::toml_value(text)?)
}

fn grants(mut value: Value) -> Result<Grants, Problems> {
    let mut problems = Problems::default();
    check::check_by(&mut value, &SCHEMA, &mut problems);
    // Of what is a list of texts, the texts are looked at all the same.
    let texts = |value: &Value| -> Option<Vec<String>> {
        value.as_array()?.iter().map(|text| text.as_str().map(ToOwned::to_owned)).collect()
    };
    let net = value.get("net").and_then(texts).unwrap_or_default();
    let net = net_grants(&net, "net", &mut problems);
    let options: PolicyOptions = match serde_json::from_value(value) {
        Ok(options) => options,
        Err(error) if problems.is_empty() => {
            return Err(Problems::of_all(problems::message(&error.to_string())));
        }
        Err(_) => return Err(problems),
    };
    let per_host = options.per_host.unwrap_or_default();
    let grants = Grants {
        all: options.all.unwrap_or(false),
        net,
        methods: options.methods,
        env: options.env.unwrap_or_default().into_iter().collect(),
        read: options.read.unwrap_or_default(),
        loopback: options.loopback.unwrap_or(true),
        per_host: PerHost {
            rps: per_host.rps.and_then(NonZeroU32::new),
            connections: per_host.connections.and_then(NonZeroU32::new),
        },
    };
    grants.check(&mut problems);
    problems.or(grants)
}

/// Returns the JSON Schema (draft 2020-12) of a policy, whether in JSON or in TOML.
///
/// The committed copy is `policy.schema.json`, beside this crate's manifest.
pub fn policy_schema() -> Value {
    SCHEMA.clone()
}

static SCHEMA: LazyLock<Value> = LazyLock::new(schema::of::<PolicyOptions>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_says_what_is_allowed_and_the_rest_is_not() {
        assert_eq!(parse_policy_json("{}").unwrap(), Grants::default());
        let grants = parse_policy_toml(
            "net = ['*.example.com:443', '10.0.0.0/8']\nmethods = ['GET', 'HEAD']\nenv = ['TOKEN']\n\
             read = ['data', '/srv/files']\nloopback = false\nperHost = { rps = 50, connections = 10 }",
        )
        .unwrap()
        .with_files_in(Path::new("policies"));
        let net: Vec<String> = grants.net.iter().map(ToString::to_string).collect();
        assert_eq!(net, ["*.example.com:443", "10.0.0.0/8"]);
        assert_eq!(grants.methods.as_deref(), Some(&["GET".to_owned(), "HEAD".to_owned()][..]));
        assert_eq!(grants.env, BTreeSet::from(["TOKEN".to_owned()]));
        assert_eq!(grants.read, ["policies/data", "/srv/files"]);
        assert!(!grants.loopback && !grants.all);
        assert_eq!(grants.per_host.rps, NonZeroU32::new(50));
        assert_eq!(grants.per_host.connections, NonZeroU32::new(10));
    }

    #[test]
    fn all_that_is_wrong_with_a_policy_is_said_at_once() {
        let text = r#"{ "nett": [], "net": ["10.0.0.0/40", "*."], "methods": [], "perHost": { "rsp": 5, "rps": 0 },
            "loopback": "no" }"#;
        assert_eq!(
            parse_policy_json(text).unwrap_err().to_string(),
            "loopback: must be true or false, but is `no`\n\
             methods: must not be empty\n\
             unknown key `nett`; did you mean `net`?\n\
             perHost.rps: must be at least 1, but is 0\n\
             perHost: unknown key `rsp`; did you mean `rps`?\n\
             net[0]: must have at most 32 bits behind the `/`, but is `10.0.0.0/40`\n\
             net[1]: covers nothing: `*` stands for all hosts, or with a dot before a name for those below it, but is \
             `*.`"
        );
        assert!(parse_policy_toml("net = ").unwrap_err().to_string().starts_with("not TOML"));
        assert!(parse_policy_json("").unwrap_err().to_string().starts_with("not JSON"));
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for (text, key) in [
            (r#"{ "all": true, "methods": ["GET"] }"#, "methods"),
            (r#"{ "all": true, "loopback": false }"#, "loopback"),
        ] {
            let told = parse_policy_json(text).unwrap_err().to_string();
            assert_eq!(told, format!("{key}: contradicts `all`, which allows everything"));
        }
        let all = Grants { all: true, ..Grants::default() };
        let some = Grants { methods: Some(vec!["GET".to_owned()]), ..Grants::default() };
        assert!(all.and(some).is_err());
        // Some addresses are not among all.
        assert!(parse_policy_json(r#"{ "all": true, "net": ["169.254.169.254"] }"#).is_ok());
    }

    #[test]
    fn flags_add_to_a_policy_and_the_lower_limit_stands() {
        let policy = r#"{ "net": ["a.test"], "methods": ["GET"], "perHost": { "rps": 5, "connections": 9 } }"#;
        let flags = r#"{ "net": ["b.test"], "methods": ["GET", "POST"], "env": ["A"], "perHost": { "rps": 9 } }"#;
        let both =
            parse_policy_json(policy).unwrap().and(parse_policy_json(flags).unwrap()).unwrap();
        assert_eq!(both.net.len(), 2);
        assert_eq!(both.methods.unwrap(), ["GET", "POST"]);
        assert_eq!(both.per_host.rps, NonZeroU32::new(5));
        assert_eq!(both.per_host.connections, NonZeroU32::new(9));
        assert!(both.env.contains("A"));
    }
}
