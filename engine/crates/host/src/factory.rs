//! Makes the VUs of a script, and runs what happens once a run.

use std::collections::BTreeMap;
use std::sync::Arc;

use data::Datasets;
use metrics::{Shards, Tags, UrlGroups};
use net::Client;
use parking_lot::Mutex;
use tokio::time::Instant;
use vu::{Identity, Iteration, Outcome, Scenario, SetupData, VuFactory};

use crate::catalogue::Catalogue;
use crate::chance::{Purpose, Seed};
use crate::exchanges::Exchanges;
use crate::exports::OwnSummary;
use crate::guest::{GuestVu, outcome};
use crate::limits::Limits;
use crate::log::{LogGate, VuLog};
use crate::memory::AllMemory;
use crate::observer::{Observer, VuObserver};
use crate::recording::{Course, Recordings};
use crate::scope::Group;
use crate::script::Script;
use crate::state::{Files, Secrets, User};
use crate::turns::Lane;

/// What the users of a script are given.
pub struct Settings {
    /// Where samples go: a shard for each worker, and a last one for `setup` and `teardown`.
    pub shards: Shards,
    /// How many of the shards are workers'.
    pub workers: usize,
    /// How requests are made.
    pub net: Arc<net::Config>,
    /// How those of a scenario are made, by its name, where that is not as in the run.
    pub net_of_scenarios: BTreeMap<String, Arc<net::Config>>,
    /// Whether the cookies of an iteration are there in the next; as in k6, not unless it is asked for.
    pub keeps_cookies: bool,
    /// Environment variables that `setup` and `teardown` can read; VUs have their scenario's.
    pub env: BTreeMap<String, String>,
    /// Tags on every sample of `setup` and `teardown`; VUs have their scenario's.
    pub tags: BTreeMap<String, String>,
    /// What it may read by name, and nobody is to see.
    pub secrets: Secrets,
    /// The files of rows that it may open.
    pub datasets: Datasets,
    /// The files that it may send.
    pub files: Files,
    /// Whether the bodies of responses are forgotten, where a request does not say.
    pub discards_bodies: bool,
    /// URLs whose samples have one name, where a request has none.
    pub url_groups: UrlGroups,
    /// What each of them may take of the machine.
    pub limits: Limits,
    /// How many of them there may be, so that each has its share of what all may take together.
    pub vus: u64,
    /// Who is shown single exchanges.
    pub observer: Observer,
    /// Where messages go.
    pub log: LogGate,
    /// What scripts' chance comes from.
    pub seed: u64,
    /// Who keeps recordings of what fails, if anybody does: the script was loaded by [`Engine::recording`] then.
    ///
    /// [`Engine::recording`]: crate::Engine::recording
    pub recordings: Option<Arc<Recordings>>,
}

/// Makes virtual users of one script.
pub struct ScriptFactory {
    script: Script,
    settings: Settings,
    /// One a worker, and a last one for `setup` and `teardown`.
    catalogues: Vec<Arc<Mutex<Catalogue>>>,
    /// As many.
    lanes: Vec<Lane>,
    limits: Arc<Limits>,
    url_groups: Arc<UrlGroups>,
    memory: Arc<AllMemory>,
    origin: Instant,
}

impl ScriptFactory {
    /// A factory whose users' clock starts now.
    #[must_use]
    pub fn new(script: Script, settings: Settings) -> Self {
        let catalogue =
            |shard| Arc::new(Mutex::new(Catalogue::new(settings.shards.recorder(shard))));
        let catalogues = (0..=settings.workers).map(catalogue).collect();
        let lanes = (0..=settings.workers).map(|_| Lane::default()).collect();
        let limits = Arc::new(settings.limits.clone());
        let memory = AllMemory::new(limits.memory, settings.vus);
        let url_groups = Arc::new(settings.url_groups.clone());
        let origin = Instant::now();
        Self { script, settings, catalogues, lanes, limits, url_groups, memory, origin }
    }

