//! The waist of the house: what a virtual user (VU) is, to those who drive one and to those who are one.
//!
//! `run` drives any [`Vu`] through a schedule and knows nothing of WebAssembly; `host` is a [`Vu`] and
//! knows nothing of schedules. They meet only here, so executors are tested with closures on a paused
//! clock, and guests one iteration at a time.
//!
//! Nothing here runs, waits, measures or decides. Start with [`Vu`], then [`VuFactory`].

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What a script's `setup` returned: opaque bytes, the same for every VU and for `teardown`.
pub type SetupData = Arc<[u8]>;

/// A scenario as its VUs see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scenario {
    /// Its key in the options, `default` when the options name none.
    pub name: String,
    /// Its executor, as the options name it; empty in what is called once a run.
    pub executor: &'static str,
    /// The script's flows its iterations run: the scenario's `exec`, or those it has `weights` for.
    pub flows: Vec<String>,
    /// Environment variables its scripts can read, the run's and the scenario's own together.
    pub env: BTreeMap<String, String>,
    /// Tags on every sample its VUs record, the run's and the scenario's own together.
    pub tags: BTreeMap<String, String>,
}

/// Which VU this is, and where it lives.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Its number in the run, from 1.
    pub vu: u32,
    /// The worker thread it stays on, from 0.
    pub worker: usize,
    /// The scenario it belongs to.
    pub scenario: Arc<Scenario>,
}

/// One turn through the script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Iteration {
    /// Its number in the scenario, from 0, unique among all the scenario's VUs.
    pub number: u64,
    /// Its number among those of this VU, from 0.
    pub number_in_vu: u64,
    /// Which of the scenario's flows it runs, by place.
    pub flow: usize,
    /// How long after it was due it starts; zero where nothing asked for a moment.
    pub lag: Duration,
}

/// How a call into the script ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It returned as a script should.
    Completed,
    /// The script said that it failed, and why.
    Failed(String),
    /// The script broke: it trapped or hit a limit. The next call meets a fresh instance.
    Trapped(Trap),
    /// The script asked for the whole run to end, and why.
    Aborted(String),
    /// What the script works through has come to its end, and what that was: there is nothing left to do,
    /// for this VU or any other. The run ends as if its time had come, and has not failed.
    Exhausted(String),
}

/// Where and why a script broke.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Trap {
    /// What happened, in the engine's words.
    pub reason: String,
    /// `src/lib.rs:5:51` where the script carries debug information, else a function's name.
    pub at: Option<String>,
    /// The limit that it reached, by its name, if it did: `memory-per-vu`, which `--max-memory-per-vu` raises.
    pub limit: Option<&'static str>,
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        match &self.at {
            Some(at) => write!(f, " at {at}"),
            None => Ok(()),
        }
    }
}

/// A virtual user.
///
/// Whoever drives it calls `start` once, `iterate` as often as the schedule says, and `stop` once. Any
/// of these futures may be dropped before it is ready: the VU is then *interrupted*, and the next call
/// to it must find it usable (a fresh instance, if need be).
///
/// A VU stays on one thread; its futures need not be [`Send`].
#[expect(
    async_fn_in_trait,
    reason = "a VU stays on its thread, so no bound is owed on the futures"
)]
pub trait Vu: 'static {
    /// Prepares the user, once, before its first iteration. Not an iteration itself.
    async fn start(&mut self, data: &SetupData) -> Outcome;

    /// Runs one iteration.
    async fn iterate(&mut self, iteration: &Iteration) -> Outcome;

    /// Ends the user, once, after its last iteration.
    async fn stop(&mut self);

    /// Forgets all that the script remembers: the next call meets a fresh instance, as if it were the first.
    fn renew(&mut self);

    /// Whether it is to be renewed when its iteration has ended, as if each iteration were to have a fresh instance.
    fn wants_renewal(&self) -> bool {
        false
    }

    /// Says that the iteration whose future was dropped just now took longer than it may; why, in words.
    fn timed_out(&mut self, why: &str) {
        let _ = why;
    }
}

/// Makes VUs of one script, and runs what happens once a run rather than once a VU.
#[expect(async_fn_in_trait, reason = "each future is awaited on the thread that made it")]
pub trait VuFactory: Send + Sync + 'static {
    /// The kind of VU it makes.
    type Vu: Vu;

    /// Runs the script's `setup`.
    ///
    /// Fails with the [`Outcome`] of the call where that is not [`Outcome::Completed`].
    async fn setup(&self) -> Result<SetupData, Outcome>;

    /// Makes one VU. Called on the worker thread that the VU will stay on.
    ///
    /// Fails with a sentence for people where the machine has no room for one more.
    async fn make(&self, identity: Identity) -> Result<Self::Vu, String>;

    /// Runs the script's `teardown` with what `setup` returned.
    async fn teardown(&self, data: &SetupData) -> Outcome;
}
