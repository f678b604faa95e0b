//! What every bench lets its user choose: the programs, their cores, and where the figures go.

use std::fs::File;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use crate::generator::{Speaks, Wasmload};
use crate::process::check_cores;
use crate::script;

/// Where and with what a bench runs.
#[derive(Debug, Args)]
pub struct Setting {
    /// The wasmload to run; by default it is built first.
    #[arg(long, value_name = "PROGRAM")]
    pub wasmload: Option<PathBuf>,
    /// The compiled script that wasmload runs; by default the bench's own, of `scripts/`, is built first.
    #[arg(long, value_name = "WASM")]
    pub script: Option<PathBuf>,
    /// The core of the generators.
    #[arg(long, value_name = "CORE", default_value_t = 0)]
    pub generator_core: usize,
    /// The core of the target.
    #[arg(long, value_name = "CORE", default_value_t = 1)]
    pub target_core: usize,
    /// Writes all that was measured to a file.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

impl Setting {
    /// Checks that the cores are there, and opens the file of the figures, if there is to be one: a run of
    /// minutes should not end with a file that cannot be written.
    pub fn prepare(&self) -> Result<Option<File>> {
        check_cores(self.generator_core, self.target_core)?;
        let Some(path) = &self.json else { return Ok(None) };
        let file = File::create(path).with_context(|| format!("creating `{}`", path.display()))?;
        Ok(Some(file))
    }

    /// The program wasmload, built unless it is given.
    pub fn program(&self) -> Result<PathBuf> {
        self.wasmload.clone().map_or_else(script::build_wasmload, Ok)
    }

    /// wasmload with the script of this name, both built unless they are given. It asks in the clear.
    pub fn wasmload(&self, script: &str) -> Result<Wasmload> {
        Ok(Wasmload {
            program: self.program()?,
            script: self.script.clone().map_or_else(|| script::build(script), Ok)?,
            speaks: Speaks::Http,
            env: Vec::new(),
        })
    }
}
