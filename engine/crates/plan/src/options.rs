//! What people and scripts write: everything optional, nothing decided.
//!
//! One schema serves the options file, a script's `options` and what flags set. The comments on the
//! fields are what editors show. To add an option, add its field here, what it comes to in `plan.rs`
//! and, if layers do not simply replace it, how they combine in `layers.rs`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hosts::ScriptPlaces;
use crate::life::ThinkTimeOptions;
use crate::limits::LimitOptions;
use crate::network::DnsOptions;
use crate::tls::{TlsAuthOptions, TlsVersionOptions};
use crate::{
    AnyExecutor, DatasetOptions, FileOption, HttpVersion, Isolation, Length, MAX_ITERATIONS,
    MAX_RATE, MAX_VUS, Preset, Stage, WantsOptions, pattern,
};

/// One layer of options: of a script, a file, the environment or the command line.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(
    title = "wasmload options",
    description = "What a load test runs and what must hold. `null` is as not given."
)]
pub struct Options {
    /// Where an editor finds the schema of this file. Of no meaning to the run.
    #[serde(rename = "$schema")]
    pub schema: Option<String>,

    /// How many VUs. Alone, they share as many iterations as they are; with `duration` they loop, with
    /// `iterations` they share those.
    #[schemars(range(min = 1, max = MAX_VUS), extend("default" = 1))]
    pub vus: Option<u32>,

    /// For how long the VUs start iterations; with `iterations`, at most so long. A number is
    /// milliseconds.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub duration: Option<Length>,

    /// How many iterations the VUs share; at least as many as there are VUs.
    #[schemars(range(min = 1, max = MAX_ITERATIONS))]
    pub iterations: Option<u64>,

    /// What the number of VUs goes towards, one stage after the other, from `vus` at the start.
    #[schemars(length(min = 1))]
    pub stages: Option<Vec<Stage>>,

    /// How many requests a second all VUs together may begin; the others wait for their turn.
    #[schemars(range(min = 1, max = MAX_RATE))]
    pub rps: Option<u32>,

    /// How many iterations start a second for `duration`, however long they take; `vus` of them are made
    /// before, and more as they are needed.
    #[schemars(range(min = 1, max = MAX_RATE))]
    pub rate: Option<u32>,

    /// How long iterations that run at the end may take to finish, where `scenarios` is not given.
    #[schemars(extend("default" = "30s"))]
    pub graceful_stop: Option<Length>,

    /// What runs, by name: scenarios run side by side, each with VUs of its own.
    #[schemars(extend("propertyNames" = { "pattern": pattern::SCENARIO_NAME.regex }))]
    pub scenarios: Option<BTreeMap<String, ScenarioOptions>>,

    /// What must hold of a metric, or of the part of it that has some tags: `http_req_duration`,
    /// `http_reqs{status:200}`. A run in which one does not hold has failed.
    pub thresholds: Option<BTreeMap<String, Vec<ThresholdSpec>>>,

    /// What a threshold is worth for which nothing was measured: `fail` as a crossed one, `pass` as one that held. If it is
    /// left out, one about a metric as a whole fails the run, and one about a part of it, which may never come, does not.
    pub on_no_data: Option<NoData>,

    /// Tags on everything that is measured.
    pub tags: Option<BTreeMap<String, String>>,

    /// Paths whose requests are counted together where the script gives them no name, such as `/items/{id}`: those to
    /// `/items/1` and `/items/2?page=3` are both named so. The first that fits stands.
    pub group_urls: Option<Vec<String>>,

    /// What scripts find in their environment.
    #[schemars(extend("propertyNames" = { "pattern": pattern::ENV_NAME.regex }))]
    pub env: Option<BTreeMap<String, String>>,

    /// How long a VU is busy with an iteration at least: it waits for the rest of the time.
    pub min_iteration_duration: Option<Length>,

    /// How long a VU keeps an instance of the script: as long as it lives (`vu`), or for one iteration
    /// (`iteration`). `vu` unless the script says something else: programs that export `wasi:cli/run` have a
    /// fresh instance for each iteration.
    pub isolation: Option<Isolation>,

