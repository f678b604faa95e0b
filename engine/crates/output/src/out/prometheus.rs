//! What Prometheus is told, by either way: `write` pushes, `scrape` is asked.
//!
//! | metric | in Prometheus | such as |
//! | --- | --- | --- |
//! | counter | a counter | `wasmload_http_reqs_total`, `wasmload_data_sent_bytes_total` |
//! | gauge | a gauge | `wasmload_vus`, `wasmload_injector_memory_bytes` |
//! | rate | two counters | `wasmload_checks_passes_total`, `wasmload_checks_fails_total` |
//! | trend | a histogram | `wasmload_http_req_duration_seconds` |
//!
//! Units are Prometheus' (seconds, bytes) and stand in the names. A rate is no gauge: shares of several series, or of
//! other stretches of time than ours, cannot be made of shares, but of counts. Tags are labels; characters that a label's
//! name cannot have are `_`, and a tag without a value is none. Whoever tells runs apart tags them: `--tag testid=7`.

mod classic;
mod exposition;
pub(super) mod scrape;
#[cfg(test)]
mod server;
pub(super) mod write;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use metrics::{Contains, Kind, SeriesId};

use super::cumulative::Series;

/// What a series is called.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Named {
    /// What all its names begin with: that of a gauge or a histogram.
    pub(super) family: Arc<str>,
    /// Sorted by name, each name once, none of them empty.
    pub(super) labels: Vec<(String, String)>,
}

/// Names of series: no two have the same, whatever scripts call theirs.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// By the metric's own name.
    families: HashMap<String, Arc<str>>,
    taken: HashSet<String>,
    series: HashMap<SeriesId, Arc<Named>>,
    named: HashSet<Arc<Named>>,
}

impl Names {
    pub(super) fn of<S>(&mut self, id: SeriesId, series: &Series<S>) -> Arc<Named> {
        if let Some(known) = self.series.get(&id) {
            return Arc::clone(known);
        }
        let family = self.family(series);
        let labels = labels(&series.tags);
        let mut named = Arc::new(Named { family: Arc::clone(&family), labels: labels.clone() });
        // No number was given twice, so that this is not long looked for.
        let mut number = self.series.len();
        while !self.named.insert(Arc::clone(&named)) {
            // Tags that differ in what a label cannot have.
            number += 1;
            let mut labels = labels.clone();
            labels.retain(|(name, _)| name != "series");
            labels.push(("series".to_owned(), number.to_string()));
            labels.sort();
            named = Arc::new(Named { family: Arc::clone(&family), labels });
        }
        self.series.insert(id, Arc::clone(&named));
        named
    }

    fn family<S>(&mut self, series: &Series<S>) -> Arc<str> {
        if let Some(known) = self.families.get(&series.name) {
            return Arc::clone(known);
        }
        let unit = if series.kind == Kind::Rate { "" } else { unit(series.contains) };
        let plain = plain(series.name.trim_end_matches("_total"), |c| c == ':');
        let mut family = match unit {
            "" => format!("wasmload_{plain}"),
            unit if plain.ends_with(&format!("_{unit}")) => format!("wasmload_{plain}"),
            unit => format!("wasmload_{plain}_{unit}"),
        };
        let names = |family: &str| {
            let names: &[&str] = match series.kind {
                Kind::Counter => &["_total"],
                Kind::Gauge => &[""],
                // A family of OpenMetrics has no `_total`.
                Kind::Rate => &["_passes_total", "_fails_total", "_passes", "_fails"],
                Kind::Trend => &["", "_bucket", "_count", "_sum"],
            };
            names.iter().map(|suffix| format!("{family}{suffix}")).collect::<Vec<_>>()
        };
        // That a counter and another metric have one family would do no less harm.
        let is_taken = |taken: &HashSet<String>, family: &str| {
            taken.contains(family) || names(family).iter().any(|name| taken.contains(name))
        };
        while is_taken(&self.taken, &family) {
            family.push('_');
        }
        self.taken.extend(names(&family));
        self.taken.insert(family.clone());
        let family: Arc<str> = family.into();
        self.families.insert(series.name.clone(), Arc::clone(&family));
        family
    }
}

/// The unit in a name.
pub(super) fn unit(contains: Contains) -> &'static str {
    match contains {
        Contains::Time => "seconds",
        Contains::Data => "bytes",
        Contains::Default => "",
    }
}

/// How many of that unit our own is.
pub(super) fn factor(contains: Contains) -> f64 {
    match contains {
        Contains::Time => 1e-3,
        Contains::Data | Contains::Default => 1.0,
    }
}

