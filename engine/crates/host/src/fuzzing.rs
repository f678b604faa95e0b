//! The door for the fuzz target of components, in `tests/fuzz`. Behind the feature `fuzzing`, and no part of the
//! interface.

use crate::engine::Engine;
use crate::script::{LoadFault, Script};

/// Loads a script that is in memory.
///
/// Fails as [`Script::load`] does.
pub fn load(engine: &Engine, bytes: &[u8]) -> Result<Script, LoadFault> {
    Script::from_bytes(engine, bytes.to_vec())
}
