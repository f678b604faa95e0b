//! Samples as k6 writes them: a JSON object a line.
//!
//! A line of type `Metric` says what a metric is and what must hold of it, before the metric's first point. A line of type
//! `Point` has k6's fields: `time` (RFC 3339), `value`, `tags`, and `metadata` where there is any. What a point is stands in
//! [`points`](super::points).

use std::collections::{HashMap, HashSet};
use std::io::Write as _;
use std::time::SystemTime;

use metrics::{MetricId, Registry, Selector, SeriesId, Threshold};
use plan::Plan;
use run::Measured;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::points::points;
use super::stream::Format;
use crate::redacted::Redactor;

/// Series whose texts are kept: as many as a run tells apart if nothing else is said.
const KEPT: usize = 20_000;

pub(super) fn format(secrets: Redactor) -> Box<dyn Format> {
    Box::new(Json { secrets, ..Json::default() })
}

#[derive(Debug, Default)]
struct Json {
    /// What is in no name and no tag.
    secrets: Redactor,
    thresholds: Vec<(Selector, Vec<Threshold>)>,
    told: HashSet<MetricId>,
    series: HashMap<SeriesId, Texts>,
}

/// What stands around the time and the value of each point of a series.
#[derive(Clone, Debug)]
struct Texts {
    metric: MetricId,
    before: String,
    tags: String,
}

impl Json {
    fn texts(&mut self, registry: &Registry, series: SeriesId) -> Texts {
        if let Some(known) = self.series.get(&series) {
            return known.clone();
        }
        let (metric, tags) = registry.series_info(series);
        let name = Value::from(&*self.secrets.shown(&registry.metric(metric).name));
        let shown = |text| self.secrets.shown(text).into_owned();
        let tags: Map<String, Value> =
            tags.iter().map(|(key, value)| (shown(key), shown(value).into())).collect();
        let texts = Texts {
            metric,
            before: format!(r#"{{"metric":{name},"type":"Point","data":{{"time":""#),
            tags: Value::from(tags).to_string(),
        };
        if self.series.len() >= KEPT {
            self.series.clear();
        }
        self.series.insert(series, texts.clone());
        texts
    }

    fn tell(&mut self, registry: &Registry, metric: MetricId, text: &mut Vec<u8>) {
        if !self.told.insert(metric) {
            return;
        }
        let metric = registry.metric(metric);
        let of = |of_part: bool| {
            let thresholds = self.thresholds.iter();
            thresholds.filter(move |(selector, _)| selector.tags.is_empty() != of_part)
        };
        let of = |of_part| of(of_part).filter(|(selector, _)| *selector.metric == *metric.name);
        let thresholds: Vec<Value> =
            of(false).flat_map(|(_, thresholds)| thresholds).map(threshold).collect();
        let parts: Vec<Value> = of(true)
            .map(|(selector, _)| {
                let tags: Map<String, Value> =
                    selector.tags.iter().map(|(k, v)| (k.clone(), v.as_str().into())).collect();
                let pairs: Vec<_> = selector.tags.iter().map(|(k, v)| format!("{k}:{v}")).collect();
                json!({ "name": selector.to_string(), "suffix": pairs.join(","), "tags": tags })
            })
            .collect();
        let mut line = json!({
            "type": "Metric",
            "data": {
                "name": &*metric.name,
                "type": metric.kind.as_str(),
                "contains": metric.contains.as_str(),
                "thresholds": thresholds,
                "submetrics": if parts.is_empty() { Value::Null } else { parts.into() },
            },
            "metric": &*metric.name,
        });
        self.secrets.clean(&mut line, &[]);
        // Writing to memory cannot fail.
        let _ = writeln!(text, "{line}");
    }
}

/// As k6 has it: the text alone, unless more is said of it.
fn threshold(threshold: &Threshold) -> Value {
    if !threshold.abort_on_fail {
        return threshold.source.as_str().into();
    }
    let mut more = json!({ "threshold": threshold.source, "abortOnFail": true });
    if let Some(delay) = threshold.delay_abort_eval {
        more["delayAbortEval"] = crate::numbers::duration(delay).into();
    }
    more
}

impl Format for Json {
    fn begin(&mut self, plan: &Plan, _now: SystemTime, _text: &mut Vec<u8>) {
        self.thresholds.clone_from(&plan.thresholds);
    }

    fn second(&mut self, measured: &Measured, now: SystemTime, text: &mut Vec<u8>) {
        let time = OffsetDateTime::from(now).format(&Rfc3339).unwrap_or_default();
        let registry = measured.collected.registry();
        for (series, sink) in measured.collected.series() {
            let texts = self.texts(registry, series);
            self.tell(registry, texts.metric, text);
            points(sink, |value, count| {
                // Writing to memory cannot fail.
                let _ = write!(
                    text,
                    "{}{time}\",\"value\":{value},\"tags\":{}",
                    texts.before, texts.tags
                );
                if count > 1 {
                    let _ = write!(text, ",\"metadata\":{{\"count\":\"{count}\"}}");
                }
                text.extend_from_slice(b"}}\n");
            });
        }
    }
}
