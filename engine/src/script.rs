//! From what was typed for a script to one that is loaded, and the options that it gives itself.
//!
//! What it wants and is allowed is in `grants`; what is made of its options, in `layers`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use host::{Engine, EngineError, Level, LoadError, LogGate, Script};
use plan::Options;

use crate::assemble::runtime;
use crate::cli::options::invalid;
use crate::code_cache::CodeCacheFlags;
use crate::exit::ExitCode;
use crate::fault::Fault;
use crate::grants::declared;
use crate::guest_build;

/// The component of a script: the file itself, or what its source is built to, with what its options say it wants
/// in a section of its own.
pub(crate) fn component(script: &Path, code_cache: &CodeCacheFlags) -> Result<PathBuf, Fault> {
    match guest_build::is_source(script) {
        true => build(script, code_cache),
        false => Ok(script.to_owned()),
    }
}

/// Builds a script. One that does not load, or does not say its options, is told of when it is to run.
///
/// What is compiled to hear what it wants is kept where the run will look for it.
pub(crate) fn build(source: &Path, code_cache: &CodeCacheFlags) -> Result<PathBuf, Fault> {
    let built = guest_build::build(source)?;
    let silent = LogGate::new(Level::Error, |_| {});
    let wants = || {
        // What stands in the way of the cache is said by the run.
        let engine = engine(Engine::new(), code_cache, &|_| {}).ok()?;
        let script = load(&engine, &built).ok()?;
        let is_said = script.inspection().wants.is_some();
        let own = own_options(&script, &built, BTreeMap::new(), &runtime().ok()?, silent).ok()?;
        own.wants.filter(|_| !is_said)
    };
    if !declared::may_want(&built) {
        return Ok(built);
    }
    match wants() {
        Some(wants) => declared::declaring(&built, &wants),
        None => Ok(built),
    }
}

/// An engine that keeps what it compiles, if anything is kept.
pub(crate) fn engine(
    engine: Result<Engine, EngineError>,
    code_cache: &CodeCacheFlags,
    warn: &dyn Fn(&str),
) -> Result<Engine, Fault> {
    let engine = engine.map_err(|error| Fault::failed_to(ExitCode::Unexpected, &error))?;
    let (engine, warning) = code_cache.apply(engine)?;
    if let Some(warning) = warning {
        warn(&warning);
    }
    Ok(engine)
}

/// Loads a script.
///
/// Fails with what is wrong with it, and what to do.
pub(crate) fn load(engine: &Engine, path: &Path) -> Result<Script, Fault> {
    Script::load(engine, path).map_err(|error: LoadError| {
        let fault = Fault::failed_to(ExitCode::LoadFailed, &error);
        match error.hint() {
            Some(hint) => fault.hint(hint),
            None => fault,
        }
    })
}

/// The options that a script gives itself; `name` is what was typed for it. It may look at these environment variables
/// to say them.
pub(crate) fn own_options(
    script: &Script,
    name: &Path,
    env: BTreeMap<String, String>,
    runtime: &tokio::runtime::LocalRuntime,
    log: LogGate,
) -> Result<Options, Fault> {
    let own = runtime
        .block_on(script.options_with(env, log))
        .map_err(|error| Fault::failed_to(ExitCode::ScriptError, &error))?;
    let own = plan::parse_json(&own)
        .map_err(|problems| invalid(&format!("the options of `{}`", name.display()), &problems))?;
    declared::hold(script.inspection(), name, own)
}
