//! What the engine calls in a component: the contract's interface `script`, or the standard's `wasi:cli/run`.
//!
//! A component that exports `wasi:cli/run` and no script is a *program*: an iteration is one call of `run`, and
//! it has neither options nor anything that happens once a run or once a VU. What it says of itself by
//! returning an error or by `wasi:cli/exit` is told here; [`trap`](crate::trap) has all other ways to end.

use vu::{Outcome, SetupData};
use wasmtime::Store;
use wasmtime::component::{ComponentExportIndex, InstancePre};
use wasmtime_wasi::I32Exit;
use wasmtime_wasi::p2::bindings::{Command, CommandPre};

use crate::bindings::{LoadScript, LoadScriptPre};
use crate::contract::Contract;
use crate::state::VuState;

/// What a program says about a run that it cannot say itself. It has one flow, and each iteration has a fresh
/// instance unless somebody asks for something else: a program expects to be started once, and many stand
/// nothing else. Those of Rust and C break off when they are called again.
const OPTIONS_OF_PROGRAMS: &str = r#"{"flows":["default"],"isolation":"iteration"}"#;

/// The interface of scripts that make something of the results.
const SUMMARY: &str = "wasmload:script/summary@0.1.0";

/// What a script wants written of the results, and where to; none if it leaves that to the engine.
pub type OwnSummary = Option<Vec<(String, Vec<u8>)>>;

/// The exports of a component that is linked, found once for all its instances.
#[derive(Clone)]
pub(crate) enum ExportsPre {
    Script(LoadScriptPre<VuState>),
    Program(CommandPre<VuState>),
}

/// The exports of an instance.
pub(crate) enum Exports {
    /// The instance is there if it has more exports than bindings know.
    Script(LoadScript, Option<wasmtime::component::Instance>),
    Program(Command),
}

/// What a call gave back, or why the script says that it failed.
type Called<T> = wasmtime::Result<Result<T, String>>;

impl ExportsPre {
    pub(crate) fn new(
        instances: InstancePre<VuState>,
        contract: &Contract,
    ) -> wasmtime::Result<Self> {
        Ok(match contract {
            Contract::Script(_) => Self::Script(LoadScriptPre::new(instances)?),
            Contract::Program(_) => Self::Program(CommandPre::new(instances)?),
        })
    }

    pub(crate) fn instance_pre(&self) -> &InstancePre<VuState> {
        match self {
            Self::Script(script) => script.instance_pre(),
            Self::Program(program) => program.instance_pre(),
        }
    }

    pub(crate) async fn instantiate(
        &self,
        store: &mut Store<VuState>,
    ) -> wasmtime::Result<Exports> {
        Ok(match self {
            Self::Script(script) => {
                if self.summary().is_none() {
                    return Ok(Exports::Script(script.instantiate_async(store).await?, None));
                }
                let instance = script.instance_pre().instantiate_async(&mut *store).await?;
                Exports::Script(LoadScript::new(store, &instance)?, Some(instance))
            }
            Self::Program(program) => Exports::Program(program.instantiate_async(store).await?),
        })
    }

    pub(crate) fn is_program(&self) -> bool {
        matches!(self, Self::Program(_))
    }

    /// The function that makes a summary, if there is one.
    pub(crate) fn summary(&self) -> Option<ComponentExportIndex> {
        let Self::Script(script) = self else { return None };
        let component = script.instance_pre().component();
        let interface = component.get_export_index(None, SUMMARY)?;
        component.get_export_index(Some(&interface), "handle")
    }
}

impl Exports {
    pub(crate) async fn options(&self, store: &mut Store<VuState>) -> Called<String> {
        match self {
            Self::Script(script, _) => {
                script.wasmload_script_script().call_options(store).await.map(Ok)
            }
            Self::Program(_) => Ok(Ok(OPTIONS_OF_PROGRAMS.to_owned())),
        }
    }

    pub(crate) async fn setup(&self, store: &mut Store<VuState>) -> Called<Vec<u8>> {
        match self {
            Self::Script(script, _) => script.wasmload_script_script().call_setup(store).await,
            Self::Program(_) => Ok(Ok(Vec::new())),
        }
    }

    pub(crate) async fn start(&self, store: &mut Store<VuState>, data: &SetupData) -> Called<()> {
        match self {
            Self::Script(script, _) => {
                script.wasmload_script_script().call_start(store, data).await
            }
            // That there is an instance is all that a program needs.
            Self::Program(_) => Ok(Ok(())),
        }
    }

    pub(crate) async fn iterate(&self, store: &mut Store<VuState>, flow: &str) -> Called<()> {
        match self {
            Self::Script(script, _) => {
                script.wasmload_script_script().call_iterate(store, flow).await
            }
            Self::Program(program) => {
                let ran = program.wasi_cli_run().call_run(&mut *store).await?;
                Ok(ran.map_err(|()| failure(&store.data().stderr.words())))
            }
        }
    }

    pub(crate) async fn stop(&self, store: &mut Store<VuState>) -> Called<()> {
        match self {
            Self::Script(script, _) => {
                script.wasmload_script_script().call_stop(store).await.map(Ok)
            }
            Self::Program(_) => Ok(Ok(())),
        }
    }

    pub(crate) async fn teardown(
        &self,
        store: &mut Store<VuState>,
        data: &SetupData,
    ) -> Called<()> {
        match self {
            Self::Script(script, _) => {
                script.wasmload_script_script().call_teardown(store, data).await
            }
            Self::Program(_) => Ok(Ok(())),
        }
    }

    /// Asks for what is to be made of the results.
    pub(crate) async fn summarize(
        &self,
        store: &mut Store<VuState>,
        handle: &ComponentExportIndex,
        results: &str,
        data: &SetupData,
    ) -> Called<OwnSummary> {
        let Self::Script(_, Some(instance)) = self else { return Ok(Ok(None)) };
        let handle = instance
            .get_typed_func::<(&str, &[u8]), (Result<OwnSummary, String>,)>(&mut *store, handle)?;
        let (own,) = handle.call_async(store, (results, data)).await?;
        Ok(own)
    }

    /// What became of a call into a program that left by `wasi:cli/exit` instead of returning. `words` are what
    /// it wrote to standard error.
    pub(crate) fn exited(&self, error: &wasmtime::Error, words: &str) -> Option<Outcome> {
        let I32Exit(code) = match self {
            Self::Script(..) => return None,
            Self::Program(_) => error.downcast_ref()?,
        };
        Some(match code {
            0 => Outcome::Completed,
            // All the standard has of the number is that it is another one.
            _ => Outcome::Failed(failure(words)),
        })
    }
}

/// Why a program failed: what it wrote to standard error, where it wrote something.
fn failure(words: &str) -> String {
    match words.trim() {
        "" => "the program failed, and wrote nothing to standard error".to_owned(),
        words => format!("the program failed: {words}"),
    }
}