    fn user(&self, identity: Identity, tags: Tags, purpose: Purpose) -> GuestVu {
        let catalogue = Arc::clone(&self.catalogues[identity.worker]);
        let recorder = catalogue.lock().recorder().clone();
        let own = self.settings.net_of_scenarios.get(&identity.scenario.name);
        let net = own.unwrap_or(&self.settings.net);
        let observer = self.settings.observer.of(&identity);
        let net = match observer.as_ref().is_some_and(VuObserver::hears_all) {
            false => Arc::clone(net),
            true => Arc::new(net::Config { tells_requests: true, ..(**net).clone() }),
        };
        let client = Client::of_vu(net, identity.vu);
        let exchanges = Exchanges::new(client, recorder.clone(), &tags, observer, &self.limits);
        let env = identity.scenario.env.clone();
        let log =
            VuLog::new(identity.vu, self.settings.log.clone(), recorder.clone(), tags.clone());
        let lane = self.lanes[identity.worker].clone();
        let seed = Seed { run: self.settings.seed, vu: identity.vu, purpose };
        let user = User {
            identity,
            tags,
            env,
            catalogue,
            log,
            secrets: Arc::clone(&self.settings.secrets),
            datasets: self.settings.datasets.clone(),
            files: Arc::clone(&self.settings.files),
            discards_bodies: self.settings.discards_bodies,
            url_groups: Arc::clone(&self.url_groups),
            origin: self.origin,
            keeps_cookies: self.settings.keeps_cookies,
            offline: None,
            limits: Arc::clone(&self.limits),
            memory: Arc::clone(&self.memory),
            seed,
            // What happens once a run is nobody's iteration.
            recordings: self.settings.recordings.clone().filter(|_| purpose == Purpose::Vu),
        };
        GuestVu::new(self.script.clone(), Arc::new(user), exchanges, Course::Free, lane)
    }

    /// Who runs `setup` and `teardown`: nobody's scenario, on the controller's shard.
    fn once_a_run(&self, group: &str, purpose: Purpose) -> GuestVu {
        let scenario = Scenario {
            env: self.settings.env.clone(),
            tags: self.settings.tags.clone(),
            ..Scenario::default()
        };
        let tags: Tags = scenario.tags.clone().into_iter().collect();
        let identity =
            Identity { vu: 0, worker: self.settings.workers, scenario: Arc::new(scenario) };
        self.user(identity, tags.with("group", group), purpose)
    }
}

impl ScriptFactory {
    /// Whether the script makes something of the results itself.
    #[must_use]
    pub fn summarizes(&self) -> bool {
        self.script.instances.summary().is_some()
    }

    /// Hands the script the results of the run, and what `setup` returned.
    ///
    /// Fails with a sentence if the script fails at it, or breaks.
    pub async fn summarize(&self, results: &str, data: &SetupData) -> Result<OwnSummary, String> {
        let Some(handle) = self.script.instances.summary() else { return Ok(None) };
        let mut vu = self.once_a_run("::summary", Purpose::Summary);
        let call = vu.call(Iteration::default(), Group::Iterations, async |exports, store| {
            exports.summarize(store, &handle, results, data).await
        });
        call.await.map_err(|outcome| match outcome {
            Outcome::Failed(why) | Outcome::Exhausted(why) => why,
            Outcome::Trapped(trap) => trap.to_string(),
            Outcome::Aborted(why) => format!("aborted by the script: {why}"),
            Outcome::Completed => String::new(),
        })
    }
}

impl VuFactory for ScriptFactory {
    type Vu = GuestVu;

    async fn setup(&self) -> Result<SetupData, Outcome> {
        let mut vu = self.once_a_run("::setup", Purpose::Setup);
        let call = vu.call(Iteration::default(), Group::Iterations, async |exports, store| {
            exports.setup(store).await
        });
        Ok(call.await?.into())
    }

    async fn make(&self, identity: Identity) -> Result<GuestVu, String> {
        let tags: Tags = identity.scenario.tags.clone().into_iter().collect();
        let tags = tags.with("scenario", identity.scenario.name.as_str());
        let mut vu = self.user(identity, tags, Purpose::Vu);
        vu.instantiate().await?;
        Ok(vu)
    }

    async fn teardown(&self, data: &SetupData) -> Outcome {
        let mut vu = self.once_a_run("::teardown", Purpose::Teardown);
        let call = vu.call(Iteration::default(), Group::Iterations, async |exports, store| {
            exports.teardown(store, data).await
        });
        outcome(call.await)
    }
}
