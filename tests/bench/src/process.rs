//! Runs programs on one core and accounts for what they use.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use wait4::Wait4;

/// Finds a program on `PATH` or in these folders besides.
pub fn find(name: &str, besides: &[PathBuf]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(besides.iter().cloned());
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// A command that runs a program on one core only.
pub fn pinned(core: usize, program: &Path) -> Command {
    pinned_to(&[core], program)
}

/// A command that runs a program on these cores only.
///
/// `taskset` becomes the program, so the process is the program's own.
pub fn pinned_to(cores: &[usize], program: &Path) -> Command {
    let cores: Vec<_> = cores.iter().map(usize::to_string).collect();
    let mut command = Command::new("taskset");
    command.arg("--cpu-list").arg(cores.join(",")).arg(program).stdin(Stdio::null());
    command
}

/// Checks that programs can be pinned to these cores.
///
/// Fails if there is no `taskset`, or no such core for this process, or if both are the same.
pub fn check_cores(generator: usize, target: usize) -> Result<()> {
    ensure!(
        find("taskset", &[]).is_some(),
        "`taskset` is missing; Debian has it in the package util-linux"
    );
    ensure!(
        generator != target,
        "the generator and the target need a core each, but both are on core {target}"
    );
    for core in [generator, target] {
        let status = pinned(core, Path::new("true")).stderr(Stdio::null()).status();
        ensure!(
            status.context("running taskset")?.success(),
            "there is no core {core} to run on; `--generator-core` and `--target-core` choose others"
        );
    }
    Ok(())
}

/// What a process used from its start to its end.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// CPU time in its own code.
    pub user: Duration,
    /// CPU time in the system on its behalf.
    pub system: Duration,
    /// The most memory that was resident, in bytes.
    pub most_resident: u64,
}

impl From<wait4::ResourceUsage> for Cost {
    fn from(usage: wait4::ResourceUsage) -> Self {
        Self { user: usage.utime, system: usage.stime, most_resident: usage.maxrss }
    }
}

/// A process whose output goes to files, so that no pipe can fill and none has to be emptied.
///
/// Dropping it ends it.
#[derive(Debug)]
pub struct Running {
    /// Nothing once it has ended.
    child: Option<Child>,
    id: u32,
    name: String,
    output: tempfile::TempDir,
}

impl Running {
    /// Starts a command; `name` is what messages call it.
    pub fn start(name: &str, mut command: Command) -> Result<Self> {
        let output = tempfile::tempdir().context("making a folder for output")?;
        let file =
            |name| File::create(output.path().join(name)).context("making a file for output");
        let child = command
            .stdout(file("stdout")?)
            .stderr(file("stderr")?)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        Ok(Self { id: child.id(), child: Some(child), name: name.to_owned(), output })
    }

    /// Its process ID.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// What it has printed to standard output so far.
    pub fn said(&self) -> Result<String> {
        fs::read_to_string(self.output.path().join("stdout")).context("reading output")
    }

    /// The CPU time that it has used so far, in its own code and in the system on its behalf. Counted in ticks of
    /// ten milliseconds.
    ///
    /// Fails if it has ended.
    pub fn cpu_time(&self) -> Result<(Duration, Duration)> {
        let path = format!("/proc/{}/stat", self.id);
        let stat = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
        cpu_time(&stat).with_context(|| format!("reading {path}"))
    }

    /// Waits until it ends; what it printed, and what it used.
    ///
    /// Fails if it does, with what it said last, or if it has ended before.
    pub fn finish(mut self) -> Result<(String, Cost)> {
        let child = self.child.take().with_context(|| format!("{} has ended", self.name))?;
        let ended = child.wait4().with_context(|| format!("waiting for {}", self.name))?;
        Ok((self.printed(ended.status)?, ended.rusage.into()))
    }

    /// As [`finish`](Self::finish), but waits no longer than this and then ends it.
    ///
    /// Fails as that does, and if it has not ended by then.
    pub fn finish_within(mut self, most: Duration) -> Result<(String, Cost)> {
        const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
        let began = Moment::now();
        while began.elapsed() < most {
            if let Some(ended) = self.finished()? {
                return Ok(ended);
            }
            pause(BETWEEN_LOOKS);
        }
        bail!("{} does not end: it was ended after {} s", self.name, most.as_secs())
    }

