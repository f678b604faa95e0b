//! `wasmload replay`: runs a recorded failure again, without the target.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use host::{Engine, Level, LogLine, Recording, Replayed, Replaying, Script, Told, Verdict};
use output::{Redactor, Screen, Severity};

use super::print;
use super::voice::Voice;
use crate::assemble;
use crate::code_cache::CodeCacheFlags;
use crate::exit::ExitCode;
use crate::fault::Fault;
use crate::printable;
use crate::script;

/// How long a call into the script may take. Nothing waits on replay; what takes longer computes for ever.
const LIMIT: Duration = Duration::from_secs(30);

/// Run a recorded failure again: the same answers, times and random numbers, and no target
///
/// `wasmload run --record-failures N` records. The script runs from the birth of its instance to the failure; its
/// messages in the iteration that failed are shown. It ends with 0 if the same failure came.
#[derive(Debug, Args)]
#[command(after_long_help = ExitCode::table())]
pub(crate) struct Replay {
    /// What `--record-failures` wrote
    recording: PathBuf,

    /// The script that was recorded, as it was then: a .wasm or .wat file, a Cargo package's folder, or a .rs file
    script: PathBuf,

    /// Replay to another script too, such as a mended one
    ///
    /// Its host calls must be those that were recorded, but for messages, checks and metrics. Where they are not, the
    /// first that differs is shown.
    #[arg(long)]
    any_script: bool,

    /// Show the script's messages in all iterations, debug messages too, and each host call of the one that failed
    #[arg(short = 'v', long)]
    verbose: bool,

    /// No colours; NO_COLOR in the environment does the same
    #[arg(long)]
    no_color: bool,
}

impl Replay {
    pub(crate) fn execute(self) -> Result<ExitCode, Fault> {
        let voice = Voice { verbose: self.verbose, no_color: self.no_color };
        voice.obey();
        let recording = Recording::open(&self.recording).map_err(|error| {
            let message = format!("failed to read the recording `{}`", self.recording.display());
            Fault::new(ExitCode::InvalidConfig, message).detail(error.to_string())
        })?;
        let engine =
            Engine::replaying().map_err(|error| Fault::failed_to(ExitCode::Unexpected, &error))?;
        let loaded =
            script::load(&engine, &script::component(&self.script, &CodeCacheFlags::default())?)?;
        if !self.any_script {
            self.check_digest(&recording, &loaded)?;
        }
        let screen = assemble::screen(voice, false, Redactor::default())?;
        if recording.engine() != env!("CARGO_PKG_VERSION") {
            let message = format!(
                "it was recorded by wasmload {}: this one may ask and answer otherwise",
                recording.engine()
            );
            screen.message(Severity::Warning, &message);
        }
        let replaying =
            Replaying { is_lenient: self.any_script, is_verbose: self.verbose, limit: LIMIT };
        let (to, is_verbose) = (screen.clone(), self.verbose);
        let replayed =
            loaded.replay(&recording, replaying, move |told| show(&to, is_verbose, told));
        let replayed = assemble::runtime()?.block_on(replayed);
        screen.flush();
        print(&printable_lines(&text(&recording, &replayed)))?;
        Ok(match replayed.verdict.is_reproduced() {
            true => ExitCode::Success,
            false => ExitCode::NotReproduced,
        })
    }

    fn check_digest(&self, recording: &Recording, script: &Script) -> Result<(), Fault> {
        let given = &script.inspection().digest;
        if recording.script_digest() == given {
            return Ok(());
        }
        let (file, script) = (self.recording.display(), self.script.display());
        let message = format!("the recording `{file}` is of another script than `{script}`");
        Err(Fault::new(ExitCode::InvalidConfig, message)
            .detail(format!("recorded: sha256:{}", recording.script_digest()))
            .detail(format!("given:    sha256:{given}"))
            .hint(
                "--any-script replays it all the same, to see whether a mended script does better",
            ))
    }
}

/// Shows what comes while the script is replayed.
fn show(screen: &Screen, is_verbose: bool, told: Told) {
    match told {
        Told::Log(LogLine { level: Level::Debug, .. }) if !is_verbose => {}
        Told::Log(line) => assemble::show_log(screen, line),
        Told::Call { asked, answered } => {
            screen.message(Severity::Debug, &format!("{asked} = {answered}"));
        }
    }
}

/// What was recorded, and what came of it now.
fn text(recording: &Recording, replayed: &Replayed) -> String {
    let Replayed { verdict, answered } = replayed;
    let after = format!("after {answered} host calls");
    let mut text = format!("recorded: {recording}, seed {}\n", recording.seed());
    // Writing to a string cannot fail.
    let _ = writeln!(text, "          {}", indented(&recording.failure()));
    let _ = match verdict {
        Verdict::Same => writeln!(text, "replayed: the same, {after}"),
        Verdict::WaitsToo(call) => {
            writeln!(
                text,
                "replayed: the same as far as it came, {after}: it waits in\n          {call}"
            )
        }
        Verdict::ComputesToo => {
            writeln!(text, "replayed: the same as far as it came, {after}: it computes on")
        }
        Verdict::EndedOtherwise(how) => {
            writeln!(text, "replayed: another end, {after}: {}", indented(how))
        }
        Verdict::Diverged(divergence) => writeln!(
            text,
            "replayed: another host call came, after {} that are the same\n          recorded: {}\n          came:     {}",
            divergence.after, divergence.expected, divergence.came
        ),
        Verdict::DidNotEnd => writeln!(
            text,
            "replayed: it had not ended after {} s, and was cut off, {after}",
            LIMIT.as_secs()
        ),
    };
    text
}

/// The lines of a message below each other.
fn indented(message: &str) -> String {
    message.trim_end().replace('\n', "\n          ")
}

/// Scripts and files by others cannot move the cursor.
fn printable_lines(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", printable::line(line))).collect()
}
