//! Where compiled scripts are kept between runs: which folder, and what is said if it cannot be used.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use host::{CodeCache, Engine};

use crate::exit::ExitCode;
use crate::fault::Fault;

/// The flags that say whether and where.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct CodeCacheFlags {
    /// Keep compiled scripts in this folder, so that the next run starts at once; as a rule it is `wasmload` in the
    /// user's folder for caches
    #[arg(
        long,
        env = "WASMLOAD_CODE_CACHE",
        hide_env_values = true,
        value_name = "DIR",
        conflicts_with = "no_code_cache"
    )]
    code_cache: Option<PathBuf>,

    /// Compile scripts anew, and keep nothing of it
    #[arg(long)]
    no_code_cache: bool,
}

impl CodeCacheFlags {
    /// Has an engine keep what it compiles, if anywhere.
    ///
    /// Fails if the folder that was asked for cannot be used. The usual one is only gone without: the second value says
    /// why.
    pub(crate) fn apply(&self, engine: Engine) -> Result<(Engine, Option<String>), Fault> {
        if self.no_code_cache {
            return Ok((engine, None));
        }
        let usual = || usual(&|name| std::env::var_os(name));
        let Some(folder) = self.code_cache.clone().or_else(usual) else {
            return Ok((engine, None));
        };
        match CodeCache::open(folder) {
            Ok(cache) => Ok((engine.with_code_cache(cache), None)),
            Err(error) if self.code_cache.is_some() => {
                Err(Fault::failed_to(ExitCode::InvalidConfig, &error))
            }
            Err(error) => {
                Ok((engine, Some(format!("failed to {error}; it is compiled each time"))))
            }
        }
    }
}

/// The folder for compiled code among the user's caches.
fn usual(variable: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    Some(caches(variable)?.join("wasmload/compiled"))
}

/// The user's folder for caches, by the XDG Base Directory Specification: paths in it must be absolute.
pub(crate) fn caches(variable: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let folder =
        |name| variable(name).map(PathBuf::from).filter(|path: &PathBuf| path.is_absolute());
    folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_folder_is_the_users_for_caches() {
        for (xdg, home, expected) in [
            (Some("/x"), Some("/home/ada"), Some("/x/wasmload/compiled")),
            (None, Some("/home/ada"), Some("/home/ada/.cache/wasmload/compiled")),
            (Some("relative"), Some("/home/ada"), Some("/home/ada/.cache/wasmload/compiled")),
            (Some(""), None, None),
            (None, None, None),
        ] {
            let variable = |name: &str| match name {
                "XDG_CACHE_HOME" => xdg.map(OsString::from),
                _ => home.map(OsString::from),
            };
            assert_eq!(usual(&variable), expected.map(PathBuf::from), "{xdg:?} {home:?}");
        }
    }
}
