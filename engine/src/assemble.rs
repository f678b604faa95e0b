//! Puts a run together: script and host, plan and schedule, outputs. The only file that knows them all.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use demo::{Demo, Faults, RunningDemo};
use host::{Engine, Layout, Level, LogGate, LogLine, Script, ScriptFactory, Settings};
use metrics::{Outcome, Problem, Registry, Shards, Silence, Thresholds, Verdict};
use net::{Ceiling, Config, Policy};
use output::html::Live;
use output::{
    Crossings, Har, Header, Manner, Out, Outputs, Redacting, Redactor, Screen, Setting, Severity,
    SpanSample, SummaryFile, SummaryMode, SummaryText, Terminal,
};
use plan::{Options, PerHost, Plan, Requests};
use run::{CallError, Control, Controller, Crew, Event, EventKind, Finished, RunSpec, StopReason};
use tokio::sync::Notify;

use crate::cli;
use crate::cli::doctor::Doctor;
use crate::cli::inspect::{Inspect, Inspected};
use crate::cli::run::Run;
use crate::cli::voice::Voice;
use crate::control_api::ControlApi;
use crate::exit::ExitCode;
use crate::fault::Fault;
use crate::files;
use crate::grants::ask::ask;
use crate::grants::{Allowed, declared};
use crate::interrupts::Interrupts;
use crate::layers::{Said, granted, planned};
use crate::limits::limits;
use crate::machine::{self, Machine, PerVu, raise_open_files, resident};
use crate::network;
use crate::observe::observer;
use crate::own_summary::{self, Places, Writable};
use crate::real_path::in_real_folder;
use crate::recording;
use crate::script::{component, engine, load, own_options};
use crate::secrets::redactor;
use crate::stop_file::StopFile;
use crate::tls::tls;
use crate::web::Web;

/// What a script is and wants, and what of that it would not get.
pub(crate) fn inspect(asked: &Inspect) -> Result<Inspected, Fault> {
    let name = &asked.script;
    // That it has to be compiled each time is of no interest here.
    let engine = engine(Engine::new(), &asked.code_cache, &|_| {})?;
    let script = load(&engine, &component(name, &asked.code_cache)?)?;
    let inspection = script.inspection().clone();
    let declared = declared::declared(&inspection, name)?;
    let allowed = Allowed::new(asked.grants.read()?, name)?;
    if asked.no_options {
        let refused = allowed.refused(declared.clone(), None);
        let (options, memory) = (None, None);
        return Ok(Inspected { inspection, options, memory, wants: declared, refused });
    }
    let silent = LogGate::new(Level::Error, |_| {});
    let runtime = runtime()?;
    let options = runtime.block_on(script.options(silent));
    let options = options.map_err(|error| Fault::failed_to(ExitCode::ScriptError, &error))?;
    // Options that make no sense are shown as they are.
    let own = plan::parse_json(&options).ok();
    let own = own.map(|own| declared::hold(&inspection, name, own)).transpose()?;
    let wants = own.as_ref().map_or(declared, |own| own.wants.clone());
    let refused = allowed.refused(wants.clone(), own);
    // Where it cannot be measured, nothing is said of it.
    let memory = memory_per_vu(&script, &runtime).ok().flatten();
    Ok(Inspected { inspection, options: Some(options), memory, wants, refused })
}

