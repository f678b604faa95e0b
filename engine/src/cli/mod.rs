//! What can be typed: one file a subcommand.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::exit::ExitCode;
use crate::fault::Fault;
use crate::printable;

mod build;
mod completions;
mod demo;
pub(crate) mod doctor;
pub(crate) mod grants;
pub(crate) mod inspect;
mod limits;
mod man;
mod new;
pub(crate) mod options;
pub(crate) mod plan;
mod politeness;
pub(crate) mod record;
mod replay;
mod report;
pub(crate) mod run;
mod schema;
pub(crate) mod voice;

/// Load tests whose scripts are WebAssembly components.
#[derive(Debug, Parser)]
#[command(name = "wasmload", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(Box<run::Run>),
    Replay(replay::Replay),
    Report(report::Report),
    Plan(Box<plan::Plan>),
    Build(build::Build),
    Inspect(inspect::Inspect),
    Doctor(Box<doctor::Doctor>),
    New(new::New),
    Demo(demo::Demo),
    Schema(schema::Schema),
    Completions(completions::Completions),
    #[command(hide = true)]
    Man(man::Man),
}

impl Cli {
    /// Reads what was typed, and from where: of a run's options the environment is a layer of its own.
    fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let matches = Self::command().try_get_matches_from(arguments)?;
        let mut cli = Self::from_arg_matches(&matches)?;
        match (&mut cli.command, matches.subcommand().map(|(_, of_it): (_, &ArgMatches)| of_it)) {
            (Command::Run(run), Some(matches)) => run.told_apart(matches),
            (Command::Plan(plan), Some(matches)) => plan.told_apart(matches),
            (Command::Doctor(doctor), Some(matches)) => doctor.told_apart(matches),
            _ => {}
        }
        Ok(cli)
    }
}

/// Does what was typed.
pub(crate) fn main() -> ExitCode {
    let cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => return refuse(error),
    };
    let result = match cli.command {
        Command::Run(run) => run.execute(),
        Command::Replay(replay) => replay.execute(),
        Command::Report(report) => report.execute(),
        Command::Plan(plan) => plan.execute(),
        Command::Build(build) => build.execute(),
        Command::Inspect(inspect) => inspect.execute(),
        Command::Doctor(doctor) => doctor.execute(),
        Command::New(new) => new.execute(),
        Command::Demo(demo) => demo.execute(),
        Command::Schema(schema) => schema.execute(),
        Command::Completions(completions) => completions.execute(),
        Command::Man(man) => man.execute(),
    };
    result.unwrap_or_else(|fault| fault.say())
}

/// Prints what was asked for with `--help` or `--version`, or what is wrong with what was typed.
fn refuse(mut error: clap::Error) -> ExitCode {
    let variable = variable_at_fault(&error, |name| std::env::var_os(name));
    hide_passwords(&mut error);
    // Where the stream is gone there is nobody to tell.
    let _ = error.print();
    if let ErrorKind::DisplayHelp | ErrorKind::DisplayVersion = error.kind() {
        return ExitCode::Success;
    }
    if let Some(variable) = variable {
        let hint = format!("\nhint: this value is that of the environment variable `{variable}`\n");
        let _ = anstream::stderr().write_all(hint.as_bytes());
    }
    ExitCode::InvalidConfig
}

/// Takes out of what is shown the secrets in the URL of an output, or of whom a crossed threshold is posted to.
fn hide_passwords(error: &mut clap::Error) {
    if let (Some(ContextValue::String(flag)), Some(ContextValue::String(value))) =
        (error.get(ContextKind::InvalidArg), error.get(ContextKind::InvalidValue))
    {
        let shown = match flag.split(' ').next() {
            Some("--out") => output::Out::shown_text(value),
            Some("--on-crossed-post") => output::Out::shown_host(value),
            _ => return,
        };
        error.insert(ContextKind::InvalidValue, ContextValue::String(shown));
    }
}

/// The variable that a wrong value comes from. The parser names the flag, which nobody typed.
fn variable_at_fault(
    error: &clap::Error,
    variable: impl Fn(&OsStr) -> Option<OsString>,
) -> Option<String> {
    let (Some(ContextValue::String(flag)), Some(ContextValue::String(value))) =
        (error.get(ContextKind::InvalidArg), error.get(ContextKind::InvalidValue))
    else {
        return None;
    };
    let mut command = Cli::command();
    command.build();
    let flags = command.get_subcommands().flat_map(|subcommand| subcommand.get_arguments());
    let mut names = flags.filter(|arg| arg.to_string() == *flag).filter_map(clap::Arg::get_env);
    let name = names.find(|name| variable(name).is_some_and(|held| held == value.as_str()))?;
    Some(name.to_string_lossy().into_owned())
}

/// Writes a result to standard output. A reader who has seen enough and left is no error.
fn print(text: &str) -> Result<ExitCode, Fault> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Fault::new(ExitCode::Unexpected, "failed to write to standard output")
                .detail(error.to_string()))
        }
        _ => Ok(ExitCode::Success),
    }
}

/// Pretty JSON with a line break at its end.
fn print_json(value: &serde_json::Value) -> Result<ExitCode, Fault> {
    print(&format!("{}\n", printable::json(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &[&str]) -> Result<Cli, clap::Error> {
        Cli::read(["wasmload"].iter().chain(line).map(OsString::from))
    }

    #[test]
    fn the_definitions_hold_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_wrong_value_of_a_variable_is_laid_to_the_variable() {
        let error = read(&["run", "a.wasm", "--vus", "many"]).unwrap_err();
        let held = |value: &'static str| {
            variable_at_fault(&error, move |name| (name == "WASMLOAD_VUS").then(|| value.into()))
        };
        assert_eq!(held("many").as_deref(), Some("WASMLOAD_VUS"));
        assert_eq!(held("5"), None, "it was typed");
        let error = read(&["run", "a.wasm", "--bogus"]).unwrap_err();
        assert_eq!(variable_at_fault(&error, |_| Some("--bogus".into())), None);
    }

    #[test]
    fn plan_has_every_flag_of_run_that_says_what_runs() {
        let command = Cli::command();
        let flags = |name| {
            let subcommand = command.find_subcommand(name).expect("it is one");
            subcommand.get_arguments().map(|flag| flag.get_id().as_str()).collect::<Vec<_>>()
        };
        let planned = flags("plan");
        let only_of_run: Vec<_> =
            flags("run").into_iter().filter(|flag| !planned.contains(flag)).collect();
        // These say how a run goes, and against what: not what is asked for when.
        let of_run = [
            "max_rps_per_host",
            "max_connections_per_host",
            "stop_file",
            "summary_export",
            "summary_mode",
            "allow_write",
            "out",
            "web",
            "web_export",
            "http_debug",
            "har",
            "trace_sample",
            "on_crossed",
            "on_crossed_post",
            "record_failures",
            "record_failures_to",
            "address",
            "demo",
            "workers",
            "clamp_vus",
            "quiet",
            "secrets",
        ];
        assert_eq!(only_of_run, of_run);
    }

    #[test]
    fn nothing_or_nonsense_typed_is_an_error() {
        for line in
            [&[][..], &["sprint"], &["run"], &["run", "a", "b"], &["new", "a", "--lang", "k"]]
        {
            let error = read(line).unwrap_err();
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            assert!(!asked, "{line:?}");
        }
    }
}
