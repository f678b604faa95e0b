//! What is to be run, with nothing left open.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use metrics::{OnNoData, Selector, Threshold, UrlGroup, UrlGroups};

use crate::executor::Share;
use crate::life::{Flows, Life};
use crate::limits::Limits;
use crate::options::{default_flow, graceful_stop};
use crate::problems::{element_of, key_of, message};
use crate::shortcut::{self, Shortcut};
use crate::{
    ConnectionReuse, DatasetPlan, Executor, HttpVersion, Length, LimitOptions, MAX_VUS,
    NetworkPlan, NoData, Options, Preset, Problems, Raise, RequestOptions, ScenarioOptions,
    Schedule, Search, ThresholdSpec, TlsPlan, TrendStat, VuStep, Wants, check, dataset, file,
    hosts, network, preset, proxy, tls, trend_stat,
};

/// How long `setup`, `teardown` and a request may take where nothing else is said; k6's.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How many redirects are followed where nothing else is said; k6's.
const MAX_REDIRECTS: u32 = 10;

/// What is to be run, and what must hold.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What runs side by side, by start time and then by name; at least one.
    pub scenarios: Vec<ScenarioPlan>,
    /// The preset that the only scenario comes of, if it does.
    pub preset: Option<Preset>,
    /// What must hold of which samples, by selector.
    pub thresholds: Vec<(Selector, Vec<Threshold>)>,
    /// What a threshold is worth for which nothing was measured.
    pub on_no_data: OnNoData,
    /// URLs that are counted together.
    pub url_groups: UrlGroups,
    /// Tags on everything that is measured.
    pub tags: BTreeMap<String, String>,
    /// What scripts find in their environment.
    pub env: BTreeMap<String, String>,
    /// What the run's chance comes from, if that is decided.
    pub seed: Option<u64>,
    /// How many requests a second all VUs together may begin; as many as they like if it is not given.
    pub rps: Option<NonZeroU32>,
    /// What the script says it wants, if it says so.
    pub wants: Option<Wants>,
    /// Files of rows that scripts open by name.
    pub datasets: BTreeMap<String, DatasetPlan>,
    /// Files that scripts may send: their paths by the names that scripts have for them.
    pub files: BTreeMap<String, String>,
    /// Whether the bodies of responses are forgotten, where a request does not say.
    pub discard_response_bodies: bool,
    /// How long the script's `setup` may take.
    pub setup_timeout: Duration,
    /// How long the script's `teardown` may take.
    pub teardown_timeout: Duration,
    /// How requests are made; scenarios may have ways of their own.
    pub requests: Requests,
    /// Where connections go to and come from, and how long they are kept.
    pub network: NetworkPlan,
    /// How TLS is spoken.
    pub tls: TlsPlan,
    /// What the script may take of the machine.
    pub limits: Limits,
    /// Which figures of a trend the summary shows, in this order.
    pub trend_stats: Vec<TrendStat>,
    /// Whether the cookies of an iteration are kept for the next ones of its VU.
    pub no_cookies_reset: bool,
    /// Whether the script's `setup` is left out.
    pub no_setup: bool,
    /// Whether the script's `teardown` is left out.
    pub no_teardown: bool,
    /// What to tell whoever runs it: what the options say to no effect.
    pub warnings: Vec<String>,
}

/// How requests are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requests {
    /// How long one may take that sets no limit of its own.
    pub timeout: Duration,
    /// How long it may take until there is a connection, if less than all of that.
    pub connect_timeout: Option<Duration>,
    /// What they say they come from, where the options say it.
    pub user_agent: Option<String>,
    /// How many redirects one follows at most.
    pub max_redirects: u32,
    /// The version of HTTP that is spoken.
    pub http_version: HttpVersion,
}

impl Requests {
    /// These, with what the options of a scenario say in place of it.
    fn with(&self, own: &RequestOptions) -> Self {
        Self {
            timeout: own.request_timeout.map_or(self.timeout, Length::get),
            connect_timeout: own.connect_timeout.map(Length::get).or(self.connect_timeout),
            user_agent: own.user_agent.clone().or_else(|| self.user_agent.clone()),
            max_redirects: own.max_redirects.unwrap_or(self.max_redirects),
            http_version: own.http_version.unwrap_or(self.http_version),
        }
    }
}

