//! Compiled code, kept between runs: a folder of this user alone, a file a script and engine.
//!
//! Machine code is not checked by anybody once it is loaded, so it must be what this engine wrote, to the byte. It is
//! kept where nobody else can write; the name of a file says what it was compiled from and for (its key) and what is in
//! it (its digest), and what is not as its name says is compiled anew and written over. Code of any other origin is
//! never loaded. Which folder it is, is said by whoever sets the [`Engine`](crate::Engine) up.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};
use wasmtime::component::Component;

use crate::hex::hex;

/// How many bytes of code are kept: some dozen interpreters, or thousands of scripts in compiled languages.
const MOST: u64 = 1 << 30;

/// Bits of a mode that let others than the owner write.
const OTHERS_WRITE: u32 = 0o022;

/// How the names of the files end.
const EXTENSION: &str = ".cwasm";

/// A SHA-256.
pub(crate) type Digest = [u8; 32];

/// A folder of compiled code.
#[derive(Clone, Debug)]
pub struct CodeCache {
    folder: PathBuf,
    most: u64,
}

/// A folder cannot keep compiled code.
#[derive(Debug, thiserror::Error)]
#[error("keep compiled code in `{folder}`: {fault}")]
pub struct CodeCacheError {
    folder: String,
    fault: CodeCacheFault,
}

#[derive(Debug, thiserror::Error)]
enum CodeCacheFault {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("it is no folder")]
    NoFolder,
    #[error("it belongs to another user, who could have any code run")]
    OfAnother,
    #[error("others may write to it, and have any code run; `chmod go-w` mends it")]
    OthersWrite,
}

impl CodeCache {
    /// The folder at this path, made if it is not there, for this user alone.
    ///
    /// Fails with [`CodeCacheError`] if it cannot be made, belongs to somebody else, or others may write to it.
    pub fn open(folder: PathBuf) -> Result<Self, CodeCacheError> {
        match private(&folder) {
            Ok(()) => Ok(Self { folder, most: MOST }),
            Err(fault) => Err(CodeCacheError { folder: folder.display().to_string(), fault }),
        }
    }

    /// The component of these bytes, whose SHA-256 is known: as it was kept, or compiled and then kept.
    ///
    /// Fails if it does not compile. That it cannot be kept is no failure: it is compiled again the next time.
    pub(crate) fn component(
        &self,
        engine: &wasmtime::Engine,
        bytes: &[u8],
        digest: &Digest,
    ) -> wasmtime::Result<Component> {
        let key = key(engine, digest);
        if let Some(kept) = self.kept(engine, &key) {
            return Ok(kept);
        }
        let component = Component::from_binary(engine, bytes)?;
        if let Ok(code) = component.serialize() {
            let _ = self.keep(&key, &code);
        }
        Ok(component)
    }

    /// What was kept under a key, if it is still what was written.
    fn kept(&self, engine: &wasmtime::Engine, key: &str) -> Option<Component> {
        let Entry { path, digest, .. } =
            self.entries().into_iter().find(|entry| entry.key == key)?;
        let mut file = open_own(&path)?;
        let mut code = Vec::new();
        file.read_to_end(&mut code).ok()?;
        if hex(&Sha256::digest(&code)) != digest {
            // Cut short or rotten; it is written anew.
            let _ = fs::remove_file(&path);
            return None;
        }
        // Only so that what was used last is thrown away last.
        let _ = file.set_modified(SystemTime::now());
        #[expect(unsafe_code, reason = "compiled code cannot be checked, only its origin can")]
        // SAFETY: `deserialize` wants bytes that `Component::serialize` gave. These lie in a file of this user that no
        // other user may write to, in such a folder (`private`, `open_own`), under a name that only `keep` gives, which
        // writes only what `serialize` gave; and they are the very bytes, for their digest is the one in that name.
        // They are in memory of our own, so nobody changes them after they were judged. wasmtime itself refuses what
        // another version or configuration of it made.
        let component = unsafe { Component::deserialize(engine, &code) };
        component.ok()
    }

