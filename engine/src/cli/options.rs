//! The flags that are options, with k6's names, and the layers of options that they are.
//!
//! `run` and `plan` have the same ones, from here: what is planned with some flags is what runs with them.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::builder::BoolishValueParser;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args};
use metrics::{Selector, Threshold, UrlGroup};
use plan::{
    DatasetOptions, DnsOptions, FileOption, HttpVersion, Length, NoData, Options, Preset, Problems,
    Stage, ThresholdSpec, TlsAuthOptions,
};

use super::limits::LimitFlags;
use crate::exit::ExitCode;
use crate::fault::Fault;

/// Which layer of options wins, for help pages.
pub(super) const LAYERS: &str = "Flags win over the environment (WASMLOAD_VUS, …), the environment over \
     --config, and that over the script's own options.";

/// What is asked for by flags or, where one is not given, by the environment.
#[derive(Clone, Debug, Args)]
pub(crate) struct OptionFlags {
    /// Number of virtual users
    #[arg(
        short = 'u',
        long,
        env = "WASMLOAD_VUS",
        hide_env_values = true,
        value_name = "N",
        value_parser = whole::<u32>,
        allow_negative_numbers = true
    )]
    vus: Option<u32>,

    /// How long to run, such as 30s or 1m30s
    #[arg(short = 'd', long, env = "WASMLOAD_DURATION", hide_env_values = true, value_parser = duration)]
    duration: Option<Length>,

    /// Number of iterations, shared by all virtual users
    #[arg(
        short = 'i',
        long,
        env = "WASMLOAD_ITERATIONS",
        hide_env_values = true,
        value_name = "N",
        value_parser = whole::<u64>,
        allow_negative_numbers = true
    )]
    iterations: Option<u64>,

    /// A stage of a ramp, such as 30s:10 for up or down to ten virtual users within 30 s; may be given
    /// several times
    #[arg(short = 's', long = "stage", value_name = "DURATION:TARGET", value_parser = Stage::parse)]
    stages: Vec<Stage>,

    /// Iterations to start a second for --duration, however long they take
    #[arg(
        long,
        env = "WASMLOAD_RATE",
        hide_env_values = true,
        value_name = "N",
        value_parser = whole::<u32>,
        allow_negative_numbers = true
    )]
    rate: Option<u32>,

    /// What the run's chance comes from: random numbers of the script, think times, datasets at random. The same seed
    /// gives the same again [default: another each time, which is printed]
    #[arg(long, env = "WASMLOAD_SEED", hide_env_values = true, value_name = "N")]
    seed: Option<u64>,

    /// One of the usual tests: smoke, load, stress, spike, soak or breakpoint. --vus and --duration stretch it
    #[arg(long, value_name = "NAME", value_parser = preset)]
    preset: Option<Preset>,

    /// The most requests a second of all virtual users together; the others wait for their turn
    #[arg(
        long,
        env = "WASMLOAD_RPS",
        hide_env_values = true,
        value_name = "N",
        value_parser = whole::<u32>,
        allow_negative_numbers = true
    )]
    rps: Option<u32>,

    /// An environment variable for the script; may be given several times
    #[arg(short = 'e', long = "env", value_name = "NAME=VALUE", value_parser = pair)]
    variables: Vec<(String, String)>,

    /// A file of rows that the script opens by this name, .csv or .jsonl; may be given several times
    ///
    /// Scripts have no files but these. In which order rows are handed out, and what happens when unique ones
    /// have run out, is said by `datasets` in the options.
    #[arg(long = "dataset", value_name = "NAME=FILE", value_parser = dataset)]
    datasets: Vec<(String, String)>,

    /// A file that the script may send, by the name it has for it; may be given several times
    #[arg(long = "file", value_name = "NAME=FILE", value_parser = file)]
    files: Vec<(String, String)>,

    /// A tag for all samples; may be given several times
    #[arg(long = "tag", value_name = "NAME=VALUE", value_parser = pair)]
    tags: Vec<(String, String)>,

    /// A path whose requests are counted together where the script gives them no name, such as '/items/{id}'; may be given
    /// several times
    #[arg(long = "group-url", value_name = "PATH", value_parser = group_url)]
    group_urls: Vec<String>,

    /// What must hold, such as 'http_req_duration: p(95)<500'; may be given several times
    ///
    /// Of a part of a metric: 'http_reqs{status:200}: count>1000'. Times are milliseconds. What is given
    /// for a metric takes the place of what the script or the file demands of it.
    ///
    /// 'p(95)<500 over 30s' is held each second against the last 30 seconds, 'rate<0.01 for 60s' is crossed when each
    /// second of 60 on end does not hold, and both can be asked for at once.
    #[arg(long = "threshold", value_name = "METRIC: EXPRESSION", value_parser = threshold)]
    thresholds: Vec<(String, String)>,

    /// What a threshold is worth for which nothing was measured: pass or fail [default: fail, but for a part of a metric]
    #[arg(long, env = "WASMLOAD_ON_NO_DATA", hide_env_values = true, value_name = "VERDICT", value_parser = on_no_data)]
    on_no_data: Option<NoData>,

    /// Ignore all thresholds
    #[arg(long, env = "WASMLOAD_NO_THRESHOLDS", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub(crate) no_thresholds: bool,

    /// What to say of trends, such as avg,med,p(99)
    #[arg(long, env = "WASMLOAD_SUMMARY_TREND_STATS", hide_env_values = true, value_name = "LIST")]
    summary_trend_stats: Option<String>,

    /// Options in JSON or, if its name ends in .toml, TOML; `wasmload schema options` describes them
    #[arg(short = 'c', long, env = "WASMLOAD_CONFIG", hide_env_values = true, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The `user-agent` of requests that have none of their own
    #[arg(long, env = "WASMLOAD_USER_AGENT", hide_env_values = true, value_name = "TEXT")]
    user_agent: Option<String>,

    /// How many redirects a request follows at most [default: 10]
    #[arg(long, env = "WASMLOAD_MAX_REDIRECTS", hide_env_values = true, value_name = "N")]
    max_redirects: Option<u32>,

    /// Count the bodies of responses and forget them, where a request does not ask for its own
    #[arg(
        long,
        env = "WASMLOAD_DISCARD_RESPONSE_BODIES",
        hide_env_values = true,
        value_parser = BoolishValueParser::new()
    )]
    discard_response_bodies: bool,

    /// The version of HTTP that is spoken: auto (by TLS what the server chooses of 2 and 1.1, in the clear 1.1),
    /// 1.1, or 2, in the clear without asking whether the server speaks it [default: auto]
    #[arg(
        long,
        env = "WASMLOAD_HTTP_VERSION",
        hide_env_values = true,
        value_name = "VERSION",
        value_parser = http_version
    )]
    http_version: Option<HttpVersion>,

    /// What is made of the addresses that names have, such as ttl=5m,select=random,policy=preferIPv4
    #[arg(
        long,
        env = "WASMLOAD_DNS",
        hide_env_values = true,
        value_name = "KEY=VALUE,…",
        value_parser = dns
    )]
    dns: Option<DnsOptions>,

    /// How long it may take until there is a connection, TLS included, such as 5s [default: as long as the request]
    #[arg(
        long,
        env = "WASMLOAD_CONNECT_TIMEOUT",
        hide_env_values = true,
        value_name = "DURATION",
        value_parser = duration
    )]
    connect_timeout: Option<Length>,

    /// Another place to connect to for a host and port, as for curl: a.test:443:10.0.0.1:8443, or ::b.test: for all;
    /// may be given several times, and the first that fits stands
    #[arg(long, value_name = "HOST1:PORT1:HOST2:PORT2")]
    connect_to: Vec<String>,

    /// The unix socket that all connections go to
    #[arg(long, env = "WASMLOAD_UNIX_SOCKET", hide_env_values = true, value_name = "PATH")]
    unix_socket: Option<String>,

    /// The proxy that connections go through, such as `http://user:password@proxy.test:3128`; '' is none
    ///
    /// A proxy of HTTP's kind (http://) or of SOCKS 5, where names are looked up here (socks5://) or by the proxy
    /// (socks5h://). Without this, the environment says: http_proxy, https_proxy and all_proxy, also in capitals.
    /// Under CGI, HTTP_PROXY does not count. What the environment says is not for localhost and loopback
    /// addresses; what is said here is.
    #[arg(long, env = "WASMLOAD_PROXY", hide_env_values = true, value_name = "URL")]
    proxy: Option<String>,

    /// Hosts to connect to without a proxy, such as a.test,.b.test:8080,10.0.0.0/8 or '*', instead of those that
    /// no_proxy lists in the environment
    #[arg(long = "noproxy", env = "WASMLOAD_NOPROXY", hide_env_values = true, value_name = "LIST")]
    no_proxy: Option<String>,

    /// Addresses of this machine to connect from, each VU from one of them in turn, such as
    /// 10.0.0.1-10.0.0.9,10.1.0.0/27
    #[arg(long, env = "WASMLOAD_LOCAL_IPS", hide_env_values = true, value_name = "LIST")]
    local_ips: Option<String>,

    /// Make a connection for each request
    #[arg(
        long,
        env = "WASMLOAD_NO_CONNECTION_REUSE",
        hide_env_values = true,
        value_parser = BoolishValueParser::new()
    )]
    no_connection_reuse: bool,

    /// Make new connections in each iteration
    #[arg(
        long,
        env = "WASMLOAD_NO_VU_CONNECTION_REUSE",
        hide_env_values = true,
        value_parser = BoolishValueParser::new()
    )]
    no_vu_connection_reuse: bool,

    /// Believe every server's certificate, whoever issued it and whomever it is for
    #[arg(
        long,
        env = "WASMLOAD_INSECURE_SKIP_TLS_VERIFY",
        hide_env_values = true,
        value_parser = BoolishValueParser::new()
    )]
    insecure_skip_tls_verify: bool,

    /// Certificates of issuers to believe beside those that this machine believes, in PEM; may be given
    /// several times
    #[arg(long = "cacert", value_name = "FILE", value_parser = text_of)]
    roots: Vec<String>,

    /// The certificate to show to servers that ask who is there, in PEM. For one that is for some hosts only
    /// there is `tlsAuth` in the options
    #[arg(long, value_name = "FILE", value_parser = text_of, requires = "key")]
    cert: Option<String>,

    /// The private key of --cert, in PEM
    #[arg(long, value_name = "FILE", value_parser = text_of, requires = "cert")]
    key: Option<String>,

    /// Do not call the script's `setup`
    #[arg(long, env = "WASMLOAD_NO_SETUP", hide_env_values = true, value_parser = BoolishValueParser::new())]
    no_setup: bool,

    /// Do not call the script's `teardown`
    #[arg(long, env = "WASMLOAD_NO_TEARDOWN", hide_env_values = true, value_parser = BoolishValueParser::new())]
    no_teardown: bool,

    #[command(flatten)]
    limits: LimitFlags,

    /// The arguments whose values the environment gave, by their names here.
    #[arg(skip)]
    from_environment: BTreeSet<String>,

    /// The options of the file, once it has been read: a pipe can be read but once.
    #[arg(skip)]
    in_file: OnceCell<Options>,
}

