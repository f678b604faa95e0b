//! A script: read, made a component if it is none, compiled, and checked against the contract.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use data::Datasets;
use metrics::{Registry, Shards};
use net::Client;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use vu::{Identity, Iteration, Outcome, Scenario};

use crate::catalogue::Catalogue;
use crate::chance::{Purpose, Seed};
use crate::contract::{Mismatch, Names};
use crate::engine::{Engine, Layout};
use crate::exchanges::Exchanges;
use crate::exports::ExportsPre;
use crate::form::{FormError, ScriptKind, into_component};
use crate::guest::GuestVu;
use crate::hex::hex;
use crate::limits::{Limits, addresses, bytes, maps};
use crate::log::{Level, LogGate, VuLog};
use crate::memory::AllMemory;
use crate::recording::{Course, Functions};
use crate::scope::Group;
use crate::slab::MEMORY_PLACE;
use crate::source_lines::SourceLines;
use crate::state::{Files, Secrets, User};
use crate::turns::{Lane, Ticks};
use crate::wants::{WANTS_SECTION, wants};

/// How long `options` may take: it only has to hand out a text.
const OPTIONS_TIME: Duration = Duration::from_secs(10);

/// How long they may be: a thousand scenarios fit.
const OPTIONS_BYTES: usize = 1 << 20;

/// How long it may compute for them.
const OPTIONS_COMPUTING: Duration = Duration::from_secs(5);

/// A script that is ready to make users.
#[derive(Clone)]
pub struct Script {
    pub(crate) instances: ExportsPre,
    /// Where its code was written.
    pub(crate) lines: Arc<SourceLines>,
    /// The engine's epochs.
    pub(crate) ticks: Ticks,
    pub(crate) inspection: Arc<Inspection>,
    /// The functions of the host that are recorded, if any are.
    pub(crate) functions: Arc<Functions>,
    layout: Layout,
    /// What its memories begin with.
    image: u64,
}

/// What can be told about a script without running it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The form it came in.
    pub kind: ScriptKind,
    /// Its file's size in bytes.
    pub size: u64,
    /// SHA-256 of its file, in hexadecimal.
    pub digest: String,
    /// What makes it a script, and in which version: `wasmload:script@0.1.0`, or `wasi:cli/run@0.2.6`.
    pub contract: String,
    /// The interfaces it imports.
    pub imports: Vec<String>,
    /// The interfaces it exports.
    pub exports: Vec<String>,
    /// Languages and tools that made it, with their versions, as it says itself.
    pub producers: Vec<(String, String)>,
    /// What it says it wants, in a section of its own: JSON, if it is what it should be.
    pub wants: Option<String>,
}

/// A file cannot be used as a script.
#[derive(Debug)]
pub struct LoadError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub fault: LoadFault,
}

/// What is wrong with a file that should be a script.
#[derive(Debug, thiserror::Error)]
pub enum LoadFault {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Read(std::io::Error),
    /// It is no WebAssembly that could be a script.
    #[error(transparent)]
    Form(#[from] FormError),
    /// What it carries of what it wants makes no sense.
    #[error("its section `{WANTS_SECTION}` is invalid: {0}")]
    Wants(String),
    /// It does not compile.
    #[error("it does not compile: {0}")]
    Compile(String),
    /// It is a component, but not a script for this engine.
    #[error("{}", list(.0))]
    Contract(Vec<Mismatch>),
    /// It does not link.
    #[error("it does not link: {0}")]
    Link(String),
}

fn list(mismatches: &[Mismatch]) -> String {
    let lines: Vec<String> = mismatches.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "load the script `{}`", self.path.display())
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.fault)
    }
}

impl LoadError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match &self.fault {
            LoadFault::Form(fault) => fault.hint(),
            LoadFault::Contract(mismatches) if mismatches.iter().any(Mismatch::is_server) => Some(
                "one that answers requests is no script: a script sends them, and exports `wasi:cli/run`",
            ),
            LoadFault::Contract(_) => {
                Some("rebuild the script against the contract of this version of wasmload")
            }
            LoadFault::Read(_)
            | LoadFault::Wants(_)
            | LoadFault::Compile(_)
            | LoadFault::Link(_) => None,
        }
    }
}

