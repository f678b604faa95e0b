//! The terminal as several threads share it: lines that stay, and below them a block redrawn in place.
//!
//! Nobody who has something to say waits for the terminal. A reader who stops it (Ctrl-S, `| less`)
//! would otherwise stop the run; so a thread of its own writes, what it has not written yet is bounded,
//! and what had to be left out is counted and said. [`Screen::flush`] waits, for when the run is over.
//!
//! It knows nothing of runs: what the block shows is made by [`Terminal`](crate::Terminal).

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use parking_lot::{Condvar, Mutex};

use crate::line::Line;
use crate::redacted::{Redacting, Redactor};

/// The least time between two redrawings: ten a second are smooth enough for numbers.
const FRAME: Duration = Duration::from_millis(100);

/// How much may wait to be written. Arbitrary: far more than a person reads while it waits.
const WAITING_BYTES: usize = 1 << 20;

/// How much a message matters to the person who runs the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// For whoever looks for a mistake.
    Debug,
    /// Worth knowing.
    Info,
    /// Probably not meant to be so.
    Warning,
    /// Wrong. The only severity that a quiet screen shows.
    Error,
}

impl Severity {
    /// What stands before a message: `error`, `warning`, `info` or `debug`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    fn style(self) -> Style {
        match self {
            Self::Debug => Style::new().dimmed(),
            Self::Info => AnsiColor::Cyan.on_default().bold(),
            Self::Warning => AnsiColor::Yellow.on_default().bold(),
            Self::Error => AnsiColor::Red.on_default().bold(),
        }
    }
}

/// What a screen may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manner {
    /// Whether a block is redrawn in place; without it there are only lines that stay.
    pub live: bool,
    /// Whether there is colour.
    pub colour: bool,
    /// Whether nothing but errors is shown.
    pub quiet: bool,
}

impl Manner {
    /// What suits standard error: a live block where it is a terminal that can move its cursor, colour
    /// as [`coloured`] says.
    pub fn of_stderr(no_color: bool, quiet: bool) -> Self {
        let stderr = io::stderr();
        let term = std::env::var_os("TERM");
        // Windows has terminals and no `TERM`.
        let moves = term.map_or(cfg!(windows), |term| term != "dumb");
        Self {
            live: stderr.is_terminal() && moves && !quiet,
            colour: coloured(&stderr, no_color),
            quiet,
        }
    }
}

/// Whether text on a stream is to be coloured: it is a terminal that can, and nobody said no.
///
/// "No" is said by `no_color` (the flag `--no-color`) or by `NO_COLOR`; `CLICOLOR_FORCE` says yes where
/// the stream is no terminal.
pub fn coloured<S: RawStream>(stream: &S, no_color: bool) -> bool {
    !no_color && AutoStream::choice(stream) != ColorChoice::Never
}

/// A handle to the screen. Clones write to the same one, from any thread.
///
/// It writes on a thread of its own, which ends, with everything written, when the last clone is
/// dropped. That a line could not be written is not said: there is no one left to tell.
#[derive(Clone)]
pub struct Screen(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    manner: Manner,
    size: Size,
    writing: Option<JoinHandle<()>>,
}

/// Says how many columns and rows there are.
type Size = Arc<dyn Fn() -> (usize, usize) + Send + Sync>;

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    /// Something is to be written.
    changed: Condvar,
    /// Everything is written.
    written: Condvar,
}

/// What is to be written.
#[derive(Default)]
struct Waiting {
    lines: Vec<Line>,
    bytes: usize,
    left_out: u64,
    /// The block to show in place of the one shown.
    block: Option<Vec<Line>>,
    /// How many wait until all is written.
    flushing: usize,
    /// What was taken is being written.
    writing: bool,
    closing: bool,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.left_out == 0 && self.block.is_none()
    }

    fn is_urgent(&self) -> bool {
        self.flushing > 0 || self.closing
    }

    fn push(&mut self, line: Line) {
        if self.bytes + line.bytes() > WAITING_BYTES {
            self.left_out += 1;
        } else {
            self.bytes += line.bytes();
            self.lines.push(line);
        }
    }
}

impl Screen {
    /// Shows things on standard error, but for what is secret.
    ///
    /// Fails if no thread can be started.
    pub fn stderr(manner: Manner, secrets: Redactor) -> io::Result<Self> {
        Self::new(Redacting::new(io::stderr(), secrets), manner, || {
            let size = terminal_size::terminal_size_of(io::stderr());
            // 80 by 24 is what everything fits that says nothing of itself.
            size.map_or((80, 24), |(columns, rows)| (columns.0.into(), rows.0.into()))
        })
    }

    /// Shows things on a writer that has, at present, so many columns and rows.
    ///
    /// Fails if no thread can be started.
    pub fn new(
        writer: impl Write + Send + 'static,
        manner: Manner,
        size: impl Fn() -> (usize, usize) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let size: Size = Arc::new(size);
        let mut painter =
            Painter { writer, colour: manner.colour, size: size.clone(), block: Vec::new() };
        let work = {
            let shared = shared.clone();
            move || shared.write_all(&mut painter)
        };
        let writing = thread::Builder::new().name("screen".to_owned()).spawn(work)?;
        Ok(Self(Arc::new(Handle { shared, manner, size, writing: Some(writing) })))
    }

    /// What it may do.
    pub fn manner(&self) -> Manner {
        self.0.manner
    }

