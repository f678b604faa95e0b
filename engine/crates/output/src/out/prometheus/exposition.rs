//! What is shown to whoever scrapes: Prometheus' text format 0.0.4, and OpenMetrics 1.0, which is nearly the same.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use metrics::Kind;

use super::classic::Classic;
use super::{Named, Names, factor, unit};
use crate::out::cumulative::{Cumulative, Series, Value};

/// The two texts there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Text {
    Plain,
    OpenMetrics,
}

impl Text {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Plain => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

type Shown<'t> = Vec<(Arc<Named>, &'t Series<Classic>)>;

/// All that was measured so far.
pub(super) fn text(totals: &Cumulative<Classic>, names: &mut Names, form: Text) -> String {
    let mut families: BTreeMap<Arc<str>, Shown<'_>> = BTreeMap::new();
    for (id, series) in totals.all() {
        let named = names.of(id, series);
        families.entry(Arc::clone(&named.family)).or_default().push((named, series));
    }
    let mut text = String::new();
    for (family, shown) in &families {
        let Some((_, first)) = shown.first() else { continue };
        match first.kind {
            Kind::Counter => {
                head(&mut text, family, "_total", first, form);
                for (named, series) in shown {
                    if let Value::Counter(sum) = series.value {
                        let value = sum * factor(series.contains);
                        line(&mut text, named, "_total", None, &number(value));
                    }
                }
            }
            Kind::Gauge => {
                head(&mut text, family, "", first, form);
                for (named, series) in shown {
                    if let Value::Gauge(last) = series.value {
                        line(&mut text, named, "", None, &number(last * factor(series.contains)));
                    }
                }
            }
            Kind::Rate => {
                for part in ["_passes", "_fails"] {
                    head(&mut text, &format!("{family}{part}"), "_total", first, form);
                    for (named, series) in shown {
                        if let Value::Rate { passes, fails } = series.value {
                            let value = if part == "_passes" { passes } else { fails };
                            line(
                                &mut text,
                                named,
                                &format!("{part}_total"),
                                None,
                                &value.to_string(),
                            );
                        }
                    }
                }
            }
            Kind::Trend => {
                head(&mut text, family, "", first, form);
                for (named, series) in shown {
                    if let Value::Trend(classic) = &series.value {
                        histogram(&mut text, named, classic);
                    }
                }
            }
        }
    }
    if form == Text::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

/// What stands before a family: OpenMetrics calls counters without their suffix.
fn head(text: &mut String, family: &str, suffix: &str, of: &Series<Classic>, form: Text) {
    let kind = match of.kind {
        Kind::Counter | Kind::Rate => "counter",
        Kind::Gauge => "gauge",
        Kind::Trend => "histogram",
    };
    let suffix = if form == Text::Plain { suffix } else { "" };
    let unit = if of.kind == Kind::Rate { "" } else { unit(of.contains) };
    // Writing to memory cannot fail.
    let _ = writeln!(text, "# TYPE {family}{suffix} {kind}");
    if form == Text::OpenMetrics && !unit.is_empty() && family.ends_with(&format!("_{unit}")) {
        let _ = writeln!(text, "# UNIT {family} {unit}");
    }
    let _ = writeln!(text, "# HELP {family}{suffix} {} of wasmload.", escaped(&of.name));
}

fn line(text: &mut String, named: &Named, suffix: &str, le: Option<&str>, value: &str) {
    text.push_str(&named.family);
    text.push_str(suffix);
    let own = le.map(|le| ("le", le));
    let labels = named.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (place, (name, value)) in labels.chain(own).enumerate() {
        text.push(if place == 0 { '{' } else { ',' });
        let _ = write!(text, "{name}=\"{}\"", escaped(value));
    }
    if le.is_some() || !named.labels.is_empty() {
        text.push('}');
    }
    let _ = writeln!(text, " {value}");
}

fn histogram(text: &mut String, named: &Named, classic: &Classic) {
    for (bound, count) in classic.up_to() {
        line(text, named, "_bucket", Some(&number(bound)), &count.to_string());
    }
    let count = classic.count().to_string();
    line(text, named, "_bucket", Some("+Inf"), &count);
    line(text, named, "_sum", None, &number(classic.sum()));
    line(text, named, "_count", None, &count);
}

/// With a point, as OpenMetrics has bounds.
fn number(value: f64) -> String {
    format!("{value:?}")
}

fn escaped(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}
