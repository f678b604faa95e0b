//! `--on-crossed` and `--on-crossed-post`: somebody is told as soon as a threshold is crossed.
//!
//! Who is told, only whoever runs the engine says, on the command line: never a script, an options file or the environment.
//! Which thresholds, and when, is in `output::Crossings`; `command` runs a command, `post` makes a request. Both have a time limit,
//! a few go on at once, and nothing that becomes of them changes the load or the exit code.

mod command;
mod post;

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use net::{Config, Target};
use output::{Notice, Screen, Severity};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::exit::ExitCode;
use crate::fault::Fault;

/// How long one may take.
const LIMIT: Duration = Duration::from_secs(10);
/// How long after the end of the run those that wait may still begin.
const LAST_WORD: Duration = Duration::from_secs(30);
/// How many go on at once.
const AT_ONCE: usize = 4;
/// How many wait at most.
const WAITING: usize = 256;

/// Who is told.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "When a threshold is crossed")]
pub(crate) struct OnCrossedFlags {
    /// Run this command, by the shell, once for each threshold that is crossed; may be given several times
    ///
    /// A threshold with `over` or `for`, or one that ends the run, is told of as soon as it is crossed, others when the run is
    /// over. The command finds a JSON document on its standard input, and WASMLOAD_CROSSED_METRIC, _THRESHOLD, _OBSERVED,
    /// _SCRIPT, _TIME and _ELAPSED_MS in its environment. What it prints is shown. It has ten seconds.
    #[arg(long, value_name = "COMMAND")]
    on_crossed: Vec<String>,

    /// POST the same JSON document to this URL; may be given several times
    ///
    /// The request counts in no metric. It has ten seconds, follows no redirect, and goes by the proxies of the environment.
    #[arg(long, value_name = "URL", value_parser = Target::parse)]
    on_crossed_post: Vec<Target>,
}

/// One way of telling somebody.
#[derive(Clone, Debug)]
enum Way {
    Command(String),
    Post(Target, Arc<Config>),
}

/// Whom to tell of what.
type Telling = (Way, Arc<Notice>);

/// What each of those who tell is at.
type GoingOn = Arc<Mutex<[Option<Telling>; AT_ONCE]>>;

impl Way {
    /// Tells somebody; what is to be shown of it, or why it failed.
    fn tell(&self, notice: &Notice, limit: Duration) -> Result<String, String> {
        match self {
            Self::Command(command) => command::run(command, notice, limit),
            Self::Post(url, config) => {
                post::post(url, config, notice, limit).map(|()| String::new())
            }
        }
    }

    /// What it is called. URLs of this sort are secrets but for their hosts.
    fn name(&self) -> String {
        match self {
            Self::Command(_) => "the command of --on-crossed".to_owned(),
            Self::Post(url, _) => format!("the POST of --on-crossed-post to {}", url.host()),
        }
    }
}

/// Those who are told, on threads of their own.
pub(crate) struct Told {
    waiting: Arc<Mutex<Receiver<Telling>>>,
    going_on: GoingOn,
    screen: Screen,
    end: Arc<Mutex<Option<Instant>>>,
    ended: mpsc::Receiver<()>,
}

impl OnCrossedFlags {
    /// Starts what tells them, and hands over what it is to be called with; `None` if nobody is to be told.
    ///
    /// Fails if no thread can be started, or with what is wrong with the environment's proxies.
    pub(crate) fn start(
        &self,
        screen: &Screen,
    ) -> Result<Option<(Told, impl FnMut(Notice) + 'static)>, Fault> {
        let mut ways: Vec<Way> = self.on_crossed.iter().cloned().map(Way::Command).collect();
        for url in &self.on_crossed_post {
            ways.push(Way::Post(url.clone(), post::config()?));
        }
        if ways.is_empty() {
            return Ok(None);
        }
        let (sender, receiver) = sync_channel::<Telling>(WAITING);
        let receiver = Arc::new(Mutex::new(receiver));
        let (alive, ended) = mpsc::channel(1);
        let end = Arc::default();
        let going_on = GoingOn::default();
        for place in 0..AT_ONCE {
            let teller = Teller {
                place,
                going_on: Arc::clone(&going_on),
                waiting: Arc::clone(&receiver),
                screen: screen.clone(),
                end: Arc::clone(&end),
                _alive: alive.clone(),
            };
            let thread = std::thread::Builder::new().name("on-crossed".to_owned());
            thread.spawn(move || teller.tell_all()).map_err(|error| {
                Fault::new(ExitCode::Unexpected, "failed to start a thread for --on-crossed")
                    .detail(error.to_string())
            })?;
        }
        let told = Told { waiting: receiver, going_on, screen: screen.clone(), end, ended };
        let screen = screen.clone();
        let tell = move |notice| tell_each(&ways, &sender, &screen, notice);
        Ok(Some((told, tell)))
    }
}

