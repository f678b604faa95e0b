use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use super::*;

/// A writer whose text can be looked at.
#[derive(Clone, Default)]
pub(crate) struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().clone()).unwrap()
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) const PLAIN: Manner = Manner { live: false, colour: false, quiet: false };
pub(crate) const LIVE: Manner = Manner { live: true, colour: false, quiet: false };

pub(crate) fn screen(manner: Manner, size: (usize, usize)) -> (Screen, Paper) {
    let paper = Paper::default();
    (Screen::new(paper.clone(), manner, move || size).unwrap(), paper)
}

/// What a terminal of some width shows after all that was written to it: the four sequences that a
/// screen uses, and wrapping.
pub(crate) fn seen(written: &str, columns: usize) -> String {
    let mut rows = vec![String::new()];
    let (mut row, mut column) = (0, 0);
    let mut chars = written.chars();
    while let Some(c) = chars.next() {
        match c {
            '\n' => {
                (row, column) = (row + 1, 0);
            }
            '\r' => column = 0,
            '\u{1b}' => {
                assert_eq!(chars.next(), Some('['));
                let sequence: String = chars.by_ref().take_while(char::is_ascii_digit).collect();
                // `take_while` has taken the letter too: digits before it mean "up".
                if sequence.is_empty() {
                    rows.truncate(row + 1);
                    rows[row] = rows[row].chars().take(column).collect();
                } else {
                    row -= sequence.parse::<usize>().unwrap();
                }
            }
            c => {
                if column == columns {
                    (row, column) = (row + 1, 0);
                }
                while rows.len() <= row {
                    rows.push(String::new());
                }
                let kept: String = rows[row].chars().take(column).collect();
                rows[row] = format!("{kept}{c}");
                column += 1;
            }
        }
        while rows.len() <= row {
            rows.push(String::new());
        }
    }
    rows.join("\n")
}

fn block(lines: &[&str]) -> Vec<Line> {
    lines.iter().map(|line| Line::new().plain(line)).collect()
}

#[test]
fn messages_stand_above_the_block_and_do_not_garble_it() {
    let (screen, paper) = screen(LIVE, (40, 10));
    screen.show(block(&["running", "default [==>--]"]));
    screen.flush();
    screen.message(Severity::Error, "iteration failed\nno stock left");
    screen.flush();
    screen.show(block(&["running on", "default [===>-]"]));
    screen.flush();
    assert_eq!(
        seen(&paper.text(), 40),
        "error: iteration failed\n  no stock left\nrunning on\ndefault [===>-]"
    );
    screen.show(Vec::new());
    screen.message(Severity::Warning, "interrupted");
    screen.flush();
    assert_eq!(
        seen(&paper.text(), 40),
        "error: iteration failed\n  no stock left\nwarning: interrupted\n"
    );
}

#[test]
fn a_block_is_cut_to_the_width_and_height_there_are() {
    let (screen, paper) = screen(LIVE, (10, 4));
    screen.show(block(&["0123456789", "b", "c", "d", "e"]));
    screen.flush();
    assert_eq!(seen(&paper.text(), 10), "01234567…\nb\nc");
}

#[test]
fn a_block_is_removed_from_a_terminal_made_narrower() {
    let columns = Arc::new(AtomicUsize::new(20));
    let paper = Paper::default();
    let size = {
        let columns = columns.clone();
        move || (columns.load(Ordering::SeqCst), 10)
    };
    let screen = Screen::new(paper.clone(), LIVE, size).unwrap();
    screen.show(block(&["0123456789", "0123456789"]));
    screen.flush();
    columns.store(8, Ordering::SeqCst);
    screen.show(Vec::new());
    screen.flush();
    // Two rows each at eight columns: three rows up from the last.
    assert!(paper.text().ends_with("\r\u{1b}[3A\u{1b}[J"), "{:?}", paper.text());
}

#[test]
fn without_a_live_terminal_there_are_only_lines() {
    let (screen, paper) = screen(PLAIN, (80, 24));
    screen.show(block(&["running"]));
    screen.lines(block(&["one"]));
    screen.message(Severity::Info, "two");
    screen.flush();
    assert_eq!(paper.text(), "one\ninfo: two\n");
}

#[test]
fn a_quiet_screen_shows_nothing_but_errors() {
    let (screen, paper) = screen(Manner { quiet: true, ..PLAIN }, (80, 24));
    screen.lines(block(&["one"]));
    for severity in [Severity::Debug, Severity::Info, Severity::Warning, Severity::Error] {
        screen.message(severity, "two");
    }
    screen.flush();
    assert_eq!(paper.text(), "error: two\n");
}

#[test]
fn messages_are_coloured_only_if_asked() {
    let (screen, paper) = screen(Manner { colour: true, ..PLAIN }, (80, 24));
    screen.message(Severity::Error, "\u{1b}[2Jno");
    screen.flush();
    assert_eq!(paper.text(), "\u{1b}[1m\u{1b}[31merror:\u{1b}[0m \\u{1b}[2Jno\n");
}

#[test]
fn dropping_the_last_handle_writes_everything() {
    let (screen, paper) = screen(LIVE, (80, 24));
    let other = screen.clone();
    screen.show(block(&["running"]));
    drop(screen);
    other.message(Severity::Info, "last");
    drop(other);
    assert_eq!(seen(&paper.text(), 80), "info: last\nrunning");
}

#[test]
fn nobody_waits_for_a_terminal_that_does_not_go_on() {
    /// Writes only once it is allowed to.
    struct Stopped(mpsc::Receiver<()>, Paper);
    impl Write for Stopped {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            self.1.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (allow, allowed) = mpsc::channel();
    let paper = Paper::default();
    let screen = Screen::new(Stopped(allowed, paper.clone()), PLAIN, || (80, 24)).unwrap();
    let text = "x".repeat(64 << 10);
    for _ in 0..1_000 {
        screen.message(Severity::Info, &text);
    }
    drop(allow);
    screen.flush();
    let written = paper.text();
    assert!(written.len() <= 3 * WAITING_BYTES, "{}", written.len());
    let last = written.lines().last().unwrap();
    assert!(last.starts_with("warning: 9"), "{last}");
    assert!(last.ends_with(" lines were left out: the terminal did not keep up"), "{last}");
}

#[test]
fn lines_of_many_threads_stay_whole() {
    let (screen, paper) = screen(LIVE, (80, 24));
    screen.show(block(&["running"]));
    thread::scope(|scope| {
        for thread in 0..4 {
            let screen = screen.clone();
            scope.spawn(move || {
                for n in 0..50 {
                    screen.message(Severity::Info, &format!("{thread} says {n}"));
                }
            });
        }
    });
    screen.show(Vec::new());
    screen.flush();
    let shown = seen(&paper.text(), 80);
    let mut lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines.len(), 200);
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), 200);
    assert!(lines.iter().all(|line| line.starts_with("info: ") && line.contains(" says ")));
}
