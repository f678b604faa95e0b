//! Server-Sent Events: what a stream of bytes says, event by event.
//!
//! Only the grammar stands here. The bytes are those of a [`Download`](crate::Download); whether a stream is asked
//! for again is decided elsewhere.
//!
//! Source: WHATWG HTML, "9.2.6 Interpreting an event stream".

use std::time::Duration;

/// The largest event, in bytes of its lines: far more than a token or a price, and far less than memory.
pub const LARGEST_EVENT: usize = 1 << 20;

/// The longest identifier that is taken note of, in bytes: it comes with each event after it, and goes back to the
/// target in a header.
const LONGEST_ID: usize = 1 << 10;

/// An event that has come whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its type; `message` where the stream gives none.
    pub kind: String,
    /// Its data, lines separated by line feeds.
    pub data: String,
    /// The last identifier that the stream gave.
    pub id: String,
}

/// An event is larger than [`LARGEST_EVENT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event is larger than {} MiB", LARGEST_EVENT >> 20)]
pub struct EventTooLarge;

/// Takes events out of the bytes that carry them.
#[derive(Debug, Default)]
pub struct EventParser {
    /// A line that has come in part.
    line: Vec<u8>,
    /// Whether the last byte was a carriage return, which a line feed may follow.
    after_return: bool,
    /// Whether the first line is behind us.
    began: bool,
    kind: Vec<u8>,
    data: Vec<u8>,
    /// As it will be from the next event on.
    id: Vec<u8>,
    retry: Option<Duration>,
}

impl EventParser {
    /// Takes in what has come, and hands over each event that it ends.
    ///
    /// Fails with [`EventTooLarge`]; it is of no more use then.
    pub fn push(
        &mut self,
        mut bytes: &[u8],
        on_event: &mut dyn FnMut(Event),
    ) -> Result<(), EventTooLarge> {
        while let Some(&first) = bytes.first() {
            if std::mem::take(&mut self.after_return) && first == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
            let part = &bytes[..end.unwrap_or(bytes.len())];
            if self.line.len() + self.data.len() + part.len() > LARGEST_EVENT {
                return Err(EventTooLarge);
            }
            self.line.extend_from_slice(part);
            let Some(end) = end else { break };
            self.after_return = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            let line = std::mem::take(&mut self.line);
            self.take_line(&line, on_event);
            self.line = line;
            self.line.clear();
        }
        Ok(())
    }

    /// Begins anew, with what a stream that is asked for again goes on from: the last identifier.
    pub fn restart(&mut self) {
        let (id, retry) = (std::mem::take(&mut self.id), self.retry);
        *self = Self { id, retry, ..Self::default() };
    }

    /// The last identifier that the stream gave.
    #[must_use]
    pub fn last_id(&self) -> &[u8] {
        &self.id
    }

    /// How long to wait before a stream that broke is asked for again, if the stream said so.
    #[must_use]
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    fn take_line(&mut self, line: &[u8], on_event: &mut dyn FnMut(Event)) {
        let line = match std::mem::replace(&mut self.began, true) {
            false => line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line),
            true => line,
        };
        if line.is_empty() {
            self.dispatch(on_event);
            return;
        }
        let colon = line.iter().position(|&byte| byte == b':');
        let (field, value) = match colon {
            // A comment.
            Some(0) => return,
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &[][..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                self.data.extend_from_slice(value);
                self.data.push(b'\n');
            }
            b"event" => self.kind = value.to_vec(),
            b"id" if !value.contains(&0) && value.len() <= LONGEST_ID => self.id = value.to_vec(),
            b"retry" if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => {
                let retry = str::from_utf8(value).ok().and_then(|digits| digits.parse().ok());
                self.retry = retry.map(Duration::from_millis).or(self.retry);
            }
            _ => {}
        }
    }

    /// An empty line: what has come before it is an event, if it has data.
    fn dispatch(&mut self, on_event: &mut dyn FnMut(Event)) {
        let kind = std::mem::take(&mut self.kind);
        let mut data = std::mem::take(&mut self.data);
        if data.pop().is_none() {
            return;
        }
        on_event(Event {
            kind: if kind.is_empty() { "message".to_owned() } else { text(kind) },
            data: text(data),
            id: text(self.id.clone()),
        });
    }
}

