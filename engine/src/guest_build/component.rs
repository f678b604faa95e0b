//! Makes a component of a core module that a compiler left: says which world it is of, and gives it the standard's
//! interfaces in place of the calls (`wasi_snapshot_preview1`) that its libraries make.

use std::fs;
use std::path::Path;

use host::FormError;
use wit_component::StringEncoding;
use wit_parser::{Resolve, SourceMap};

use super::unwritten;
use crate::exit::ExitCode;
use crate::fault::Fault;
use crate::sdk;

/// Writes the component of a core module that a compiler wrote.
///
/// Fails as [`of`], or if one cannot be read or the other not be written.
pub(super) fn write(core: &Path, to: &Path) -> Result<(), Fault> {
    let core = fs::read(core).map_err(unwritten)?;
    fs::write(to, of(core)?).map_err(unwritten)
}

/// The component of a core module that is a script of the contract.
///
/// Fails with what it imports or exports that the contract does not have.
fn of(core: Vec<u8>) -> Result<Vec<u8>, Fault> {
    encoded(core).map_err(|why| {
        Fault::new(ExitCode::BuildFailed, "what was compiled is not a script of the contract")
            .detail(why)
    })
}

fn encoded(mut core: Vec<u8>) -> Result<Vec<u8>, String> {
    let mut contract = SourceMap::default();
    for (file, content) in sdk::WIT {
        contract.push_str(file, *content);
    }
    let package = contract.parse().map_err(|(_, error)| error.to_string())?;
    let mut resolve = Resolve::default();
    let package = resolve.push_group(package).map_err(|error| error.to_string())?;
    let said = |error: &dyn std::fmt::Display| format!("{error:#}");
    let world =
        resolve.select_world(&[package], Some("load-script")).map_err(|error| said(&error))?;
    wit_component::embed_component_metadata(&mut core, &resolve, world, StringEncoding::UTF8)
        .map_err(|error| said(&error))?;
    host::into_component(core).map(|(component, _)| component).map_err(|error| match error {
        FormError::Componentise(why) => why,
        error => error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_that_is_no_script_says_what_it_lacks() {
        // An empty module: the magic number and the version.
        let said = of(b"\0asm\x01\0\0\0".to_vec()).unwrap_err().text();
        assert!(said.contains("not a script of the contract"), "{said}");
        assert!(said.contains("wasmload:script/script"), "{said}");
    }
}