/// What would be run as it was asked for; a script that was named says its own options, no more.
pub(crate) fn plan(asked: &cli::plan::Plan) -> Result<Plan, Fault> {
    let quiet = false;
    let screen = screen(asked.voice, quiet, Redactor::default())?;
    let own = match &asked.script {
        None => Options::default(),
        Some(name) => {
            let warn = |text: &str| screen.message(Severity::Warning, text);
            let stack = asked.options.stack()?;
            let apart = Engine::with_stack(stack, Layout::Apart);
            let engine = engine(apart, &asked.code_cache, &warn)?;
            let script = load(&engine, &component(name, &asked.code_cache)?)?;
            let log = log_to(&screen, asked.voice.verbose);
            own_options(&script, name, asked.options.env()?, &runtime()?, log)?
        }
    };
    let name = asked.script.as_deref().unwrap_or(Path::new(""));
    let said = Said { options: &asked.options, grants: &asked.grants, script: name };
    let (_, allowed, plan) = granted(&said, &own, None, None)?;
    check_thresholds(&plan, &Registry::new())?;
    files::open(&plan)?;
    // Secrets are given to runs.
    let unmet = allowed.unmet(&plan, &|name| std::env::var_os(name).is_some(), &|_| true);
    for unmet in &unmet {
        let flag = unmet.flag().map_or_else(String::new, |flag| format!(": {flag}"));
        let message = format!("the script wants what it was not given: {unmet}{flag}");
        screen.message(Severity::Warning, &message);
    }
    for warning in &plan.warnings {
        screen.message(Severity::Warning, warning);
    }
    screen.flush();
    Ok(plan)
}

/// What the VUs that are asked for take, and how many they are.
pub(crate) fn examine(asked: &Doctor) -> Result<(PerVu, u64), Fault> {
    let quiet = false;
    let screen = screen(asked.voice, quiet, Redactor::default())?;
    let warn = |text: &str| screen.message(Severity::Warning, text);
    let stack = asked.options.stack()?;
    let path = component(&asked.script, &asked.code_cache)?;
    let of_layout = |layout| {
        let engine = engine(Engine::with_stack(stack, layout), &asked.code_cache, &warn)?;
        load(&engine, &path).map(|script| (engine, script))
    };
    let (engine, script) = of_layout(Layout::Apart)?;
    let runtime = runtime()?;
    let log = log_to(&screen, asked.voice.verbose);
    let own = own_options(&script, &asked.script, asked.options.env()?, &runtime, log)?;
    let said = Said { options: &asked.options, grants: &asked.grants, script: &asked.script };
    let (_, _, plan) = granted(&said, &own, None, None)?;
    let vus = plan.vus_in_all();
    let again = || of_layout(Layout::Compact);
    let (_engine, script) = laid_out(&Machine::this(), (engine, script), vus, again)?;
    let memory = memory_per_vu(&script, &runtime).map_err(|error| {
        Fault::new(ExitCode::InvalidConfig, "there is no room for instances of the script")
            .detail(error)
    })?;
    screen.flush();
    Ok((PerVu { memory, ..per_vu(&script) }, vus))
}

/// Bytes of memory that one VU takes as it is made, if the system says how much this process has.
///
/// Fails with a sentence where there is no room to measure it.
fn memory_per_vu(
    script: &Script,
    runtime: &tokio::runtime::LocalRuntime,
) -> Result<Option<u64>, String> {
    /// As many as make a mean; a few before them take what is only taken once.
    const MEASURED: u64 = 64;
    runtime.block_on(async {
        let _first = script.idle(4).await?;
        let before = resident();
        let _others = script.idle(MEASURED as usize).await?;
        Ok(before.zip(resident()).map(|(before, after)| after.saturating_sub(before) / MEASURED))
    })
}

/// What one VU takes as far as that is known before it is made.
fn per_vu(script: &Script) -> PerVu {
    PerVu { maps: script.maps_per_vu(), addresses: script.addresses_per_vu(), memory: None }
}

/// A script as so many VUs of it fit this machine: as it was loaded, to lie apart, or loaded `again`, to lie compactly.
fn laid_out(
    machine: &Machine,
    (engine, script): (Engine, Script),
    vus: u64,
    again: impl FnOnce() -> Result<(Engine, Script), Fault>,
) -> Result<(Engine, Script), Fault> {
    match machine::layout(machine, per_vu(&script), script.image(), vus) {
        Layout::Apart => Ok((engine, script)),
        Layout::Compact => again(),
    }
}