/// Who gave an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    Environment,
    Flags,
}

impl OptionFlags {
    /// Notes which values the environment gave.
    pub(super) fn told_apart(&mut self, matches: &ArgMatches) {
        let ids = matches.ids().map(clap::Id::as_str);
        let given = ids.filter(|id| matches.value_source(id) == Some(ValueSource::EnvVariable));
        self.from_environment = given.map(ToOwned::to_owned).collect();
    }

    /// What the flags and, below them, the environment ask for. Both win over everything else.
    ///
    /// Fails where a preset stands beside what it cannot be combined with.
    pub(crate) fn options(&self) -> Result<Options, Fault> {
        let given = self.layer(Layer::Flags).over(self.layer(Layer::Environment));
        match self.preset {
            None => Ok(given),
            Some(preset) => {
                preset.options(given).map_err(|problems| invalid("the flags", &problems))
            }
        }
    }

    fn layer(&self, layer: Layer) -> Options {
        let gave =
            |name: &str| self.from_environment.contains(name) == (layer == Layer::Environment);
        // A flag that is not there says nothing; a variable may also say no.
        let said = |name: &str, value: bool| match layer {
            Layer::Environment => gave(name).then_some(value),
            Layer::Flags => (gave(name) && value).then_some(true),
        };
        let options = Options {
            vus: self.vus.filter(|_| gave("vus")),
            duration: self.duration.filter(|_| gave("duration")),
            iterations: self.iterations.filter(|_| gave("iterations")),
            rps: self.rps.filter(|_| gave("rps")),
            rate: self.rate.filter(|_| gave("rate")),
            seed: self.seed.filter(|_| gave("seed")),
            summary_trend_stats: self
                .summary_trend_stats
                .as_deref()
                .filter(|_| gave("summary_trend_stats"))
                .map(list),
            user_agent: self.user_agent.clone().filter(|_| gave("user_agent")),
            max_redirects: self.max_redirects.filter(|_| gave("max_redirects")),
            discard_response_bodies: said("discard_response_bodies", self.discard_response_bodies),
            http_version: self.http_version.filter(|_| gave("http_version")),
            on_no_data: self.on_no_data.filter(|_| gave("on_no_data")),
            dns: self.dns.clone().filter(|_| gave("dns")),
            local_ips: self.local_ips.clone().filter(|_| gave("local_ips")),
            connect_timeout: self.connect_timeout.filter(|_| gave("connect_timeout")),
            unix_socket: self.unix_socket.clone().filter(|_| gave("unix_socket")),
            proxy: self.proxy.clone().filter(|_| gave("proxy")),
            no_proxy: self.no_proxy.clone().filter(|_| gave("no_proxy")),
            no_connection_reuse: said("no_connection_reuse", self.no_connection_reuse),
            no_vu_connection_reuse: said("no_vu_connection_reuse", self.no_vu_connection_reuse),
            insecure_skip_tls_verify: said(
                "insecure_skip_tls_verify",
                self.insecure_skip_tls_verify,
            ),
            no_setup: said("no_setup", self.no_setup),
            no_teardown: said("no_teardown", self.no_teardown),
            ..Options::default()
        };
        match layer {
            Layer::Environment => options,
            Layer::Flags => Options {
                env: map(&self.variables),
                tags: map(&self.tags),
                datasets: self.datasets(),
                files: self.files(),
                thresholds: self.thresholds(),
                group_urls: (!self.group_urls.is_empty()).then(|| self.group_urls.clone()),
                connect_to: (!self.connect_to.is_empty()).then(|| self.connect_to.clone()),
                tls_auth: self.tls_auth(),
                tls_roots: (!self.roots.is_empty()).then(|| self.roots.clone()),
                // Each is by itself: who gave it makes no difference.
                limits: self.limits.options(),
                stages: (!self.stages.is_empty()).then(|| self.stages.clone()),
                ..options
            },
        }
    }

