//! A file that is written as the run goes on, each second.
//!
//! What is to be written is put together on the controller's thread and handed to a thread of the file's own, so that a disk or a
//! pipe that is slow holds up nobody. What that thread is behind with is bounded; what is beyond is left out, counted and said.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use flate2::write::GzEncoder;
use parking_lot::Mutex;
use plan::Plan;
use run::{Event, EventKind, Measured};

use crate::numbers::counted;
use crate::{Output, OutputError};

/// Seconds of a run that may wait to be written.
const WAITING: usize = 30;
/// How long the last of it may take to be written, when the run is over.
const PATIENCE: Duration = Duration::from_secs(10);

/// What stands in such a file.
pub(super) trait Format: Send + std::fmt::Debug {
    /// Writes what stands before everything else.
    fn begin(&mut self, plan: &Plan, now: SystemTime, text: &mut Vec<u8>);

    /// Writes what was measured in a second that has just ended.
    fn second(&mut self, measured: &Measured, now: SystemTime, text: &mut Vec<u8>);

    /// Writes what stands behind everything else, when the run is over.
    fn end(&mut self, _now: SystemTime, _text: &mut Vec<u8>) {}

    /// What it left out of what it was told, if anything.
    fn left_out(&self) -> Option<String> {
        None
    }

    /// Whether it tells series apart.
    fn wants_series(&self) -> bool {
        true
    }
}

/// Where it goes.
pub(super) trait Target: Write + Send {
    /// Writes what is left to write, when there is nothing more to come.
    fn end(&mut self) -> io::Result<()> {
        self.flush()
    }

    /// What it has lost so far, for a target that goes on without what it loses.
    fn losses(&self) -> Arc<Losses> {
        Arc::default()
    }
}

/// What a target has lost so far. Whoever waits for a target reads it when the target hangs, too.
#[derive(Debug, Default)]
pub(super) struct Losses(Mutex<Lost>);

#[derive(Debug, Default)]
struct Lost {
    pushes: u64,
    lost: u64,
    /// The first reason why one was lost.
    why: Option<String>,
}

impl Losses {
    /// One push has come to its end.
    pub(super) fn add_taken(&self) {
        self.0.lock().pushes += 1;
    }

    /// One push was for nothing.
    pub(super) fn add_lost(&self, why: String) {
        let mut lost = self.0.lock();
        lost.pushes += 1;
        lost.lost += 1;
        lost.why.get_or_insert(why);
    }

    /// What to say of it, if anything was lost.
    pub(super) fn said(&self) -> Option<String> {
        let Lost { pushes, lost, why } = &*self.0.lock();
        why.as_ref().map(|why| format!("{lost} of {pushes} pushes are lost: {why}"))
    }
}

impl Target for File {}
impl Target for io::Stdout {}

/// Something to write, and how many seconds of the run it is about.
type Text = (Vec<u8>, u64);

/// Writes to a file, second by second.
#[derive(Debug)]
pub struct Stream {
    name: String,
    format: Box<dyn Format>,
    began: SystemTime,
    to_write: Option<SyncSender<Text>>,
    /// Seconds that are handed over and not written yet.
    waiting: Arc<AtomicU64>,
    losses: Arc<Losses>,
    ended: Receiver<io::Result<()>>,
    /// Kept so that it is clear whose it is; it ends when nothing more can come.
    _writer: JoinHandle<()>,
    /// Seconds that were left out because too many waited.
    left_out: u64,
    /// When nothing is waited for any more, once nothing more can come.
    until: Option<SystemTime>,
}

impl Stream {
    /// Makes the file, and the thread that writes it.
    pub(super) fn create(path: &Path, format: Box<dyn Format>) -> io::Result<Self> {
        let file: Box<dyn Target> = match path.to_str() {
            Some("-") => Box::new(io::stdout()),
            _ => Box::new(open(path)?),
        };
        let sink = match path.extension().is_some_and(|extension| extension == "gz") {
            true => Sink::Packed(GzEncoder::new(file, flate2::Compression::fast())),
            false => Sink::Plain(file),
        };
        Self::to(path.display().to_string(), sink, format)
    }

    /// Makes the thread that writes to a target which is no file.
    pub(super) fn connected(
        name: String,
        target: Box<dyn Target>,
        format: Box<dyn Format>,
    ) -> io::Result<Self> {
        Self::to(name, Sink::Plain(target), format)
    }