/// Runs a script as it was asked for.
pub(crate) fn run(asked: &Run) -> Result<ExitCode, Fault> {
    let writable = Writable::new(&asked.allow_write)?;
    let path = component(&asked.script, &asked.code_cache)?;
    let mut secrets = asked.secrets.read()?;
    let outs = asked.outs()?;
    let redactor = redactor(&secrets, &outs);
    let screen = screen(asked.voice, asked.quiet, redactor.clone())?;
    let log = log_to(&screen, asked.voice.verbose);

    let warn = |text: &str| screen.message(Severity::Warning, text);
    let stack = asked.options.stack()?;
    let of_layout = |layout| {
        let made = recording::engine(&asked.record, stack, layout);
        let engine = engine(made, &asked.code_cache, &warn)?;
        load(&engine, &path).map(|script| (engine, script))
    };
    let (engine, script) = of_layout(Layout::Apart)?;
    let runtime = runtime()?;
    let demo = asked.demo.clone().map(start_demo).transpose()?;
    let mut env = asked.options.env()?;
    if let Some(demo) = &demo {
        env.entry("BASE_URL".into()).or_insert_with(|| demo.url());
    }
    let own = own_options(&script, &asked.script, env, &runtime, log.clone())?;
    let drawn = Some(recording::drawn_seed());
    let said = Said { options: &asked.options, grants: &asked.grants, script: &asked.script };
    let (persons, mut allowed, mut plan) = granted(&said, &own, demo.as_ref(), drawn)?;
    let is_set = |name: &str| std::env::var_os(name).is_some();
    let unmet = allowed.unmet(&plan, &is_set, &|name| secrets.contains_key(name));
    if !unmet.is_empty() {
        screen.flush();
        ask(&asked.script.display().to_string(), &unmet)?;
        allowed.allow(&unmet);
        plan = planned(&asked.options, &persons, &own, &mut allowed, drawn)?;
    }
    for name in asked.grants.without_effect(&plan) {
        let message = format!(
            "`--allow-env {name}` has no effect: no variable of this name is set, or the script does not want it"
        );
        screen.message(Severity::Warning, &message);
    }
    // What it does not want is shown to nobody all the same.
    secrets.retain(|name, _| plan.wants.as_ref().is_none_or(|wants| wants.secrets.contains(name)));
    let seed = plan.seed.unwrap_or_default();
    let registry = Registry::with_limits(plan.limits.metrics as usize, plan.limits.series as usize);
    log.at_most(plan.limits.log_lines);
    check_thresholds(&plan, &registry)?;
    let machine = Machine::this();
    if asked.clamp_vus {
        let asked_for = plan.vus_in_all();
        plan.clamp(machine::most(&machine, per_vu(&script), script.image()));
        let vus = plan.vus_in_all();
        if vus < asked_for {
            warn(&format!("this machine does not hold {asked_for} VUs: there are {vus}"));
        }
    }
    let (_engine, script) = laid_out(&machine, (engine, script), plan.vus_in_all(), || {
        let message = "there are not memory maps enough for so many VUs, each in its own: they share some, and computing costs more";
        screen.message(Severity::Info, message);
        of_layout(Layout::Compact)
    })?;
    let least = PerVu { memory: Some(machine::LEAST), ..per_vu(&script) };
    machine::check(&machine, least, plan.vus_in_all(), warn)?;
    let (datasets, files) = files::open(&plan)?;

    let stop_file = asked.politeness.stop_file.as_deref().map(StopFile::new).transpose()?;
    let per_host = asked.politeness.per_host(allowed.grants().per_host);
    let policy = allowed.policy(plan.wants.as_ref());
    let (net, net_of_scenarios) = net_configs(&plan, policy, per_host, asked.trace_sample)?;
    let recordings = recording::recordings(&asked.record, script.inspection(), seed)?;

    let setting = setting(asked, &script, &machine);
    let mut spans = SpanSample::default();
    let outputs = outputs(asked, &outs, &screen, &redactor, &mut spans)?;
    let mut outputs = outputs.of(setting.clone());
    let told = asked.on_crossed.start(&screen)?.map(|(told, tell)| {
        outputs.push(Crossings::new(setting.clone(), redactor.clone(), tell));
        told
    });
    let live = asked.web.map(|port| (port, Live::new(setting, redactor.clone())));
    let har = har(asked)?.map(|har| har.without(redactor.clone()));
    let sample = har.as_ref().map(Har::sample);
    let observer = observer(asked.http_debug, &screen, sample, spans);
    if let Some(har) = har {
        outputs.push(har);
    }
    raise_open_files();
    let workers = workers(asked);
    let shards = Shards::new(registry, workers + 1);
    let factory = ScriptFactory::new(
        script,
        Settings {
            shards: shards.clone(),
            workers,
            net,
            net_of_scenarios,
            keeps_cookies: plan.no_cookies_reset,
            env: plan.env.clone(),
            tags: plan.tags.clone(),
            secrets: Arc::new(secrets),
            datasets,
            files,
            discards_bodies: plan.discard_response_bodies,
            url_groups: plan.url_groups.clone(),
            limits: limits(&plan, machine.memory),
            vus: plan.vus_in_all(),
            observer,
            log,
            seed,
            recordings: recordings.clone(),
        },
    );
    let factory = Arc::new(factory);
    let control = Control::new();
    let controller = control.controller();
    let plan = Arc::new(plan);
    if let Some(address) = asked.address {
        let bound = ControlApi::bind(address, Arc::clone(&plan), controller.clone());
        let (api, watch) = runtime
            .block_on(bound)
            .map_err(|error| unexpected(&format!("bind the control API to {address}"), &error))?;
        outputs.push(watch);
        let address = api.address().unwrap_or(address);
        screen
            .message(Severity::Info, &format!("the control API is at http://{address}/v1/status"));
        runtime.spawn_local(api.serve());
    }
    let mut web = None;
    if let Some((port, live)) = live {
        let bound = runtime.block_on(Web::bind(port, live));
        let (server, watch) = bound.map_err(|error| web_fault(port, &error))?;
        outputs.push(watch);
        let port = server.address().map_or(port, |address| address.port());
        screen.message(Severity::Info, &format!("the run is shown at http://127.0.0.1:{port}/"));
        web = Some(server);
    }
    let waits = Rc::new(Waits::default());
    let (finished, signals) = runtime.block_on(async {
        let web = web.map(Web::serve);
        let stop_file =
            stop_file.map(|file| tokio::task::spawn_local(file.watch(controller.clone())));
        let signals = tokio::task::spawn_local(interrupts(controller, Rc::clone(&waits)));
        let spec = RunSpec {
            plan,
            factory: Arc::clone(&factory),
            shards,
            crew: Crew::threads(workers),
            control,
            by_series: outputs.want_series(),
            usage: Some(machine::usage),
        };
        let mut on_event = |event: &Event| {
            // Before anybody is told who may ask for the end.
            if let EventKind::RunFinished(_) = event.kind {
                waits.is_over.set(true);
            }
            outputs.on_event(event);
        };
        let finished = run::run(spec, &mut on_event).await;
        let no_color = asked.voice.no_color;
        let places = Places { writable: &writable, screen: &screen, secrets: &redactor, no_color };
        if asked.summary_mode != SummaryMode::Disabled {
            own_summary::hand_over(&factory, &finished, &mut outputs, &places).await;
        }
        if told.is_none() {
            signals.abort();
        }
        if let Some(stop_file) = stop_file {
            stop_file.abort();
        }
        if let Some(told) = web {
            told.await;
        }
        (finished, signals)
    });

    let unwritten = outputs.finish();
    if let Some(told) = told {
        // Whoever does not want to wait for them asks for the end.
        runtime.block_on(told.last_word(waits.enough.notified()));
        signals.abort();
    }
    // A name that is still being looked up, say: nobody waits for it any more.
    runtime.shutdown_background();

    for error in &unwritten {
        let message = format!("failed to {error}: {}", error.source);
        screen.message(Severity::Error, &message);
    }
    if let Some(recordings) = recordings {
        recording::tell(&recordings, &asked.script, &screen);
    }
    let code = exit_code(&finished, &screen);
    screen.flush();
    // What the run says about the target outweighs a file that could not be written.
    Ok(match code {
        ExitCode::Success if !unwritten.is_empty() => ExitCode::Unexpected,
        code => code,
    })
}

