//! A command that is told of a crossed threshold: by its standard input and its environment, within a time.

use std::io::{Read, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use output::Notice;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::time::Instant;

/// How much is kept of what it prints, on each stream.
const KEPT: usize = 16 << 10;
/// How long after it was killed it may take to end, and what it printed to be read.
const AFTER: Duration = Duration::from_secs(1);

/// The most characters of a variable: the system refuses a command whose environment is too large.
const LONGEST: usize = 4_096;

/// A text as a variable can have it; standard input has the whole.
fn variable(text: &str) -> String {
    text.chars().take(LONGEST).map(|c| if c == '\0' { '\u{fffd}' } else { c }).collect()
}

/// Runs a command by the shell, and returns what it printed.
///
/// Fails with a text if it cannot be started, does not succeed or takes longer than it may; then it is killed, with all that it has
/// started and that has not left its process group.
pub(super) fn run(command: &str, notice: &Notice, limit: Duration) -> Result<String, String> {
    let deadline = Instant::now() + limit;
    let mut child = Command::new("sh")
        .args(["-c", command])
        .env("WASMLOAD_CROSSED_METRIC", variable(&notice.metric))
        .env("WASMLOAD_CROSSED_THRESHOLD", variable(&notice.threshold))
        .env("WASMLOAD_CROSSED_OBSERVED", notice.observed.to_string())
        .env("WASMLOAD_CROSSED_SCRIPT", variable(&notice.script))
        .env("WASMLOAD_CROSSED_TIME", &notice.time)
        .env("WASMLOAD_CROSSED_ELAPSED_MS", notice.elapsed.as_millis().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| format!("failed to start `sh`: {error}"))?;

    let document = notice.json();
    let input = child.stdin.take();
    // One that does not read must not hold this up, and one that closes its input is none the worse.
    thread::spawn(move || input.map(|mut input| writeln!(input, "{document}")));
    let streams = [child.stdout.take().map(kept), child.stderr.take().map(kept)];
    let mut printed = [None, None];
    for (stream, printed) in streams.iter().flatten().zip(&mut printed) {
        *printed = stream.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok();
    }
    let is_silent = printed.iter().all(Option::is_some);
    let group = child.id();
    let ended = ended(child);
    let left = deadline.saturating_duration_since(Instant::now());
    let status = ended.recv_timeout(left).ok().filter(|_| is_silent);
    if status.is_none() {
        kill(group);
        // It is waited for, so that nothing is left of it.
        let _ = ended.recv_timeout(AFTER);
        for (stream, printed) in streams.iter().flatten().zip(&mut printed) {
            if printed.is_none() {
                *printed = stream.recv_timeout(AFTER).ok();
            }
        }
    }
    let text = said(printed.into_iter().flatten());
    let why = match status {
        Some(status) if status.success() => return Ok(text),
        Some(status) => ending(status),
        None => format!("it took longer than {} s and was ended", limit.as_secs_f64()),
    };
    Err(if text.is_empty() { why } else { format!("{why}\n{text}") })
}

/// How it ends, once it has.
fn ended(mut child: Child) -> Receiver<ExitStatus> {
    let (sender, receiver) = sync_channel(1);
    thread::spawn(move || child.wait().map(|status| sender.send(status)));
    receiver
}

/// Ends a process group.
fn kill(group: u32) {
    let group = i32::try_from(group).ok().and_then(Pid::from_raw);
    // That there is nobody left to kill is as well.
    let _ = group.map(|group| kill_process_group(group, Signal::KILL));
}

fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "it did not succeed".to_owned(),
    }
}

/// The beginning of what a stream says until its end, once that has come; the rest is read and forgotten.
fn kept(mut stream: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = sync_channel(1);
    thread::spawn(move || {
        let mut kept = Vec::new();
        let mut room = [0; 4096];
        while let Ok(read @ 1..) = stream.read(&mut room) {
            let wanted = (KEPT - kept.len()).min(read);
            kept.extend_from_slice(&room[..wanted]);
        }
        // That nobody waits any more is no matter.
        let _ = sender.send(kept);
    });
    receiver
}

/// What was printed, as a text.
fn said(printed: impl Iterator<Item = Vec<u8>>) -> String {
    let texts = printed.map(|bytes| {
        let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        if bytes.len() == KEPT { format!("{text}\n…") } else { text }
    });
    texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::tests::notice;
    use super::*;

    #[test]
    fn a_text_that_no_environment_can_have_is_made_into_one() {
        assert_eq!(variable("http_reqs{name:a\0b}"), "http_reqs{name:a\u{fffd}b}");
        assert_eq!(variable(&"é".repeat(1 << 20)).chars().count(), LONGEST);
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_command_finds_the_notice_on_its_input_and_in_its_environment() {
        let said = run(
            r#"cat; echo "$WASMLOAD_CROSSED_METRIC|$WASMLOAD_CROSSED_THRESHOLD|$WASMLOAD_CROSSED_SCRIPT"; echo err >&2"#,
            &notice(),
            LONG,
        );
        let notice = notice();
        let variables = format!("{}|{}|{}", notice.metric, notice.threshold, notice.script);
        assert_eq!(said.unwrap(), format!("{}\n{variables}\nerr", notice.json()));
        let said =
            run("echo $WASMLOAD_CROSSED_OBSERVED $WASMLOAD_CROSSED_ELAPSED_MS", &notice, LONG);
        assert_eq!(said.unwrap(), "812.5 10000");
    }

    #[test]
    fn a_command_that_does_not_succeed_says_how_it_ended_and_what_it_printed() {
        for (command, why) in [
            ("echo no; exit 3", "exit status 3\nno"),
            ("kill -9 $$", "signal 9"),
            ("no-such-program-anywhere 2>/dev/null", "exit status 127"),
        ] {
            assert_eq!(run(command, &notice(), LONG).unwrap_err(), why, "{command}");
        }
    }

    #[test]
    fn a_command_that_does_not_end_is_ended_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let pids = folder.path().join("pids");
        for command in ["sleep 600", "exec >&- 2>&-; sleep 600", "sleep 600 & exit 0"] {
            let command = format!("echo $$ > {}; {command}", pids.display());
            let why = run(&command, &notice(), Duration::from_millis(300)).unwrap_err();
            assert_eq!(why, "it took longer than 0.3 s and was ended", "{command}");
            let group = std::fs::read_to_string(&pids).unwrap().trim().parse().unwrap();
            // It may take the system a moment to sweep up.
            let began = Instant::now();
            while rustix::process::test_kill_process_group(Pid::from_raw(group).unwrap()).is_ok() {
                assert!(began.elapsed() < LONG, "{command}: somebody of its group is left");
                thread::yield_now();
            }
        }
    }

    #[test]
    fn a_command_that_prints_without_end_or_reads_nothing_takes_no_room() {
        let said = run("head -c 1000000 /dev/zero | tr '\\0' x", &notice(), LONG).unwrap();
        assert_eq!(said.len(), KEPT + "\n…".len());
        assert_eq!(run("exec <&-; true", &notice(), LONG), Ok(String::new()));
    }
}
