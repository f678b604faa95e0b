//! One virtual user: a store, an instance of the script in it, and its exchanges.

use std::sync::Arc;

use metrics::builtin;
use parking_lot::Mutex;
use vu::{Iteration, Outcome, SetupData, Trap, Vu};
use wasmtime::Store;

use crate::exchanges::Exchanges;
use crate::exports::Exports;
use crate::limits::Reached;
use crate::recording::{Call, Course, Ended, Settled};
use crate::scope::Group;
use crate::script::Script;
use crate::side_by_side::{GuestWaker, side_by_side};
use crate::state::{Birth, User, VuState};
use crate::trap;
use crate::turns::{Lane, Turn};

/// A VU whose script is a WebAssembly component.
///
/// Its instance lives as long as nothing goes wrong. After a trap, or when a call is interrupted by
/// dropping its future, the instance is thrown away and the next call meets a fresh one.
pub struct GuestVu {
    script: Script,
    user: Arc<User>,
    exchanges: Arc<Mutex<Exchanges>>,
    waker: Arc<GuestWaker>,
    turn: Arc<Turn>,
    /// Boxed, for each call takes it out and puts it back.
    instance: Option<Box<Instance>>,
    /// Whether an instance was made before, so that the next one is a restart.
    lived: bool,
    /// How many instances were made.
    births: u64,
    /// What answers its host calls: where they are recorded, the log is that of the instance.
    course: Course,
    /// Where it is recorded, what it was started with and called for last.
    told: Option<Told>,
}

struct Told {
    data: SetupData,
    call: Call,
}

struct Instance {
    store: Store<VuState>,
    exports: Exports,
}

impl GuestVu {
    pub(crate) fn new(
        script: Script,
        user: Arc<User>,
        exchanges: Exchanges,
        course: Course,
        lane: Lane,
    ) -> Self {
        Self {
            turn: Arc::new(Turn::new(script.ticks.clone(), lane)),
            script,
            user,
            exchanges: Arc::new(Mutex::new(exchanges)),
            waker: GuestWaker::new(),
            instance: None,
            lived: false,
            births: 0,
            course,
            told: None,
        }
    }

    /// Makes an instance now, so that the first call does not wait for it.
    ///
    /// Fails with a sentence for people.
    pub(crate) async fn instantiate(&mut self) -> Result<(), String> {
        self.instance = Some(self.take_instance().await.map_err(|trap| trap.reason)?);
        Ok(())
    }

    /// The instance, made afresh if there is none.
    async fn take_instance(&mut self) -> Result<Box<Instance>, Trap> {
        if let Some(instance) = self.instance.take() {
            return Ok(instance);
        }
        if self.lived {
            self.count_restart();
        }
        self.lived = true;
        self.fresh().await.map_err(|error| {
            let reached = self.reached(&error);
            let reason = match &reached {
                Some(reached) => format!("no instance could be made: {reached}"),
                None => format!("no instance could be made: {}", error.root_cause()),
            };
            Trap { reason, at: None, limit: reached.map(|reached| reached.limit.name()) }
        })
    }

    /// The limit that ended a call, if one did, which is counted.
    fn reached(&self, error: &wasmtime::Error) -> Option<Reached> {
        let reached = Reached::of(error, &self.user.limits)?;
        self.user.count_limit(reached.limit);
        Some(reached)
    }

    async fn fresh(&mut self) -> wasmtime::Result<Box<Instance>> {
        let instances = &self.script.instances;
        let (user, exchanges) = (Arc::clone(&self.user), Arc::clone(&self.exchanges));
        if user.recordings.is_some() {
            self.course = Course::Recorded(Arc::default());
        }
        let birth = Birth {
            number: self.births,
            turn: Arc::clone(&self.turn),
            course: self.course.clone(),
            is_program: instances.is_program(),
        };
        let state = VuState::new(user, exchanges, birth);
        self.births += 1;
        let mut store = Store::new(instances.instance_pre().engine(), state);
        let limits = &self.user.limits;
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(usize::try_from(limits.call_bytes).unwrap_or(usize::MAX));
        store.set_max_component_handles(limits.handles as usize);
        // A guest that computes for longer than an epoch lets the other VUs of its worker go on.
        store.epoch_deadline_callback(|mut store| Ok(store.data_mut().epoch_passed()?));
        store.set_epoch_deadline(1);
        let exports = self.turn.fairly(instances.instantiate(&mut store)).await?;
        Ok(Box::new(Instance { store, exports }))
    }

    /// Takes note of what it is called for, where that is recorded.
    fn tell(&mut self, data: Option<&SetupData>, call: impl FnOnce() -> Call) {
        if self.user.recordings.is_some() {
            let known = self.told.take().map(|told| told.data);
            let data = data.cloned().or(known).unwrap_or_default();
            self.told = Some(Told { data, call: call() });
        }
    }

    /// A call has ended: where it is recorded and failed, that may be kept.
    fn settle(&mut self, how: &Ended) {
        let (Course::Recorded(tape), Some(recordings)) = (&self.course, &self.user.recordings)
        else {
            return;
        };
        let mut tape = tape.lock();
        let Some(Told { data, call }) = self.told.as_ref().filter(|_| tape.ended(how)) else {
            return;
        };
        if how.is_failure() {
            recordings.offer(&Settled {
                script: &self.script.inspection,
                functions: &self.script.functions,
                identity: &self.user.identity,
                is_program: self.script.instances.is_program(),
                data,
                tape: &tape,
                call,
                how,
            });
        }
    }