    /// The stack that VUs are to have, which is needed before a script is asked for its options.
    pub(crate) fn stack(&self) -> Result<u64, Fault> {
        let upper = self.limits.options().unwrap_or_default();
        let lower = self.config()?.limits.unwrap_or_default();
        let options = Options { limits: Some(upper.over(lower)), ..Options::default() };
        let plan = options.plan().map_err(|problems| invalid("the limits", &problems))?;
        Ok(plan.limits.stack)
    }

    fn thresholds(&self) -> Option<BTreeMap<String, Vec<ThresholdSpec>>> {
        let mut thresholds: BTreeMap<String, Vec<ThresholdSpec>> = BTreeMap::new();
        for (metric, expression) in &self.thresholds {
            let of_metric = thresholds.entry(metric.clone()).or_default();
            of_metric.push(ThresholdSpec::Expression(expression.clone()));
        }
        (!thresholds.is_empty()).then_some(thresholds)
    }

    fn tls_auth(&self) -> Option<Vec<TlsAuthOptions>> {
        let (cert, key) = (self.cert.clone()?, self.key.clone()?);
        Some(vec![TlsAuthOptions { cert, key, domains: None }])
    }

    /// The last of several files of one name stands.
    fn datasets(&self) -> Option<BTreeMap<String, DatasetOptions>> {
        let of_file = |file: &String| DatasetOptions {
            file: Some(file.clone()),
            ..DatasetOptions::default()
        };
        let datasets: BTreeMap<_, _> =
            self.datasets.iter().map(|(name, file)| (name.clone(), of_file(file))).collect();
        (!datasets.is_empty()).then_some(datasets)
    }

