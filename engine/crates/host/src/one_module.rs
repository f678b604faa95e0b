//! One core module in place of the many that a component is linked of.
//!
//! The tools for JavaScript and Python link a component as a system links a program with its shared libraries: a core
//! module for each, which import one memory and one table that another of them defines. wasmtime fills a table that is
//! imported, and makes a reference for each function in it, for each instance; one that a module defines itself it fills
//! as it is used. So each virtual user of such a component has some dozens or hundreds of KiB that hold the same in all.
//! Here the modules become one that defines the memory, the table and the rest, and means the same.
//!
//! * `items`: the component, cut into what can be moved.
//! * `members`: which instances become one, and where what they import comes from.
//! * `module`: a core module, read; `places`, `linked`: the one that is made of several.
//! * `written`: the component that has it.
//!
//! All or nothing: a shape that is not understood, and a result that does not validate, leave the component as it was.
//! Since now all that may happen is seen, functions that nobody calls are left out, and globals that nothing sets become
//! the constants that they are. Nothing else is optimised.

mod items;
mod linked;
mod members;
mod module;
mod places;
mod written;

#[cfg(test)]
mod tests;

use std::convert::Infallible;

use wasm_encoder::reencode;
use wasmparser::Validator;

use self::items::Items;
use self::members::Members;

/// Why a component is left as it was.
#[derive(Debug, thiserror::Error)]
pub enum Unmerged {
    /// It is not one, or uses what is not known here.
    #[error("it is not valid: {0}")]
    Invalid(#[from] wasmparser::Error),
    /// Nothing in it shares a table.
    #[error("no modules in it share a table")]
    NothingShared,
    /// It has what this does not know how to merge.
    #[error("it has {0}")]
    Shape(&'static str),
    /// What was made is not valid. A fault of ours.
    #[error("what was made of it is not valid: {0}")]
    Made(wasmparser::Error),
}

impl From<reencode::Error<Infallible>> for Unmerged {
    fn from(error: reencode::Error<Infallible>) -> Self {
        match error {
            reencode::Error::ParseError(error) => Self::Invalid(error),
            reencode::Error::UserError(never) => match never {},
            _ => Self::Shape("what cannot be written again"),
        }
    }
}

impl From<reencode::Error<Self>> for Unmerged {
    fn from(error: reencode::Error<Self>) -> Self {
        match error {
            reencode::Error::ParseError(error) => Self::Invalid(error),
            reencode::Error::UserError(error) => error,
            _ => Self::Shape("what cannot be written again"),
        }
    }
}

/// The component with the core modules that share a table made one, in it and in the components in it.
///
/// Fails with why it is better left as it was.
pub fn one_module(component: &[u8]) -> Result<Vec<u8>, Unmerged> {
    Validator::new().validate_all(component)?;
    let merged = merged(component)?.ok_or(Unmerged::NothingShared)?;
    Validator::new().validate_all(&merged).map_err(Unmerged::Made)?;
    Ok(merged)
}

/// The component, if there was something to merge.
fn merged(component: &[u8]) -> Result<Option<Vec<u8>>, Unmerged> {
    let items = Items::of(component)?;
    let mut inner = Vec::new();
    for nested in items.components() {
        inner.push(merged(nested)?);
    }
    let members = Members::of(&items)?;
    if members.is_empty() && inner.iter().all(Option::is_none) {
        return Ok(None);
    }
    written::written(&items, &members, inner).map(Some)
}
