//! A server that results are pushed to over HTTP: where it is, and what it is told of who we are.
//!
//! Who we are is in the URL (`https://user:password@host/`), or in variables of the environment, as it is for other tools:
//! `WASMLOAD_KIND_TOKEN` is a token, and `WASMLOAD_KIND_HEADERS` are headers, as `name=value,name=value` with values
//! percent-encoded (the form of OpenTelemetry's `OTEL_EXPORTER_OTLP_HEADERS`, which counts for `otlp`, too). Passwords, tokens and headers
//! that are named like secrets are shown nowhere: of a URL neither what stands before the host is shown nor what stands behind the path.

use std::fmt;
use std::io;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ureq::http::{HeaderName, HeaderValue, Uri};

use crate::secrets::{is_secret, is_secret_header};

/// What the environment says of who we are.
#[derive(Clone, Default)]
pub(super) struct Access {
    token: Option<String>,
    headers: Vec<(HeaderName, String)>,
}

/// A sort of servers.
#[derive(Debug)]
pub(super) struct Service {
    /// What stands in the names of its variables: `WASMLOAD_INFLUXDB_TOKEN`.
    pub(super) variable: &'static str,
    /// A variable of others that has headers for it.
    pub(super) others: Option<&'static str>,
    /// What stands before a token.
    pub(super) scheme: &'static str,
    /// Completes a path and a query.
    pub(super) complete: fn(&str) -> Result<String, &'static str>,
}

/// Where to, and the headers of each request.
#[derive(Clone)]
pub(super) struct Endpoint {
    pub(super) url: String,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
}

/// Whether a target is a URL.
pub(super) fn is_url(target: &str) -> bool {
    let scheme = target.split_once("://").map_or("", |(scheme, _)| scheme);
    ["http", "https"].iter().any(|known| known.eq_ignore_ascii_case(scheme))
}

/// A target as it may be shown, whatever is wrong with it.
pub(super) fn shown(target: &str) -> String {
    let (scheme, rest) = match target.find("://") {
        Some(at) => target.split_at(at + 3),
        None => ("", target),
    };
    // A password may have any character in it, so nothing before the last `@` is shown.
    let (end, at) = (rest.find(['?', '#']).unwrap_or(rest.len()), rest.rfind('@'));
    match at {
        Some(at) if at > end => format!("{scheme}…"),
        Some(at) => format!("{scheme}{}", &rest[at + 1..end]),
        None if scheme.is_empty() => target.to_owned(),
        None => format!("{scheme}{}", &rest[..end]),
    }
}

/// Scheme, user info, host and port, and the rest.
fn parts(url: &str) -> (&str, Option<&str>, &str, &str) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    match authority.rsplit_once('@') {
        Some((user, host)) => (scheme, Some(user), host, rest),
        None => (scheme, None, authority, rest),
    }
}

/// A text whose `%41` are letters.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        rest = others;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).ok()
}

fn user_info(url: &str) -> Option<(String, String)> {
    let (user, password) = parts(url).1.map(|it| it.split_once(':').unwrap_or((it, "")))?;
    let plain = |text: &str| decoded(text).unwrap_or_else(|| text.to_owned());
    Some((plain(user), plain(password)))
}

/// What of a URL and of the environment nobody is to see.
pub(super) fn secrets(target: &str, access: &Access) -> Vec<String> {
    let mut secrets: Vec<String> = access.token.iter().cloned().collect();
    // A tenant's number is none, and may be a word that stands everywhere.
    let headers = access.headers.iter().filter(|(name, _)| is_secret_header(name.as_str()));
    for (_, value) in headers {
        secrets.push(value.clone());
        secrets.extend(value.split_once(' ').map(|(_, credentials)| credentials.to_owned()));
    }
    if is_url(target) {
        if let Some((user, password)) = user_info(target) {
            // Whoever answers with the header that was sent says both at once.
            secrets.push(BASE64_STANDARD.encode(format!("{user}:{password}")));
            // A token may stand alone.
            secrets.push(if password.is_empty() { user } else { password });
        }
        let rest = parts(target).3.split('#').next().unwrap_or_default();
        let query = rest.split_once('?').map_or("", |(_, query)| query);
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let named = pairs.filter(|(name, _)| *name == "p" || is_secret(name));
        secrets.extend(named.filter_map(|(_, value)| decoded(value)));
    }
    secrets
}

