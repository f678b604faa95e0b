//! Each metric over time, as it is written: a column a figure, a number a slot.

use std::borrow::Cow;
use std::collections::BTreeMap;

use metrics::{Kind, Metric, Sketch, Slot};
use run::Finished;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::summary_json::document::Number;

/// Each metric over time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct StoredTimeline {
    /// How many seconds a slot has: a power of two.
    pub slot_seconds: u64,
    /// For how many seconds of each slot something was measured: less than all at the end. Rates are to be divided by it.
    pub measured: Vec<Number>,
    /// The metrics that have samples, by name.
    pub metrics: BTreeMap<String, StoredTrack>,
}

/// One metric over time. Columns are as long as there are slots, or empty where the metric's kind has no such figure.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct StoredTrack {
    /// How its samples become one value.
    #[serde(rename = "type")]
    #[schemars(extend("enum" = ["counter", "gauge", "rate", "trend"]))]
    pub kind: String,
    /// What its numbers stand for: plain numbers, milliseconds, or bytes.
    #[schemars(extend("enum" = ["default", "time", "data"]))]
    pub contains: String,
    /// How many samples; of a gauge, how often it was read.
    pub count: Vec<u64>,
    /// Their sum: of a rate, how many were not zero.
    pub sum: Vec<Number>,
    /// The smallest, of gauges and trends; 0 where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub min: Vec<Number>,
    /// The largest, of gauges and trends; 0 where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub max: Vec<Number>,
    /// The latest, of gauges.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub last: Vec<Number>,
    /// Of trends, the buckets of each slot: numbers and counts in turn.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub buckets: Vec<Buckets>,
}

/// A [`Sketch`] as it is written: numbers of buckets and their counts in turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Buckets(pub Sketch);

impl StoredTimeline {
    pub(super) fn of(finished: &Finished) -> Self {
        let timeline = &finished.timeline;
        let slots = timeline.len();
        let metrics = finished.totals.registry().metrics();
        let tracks = metrics.iter().filter_map(|metric| {
            let track = timeline.track(metric.id);
            let is_there = track.iter().any(|slot| slot.count > 0);
            is_there.then(|| (metric.name.to_string(), StoredTrack::of(metric, track, slots)))
        });
        Self {
            slot_seconds: timeline.width().as_secs(),
            measured: timeline.measured().iter().map(|time| rounded(time.as_secs_f64())).collect(),
            metrics: tracks.collect(),
        }
    }

    /// A metric's slots; those that the file does not have are empty.
    #[must_use]
    pub fn slots(&self, metric: &str) -> Vec<Slot> {
        let Some(track) = self.metrics.get(metric) else {
            return vec![Slot::default(); self.measured.len()];
        };
        let number = |column: &[Number], place| column.get(place).map_or(0.0, |it: &Number| it.0);
        let slot = |place: usize| Slot {
            count: track.count.get(place).copied().unwrap_or_default(),
            sum: number(&track.sum, place),
            min: number(&track.min, place),
            max: number(&track.max, place),
            last: number(&track.last, place),
            sketch: track.buckets.get(place).map(|it| it.0.clone()).unwrap_or_default(),
        };
        (0..self.measured.len()).map(slot).collect()
    }
}

impl StoredTrack {
    pub(crate) fn of(metric: &Metric, track: &[Slot], slots: usize) -> Self {
        let none = Slot::default();
        let all = || (0..slots).map(|place| track.get(place).unwrap_or(&none));
        let column = |wanted: bool, figure: fn(&Slot) -> f64| match wanted {
            true => all().map(|slot| rounded(figure(slot))).collect(),
            false => Vec::new(),
        };
        let extremes = matches!(metric.kind, Kind::Gauge | Kind::Trend);
        Self {
            kind: metric.kind.as_str().to_owned(),
            contains: metric.contains.as_str().to_owned(),
            count: all().map(|slot| slot.count).collect(),
            sum: column(true, |slot| slot.sum),
            min: column(extremes, |slot| slot.min),
            max: column(extremes, |slot| slot.max),
            last: column(metric.kind == Kind::Gauge, |slot| slot.last),
            buckets: match metric.kind {
                Kind::Trend => all().map(|slot| Buckets(slot.sketch.clone())).collect(),
                _ => Vec::new(),
            },
        }
    }
}

/// To a millionth of the unit, which is what is measured.
fn rounded(value: f64) -> Number {
    let rounded = (value * 1e6).round() / 1e6;
    Number(if rounded.is_finite() { rounded } else { value })
}

impl Serialize for Buckets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(
            self.0.counts().flat_map(|(number, count)| [i128::from(number), i128::from(count)]),
        )
    }
}

impl<'de> Deserialize<'de> for Buckets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let numbers = Vec::<i128>::deserialize(deserializer)?;
        let pairs = numbers.chunks(2).map(|pair| {
            let number = i16::try_from(*pair.first()?).ok()?;
            Some((number, u64::try_from(*pair.get(1)?).ok()?))
        });
        let pairs: Option<Vec<_>> = pairs.collect();
        pairs
            .map(|pairs| Self(Sketch::from_counts(pairs)))
            .ok_or_else(|| serde::de::Error::custom("buckets are not numbers and counts in turn"))
    }
}

impl JsonSchema for Buckets {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Buckets".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "array", "items": { "type": "integer" } })
    }
}