    /// What the run's chance comes from: what scripts draw by `wasi:random`, think times, and the order of datasets at
    /// `random` that have no seed of their own. The same seed gives the same again; another is drawn for each run, and
    /// printed, if it is left out. Flows by weight and Poisson arrivals come the same in each run anyway.
    #[schemars(range(min = 0, max = MAX_ITERATIONS))]
    pub seed: Option<u64>,

    /// The flows that the script has, told by itself: scenarios that run others are refused.
    #[schemars(length(min = 1))]
    pub flows: Option<Vec<String>>,

    /// Files of rows that scripts open by name: accounts, products, search terms. Only those named here
    /// can be opened.
    #[schemars(extend("propertyNames" = { "pattern": pattern::DATASET_NAME.regex }))]
    pub datasets: Option<BTreeMap<String, DatasetOptions>>,

    /// How long a script's `setup` may take.
    #[schemars(extend("exclusiveMinimum" = 0, "default" = "1m0s"))]
    pub setup_timeout: Option<Length>,

    /// How long a script's `teardown` may take.
    #[schemars(extend("exclusiveMinimum" = 0, "default" = "1m0s"))]
    pub teardown_timeout: Option<Length>,

    /// How long a request may take that sets no limit of its own.
    #[schemars(extend("exclusiveMinimum" = 0, "default" = "1m0s"))]
    pub request_timeout: Option<Length>,

    /// How long it may take until there is a connection: its name, TCP, a proxy and TLS together. As long as the
    /// request if it is left out.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub connect_timeout: Option<Length>,

    /// What requests say they come from, unless they say so themselves.
    #[schemars(extend("pattern" = pattern::HEADER_VALUE.regex))]
    pub user_agent: Option<String>,

    /// How many redirects a request follows at most.
    #[schemars(range(max = 1000), extend("default" = 10))]
    pub max_redirects: Option<u32>,

