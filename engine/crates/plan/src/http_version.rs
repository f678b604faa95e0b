//! Which version of HTTP is spoken, as options ask for it and as a plan has it.

use serde::{Deserialize, Serialize};

/// The version of HTTP that requests are made with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum HttpVersion {
    /// By TLS what the server chooses of HTTP/2 and HTTP/1.1, in the clear HTTP/1.1.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// HTTP/1.1.
    #[serde(rename = "1.1")]
    Http11,
    /// HTTP/2, in the clear without asking whether the server speaks it.
    #[serde(rename = "2")]
    Http2,
}

impl HttpVersion {
    pub(crate) const NAMES: [&str; 3] = ["auto", "1.1", "2"];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse_json;

    #[test]
    fn the_version_is_the_servers_choice_unless_the_run_or_a_scenario_says_it() {
        for (options, of_run, of_scenario) in [
            ("{}", HttpVersion::Auto, None),
            (r#"{"httpVersion":"auto"}"#, HttpVersion::Auto, None),
            (r#"{"httpVersion":"1.1"}"#, HttpVersion::Http11, None),
            (r#"{"httpVersion":"2"}"#, HttpVersion::Http2, None),
            (
                r#"{"httpVersion":"2","scenarios":{"a":{"executor":"constant-vus","duration":"1s",
                    "options":{"httpVersion":"1.1"}}}}"#,
                HttpVersion::Http2,
                Some(HttpVersion::Http11),
            ),
            (
                r#"{"httpVersion":"2","scenarios":{"a":{"executor":"constant-vus","duration":"1s",
                    "options":{"maxRedirects":1}}}}"#,
                HttpVersion::Http2,
                Some(HttpVersion::Http2),
            ),
        ] {
            let plan = parse_json(options).unwrap().plan().unwrap();
            assert_eq!(plan.requests.http_version, of_run, "{options}");
            let own = plan.scenarios[0].requests.as_ref().map(|own| own.http_version);
            assert_eq!(own, of_scenario, "{options}");
        }
    }

    #[test]
    fn another_version_is_refused_with_those_there_are() {
        for (given, shown) in [("\"3\"", "is `3`"), ("2", "is 2"), ("\"http2\"", "is `http2`")] {
            let problems = parse_json(&format!(r#"{{"httpVersion":{given}}}"#)).unwrap_err();
            let told = problems.to_string();
            assert!(told.starts_with("httpVersion: must be "), "{told}");
            assert!(told.ends_with(shown), "{told}");
        }
    }
}