    /// Prints a message above the block, after what stands before messages of its severity.
    ///
    /// Lines after the first are indented; characters that would act on a terminal are shown as
    /// escapes. Never waits: while more than a mebibyte is to be written, messages are left out, and
    /// their number is printed later.
    pub fn message(&self, severity: Severity, text: &str) {
        if self.0.manner.quiet && severity < Severity::Error {
            return;
        }
        let mut texts = text.lines();
        let first = Line::new()
            .styled(severity.style(), format!("{}:", severity.label()))
            .plain(format!(" {}", texts.next().unwrap_or_default()));
        let rest = texts.map(|text| Line::new().plain(format!("  {text}")));
        self.print(std::iter::once(first).chain(rest));
    }

    /// Prints lines that were asked for above the block, in quiet too; otherwise as [`message`](Self::message) does.
    pub fn say(&self, text: &str) {
        self.print(text.lines().map(|text| Line::new().plain(text)));
    }

    /// Prints lines above the block, in quiet too.
    fn print(&self, lines: impl Iterator<Item = Line>) {
        let mut waiting = self.0.shared.waiting.lock();
        lines.for_each(|line| waiting.push(line));
        self.0.shared.changed.notify_one();
    }

    /// Prints lines above the block, unless it is quiet.
    pub(crate) fn lines(&self, lines: Vec<Line>) {
        if !self.0.manner.quiet {
            self.print(lines.into_iter());
        }
    }

    /// Shows a block in place of the one there is; none if it is empty.
    ///
    /// Only the latest is shown where they come faster than they can be seen.
    pub(crate) fn show(&self, block: Vec<Line>) {
        if self.0.manner.live {
            self.0.shared.waiting.lock().block = Some(block);
            self.0.shared.changed.notify_one();
        }
    }

    /// How many columns and rows there are at present.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.0.size)()
    }

    /// Waits until everything is written. For when the run is over, and before anything else is
    /// written to the same terminal.
    pub fn flush(&self) {
        let shared = &self.0.shared;
        let mut waiting = shared.waiting.lock();
        waiting.flushing += 1;
        shared.changed.notify_one();
        shared.written.wait_while(&mut waiting, |waiting| waiting.writing || !waiting.is_empty());
        waiting.flushing -= 1;
    }
}

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Screen").field(&self.0.manner).finish()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.waiting.lock().closing = true;
        self.shared.changed.notify_one();
        if let Some(writing) = self.writing.take() {
            // Where its thread broke down there is nothing to be written any more, nor to be said.
            let _ = writing.join();
        }
    }
}

impl Shared {
    /// Writes what there is to write, until the screen is closed.
    fn write_all(&self, painter: &mut Painter<impl Write>) {
        loop {
            let mut waiting = self.waiting.lock();
            self.changed.wait_while(&mut waiting, |waiting| waiting.is_empty() && !waiting.closing);
            if waiting.is_empty() {
                return;
            }
            let lines = std::mem::take(&mut waiting.lines);
            let left_out = std::mem::take(&mut waiting.left_out);
            let block = waiting.block.take();
            waiting.bytes = 0;
            waiting.writing = true;
            drop(waiting);

            painter.paint(&lines, left_out, block);

            let mut waiting = self.waiting.lock();
            waiting.writing = false;
            if waiting.is_empty() {
                self.written.notify_all();
            }
            if !painter.block.is_empty() {
                self.changed.wait_while_for(&mut waiting, |waiting| !waiting.is_urgent(), FRAME);
            }
        }
    }
}

/// Writes, and knows what it has drawn.
struct Painter<W> {
    writer: W,
    colour: bool,
    size: Size,
    /// The block as it stands on the screen, cut to the size it then had.
    block: Vec<Line>,
}

impl<W: Write> Painter<W> {
    /// Adds lines that stay and redraws the block below them, in one write so that nothing flickers.
    fn paint(&mut self, lines: &[Line], left_out: u64, block: Option<Vec<Line>>) {
        let (columns, rows) = (self.size)();
        let mut text = self.erasure(columns);
        for line in lines {
            text.push_str(&line.paint(self.colour));
            text.push('\n');
        }
        if left_out > 0 {
            let what = format!(" {left_out} lines were left out: the terminal did not keep up");
            let warning = Severity::Warning;
            let label = format!("{}:", warning.label());
            let line = Line::new().styled(warning.style(), label).plain(what);
            text.push_str(&line.paint(self.colour));
            text.push('\n');
        }
        if let Some(mut block) = block {
            // The cursor cannot go above the first row; one line is left for what is typed.
            block.truncate(rows.saturating_sub(1).max(1));
            self.block = block;
        }
        // One column less than there are: some terminals wrap as soon as the last one is filled.
        let width = columns.saturating_sub(1);
        self.block =
            std::mem::take(&mut self.block).into_iter().map(|l| l.cropped(width)).collect();
        let block: Vec<_> = self.block.iter().map(|line| line.paint(self.colour)).collect();
        text.push_str(&block.join("\n"));
        let _ = self.writer.write_all(text.as_bytes()).and_then(|()| self.writer.flush());
    }

    /// What removes the block: the cursor stands in its last line.
    fn erasure(&self, columns: usize) -> String {
        if self.block.is_empty() {
            return String::new();
        }
        // The terminal may be narrower than when they were drawn, and has then wrapped them.
        let rows: usize =
            self.block.iter().map(|line| line.width().div_ceil(columns.max(1)).max(1)).sum();
        match rows - 1 {
            0 => "\r\u{1b}[J".to_owned(),
            up => format!("\r\u{1b}[{up}A\u{1b}[J"),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
