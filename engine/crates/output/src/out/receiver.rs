//! A server on this machine that is pushed to, for tests: it answers as it is told and keeps what it heard.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver as Heard, Sender, channel};
use std::time::Duration;

/// What it does with a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    /// A status, what comes with it.
    Says(u16, &'static str),
    /// Nothing, for as long as the client waits.
    Hangs,
    /// It closes the connection.
    Closes,
}

/// A request it heard.
#[derive(Debug)]
pub(super) struct Request {
    /// The request line.
    pub(super) line: String,
    /// The header lines, names in small letters.
    pub(super) headers: Vec<String>,
    /// As it came.
    pub(super) body: Vec<u8>,
}

impl Request {
    /// The body, unpacked, as far as it is text.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.unpacked()).into_owned()
    }

    /// The body, unpacked.
    pub(super) fn unpacked(&self) -> Vec<u8> {
        let mut unpacked = Vec::new();
        match self.header("content-encoding") {
            Some("gzip") => {
                let read = flate2::read::GzDecoder::new(&*self.body).read_to_end(&mut unpacked);
                read.expect("it is packed");
            }
            Some("snappy") => {
                unpacked = snap::raw::Decoder::new().decompress_vec(&self.body).expect("packed");
            }
            _ => unpacked.clone_from(&self.body),
        }
        unpacked
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let named = |line: &'_ String| line.split_once(": ").is_some_and(|(its, _)| its == name);
        let line = self.headers.iter().find(|line| named(line))?;
        line.split_once(": ").map(|(_, value)| value)
    }
}

/// A running server. It answers requests in turn; the last answer stays.
pub(super) struct Receiver {
    pub(super) url: String,
    heard: Heard<Request>,
}

impl Receiver {
    pub(super) fn start(answers: &'static [Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let (hear, heard) = channel();
        std::thread::spawn(move || serve(&listener, answers, &hear));
        Self { url, heard }
    }

    /// The next request it hears.
    pub(super) fn next(&self) -> Request {
        self.heard.recv_timeout(Duration::from_secs(60)).expect("somebody asks")
    }

    /// Those it has heard and that nobody has looked at.
    pub(super) fn rest(&self) -> Vec<Request> {
        self.heard.try_iter().collect()
    }
}

fn serve(listener: &TcpListener, answers: &[Answer], hear: &Sender<Request>) {
    let mut answers = answers.iter().copied();
    let mut answer = answers.next().expect("it says something");
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { return };
        while let Some(request) = request(&mut stream) {
            // The test may be over.
            let _ = hear.send(request);
            let now = answer;
            answer = answers.next().unwrap_or(answer);
            match now {
                Answer::Says(status, text) => {
                    let length = text.len();
                    let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\n\r\n");
                    let _ = stream.write_all(format!("{head}{text}").as_bytes());
                }
                // Until the client gives up.
                Answer::Hangs => drop(stream.read(&mut [0; 16])),
                Answer::Closes => break,
            }
        }
    }
}

fn request(stream: &mut TcpStream) -> Option<Request> {
    let mut text = Vec::new();
    let end = loop {
        let mut room = [0; 4_096];
        match stream.read(&mut room) {
            Ok(0) | Err(_) => return None,
            Ok(read) => text.extend_from_slice(&room[..read]),
        }
        if let Some(end) = text.windows(4).position(|it| it == b"\r\n\r\n") {
            break end;
        }
    };
    let head = String::from_utf8_lossy(&text[..end]).into_owned();
    let mut lines = head.lines();
    let line = lines.next()?.to_owned();
    let headers: Vec<String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| format!("{}: {}", name.to_ascii_lowercase(), value.trim()))
        .collect();
    let length = headers.iter().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = text.split_off(end + 4);
    let mut rest = vec![0; length.saturating_sub(body.len())];
    stream.read_exact(&mut rest).ok()?;
    body.extend(rest);
    Some(Request { line, headers, body })
}