/// One of several things a run does side by side.
#[derive(Clone, Debug)]
pub struct ScenarioPlan {
    /// Its name; `default` if the options name none.
    pub name: String,
    /// The script's flows that its iterations run.
    pub flows: Flows,
    /// What its VUs do around their iterations.
    pub life: Life,
    /// When it starts, from the start of the load.
    pub start_time: Duration,
    /// How long iterations that run at its end may take to finish.
    pub graceful_stop: Duration,
    /// What its scripts find in their environment: the run's, and its own in their place.
    pub env: BTreeMap<String, String>,
    /// Tags on everything that is measured in it: the run's, and its own in their place.
    pub tags: BTreeMap<String, String>,
    /// How its requests are made, where that is not as in the run.
    pub requests: Option<Requests>,
    /// What its options ask for.
    pub executor: Arc<dyn Executor>,
    /// What that comes to.
    pub schedule: Schedule,
}

impl Options {
    /// Makes a plan of these options, with defaults for all that they leave out.
    ///
    /// Fails with everything in them that makes no sense.
    pub fn plan(self) -> Result<Plan, Problems> {
        let mut problems = Problems::default();
        // Flags and variables fill in options that no checker has seen yet.
        match serde_json::to_value(&self) {
            Ok(mut value) => check::check(&mut value, &mut problems),
            Err(error) => problems.push("", message(&error.to_string())),
        }

        let mut warnings = self.warnings;
        let tags = self.tags.unwrap_or_default();
        let env = self.env.unwrap_or_default();
        let timeout = |given: Option<Length>| given.map_or(TIMEOUT, Length::get);
        let requests = Requests {
            timeout: timeout(self.request_timeout),
            connect_timeout: self.connect_timeout.map(Length::get),
            user_agent: self.user_agent,
            max_redirects: self.max_redirects.unwrap_or(MAX_REDIRECTS),
            http_version: self.http_version.unwrap_or_default(),
        };

        let given_scenarios = self.scenarios.as_ref().is_some_and(|given| !given.is_empty());
        let mut scenarios: Vec<ScenarioPlan> = match self.scenarios {
            Some(scenarios) if !scenarios.is_empty() => {
                for (key, given) in [
                    ("stages", self.stages.is_some()),
                    ("rate", self.rate.is_some()),
                    ("duration", self.duration.is_some()),
                    ("iterations", self.iterations.is_some()),
                ] {
                    if given {
                        problems.push(key, "cannot be given together with `scenarios`");
                    }
                }
                for (key, given) in
                    [("vus", self.vus.is_some()), ("gracefulStop", self.graceful_stop.is_some())]
                {
                    // A preset takes the place of what layers below say, and has said so by its name.
                    if given && self.preset.is_none() {
                        warnings.push(format!(
                            "`{key}` has no effect beside `scenarios`: each of them has its own"
                        ));
                    }
                }
                scenarios
                    .into_iter()
                    .map(|(name, mut options)| {
                        options.isolation = options.isolation.or(self.isolation);
                        let path = key_of("scenarios", &name);
                        scenario(name, options, &requests, &path, &mut problems)
                    })
                    .collect()
            }
            _ => {
                let shortcut = Shortcut {
                    vus: self.vus,
                    duration: self.duration,
                    iterations: self.iterations,
                    stages: self.stages,
                    rate: self.rate,
                };
                let options = ScenarioOptions {
                    graceful_stop: self.graceful_stop.unwrap_or_else(graceful_stop),
                    isolation: self.isolation,
                    ..ScenarioOptions::new(shortcut::executor(&shortcut, &mut problems))
                };
                // The keys of a shortcut are those at the top.
                vec![scenario("default".to_owned(), options, &requests, "", &mut problems)]
            }
        };
        if self.wished_limits.stack.is_some() {
            warnings.push(
                "the script's own `limits.stack` has no effect: it is asked for its options on that stack"
                    .to_owned(),
            );
        }
        let wished = LimitOptions { stack: None, ..self.wished_limits };
        let limits = self.limits.unwrap_or_default().plan(wished);
        for scenario in &mut scenarios {
            if let Some(most) = limits.iteration_time {
                let timeout = scenario.life.iteration_timeout.unwrap_or(most);
                scenario.life.iteration_timeout = Some(timeout.min(most));
            }
            if let Some(flows) = &self.flows {
                let path = if given_scenarios {
                    key_of("scenarios", &scenario.name)
                } else {
                    String::new()
                };
                scenario.flows.check(flows, &path, &mut problems);
            }
            if let Some(least) = self.min_iteration_duration {
                scenario.life.pace = scenario.life.pace.max(least.get());
            }
            inherit(&mut scenario.env, &env);
            inherit(&mut scenario.tags, &tags);
        }
        scenarios.sort_by(|a, b| (a.start_time, &a.name).cmp(&(b.start_time, &b.name)));
        let vus = in_all(&scenarios);
        if vus > u64::from(MAX_VUS) && scenarios.len() > 1 {
            problems.push(
                "scenarios",
                format!("must have at most {MAX_VUS} VUs together, but have {vus}"),
            );
        }

        let dns = self.dns.unwrap_or_default();
        let never = self.no_connection_reuse.unwrap_or(false);
        let instead = self.hosts.unwrap_or_default();
        let unix_socket = self.unix_socket;
        hosts::refuse(&self.wished_sockets, unix_socket.as_deref(), &instead, &mut problems);
        if unix_socket.is_some() {
            for (key, given) in [
                ("hosts", !instead.is_empty()),
                ("connectTo", self.connect_to.is_some()),
                ("proxy", self.proxy.as_ref().is_some_and(|url| !url.is_empty())),
                ("localIPs", self.local_ips.is_some()),
            ] {
                if given {
                    warnings.push(format!(
                        "`{key}` has no effect: all connections go to the unix socket"
                    ));
                }
            }
        }
        let network = NetworkPlan {
            unix_socket,
            connect_to: hosts::connect_to(
                &self.connect_to.unwrap_or_default(),
                self.by_script.connect_to,
                &mut problems,
            ),
            hosts: hosts::hosts(instead, &self.by_script, &mut problems),
            proxy_by_script: self.by_script.proxy,
            proxy: proxy::choice(self.proxy.as_deref(), &mut problems),
            no_proxy: self.no_proxy.as_deref().map(|list| proxy::no_proxy(list, &mut problems)),
            dns_ttl: network::ttl(dns.ttl.as_deref()),
            dns_select: dns.select.unwrap_or_default(),
            dns_policy: dns.policy.unwrap_or_default(),
            local_ips: match &self.local_ips {
                Some(text) => network::local_ips(text, &mut problems),
                None => Vec::new(),
            },
            reuse: match self.no_vu_connection_reuse {
                _ if never => ConnectionReuse::Never,
                Some(true) => ConnectionReuse::WithinIteration,
                _ => ConnectionReuse::Always,
            },
        };
        let tls = TlsPlan {
            insecure_skip_verify: self.insecure_skip_tls_verify.unwrap_or(false),
            versions: tls::versions(self.tls_version, &mut problems),
            auth: self.tls_auth.unwrap_or_default(),
            roots: self.tls_roots.unwrap_or_default(),
            session_resumption: self.tls_session_resumption.unwrap_or(false),
        };

        let trend_stats = match &self.summary_trend_stats {
            Some(names) => trend_stats(names, &mut problems),
            None => trend_stat::DEFAULT.to_vec(),
        };
        let mut holding = self.thresholds.unwrap_or_default();
        if self.preset == Some(Preset::Breakpoint) && holding.is_empty() {
            holding = preset::holding();
        }
        let thresholds = thresholds(holding, &mut problems);
        let url_groups = url_groups(&self.group_urls.unwrap_or_default(), &mut problems);
        check_searches(&scenarios, &thresholds, &mut problems, &mut warnings);
        let datasets = self.datasets.unwrap_or_default();
        let datasets = dataset::plans(datasets, self.seed, &mut problems, &mut warnings);
        let files = file::paths(self.files.unwrap_or_default(), &mut problems);
        let wants = self.wants.map(|wants| wants.read("wants", &mut problems));
        problems.or(Plan {
            scenarios,
            preset: self.preset,
            thresholds,
            url_groups,
            on_no_data: match self.on_no_data {
                None => OnNoData::default(),
                Some(NoData::Fail) => OnNoData::Fail,
                Some(NoData::Pass) => OnNoData::Pass,
            },
            tags,
            env,
            seed: self.seed,
            rps: lower(
                self.rps.and_then(NonZeroU32::new),
                wants.as_ref().and_then(|wants| wants.rps),
            ),
            wants,
            datasets,
            files,
            discard_response_bodies: self.discard_response_bodies.unwrap_or(false),
            setup_timeout: timeout(self.setup_timeout),
            teardown_timeout: timeout(self.teardown_timeout),
            requests,
            network,
            tls,
            limits,
            trend_stats,
            no_cookies_reset: self.no_cookies_reset.unwrap_or(false),
            no_setup: self.no_setup.unwrap_or(false),
            no_teardown: self.no_teardown.unwrap_or(false),
            warnings,
        })
    }
}

