//! Digest authentication: who is there, without saying the password.
//!
//! Source: RFC 7616, with the algorithms MD5 and SHA-256 (`-sess` too) and the quality `auth`; and RFC 2069's
//! challenge without a quality, which some devices still make.

use std::fmt;
use std::sync::Arc;

use http::{HeaderValue, Method};
use md5::Md5;
use sha2::{Digest as _, Sha256};

use crate::entropy::random;
use crate::request::Request;
use crate::response::Response;
use crate::target::Target;

/// Challenges that one VU remembers; the oldest is forgotten.
const REMEMBERED: usize = 16;

/// A name and a password for a peer that asks for them.
#[derive(Clone)]
pub struct Digest {
    who: Arc<(String, String)>,
    /// Whether the challenge was answered by this very request.
    answered: bool,
}

impl Digest {
    /// This name and this password.
    #[must_use]
    pub fn new(user: String, password: String) -> Self {
        Self { who: Arc::new((user, password)), answered: false }
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Digest").field("user", &self.who.0).finish_non_exhaustive()
    }
}

/// What peers have asked one VU.
#[derive(Debug, Default)]
pub(crate) struct Challenges(Vec<(Target, Challenge)>);

impl Challenges {
    /// The `authorization` for a request whose peer has asked before.
    pub(crate) fn answer(&mut self, request: &Request) -> Option<HeaderValue> {
        let digest = request.digest.as_ref()?;
        let known = self.0.iter_mut().find(|(peer, _)| peer.same_peer(&request.target));
        let (_, challenge) = known?;
        challenge.used = challenge.used.wrapping_add(1);
        let client_nonce = format!("{:016x}", random());
        challenge.answer(&digest.who, &request.method, request.target.path(), &client_nonce)
    }

    /// Remembers what a response asks, if it is a challenge that can be answered.
    pub(crate) fn take(&mut self, request: &Request, response: &Response) -> bool {
        if !may_answer(request, response) {
            return false;
        }
        let Some(challenge) = Challenge::of(response) else { return false };
        self.0.retain(|(peer, _)| !peer.same_peer(&request.target));
        if self.0.len() == REMEMBERED {
            self.0.remove(0);
        }
        self.0.push((request.target.clone(), challenge));
        true
    }
}

/// Whether the request is sent again after this response, if that has a challenge.
fn may_answer(request: &Request, response: &Response) -> bool {
    response.status == http::StatusCode::UNAUTHORIZED
        && request.digest.as_ref().is_some_and(|digest| !digest.answered)
}

/// Whether a response asks who is there, and will be told.
pub(crate) fn is_answered(request: &Request, response: &Response) -> bool {
    may_answer(request, response) && Challenge::of(response).is_some()
}

/// The request that is sent after a challenge.
pub(crate) fn again(request: &Request) -> Request {
    let digest = request.digest.clone().map(|digest| Digest { answered: true, ..digest });
    Request { digest, ..request.clone() }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Md5,
    Sha256,
}

/// What a peer asks.
#[derive(Debug)]
struct Challenge {
    algorithm: Algorithm,
    /// Its name, as the peer wrote it, if it did.
    algorithm_name: Option<String>,
    is_session: bool,
    realm: String,
    nonce: String,
    opaque: Option<String>,
    /// Whether a quality was offered, and it has `auth`.
    has_quality: bool,
    /// How often its nonce was used.
    used: u32,
}

impl Challenge {
    /// The strongest challenge in a response that can be answered.
    fn of(response: &Response) -> Option<Self> {
        let all = response.headers.get_all("www-authenticate");
        let all = all.filter_map(|value| str::from_utf8(value).ok());
        all.flat_map(challenges)
            .filter_map(Self::parse)
            .max_by_key(|challenge| challenge.algorithm == Algorithm::Sha256)
    }