    /// The last of several files of one name stands.
    fn files(&self) -> Option<BTreeMap<String, FileOption>> {
        let of_file =
            |(name, file): &(String, String)| (name.clone(), FileOption::new(file.clone()));
        let files: BTreeMap<_, _> = self.files.iter().map(of_file).collect();
        (!files.is_empty()).then_some(files)
    }

    /// The environment variables that are given to the script, those of the options file included.
    ///
    /// Fails as [`options`](Self::options) and [`config`](Self::config) do.
    pub(crate) fn env(&self) -> Result<BTreeMap<String, String>, Fault> {
        Ok(self.options()?.over(self.config()?).env.unwrap_or_default())
    }

    /// What the configuration file asks for.
    pub(crate) fn config(&self) -> Result<Options, Fault> {
        if let Some(options) = self.in_file.get() {
            return Ok(options.clone());
        }
        let options = self.read_config()?;
        Ok(self.in_file.get_or_init(|| options).clone())
    }

    fn read_config(&self) -> Result<Options, Fault> {
        let Some(path) = &self.config else { return Ok(Options::default()) };
        let text = std::fs::read_to_string(path).map_err(|error| {
            Fault::new(ExitCode::InvalidConfig, format!("failed to read `{}`", path.display()))
                .detail(error.to_string())
        })?;
        let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
        let options = match extension {
            "toml" => plan::parse_toml(&text),
            // What has no name of its own, such as a pipe, is JSON.
            "json" | "" => plan::parse_json(&text),
            _ => {
                return Err(Fault::new(
                    ExitCode::InvalidConfig,
                    format!("`{}` is neither .json nor .toml", path.display()),
                )
                .hint("options are written in JSON or in TOML, and the file's name says which"));
            }
        };
        let folder = path.parent().unwrap_or(Path::new(""));
        let options = options.and_then(|options| match options.wants {
            None => Ok(options),
            Some(_) => {
                let mut problems = Problems::default();
                problems.push(
                    "wants",
                    "is for a script's own options only; what it is allowed is said by `--allow-net` and its like, or \
                     by `--policy`",
                );
                Err(problems)
            }
        });
        options
            .map(|options| options.with_files_in(folder))
            .map_err(|problems| invalid(&format!("the options in `{}`", path.display()), &problems))
    }
}