/// Of what may stand in a name.
fn plain(text: &str, also: fn(char) -> bool) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || also(c);
    text.chars().map(|c| if fits(c) { c } else { '_' }).collect()
}

fn labels(tags: &[(String, String)]) -> Vec<(String, String)> {
    let mut labels: Vec<(String, String)> = Vec::with_capacity(tags.len());
    for (key, value) in tags.iter().filter(|(_, value)| !value.is_empty()) {
        let mut name = plain(key, |_| false);
        // Those that begin with two are Prometheus' own, and these two its histograms'.
        let is_own = |name: &str| name.starts_with("__") || name == "le" || name == "quantile";
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || is_own(&name) {
            name = format!("tag_{name}");
        }
        while labels.iter().any(|(its, _)| *its == name) {
            name.push('_');
        }
        labels.push((name, value.clone()));
    }
    labels.sort();
    labels
}

#[cfg(test)]
mod tests {
    use metrics::{Exponential, Registry, Tags, builtin};

    use super::*;
    use crate::out::cumulative::Value;

    fn series(
        name: &str,
        kind: Kind,
        contains: Contains,
        tags: &[(&str, &str)],
    ) -> Series<Exponential> {
        let tags = tags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Series {
            name: name.into(),
            kind,
            contains,
            tags,
            value: Value::Counter(0.0),
            is_news: true,
        }
    }

    /// Numbers of series, which only a registry gives.
    fn numbers() -> impl Iterator<Item = SeriesId> {
        let registry = Registry::new();
        (0..).map(move |n: u32| {
            registry.series(builtin::HTTP_REQS, &Tags::new().with("n", n.to_string()))
        })
    }

    #[test]
    fn names_say_unit_and_kind_and_are_each_ones_own() {
        use Contains::{Data, Default, Time};
        use Kind::{Counter, Gauge, Rate, Trend};
        let mut names = Names::default();
        for ((name, kind, contains, expected), id) in [
            ("http_reqs", Counter, Default, "wasmload_http_reqs"),
            ("data_sent", Counter, Data, "wasmload_data_sent_bytes"),
            ("vus", Gauge, Default, "wasmload_vus"),
            ("checks", Rate, Default, "wasmload_checks"),
            ("http_req_duration", Trend, Time, "wasmload_http_req_duration_seconds"),
            ("pause_seconds", Trend, Time, "wasmload_pause_seconds"),
            ("bought_total", Counter, Default, "wasmload_bought"),
            ("bought", Counter, Default, "wasmload_bought_"),
            ("checks_passes", Counter, Default, "wasmload_checks_passes_"),
            ("checks_fails", Gauge, Default, "wasmload_checks_fails_"),
            ("basket", Trend, Default, "wasmload_basket"),
            ("basket_sum", Gauge, Default, "wasmload_basket_sum_"),
            ("[redacted]", Gauge, Default, "wasmload__redacted_"),
        ]
        .into_iter()
        .zip(numbers())
        {
            let named = names.of(id, &series(name, kind, contains, &[]));
            assert_eq!(&*named.family, expected, "{name}");
        }
    }

    #[test]
    fn labels_are_what_prometheus_takes_and_no_two_series_have_the_same() {
        let mut names = Names::default();
        let mut ids = numbers();
        let mut of = |tags: &[(&str, &str)]| {
            let series = series("x", Kind::Gauge, Contains::Default, tags);
            names.of(ids.next().unwrap(), &series).labels.clone()
        };
        let own = |labels: &[(&str, &str)]| -> Vec<(String, String)> {
            labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
        };
        assert_eq!(of(&[("name", "a \"b\"\n"), ("empty", "")]), own(&[("name", "a \"b\"\n")]));
        let odd = of(&[("__name__", "x"), ("1st", "y"), ("le", "z"), ("ü", "u")]);
        assert_eq!(
            odd,
            own(&[("_", "u"), ("tag_1st", "y"), ("tag___name__", "x"), ("tag_le", "z")])
        );
        assert_eq!(of(&[("a.b", "1"), ("a_b", "2")]), own(&[("a_b", "1"), ("a_b_", "2")]));
        assert_eq!(of(&[("c.d", "1")]), own(&[("c_d", "1")]));
        assert_eq!(of(&[("c_d", "1")]), own(&[("c_d", "1"), ("series", "5")]));
        assert_eq!(of(&[("c-d", "1")]), own(&[("c_d", "1"), ("series", "6")]));
    }
}
