//! The programs that build scripts: where they are, how they are run, and what is said where one is missing.

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::exit::ExitCode;
use crate::fault::Fault;

/// A program that builds scripts of some language.
#[derive(Debug)]
pub(super) struct Tool {
    /// As it is called.
    pub(super) name: &'static str,
    /// Where projects keep programs of their own, from the project's folder or one above it. What is there comes
    /// before what is on the path.
    pub(super) beside: &'static [&'static str],
    /// How to get it, as a sentence that begins with a command.
    pub(super) install: &'static str,
}

impl Tool {
    /// The program, for a script in this folder.
    ///
    /// Fails with what to install if it is neither in the project nor on the path.
    pub(super) fn find(&self, folder: &Path) -> Result<PathBuf, Fault> {
        self.find_among(
            folder,
            env::var_os("PATH").as_deref().map(env::split_paths).into_iter().flatten(),
        )
        .ok_or_else(|| {
            let places =
                self.beside.iter().map(|place| format!("in no {place} of its folder or one above"));
            let places: Vec<_> = places.chain(["on no folder of PATH".to_owned()]).collect();
            Fault::new(
                ExitCode::BuildFailed,
                format!("`{}`, which builds scripts like this one, is missing", self.name),
            )
            .detail(format!("it is {}", places.join(", and ")))
            .hint(self.install)
        })
    }

    fn find_among(&self, folder: &Path, path: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
        let beside = folder
            .ancestors()
            .flat_map(|folder| self.beside.iter().map(move |place| folder.join(place)));
        beside.chain(path).map(|place| place.join(self.name)).find(|program| is_program(program))
    }

    /// A command that runs it in this folder, with nothing to read.
    ///
    /// Fails as [`find`](Self::find) does.
    pub(super) fn command(&self, folder: &Path) -> Result<Command, Fault> {
        let mut command = Command::new(self.find(folder)?);
        command.current_dir(folder).stdin(Stdio::null());
        Ok(command)
    }

    /// Runs a command of it to its end, and gives what it wrote, whether or not it succeeded.
    ///
    /// Fails if it cannot be started.
    pub(super) fn output(&self, command: &mut Command) -> Result<Output, Fault> {
        command.output().map_err(|error| self.not_started(&error))
    }

    fn not_started(&self, error: &io::Error) -> Fault {
        Fault::new(
            ExitCode::BuildFailed,
            format!("failed to start `{}`, which builds scripts like this one", self.name),
        )
        .detail(error.to_string())
    }
}

fn is_program(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok() && path.is_file()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const TOOL: Tool = Tool {
        name: "wasmload-test-tool",
        beside: &["node_modules/.bin"],
        install: "`npm install wasmload-test-tool` installs it",
    };

    fn put(folder: &Path, mode: u32) -> PathBuf {
        let program = folder.join(TOOL.name);
        fs::create_dir_all(folder).unwrap();
        fs::write(&program, "#!/bin/sh\necho found\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(mode)).unwrap();
        program
    }

    #[test]
    fn a_tool_of_the_project_comes_before_one_of_the_machine() {
        let root = tempfile::tempdir().unwrap();
        let [project, machine] = ["project", "machine"].map(|name| root.path().join(name));
        let script = project.join("scripts");
        fs::create_dir_all(&script).unwrap();
        let found = || TOOL.find_among(&script, [machine.clone()].into_iter());

        assert_eq!(found(), None);
        put(&machine, 0o644);
        assert_eq!(found(), None, "it cannot be run");
        let of_machine = put(&machine, 0o755);
        assert_eq!(found(), Some(of_machine));
        let of_project = put(&project.join("node_modules/.bin"), 0o755);
        assert_eq!(found(), Some(of_project));
    }

    #[test]
    fn a_tool_that_is_missing_is_named_with_what_installs_it() {
        let folder = tempfile::tempdir().unwrap();
        insta::assert_snapshot!(anstream::adapter::strip_str(&TOOL.find(folder.path()).unwrap_err().text()), @r"
        error: `wasmload-test-tool`, which builds scripts like this one, is missing
          it is in no node_modules/.bin of its folder or one above, and on no folder of PATH

        hint: `npm install wasmload-test-tool` installs it
        ");
    }

    #[test]
    fn a_tool_runs_in_the_folder_and_says_what_it_says() {
        let folder = tempfile::tempdir().unwrap();
        put(&folder.path().join("node_modules/.bin"), 0o755);
        let output = TOOL.output(&mut TOOL.command(folder.path()).unwrap()).unwrap();
        assert_eq!(output.stdout, b"found\n");
    }
}
