//! What the host knows of one virtual user while its script runs: the data of its store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use data::Datasets;
use metrics::{SeriesId, Tags};
use net::FileSource;
use parking_lot::Mutex;
use tokio::time::Instant;
use vu::{Identity, Iteration};
use wasmtime::StoreLimits;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::catalogue::{Catalogue, Recent};
use crate::chance::{Chance, Seed};
use crate::exchanges::Exchanges;
use crate::interface::http::Prepared;
use crate::limits::{HANDLES, store_limits};
use crate::log::{Level, LogGate};
use crate::recording::{Course, Recordings};
use crate::stdio::Stdio;
use crate::wasi_http::Http;

pub(crate) struct VuState {
    pub(crate) table: ResourceTable,
    pub(crate) wasi: WasiCtx,
    chance: Chance,
    /// What answers its host calls.
    pub(crate) course: Course,
    pub(crate) http: Http,
    pub(crate) limits: StoreLimits,
    pub(crate) stderr: Stdio,
    pub(crate) user: Arc<User>,
    pub(crate) iteration: Iteration,
    /// Tags on every sample of the call that runs.
    pub(crate) tags: Tags,
    group: Group,
    /// Shared with [`side_by_side`](crate::side_by_side), which drives them.
    pub(crate) exchanges: Arc<Mutex<Exchanges>>,
    pub(crate) recent_requests: Recent<RequestKey, Prepared>,
    pub(crate) recent_checks: Recent<String, SeriesId>,
    /// The bytes of the rows that the script holds.
    pub(crate) row_bytes: usize,
    /// The bytes of the WebSocket messages that the script holds.
    pub(crate) message_bytes: usize,
}

/// Method and URL of a request with no name or tags of its own.
pub(crate) type RequestKey = (String, String);

/// Which calls into a script belong together in what they measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// Iterations, and what is called once a run by who has tags of their own.
    Iterations,
    /// The start of a VU: `group` is `::start`.
    Start,
    /// Its end: `group` is `::stop`.
    Stop,
}

/// Files that a script may send, by the names it has for them.
pub type Files = Arc<BTreeMap<String, Arc<FileSource>>>;

/// What stays the same about a VU when its script gets a fresh instance.
pub(crate) struct User {
    pub(crate) identity: Identity,
    /// Tags on every sample it records.
    pub(crate) tags: Tags,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) catalogue: Arc<Mutex<Catalogue>>,
    pub(crate) log: LogGate,
    pub(crate) datasets: Datasets,
    /// The files that it may send.
    pub(crate) files: Files,
    /// Whether the bodies of responses are forgotten, where a request does not say.
    pub(crate) discards_bodies: bool,
    /// When the run began.
    pub(crate) origin: Instant,
    /// Whether the cookies of an iteration are there in the next.
    pub(crate) keeps_cookies: bool,
    /// Why it may not send requests, if it may not.
    pub(crate) offline: Option<&'static str>,
    /// What its chance comes from.
    pub(crate) seed: Seed,
    /// Who keeps recordings of what fails, if anybody does.
    pub(crate) recordings: Option<Arc<Recordings>>,
}

impl VuState {
    /// The state of a fresh instance, the VU's so manieth. A program finds the run's variables in its environment; a
    /// script asks for them by `context`.
    pub(crate) fn new(
        user: Arc<User>,
        exchanges: Arc<Mutex<Exchanges>>,
        is_program: bool,
        birth: u64,
        course: Course,
    ) -> Self {
        let vu = user.identity.vu;
        let stderr = Stdio::new(vu, Level::Warn, user.log.clone());
        let chance = Chance::new(user.seed, birth);
        // No files, arguments or sockets: nothing is granted but clocks and random numbers.
        let mut wasi = WasiCtxBuilder::new();
        wasi.stdout(Stdio::new(vu, Level::Info, user.log.clone()))
            .stderr(stderr.clone())
            .secure_random(chance.secure())
            .insecure_random(chance.insecure())
            .insecure_random_seed(chance.insecure_seed())
            .allow_tcp(false)
            .allow_udp(false);
        if is_program {
            for (name, value) in &user.env {
                wasi.env(name, value);
            }
        }
        let wasi = wasi.build();
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES);
        let tags = user.tags.clone();
        Self {
            table,
            wasi,
            chance,
            course,
            http: Http::new(),
            limits: store_limits(),
            stderr,
            user,
            iteration: Iteration::default(),
            tags,
            group: Group::Iterations,
            exchanges,
            recent_requests: Recent::default(),
            recent_checks: Recent::default(),
            row_bytes: 0,
            message_bytes: 0,
        }
    }

    /// Takes note of what is called next: its samples are told apart by the tag `group`.
    ///
    /// `number` is that of the iteration, or of the instance where it is none.
    pub(crate) fn begin_call(&mut self, iteration: Iteration, group: Group, number: u64) {
        self.iteration = iteration;
        self.chance.begin(group, number);
        if self.group != group {
            self.group = group;
            self.tags = match group {
                Group::Iterations => self.user.tags.clone(),
                Group::Start => self.user.tags.with("group", "::start"),
                Group::Stop => self.user.tags.with("group", "::stop"),
            };
            // What was met last was met under other tags.
            self.recent_requests = Recent::default();
            self.recent_checks = Recent::default();
        }
    }

    /// Which calls the one that runs belongs to.
    pub(crate) fn group(&self) -> Group {
        self.group
    }

    /// How late this iteration was.
    pub(crate) fn lag(&self) -> Duration {
        self.iteration.lag
    }
}

impl WasiView for VuState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}