    fn to(name: String, mut sink: Sink, format: Box<dyn Format>) -> io::Result<Self> {
        let (to_write, written) = sync_channel::<Text>(WAITING);
        let (end, ended) = sync_channel(1);
        let waiting = Arc::new(AtomicU64::new(0));
        let still_waiting = Arc::clone(&waiting);
        let losses = sink.losses();
        let writer = std::thread::Builder::new().name("output".to_owned()).spawn(move || {
            let mut result = Ok(());
            for (text, seconds) in written {
                if result.is_ok() {
                    result = sink.write(&text);
                }
                still_waiting.fetch_sub(seconds, Ordering::Relaxed);
            }
            let result = result.and_then(|()| sink.end());
            // Whoever waited for it has gone.
            let _ = end.send(result);
        })?;
        Ok(Self {
            name,
            format,
            began: SystemTime::now(),
            to_write: Some(to_write),
            waiting,
            losses,
            ended,
            _writer: writer,
            left_out: 0,
            until: None,
        })
    }

    fn put(&mut self, text: Vec<u8>, seconds: u64) {
        let Some(to_write) = &self.to_write else { return };
        if text.is_empty() {
            return;
        }
        // Before it is handed over: it may be written at once.
        self.waiting.fetch_add(seconds, Ordering::Relaxed);
        if let Err(TrySendError::Full(_)) = to_write.try_send((text, seconds)) {
            self.waiting.fetch_sub(seconds, Ordering::Relaxed);
            self.left_out += 1;
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    let is_other = path.metadata().is_ok_and(|metadata| !metadata.is_file());
    OpenOptions::new().write(true).create(!is_other).truncate(!is_other).open(path)
}

/// A file, packed or not. After each write a reader finds all that was written.
enum Sink {
    Plain(Box<dyn Target>),
    Packed(GzEncoder<Box<dyn Target>>),
}

impl Sink {
    fn write(&mut self, text: &[u8]) -> io::Result<()> {
        let writer: &mut dyn Write = match self {
            Self::Plain(file) => file,
            Self::Packed(encoder) => encoder,
        };
        writer.write_all(text)?;
        writer.flush()
    }

    fn losses(&self) -> Arc<Losses> {
        match self {
            Self::Plain(target) => target.losses(),
            Self::Packed(encoder) => encoder.get_ref().losses(),
        }
    }

    fn end(self) -> io::Result<()> {
        match self {
            Self::Plain(mut target) => target.end(),
            Self::Packed(encoder) => encoder.finish()?.end(),
        }
    }
}

impl Output for Stream {
    fn on_event(&mut self, event: &Event) {
        let now = self.began + event.elapsed;
        let mut text = Vec::new();
        match &event.kind {
            EventKind::RunStarted { plan, .. } => {
                self.began = SystemTime::now();
                self.format.begin(plan, self.began, &mut text);
            }
            EventKind::Measured(measured) => self.format.second(measured, now, &mut text),
            EventKind::RunFinished(_) => self.format.end(now, &mut text),
            _ => return,
        }
        self.put(text, u64::from(matches!(event.kind, EventKind::Measured(_))));
    }

    fn wants_series(&self) -> bool {
        self.format.wants_series()
    }

    fn close(&mut self) {
        // Nothing more can come: the thread writes what there is, and ends.
        drop(self.to_write.take());
        self.until.get_or_insert_with(|| SystemTime::now() + PATIENCE);
    }

    fn waits(&self) -> bool {
        true
    }

    fn finish(&mut self) -> Result<(), OutputError> {
        self.close();
        let left = self.until.and_then(|until| until.duration_since(SystemTime::now()).ok());
        // Whatever a clock that was set says.
        let ended = self.ended.recv_timeout(left.unwrap_or_default().min(PATIENCE));
        let (kind, why) = match ended {
            Ok(Ok(())) => (io::ErrorKind::Other, None),
            Ok(Err(error)) => (error.kind(), Some(error.to_string())),
            Err(_) => {
                let what = match self.waiting.load(Ordering::Relaxed) {
                    0 => "what was to be written last is not".to_owned(),
                    1 => "1 second of the run is not written".to_owned(),
                    seconds => format!("{} of the run are not written", counted(seconds, "second")),
                };
                let why = format!("{what}, because it takes nothing more");
                let whys: Vec<_> = self.losses.said().into_iter().chain([why]).collect();
                (io::ErrorKind::TimedOut, Some(whys.join("; ")))
            }
        };
        let left_out = (self.left_out > 0).then(|| {
            let seconds = counted(self.left_out, "second");
            format!("{seconds} of the run are not in it, because it took them too slowly")
        });
        let whys: Vec<_> = why.into_iter().chain(left_out).chain(self.format.left_out()).collect();
        if whys.is_empty() {
            return Ok(());
        }
        let source = io::Error::new(kind, whys.join("; "));
        Err(OutputError { target: format!("`{}`", self.name), source })
    }
}
