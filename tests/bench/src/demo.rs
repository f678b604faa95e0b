//! The target of the WebSockets: `wasmload demo`, with one thread on a core of its own.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::process::{self, Running};

/// A running demo target. Dropping it stops it.
#[derive(Debug)]
pub struct Demo {
    running: Running,
    /// Where it listens.
    authority: String,
}

/// What it has seen so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// WebSockets that were opened for an echo.
    pub sockets: u64,
    /// Messages that came; each is sent back.
    pub messages: u64,
}

impl Demo {
    /// Starts it on a free port of the loopback interface, on one core.
    pub fn start(program: &Path, core: usize) -> Result<Self> {
        let mut command = process::pinned(core, program);
        command.args(["demo", "--address", "127.0.0.1:0"]);
        let mut running = Running::start("the demo target", command)?;
        // Ten seconds; it takes some milliseconds until it says where it is.
        for _ in 0..1_000 {
            process::pause(Duration::from_millis(10));
            if let Some(url) = running.said()?.lines().next() {
                let authority = url.trim_start_matches("http://").to_owned();
                return Ok(Self { running, authority });
            }
            if running.finished()?.is_some() {
                bail!("the demo target ended as soon as it had started");
            }
        }
        bail!("the demo target does not say where it is")
    }

    /// Its URL, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.authority)
    }

    /// The CPU time that it has used so far: see [`Running::cpu_time`].
    pub fn cpu_time(&self) -> Result<(Duration, Duration)> {
        self.running.cpu_time()
    }

    /// What it has seen so far, as it tells it.
    pub fn seen(&self) -> Result<Seen> {
        let mut stream = TcpStream::connect(&self.authority).context("asking the demo target")?;
        let head = format!("GET /record HTTP/1.1\r\nhost: {}\r\n", self.authority);
        stream
            .write_all(format!("{head}connection: close\r\n\r\n").as_bytes())
            .context("asking the demo target")?;
        let mut told = String::new();
        stream.read_to_string(&mut told).context("asking the demo target")?;
        seen(&told).with_context(|| format!("asking the demo target, which said {told:?}"))
    }
}

fn seen(told: &str) -> Option<Seen> {
    let record: Value = serde_json::from_str(told.split_once("\r\n\r\n")?.1).ok()?;
    let answers = record["answers"].as_array()?;
    let sockets =
        answers.iter().filter(|answers| answers["route"] == "/ws/echo" && answers["status"] == 101);
    Some(Seen {
        sockets: sockets.filter_map(|answers| answers["count"].as_u64()).sum(),
        messages: record["messages_received"].as_u64()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_record_is_read() {
        let told = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n\
            { \"messages_received\": 7, \"answers\": [\
              { \"method\": \"GET\", \"route\": \"/ws/echo\", \"status\": 101, \"count\": 3 },\
              { \"method\": \"GET\", \"route\": \"/ws/echo\", \"status\": 426, \"count\": 1 },\
              { \"method\": \"GET\", \"route\": \"/\", \"status\": 200, \"count\": 1 }] }";
        assert_eq!(seen(told), Some(Seen { sockets: 3, messages: 7 }));
        assert_eq!(seen("HTTP/1.1 404 Not Found\r\n\r\n"), None);
    }
}