    fn count_restart(&self) {
        let catalogue = self.user.catalogue.lock();
        catalogue.recorder().record_tagged(builtin::VU_RESTARTS, &self.user.tags, 1.0);
    }

    /// Calls the script, and drives its exchanges beside it.
    ///
    /// The instance is out of `self` while the call runs: if the future is dropped, it is dropped too.
    pub(crate) async fn call<T>(
        &mut self,
        iteration: Iteration,
        group: Group,
        call: impl AsyncFnOnce(&Exports, &mut Store<VuState>) -> wasmtime::Result<Result<T, String>>,
    ) -> Result<T, Outcome> {
        let mut instance = self.take_instance().await.map_err(Outcome::Trapped)?;
        let Instance { store, exports } = &mut *instance;
        let stderr = store.data().stderr.clone();
        stderr.begin_call();
        let number = match group {
            Group::Iterations => iteration.number_in_vu,
            Group::Start | Group::Stop => self.births,
        };
        store.data_mut().begin_call(iteration, group, number);
        self.course.begins(self.told.as_ref().map(|told| &told.call));
        store.set_epoch_deadline(1);

        let leftovers = Leftovers(Some(&self.exchanges));
        let guest = call(exports, store);
        let result = side_by_side(guest, &self.exchanges, &self.waker, &self.turn).await;
        match result {
            Ok(result) => {
                leftovers.keep();
                store.data_mut().end_spans();
                self.instance = Some(instance);
                result.map_err(Outcome::Failed)
            }
            Err(error) => {
                let words = stderr.words();
                if let Some(outcome) = exports.exited(&error, &words) {
                    // It has ended as it wanted to: another instance is no restart.
                    self.lived = false;
                    return Err(outcome);
                }
                Err(trap::outcome(&error, &words, &self.script.lines, self.reached(&error)))
            }
        }
    }
}

/// The exchanges of a call. Unless it returns as it should, they are cut off at once: whoever waited for
/// them is gone, and a target should not talk to a peer who does not listen.
struct Leftovers<'a>(Option<&'a Mutex<Exchanges>>);

impl Leftovers<'_> {
    /// Leaves them to the instance that began them.
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Leftovers<'_> {
    fn drop(&mut self) {
        if let Some(exchanges) = self.0 {
            exchanges.lock().abandon();
        }
    }
}

/// What became of a call that gives nothing back.
pub(crate) fn outcome(result: Result<(), Outcome>) -> Outcome {
    result.err().unwrap_or(Outcome::Completed)
}

impl Vu for GuestVu {
    async fn start(&mut self, data: &SetupData) -> Outcome {
        self.exchanges.lock().clear_cookies();
        if self.wants_renewal() {
            self.renew();
        }
        self.tell(Some(data), || Call::Start);
        let call = self.call(Iteration::default(), Group::Start, async |exports, store| {
            exports.start(store, data).await
        });
        let outcome = outcome(call.await);
        self.settle(&Ended::from(&outcome));
        // A login is one for all iterations.
        self.exchanges.lock().mark_cookies();
        outcome
    }

    async fn iterate(&mut self, iteration: &Iteration) -> Outcome {
        let user = Arc::clone(&self.user);
        if !user.keeps_cookies {
            self.exchanges.lock().reset_cookies();
        }
        // Every iteration has the place of one of them.
        let flow = user.identity.scenario.flows.get(iteration.flow).map_or("", String::as_str);
        self.tell(None, || Call::iterate(iteration, flow));
        let call = self.call(*iteration, Group::Iterations, async |exports, store| {
            exports.iterate(store, flow).await
        });
        let outcome = outcome(call.await);
        self.settle(&Ended::from(&outcome));
        self.exchanges.lock().end_iteration();
        outcome
    }

    async fn stop(&mut self) {
        // What it says goodbye with is in no recording: nothing comes after it.
        self.told = None;
        // A user that was cut off has no instance to say goodbye with.
        if self.instance.is_some() {
            let call = self.call(Iteration::default(), Group::Stop, async |exports, store| {
                exports.stop(store).await
            });
            // How it ends changes nothing any more.
            let _: Result<(), Outcome> = call.await;
        }
    }

    fn renew(&mut self) {
        if let Some(recordings) = self.user.recordings.as_ref().filter(|_| self.wants_renewal()) {
            recordings.renewed();
        }
        self.instance = None;
        self.exchanges.lock().abandon();
        // The next instance is no restart: nothing has gone wrong.
        self.lived = false;
    }

    /// The log of its instance has become long.
    fn wants_renewal(&self) -> bool {
        match &self.course {
            Course::Recorded(tape) => self.instance.is_some() && tape.lock().is_full(),
            Course::Free | Course::Replayed(_) => false,
        }
    }

    fn timed_out(&mut self, why: &str) {
        self.settle(&Ended::TimedOut(why.to_owned()));
    }
}