/// The fault for options with problems, all of them. `whose` is such as "the options of `a.wasm`".
pub(crate) fn invalid(whose: &str, problems: &Problems) -> Fault {
    Fault::new(ExitCode::InvalidConfig, format!("{whose} are invalid"))
        .detail(problems.to_string())
        .hint("`wasmload schema options` describes every key")
}

/// The last of several values of one name stands.
fn map(pairs: &[(String, String)]) -> Option<BTreeMap<String, String>> {
    (!pairs.is_empty()).then(|| pairs.iter().cloned().collect())
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(|stat| stat.trim().to_owned()).collect()
}

/// Reads k6's `ttl=5m,select=random,policy=preferIPv4`, of which any may be left out. What an option may be,
/// the plan says.
fn dns(text: &str) -> Result<DnsOptions, String> {
    let form = "it must be such as ttl=5m,select=random,policy=preferIPv4";
    let mut given = serde_json::Map::new();
    for part in text.split(',') {
        let (key, value) = part.split_once('=').ok_or(form)?;
        given.insert(key.trim().to_owned(), value.trim().into());
    }
    let options = serde_json::json!({ "dns": given }).to_string();
    let options = plan::parse_json(&options).map_err(|problems| problems.to_string())?;
    options.dns.ok_or_else(|| form.to_owned())
}

/// Reads a version of HTTP. Which there are, the plan says.
fn http_version(text: &str) -> Result<HttpVersion, String> {
    let options = serde_json::json!({ "httpVersion": text }).to_string();
    let options = plan::parse_json(&options).map_err(|problems| problems.to_string())?;
    options.http_version.ok_or_else(|| "it must be auto, 1.1 or 2".to_owned())
}

/// Reads a path whose requests are counted together.
fn group_url(text: &str) -> Result<String, String> {
    UrlGroup::parse(text).map(|_| text.to_owned()).map_err(|error| format!("it {error}"))
}

/// Reads what silence is worth.
fn on_no_data(text: &str) -> Result<NoData, String> {
    match text {
        "pass" => Ok(NoData::Pass),
        "fail" => Ok(NoData::Fail),
        _ => Err("it must be pass or fail".to_owned()),
    }
}

/// Reads the file of this name.
fn text_of(file: &str) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| error.to_string())
}

