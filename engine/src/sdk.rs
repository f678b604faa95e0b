//! The SDKs and the contract, as they travel inside this program: what a scaffold is given, and what sources are
//! built with, needs nothing that is not on the machine.
//!
//! A list for each folder of `guest-sdk`, and one for `wit`. What is made of them is said in `scaffold` and
//! `guest_build`.

use std::fs;
use std::io;
use std::path::Path;

/// Names of files, from the folder that they are in, and what is in them.
pub(crate) type Files = &'static [(&'static str, &'static str)];

/// The files of a folder, from this crate's, that are named.
macro_rules! files {
    ($folder:literal: $($file:literal),* $(,)?) => {
        &[$(($file, include_str!(concat!("../../", $folder, "/", $file)))),*]
    };
}

/// The contract: `wit`.
pub(crate) const WIT: Files = files!(
    "wit":
    "checks.wit",
    "context.wit",
    "dataset.wit",
    "http.wit",
    "log.wit",
    "metrics.wit",
    "script.wit",
    "secrets.wit",
    "spans.wit",
    "sse.wit",
    "summary.wit",
    "timing.wit",
    "types.wit",
    "websocket.wit",
);

/// The SDK for Rust: `guest-sdk/rust/src`.
pub(crate) const RUST: Files = files!(
    "guest-sdk/rust/src":
    "bindings.rs",
    "context.rs",
    "dataset.rs",
    "download.rs",
    "form.rs",
    "http.rs",
    "lib.rs",
    "log.rs",
    "metrics.rs",
    "script.rs",
    "secrets.rs",
    "spans.rs",
    "sse.rs",
    "timing.rs",
    "upload.rs",
    "websocket.rs",
);

/// The SDK for JavaScript and TypeScript: `guest-sdk/js`.
pub(crate) const JS: Files = files!(
    "guest-sdk/js":
    "bytes.js",
    "context.js",
    "dataset.js",
    "error.js",
    "form.js",
    "http.js",
    "index.d.ts",
    "index.js",
    "k6/crypto.js",
    "k6/data.js",
    "k6/encoding.js",
    "k6/execution.js",
    "k6/globals.js",
    "k6/handshake.js",
    "k6/http.js",
    "k6/index.js",
    "k6/jslib/k6-summary.js",
    "k6/jslib/k6-utils.js",
    "k6/metrics.js",
    "k6/random.js",
    "k6/response.js",
    "k6/script.js",
    "k6/secrets.js",
    "k6/selector.js",
    "k6/settings.js",
    "k6/tags.js",
    "k6/timers.js",
    "k6/websockets.js",
    "k6/ws.js",
    "log.js",
    "metrics.js",
    "package.json",
    "runtime/failure.js",
    "runtime/globals.js",
    "runtime/loop.js",
    "runtime/promise.js",
    "runtime/random.js",
    "runtime/script.js",
    "spans.js",
    "sse.js",
    "timing.js",
    "websocket.js",
    "wit/javascript.wit",
    "wit/random.wit",
);

/// The SDK for Python: `guest-sdk/python/wasmload`.
pub(crate) const PYTHON: Files = files!(
    "guest-sdk/python":
    "wasmload/__init__.py",
    "wasmload/bindings/componentize_py_runtime.pyi",
    "wasmload/bindings/componentize_py_types.py",
    "wasmload/bindings/wit_world/__init__.py",
    "wasmload/bindings/wit_world/exports/__init__.py",
    "wasmload/bindings/wit_world/exports/script.py",
    "wasmload/bindings/wit_world/imports/__init__.py",
    "wasmload/bindings/wit_world/imports/checks.py",
    "wasmload/bindings/wit_world/imports/context.py",
    "wasmload/bindings/wit_world/imports/dataset.py",
    "wasmload/bindings/wit_world/imports/http.py",
    "wasmload/bindings/wit_world/imports/log.py",
    "wasmload/bindings/wit_world/imports/metrics.py",
    "wasmload/bindings/wit_world/imports/secrets.py",
    "wasmload/bindings/wit_world/imports/spans.py",
    "wasmload/bindings/wit_world/imports/sse.py",
    "wasmload/bindings/wit_world/imports/timing.py",
    "wasmload/bindings/wit_world/imports/websocket.py",
    "wasmload/checks.py",
    "wasmload/component.py",
    "wasmload/context.py",
    "wasmload/dataset.py",
    "wasmload/errors.py",
    "wasmload/forms.py",
    "wasmload/given.py",
    "wasmload/http.py",
    "wasmload/json_text.py",
    "wasmload/log.py",
    "wasmload/metrics.py",
    "wasmload/py.typed",
    "wasmload/response.py",
    "wasmload/script.py",
    "wasmload/secrets.py",
    "wasmload/spans.py",
    "wasmload/sse.py",
    "wasmload/testing.py",
    "wasmload/timing.py",
    "wasmload/websocket.py",
);

