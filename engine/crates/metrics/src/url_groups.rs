//! URLs that are counted together, so that a thousand items are not a thousand series.

/// Paths whose URLs have one name in what is measured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UrlGroups(Vec<UrlGroup>);

/// A path with places in it that differ: `/items/{id}`.
///
/// ```text
/// group   -> ("/" segment)+
/// segment -> "{" text "}"          any segment that is not empty
///          | text                  itself
/// ```
///
/// A text is what a path may have between two slashes but for braces. A URL's query and fragment are of no account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlGroup {
    /// As it was given.
    text: String,
    /// `None` for any.
    segments: Vec<Option<String>>,
}

/// Why a text is not a [`UrlGroup`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlGroupError {
    /// It does not begin as a path does.
    #[error("must be a path that begins with `/`, such as `/items/{{id}}`")]
    NoPath,
    /// It has braces in odd places.
    #[error("must have `{{` and `}}` around a whole segment with a name, as in `/items/{{id}}`")]
    Braces,
    /// It has what ends a path, or what no URL has.
    #[error("must be a path only: no spaces, no `?` and no `#`")]
    Characters,
}

impl UrlGroup {
    /// Reads one.
    ///
    /// Fails with [`UrlGroupError`] where the text is none.
    pub fn parse(text: &str) -> Result<Self, UrlGroupError> {
        let Some(path) = text.strip_prefix('/') else { return Err(UrlGroupError::NoPath) };
        if text.contains(|c: char| matches!(c, '?' | '#') || c.is_whitespace() || c.is_control()) {
            return Err(UrlGroupError::Characters);
        }
        let segment = |segment: &str| {
            let inner = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            match inner.unwrap_or(segment) {
                text if text.contains(['{', '}']) => Err(UrlGroupError::Braces),
                "" if inner.is_some() => Err(UrlGroupError::Braces),
                text => Ok(inner.is_none().then(|| text.to_owned())),
            }
        };
        let segments = path.split('/').map(segment).collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), segments })
    }

    fn has(&self, path: &str) -> bool {
        let mut given = path.split('/');
        let fits = self.segments.iter().all(|segment| match (segment, given.next()) {
            (Some(segment), Some(given)) => segment == given,
            (None, Some(given)) => !given.is_empty(),
            (_, None) => false,
        });
        fits && given.next().is_none()
    }
}

impl UrlGroups {
    /// These, the first before the others.
    #[must_use]
    pub fn new(groups: Vec<UrlGroup>) -> Self {
        Self(groups)
    }

    /// The name of a URL that is in one of them: where it leads to, and the group's path.
    #[must_use]
    pub fn name(&self, url: &str) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let host = url.find("://")? + "://".len();
        let end = url[host..].find(['?', '#']).map_or(url.len(), |end| host + end);
        let slash = url[host..end].find('/').map_or(end, |slash| host + slash);
        // An address without a path has the path `/`.
        let path = url[slash..end].strip_prefix('/').unwrap_or_default();
        let group = self.0.iter().find(|group| group.has(path))?;
        Some(format!("{}{}", &url[..slash], group.text))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn groups(texts: &[&str]) -> UrlGroups {
        UrlGroups::new(texts.iter().map(|text| UrlGroup::parse(text).unwrap()).collect())
    }

    #[test]
    fn urls_of_a_group_have_its_name_and_others_have_none() {
        let groups =
            groups(&["/items/{id}", "/users/{user}/orders/{order}", "/search", "/", "/{any}/x/"]);
        for (url, name, why) in [
            ("http://a.test/items/1", Some("http://a.test/items/{id}"), "one of many"),
            (
                "https://a.test:8443/items/x%2Fy",
                Some("https://a.test:8443/items/{id}"),
                "its place",
            ),
            ("http://a.test/items/1?v=2#top", Some("http://a.test/items/{id}"), "no query"),
            (
                "http://a.test/search?q=/items/1",
                Some("http://a.test/search"),
                "nor one with slashes",
            ),
            ("ws://[::1]/users/7/orders/8", Some("ws://[::1]/users/{user}/orders/{order}"), "two"),
            ("http://a.test", Some("http://a.test/"), "no path is the shortest"),
            ("http://a.test?q=1", Some("http://a.test/"), "also before a query"),
            ("http://a.test/1/x/", Some("http://a.test/{any}/x/"), "a slash at its end"),
            ("http://a.test/1/x", None, "and none"),
            ("http://a.test/items/", None, "nothing is no identifier"),
            ("http://a.test/items/1/more", None, "longer"),
            ("http://a.test/items", None, "shorter"),
            ("http://a.test/Items/1", None, "paths have capitals"),
            ("/items/1", None, "no URL"),
            ("", None, "nothing"),
        ] {
            assert_eq!(groups.name(url).as_deref(), name, "{url}: {why}");
        }
        assert_eq!(UrlGroups::default().name("http://a.test/"), None);
    }

    #[test]
    fn the_first_that_fits_stands() {
        let groups = groups(&["/items/new", "/items/{id}"]);
        assert_eq!(groups.name("http://a/items/new").unwrap(), "http://a/items/new");
        assert_eq!(groups.name("http://a/items/7").unwrap(), "http://a/items/{id}");
    }

    #[test]
    fn what_is_no_path_is_refused() {
        use UrlGroupError::{Braces, Characters, NoPath};
        for (text, error) in [
            ("", NoPath),
            ("items/{id}", NoPath),
            ("http://a.test/", NoPath),
            ("/items/{id", Braces),
            ("/items/id}", Braces),
            ("/items/{}", Braces),
            ("/items/a{id}", Braces),
            ("/items/{{id}}", Braces),
            ("/items?x=1", Characters),
            ("/items#x", Characters),
            ("/a b", Characters),
        ] {
            assert_eq!(UrlGroup::parse(text), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_url_and_no_group_breaks_it(url in "\\PC{0,30}|http://\\PC{0,20}", text in "/\\PC{0,12}|\\PC{0,9}") {
            if let Ok(group) = UrlGroup::parse(&text) {
                let name = UrlGroups::new(vec![group]).name(&url);
                prop_assert!(name.is_none_or(|name| name.ends_with(&text)));
            }
        }
    }
}
