//! What must not be shown: the values of what is named like a secret, in headers, queries, forms and JSON.
//!
//! A name is all there is to go by. What is secret and has a harmless name is shown; so is a body that is none of
//! these.

use std::borrow::Cow;

use serde_json::Value;

use crate::exchanged::{Exchanged, Message};

/// What stands in the place of a secret.
pub(crate) const REDACTED: &str = "[redacted]";

/// Headers that are secrets, whole.
const HEADERS: [&str; 5] =
    ["authorization", "cookie", "proxy-authorization", "set-cookie", "www-authenticate"];

/// Parts of names that make a secret of what is named.
const PARTS: [&str; 11] = [
    "assertion",
    "auth",
    "credential",
    "jwt",
    "passphrase",
    "passwd",
    "password",
    "secret",
    "session",
    "signature",
    "token",
];
/// Names that do so only when they stand alone.
const WHOLE: [&str; 8] = ["code", "otp", "pass", "pin", "pwd", "samlresponse", "sid", "sig"];

/// Whether a name is that of a secret.
pub(crate) fn is_secret(name: &str) -> bool {
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    WHOLE.contains(&&*plain)
        || plain.ends_with("key")
        || PARTS.iter().any(|part| plain.contains(part))
}

/// Whether the value of a header is a secret, whole.
pub(crate) fn is_secret_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    HEADERS.contains(&name.as_str()) || is_secret(&name)
}

impl Exchanged {
    /// Takes out what is named like a secret.
    #[must_use]
    pub fn without_secrets(mut self) -> Self {
        self.url = url(&self.url).into_owned();
        redact(&mut self.request);
        match &mut self.outcome {
            Ok(answer) => redact(&mut answer.message),
            // It may name where it was led to.
            Err(why) => {
                let shown: Vec<_> = why.split(' ').map(url).collect();
                *why = shown.join(" ");
            }
        }
        self
    }
}

fn redact(message: &mut Message) {
    let kind = message.header("content-type").unwrap_or_default().to_ascii_lowercase();
    for (name, value) in &mut message.headers {
        let name = name.to_ascii_lowercase();
        if is_secret_header(&name) {
            *value = shown_of(value);
        } else if name == "location" || name == "referer" {
            *value = url(value).into_owned();
        }
    }
    let is_text = str::from_utf8(&message.body).is_ok();
    let text = &*String::from_utf8_lossy(&message.body).into_owned();
    let has_names = kind.contains("json") || kind.contains("form");
    if !is_text {
        // What is no text as a whole may have a secret in it all the same.
        if has_names && mentions_secret(text) {
            message.body = REDACTED.as_bytes().to_vec();
        }
    } else if kind.contains("json") {
        if let Ok(mut json) = serde_json::from_str(text)
            && redact_json(&mut json)
        {
            message.body = json.to_string().into_bytes();
        } else if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err()
            && mentions_secret(text)
        {
            // Half of a JSON text, say: what is secret in it cannot be told from what is not.
            message.body = REDACTED.as_bytes().to_vec();
        }
    } else if kind.starts_with("application/x-www-form-urlencoded") {
        message.body = pairs(text).into_owned().into_bytes();
    } else if kind.starts_with("multipart/") && mentions_secret(text) {
        message.body = REDACTED.as_bytes().to_vec();
    }
}

/// Which scheme a header has is no secret, nor which names its cookies have.
fn shown_of(value: &str) -> String {
    match value.split_once([' ', '=']) {
        Some((first, _)) => format!("{first}{}{REDACTED}", &value[first.len()..=first.len()]),
        None => REDACTED.to_owned(),
    }
}

fn mentions_secret(text: &str) -> bool {
    text.split(|char: char| !char.is_ascii_alphanumeric() && char != '_' && char != '-')
        .any(is_secret)
}

/// A URL whose query and fragment have no secrets.
pub(crate) fn url(url: &str) -> Cow<'_, str> {
    match url.split_once(['?', '#']) {
        None => url.into(),
        Some((before, rest)) => {
            let mark = &url[before.len()..=before.len()];
            let (query, fragment) = rest.split_once('#').unwrap_or((rest, ""));
            let hash = if rest.contains('#') { "#" } else { "" };
            format!("{before}{mark}{}{hash}{}", pairs(query), pairs(fragment)).into()
        }
    }
}

/// Names and values as a query and a form have them.
fn pairs(text: &str) -> Cow<'_, str> {
    let is_plain = |pair: &str| pair.split_once('=').is_none_or(|(name, _)| !is_secret(name));
    if text.split('&').all(is_plain) {
        return text.into();
    }
    let shown: Vec<Cow<'_, str>> = text
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, _)) if is_secret(name) => format!("{name}={REDACTED}").into(),
            _ => pair.into(),
        })
        .collect();
    shown.join("&").into()
}

