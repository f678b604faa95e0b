//! What esbuild says about a script, for whoever wrote it: places as editors count them, and for what is not there what
//! there is instead. esbuild's own advice is about other targets.

use std::fs;
use std::path::Path;

use super::Metafile;
use crate::exit::ExitCode;
use crate::fault::Fault;

/// Modules of Node that scripts reach for, and what there is instead.
const INSTEAD: [(&[&str], &str); 7] = [
    (
        &["fs", "fs/promises", "path"],
        "a script has no files: rows come by `new Dataset(name)` and `--dataset NAME=FILE`, bodies by \
         `new Upload().file(name)` and `--file NAME=FILE`; JSON can be imported",
    ),
    (
        &["net", "http", "https", "http2", "tls", "dgram", "dns", "undici"],
        "requests are made with `http` of 'wasmload', and WebSockets with `WebSocket`",
    ),
    (
        &["child_process", "worker_threads", "cluster", "vm"],
        "a script starts no programs and no threads",
    ),
    (
        &["crypto"],
        "`crypto.randomUUID()` and `crypto.getRandomValues()` are there without an import",
    ),
    (&["process", "os"], "`env(name)` of 'wasmload' has what `-e NAME=VALUE` gave"),
    (
        &["timers", "timers/promises"],
        "`sleep` of 'wasmload' waits, and `setTimeout` is there without an import",
    ),
    (
        &["util", "url", "querystring", "buffer", "string_decoder"],
        "`TextEncoder`, `TextDecoder`, `URLSearchParams`, `atob` and `btoa` are there without an import",
    ),
];

const NOT_FROM_THE_NETWORK: &str =
    "modules are not loaded from the network: install them with npm, or copy the files";

/// One thing that esbuild says.
#[derive(Debug, PartialEq, Eq)]
struct Message {
    is_error: bool,
    text: String,
    /// Where, and the line with a mark below it.
    place: Option<(String, Vec<String>)>,
    /// What it adds, with a place of its own.
    notes: Vec<String>,
}

/// Why a script could not be bundled.
pub(super) fn fault(entry: &Path, said: &str) -> Fault {
    let name = entry.file_name().unwrap_or_default().to_string_lossy();
    let fault = Fault::new(ExitCode::BuildFailed, format!("`{name}` cannot be built"));
    let messages = messages(said);
    let errors: Vec<_> = messages.iter().filter(|message| message.is_error).collect();
    if errors.is_empty() {
        return fault.detail("esbuild did not say why").detail(said.trim());
    }
    errors
        .into_iter()
        .fold(fault, |fault, error| error.lines().into_iter().fold(fault, Fault::detail))
}

/// Refuses modules that esbuild leaves where they are, on the network, all at once; but those that are here.
pub(super) fn refuse_what_is_elsewhere(
    entry: &Path,
    folder: &Path,
    read: &Metafile,
    is_here: &dyn Fn(&str) -> bool,
) -> Result<(), Fault> {
    let name = entry.file_name().unwrap_or_default().to_string_lossy();
    let mut details = Vec::new();
    for (path, input) in &read.inputs {
        let text = fs::read_to_string(folder.join(path)).unwrap_or_default();
        for import in &input.imports {
            if import.external && import.path.contains("://") && !is_here(&import.path) {
                let line = text.lines().position(|line| line.contains(&import.path));
                let line = line.map_or_else(String::new, |line| format!(":{}", line + 1));
                details.push(format!("{path}{line}: the module \"{}\" is not there", import.path));
            }
        }
    }
    if details.is_empty() {
        return Ok(());
    }
    let fault = Fault::new(ExitCode::BuildFailed, format!("`{name}` cannot be built"));
    Err(details.into_iter().fold(fault, Fault::detail).hint(NOT_FROM_THE_NETWORK))
}

/// What it warns of, a text of several lines each.
pub(super) fn warnings(said: &str) -> Vec<String> {
    let messages = messages(said);
    messages.iter().filter(|message| !message.is_error).map(|one| one.lines().join("\n")).collect()
}

/// The messages in what esbuild wrote: each begins with a mark, and has parts between empty lines.
fn messages(said: &str) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    for line in said.lines() {
        let begun = ["✘ [ERROR] ", "▲ [WARNING] "].iter().find_map(|mark| line.strip_prefix(mark));
        if let Some(text) = begun {
            let is_error = line.starts_with('✘');
            messages.push(Message {
                is_error,
                text: text.to_owned(),
                place: None,
                notes: Vec::new(),
            });
            continue;
        }
        let Some(message) = messages.last_mut() else { continue };
        if let Some(shown) = line.strip_prefix("    ").filter(|_| !line.trim().is_empty()) {
            let is_snippet = shown.contains(" │ ") || shown.contains(" ╵ ");
            match &mut message.place {
                None => message.place = Some((counted(shown), Vec::new())),
                Some((_, lines)) if is_snippet && message.notes.is_empty() => {
                    lines.push(shown.to_owned())
                }
                Some(_) if is_snippet => message.notes.push(format!("  {shown}")),
                Some(_) => message.notes.push(counted(shown)),
            }
        } else if let Some(note) = line.strip_prefix("  ") {
            message.notes.push(note.to_owned());
        }
    }
    messages
}