    /// The version of HTTP that is spoken: `auto`, by TLS what the server chooses of HTTP/2 and HTTP/1.1 and in
    /// the clear HTTP/1.1; or `1.1`; or `2`, in the clear without asking whether the server speaks it.
    #[schemars(
        with = "Option<String>",
        extend("enum" = HttpVersion::NAMES, "default" = "auto")
    )]
    pub http_version: Option<HttpVersion>,

    /// Keeps the cookies of an iteration for the next ones of its VU.
    #[schemars(extend("default" = false))]
    pub no_cookies_reset: Option<bool>,

    /// Where to connect to for some hosts: `a.test`, `a.test:443` or `*.a.test`, each with an address or another
    /// name and, where it is to be another, a port; or with a unix socket, `unix:` and its path from the folder of
    /// the options file. They are asked for by their own names all the same. A script's own options may not name
    /// sockets.
    #[schemars(extend("examples" = [{
        "shop.example": "10.0.0.1", "*.shop.example:443": "10.0.0.2:8443", "api.example": "unix:/run/api.sock"
    }]))]
    pub hosts: Option<BTreeMap<String, String>>,

    /// Other places to connect to, as curl's option has them: `HOST1:PORT1:HOST2:PORT2`, where an empty host or
    /// port in front fits all, and one behind stays as it was asked for. The first that fits stands, and comes
    /// before `hosts`.
    #[schemars(extend("examples" = [["shop.example:443:staging.example:8443", "::127.0.0.1:"]]))]
    pub connect_to: Option<Vec<String>>,

    /// The unix socket that all connections go to: its path, from the folder of the options file. A script's own
    /// options may not name one.
    #[schemars(length(min = 1))]
    pub unix_socket: Option<String>,

    /// The proxy that connections go through: `http://`, `socks5://` (names are looked up here) or `socks5h://` (by
    /// the proxy), `user:password@` if it asks for that, and its host and port. Nobody if it is empty, and whoever
    /// the environment says (`http_proxy`, `https_proxy`, `all_proxy`) if it is left out.
    pub proxy: Option<String>,

    /// Hosts that are connected to without a proxy, with commas between: `a.test` and what is below it, `.a.test`,
    /// addresses, networks, each with a port if only that is meant, or `*`. Those that the environment lists
    /// (`no_proxy`) if it is left out.
    pub no_proxy: Option<String>,

    /// What is made of the addresses that names have.
    pub dns: Option<DnsOptions>,

    /// The addresses of this machine to connect from: addresses, ranges (`10.0.0.1-10.0.0.9`) and networks
    /// (`10.0.0.0/27`), with commas between. Each VU has one of them, in turn.
    #[serde(rename = "localIPs")]
    pub local_ips: Option<String>,

    /// Whether each request has a connection of its own.
    #[schemars(extend("default" = false))]
    pub no_connection_reuse: Option<bool>,

    /// Whether each iteration has connections of its own.
    #[serde(rename = "noVUConnectionReuse")]
    #[schemars(extend("default" = false))]
    pub no_vu_connection_reuse: Option<bool>,

    /// Whether every server's certificate is believed, whoever issued it and whomever it is for.
    #[serde(rename = "insecureSkipTLSVerify")]
    #[schemars(extend("default" = false))]
    pub insecure_skip_tls_verify: Option<bool>,

    /// The versions of TLS that are spoken: one, or those from `min` to `max`. All there are if it is left out.
    pub tls_version: Option<TlsVersionOptions>,

    /// Certificates to show to servers that ask who is there, with their keys. The first that is for a host
    /// stands.
    pub tls_auth: Option<Vec<TlsAuthOptions>>,

    /// Certificates of issuers to believe beside those that the machine believes: PEM texts, each of one or
    /// more. `--cacert` names a file of them.
    pub tls_roots: Option<Vec<String>>,

    /// Whether a VU that connects to a server again goes on with the TLS session it had there, as a browser
    /// does. Otherwise each handshake is a whole one.
    #[schemars(extend("default" = false))]
    pub tls_session_resumption: Option<bool>,

    /// Whether the bodies of responses are counted and forgotten, where a request does not ask for its own: it
    /// saves memory and time.
    #[schemars(extend("default" = false))]
    pub discard_response_bodies: Option<bool>,

    /// Files that scripts may send, by the names they have for them; each from the folder of the options file
    /// that names it. A script's own options may name none: whoever runs it does, here or with
    /// `--file NAME=FILE`.
    #[schemars(extend("propertyNames" = { "pattern": pattern::DATASET_NAME.regex }))]
    pub files: Option<BTreeMap<String, FileOption>>,

    /// What the script may take of the machine. A script's own options can only make a limit narrower.
    pub limits: Option<LimitOptions>,
    /// What the script wants of whoever runs it: places on the network, methods, variables, files. Only a script's
    /// own options say so; they are shown and asked for before anything runs.
    pub wants: Option<WantsOptions>,

    /// Which figures of a trend the summary shows: `avg`, `min`, `med`, `max`, `count`, `stdev`, `cv` (the coefficient of
    /// variation: standard deviation ÷ mean) and percentiles.
    #[schemars(
        length(min = 1),
        extend("default" = ["avg", "min", "med", "max", "p(90)", "p(95)"])
    )]
    pub summary_trend_stats: Option<Vec<String>>,

    /// Whether the script's `setup` is left out.
    #[schemars(extend("default" = false))]
    pub no_setup: Option<bool>,

    /// Whether the script's `teardown` is left out.
    #[schemars(extend("default" = false))]
    pub no_teardown: Option<bool>,

    /// The unix sockets that a script's own options name, which they may not, by the host that they are for if
    /// they are for one; no option.
    #[serde(skip)]
    pub wished_sockets: BTreeMap<Option<String>, String>,

    /// The limits that a script's own options name, which count only where they are narrower; no option.
    #[serde(skip)]
    pub wished_limits: LimitOptions,
    /// What of the places above a script's own options name; no option.
    #[serde(skip)]
    pub by_script: ScriptPlaces,

    /// The preset that says what runs here, if one does; no option.
    #[serde(skip)]
    pub preset: Option<Preset>,

    /// What to tell whoever runs it of how layers were combined; no option.
    #[serde(skip)]
    pub warnings: Vec<String>,
}

