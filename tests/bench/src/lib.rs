//! Compares wasmload with other load generators, side by side in one run.
//!
//! `requests` is for what a request costs, in cases, `memory` for the memory of a virtual user, `arrivals` for how exactly a
//! rate is kept, `websockets` for what sockets and their messages take, `hostile` for what is left to honest users
//! beside others, `languages` for what the same script costs in each language.
//! README.md says how to run them and how to read what they print. Nothing here decides a test: what is
//! measured is printed, as ratios, and people judge.
//!
//! The parts: [`case`] is what is compared, [`nginx`] and [`demo`] are the targets, [`generator`] the contenders, [`process`] runs and accounts them,
//! [`turn`] is one of theirs, [`contest`] all of them in a case, [`memory`] reads their memory,
//! [`connected`] that of connected users, [`script`] builds what wasmload runs, and
//! [`setting`] is what can be chosen.

use std::io::Write as _;
use std::process::ExitCode;

pub mod case;
pub mod connected;
pub mod contest;
pub mod demo;
pub mod generator;
pub mod memory;
pub mod nginx;
pub mod process;
pub mod script;
pub mod setting;
pub mod slope;
pub mod spread;
pub mod table;
pub mod turn;

/// The exit code of a bench; says what went wrong if it did, without a backtrace.
pub fn ended(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If there is nobody to read it, the exit code still tells.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