/// The lower of two limits, of those that there are.
fn lower(one: Option<NonZeroU32>, other: Option<NonZeroU32>) -> Option<NonZeroU32> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

impl ScenarioOptions {
    /// Adds what they get wrong together.
    pub(crate) fn check(self, name: &str, path: &str, problems: &mut Problems) {
        let requests = Requests {
            timeout: TIMEOUT,
            connect_timeout: None,
            user_agent: None,
            max_redirects: MAX_REDIRECTS,
            http_version: HttpVersion::default(),
        };
        scenario(name.to_owned(), self, &requests, path, problems);
    }
}

fn scenario(
    name: String,
    options: ScenarioOptions,
    requests: &Requests,
    path: &str,
    problems: &mut Problems,
) -> ScenarioPlan {
    let executor: Arc<dyn Executor> = options.executor.into();
    let mut own = Problems::default();
    executor.validate(&mut own);
    let schedule = executor.schedule();
    if schedule.is_open() {
        for (key, given) in
            [("thinkTime", options.think_time.is_some()), ("pacing", options.pacing.is_some())]
        {
            if given {
                own.push(key, "has no meaning for arrivals, which come at their own times");
            }
        }
    }
    let flows = match (&options.exec, &options.weights) {
        (Some(_), Some(_)) => {
            own.push("weights", "cannot be given together with `exec`");
            Flows::one(default_flow())
        }
        (None, Some(weights)) => Flows::weighted(weights, "weights", &mut own),
        (Some(exec), None) => Flows::one(exec),
        (None, None) => Flows::one(default_flow()),
    };
    let life = Life {
        think_time: options.think_time.and_then(|it| it.plan("thinkTime", &mut own)),
        pace: options
            .pacing
            .max(options.min_iteration_duration)
            .map_or(Duration::ZERO, Length::get),
        iteration_timeout: options.iteration_timeout.map(Length::get),
        isolation: options.isolation.unwrap_or_default(),
    };
    problems.extend(path, own);
    ScenarioPlan {
        name,
        flows,
        life,
        start_time: options.start_time.get(),
        graceful_stop: options.graceful_stop.get(),
        env: options.env,
        tags: options.tags,
        requests: options.options.map(|own| requests.with(&own)),
        schedule,
        executor,
    }
}