/// One of several things a run does side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScenarioOptions {
    /// How its iterations come to start.
    #[serde(flatten)]
    pub executor: AnyExecutor,

    /// The script's flow that its iterations run; `default` where nothing else is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub exec: Option<String>,

    /// The script's flows that its iterations run, instead of `exec`: each by chance as often as its weight
    /// says, compared with the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("additionalProperties" = {
        "type": "integer", "format": "uint32", "minimum": 0, "maximum": 1_000_000
    }))]
    pub weights: Option<BTreeMap<String, u32>>,

    /// When it starts, from the start of the load.
    #[serde(default)]
    pub start_time: Length,

    /// How long iterations that run at its end may take to finish.
    #[serde(default = "graceful_stop")]
    pub graceful_stop: Length,

    /// What its scripts find in their environment, in place of the run's where both give it.
    #[serde(default)]
    #[schemars(extend("propertyNames" = { "pattern": pattern::ENV_NAME.regex }))]
    pub env: BTreeMap<String, String>,

    /// Tags on everything that is measured in it, in place of the run's where both give them.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,

    /// How long a VU waits between its iterations. Not for arrivals, which come at their own times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub think_time: Option<ThinkTimeOptions>,

    /// A VU starts one iteration in each of these, or the next at once when one has taken longer. Not for
    /// arrivals, which come at their own times.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub pacing: Option<Length>,

    /// How long a VU is busy with an iteration at least, in place of the run's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_iteration_duration: Option<Length>,

    /// How long an iteration may take. One that takes longer is cut off and has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub iteration_timeout: Option<Length>,

    /// How long a VU keeps an instance of the script, in place of the run's: as long as it lives (`vu`), or
    /// for one iteration (`iteration`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isolation: Option<Isolation>,

    /// How its requests are made, in place of the run's options of the same names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<RequestOptions>,
}

/// How the requests of a scenario are made, in place of the run's options of the same names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestOptions {
    /// How long a request may take that sets no limit of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub request_timeout: Option<Length>,

    /// How long it may take until there is a connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub connect_timeout: Option<Length>,

    /// What requests say they come from, unless they say so themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = pattern::HEADER_VALUE.regex))]
    pub user_agent: Option<String>,

    /// How many redirects a request follows at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 1000))]
    pub max_redirects: Option<u32>,

    /// The version of HTTP that is spoken: `auto`, `1.1` or `2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("enum" = HttpVersion::NAMES))]
    pub http_version: Option<HttpVersion>,
}

impl ScenarioOptions {
    /// Options that say nothing but how iterations come to start.
    pub fn new(executor: AnyExecutor) -> Self {
        Self {
            executor,
            exec: None,
            weights: None,
            start_time: Length::default(),
            graceful_stop: graceful_stop(),
            env: BTreeMap::new(),
            tags: BTreeMap::new(),
            think_time: None,
            pacing: None,
            min_iteration_duration: None,
            iteration_timeout: None,
            isolation: None,
            options: None,
        }
    }
}

/// What must hold of a metric, alone or with what follows if it does not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ThresholdSpec {
    /// What must hold of the whole run, such as `p(95)<500`, or each second of its last part, as in `p(95)<500 over 30s`
    /// and `rate<0.01 for 60s`; times are milliseconds.
    Expression(String),
    /// What must hold, and whether the run ends early if it does not.
    Rule(ThresholdRule),
}

/// What a threshold is worth for which nothing was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NoData {
    /// As much as one that held.
    Pass,
    /// As much as a crossed one.
    Fail,
}

/// What must hold, and whether the run ends early if it does not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ThresholdRule {
    /// What must hold of the whole run, such as `p(95)<500`, or each second of its last part, as in `p(95)<500 over 30s`
    /// and `rate<0.01 for 60s`; times are milliseconds.
    pub threshold: String,
    /// Whether the run ends as soon as it does not hold.
    #[serde(default)]
    pub abort_on_fail: bool,
    /// How long the run goes on all the same, from its start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_abort_eval: Option<Length>,
}

/// The flow that runs where none is named.
pub(crate) fn default_flow() -> String {
    "default".to_owned()
}

/// How long iterations may take to finish where nothing else is said; k6's.
pub(crate) fn graceful_stop() -> Length {
    std::time::Duration::from_secs(30).into()
}
