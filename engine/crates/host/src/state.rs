//! What the host knows of one virtual user while its script runs: the data of its store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use data::Datasets;
use metrics::{SeriesId, Tags, UrlGroups, builtin};
use net::FileSource;
use parking_lot::Mutex;
use tokio::time::Instant;
use vu::{Identity, Iteration};
use wasmtime::UpdateDeadline;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::catalogue::{Catalogue, Recent};
use crate::chance::{Chance, Seed};
use crate::exchanges::Exchanges;
use crate::interface::http::Prepared;
use crate::limits::{Held, Limit, Limits, Reached};
use crate::log::{Level, VuLog};
use crate::memory::{AllMemory, VuMemory};
use crate::meter::Meter;
use crate::recording::{Course, Recordings};
use crate::scope::{Group, Scope};
use crate::stdio::Stdio;
use crate::turns::Turn;
use crate::wasi_http::Http;

pub(crate) struct VuState {
    pub(crate) table: ResourceTable,
    pub(crate) wasi: WasiCtx,
    chance: Chance,
    /// What answers its host calls.
    pub(crate) course: Course,
    pub(crate) http: Http,
    pub(crate) memory: VuMemory,
    meter: Meter,
    turn: Arc<Turn>,
    pub(crate) stderr: Stdio,
    pub(crate) user: Arc<User>,
    pub(crate) iteration: Iteration,
    /// The tags of the samples that begin now.
    pub(crate) scope: Scope,
    /// Shared with [`side_by_side`](crate::side_by_side), which drives them.
    pub(crate) exchanges: Arc<Mutex<Exchanges>>,
    pub(crate) recent_requests: Recent<RequestKey, Prepared>,
    pub(crate) recent_checks: Recent<(Tags, String), SeriesId>,
    /// What the script holds of rows, WebSocket messages, responses and requests.
    pub(crate) rows: Held,
    pub(crate) messages: Held,
    pub(crate) responses: Held,
    pub(crate) requests: Held,
}

/// Method and URL of a request with no name or tags of its own, and under which tags it was met.
pub(crate) type RequestKey = (Tags, String, String);

/// Files that a script may send, by the names it has for them.
pub type Files = Arc<BTreeMap<String, Arc<FileSource>>>;

/// What is kept secret, by the names that a script has for it.
pub type Secrets = Arc<BTreeMap<String, String>>;

/// What stays the same about a VU when its script gets a fresh instance.
pub(crate) struct User {
    pub(crate) identity: Identity,
    /// Tags on every sample it records.
    pub(crate) tags: Tags,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) catalogue: Arc<Mutex<Catalogue>>,
    pub(crate) log: VuLog,
    pub(crate) secrets: Secrets,
    pub(crate) datasets: Datasets,
    /// The files that it may send.
    pub(crate) files: Files,
    /// Whether the bodies of responses are forgotten, where a request does not say.
    pub(crate) discards_bodies: bool,
    /// URLs whose samples have one name.
    pub(crate) url_groups: Arc<UrlGroups>,
    /// When the run began.
    pub(crate) origin: Instant,
    /// Whether the cookies of an iteration are there in the next.
    pub(crate) keeps_cookies: bool,
    /// Why it may not send requests, if it may not.
    pub(crate) offline: Option<&'static str>,
    /// What it may take of the machine.
    pub(crate) limits: Arc<Limits>,
    /// What all VUs of the run have of memory.
    pub(crate) memory: Arc<AllMemory>,
    /// What its chance comes from.
    pub(crate) seed: Seed,
    /// Who keeps recordings of what fails, if anybody does.
    pub(crate) recordings: Option<Arc<Recordings>>,
}

impl User {
    /// What requests to a URL are called that have no name of their own.
    pub(crate) fn name_of(&self, url: &str) -> String {
        let group = self.url_groups.name(url);
        self.limits.tag_of(group.as_deref().unwrap_or(url))
    }

