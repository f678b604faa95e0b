//! What a script says it wants, so that whoever runs it can see it before anything runs, and grant it or not.
//!
//! Only the script itself says so, in its own options. Whether it gets it is decided elsewhere.

use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::problems::{element_of, key_of, shown};
use crate::{MAX_RATE, NetGrant, Problems, check, pattern, problems, read, schema};

/// What a script says it wants. One that says so gets no more, even where more is allowed; this machine and the host
/// of a `BASE_URL` that whoever runs it gives are always among it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WantsOptions {
    /// The places that it connects to: `api.example.com:443`, `*.example.com`, `10.0.0.0/8`. None if it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub net: Option<Vec<String>>,

    /// The methods of its requests, in capitals. Any if it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("items" = { "type": "string", "pattern": pattern::METHOD.regex }))]
    pub methods: Option<Vec<String>>,

    /// The variables that it reads from its environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("items" = { "type": "string", "pattern": pattern::ENV_NAME.regex }))]
    pub env: Option<Vec<String>>,

    /// The datasets that it opens.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("items" = { "type": "string", "pattern": pattern::DATASET_NAME.regex }))]
    pub datasets: Option<Vec<String>>,

    /// The files that it sends.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("items" = { "type": "string", "pattern": pattern::DATASET_NAME.regex }))]
    pub files: Option<Vec<String>>,

    /// The secrets that it reads, by their names.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("items" = { "type": "string", "pattern": pattern::DATASET_NAME.regex }))]
    pub secrets: Option<Vec<String>>,

    /// The most requests a second of all VUs together: a promise, which is kept like `rps`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MAX_RATE))]
    pub rps: Option<u32>,
}

/// What a script wants, with nothing left open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// The places that it connects to.
    pub net: Vec<NetGrant>,
    /// The methods of its requests; any if it does not say.
    pub methods: Option<Vec<String>>,
    /// The variables that it reads.
    pub env: Vec<String>,
    /// The datasets that it opens.
    pub datasets: Vec<String>,
    /// The files that it sends.
    pub files: Vec<String>,
    /// The secrets that it reads.
    pub secrets: Vec<String>,
    /// The most requests a second.
    pub rps: Option<NonZeroU32>,
}

impl WantsOptions {
    /// Reads what a component carries beside its code: the JSON of the key `wants`.
    ///
    /// Fails with everything that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Problems> {
        let mut value = read::json_value(text)?;
        let mut problems = Problems::default();
        check::check_by(&mut value, &schema::SCHEMA["properties"]["wants"], &mut problems);
        problems.or(())?;
        serde_json::from_value(value)
            .map_err(|error| Problems::of_all(problems::message(&error.to_string())))
    }

    /// What they come to. Problems have paths from `path` on.
    pub fn read(&self, path: &str, problems: &mut Problems) -> Wants {
        let net =
            net_grants(self.net.as_deref().unwrap_or_default(), &key_of(path, "net"), problems);
        let list = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
        Wants {
            net,
            methods: self.methods.clone(),
            env: list(&self.env),
            datasets: list(&self.datasets),
            files: list(&self.files),
            secrets: list(&self.secrets),
            rps: self.rps.and_then(NonZeroU32::new),
        }
    }

    /// The JSON of the key `wants`, as a component carries it.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Lists of texts and a number: it cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The places of a list.
pub(crate) fn net_grants(list: &[String], path: &str, problems: &mut Problems) -> Vec<NetGrant> {
    let mut grants = Vec::new();
    for (place, text) in list.iter().enumerate() {
        match NetGrant::parse(text) {
            Ok(grant) => grants.push(grant),
            Err(why) => {
                problems.push(element_of(path, place), format!("{why}, but is `{}`", shown(text)));
            }
        }
    }
    grants
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, parse_json};

    #[test]
    fn a_script_says_what_it_wants_and_the_plan_has_it() {
        let options = parse_json(
            r#"{ "rps": 50, "wants": { "net": ["api.example.com:443", "10.0.0.0/8"], "methods": ["GET"],
                "env": ["TOKEN"], "datasets": ["users"], "files": ["avatar"], "secrets": ["API_KEY"], "rps": 100 } }"#,
        )
        .unwrap();
        let plan = options.plan().unwrap();
        let wants = plan.wants.expect("it says so");
        let net: Vec<String> = wants.net.iter().map(ToString::to_string).collect();
        assert_eq!(net, ["api.example.com:443", "10.0.0.0/8"]);
        assert_eq!(wants.methods, Some(vec!["GET".to_owned()]));
        assert_eq!(
            (&*wants.env, &*wants.secrets),
            (&["TOKEN".to_owned()][..], &["API_KEY".to_owned()][..])
        );
        assert_eq!(Options::default().plan().unwrap().wants, None);
    }

    #[test]
    fn the_lower_of_a_promised_and_a_given_rate_stands() {
        for (options, rps) in [
            (r#"{ "rps": 50, "wants": { "rps": 100 } }"#, Some(50)),
            (r#"{ "rps": 100, "wants": { "rps": 50 } }"#, Some(50)),
            (r#"{ "wants": { "rps": 50 } }"#, Some(50)),
            (r#"{ "rps": 50, "wants": {} }"#, Some(50)),
            (r#"{ "wants": {} }"#, None),
        ] {
            let plan = parse_json(options).unwrap().plan().unwrap();
            assert_eq!(plan.rps.map(NonZeroU32::get), rps, "{options}");
        }
        let flags = Options { rps: Some(100), ..Options::default() };
        let script = parse_json(r#"{ "wants": { "rps": 50 } }"#).unwrap();
        assert_eq!(flags.over(script).plan().unwrap().rps.map(NonZeroU32::get), Some(50));
    }

    #[test]
    fn all_that_is_wrong_with_wants_is_said_at_once() {
        let options = r#"{ "wants": { "net": ["ok.test", "10.0.0.7/8", ""], "methods": ["get"], "env": ["A-B"],
            "datasets": ["a b"], "rps": 0, "sockets": true } }"#;
        assert_eq!(
            parse_json(options).unwrap_err().to_string(),
            "wants.datasets[0]: must be a name of letters, digits, `_` and `-`, but is `a b`\n\
             wants.env[0]: must be a name of letters, digits and `_` that does not start with a digit, but is `A-B`\n\
             wants.methods[0]: must be a method in capitals, such as `GET`, but is `get`\n\
             wants.rps: must be at least 1, but is 0\n\
             wants: unknown key `sockets`"
        );
        let options = r#"{ "wants": { "net": ["ok.test", "10.0.0.7/8", ""] } }"#;
        assert_eq!(
            parse_json(options).unwrap().plan().unwrap_err().to_string(),
            "wants.net[1]: must be a network or an address: the network is `10.0.0.0/8`, the address alone `10.0.0.7`, \
             but is `10.0.0.7/8`\n\
             wants.net[2]: must not be empty: it covers nothing, but is ``"
        );
    }

    #[test]
    fn what_a_component_carries_is_read_by_the_same_rules() {
        let wants = r#"{"net":["a.test:443"],"rps":5}"#;
        assert_eq!(WantsOptions::parse(wants).unwrap().to_json(), wants);
        for (text, why) in [
            ("", "not JSON"),
            ("[]", "must be an object, but is a list"),
            (r#"{"nets":[]}"#, "unknown key `nets`; did you mean `net`?"),
            (r#"{"net":"a.test"}"#, "net: must be a list, but is `a.test`"),
        ] {
            let problems = WantsOptions::parse(text).unwrap_err().to_string();
            assert!(problems.contains(why), "{text}: {problems}");
        }
    }
}