/// The runtime of the controller; workers have their own.
pub(crate) fn runtime() -> Result<tokio::runtime::LocalRuntime, Fault> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())
        .map_err(|error| unexpected("start the runtime", &error))
}

/// The terminal, on standard error.
pub(crate) fn screen(voice: Voice, quiet: bool, secrets: Redactor) -> Result<Screen, Fault> {
    Screen::stderr(Manner::of_stderr(voice.no_color, quiet), secrets)
        .map_err(|error| unexpected("start the terminal's thread", &error))
}

fn unexpected(what: &str, error: &std::io::Error) -> Fault {
    Fault::new(ExitCode::Unexpected, format!("failed to {what}")).detail(error.to_string())
}

fn web_fault(port: u16, error: &std::io::Error) -> Fault {
    Fault::new(ExitCode::InvalidConfig, format!("failed to show the run at 127.0.0.1:{port}"))
        .detail(error.to_string())
        .hint("--web=PORT takes another port, and --web=0 one that is free")
}

fn start_demo(faults: Faults) -> Result<RunningDemo, Fault> {
    Demo::spawn_thread(([127, 0, 0, 1], 0).into(), faults)
        .map_err(|error| unexpected("start the demo target", &error))
}

/// Refuses what no script can make right: a threshold that its metric cannot answer.
fn check_thresholds(plan: &Plan, registry: &Registry) -> Result<(), Fault> {
    let problems = Thresholds::new(plan.thresholds.clone()).check(registry);
    let mut fault = Fault::new(ExitCode::InvalidConfig, "the thresholds are invalid");
    let mut unfit = false;
    for problem in &problems {
        // A metric that is not known yet may be the script's own.
        if let Problem::UnfitMethod { .. } = problem {
            fault = fault.detail(format!("thresholds.{}: {problem}", problem.selector()));
            unfit = true;
        }
    }
    if unfit { Err(fault) } else { Ok(()) }
}