    /// Counts a limit that its script has reached.
    pub(crate) fn count_limit(&self, limit: Limit) {
        let tags = self.tags.with("limit", limit.name());
        let catalogue = self.catalogue.lock();
        catalogue.recorder().record_tagged(builtin::LIMITS_REACHED, &tags, 1.0);
    }
}

/// How an instance comes into the world.
pub(crate) struct Birth {
    /// How many its VU had before.
    pub(crate) number: u64,
    /// Its turns at computing.
    pub(crate) turn: Arc<Turn>,
    /// What answers its host calls.
    pub(crate) course: Course,
    /// Whether it is called as a program is.
    pub(crate) is_program: bool,
}

impl VuState {
    /// The state of a fresh instance. A program finds the run's variables and secrets in its environment; a
    /// script asks for them by `context` and `secrets`.
    pub(crate) fn new(user: Arc<User>, exchanges: Arc<Mutex<Exchanges>>, birth: Birth) -> Self {
        let Birth { number, turn, course, is_program } = birth;
        let limits = Arc::clone(&user.limits);
        let stderr = Stdio::new(Level::Warn, Arc::clone(&user));
        let chance = Chance::new(user.seed, number);
        // No files, arguments or sockets: nothing is granted but clocks and random numbers.
        let mut wasi = WasiCtxBuilder::new();
        wasi.stdout(Stdio::new(Level::Info, Arc::clone(&user)))
            .stderr(stderr.clone())
            .max_random_size(limits.call_bytes)
            .secure_random(chance.secure())
            .insecure_random(chance.insecure())
            .insecure_random_seed(chance.insecure_seed())
            .allow_tcp(false)
            .allow_udp(false);
        if is_program {
            for (name, value) in user.env.iter().chain(&*user.secrets) {
                wasi.env(name, value);
            }
        }
        let wasi = wasi.build();
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.handles as usize);
        let scope = Scope::new(user.tags.clone());
        Self {
            table,
            wasi,
            chance,
            course,
            http: Http::new(),
            memory: VuMemory::new(&limits, Arc::clone(&user.memory)),
            meter: Meter::new(Arc::clone(&limits)),
            turn,
            stderr,
            user,
            iteration: Iteration::default(),
            scope,
            exchanges,
            recent_requests: Recent::default(),
            recent_checks: Recent::default(),
            rows: Held::new(Limit::RowBytes, "rows", limits.row_bytes),
            messages: Held::new(Limit::MessageBytes, "messages", limits.message_bytes),
            responses: Held::new(Limit::ResponseBytes, "responses", limits.response_bytes),
            requests: Held::new(Limit::RequestBytes, "requests", limits.request_bytes),
        }
    }

    /// Takes note of what is called next: its samples are told apart by the tag `group`.
    ///
    /// `number` is that of the iteration, or of the instance where it is none.
    pub(crate) fn begin_call(&mut self, iteration: Iteration, group: Group, number: u64) {
        self.meter.begin_call();
        self.iteration = iteration;
        self.chance.begin(group, number);
        self.scope.begin(group);
    }

    /// Takes note that the script calls into the host, whatever it asks for.
    pub(crate) fn called(&mut self) -> &mut Self {
        self.meter.has_called();
        self
    }

    /// An epoch is over, and the script is asked what it did in it.
    ///
    /// Fails with [`Reached`] if that is more than it may.
    pub(crate) fn epoch_passed(&mut self) -> Result<UpdateDeadline, Reached> {
        self.meter.count_calls(self.turn.now())?;
        let Some(passed) = self.turn.passed() else { return Ok(UpdateDeadline::Continue(1)) };
        self.meter.has_computed(passed.ticks)?;
        Ok(match passed.is_over {
            true => UpdateDeadline::Yield(1),
            false => UpdateDeadline::Continue(1),
        })
    }

    /// How late this iteration was.
    pub(crate) fn lag(&self) -> Duration {
        self.iteration.lag
    }
}

impl WasiView for VuState {
    /// Asked for with each call into WASI.
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.meter.has_called();
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}