/// Has everybody told, without waiting for it.
fn tell_each(ways: &[Way], sender: &SyncSender<Telling>, screen: &Screen, notice: Notice) {
    let notice = Arc::new(notice);
    for way in ways {
        if let Err(TrySendError::Full((way, notice)) | TrySendError::Disconnected((way, notice))) =
            sender.try_send((way.clone(), Arc::clone(&notice)))
        {
            left_out(screen, &way, &notice, "too many wait already");
        }
    }
}

fn left_out(screen: &Screen, way: &Way, notice: &Notice, why: &str) {
    let what = format!("`{}: {}`", notice.metric, notice.threshold);
    let message = format!("{} was left out for {what}: {why}", way.name());
    screen.message(Severity::Warning, &message);
}

/// Tells those who wait for it, one at a time.
struct Teller {
    place: usize,
    going_on: GoingOn,
    waiting: Arc<Mutex<Receiver<Telling>>>,
    screen: Screen,
    end: Arc<Mutex<Option<Instant>>>,
    /// Until this is dropped, somebody may still be told.
    _alive: mpsc::Sender<()>,
}

impl Teller {
    fn tell_all(self) {
        loop {
            // Whoever holds it waits for the next one, and the others for that.
            let next = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok((way, notice)) = next else { return };
            let end = *self.end.lock().unwrap_or_else(PoisonError::into_inner);
            if end.is_some_and(|end| Instant::now() >= end) {
                left_out(&self.screen, &way, &notice, "those before it took too long");
                continue;
            }
            self.is_at(Some((way.clone(), Arc::clone(&notice))));
            let result = way.tell(&notice, LIMIT);
            self.is_at(None);
            match result {
                Ok(said) if said.is_empty() => {}
                Ok(said) => self.screen.message(Severity::Info, &format!("on-crossed: {said}")),
                Err(why) => {
                    let what = format!("`{}: {}`", notice.metric, notice.threshold);
                    let message = format!("{} failed for {what}: {why}", way.name());
                    self.screen.message(Severity::Warning, &message);
                }
            }
        }
    }

    fn is_at(&self, telling: Option<Telling>) {
        self.going_on.lock().unwrap_or_else(PoisonError::into_inner)[self.place] = telling;
    }
}