/// How many bytes the data segments of a component have, those of the modules in it.
fn data_bytes(component: &[u8]) -> u64 {
    let payloads = wasmparser::Parser::new(0).parse_all(component).filter_map(Result::ok);
    let sections = payloads.filter_map(|payload| match payload {
        wasmparser::Payload::DataSection(section) => Some(section.range().len() as u64),
        _ => None,
    });
    sections.sum()
}

/// Instances of a script that do nothing.
pub struct Idle {
    _users: Vec<GuestVu>,
}

/// A script's `options` did not give them.
#[derive(Debug, thiserror::Error)]
#[error("ask the script for its options: {0}")]
pub struct OptionsError(String);

impl Script {
    /// Reads, compiles and checks a script.
    ///
    /// Fails with [`LoadError`] if the file cannot be read, is not WebAssembly, or is no script for this
    /// engine; all mismatches with the contract are said at once.
    pub fn load(engine: &Engine, path: &Path) -> Result<Self, LoadError> {
        Self::from_file(engine, path).map_err(|fault| LoadError { path: path.to_owned(), fault })
    }

    fn from_file(engine: &Engine, path: &Path) -> Result<Self, LoadFault> {
        Self::from_bytes(engine, std::fs::read(path).map_err(LoadFault::Read)?)
    }

    pub(crate) fn from_bytes(engine: &Engine, bytes: Vec<u8>) -> Result<Self, LoadFault> {
        let (size, given) = (bytes.len() as u64, Sha256::digest(&bytes));
        let is_as_given = wasmparser::Parser::is_component(&bytes);
        let (bytes, kind) = into_component(bytes)?;
        let of_component = if is_as_given { given } else { Sha256::digest(&bytes) };
        let producers = producers(&bytes);
        let wants = wants(&bytes).map_err(LoadFault::Wants)?;
        let compiled = engine.compile(&bytes, &of_component.into());
        let component = compiled.map_err(|error| LoadFault::Compile(format!("{error:#}")))?;
        let names = Names::of(&component);
        let contract = names.check().map_err(LoadFault::Contract)?;
        let link =
            || ExportsPre::new(engine.linker(&names)?.instantiate_pre(&component)?, &contract);
        let instances = link().map_err(|error| LoadFault::Link(format!("{error:#}")))?;
        let contract = contract.to_string();
        let Names { imports, exports } = names;
        let digest = hex(&given);
        let inspection =
            Inspection { kind, size, digest, contract, imports, exports, producers, wants };
        let lines = Arc::new(SourceLines::of(&bytes));
        let (layout, image) = (engine.layout, data_bytes(&bytes));
        let (ticks, inspection) = (engine.ticks.clone(), Arc::new(inspection));
        let functions = Arc::clone(&engine.functions);
        Ok(Self { instances, lines, ticks, inspection, functions, layout, image })
    }

    /// What can be told about it without running it.
    #[must_use]
    pub fn inspection(&self) -> &Inspection {
        &self.inspection
    }

    /// How many memory maps of the process a VU takes while it runs, in the mean of many.
    ///
    /// Linux limits how many a process may have (`vm.max_map_count`).
    #[must_use]
    pub fn maps_per_vu(&self) -> f64 {
        let required = self.instances.instance_pre().component().resources_required();
        // It is unknown only of components that import core modules, which no script may.
        let memories = required.map_or(1, |required| required.num_memories);
        match self.layout {
            Layout::Apart => maps(memories),
            Layout::Compact => 0.0,
        }
    }

    /// How many bytes of the address space a VU takes.
    #[must_use]
    pub fn addresses_per_vu(&self) -> u64 {
        let required = self.instances.instance_pre().component().resources_required();
        let memories = required.map_or(1, |required| required.num_memories);
        match self.layout {
            Layout::Apart => addresses(memories),
            Layout::Compact => MEMORY_PLACE as u64 * u64::from(memories),
        }
    }

    /// How many bytes its memories begin with: where VUs lie [compactly](Layout::Compact), each has them for itself.
    #[must_use]
    pub fn image(&self) -> u64 {
        self.image
    }

    /// Makes so many instances, so that what they take of the machine can be looked at while they are held.
    ///
    /// Nothing of the script runs but what makes an instance. Fails with a sentence if there is no room.
    pub async fn idle(&self, count: usize) -> Result<Idle, String> {
        let mut users = Vec::new();
        for _ in 0..count {
            let mut vu = self.offline_user(LogGate::new(Level::Error, |_| {}));
            vu.instantiate().await.map_err(|error| format!("{error:#}"))?;
            users.push(vu);
        }
        Ok(Idle { _users: users })
    }

