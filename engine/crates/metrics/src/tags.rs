//! The tags that tell the series of one metric apart.

use std::fmt;
use std::sync::Arc;

/// A set of tags, sorted by key, each key once. Cloning costs a reference count.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tags(Arc<[(Arc<str>, Arc<str>)]>);

impl Tags {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same tags with one more, or with another value where the key is there already.
    #[must_use]
    pub fn with(&self, key: impl Into<Arc<str>>, value: impl Into<Arc<str>>) -> Self {
        self.0.iter().cloned().chain([(key.into(), value.into())]).collect()
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        let place = self.0.binary_search_by(|(each, _)| (**each).cmp(key)).ok()?;
        Some(&self.0[place].1)
    }

    /// Keys and values, sorted by key.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether these are the very same, and not only equal: quicker to tell.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether every tag of `filter` is among these; an empty filter is always met.
    pub fn matches(&self, filter: &[(String, String)]) -> bool {
        filter.iter().all(|(key, value)| self.get(key) == Some(value))
    }
}

/// Collects in any order; of two values for one key the later stays.
impl<K: Into<Arc<str>>, V: Into<Arc<str>>> FromIterator<(K, V)> for Tags {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(tags: I) -> Self {
        let mut sorted: Vec<(Arc<str>, Arc<str>)> =
            tags.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
        // The sort is stable, so the later of two equal keys comes second; it overwrites the first.
        sorted.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
        Self(sorted.into())
    }
}

impl fmt::Debug for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_later_value_replaces_an_earlier_one() {
        let tags = Tags::new().with("b", "1").with("a", "2").with("b", "3");
        assert_eq!(tags.iter().collect::<Vec<_>>(), [("a", "2"), ("b", "3")]);
        assert_eq!((tags.get("a"), tags.get("b"), tags.get("c")), (Some("2"), Some("3"), None));
        assert_eq!(format!("{tags:?}"), r#"{"a": "2", "b": "3"}"#);
    }

    #[test]
    fn a_filter_is_met_where_all_its_tags_are_there() {
        let tags = Tags::new().with("method", "GET").with("status", "200");
        for (filter, met, why) in [
            (vec![], true, "nothing is asked"),
            (vec![("status", "200")], true, "the tag is there"),
            (vec![("status", "200"), ("method", "GET")], true, "order does not matter"),
            (vec![("status", "404")], false, "the value is another"),
            (vec![("name", "x")], false, "the key is not there"),
            (vec![("status", "200"), ("name", "x")], false, "one of two is not there"),
        ] {
            let filter: Vec<_> =
                filter.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
            assert_eq!(tags.matches(&filter), met, "{why}");
        }
    }

    proptest! {
        #[test]
        fn tags_are_a_sorted_map(pairs in proptest::collection::vec(("[a-c]{1,2}", "[x-z]"), 0..12)) {
            let map: BTreeMap<String, String> = pairs.iter().cloned().collect();
            let collected: Tags = pairs.iter().cloned().collect();
            let chained = pairs.iter().fold(Tags::new(), |t, (k, v)| t.with(&**k, &**v));
            prop_assert_eq!(&collected, &chained);
            prop_assert_eq!(collected.len(), map.len());
            prop_assert_eq!(collected.is_empty(), map.is_empty());
            let expected: Vec<_> = map.iter().map(|(k, v)| (&**k, &**v)).collect();
            prop_assert_eq!(collected.iter().collect::<Vec<_>>(), expected);
        }
    }
}