impl Told {
    /// Waits until everybody has been told, or there has been enough of that, once nobody else will be: what has been handed over by
    /// [`OnCrossedFlags::start`] must be dropped.
    pub(crate) async fn last_word(mut self, enough: impl Future<Output = ()>) {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + LAST_WORD);
        // Nothing is ever sent: it ends when all have gone.
        let ended = async { while self.ended.recv().await.is_some() {} };
        tokio::select! {
            () = ended => {}
            () = enough => self.end_early(),
        }
    }

    /// Says who is not told any more, and of whom nobody knows whether they were.
    fn end_early(&self) {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for (way, notice) in waiting.try_iter() {
            left_out(&self.screen, &way, &notice, "the wait for those before it was interrupted");
        }
        let going_on = self.going_on.lock().unwrap_or_else(PoisonError::into_inner);
        for (way, notice) in going_on.iter().flatten() {
            let what = format!("`{}: {}`", notice.metric, notice.threshold);
            let message = format!("{} was not waited for, for {what}: interrupted", way.name());
            self.screen.message(Severity::Warning, &message);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use output::Manner;

    use super::*;

    pub(super) fn notice() -> Notice {
        let document = serde_json::json!({ "event": "threshold_crossed", "over": false });
        Notice {
            metric: "http_req_duration".to_owned(),
            threshold: "p(95)<500 over 30s".to_owned(),
            observed: 812.5,
            script: "shop \"1\".wasm".to_owned(),
            time: "2026-11-22T10:00:00Z".to_owned(),
            elapsed: Duration::from_secs(10),
            document,
        }
    }

    /// What is shown on a screen.
    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What is shown once these have been told so many times.
    fn shown(flags: &OnCrossedFlags, times: usize) -> String {
        let paper = Paper::default();
        let manner = Manner { live: false, colour: false, quiet: false };
        let screen = Screen::new(paper.clone(), manner, || (80, 24)).unwrap();
        let (told, mut tell) = flags.start(&screen).unwrap().unwrap();
        (0..times).for_each(|_| tell(notice()));
        drop(tell);
        said(told, std::future::pending(), &screen, &paper)
    }

    /// What is shown when the last has been told, or there has been enough of that.
    fn said(
        told: Told,
        enough: impl Future<Output = ()>,
        screen: &Screen,
        paper: &Paper,
    ) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(told.last_word(enough));
        screen.flush();
        String::from_utf8(paper.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn everybody_is_told_and_what_fails_is_said_without_more_of_a_url_than_its_host() {
        let nobody = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
        let url = format!("http://{nobody}/services/hunter22?token=hunter22");
        let flags = OnCrossedFlags {
            on_crossed: vec!["echo one; echo two".into(), "exit 3".into()],
            on_crossed_post: vec![Target::parse(&url).unwrap()],
        };
        let shown = shown(&flags, 1);
        let what = "failed for `http_req_duration: p(95)<500 over 30s`: ";
        for expected in [
            "info: on-crossed: one\n  two\n".to_owned(),
            format!("warning: the command of --on-crossed {what}exit status 3\n"),
            format!("warning: the POST of --on-crossed-post to 127.0.0.1 {what}"),
        ] {
            assert!(shown.contains(&expected), "{expected}: {shown}");
        }
        assert!(!shown.contains("hunter22"), "{shown}");
    }

    #[test]
    fn more_than_can_wait_are_left_out_and_that_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let door = folder.path().join("door");
        // Those that go on at once wait at the door until all others have been asked for.
        let command = format!("while [ ! -e {0} ]; do sleep 0.01; done", door.display());
        let flags = OnCrossedFlags { on_crossed: vec![command], on_crossed_post: vec![] };
        let opened = door.clone();
        let paper = Paper::default();
        let manner = Manner { live: false, colour: false, quiet: false };
        let screen = Screen::new(paper.clone(), manner, || (80, 24)).unwrap();
        let (told, mut tell) = flags.start(&screen).unwrap().unwrap();
        (0..WAITING + AT_ONCE + 5).for_each(|_| tell(notice()));
        std::fs::write(opened, "").unwrap();
        drop(tell);
        let shown = said(told, std::future::pending(), &screen, &paper);
        let left_out = shown.matches("was left out").count();
        // How many had begun when the last came is chance.
        assert!((5..=5 + AT_ONCE).contains(&left_out), "{left_out}: {shown}");
        assert!(shown.contains("too many wait already"), "{shown}");
    }

    #[test]
    fn whoever_has_waited_enough_goes_on_and_what_was_not_told_is_said() {
        let folder = tempfile::tempdir().unwrap();
        // They go on until the folder is gone.
        let began = folder.path();
        let command =
            format!("touch {0}/$$; while [ -e {0}/$$ ]; do sleep 0.01; done", began.display());
        let flags = OnCrossedFlags { on_crossed: vec![command], on_crossed_post: vec![] };
        let paper = Paper::default();
        let manner = Manner { live: false, colour: false, quiet: false };
        let screen = Screen::new(paper.clone(), manner, || (80, 24)).unwrap();
        let (told, mut tell) = flags.start(&screen).unwrap().unwrap();
        (0..AT_ONCE + 3).for_each(|_| tell(notice()));
        drop(tell);
        while std::fs::read_dir(began).unwrap().count() < AT_ONCE {
            std::thread::yield_now();
        }
        let shown = said(told, std::future::ready(()), &screen, &paper);
        assert_eq!(shown.matches(" was not waited for").count(), AT_ONCE, "{shown}");
        assert_eq!(shown.matches("before it was interrupted").count(), 3, "{shown}");
    }

    #[test]
    fn nobody_is_told_where_nobody_asked() {
        let manner = Manner { live: false, colour: false, quiet: true };
        let screen = Screen::new(std::io::sink(), manner, || (80, 24)).unwrap();
        assert!(OnCrossedFlags::default().start(&screen).unwrap().is_none());
    }
}