/// The SDK for C: `guest-sdk/c`.
pub(crate) const C: Files = files!(
    "guest-sdk/c":
    "generated/load_script.c",
    "generated/load_script.h",
    "wasmload.c",
    "wasmload.h",
    "wasmload_form.c",
    "wasmload_http.c",
    "wasmload_internal.h",
    "wasmload_run.c",
    "wasmload_streams.c",
    "wasmload_testing.h",
);

/// The SDK for Go: `guest-sdk/go`.
pub(crate) const GO: Files = files!(
    "guest-sdk/go":
    "collect.go",
    "context.go",
    "dataset.go",
    "error.go",
    "events.go",
    "form.go",
    "go.mod",
    "http.go",
    "internal/bindings/wasmload_script_checks/empty.s",
    "internal/bindings/wasmload_script_checks/wit_bindings.go",
    "internal/bindings/wasmload_script_context/empty.s",
    "internal/bindings/wasmload_script_context/wit_bindings.go",
    "internal/bindings/wasmload_script_dataset/empty.s",
    "internal/bindings/wasmload_script_dataset/wit_bindings.go",
    "internal/bindings/wasmload_script_http/empty.s",
    "internal/bindings/wasmload_script_http/wit_bindings.go",
    "internal/bindings/wasmload_script_log/empty.s",
    "internal/bindings/wasmload_script_log/wit_bindings.go",
    "internal/bindings/wasmload_script_metrics/empty.s",
    "internal/bindings/wasmload_script_metrics/wit_bindings.go",
    "internal/bindings/wasmload_script_secrets/empty.s",
    "internal/bindings/wasmload_script_secrets/wit_bindings.go",
    "internal/bindings/wasmload_script_spans/empty.s",
    "internal/bindings/wasmload_script_spans/wit_bindings.go",
    "internal/bindings/wasmload_script_sse/empty.s",
    "internal/bindings/wasmload_script_sse/wit_bindings.go",
    "internal/bindings/wasmload_script_timing/empty.s",
    "internal/bindings/wasmload_script_timing/wit_bindings.go",
    "internal/bindings/wasmload_script_types/empty.s",
    "internal/bindings/wasmload_script_types/wit_bindings.go",
    "internal/bindings/wasmload_script_websocket/empty.s",
    "internal/bindings/wasmload_script_websocket/wit_bindings.go",
    "internal/bindings/wit_exports/wit_exports.go",
    "internal/exported/export_wasmload_script_script/script.go",
    "internal/wit/LICENSE",
    "internal/wit/runtime/runtime.go",
    "internal/wit/types/option.go",
    "internal/wit/types/result.go",
    "internal/wit/types/tuple.go",
    "internal/wit/types/unit.go",
    "lifetime.go",
    "metrics.go",
    "request.go",
    "response.go",
    "timing.go",
    "wasmload.go",
    "websocket.go",
);

/// Writes files into a folder, which is made if it is not there.
pub(crate) fn write(files: Files, folder: &Path) -> io::Result<()> {
    for (file, content) in files {
        let path = folder.join(file);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(path, content)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The files below a folder, from the root of the repository, but for those that are `left` out.
    fn listed(folder: &str, left: &[&str]) -> BTreeSet<String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
        let mut found = BTreeSet::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("the folder is there") {
                let path = entry.expect("it can be listed").path();
                let name = path.strip_prefix(&root).expect("it is in it").to_string_lossy();
                match path.is_dir() {
                    _ if left.contains(&&*name) || name.ends_with("__pycache__") => {}
                    _ if name.ends_with(".mypy_cache") => {}
                    true => folders.push(path),
                    false => drop(found.insert(name.into_owned())),
                }
            }
        }
        found
    }

    #[test]
    fn no_file_of_an_sdk_or_the_contract_is_left_behind() {
        for (folder, left, files) in [
            ("wit", &["README.md"] as &[_], WIT),
            ("guest-sdk/rust/src", &[], RUST),
            ("guest-sdk/js", &["README.md", "k6/README.md"], JS),
            ("guest-sdk/c", &["README.md"], C),
            ("guest-sdk/go", &["README.md"], GO),
            ("guest-sdk/python", &["README.md", "generate", "pyproject.toml", "tests"], PYTHON),
        ] {
            let names: BTreeSet<_> = files.iter().map(|(file, _)| (*file).to_owned()).collect();
            assert_eq!(listed(folder, left), names, "{folder}");
        }
    }
}