    /// Keeps code: whole or not at all, whoever else does the same at the same time.
    fn keep(&self, key: &str, code: &[u8]) -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix("new-").tempfile_in(&self.folder)?;
        file.write_all(code)?;
        file.flush()?;
        let digest = hex(&Sha256::digest(code));
        file.persist(self.folder.join(format!("{key}-{digest}{EXTENSION}")))?;
        self.make_room();
        Ok(())
    }

    /// Throws away what was not used for longest, until the rest is not too much.
    fn make_room(&self) {
        let mut entries = self.entries();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.used));
        let mut sum = 0;
        for Entry { path, size, .. } in entries {
            sum += size;
            if sum > self.most {
                let _ = fs::remove_file(path);
            }
        }
    }

    /// The files that have a name as `keep` gives it.
    fn entries(&self) -> Vec<Entry> {
        let Ok(folder) = fs::read_dir(&self.folder) else { return Vec::new() };
        folder
            .filter_map(|file| {
                let file = file.ok()?;
                let name = file.file_name().into_string().ok()?;
                let (key, digest) = name.strip_suffix(EXTENSION)?.split_once('-')?;
                let told = file.metadata().ok()?;
                Some(Entry {
                    key: key.to_owned(),
                    digest: digest.to_owned(),
                    path: file.path(),
                    size: told.len(),
                    used: told.modified().ok()?,
                })
            })
            .collect()
    }
}

/// A file of the folder.
struct Entry {
    key: String,
    digest: String,
    path: PathBuf,
    size: u64,
    used: SystemTime,
}

/// Makes a folder where there is none, and sees that it is this user's alone.
fn private(folder: &Path) -> Result<(), CodeCacheFault> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let told = fs::metadata(folder)?;
    if !told.is_dir() {
        return Err(CodeCacheFault::NoFolder);
    }
    if told.uid() != own_id() {
        return Err(CodeCacheFault::OfAnother);
    }
    match told.mode() & OTHERS_WRITE {
        0 => Ok(()),
        _ => Err(CodeCacheFault::OthersWrite),
    }
}

/// Opens a file of this user that nobody else may write to, and that is where its name says.
fn open_own(path: &Path) -> Option<File> {
    let no_follow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    let mut file =
        OpenOptions::new().read(true).write(true).custom_flags(no_follow).open(path).ok()?;
    let told = file.metadata().ok()?;
    let own = told.is_file() && told.uid() == own_id() && told.mode() & OTHERS_WRITE == 0;
    file.rewind().ok()?;
    own.then_some(file)
}

fn own_id() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// What code is kept under: the component that it is of, and all of the engine that shaped it.
fn key(engine: &wasmtime::Engine, component: &Digest) -> String {
    let mut hasher = Sha256Hasher(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.0.update(component);
    hex(&hasher.0.finalize())
}

/// Hashes what knows only the standard library's way of being hashed, so that the result is the same in each process.
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        digest.iter().take(8).fold(0, |sum, &byte| sum << 8 | u64::from(byte))
    }
}