fn outputs(
    asked: &Run,
    outs: &[Out],
    screen: &Screen,
    secrets: &Redactor,
    spans: &mut SpanSample,
) -> Result<Outputs, Fault> {
    let mut outputs = Outputs::new();
    let export = asked.summary_export.as_deref();
    let header = Header {
        script: asked.script.display().to_string(),
        outputs: [export, asked.har.as_deref()]
            .into_iter()
            .flatten()
            .map(|path| path.display().to_string())
            .chain(outs.iter().map(Out::shown))
            .collect(),
    };
    outputs.push(Terminal::new(screen.clone(), header));
    let stdout = std::io::stdout();
    let colour = output::coloured(&stdout, asked.voice.no_color);
    let text = SummaryText::new(Redacting::new(stdout, secrets.clone()), colour);
    outputs.push(text.in_mode(asked.summary_mode));
    if let Some(path) = export {
        let file = SummaryFile::create(path)
            .map_err(|error| Fault::failed_to(ExitCode::InvalidConfig, &error))?;
        outputs.push(file.without(secrets.clone()));
    }
    let mut refused = Vec::new();
    let targets = [export, asked.har.as_deref()].into_iter().flatten();
    let mut targets: Vec<_> = targets.map(place).collect();
    for out in outs {
        // Two kinds may go to one server.
        let target = match out.is_file() {
            true => place(&out.target),
            false => Path::new(out.kind()).join(&out.target),
        };
        if targets.contains(&target) {
            refused.push(format!("`{}` is the target of two", out.shown()));
            continue;
        }
        targets.push(target);
        let made = out.create(secrets.clone()).and_then(|output| {
            let told = asked.trace_sample > 0.0;
            let told = told.then(|| out.spans(spans, secrets.clone())).transpose()?;
            Ok((output, told.flatten()))
        });
        match made {
            Ok((output, told)) => {
                if let Some(address) = output.address() {
                    let message = format!("what is measured is to be had at {address}");
                    screen.message(Severity::Info, &message);
                }
                outputs.push(output);
                told.into_iter().for_each(|it| outputs.push(it));
            }
            Err(error) => {
                // What a server answers may repeat what it was told.
                let why = format!("failed to {error}: {}", error.source);
                let why = secrets.redacted(why.as_bytes());
                refused.push(String::from_utf8_lossy(&why).into_owned());
            }
        }
    }
    if refused.is_empty() {
        return Ok(outputs);
    }
    let fault = Fault::new(ExitCode::InvalidConfig, "not every output can be written to");
    Err(refused.into_iter().fold(fault, Fault::detail))
}

