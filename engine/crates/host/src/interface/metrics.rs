//! `metrics`: metrics of the script's own.

#![expect(unreachable_pub, reason = "the generated bindings name these types in public items")]

use ::metrics::{Contains, DefineError, Kind, MetricId, SeriesId, Tags};
use wasmtime::component::Resource;
use wasmtime::{Result, error::Context as _};

use crate::bindings::wasmload::script::metrics::{
    Host, HostCounter, HostGauge, HostRate, HostTrend,
};
use crate::catalogue::Recent;
use crate::limits::Limit;
use crate::state::{User, VuState};

/// A metric in the hands of a script, with the series that its last tags led to.
pub struct Metric {
    id: MetricId,
    untagged: Option<(Tags, SeriesId)>,
    recent: Recent<(Tags, Vec<(String, String)>), SeriesId>,
}

/// A sum.
pub struct Counter(Metric);
/// A value that goes up and down.
pub struct Gauge(Metric);
/// How often something was true.
pub struct Rate(Metric);
/// A distribution.
pub struct Trend(Metric);

impl VuState {
    fn define(&mut self, name: &str, kind: Kind, contains: Contains) -> Result<Metric> {
        let catalogue = self.user.catalogue.lock();
        let defined = catalogue.recorder().registry().define(name, kind, contains);
        if let Err(too_many @ DefineError::TooMany { .. }) = &defined {
            return Err(Limit::Metrics.reached(too_many.to_string()).into());
        }
        let id = defined.with_context(|| format!("making the metric `{name}`"))?;
        Ok(Metric { id, untagged: None, recent: Recent::default() })
    }
}

impl Metric {
    /// The series of these tags and those that samples have now.
    fn series(&mut self, user: &User, now: &Tags, tags: Vec<(String, String)>) -> Result<SeriesId> {
        let intern = |tags: &[(String, String)]| {
            let mut all = now.clone();
            for (name, value) in tags {
                all = all.with(name.as_str(), value.as_str());
            }
            user.catalogue.lock().recorder().registry().series(self.id, &all)
        };
        if tags.is_empty() {
            return Ok(match &self.untagged {
                Some((of, series)) if of.is_same(now) => *series,
                _ => self.untagged.insert((now.clone(), intern(&[]))).1,
            });
        }
        let known = self.recent.find(|(of, known)| of.is_same(now) && *known == tags);
        if let Some(series) = known {
            return Ok(series);
        }
        user.limits.check_tags(&tags)?;
        let series = intern(&tags);
        self.recent.keep((now.clone(), tags), series);
        Ok(series)
    }

    fn record(
        &mut self,
        user: &User,
        now: &Tags,
        value: f64,
        tags: Vec<(String, String)>,
    ) -> Result<()> {
        let series = self.series(user, now, tags)?;
        user.catalogue.lock().recorder().record(series, value);
        Ok(())
    }
}

impl Host for VuState {}

impl HostCounter for VuState {
    fn new(&mut self, name: String) -> Result<Resource<Counter>> {
        let metric = self.define(&name, Kind::Counter, Contains::Default)?;
        Ok(self.table.push(Counter(metric))?)
    }

    fn add(
        &mut self,
        this: Resource<Counter>,
        value: f64,
        tags: Vec<(String, String)>,
    ) -> Result<()> {
        self.table.get_mut(&this)?.0.record(&self.user, self.scope.tags(), value, tags)
    }

    fn drop(&mut self, this: Resource<Counter>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl HostGauge for VuState {
    fn new(&mut self, name: String) -> Result<Resource<Gauge>> {
        let metric = self.define(&name, Kind::Gauge, Contains::Default)?;
        Ok(self.table.push(Gauge(metric))?)
    }

    fn set(
        &mut self,
        this: Resource<Gauge>,
        value: f64,
        tags: Vec<(String, String)>,
    ) -> Result<()> {
        self.table.get_mut(&this)?.0.record(&self.user, self.scope.tags(), value, tags)
    }

    fn drop(&mut self, this: Resource<Gauge>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl HostRate for VuState {
    fn new(&mut self, name: String) -> Result<Resource<Rate>> {
        let metric = self.define(&name, Kind::Rate, Contains::Default)?;
        Ok(self.table.push(Rate(metric))?)
    }

    fn add(
        &mut self,
        this: Resource<Rate>,
        value: bool,
        tags: Vec<(String, String)>,
    ) -> Result<()> {
        let value = f64::from(u8::from(value));
        self.table.get_mut(&this)?.0.record(&self.user, self.scope.tags(), value, tags)
    }

    fn drop(&mut self, this: Resource<Rate>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl HostTrend for VuState {
    fn new(&mut self, name: String, is_time: bool) -> Result<Resource<Trend>> {
        let contains = if is_time { Contains::Time } else { Contains::Default };
        let metric = self.define(&name, Kind::Trend, contains)?;
        Ok(self.table.push(Trend(metric))?)
    }

    fn add(
        &mut self,
        this: Resource<Trend>,
        value: f64,
        tags: Vec<(String, String)>,
    ) -> Result<()> {
        self.table.get_mut(&this)?.0.record(&self.user, self.scope.tags(), value, tags)
    }

    fn drop(&mut self, this: Resource<Trend>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