/// `script.js:3:10:` with its column from 1: esbuild counts them from 0.
fn counted(place: &str) -> String {
    let place = place.trim_end_matches(':');
    let Some((before, column)) = place.rsplit_once(':') else { return place.to_owned() };
    match column.parse::<u64>() {
        Ok(column) => format!("{before}:{}", column + 1),
        Err(_) => place.to_owned(),
    }
}

impl Message {
    fn lines(&self) -> Vec<String> {
        let (text, notes) = self.words();
        let mut lines = match &self.place {
            None => vec![text],
            Some((place, snippet)) => {
                let mut lines = vec![format!("{place}: {text}")];
                lines.extend(snippet.iter().map(|line| format!("  {line}")));
                lines
            }
        };
        lines.extend(notes.iter().map(|note| format!("  {note}")));
        lines
    }

    /// The text and what is added to it. What cannot be found has words of our own.
    fn words(&self) -> (String, Vec<String>) {
        let missing =
            self.text.strip_prefix("Could not resolve \"").and_then(|rest| rest.strip_suffix('"'));
        if self.text.starts_with("Top-level await is not available") {
            let note = "nothing can be waited for before the run: put it into `setup`, `start` or an iteration";
            return ("`await` stands at the top of a module".to_owned(), vec![note.to_owned()]);
        }
        let Some(missing) = missing else { return (self.text.clone(), self.notes.clone()) };
        let of_node = missing.strip_prefix("node:").unwrap_or(missing);
        let is_nodes = missing.starts_with("node:")
            || self.notes.iter().any(|note| note.contains("built into node"));
        let note = if is_nodes {
            let instead = INSTEAD.iter().find(|(names, _)| names.contains(&of_node));
            instead
                .map_or(
                    "scripts do not run in Node: what it has built in is not there",
                    |(_, instead)| instead,
                )
                .to_owned()
        } else if missing.starts_with('.') || missing.starts_with('/') {
            return (format!("there is no file \"{missing}\""), Vec::new());
        } else if missing.contains("://") {
            "modules are not loaded from the network: install it with npm, or copy the file"
                .to_owned()
        } else {
            format!(
                "if it is a package, `npm install {missing}` in the script's folder installs it"
            )
        };
        let what = if is_nodes { "Node's module" } else { "the module" };
        (format!("{what} \"{missing}\" is not there"), vec![note])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "✘ [ERROR] Could not resolve \"fs\"\n\n    s.js:1:15:\n      1 │ import fs from \"fs\";\n        \
        ╵                ~~~~\n\n  The package \"fs\" wasn't found on the file system but is built into node. Are \
        you trying to bundle for node?\n\n✘ [ERROR] Could not resolve \"left-pad\"\n\n    s.js:3:14:\n      3 │ \
        import x from \"left-pad\";\n        ╵               ~~~~~~~~~~\n\n  You can mark the path \"left-pad\" as \
        external.\n\n▲ [WARNING] odd [odd]\n\n    s.js:5:0:\n      5 │ odd\n        ╵ ~~~\n\n✘ [ERROR] Cannot \
        assign to \"b\"\n\n    t.ts:2:6:\n      2 │ b = 2;\n        ╵ ^\n\n  The symbol \"b\" was declared \
        here:\n\n    t.ts:1:6:\n      1 │ const b = 1;\n        ╵       ^\n\n";

    #[test]
    fn what_is_said_is_about_the_script_and_not_about_esbuild() {
        let said = fault(Path::new("/a/s.js"), SAID).text();
        insta::assert_snapshot!(anstream::adapter::strip_str(&said), @r#"
        error: `s.js` cannot be built
          s.js:1:16: Node's module "fs" is not there
              1 │ import fs from "fs";
                ╵                ~~~~
            a script has no files: rows come by `new Dataset(name)` and `--dataset NAME=FILE`, bodies by `new Upload().file(name)` and `--file NAME=FILE`; JSON can be imported
          s.js:3:15: the module "left-pad" is not there
              3 │ import x from "left-pad";
                ╵               ~~~~~~~~~~
            if it is a package, `npm install left-pad` in the script's folder installs it
          t.ts:2:7: Cannot assign to "b"
              2 │ b = 2;
                ╵ ^
            The symbol "b" was declared here:
            t.ts:1:7
                1 │ const b = 1;
                  ╵       ^
        "#);
        assert_eq!(warnings(SAID), ["s.js:5:1: odd [odd]\n    5 │ odd\n      ╵ ~~~"]);
    }

    #[test]
    fn what_is_no_message_is_shown_as_it_is() {
        let said = fault(Path::new("s.js"), "env: 'node': No such file or directory\n").text();
        assert!(said.contains("env: 'node': No such file"), "{said}");
    }
}