/// Text as a stream has it: what is not UTF-8 becomes U+FFFD.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a stream says that arrives in pieces of this size.
    fn events(stream: &[u8], piece: usize) -> Vec<(String, String, String)> {
        let (mut parser, mut events) = (EventParser::default(), Vec::new());
        for bytes in stream.chunks(piece) {
            let mut keep = |event: Event| events.push((event.kind, event.data, event.id));
            parser.push(bytes, &mut keep).expect("none is too large");
        }
        events
    }

    #[test]
    fn a_stream_says_the_same_however_it_was_cut() {
        type Said<'a> = &'a [(&'a str, &'a str, &'a str)];
        let rows: [(&[u8], Said<'_>, &str); 15] = [
            (b"data: one\n\n", &[("message", "one", "")], "the least"),
            (b"data:one\r\n\r\n", &[("message", "one", "")], "carriage returns, and no space"),
            (b"data: a\rdata: b\r\r", &[("message", "a\nb", "")], "returns alone; two lines"),
            (b"data:  two\n\n", &[("message", " two", "")], "only one space is no part of it"),
            (b"event: tick\ndata: 1\n\n", &[("tick", "1", "")], "a type"),
            (b"event: tick\n\ndata: 1\n\n", &[("message", "1", "")], "no data, no event"),
            (b"data\n\n", &[("message", "", "")], "a field without colon has an empty value"),
            (b"data\ndata\n\n", &[("message", "\n", "")], "twice"),
            (b": hello\ndata: 1\n:\n\n", &[("message", "1", "")], "comments"),
            (
                b"id: 7\ndata: 1\n\ndata: 2\n\nid\ndata: 3\n\n",
                &[("message", "1", "7"), ("message", "2", "7"), ("message", "3", "")],
                "an identifier lasts until the next",
            ),
            (b"id: a\0b\ndata: 1\n\n", &[("message", "1", "")], "but none with NUL"),
            (b"\xef\xbb\xbfdata: 1\n\n", &[("message", "1", "")], "a byte order mark"),
            (b"data: 1\n\xef\xbb\xbfdata: 2\n\n", &[("message", "1", "")], "only at the start"),
            (b"data: 1", &[], "what is not ended is no event"),
            (b"datas: 1\nDATA: 2\nx: y\n\n", &[], "other fields are nobody's"),
        ];
        for (stream, said, why) in rows {
            for piece in 1..=stream.len() {
                let found = events(stream, piece);
                let found: Vec<_> = found
                    .iter()
                    .map(|(kind, data, id)| (kind.as_str(), data.as_str(), id.as_str()))
                    .collect();
                assert_eq!(found, said, "{why}, in pieces of {piece}");
            }
        }
    }

    #[test]
    fn an_identifier_that_is_too_long_is_none() {
        for (length, kept) in [(LONGEST_ID, LONGEST_ID), (LONGEST_ID + 1, 0)] {
            let stream = format!("id: {}\ndata: 1\n\n", "x".repeat(length));
            assert_eq!(events(stream.as_bytes(), 999)[0].2.len(), kept);
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_marked() {
        assert_eq!(events(b"data: \xff!\n\n", 3)[0].1, "\u{fffd}!");
    }

    #[test]
    fn the_time_to_wait_is_a_number_of_milliseconds_or_nothing() {
        for (stream, retry) in [
            (&b"retry: 1500\n"[..], Some(1_500)),
            (b"retry: 1500\nretry: soon\n", Some(1_500)),
            (b"retry:\n", None),
            (b"retry: -1\n", None),
            (b"retry: 99999999999999999999999\n", None),
        ] {
            let mut parser = EventParser::default();
            parser.push(stream, &mut |_| panic!("there is no event")).expect("it is small");
            assert_eq!(parser.retry(), retry.map(Duration::from_millis));
        }
    }

    #[test]
    fn a_stream_that_is_asked_for_again_goes_on_from_its_last_identifier() {
        let mut parser = EventParser::default();
        parser.push(b"id: 7\nretry: 5\ndata: 1\n\ndata: half", &mut |_| ()).expect("it is small");
        parser.restart();
        assert_eq!(parser.last_id(), b"7");
        assert_eq!(parser.retry(), Some(Duration::from_millis(5)));
        let mut said = Vec::new();
        parser
            .push(b"\xef\xbb\xbfdata: 2\n\n", &mut |event| said.push(event))
            .expect("it is small");
        assert_eq!((said[0].data.as_str(), said[0].id.as_str()), ("2", "7"));
    }

    #[test]
    fn an_event_without_end_is_refused_before_it_fills_memory() {
        for (line, ends) in [(&b"data: 0123456789"[..], false), (b"data: 0123456789\n", true)] {
            let mut parser = EventParser::default();
            let mut pushed = 0;
            while parser.push(line, &mut |_| panic!("it never ends")).is_ok() {
                pushed += line.len();
                assert!(pushed <= 2 * LARGEST_EVENT, "{ends}");
            }
            assert!(parser.line.len() + parser.data.len() <= LARGEST_EVENT);
        }
        // Comments are forgotten as they come.
        let mut parser = EventParser::default();
        for _ in 0..200_000 {
            parser.push(b": still here\n", &mut |_| ()).expect("a comment is no event");
        }
    }
}
