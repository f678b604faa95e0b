//! Doors for the fuzz targets of components and recordings, in `tests/fuzz`. Behind the feature `fuzzing`, and no part of the
//! interface.

use crate::engine::Engine;
use crate::recording::{Recording, RecordingError, sealed};
use crate::script::{LoadFault, Script};

/// Loads a script that is in memory.
///
/// Fails as [`Script::load`] does.
pub fn load(engine: &Engine, bytes: &[u8]) -> Result<Script, LoadFault> {
    Script::from_bytes(engine, bytes.to_vec())
}

/// Reads a recording of which this is the content: its beginning and its digest are made good, or nothing that is made up
/// would come past them.
///
/// Fails as [`Recording::from_bytes`] does.
pub fn recording(content: &[u8]) -> Result<Recording, RecordingError> {
    Recording::from_bytes(&sealed(content))
}