fn inherit(own: &mut BTreeMap<String, String>, run: &BTreeMap<String, String>) {
    for (key, value) in run {
        own.entry(key.clone()).or_insert_with(|| value.clone());
    }
}

fn trend_stats(names: &[String], problems: &mut Problems) -> Vec<TrendStat> {
    let mut stats = Vec::new();
    for (place, name) in names.iter().enumerate() {
        match TrendStat::parse(name) {
            Ok(stat) => stats.push(stat),
            Err(error) => {
                let path = element_of("summaryTrendStats", place);
                problems.push(path, format!("{error}, but is `{}`", crate::problems::shown(name)));
            }
        }
    }
    stats
}

fn thresholds(
    specs: BTreeMap<String, Vec<ThresholdSpec>>,
    problems: &mut Problems,
) -> Vec<(Selector, Vec<Threshold>)> {
    let mut all = Vec::new();
    for (selector, specs) in specs {
        let path = key_of("thresholds", &selector);
        let mut own = Vec::new();
        for (place, spec) in specs.into_iter().enumerate() {
            let (expression, abort_on_fail, delay_abort_eval, key) = match spec {
                ThresholdSpec::Expression(expression) => (expression, false, None, ""),
                ThresholdSpec::Rule(rule) => {
                    (rule.threshold, rule.abort_on_fail, rule.delay_abort_eval, ".threshold")
                }
            };
            match Threshold::parse(&expression) {
                Ok(threshold) => own.push(Threshold {
                    abort_on_fail,
                    delay_abort_eval: delay_abort_eval.map(Length::get),
                    ..threshold
                }),
                Err(error) => {
                    problems.push(element_of(&path, place) + key, message(&error.to_string()))
                }
            }
        }
        match Selector::parse(&selector) {
            Ok(selector) => all.push((selector, own)),
            Err(error) => problems.push(path, message(&error.to_string())),
        }
    }
    all
}