impl Access {
    /// Reads what the environment says to such a server.
    ///
    /// Fails with the name of a variable and what it must be; not with what it is.
    pub(super) fn read(
        service: &Service,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let given = |name: &str| variable(name).filter(|value| !value.is_empty());
        let token = given(&format!("WASMLOAD_{}_TOKEN", service.variable));
        let own = format!("WASMLOAD_{}_HEADERS", service.variable);
        let found = given(&own).map(|text| (own, text));
        let found = found.or_else(|| Some((service.others?.to_owned(), given(service.others?)?)));
        let Some((name, text)) = found else { return Ok(Self { token, headers: Vec::new() }) };
        let pairs = text.split(',').filter(|pair| !pair.trim().is_empty());
        let headers = pairs.map(|pair| {
            let (name, value) = pair.split_once('=')?;
            let value = decoded(value.trim())?;
            HeaderValue::from_str(&value).ok()?;
            Some((name.trim().parse().ok()?, value))
        });
        match headers.collect() {
            Some(headers) => Ok(Self { token, headers }),
            None => Err(format!(
                "{name}: must be headers, as `name=value,name=value`, with values percent-encoded"
            )),
        }
    }
}

impl fmt::Debug for Access {
    /// Values are left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Access").field("headers", &names).finish_non_exhaustive()
    }
}