/// Whether there was any secret. None is left, so this does not end with the first.
fn redact_json(json: &mut Value) -> bool {
    let mut any = false;
    match json {
        Value::Object(map) => {
            for (name, value) in map {
                // A number under such a name is one of them: `max_tokens`, but not a `pin`.
                let is_count = value.is_number() && name.to_ascii_lowercase().ends_with("tokens");
                if is_secret(name) && !is_count && !value.is_null() {
                    *value = REDACTED.into();
                    any = true;
                } else {
                    any |= redact_json(value);
                }
            }
        }
        Value::Array(values) => {
            for value in values {
                any |= redact_json(value);
            }
        }
        _ => {}
    }
    any
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::exchanged::{Answer, Phases};

    fn message(headers: &[(&str, &str)], body: &str) -> Message {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Message {
            headers: headers.iter().map(own).collect(),
            body: body.as_bytes().to_vec(),
            length: body.len() as u64,
        }
    }

    /// A login, with secrets wherever there can be some.
    pub(crate) fn login() -> Exchanged {
        let json = ("content-type", "application/json");
        let millis = Duration::from_millis;
        Exchanged {
            vu: 1,
            scenario: "default".to_owned(),
            started: SystemTime::UNIX_EPOCH + Duration::from_millis(1_763_740_800_250),
            method: "POST".to_owned(),
            url: "https://shop.test/login?next=%2F&api_key=s3cret".to_owned(),
            proto: "HTTP/1.1".to_owned(),
            request: message(
                &[json, ("Authorization", "Basic YWRhOnMzY3JldA=="), ("cookie", "sid=s3cret")],
                r#"{"user":"ada","password":"s3cret"}"#,
            ),
            outcome: Ok(Answer {
                status: 200,
                message: message(
                    &[json, ("set-cookie", "sid=s3cret; Path=/"), ("x-request-id", "7")],
                    r#"{"token":"s3cret","name":"Ada"}"#,
                ),
            }),
            phases: Phases {
                connecting: millis(1),
                sending: millis(2),
                waiting: millis(30),
                receiving: millis(4),
                ..Phases::default()
            },
            wire: (300, 200),
            remote: Some("127.0.0.1:443".to_owned()),
        }
    }

    #[test]
    fn a_login_is_shown_without_what_nobody_else_should_know() {
        let shown = crate::http_debug::text(login(), true);
        assert!(!shown.contains("s3cret") && !shown.contains("YWRh"), "{shown}");
        for kept in ["ada", "Ada", "next=%2F", "Basic [redacted]", "sid=[redacted]", "x-request-id"]
        {
            assert!(shown.contains(kept), "{kept}: {shown}");
        }
    }

    #[test]
    fn where_a_response_leads_is_shown_without_secrets() {
        for (location, shown) in [
            (
                "https://app.test/cb#access_token=s3cret&x=1",
                "https://app.test/cb#access_token=[redacted]&x=1",
            ),
            ("/cb?x=1&code=s3cret#token=s3cret", "/cb?x=1&code=[redacted]#token=[redacted]"),
            ("/plain#top", "/plain#top"),
        ] {
            let mut led = message(&[("Location", location)], "");
            redact(&mut led);
            assert_eq!(led.headers[0].1, shown);
        }
        let why =
            "malformed response: it redirects to `myapp://cb?code=s3cret`: its scheme is neither"
                .to_owned();
        let failed = Exchanged { outcome: Err(why), ..login() }.without_secrets();
        assert!(!failed.outcome.unwrap_err().contains("s3cret"));
    }

    #[test]
    fn a_body_that_is_not_all_text_hides_no_secret() {
        let mut form = message(&[("content-type", "multipart/form-data; boundary=x")], "");
        form.body =
            b"--x name=\"password\"\r\n\r\ns3cret\r\n--x name=\"photo\"\r\n\r\n\xff\xd8".to_vec();
        redact(&mut form);
        assert_eq!(form.body, REDACTED.as_bytes());
    }

    #[test]
    fn a_name_says_whether_its_value_is_a_secret() {
        for (name, secret) in [
            ("password", true),
            ("X-Api-Key", true),
            ("x_api_key", true),
            ("accessToken", true),
            ("client-secret", true),
            ("sig", true),
            ("X-Amz-Signature", true),
            ("key", true),
            ("keyboard", false),
            ("Ocp-Apim-Subscription-Key", true),
            ("client_assertion", true),
            ("refresh_tokens", true),
            ("user", false),
            ("decoded", false),
        ] {
            assert_eq!(is_secret(name), secret, "{name}");
        }
    }

    #[test]
    fn bodies_are_looked_through_as_what_they_are() {
        let json = "application/json; charset=utf-8";
        let form = "application/x-www-form-urlencoded";
        for (kind, body, shown) in [
            (json, r#"{"a":[{"pin":1234,"b":2}]}"#, r#"{"a":[{"b":2,"pin":"[redacted]"}]}"#),
            (json, r#"{"max_tokens":5,  "a":1}"#, r#"{"max_tokens":5,  "a":1}"#),
            (json, r#"{"tokens":["x"]}"#, r#"{"tokens":"[redacted]"}"#),
            (json, r#"{"b":2,  "a":1}"#, r#"{"b":2,  "a":1}"#),
            (json, r#"{"token":"abc"#, "[redacted]"),
            (json, r#"{"name":"abc"#, r#"{"name":"abc"#),
            (form, "user=ada&password=p%40ss", "user=ada&password=[redacted]"),
            (form, "user=ada", "user=ada"),
            ("multipart/form-data; boundary=x", "--x name=\"password\" …", "[redacted]"),
            ("text/plain", "password=shown", "password=shown"),
        ] {
            let mut looked = message(&[("Content-Type", kind)], body);
            redact(&mut looked);
            assert_eq!(String::from_utf8(looked.body).unwrap(), shown, "{kind}: {body}");
        }
    }
}