fn url_groups(texts: &[String], problems: &mut Problems) -> UrlGroups {
    let mut groups = Vec::new();
    for (place, text) in texts.iter().enumerate() {
        match UrlGroup::parse(text) {
            Ok(group) => groups.push(group),
            Err(error) => {
                let shown = crate::problems::shown(text);
                problems.push(element_of("groupUrls", place), format!("{error}, but is `{shown}`"));
            }
        }
    }
    UrlGroups::new(groups)
}

/// Adds what a search lacks: something that can break, and to be the only one.
fn check_searches(
    scenarios: &[ScenarioPlan],
    thresholds: &[(Selector, Vec<Threshold>)],
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) {
    let mut searches =
        scenarios.iter().filter(|scenario| matches!(scenario.schedule, Schedule::Search(_)));
    let Some(first) = searches.next() else { return };
    for other in searches {
        let message = format!(
            "searches for the breakpoint as `{}` does; only one scenario can",
            crate::problems::shown(&first.name)
        );
        problems.push(key_of("scenarios", &other.name), message);
    }
    let mut all = thresholds.iter().flat_map(|(_, thresholds)| thresholds);
    if all.clone().any(Threshold::is_windowed) {
        warnings.push(
            "`over` and `for` have no effect in a search for the breakpoint, which holds each step as a \
             whole against the thresholds"
                .to_owned(),
        );
    }
    if all.any(|one| one.abort_on_fail) {
        warnings.push(
            "`abortOnFail` has no effect in a search for the breakpoint, which goes on until it \
             knows where thresholds break"
                .to_owned(),
        );
    }
    if thresholds.iter().all(|(_, thresholds)| thresholds.is_empty()) {
        problems.push(
            "thresholds",
            "must be given where a scenario searches for the breakpoint: it is where one of them breaks",
        );
    }
}

/// The most VUs that scenarios need at any one time. Those of one that ends serve one that starts then.
fn most_at_once(scenarios: &[ScenarioPlan]) -> u64 {
    let mut changes: Vec<(Duration, i64)> = Vec::new();
    for scenario in scenarios {
        let mut before = 0;
        for VuStep { at, vus } in scenario.demand() {
            let change = i64::from(vus) - before;
            changes.push((scenario.start_time.saturating_add(at), change));
            before = i64::from(vus);
        }
    }
    // Fewer sort before more.
    changes.sort_unstable();
    let (mut now, mut most) = (0_i64, 0);
    for (_, change) in changes {
        now += change;
        most = most.max(now);
    }
    most.unsigned_abs()
}

/// How many VUs there may be in all: each scenario makes its own, also one that starts when others have ended.
fn in_all(scenarios: &[ScenarioPlan]) -> u64 {
    let most = |scenario: &ScenarioPlan| scenario.demand().iter().map(|step| step.vus).max();
    scenarios.iter().filter_map(most).map(u64::from).sum()
}

