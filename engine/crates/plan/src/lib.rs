//! What is to be run: options read, held against their schema and lowered to schedules.
//!
//! [`Options`] are what people and scripts write, in layers ([`Options::over`]); a [`Plan`] is what they
//! come to, with every default filled in and every contradiction refused. Nothing here knows the time,
//! does I/O or starts anything: a [`Schedule`] is data, a [`Pacer`] is arithmetic, and `run` holds both
//! against a clock. [`Plan::outline`] tells beforehand what that will be.
//!
//! Start with [`Options::plan`]. An executor is one file of `executor/`; what holds of a single value
//! (its type, its bounds, its name) is said once, on the field in `options.rs` or in the executor's file,
//! and read from there by editors ([`schema()`]) and by the checker (`check.rs`) alike.
//!
//! ```
//! let script = plan::parse_json(
//!     r#"{ "vus": 10, "duration": "30s", "thresholds": { "http_req_duration": ["p(95)<500"] } }"#,
//! )?;
//! let flags = plan::Options { duration: Some("1m".parse()?), ..Default::default() };
//!
//! let plan = flags.over(script).plan()?;
//! assert_eq!(
//!     plan.describe(),
//!     [
//!         "scenarios: (100.00%) 1 scenario, 10 max VUs, 1m30s max duration (incl. graceful stop):",
//!         "* default: 10 looping VUs for 1m0s (gracefulStop: 30s)",
//!     ]
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! All that is wrong is told at once, each with its place and in the words of who wrote it:
//!
//! ```
//! let problems = plan::parse_toml("duration = 'soon'\nvusers = 3").unwrap_err();
//! assert_eq!(
//!     problems.to_string(),
//!     "duration: must be a duration such as `30s` or `1m30s`, but is `soon`\n\
//!      unknown key `vusers`; did you mean `vus`?"
//! );
//! ```

mod check;
mod dataset;
mod executor;
mod file;
mod hosts;
mod http_version;
mod layers;
mod length;
mod life;
mod limits;
mod net_grant;
mod network;
mod options;
mod outline;
mod pacer;
mod pattern;
mod plan;
mod policy;
mod preset;
mod problems;
mod proxy;
mod random;
mod read;
mod schema;
mod search;
mod shortcut;
mod size;
mod tls;
mod trend_stat;
mod wants;

pub use dataset::{
    DatasetFormat, DatasetOptions, DatasetOrder, DatasetPlan, OnExhausted, RowFormat, RowOrder,
};
pub use executor::{
    AnyExecutor, ArrivalTrace, Arrivals, Breakpoint, Budget, Busy, ConstantArrivalRate,
    ConstantVus, Distribution, EXECUTORS, Executor, ExternallyControlled, MAX_ITERATIONS, MAX_RATE,
    MAX_VUS, OnBusy, PerVuIterations, Raised, RampingArrivalRate, RampingVus, Schedule, Share,
    SharedIterations, Stage, TraceFile, VuStep,
};
pub use file::FileOption;
pub use hosts::{ConnectToPlan, HostPlan, HostTo, ScriptPlaces};
pub use http_version::HttpVersion;
pub use length::{Length, LengthError};
pub use life::{Flows, Isolation, Life, NormalOptions, ThinkTime, ThinkTimeOptions};
pub use limits::{LimitOptions, Limits};
pub use net_grant::{NetGrant, NetGrantError, NetHosts};
pub use network::{AddressPolicy, AddressSelect, ConnectionReuse, DnsOptions, NetworkPlan};
pub use options::{NoData, Options, RequestOptions, ScenarioOptions, ThresholdRule, ThresholdSpec};
pub use outline::{Iterations, Outline, ScenarioOutline, Series, Totals};
pub use pacer::{ConstantPacer, Curve, Pacer, PoissonPacer, RampingPacer, TracePacer};
pub use plan::{Plan, Requests, ScenarioPlan};
pub use policy::{
    Grants, PerHost, PerHostOptions, PolicyOptions, parse_policy_json, parse_policy_toml,
    policy_schema,
};
pub use preset::Preset;
pub use problems::{Problem, Problems};
pub use proxy::{Direct, ProxyChoice, ProxyError, ProxyPlan, ProxyProtocol};
pub use random::SplitMix64;
pub use read::{parse_json, parse_toml};
pub use schema::schema;
pub use search::{Growth, Raise, Search, Steps};
pub use size::{Size, SizeError};
pub use tls::{TlsAuthOptions, TlsPlan, TlsVersion, TlsVersionOptions, TlsVersionRange};
pub use trend_stat::{TrendStat, TrendStatError};
pub use wants::{Wants, WantsOptions};