/// Reads the name of a preset.
fn preset(text: &str) -> Result<Preset, String> {
    Preset::by_name(text).ok_or_else(|| {
        let names: Vec<_> = Preset::ALL.iter().map(|(name, _)| *name).collect();
        format!("it must be one of {}", names.join(", "))
    })
}

/// Reads a number of things.
pub(super) fn whole<T: FromStr>(text: &str) -> Result<T, String> {
    text.trim().parse().map_err(|_| "it must be a whole number from 1 on".to_owned())
}

/// Reads a length of time. In an options file a number alone is milliseconds, as in k6; on the command
/// line it is refused, again as in k6: who types `-d 10` does not mean ten milliseconds.
pub(super) fn duration(text: &str) -> Result<Length, String> {
    if text.trim().parse::<f64>().is_ok() {
        return Err(format!("it has no unit: write `{0}s` or `{0}ms`", text.trim()));
    }
    text.parse().map_err(|error: plan::LengthError| format!("it {error}"))
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it must be NAME=VALUE".into()),
    }
}

/// Splits a dataset's name and the file of that name.
fn dataset(text: &str) -> Result<(String, String), String> {
    named_file(text, "users=users.csv")
}

/// Splits the name of a file to be sent and the file of that name.
fn file(text: &str) -> Result<(String, String), String> {
    named_file(text, "photo=cat.jpg")
}

fn named_file(text: &str, such_as: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, file)) if !name.is_empty() && !file.is_empty() => {
            Ok((name.to_owned(), file.to_owned()))
        }
        _ => Err(format!("it must be NAME=FILE, such as {such_as}")),
    }
}

