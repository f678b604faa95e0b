//! From what wasmtime reports to what a person can act on.

use vu::{Outcome, Trap};
use wasmtime::WasmBacktrace;

use crate::limits::Reached;
use crate::source_lines::{SourceLine, SourceLines};

/// A script's wish to end the run, travelling up through its own frames as a trap.
#[derive(Debug, thiserror::Error)]
#[error("the script asked for the run to end: {0}")]
pub(crate) struct Abort(pub(crate) String);

/// What a script works through has come to its end: the word for it travels as an abort does.
#[derive(Debug, thiserror::Error)]
#[error("nothing is left to do: {0}")]
pub(crate) struct Exhausted(pub(crate) String);

/// What became of a call that did not return.
///
/// `words` are what the script wrote to standard error during the call, `lines` where its code was written, `reached` the
/// limit that it reached.
pub(crate) fn outcome(
    error: &wasmtime::Error,
    words: &str,
    lines: &SourceLines,
    reached: Option<Reached>,
) -> Outcome {
    if let Some(Abort(reason)) = error.downcast_ref() {
        return Outcome::Aborted(reason.clone());
    }
    if let Some(Exhausted(what)) = error.downcast_ref() {
        return Outcome::Exhausted(what.clone());
    }
    let panic = panic_message(words);
    let reason = match (&reached, error.downcast_ref::<wasmtime::Trap>()) {
        (Some(reached), _) => reached.to_string(),
        (None, Some(wasmtime::Trap::UnreachableCodeReached)) if panic.is_some() => {
            format!("panicked: {}", panic.unwrap_or_default())
        }
        (None, Some(trap)) => named(*trap),
        (None, None) => error.root_cause().to_string(),
    };
    let at = error.downcast_ref().and_then(|backtrace| place(backtrace, lines));
    Outcome::Trapped(Trap { reason, at, limit: reached.map(|reached| reached.limit.name()) })
}

/// What happened, without wasmtime's prefix that says for whom.
pub(crate) fn named(trap: wasmtime::Trap) -> String {
    match trap {
        wasmtime::Trap::UnreachableCodeReached => "the script broke off (`unreachable`)".into(),
        other => {
            let text = other.to_string();
            text.strip_prefix("wasm trap: ").map(ToOwned::to_owned).unwrap_or(text)
        }
    }
}

/// The line of the script's own source where it broke, or the function if nothing says which line.
fn place(backtrace: &WasmBacktrace, lines: &SourceLines) -> Option<String> {
    let mut foreign: Option<SourceLine> = None;
    for frame in backtrace.frames() {
        let Some(offset) = frame.module_offset() else { continue };
        for line in lines.at(offset).iter() {
            if is_own(&line.file) {
                return Some(line.to_string());
            }
            foreign.get_or_insert_with(|| line.clone());
        }
    }
    foreign.map(|line| line.to_string()).or_else(|| {
        let frame = backtrace.frames().first()?;
        Some(match frame.func_name() {
            Some(name) => format!("function `{name}`"),
            None => format!("function {}", frame.func_index()),
        })
    })
}

/// Whether a file is the script's, not its language's or a library's.
fn is_own(file: &str) -> bool {
    ![
        "/rustc/",
        "/library/",
        "/.cargo/registry/",
        "/guest-sdk/",
        "wasmload-sdk/",
        "/rust/deps/",
        // The C library's.
        "wasisdk:",
    ]
    .iter()
    .any(|part| file.contains(part))
}

/// The message of a Rust panic in the form that the standard library prints it.
///
/// ```text
///
/// thread '<unnamed>' (1) panicked at src/lib.rs:9:5:
/// index out of bounds: the len is 0 but the index is 3
/// note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
/// ```
fn panic_message(words: &str) -> Option<String> {
    let (_, after) = words.split_once(" panicked at ")?;
    let (_, message) = after.split_once('\n')?;
    let message = message.split("\nnote: run with").next().unwrap_or(message).trim();
    (!message.is_empty()).then(|| message.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_of_a_panic_is_found_in_what_rust_prints() {
        for (words, message) in [
            (
                "\nthread '<unnamed>' (1) panicked at src/lib.rs:9:5:\nno luck\nnote: run with `RUST_BACKTRACE=1`\n",
                Some("no luck"),
            ),
            ("thread 'main' panicked at a.rs:1:1:\ntwo\nlines\n", Some("two\nlines")),
            ("thread 'main' panicked at a.rs:1:1:\n", None),
            ("something else\n", None),
            ("", None),
        ] {
            assert_eq!(panic_message(words).as_deref(), message, "{words:?}");
        }
    }

    #[test]
    fn a_library_is_not_the_scripts_own_source() {
        assert!(is_own("src/lib.rs"));
        assert!(is_own("/home/ada/shop/src/cart.rs"));
        assert!(!is_own("wasisdk://v30.0/src/wasi-libc/libc-bottom-half/sources/sbrk.c"));
        assert!(!is_own("/rustc/abc/library/std/src/panicking.rs"));
        assert!(!is_own("/home/ada/.cargo/registry/src/x/serde-1.0.0/src/de.rs"));
    }
}
