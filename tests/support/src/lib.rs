//! Runs the `wasmload` binary in a folder of its own, and makes what it prints comparable.
//!
//! A test makes a [`Wasmload`], gives it files and arguments, and gets a [`Ran`]: the exit code, standard
//! output and standard error. [`Ran::redacted`] replaces what differs from run to run (times, ports, paths)
//! so that the rest can be held against a snapshot.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

/// The binary, and a folder to run it in.
pub struct Wasmload {
    binary: &'static str,
    folder: TempDir,
}

/// A run that is over.
#[derive(Debug)]
pub struct Ran {
    /// The exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    folder: PathBuf,
}

impl Wasmload {
    /// The binary at this path, in a new empty folder.
    #[must_use]
    pub fn new(binary: &'static str) -> Self {
        Self { binary, folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// The folder it runs in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the folder.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.folder().join(name), content).expect("the folder is ours");
    }

    /// Reads a file of the folder.
    #[must_use]
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder().join(name)).expect("the file is there")
    }

    /// The command with these arguments, without the environment that would change what it does.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.binary);
        command.args(arguments).current_dir(self.folder()).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            let is_ours = |name: &str| {
                name.starts_with("WASMLOAD_") || name.to_ascii_lowercase().ends_with("_proxy")
            };
            if name.to_str().is_some_and(is_ours) {
                command.env_remove(name);
            }
        }
        // What is kept between runs is kept between those of one test.
        command.env("XDG_CACHE_HOME", self.folder().join(".cache"));
        // But for Go's own library, which takes half a minute to compile and is the same for all.
        if std::env::var_os("GOCACHE").is_none() {
            command.env("GOCACHE", std::env::temp_dir().join("wasmload-tests-go"));
        }
        command.env_remove("NO_COLOR").env("COLUMNS", "100");
        command
    }

    /// Runs it to its end.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.ran(self.command(arguments).output().expect("the binary starts"))
    }

    /// Starts it and does not wait; [`Self::end`] does.
    #[must_use]
    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts")
    }

    /// Runs it on a terminal of its own, where somebody types this; standard error is what the terminal shows.
    #[must_use]
    pub fn on_terminal(&self, arguments: &[&str], typed: &str) -> Ran {
        let pair = nix::pty::openpty(None, None).expect("a terminal");
        let slave = || Stdio::from(pair.slave.try_clone().expect("another handle of it"));
        let mut command = self.command(arguments);
        command.stdin(slave()).stdout(Stdio::piped()).stderr(slave());
        let child = command.spawn().expect("the binary starts");
        // Only the binary holds its side now: when it ends, there is nothing more to read.
        drop((command, pair.slave));
        let mut terminal = std::fs::File::from(pair.master);
        terminal.write_all(typed.as_bytes()).expect("the terminal takes it");
        let mut shown = Vec::new();
        let mut room = [0; 4096];
        // On Linux, that nobody holds the other side any more is an error.
        while let Ok(read @ 1..) = terminal.read(&mut room) {
            shown.extend_from_slice(&room[..read]);
        }
        let output = child.wait_with_output().expect("it was started here");
        self.ran(Output { stderr: shown, ..output })
    }

    /// Waits for what [`Self::start`] started.
    #[must_use]
    pub fn end(&self, child: Child) -> Ran {
        self.ran(child.wait_with_output().expect("it was started here"))
    }

    fn ran(&self, output: Output) -> Ran {
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("output is text"),
            stderr: String::from_utf8(output.stderr).expect("messages are text"),
            folder: self.folder().to_owned(),
        }
    }
}

impl Ran {
    /// The exit code and both streams in one text, the folder's path replaced.
    #[must_use]
    pub fn redacted(&self) -> String {
        let mut text = String::new();
        let code = self.code.map_or("none".to_owned(), |code| code.to_string());
        writeln!(text, "exit code: {code}").expect("a string grows");
        for (name, stream) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !stream.is_empty() {
                writeln!(text, "--- {name}").expect("a string grows");
                text.push_str(stream);
            }
        }
        text.replace(&self.folder.display().to_string(), "<folder>")
    }
}

/// Whether a part of a component is still a library that shares a memory and a table with others: such a one says, in a
/// section of this name, how much of both it takes.
#[must_use]
pub fn has_shared_libraries(component: &[u8]) -> bool {
    const SECTION: &[u8] = b"dylink.0";
    component.windows(SECTION.len()).any(|bytes| bytes == SECTION)
}

/// How `wasmload` says that a tool is missing; its name stands before it.
const MISSING: &str = ", which builds scripts like this one, is missing";

/// Names the languages, separated by commas, whose tools must be there.
const NEEDED: &str = "WASMLOAD_TESTS_NEED_LANGUAGES";

/// Goes without what a test would show of a language, since this tool of it is missing.
///
/// # Panics
///
/// If the language is among those that `WASMLOAD_TESTS_NEED_LANGUAGES` names.
#[expect(
    clippy::print_stdout,
    reason = "whoever runs the tests should know what they did not show"
)]
pub fn go_without_tool(language: &str, tool: &str) {
    let needed = std::env::var(NEEDED).unwrap_or_default();
    let is_needed = needed.split(',').any(|needed| needed.trim() == language);
    assert!(!is_needed, "{tool}, a tool for {language}, is missing");
    println!("{tool}, a tool for {language}, is missing, so nothing is shown of it");
}

/// Whether this run of `wasmload` had the tools to build a script in a language. If not, the test goes without them.
///
/// # Panics
///
/// If they are missing and the language is among those that `WASMLOAD_TESTS_NEED_LANGUAGES` names.
#[must_use]
pub fn has_tools(language: &str, ran: &Ran) -> bool {
    let said = ran.stderr.lines().next().unwrap_or_default();
    let Some((tool, _)) = said.split_once(MISSING) else { return true };
    go_without_tool(language, tool.trim_start_matches("error: "));
    false
}
