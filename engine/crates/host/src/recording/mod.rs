//! Recordings of what went wrong: a VU's host calls are logged while it runs, and replayed without the target.
//!
//! A script knows of the world what host calls tell it. So a log of their answers, from the birth of an instance to
//! the failure of one of its iterations, is all that it takes to have that iteration fail again: on another machine,
//! with the target gone, in no time. Whatever a call is about (a response, a message, a row, the time, chance), its
//! answer is one of the log's, and no interface is a case of its own.
//!
//! * `linker` stands between the contract's bindings and wasmtime, and sees each call and its answer;
//! * `standard` has those functions of WASI seen to likewise that do not say the same each time;
//! * `taped` says how what passes is written down;
//! * `tape` is the log of one instance, within bounds;
//! * `keeper` decides which failures are written to files; `file` is their format;
//! * `player` answers from a file, and `replay` runs the script against it.
//!
//! Where nothing is recorded, the bindings' functions are linked as they are: it costs no instruction. What
//! `wasi:http` gives a script is not recorded, and whoever asks for that is told so.

mod file;
mod keeper;
pub(crate) mod linker;
mod player;
mod replay;
pub(crate) mod standard;
mod tape;
mod taped;

use std::sync::Arc;

use parking_lot::Mutex;

#[cfg(feature = "fuzzing")]
pub(crate) use file::sealed;
pub use file::{Recording, RecordingError};
pub use keeper::{FolderError, Recordings};
pub use replay::{Divergence, Replayed, Replaying, Told, Verdict};

pub(crate) use keeper::Settled;
pub(crate) use player::Player;
pub(crate) use tape::{Call, Ended, Function, Functions, Tape};

/// What a store's host calls are answered by.
#[derive(Clone, Default)]
pub(crate) enum Course {
    /// The host, and nobody writes it down.
    #[default]
    Free,
    /// The host, and the answers are written down.
    Recorded(Arc<Mutex<Tape>>),
    /// What was written down.
    Replayed(Arc<Mutex<Player>>),
}

impl Course {
    /// A call into the script begins; which, where it is recorded.
    pub(crate) fn begins(&self, call: Option<&Call>) {
        match self {
            Self::Free => {}
            Self::Recorded(tape) => {
                if let Some(call) = call {
                    tape.lock().begun(call);
                }
            }
            Self::Replayed(player) => player.lock().begins(),
        }
    }
}

/// What `bindgen!` takes for wasmtime: all of it is wasmtime but for the linker.
pub(crate) mod wasmtime {
    #![expect(unreachable_pub, reason = "the generated bindings name these types in public items")]

    pub use ::wasmtime::*;

    pub mod component {
        pub use ::wasmtime::component::*;

        pub use crate::recording::linker::{Linker, LinkerInstance};
    }
}