impl fmt::Display for CodeCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.folder.display().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const SCRIPT: &[u8] =
        b"(component (core module (func (export \"f\") (result i32) i32.const 7)))";

    fn cache() -> (tempfile::TempDir, CodeCache, wasmtime::Engine, Vec<u8>) {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = CodeCache::open(folder.path().join("a/b")).expect("it is ours");
        let bytes = wat::parse_bytes(SCRIPT).expect("a component").into_owned();
        (folder, cache, wasmtime::Engine::default(), bytes)
    }

    fn digest(bytes: &[u8]) -> Digest {
        Sha256::digest(bytes).into()
    }

    fn component(
        cache: &CodeCache,
        engine: &wasmtime::Engine,
        bytes: &[u8],
    ) -> wasmtime::Result<Component> {
        cache.component(engine, bytes, &digest(bytes))
    }

    #[test]
    fn what_was_compiled_once_is_not_compiled_again() {
        let (_folder, cache, engine, bytes) = cache();
        let key = key(&engine, &digest(&bytes));
        assert!(cache.kept(&engine, &key).is_none(), "nothing is there yet");
        component(&cache, &engine, &bytes).expect("it compiles");
        assert_eq!(cache.entries().len(), 1);
        assert!(cache.kept(&engine, &key).is_some(), "it is there");
        let mode = cache.folder.metadata().expect("it is there").mode();
        assert_eq!(mode & 0o777, 0o700, "for its user alone");
        component(&cache, &engine, &bytes).expect("it is kept");
        assert_eq!(cache.entries().len(), 1);
    }

    #[test]
    fn another_script_and_another_engine_have_code_of_their_own() {
        let (_folder, cache, engine, bytes) = cache();
        component(&cache, &engine, &bytes).expect("it compiles");
        let mut config = wasmtime::Config::new();
        config.epoch_interruption(true);
        let other = wasmtime::Engine::new(&config).expect("an engine");
        component(&cache, &other, &bytes).expect("it compiles");
        component(&cache, &engine, b"\0asm\x0d\0\x01\0").expect("an empty component");
        assert_eq!(cache.entries().len(), 3);
    }

    #[test]
    fn what_is_not_as_it_was_written_is_compiled_anew() {
        let (_folder, cache, engine, bytes) = cache();
        let key = key(&engine, &digest(&bytes));
        component(&cache, &engine, &bytes).expect("it compiles");
        let path = cache.entries().remove(0).path;
        let code = fs::read(&path).expect("it is there");
        let mut rotten = code.clone();
        rotten[code.len() / 2] ^= 1;
        for spoilt in [&code[..code.len() / 2], &rotten, b"", b"\x7fELF"] {
            fs::write(&path, spoilt).expect("it is ours");
            assert!(cache.kept(&engine, &key).is_none(), "it is not what it was");
            component(&cache, &engine, &bytes).expect("it compiles");
            assert_eq!(fs::read(&path).expect("it is there again"), code);
        }
    }

    #[test]
    fn code_that_others_could_have_written_is_not_run() {
        let (_folder, cache, engine, bytes) = cache();
        let key = key(&engine, &digest(&bytes));
        component(&cache, &engine, &bytes).expect("it compiles");
        let path = cache.entries().remove(0).path;
        let mode = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
        };
        mode(&path, 0o602);
        assert!(cache.kept(&engine, &key).is_none(), "others may write to it");
        mode(&path, 0o600);
        assert!(cache.kept(&engine, &key).is_some());
        let moved = cache.folder.join("moved");
        fs::rename(&path, &moved).expect("it is ours");
        std::os::unix::fs::symlink(&moved, &path).expect("the folder is ours");
        assert!(cache.kept(&engine, &key).is_none(), "it is a link");
        mode(&cache.folder, 0o770);
        let refused = CodeCache::open(cache.folder.clone()).expect_err("its group may write");
        assert!(refused.to_string().ends_with("`chmod go-w` mends it"), "{refused}");
        let refused = CodeCache::open(moved).expect_err("it is a file");
        assert!(refused.to_string().starts_with("keep compiled code in `"), "{refused}");
    }

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let (_folder, mut cache, _, _) = cache();
        for name in ["a", "b", "c"] {
            cache.keep(name, &[0; 100]).expect("there is room");
            let entry = cache.entries().into_iter().find(|entry| entry.key == name);
            let file = File::open(entry.expect("it is kept").path).expect("it is ours");
            let age = std::time::Duration::from_secs(if name == "b" { 10 } else { 100 });
            file.set_modified(SystemTime::now() - age).expect("it is ours");
        }
        cache.most = 250;
        cache.keep("d", &[1; 100]).expect("there is room");
        let mut keys: Vec<_> = cache.entries().into_iter().map(|entry| entry.key).collect();
        keys.sort();
        assert_eq!(keys, ["b", "d"]);
    }
}