    /// Whether it has ended since the last time this was asked: then what it printed and used.
    ///
    /// Fails if it has failed, with what it said last.
    pub fn finished(&mut self) -> Result<Option<(String, Cost)>> {
        let Some(child) = &mut self.child else { return Ok(None) };
        match child.try_wait4().with_context(|| format!("waiting for {}", self.name))? {
            None => Ok(None),
            Some(ended) => {
                self.child = None;
                Ok(Some((self.printed(ended.status)?, ended.rusage.into())))
            }
        }
    }

    /// What it printed to standard output; fails with the end of its standard error if it failed.
    fn printed(&self, status: ExitStatus) -> Result<String> {
        let read = |file| fs::read(self.output.path().join(file)).context("reading output");
        let (printed, said) = (read("stdout")?, read("stderr")?);
        let said = String::from_utf8_lossy(&said);
        let last: Vec<_> = said.lines().rev().take(10).collect();
        let last = last.into_iter().rev().collect::<Vec<_>>().join("\n");
        ensure!(status.success(), "{} failed ({status})\n{last}", self.name);
        Ok(String::from_utf8_lossy(&printed).into_owned())
    }
}

/// The fields `utime` and `stime` of `/proc/PID/stat` (proc(5)), which Linux counts in hundredths of a second on every
/// machine that these benches know.
fn cpu_time(stat: &str) -> Option<(Duration, Duration)> {
    // The second field is the program's name, in parentheses, and may have anything in it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut next = || Some(Duration::from_millis(fields.next()?.parse::<u64>().ok()? * 10));
    Some((next()?, next()?))
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // If it has just ended by itself, so much the better.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A moment of real time, of a look at a process.
#[expect(
    clippy::disallowed_types,
    reason = "a bench looks at processes, which no paused clock holds"
)]
pub type Moment = std::time::Instant;

/// Waits for real time to pass, between two looks at a process.
#[expect(
    clippy::disallowed_methods,
    reason = "a bench looks at processes, which no paused clock holds"
)]
pub fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_ends_with_what_it_printed_and_used() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo told; echo aside >&2"]);
        let (printed, cost) = Running::start("sh", command).unwrap().finish().unwrap();
        assert_eq!(printed, "told\n");
        assert!(cost.most_resident > 0);
    }

    #[test]
    fn the_cpu_time_of_a_process_is_read() {
        let stat = "4211 (a (b) c) S 1 4211 4211 0 -1 4194304 2005 0 0 0 123 45 0 0 20 0 2 0 1 1";
        let expected = (Duration::from_millis(1_230), Duration::from_millis(450));
        assert_eq!(cpu_time(stat), Some(expected));
        assert_eq!(cpu_time("4211"), None);
    }

    #[test]
    fn a_process_that_nobody_waits_for_is_ended() {
        let mut command = Command::new("sleep");
        command.arg("600");
        let mut running = Running::start("sleep", command).unwrap();
        assert!(running.finished().unwrap().is_none());
        let process = PathBuf::from(format!("/proc/{}", running.id()));
        drop(running);
        assert!(!process.exists());
    }

    #[test]
    fn a_process_that_does_not_end_is_ended() {
        let mut command = Command::new("sleep");
        command.arg("600");
        let running = Running::start("sleep", command).unwrap();
        let process = PathBuf::from(format!("/proc/{}", running.id()));
        let error = running.finish_within(Duration::ZERO).unwrap_err();
        assert_eq!(error.to_string(), "sleep does not end: it was ended after 0 s");
        assert!(!process.exists());
    }

    #[test]
    fn a_process_that_fails_is_told_with_its_last_words() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such script >&2; exit 3"]);
        let error = Running::start("sh", command).unwrap().finish().unwrap_err();
        assert_eq!(error.to_string(), "sh failed (exit status: 3)\nno such script");
    }
}