/// Splits `metric{tag:value}: expression` at the colon behind the metric and its tags, and reads both.
///
/// A tag's value may have colons and braces; an expression has no brace, so the last one ends the tags.
fn threshold(text: &str) -> Result<(String, String), String> {
    let form = "it must be METRIC: EXPRESSION, such as `http_req_duration: p(95)<500`";
    let tags_end = text.rfind('}').map_or(0, |brace| brace + 1);
    let Some(colon) = text[tags_end..].find(':') else { return Err(form.into()) };
    let (metric, expression) = (&text[..tags_end + colon], &text[tags_end + colon + 1..]);
    let selector = Selector::parse(metric.trim()).map_err(|error| error.to_string())?;
    let threshold = Threshold::parse(expression.trim()).map_err(|error| error.to_string())?;
    // As it is usually written, so that it meets the same metric's of the script.
    Ok((selector.to_string(), threshold.source))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        flags: OptionFlags,
    }

    fn options(flags: &[&str]) -> Options {
        let line = ["run"].iter().chain(flags);
        Line::try_parse_from(line).expect("the flags parse").flags.options().expect("they fit")
    }

    #[test]
    fn flags_are_a_layer_of_options_that_says_only_what_was_typed() {
        assert_eq!(options(&[]), Options::default());
        let given = options(&["-u", "5", "-d", "1m30s", "-e", "A=b=c", "--tag", "team=red"]);
        assert_eq!(given.vus, Some(5));
        assert_eq!(given.duration.map(|length| length.get().as_secs()), Some(90));
        assert_eq!(given.env, Some([("A".to_owned(), "b=c".to_owned())].into()));
        assert_eq!(given.tags, Some([("team".to_owned(), "red".to_owned())].into()));
        assert_eq!(given.iterations, None);
    }

    /// With the values of these arguments from the environment, as the parser would note it.
    fn options_with(environment: &[&str], flags: &[&str]) -> Options {
        let line = ["run"].iter().chain(flags);
        let mut typed = Line::try_parse_from(line).expect("the flags parse").flags;
        typed.from_environment = environment.iter().map(|&name| name.to_owned()).collect();
        typed.options().expect("they fit")
    }

    #[test]
    fn flags_lie_over_the_environment_as_any_layer_over_another() {
        let both = ["-i", "5", "-d", "10s", "-u", "2", "--no-setup"];
        let shared = options_with(&[], &both);
        assert!(shared.duration.is_some() && shared.iterations == Some(5), "one layer: combined");

        let layered = options_with(&["duration", "vus"], &both);
        assert_eq!(layered.iterations, Some(5));
        assert_eq!(layered.duration, None, "the flags decided what runs");
        assert_eq!(layered.vus, Some(2), "the environment's number of users stands");

        assert_eq!(options_with(&["no_setup"], &[]).no_setup, Some(false), "a variable may say no");
        assert_eq!(options_with(&["no_setup"], &["--no-setup"]).no_setup, Some(true));
        assert_eq!(options_with(&[], &[]).no_setup, None, "a flag that is not there says nothing");
    }

    #[test]
    fn a_duration_on_the_command_line_has_a_unit() {
        for (text, milliseconds) in [("10s", 10_000), ("1m30s", 90_000), ("500ms", 500)] {
            assert_eq!(duration(text).unwrap().get().as_millis(), milliseconds, "{text}");
        }
        for (text, says) in [
            ("10", "it has no unit: write `10s` or `10ms`"),
            ("1.5", "it has no unit: write `1.5s` or `1.5ms`"),
            ("soon", "it must be a duration such as `30s` or `1m30s`"),
        ] {
            assert_eq!(duration(text).unwrap_err(), says);
        }
    }

    #[test]
    fn a_threshold_is_split_behind_the_metric_and_its_tags() {
        for (text, metric, expression) in [
            ("http_req_duration: p(95)<500", "http_req_duration", "p(95)<500"),
            ("checks:rate>0.9", "checks", "rate>0.9"),
            ("http_reqs{status:200}: count>1", "http_reqs{status:200}", "count>1"),
            ("http_reqs{ status : 200 } : count > 1", "http_reqs{status:200}", "count > 1"),
            ("http_reqs{name:http://a/b}:count>1", "http_reqs{name:http://a/b}", "count>1"),
            ("http_reqs{name:/{id}:x}: count>1", "http_reqs{name:/{id}:x}", "count>1"),
        ] {
            assert_eq!(threshold(text), Ok((metric.to_owned(), expression.to_owned())), "{text}");
        }
        for (text, says) in [
            ("http_req_duration p(95)<500", "it must be METRIC: EXPRESSION"),
            ("http_reqs{status:200} count>1", "it must be METRIC: EXPRESSION"),
            ("p(95)<500", "it must be METRIC: EXPRESSION"),
            ("http-reqs: count>1", "expected a metric's name"),
            ("http_reqs{status}: count>1", "expected a tag of the form `key:value`"),
            ("http_req_duration: p95<500", "instead of `p95`"),
            ("http_req_duration: p(95)<500ms", "expected"),
            ("checks:", "expected an operator"),
        ] {
            let error = threshold(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn thresholds_of_one_metric_stand_together() {
        let given = options(&["--threshold", "checks: rate>0.9", "--threshold", "checks:rate<1"]);
        let thresholds = given.thresholds.expect("they were given");
        assert_eq!(thresholds["checks"].len(), 2);
    }

    #[test]
    fn what_is_made_of_addresses_is_written_as_in_k6() {
        let dns = options(&["--dns", "ttl=0,policy=onlyIPv4"]).dns.expect("it was given");
        assert_eq!((dns.ttl.as_deref(), dns.select), (Some("0"), None));
        assert_eq!(dns.policy, Some(plan::AddressPolicy::OnlyIpv4));
        for (text, says) in [
            ("5m", "it must be such as ttl=5m,"),
            ("", "it must be such as ttl=5m,"),
            ("ttl=soon", "dns.ttl: must be a duration such as `5m`, `0` or `inf`, but is `soon`"),
            ("tll=5m", "dns: unknown key `tll`; did you mean `ttl`?"),
        ] {
            let error = super::dns(text).unwrap_err();
            assert!(error.starts_with(says), "{text}: {error}");
        }
    }

    #[test]
    fn where_connections_go_is_said_as_for_curl() {
        let given = options(&[
            "--connect-to",
            "a:80:b:81",
            "--connect-to",
            ":::",
            "--unix-socket",
            "/run/a.sock",
            "--proxy",
            "",
            "--noproxy",
            "a.test",
            "--connect-timeout",
            "1.5s",
        ]);
        assert_eq!(given.connect_to, Some(vec!["a:80:b:81".to_owned(), ":::".to_owned()]));
        assert_eq!(given.unix_socket.as_deref(), Some("/run/a.sock"));
        assert_eq!((given.proxy.as_deref(), given.no_proxy.as_deref()), (Some(""), Some("a.test")));
        assert_eq!(given.connect_timeout.map(|length| length.get().as_millis()), Some(1_500));
        let of_environment = options_with(&["proxy"], &["--proxy", "p", "--noproxy", "a.test"]);
        assert_eq!(of_environment.proxy.as_deref(), Some("p"), "a variable's value is one");
    }

    #[test]
    fn the_version_of_http_is_one_that_is_spoken() {
        for (text, version) in
            [("auto", HttpVersion::Auto), ("1.1", HttpVersion::Http11), ("2", HttpVersion::Http2)]
        {
            assert_eq!(options(&["--http-version", text]).http_version, Some(version));
        }
        assert_eq!(options(&[]).http_version, None);
        assert_eq!(options(&["--on-no-data", "pass"]).on_no_data, Some(NoData::Pass));
        assert_eq!(options(&["--on-no-data", "fail"]).on_no_data, Some(NoData::Fail));
        assert_eq!(on_no_data("maybe"), Err("it must be pass or fail".to_owned()));
        for text in ["3", "", "http2"] {
            let error = http_version(text).unwrap_err();
            assert!(error.starts_with("httpVersion: must be `auto`, `1.1` or `2`"), "{error}");
        }
    }

    #[test]
    fn certificates_and_keys_are_read_from_the_files_that_flags_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, name).unwrap();
            path.to_str().expect("its name is text").to_owned()
        };
        let (ca, cert, key) = (file("ca"), file("cert"), file("key"));
        let given = options(&["--cacert", &ca, "--cacert", &cert, "--cert", &cert, "--key", &key]);
        assert_eq!(given.tls_roots, Some(vec!["ca".to_owned(), "cert".to_owned()]));
        let auth = given.tls_auth.expect("it was given");
        assert_eq!((auth[0].cert.as_str(), auth[0].key.as_str()), ("cert", "key"));
        for (flags, says) in [
            (&["--cert", &cert][..], "--key <FILE>"),
            (&["--key", &key], "--cert <FILE>"),
            (&["--cacert", "/no/such/file"], "No such file"),
        ] {
            let line = ["run"].iter().chain(flags);
            let Err(error) = Line::try_parse_from(line) else { panic!("{flags:?}") };
            assert!(error.to_string().contains(says), "{error}");
        }
    }

    #[test]
    fn a_dataset_is_a_name_and_a_file() {
        let flags = ["--dataset", "users=a=b.csv", "--dataset", "terms=t.jsonl"];
        let datasets = options(&flags).datasets.expect("they were given");
        let files: Vec<_> = datasets
            .iter()
            .map(|(name, dataset)| (name.as_str(), dataset.file.as_deref()))
            .collect();
        assert_eq!(files, [("terms", Some("t.jsonl")), ("users", Some("a=b.csv"))]);
        for text in ["users", "users=", "=users.csv", ""] {
            assert_eq!(
                dataset(text).unwrap_err(),
                "it must be NAME=FILE, such as users=users.csv",
                "{text}"
            );
        }
    }

    #[test]
    fn files_that_an_options_file_names_stand_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("o.toml");
        std::fs::write(&path, "datasets.users.file = 'users.csv'").unwrap();
        let line = ["run", "--config", path.to_str().unwrap()];
        let options = Line::try_parse_from(line).unwrap().flags.config().unwrap();
        let file = options.datasets.unwrap()["users"].file.clone();
        assert_eq!(file.as_deref(), folder.path().join("users.csv").to_str());
    }

    #[test]
    fn a_file_is_read_by_the_ending_of_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let read = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            let line = ["run", "--config", path.to_str().unwrap()];
            Line::try_parse_from(line).unwrap().flags.config().map(|options| options.vus)
        };
        for (read, expected, why) in [
            (read("a.json", r#"{ "vus": 2 }"#).ok(), Some(Some(2)), "JSON"),
            (read("a.toml", "vus = 3").ok(), Some(Some(3)), "TOML"),
            (read("pipe", r#"{ "vus": 4 }"#).ok(), Some(Some(4)), "a name that says nothing"),
            (read("a.yaml", "vus: 5").ok(), None, "another language"),
            (read("b.toml", "vus = 0\nvusers = 1").ok(), None, "a file with mistakes"),
        ] {
            assert_eq!(read, expected, "{why}");
        }
    }
}
