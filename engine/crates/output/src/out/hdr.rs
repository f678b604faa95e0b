//! The histogram of each trend and second, as a log that HdrHistogram's tools read and merge.
//!
//! Format: HdrHistogram's interval log, version 1.3, with histograms of version 2, packed. A line's tag is the metric's name. Values
//! are whole millionths of the metric's unit (of a time: nanoseconds), to three significant digits; what is negative is not in it,
//! since such histograms have no place for it. `Interval_Max` is in the metric's unit.

use std::io::Write as _;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer as _, V2DeflateSerializer};
use metrics::{Distribution, Sink};
use plan::Plan;
use run::Measured;

use super::stream::Format;
use crate::redacted::Redactor;

/// Histogram units a metric's unit.
const SCALE: f64 = 1e6;
/// The largest value that there is a bucket for, in histogram units.
const LARGEST: u64 = (1 << 62) - 1;

pub(super) fn format(secrets: Redactor) -> Box<dyn Format> {
    Box::new(Hdr {
        secrets,
        started: SystemTime::UNIX_EPOCH,
        serializer: V2DeflateSerializer::new(),
    })
}

struct Hdr {
    /// What is in no name.
    secrets: Redactor,
    started: SystemTime,
    serializer: V2DeflateSerializer,
}

impl std::fmt::Debug for Hdr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hdr").field("started", &self.started).finish_non_exhaustive()
    }
}

impl Format for Hdr {
    fn begin(&mut self, _plan: &Plan, now: SystemTime, text: &mut Vec<u8>) {
        self.started = now;
        let start = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let version = env!("CARGO_PKG_VERSION");
        // Writing to memory cannot fail.
        let _ = write!(
            text,
            "#[Logged by wasmload {version}]\n\
             #[Histogram log format version 1.3]\n\
             #[StartTime: {start:.3} (seconds since epoch)]\n\
             \"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n"
        );
    }

    fn second(&mut self, measured: &Measured, now: SystemTime, text: &mut Vec<u8>) {
        let length = measured.time.end.saturating_sub(measured.time.start);
        let end = now.duration_since(self.started).unwrap_or_default();
        let start = end.saturating_sub(length);
        for (metric, sink) in measured.collected.metrics() {
            let Sink::Trend(trend) = sink else { continue };
            let name = measured.collected.registry().metric(metric).name;
            let name = self.secrets.shown(&name).into_owned();
            self.line(&name, start, length, trend, text);
        }
    }

    fn wants_series(&self) -> bool {
        false
    }
}

impl Hdr {
    fn line(
        &mut self,
        tag: &str,
        start: Duration,
        length: Duration,
        trend: &Distribution,
        text: &mut Vec<u8>,
    ) {
        // It fails for other digits only.
        let Ok(mut histogram) = Histogram::<u64>::new(3) else { return };
        for bucket in trend.buckets().filter(|bucket| bucket.value >= 0.0) {
            let value = (bucket.value * SCALE + 0.5) as u64;
            // It grows to any value there is.
            let _ = histogram.record_n(value.min(LARGEST), bucket.count);
        }
        let mut packed = Vec::new();
        if self.serializer.serialize(&histogram, &mut packed).is_ok() {
            let (start, length) = (start.as_secs_f64(), length.as_secs_f64());
            let histogram = BASE64_STANDARD.encode(&packed);
            // Writing to memory cannot fail.
            let _ =
                writeln!(text, "Tag={tag},{start:.3},{length:.3},{:.3},{histogram}", trend.max());
        }
    }
}