/// A path of which a file has one, however it was typed.
fn place(path: &Path) -> PathBuf {
    let real = path.canonicalize().or_else(|_| in_real_folder(path));
    real.unwrap_or_else(|_| path.to_owned())
}

/// Where a run takes place, and of what.
fn setting(asked: &Run, script: &Script, machine: &Machine) -> Setting {
    let inspection = script.inspection();
    Setting {
        script: asked.script.display().to_string(),
        digest: inspection.digest.clone(),
        contract: inspection.contract.clone(),
        machine: output::stored::form::Machine {
            os: std::env::consts::OS.to_owned(),
            architecture: std::env::consts::ARCH.to_owned(),
            processors: std::thread::available_parallelism().map_or(1, usize::from) as u64,
            free_memory: machine.memory,
        },
    }
}

/// The file for a sample of exchanges, if one is asked for.
fn har(asked: &Run) -> Result<Option<Har>, Fault> {
    let har = asked.har.as_deref().map(Har::create).transpose();
    har.map_err(|error| Fault::failed_to(ExitCode::InvalidConfig, &error))
}

fn workers(asked: &Run) -> usize {
    match asked.workers {
        Some(workers) => workers.into(),
        None => std::thread::available_parallelism().map_or(1, usize::from),
    }
}

/// How requests are made, by the name of a scenario.
type OfScenarios = BTreeMap<String, Arc<Config>>;

/// How the requests of a run are made, and those of the scenarios that have ways of their own.
fn net_configs(
    plan: &Plan,
    policy: Policy,
    per_host: PerHost,
    traced_share: f64,
) -> Result<(Arc<Config>, OfScenarios), Fault> {
    let shared = Config {
        ceiling: plan.rps.map(Ceiling::new).map(Arc::new),
        held_limit: usize::try_from(plan.limits.response_bytes).unwrap_or(usize::MAX),
        tls: Arc::new(tls(plan)?),
        policy: Arc::new(policy),
        per_host: network::per_host(per_host),
        traced_share,
        ..network::config(&plan.network)?
    };
    let own = plan.scenarios.iter().filter_map(|scenario| {
        let requests = scenario.requests.as_ref()?;
        Some(net_config(&shared, requests).map(|config| (scenario.name.clone(), config)))
    });
    Ok((net_config(&shared, &plan.requests)?, own.collect::<Result<_, _>>()?))
}

fn net_config(shared: &Config, requests: &Requests) -> Result<Arc<Config>, Fault> {
    let mut config = Config {
        request_timeout: requests.timeout,
        connect_timeout: requests.connect_timeout,
        max_redirects: requests.max_redirects,
        http_version: network::http_version(requests.http_version),
        ..shared.clone()
    };
    if let Some(user_agent) = &requests.user_agent {
        config.user_agent = user_agent.parse().map_err(|_| {
            Fault::new(ExitCode::InvalidConfig, "the options are invalid")
                .detail("userAgent: has characters that a header may not have")
        })?;
    }
    Ok(Arc::new(config))
}

/// Shows scripts' messages to the person who runs them.
fn log_to(screen: &Screen, verbose: bool) -> LogGate {
    let screen = screen.clone();
    let least = if verbose { Level::Debug } else { Level::Info };
    LogGate::new(least, move |line| show_log(&screen, line))
}

/// Shows one message of a script.
pub(crate) fn show_log(screen: &Screen, LogLine { vu, level, message }: LogLine) {
    let severity = match level {
        Level::Debug => Severity::Debug,
        Level::Info => Severity::Info,
        Level::Warn => Severity::Warning,
        Level::Error => Severity::Error,
    };
    match vu {
        // It could pose as the engine's own otherwise.
        0 => screen.message(severity, &format!("script: {message}")),
        vu => screen.message(severity, &format!("VU {vu}: {message}")),
    }
}