    fn parse(parameters: Vec<(String, String)>) -> Option<Self> {
        let find = |name: &str| {
            parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        };
        let algorithm_name = find("algorithm");
        let name = algorithm_name.as_deref().unwrap_or("MD5").to_ascii_lowercase();
        let (name, is_session) = match name.strip_suffix("-sess") {
            Some(name) => (name, true),
            None => (&name[..], false),
        };
        let algorithm = match name {
            "md5" => Algorithm::Md5,
            "sha-256" => Algorithm::Sha256,
            _ => return None,
        };
        let quality = find("qop");
        let has_quality = match &quality {
            None => false,
            Some(all) if all.split(',').any(|one| one.trim().eq_ignore_ascii_case("auth")) => true,
            // `auth-int` alone, which nobody speaks.
            Some(_) => return None,
        };
        Some(Self {
            algorithm,
            algorithm_name,
            is_session,
            realm: find("realm")?,
            nonce: find("nonce")?,
            opaque: find("opaque"),
            has_quality,
            used: 0,
        })
    }

    fn hash(&self, text: &str) -> String {
        let bytes = match self.algorithm {
            Algorithm::Md5 => Md5::digest(text).to_vec(),
            Algorithm::Sha256 => Sha256::digest(text).to_vec(),
        };
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// None if what is to be said fits in no header.
    fn answer(
        &self,
        (user, password): &(String, String),
        method: &Method,
        path: &str,
        client_nonce: &str,
    ) -> Option<HeaderValue> {
        let Self { realm, nonce, used, .. } = self;
        let mut secret = self.hash(&format!("{user}:{realm}:{password}"));
        if self.is_session {
            secret = self.hash(&format!("{secret}:{nonce}:{client_nonce}"));
        }
        let what = self.hash(&format!("{method}:{path}"));
        let response = match self.has_quality {
            true => format!("{secret}:{nonce}:{used:08x}:{client_nonce}:auth:{what}"),
            false => format!("{secret}:{nonce}:{what}"),
        };
        let response = self.hash(&response);
        let mut said = format!(
            "Digest username=\"{}\", realm=\"{}\", nonce=\"{}\", uri=\"{}\", response=\"{response}\"",
            escaped(user),
            escaped(realm),
            escaped(nonce),
            escaped(path)
        );
        if let Some(name) = &self.algorithm_name {
            said += &format!(", algorithm={name}");
        }
        if let Some(opaque) = &self.opaque {
            said += &format!(", opaque=\"{}\"", escaped(opaque));
        }
        if self.has_quality || self.is_session {
            said += &format!(", cnonce=\"{client_nonce}\"");
        }
        if self.has_quality {
            said += &format!(", qop=auth, nc={used:08x}");
        }
        let mut header = HeaderValue::from_maybe_shared(said.into_bytes()).ok()?;
        header.set_sensitive(true);
        Some(header)
    }
}

/// A text between quotes (RFC 9110 §5.6.4).
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// The parameters of each `Digest` challenge in a header, which may have several of several kinds (RFC 9110 §11.6.1).
/// Names are in lower case.
fn challenges(header: &str) -> Vec<Vec<(String, String)>> {
    let mut all: Vec<Option<Vec<(String, String)>>> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let end = rest.find([' ', '\t', ',', '=']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if name.is_empty() {
            break;
        }
        let after = after.trim_start_matches([' ', '\t']);
        match after.strip_prefix('=') {
            Some(value) => {
                let (value, after) = parameter(value.trim_start_matches([' ', '\t']));
                if let Some(Some(parameters)) = all.last_mut() {
                    parameters.push((name.to_ascii_lowercase(), value));
                }
                rest = after;
            }
            // A name without a value is a scheme.
            None => {
                all.push(name.eq_ignore_ascii_case("digest").then(Vec::new));
                rest = after;
            }
        }
    }
    all.into_iter().flatten().collect()
}

/// A value, quoted or not, and what follows it.
fn parameter(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', '\t', ',']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let (mut value, mut chars) = (String::new(), quoted.chars());
    while let Some(char) = chars.next() {
        match char {
            '"' => break,
            '\\' => value.extend(chars.next()),
            char => value.push(char),
        }
    }
    (value, chars.as_str())
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::response::Headers;

    fn unauthorized(headers: &[&str]) -> Response {
        let lines: String =
            headers.iter().map(|it| format!("WWW-Authenticate: {it}\r\n")).collect();
        let head = format!("HTTP/1.1 401 Unauthorized\r\n{lines}\r\n");
        Response {
            status: http::StatusCode::UNAUTHORIZED,
            headers: Headers::new(head.as_bytes()),
            ..Response::default()
        }
    }

    fn request(path: &str) -> Request {
        let target = Target::parse(&format!("http://www.example.org{path}")).expect("a URL");
        let digest = Digest::new("Mufasa".to_owned(), "Circle of Life".to_owned());
        Request {
            digest: Some(digest),
            headers: HeaderMap::new(),
            ..Request::new(Method::GET, target)
        }
    }

    /// RFC 7616 §3.9.1.
    #[test]
    fn the_answers_are_those_of_the_rfc() {
        const NONCE: &str = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
        const CLIENT: &str = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        for (algorithm, response) in [
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ] {
            let asked = format!(
                "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, \
                 nonce=\"{NONCE}\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
            );
            let mut challenge = Challenge::of(&unauthorized(&[&asked])).expect("a challenge");
            challenge.used = 1;
            let who = request("/").digest.expect("somebody").who;
            let said = challenge.answer(&who, &Method::GET, "/dir/index.html", CLIENT);
            let said = said.expect("it fits");
            let said = said.to_str().expect("text");
            assert!(said.contains(&format!("response=\"{response}\"")), "{said}");
            assert!(said.contains("qop=auth, nc=00000001"), "{said}");
        }
    }

    #[test]
    fn a_challenge_is_found_among_others_and_the_strongest_is_answered() {
        let md5 = "Digest realm=\"a, \\\"b\\\"\", nonce=n1";
        let sha =
            "Basic realm=\"x\", Digest algorithm=SHA-256, realm=\"a\", nonce=\"n2\", qop=auth";
        for (headers, found) in [
            (vec![md5], Some(("a, \"b\"", "n1", Algorithm::Md5, false))),
            (vec![md5, sha], Some(("a", "n2", Algorithm::Sha256, true))),
            (vec![sha, md5], Some(("a", "n2", Algorithm::Sha256, true))),
            (vec!["Basic realm=\"Digest nonce=1\""], None),
            (vec!["Digest nonce=1"], None),
            (vec!["Digest realm=a, nonce=1, algorithm=SHA-512-256"], None),
            (vec!["Digest realm=a, nonce=1, qop=\"auth-int\""], None),
            (vec!["Digest realm=\"a", ", nonce=\"", "\\"], None),
            (vec!["", ",,=,", "Digest"], None),
        ] {
            let challenge = Challenge::of(&unauthorized(&headers));
            let of = |challenge: &Challenge| {
                let Challenge { realm, nonce, algorithm, has_quality, .. } = challenge;
                (realm.clone(), nonce.clone(), *algorithm, *has_quality)
            };
            let expected = found.map(|(realm, nonce, algorithm, has_quality)| {
                (realm.to_owned(), nonce.to_owned(), algorithm, has_quality)
            });
            assert_eq!(challenge.as_ref().map(of), expected, "{headers:?}");
        }
    }

    #[test]
    fn a_challenge_is_answered_once_by_a_request_and_at_once_by_the_next() {
        let asks = unauthorized(&["Digest realm=a, nonce=n1, qop=auth"]);
        let mut challenges = Challenges::default();
        let first = request("/a");
        assert_eq!(challenges.answer(&first), None, "nobody has asked yet");
        assert!(is_answered(&first, &asks) && challenges.take(&first, &asks));
        let second = again(&first);
        let said = challenges.answer(&second).expect("an answer");
        assert!(said.to_str().expect("text").ends_with("nc=00000001"));
        assert!(!is_answered(&second, &asks) && !challenges.take(&second, &asks), "it was wrong");
        let next = challenges.answer(&request("/b")).expect("an answer");
        assert!(next.to_str().expect("text").ends_with("nc=00000002"));
        let elsewhere = Target::parse("http://other.test/").expect("a URL");
        assert_eq!(challenges.answer(&Request { target: elsewhere, ..request("/") }), None);
        assert_eq!(challenges.answer(&Request { digest: None, ..request("/") }), None);
        let stale = unauthorized(&["Digest realm=a, nonce=n2, qop=auth, stale=true"]);
        assert!(challenges.take(&request("/c"), &stale), "a nonce may go out of use");
        assert_eq!(challenges.0.len(), 1);
    }
}
