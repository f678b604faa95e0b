//! The cookies of one VU.
//!
//! What a cookie is, whom it is for and how long it lives (RFC 6265) is the library's to know; which VU has
//! which, and from when on they are forgotten, stands here.

use std::sync::Arc;

use cookie_store::{Cookie, CookieStore, RawCookie, StoreAction};
use http::HeaderValue;
use http::header::{COOKIE, HeaderMap};
use url::Url;

use crate::response::Headers;
use crate::target::Target;

/// Cookies of one host and of all hosts that are kept: what browsers keep at least (RFC 6265 §6.1), so that no
/// peer can fill the memory with them.
const KEPT_OF_HOST: usize = 50;
const KEPT: usize = 3_000;
/// A longer cookie is not kept (RFC 6265 §6.1).
const LONGEST: usize = 4_096;

/// The cookies of one VU. Nothing is allocated before the first.
#[derive(Clone, Default)]
pub(crate) struct Jar {
    kept: Option<Arc<CookieStore>>,
    /// What it goes back to.
    origin: Option<Arc<CookieStore>>,
}

impl Jar {
    /// Takes in what a response sets.
    pub(crate) fn take(&mut self, target: &Target, headers: &Headers) {
        self.keep(target, headers.get_all("set-cookie"));
    }

    /// Takes in what is said as in the header `set-cookie`.
    pub(crate) fn keep<'a>(&mut self, target: &Target, said: impl Iterator<Item = &'a [u8]>) {
        let Ok(url) = Url::parse(target.as_str()) else { return };
        let store = Arc::make_mut(self.kept.get_or_insert_default());
        let mut kept = store.iter_unexpired().count();
        for value in said.filter(|value| value.len() <= LONGEST) {
            let Ok(text) = str::from_utf8(value) else { continue };
            let Ok(cookie) = RawCookie::parse(text) else { continue };
            let of_host: Vec<_> = store.get_request_values(&url).map(|(name, _)| name).collect();
            let is_full = kept >= KEPT || of_host.len() >= KEPT_OF_HOST;
            if is_full && !of_host.contains(&cookie.name()) {
                continue;
            }
            match store.insert_raw(&cookie, &url) {
                Ok(StoreAction::Inserted) => kept += 1,
                Ok(StoreAction::ExpiredExisting) => kept -= 1,
                // One that is not for this host is refused, as it should be.
                Ok(StoreAction::UpdatedExisting) | Err(_) => {}
            }
        }
    }

    /// Adds the cookies for a host to a request's headers, after those it has.
    pub(crate) fn add_to(&self, target: &Target, headers: &mut HeaderMap) {
        if self.kept.is_none() {
            return;
        }
        let own = headers.get(COOKIE).and_then(|own| own.to_str().ok()).map(str::to_owned);
        let kept = self.of(target).into_iter();
        let kept = kept.map(|(name, value)| [name.as_str(), "=", value.as_str()].concat());
        let all: Vec<_> = own.into_iter().chain(kept).collect();
        if let Ok(value) = HeaderValue::from_str(&all.join("; "))
            && !all.is_empty()
        {
            headers.insert(COOKIE, value);
        }
    }

    /// The cookies for a host, names and values.
    pub(crate) fn of(&self, target: &Target) -> Vec<(String, String)> {
        let Some(store) = &self.kept else { return Vec::new() };
        let Ok(url) = Url::parse(target.as_str()) else { return Vec::new() };
        let mut kept = store.matches(&url);
        // Longer paths first (RFC 6265 §5.4), and then by name, so that a run can be repeated.
        let path_length = |cookie: &Cookie<'_>| cookie.path.as_ref().len();
        kept.sort_by(|a, b| {
            path_length(b).cmp(&path_length(a)).then_with(|| a.name().cmp(b.name()))
        });
        kept.iter().map(|cookie| (cookie.name().to_owned(), cookie.value().to_owned())).collect()
    }

    /// From now on, [`reset`](Self::reset) comes back to what is kept now.
    pub(crate) fn mark(&mut self) {
        self.origin.clone_from(&self.kept);
    }

    /// Forgets what came since the mark; everything where there is none.
    pub(crate) fn reset(&mut self) {
        self.kept.clone_from(&self.origin);
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.kept = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> Headers {
        let lines: String = lines.iter().map(|line| format!("set-cookie: {line}\r\n")).collect();
        Headers::new(format!("HTTP/1.1 200 OK\r\n{lines}\r\n").as_bytes())
    }

    fn target(url: &str) -> Target {
        Target::parse(url).unwrap()
    }

    fn sent(jar: &Jar, url: &str) -> Vec<String> {
        let mut map = HeaderMap::new();
        jar.add_to(&target(url), &mut map);
        let header = map.get(COOKIE).map(|value| value.to_str().unwrap().to_owned());
        header.iter().flat_map(|text| text.split("; ")).map(str::to_owned).collect()
    }

    #[test]
    fn cookies_go_back_to_where_they_are_for() {
        let mut jar = Jar::default();
        jar.take(
            &target("http://shop.test/cart/add"),
            &headers(&[
                "a=1; Path=/",
                "b=2; Path=/cart",
                "c=3; Domain=test.example; Path=/",
                "d=4; Path=/; Secure",
                "e=5; Max-Age=0",
                "f=6",
            ]),
        );
        for (url, cookies, why) in [
            ("http://shop.test/", &["a=1"][..], "the path is another"),
            ("http://shop.test/cart", &["b=2", "f=6", "a=1"], "the default path is the folder"),
            ("http://shop.test:8080/", &["a=1"], "ports do not matter"),
            ("http://other.test/", &[], "the host is another"),
            ("http://www.shop.test/", &[], "a subdomain is another host without `Domain`"),
        ] {
            assert_eq!(sent(&jar, url), cookies, "{why}");
        }
    }

    #[test]
    fn a_cookie_is_replaced_and_removed_by_its_name() {
        let mut jar = Jar::default();
        let url = "http://127.0.0.1:8080/";
        jar.take(&target(url), &headers(&["a=1", "b=1"]));
        jar.take(&target(url), &headers(&["a=2", "b=; Max-Age=0"]));
        assert_eq!(sent(&jar, url), ["a=2"]);
    }

    #[test]
    fn what_a_script_sends_itself_stays() {
        let mut jar = Jar::default();
        jar.take(&target("http://a.test/"), &headers(&["a=1"]));
        let mut map = HeaderMap::new();
        map.insert(COOKIE, HeaderValue::from_static("own=1"));
        jar.add_to(&target("http://a.test/"), &mut map);
        assert_eq!(map[COOKIE], "own=1; a=1");
    }

    #[test]
    fn a_jar_goes_back_to_its_mark() {
        let mut jar = Jar::default();
        let url = "http://a.test/";
        jar.take(&target(url), &headers(&["login=1"]));
        jar.mark();
        jar.take(&target(url), &headers(&["seen=1"]));
        assert_eq!(sent(&jar, url), ["login=1", "seen=1"]);
        jar.reset();
        assert_eq!(sent(&jar, url), ["login=1"]);
        jar.clear();
        assert_eq!(sent(&jar, url), Vec::<String>::new());
    }

    #[test]
    fn no_peer_fills_the_memory_with_cookies() {
        let mut jar = Jar::default();
        let url = "http://a.test/";
        let many: Vec<String> = (0..200).map(|n| format!("c{n}={n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        jar.take(&target(url), &headers(&many));
        assert_eq!(sent(&jar, url).len(), KEPT_OF_HOST);
        let long = format!("long={}", "x".repeat(LONGEST));
        jar.take(&target("http://b.test/"), &headers(&[&long, "\u{1}=\u{2}", "=", ""]));
        assert_eq!(sent(&jar, "http://b.test/"), Vec::<String>::new());
    }
}
