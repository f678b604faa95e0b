//! `wasmload`: reads what was typed, does it, and ends with a code that says how it went.
//!
//! * `cli` is what can be typed, one file a subcommand;
//! * `assemble` puts script, schedule and outputs together for a run, the only file that knows them all;
//! * `code_cache` says where compiled scripts are kept;
//! * `script` loads what was typed for one, `layers` lays its options under those of whoever runs it;
//! * `control_api` lets somebody change a run while it goes on;
//! * `files` and `datasets` open the files that a plan names;
//! * `grants` is what a script wants, what it is given of that, and who is asked;
//! * `guest_build` turns sources into a component, `scaffold` makes new ones;
//! * `fault` is what can go wrong and how it is said, `exit` the codes;
//! * `machine` is what the system lets this process have, `limits` what of it a run may take;
//! * `on_crossed` tells somebody that a threshold is crossed;
//! * `observe` shows single exchanges to who asks for them;
//! * `secrets` are values that scripts read and nobody sees;
//! * `stop_file` ends a run from outside;
//! * `printable` keeps foreign text from acting on the terminal.

mod assemble;
mod cli;
mod code_cache;
mod control_api;
mod datasets;
mod exit;
mod fault;
mod files;
mod grants;
mod guest_build;
mod interrupts;
mod layers;
mod limits;
mod machine;
mod network;
mod observe;
mod on_crossed;
mod own_summary;
mod printable;
mod proxies;
mod real_path;
mod recording;
mod scaffold;
mod script;
mod sdk;
mod secrets;
mod stop_file;
mod tls;
mod web;

use exit::ExitCode;
use fault::Fault;

fn main() -> std::process::ExitCode {
    // A panic would end the process with 101, which means something else here.
    let code = std::panic::catch_unwind(cli::main).unwrap_or_else(|_| {
        Fault::new(ExitCode::EngineFault, "wasmload broke down")
            .hint("this is a mistake in wasmload; please report it with what stands above")
            .say()
    });
    code.into()
}