impl Plan {
    /// Returns how many VUs may be made in all: each scenario has its own, also one that starts when others
    /// have ended.
    pub fn vus_in_all(&self) -> u64 {
        in_all(&self.scenarios)
    }

    /// Gives each scenario its share of this many VUs, and one at least, where they ask for more in all.
    ///
    /// Rates, iterations and times stay as they are.
    pub fn clamp(&mut self, most: u64) {
        let all = self.vus_in_all();
        if all <= most {
            return;
        }
        let share = Share::new(most, all);
        for scenario in &mut self.scenarios {
            scenario.executor = scenario.executor.with(share);
            scenario.schedule = scenario.executor.schedule();
        }
    }

    /// Returns the most VUs that there may be at one time.
    pub fn max_vus(&self) -> u32 {
        u32::try_from(most_at_once(&self.scenarios)).unwrap_or(u32::MAX)
    }

    /// Returns how many VUs take part at least in what any one of the scenarios does: those of the smallest.
    ///
    /// Arrivals may all find the same VU free.
    pub fn least_vus(&self) -> u32 {
        let vus = |scenario: &ScenarioPlan| match &scenario.schedule {
            Schedule::Looping { steps, .. } => {
                steps.iter().map(|step| step.vus).max().unwrap_or_default()
            }
            Schedule::Controlled { vus, .. } => *vus,
            Schedule::Iterations { vus, .. } => vus.get(),
            Schedule::Search(Search { raise: Raise::Vus, start, .. }) => *start,
            Schedule::Arrivals { .. } | Schedule::Search(_) => 1,
        };
        self.scenarios.iter().map(vus).min().unwrap_or_default()
    }

    /// Returns how long the load may take, graceful stop included; `None` if it has no end of its own.
    pub fn max_duration(&self) -> Option<Duration> {
        self.scenarios.iter().map(ScenarioPlan::end).max().filter(|end| *end < Duration::MAX)
    }

    /// Returns what is to be run in k6's words: a line for all, and one for each scenario.
    pub fn describe(&self) -> Vec<String> {
        let scenarios = match self.scenarios.len() {
            1 => "1 scenario".to_owned(),
            count => format!("{count} scenarios"),
        };
        let max_duration = match self.max_duration() {
            Some(duration) => format!("{} max duration", Length::from(duration)),
            None => "no max duration".to_owned(),
        };
        let all = format!(
            "scenarios: (100.00%) {scenarios}, {} max VUs, {max_duration} (incl. graceful stop):",
            self.max_vus()
        );
        let each = self.scenarios.iter().map(|scenario| format!("* {}", scenario.describe()));
        std::iter::once(all).chain(each).collect()
    }
}

impl ScenarioPlan {
    /// Returns when its last iteration has ended at the latest, from the start of the load.
    pub fn end(&self) -> Duration {
        self.start_time.saturating_add(self.schedule.duration()).saturating_add(self.graceful_stop)
    }

    /// Returns how many VUs it may need, over time from its start, graceful stop included.
    pub fn demand(&self) -> Vec<VuStep> {
        let mut steps = self.executor.demand();
        if let Some(last) = steps.last_mut() {
            last.at = last.at.saturating_add(self.graceful_stop);
        }
        steps
    }

    /// Returns what it does, in k6's words: `default: 10 looping VUs for 10s (gracefulStop: 30s)`.
    pub fn describe(&self) -> String {
        let mut facts = self.executor.facts();
        match self.flows.names() {
            [one] if *one == default_flow() => {}
            flows => {
                let flows: Vec<_> = flows.iter().map(|flow| crate::problems::shown(flow)).collect();
                facts.push(format!("exec: {}", flows.join("|")));
            }
        }
        for (name, length) in [("startTime", self.start_time), ("gracefulStop", self.graceful_stop)]
        {
            if !length.is_zero() {
                facts.push(format!("{name}: {}", Length::from(length)));
            }
        }
        let facts = match facts.as_slice() {
            [] => String::new(),
            facts => format!(" ({})", facts.join(", ")),
        };
        format!("{}: {}{facts}", self.name, self.executor.describe())
    }
}

#[cfg(test)]
mod tests;