    /// Asks the script for its options: JSON, or the empty string.
    ///
    /// It is asked in an instance of its own that cannot send requests and has ten seconds. Fails with
    /// [`OptionsError`] if it traps or takes longer.
    pub async fn options(&self, log: LogGate) -> Result<String, OptionsError> {
        self.options_with(BTreeMap::new(), log).await
    }

    /// As [`options`](Self::options), with environment variables that the script can ask for.
    pub async fn options_with(
        &self,
        env: BTreeMap<String, String>,
        log: LogGate,
    ) -> Result<String, OptionsError> {
        let scenario = Scenario { env, ..Scenario::default() };
        let identity = Identity { vu: 0, worker: 0, scenario: Arc::new(scenario) };
        let mut vu = self.user_on(identity, log, "requests in `options`", Course::Free);
        let call = vu.call(Iteration::default(), Group::Iterations, async |exports, store| {
            exports.options(store).await
        });
        match tokio::time::timeout(OPTIONS_TIME, call).await {
            Ok(Ok(options)) if options.len() > OPTIONS_BYTES => {
                Err(OptionsError(format!("they are longer than {}", bytes(OPTIONS_BYTES as u64))))
            }
            Ok(Ok(options)) => Ok(options),
            Ok(Err(Outcome::Trapped(trap))) => Err(OptionsError(trap.to_string())),
            Ok(Err(Outcome::Failed(why) | Outcome::Aborted(why) | Outcome::Exhausted(why))) => {
                Err(OptionsError(why))
            }
            Ok(Err(Outcome::Completed)) => Ok(String::new()),
            Err(_) => {
                Err(OptionsError(format!("it took longer than {} s", OPTIONS_TIME.as_secs())))
            }
        }
    }

    /// A user outside any run: what it records goes nowhere, and it may not send requests.
    pub(crate) fn offline_user(&self, log: LogGate) -> GuestVu {
        let identity = Identity { vu: 0, worker: 0, scenario: Arc::new(Scenario::default()) };
        self.user_on(identity, log, "requests in `options`", Course::Free)
    }

    /// A user outside any run, whose host calls are answered like this. What it records goes nowhere, and it may not
    /// send requests; why not is told.
    pub(crate) fn user_on(
        &self,
        identity: Identity,
        log: LogGate,
        offline: &'static str,
        course: Course,
    ) -> GuestVu {
        let shards = Shards::new(Registry::new(), 1);
        let recorder = shards.recorder(0);
        let tags = metrics::Tags::new();
        let client = Client::new(Arc::new(net::Config::default()));
        let limits = Arc::new(match course {
            Course::Replayed(_) => Limits::default(),
            Course::Free | Course::Recorded(_) => {
                Limits { cpu_time: OPTIONS_COMPUTING, ..Limits::default() }
            }
        });
        let vu = identity.vu;
        let exchanges = Exchanges::new(client, recorder.clone(), &tags, None, &limits);
        let user = User {
            env: identity.scenario.env.clone(),
            seed: Seed { run: 0, vu: identity.vu, purpose: Purpose::Options },
            recordings: None,
            identity,
            tags,
            catalogue: Arc::new(Mutex::new(Catalogue::new(recorder.clone()))),
            log: VuLog::new(vu, log, recorder.clone(), metrics::Tags::new()),
            secrets: Secrets::default(),
            datasets: Datasets::default(),
            files: Files::default(),
            discards_bodies: false,
            url_groups: Arc::default(),
            origin: Instant::now(),
            keeps_cookies: false,
            offline: Some(offline),
            limits,
            memory: AllMemory::new(u64::MAX, 1),
        };
        GuestVu::new(self.clone(), Arc::new(user), exchanges, course, Lane::default())
    }
}

/// The `producers` sections of a component and the modules in it.
fn producers(component: &[u8]) -> Vec<(String, String)> {
    let mut producers = Vec::new();
    for payload in wasmparser::Parser::new(0).parse_all(component) {
        let Ok(wasmparser::Payload::CustomSection(section)) = payload else { continue };
        let wasmparser::KnownCustom::Producers(fields) = section.as_known() else { continue };
        for value in fields.into_iter().flatten().flat_map(|field| field.values).flatten() {
            let producer = (value.name.to_owned(), value.version.to_owned());
            if !producers.contains(&producer) {
                producers.push(producer);
            }
        }
    }
    producers
}