impl Endpoint {
    /// The server at a URL.
    ///
    /// Fails with what is wrong with the URL.
    pub(super) fn new(service: &Service, url: &str, access: &Access) -> io::Result<Self> {
        let wrong = |why: String| io::Error::new(io::ErrorKind::InvalidInput, why);
        let (scheme, user, host, rest) = parts(url);
        if !is_url(url) || host.is_empty() {
            let such_as = "it must be a URL, such as http://127.0.0.1:9090".to_owned();
            return Err(wrong(such_as));
        }
        let rest = rest.split('#').next().unwrap_or_default();
        let rest = (service.complete)(rest).map_err(|why| wrong(why.to_owned()))?;
        let url = format!("{scheme}://{host}{rest}");
        let _: Uri = url.parse().map_err(|error| wrong(format!("it is no URL: {error}")))?;
        let mut headers = Vec::new();
        for (name, value) in &access.headers {
            let value = HeaderValue::from_str(value)
                .map_err(|_| wrong(format!("the header `{name}` cannot have that value")))?;
            headers.push((name.clone(), value));
        }
        let by_user = user.is_some().then(|| user_info(&format!("x://{}@", user.unwrap_or(""))));
        let by_user = by_user.flatten().map(|(user, password)| {
            format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
        });
        let by_token = access.token.as_ref().map(|token| format!("{} {token}", service.scheme));
        if by_user.is_some() && by_token.is_some() {
            let variable = format!("WASMLOAD_{}_TOKEN", service.variable);
            return Err(wrong(format!("the URL says a user, and {variable} a token: one of both")));
        }
        if let Some(value) = by_user.or(by_token) {
            let mut value = HeaderValue::from_str(&value)
                .map_err(|_| wrong("the token has characters that no header can have".into()))?;
            value.set_sensitive(true);
            headers.push((ureq::http::header::AUTHORIZATION, value));
        }
        Ok(Self { url, headers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: Service = Service {
        variable: "OTLP",
        others: Some("OTEL_EXPORTER_OTLP_HEADERS"),
        scheme: "Bearer",
        complete: |rest| Ok(format!("{rest}/v1")),
    };

    fn access(variables: &[(&str, &str)]) -> Result<Access, String> {
        Access::read(&SERVICE, &|name| {
            let found = variables.iter().find(|(its, _)| *its == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn who_we_are_is_said_by_the_url_or_the_environment() {
        for (url, variables, expected) in [
            ("http://a:9090", &[][..], vec![]),
            ("http://ada:s3cret%21@a/x", &[], vec!["authorization: Basic YWRhOnMzY3JldCE="]),
            ("https://a", &[("WASMLOAD_OTLP_TOKEN", "t0ken")], vec!["authorization: Bearer t0ken"]),
            (
                "https://a",
                &[("WASMLOAD_OTLP_HEADERS", "X-Scope-OrgID=7, api-key=a%20b")],
                vec!["x-scope-orgid: 7", "api-key: a b"],
            ),
            ("https://a", &[("OTEL_EXPORTER_OTLP_HEADERS", "a=b,")], vec!["a: b"]),
            (
                "https://a",
                &[("OTEL_EXPORTER_OTLP_HEADERS", "a=b"), ("WASMLOAD_OTLP_HEADERS", "c=d")],
                vec!["c: d"],
            ),
        ] {
            let endpoint = Endpoint::new(&SERVICE, url, &access(variables).unwrap()).unwrap();
            let headers = endpoint.headers.iter();
            let headers: Vec<_> =
                headers.map(|(name, it)| format!("{name}: {}", it.to_str().unwrap())).collect();
            assert_eq!(headers, expected, "{url}");
            assert!(!endpoint.url.contains('@') && endpoint.url.ends_with("/v1"));
        }
    }

    #[test]
    fn what_is_secret_is_not_said_again() {
        let target = "https://ada:s3cret%21@a:1/write?db=x&p=pa%25ss#y";
        assert_eq!(shown(target), "https://a:1/write");
        for (typed, expected) in [
            ("HTTP://ada:s3cret@h/x", "HTTP://h/x"),
            ("http://ada:s3/cr?et@h/x", "http://…"),
            ("http://ada:s3/cret@h/x", "http://h/x"),
            ("ada:s3cret@h:9090", "h:9090"),
            ("127.0.0.1:8125", "127.0.0.1:8125"),
            ("what.is?a=file", "what.is?a=file"),
        ] {
            assert_eq!(shown(typed), expected, "{typed}");
        }
        let headers = "api-key=bcde,x-scope-orgid=default,authorization=Bearer%20fgh";
        let access =
            access(&[("WASMLOAD_OTLP_TOKEN", "t0ken"), ("WASMLOAD_OTLP_HEADERS", headers)]);
        let access = access.unwrap();
        let both = BASE64_STANDARD.encode("ada:s3cret!");
        let expected = ["t0ken", "bcde", "Bearer fgh", "fgh", &both, "s3cret!", "pa%ss"];
        assert_eq!(secrets(target, &access), expected);
        let alone = secrets("http://t0ken1@a/x?apikey=k3y1&org=mine", &Access::default());
        assert_eq!(alone, [BASE64_STANDARD.encode("t0ken1:").as_str(), "t0ken1", "k3y1"]);
        let debug = format!("{access:?}");
        assert!(!debug.contains("bcde") && !debug.contains("t0k") && !debug.contains("fgh"));
    }

    #[test]
    fn what_is_wrong_is_told_without_what_it_is() {
        for text in ["hunter22", "a b=hunter22", "a=%zz", "a=%0Ahunter22"] {
            let why = access(&[("WASMLOAD_OTLP_HEADERS", text)]).unwrap_err();
            assert!(why.starts_with("WASMLOAD_OTLP_HEADERS: must be headers"), "{why}");
            assert!(!why.contains("hunter"), "{why}");
        }
        for (url, expected) in [
            ("127.0.0.1:9090", "it must be a URL"),
            ("http:///x", "it must be a URL"),
            ("http://a b/", "it is no URL"),
        ] {
            let Err(error) = Endpoint::new(&SERVICE, url, &Access::default()) else {
                panic!("{url} is taken")
            };
            assert!(error.to_string().starts_with(expected), "{error}");
        }
        let both = access(&[("WASMLOAD_OTLP_TOKEN", "t0ken")]).unwrap();
        let error = Endpoint::new(&SERVICE, "http://ada:pw@a", &both).err().unwrap();
        assert!(error.to_string().contains("one of both"), "{error}");
    }
}
