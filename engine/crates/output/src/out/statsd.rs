//! What is measured, each second, by UDP to a StatsD server.
//!
//! Format: StatsD's lines, `name:value|type`, as many to a datagram as fit an Ethernet frame. There are no tags, which StatsD does not
//! have: a metric's series go together, as `wasmload.NAME`. A counter is `c`, a gauge `g`, the passes and fails of a rate are two
//! counters, and a trend is `ms` (also where it is not of time: StatsD has nothing else) with a sample rate that says how many
//! samples a line stands for. What the values of a trend are stands in [`points`](super::points).

use std::io::{self, Write};
use std::net::{ToSocketAddrs as _, UdpSocket};
use std::time::SystemTime;

use metrics::Sink;
use plan::Plan;
use run::Measured;

use super::points::points;
use super::stream::{Format, Target};
use crate::redacted::Redactor;

/// Bytes of a datagram: what is left of an Ethernet frame, with room for headers of IPv6 and tunnels.
const DATAGRAM: usize = 1_400;

pub(super) fn format(secrets: Redactor) -> Box<dyn Format> {
    Box::new(StatsD { secrets })
}

/// A socket to a server, such as `127.0.0.1:8125`.
pub(super) fn connect(target: &str) -> io::Result<Box<dyn Target>> {
    let address = target.to_socket_addrs()?.next();
    let address = address.ok_or_else(|| io::Error::other("the name has no address"))?;
    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any)?;
    socket.connect(address)?;
    socket.set_nonblocking(true)?;
    Ok(Box::new(Datagrams { socket, lines: Vec::new(), sent: 0, lost: 0 }))
}

#[derive(Debug)]
struct StatsD {
    /// What is in no name.
    secrets: Redactor,
}

impl Format for StatsD {
    fn begin(&mut self, _plan: &Plan, _now: SystemTime, _text: &mut Vec<u8>) {}

    fn second(&mut self, measured: &Measured, _now: SystemTime, text: &mut Vec<u8>) {
        for (metric, sink) in measured.collected.metrics() {
            let name = measured.collected.registry().metric(metric).name;
            let name = self.secrets.shown(&name);
            // Writing to memory cannot fail.
            let _ = match sink {
                Sink::Counter(counter) => writeln!(text, "wasmload.{name}:{}|c", counter.sum),
                // A negative number would be a change to StatsD, and not a value.
                Sink::Gauge(gauge) if gauge.last < 0.0 => {
                    writeln!(text, "wasmload.{name}:0|g\nwasmload.{name}:{}|g", gauge.last)
                }
                Sink::Gauge(gauge) => writeln!(text, "wasmload.{name}:{}|g", gauge.last),
                Sink::Rate(rate) => writeln!(
                    text,
                    "wasmload.{name}.passes:{}|c\nwasmload.{name}.fails:{}|c",
                    rate.trues,
                    rate.total - rate.trues
                ),
                Sink::Trend(_) => {
                    points(sink, |value, count| {
                        let _ = match count {
                            1 => writeln!(text, "wasmload.{name}:{value}|ms"),
                            count => {
                                writeln!(text, "wasmload.{name}:{value}|ms|@{}", 1.0 / count as f64)
                            }
                        };
                    });
                    Ok(())
                }
            };
        }
    }

    fn wants_series(&self) -> bool {
        false
    }
}

/// Sends whole lines, and counts what is refused: a server that is not there loses nothing but what it is sent.
#[derive(Debug)]
struct Datagrams {
    socket: UdpSocket,
    lines: Vec<u8>,
    sent: u64,
    lost: u64,
}

impl Write for Datagrams {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.lines.extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut rest = &self.lines[..];
        while !rest.is_empty() {
            let most = rest.len().min(DATAGRAM);
            let fitting = rest[..most].iter().rposition(|byte| *byte == b'\n');
            // A line that is longer than all of it goes by itself.
            let end = fitting.or_else(|| rest.iter().position(|byte| *byte == b'\n'));
            let (datagram, others) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
            self.sent += 1;
            if self.socket.send(datagram).is_err() {
                self.lost += 1;
            }
            rest = others;
        }
        self.lines.clear();
        Ok(())
    }
}

impl Target for Datagrams {
    fn end(&mut self) -> io::Result<()> {
        self.flush()?;
        match self.lost {
            0 => Ok(()),
            lost => Err(io::Error::other(format!(
                "{lost} of {} datagrams were refused: nobody listens there",
                self.sent
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_whole_and_as_many_as_fit() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut target = connect(&server.local_addr().unwrap().to_string()).unwrap();
        let long = "x".repeat(DATAGRAM + 1);
        let lines: String = (0..200).map(|n| format!("wasmload.metric_{n}:1|c\n")).collect();
        target.write_all(lines.as_bytes()).unwrap();
        target.write_all(format!("{long}\nlast:1|c\n").as_bytes()).unwrap();
        target.flush().unwrap();
        let mut received = String::new();
        let mut room = [0; 4_096];
        while !received.ends_with("last:1|c\n") {
            let length = server.recv(&mut room).unwrap();
            let text = std::str::from_utf8(&room[..length]).unwrap();
            assert!(text.ends_with('\n') && (length <= DATAGRAM || text.starts_with("xx")));
            received.push_str(text);
        }
        assert_eq!(received, format!("{lines}{long}\nlast:1|c\n"));
        target.end().unwrap();
    }

    #[test]
    fn what_is_no_address_is_found_before_the_run() {
        assert!(connect("nowhere").is_err());
    }
}