/// What is waited for when the run is over, and may be asked to end.
#[derive(Default)]
struct Waits {
    /// Whether the run is over.
    is_over: Cell<bool>,
    /// Says that there has been enough waiting.
    enough: Notify,
}

/// Ctrl-C and SIGTERM, as often as they come: the first drains, the second cuts off, the third ends the
/// process. When the run is over, one ends what is waited for, and one more the process.
async fn interrupts(controller: Controller, waits: Rc<Waits>) {
    // A system that does not hand over its signals ends the process by them, as it always did.
    let Ok(mut interrupts) = Interrupts::new() else { return };
    let (mut of_run, mut of_waits) = (0, 0);
    while of_run < 3 && of_waits < 2 {
        interrupts.next().await;
        if waits.is_over.get() {
            of_waits += 1;
            waits.enough.notify_one();
        } else {
            of_run += 1;
            controller.interrupt();
        }
    }
    #[expect(clippy::exit, reason = "whoever asks again and again wants no more waiting")]
    std::process::exit(ExitCode::Interrupted.number().into());
}

/// What the way a run ended is worth; what was said about it before is not said again.
fn exit_code(finished: &Finished, screen: &Screen) -> ExitCode {
    if let Some(error) = &finished.setup_error {
        return match error {
            CallError::TimedOut(_) => ExitCode::SetupTimeout,
            CallError::Aborted(_) => ExitCode::Aborted,
            CallError::CutOff => ExitCode::Interrupted,
            _ => ExitCode::ScriptError,
        };
    }
    match &finished.stop {
        Some(StopReason::Interrupted | StopReason::CutOff) => return ExitCode::Interrupted,
        Some(StopReason::Aborted(_)) => return ExitCode::Aborted,
        Some(StopReason::Exhausted(_) | StopReason::ThresholdCrossed(_)) | None => {}
    }
    // Which ones, and why, was said when they were ended.
    if !finished.given_up.is_empty() {
        return ExitCode::RestartsExceeded;
    }
    let mut crossed: Vec<String> = finished
        .verdicts
        .iter()
        .filter(|verdict| verdict.outcome == Outcome::Crossed)
        .map(|verdict| verdict.selector.to_string())
        .collect();
    crossed.dedup();
    if !crossed.is_empty() {
        let message = format!("thresholds on metrics `{}` have been crossed", crossed.join("`, `"));
        screen.message(Severity::Error, &message);
        return ExitCode::Thresholds;
    }
    if let Some(code) = silence(finished, screen) {
        return code;
    }
    if finished.search.as_ref().is_some_and(|search| search.complete && search.held.is_none()) {
        screen.message(Severity::Error, "the search found no load that holds");
        return ExitCode::Thresholds;
    }
    match &finished.teardown_error {
        Some(CallError::TimedOut(_)) => ExitCode::TeardownTimeout,
        Some(_) => ExitCode::ScriptError,
        None if !finished.faults.is_empty() => ExitCode::EngineFault,
        None => ExitCode::Success,
    }
}

/// What thresholds are worth for which nothing was measured. Silence is not success: a metric that nobody
/// has defined is a mistake in the options, and one without a single sample has not held, unless whoever asked
/// for it says otherwise.
fn silence(finished: &Finished, screen: &Screen) -> Option<ExitCode> {
    let silent = |of: &dyn Fn(&Verdict) -> bool| {
        let silent = finished.verdicts.iter().filter(|verdict| of(verdict));
        let mut silent: Vec<_> = silent.map(|verdict| verdict.selector.to_string()).collect();
        silent.dedup();
        (!silent.is_empty()).then(|| silent.join("`, `"))
    };
    if let Some(unknown) = silent(&|verdict| verdict.silence == Some(Silence::UnknownMetric)) {
        let message = format!("there are thresholds on `{unknown}`, but no such metric");
        screen.message(Severity::Error, &message);
        return Some(ExitCode::InvalidConfig);
    }
    let silent = silent(&|verdict| verdict.outcome == Outcome::NoData && !verdict.is_fine)?;
    let message = format!("there are thresholds on metrics `{silent}`, but nothing was measured");
    screen.message(Severity::Error, &message);
    Some(ExitCode::Thresholds)
}
