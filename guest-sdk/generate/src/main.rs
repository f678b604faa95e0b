//! Writes the bindings of SDKs whose languages have no generator of their own: `cargo run -p wasmload-generate-bindings`.
//!
//! What it writes is committed and never edited. Its test holds what is committed against what it would write.

use std::fs;
use std::path::{Path, PathBuf};

use wit_bindgen_core::wit_parser::Resolve;
use wit_bindgen_core::{Files, WorldGenerator};

/// The repository.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Files, from the root of the repository, and what is in them.
fn generated() -> Vec<(PathBuf, Vec<u8>)> {
    let c = wit_bindgen_c::Opts {
        // The engine says itself which world a script is of.
        no_object_file: true,
        ..wit_bindgen_c::Opts::default()
    };
    files("guest-sdk/c/generated", c.build())
}

fn files(folder: &str, mut generator: Box<dyn WorldGenerator>) -> Vec<(PathBuf, Vec<u8>)> {
    let mut resolve = Resolve::default();
    let wit = Path::new(ROOT).join("wit");
    let (package, _) = resolve.push_path(wit).expect("the contract is read");
    let world = resolve.select_world(&[package], Some("load-script")).expect("it has the world");
    let mut files = Files::default();
    generator.generate(&mut resolve, world, &mut files).expect("there are bindings for all of it");
    files.iter().map(|(name, content)| (Path::new(folder).join(name), content.to_vec())).collect()
}

fn main() {
    for (file, content) in generated() {
        let path = Path::new(ROOT).join(file);
        fs::create_dir_all(path.parent().unwrap_or(Path::new(ROOT))).expect("a folder is made");
        fs::write(path, content).expect("a file is written");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bindings_are_those_of_the_contract() {
        for (file, content) in generated() {
            let committed = fs::read(Path::new(ROOT).join(&file)).unwrap_or_default();
            let is_same = committed == content;
            assert!(is_same, "run `cargo run -p wasmload-generate-bindings`: {}", file.display());
        }
    }
}
