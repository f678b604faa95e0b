//! The target: nginx with one worker on a core of its own, small pages, and endless keep-alive, or none at another port.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::generator::Speaks;
use crate::process::{self, Running};

/// How many connections it takes: more than any bench here makes.
const CONNECTIONS: u32 = 16_384;

/// Requests on one connection that never ends.
const ENDLESS: u64 = 1_000_000_000;

/// What stands for a log that is not written.
const NO_LOG: &str = "off";

/// The page of `/json`.
const JSON: &str = r#"{"id":12345,"name":"A small thing","price":19.5,"tags":["small","blue"]}"#;

/// A running nginx. Dropping it stops it.
#[derive(Debug)]
pub struct Nginx {
    program: PathBuf,
    address: SocketAddr,
    /// Where it speaks TLS.
    tls_address: SocketAddr,
    /// Where it closes each connection once it has answered.
    closing_address: SocketAddr,
    folder: TempDir,
    running: Option<Running>,
}

impl Nginx {
    /// Finds nginx and starts it on a free port of the loopback interface, on one core.
    ///
    /// Fails if it is not installed, saying how to, or does not come up.
    pub fn start(core: usize) -> Result<Self> {
        Self::start_with(core, NO_LOG, ENDLESS)
    }

    /// As [`start`](Self::start), but a connection ends after so many requests.
    pub fn start_ending_connections(core: usize, requests: u64) -> Result<Self> {
        Self::start_with(core, NO_LOG, requests)
    }

    /// As [`start`](Self::start), and writes down when each request was answered: see [`times`](Self::times).
    pub fn start_noting_times(core: usize) -> Result<Self> {
        Self::start_with(core, "times.log times buffer=256k flush=200ms", ENDLESS)
    }

    /// As [`start`](Self::start), and writes down how long it took for one request in a hundred: see
    /// [`durations`](Self::durations).
    pub fn start_noting_durations(core: usize) -> Result<Self> {
        Self::start_with(core, "durations.log durations if=$one_in_a_hundred", ENDLESS)
    }

    fn start_with(core: usize, access_log: &str, keep_alive: u64) -> Result<Self> {
        let program = process::find("nginx", &["/usr/sbin".into()]).context(
            "nginx is missing, the target of the benches; `apt-get install nginx-light` installs it",
        )?;
        let free = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("finding a free port");
        // All at once, so that they are three.
        let (plain, tls, closing) = (free()?, free()?, free()?);
        let address = plain.local_addr().context("finding a free port")?;
        let tls_address = tls.local_addr().context("finding a free port")?;
        let closing_address = closing.local_addr().context("finding a free port")?;
        drop((plain, tls, closing));

        let folder = tempfile::tempdir().context("making a folder for nginx")?;
        let ports = [address, tls_address, closing_address].map(|address| address.port());
        let configuration = configuration(ports, access_log, keep_alive);
        fs::write(folder.path().join("nginx.conf"), configuration).context("configuring nginx")?;
        let own = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()])
            .context("making a certificate for nginx")?;
        fs::write(folder.path().join("cert.pem"), own.cert.pem()).context("configuring nginx")?;
        fs::write(folder.path().join("key.pem"), own.signing_key.serialize_pem())
            .context("configuring nginx")?;
        let mut command = process::pinned(core, &program);
        command.args(arguments(folder.path()));
        let running = Running::start("nginx", command)?;
        let running = Some(running);
        let mut nginx = Self { program, address, tls_address, closing_address, folder, running };
        nginx.wait_until_up()?;
        Ok(nginx)
    }

    /// Its version, as it tells it.
    pub fn version(&self) -> String {
        let told = Command::new(&self.program).arg("-v").output();
        let told = told.map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
        told.map_or_else(|error| error.to_string(), |told| told.trim().to_owned())
    }

    /// The URL of its page for whoever speaks so, without a slash at the end.
    pub fn target(&self, speaks: Speaks) -> String {
        match speaks {
            Speaks::Http => self.url(),
            Speaks::Https | Speaks::Http2 => self.https_url(),
        }
    }

    /// The URL of its page, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The URL of its page by TLS, HTTP/2 or 1.1, without a slash at the end. Only it itself vouches for its certificate.
    pub fn https_url(&self) -> String {
        format!("https://{}", self.tls_address)
    }

    /// The URL where it closes each connection once it has answered, without a slash at the end.
    pub fn closing_url(&self) -> String {
        format!("http://{}", self.closing_address)
    }

    /// How many clients are connected now, without the one that asks.
    pub fn connections(&self) -> Result<u64> {
        Ok(self.status()?.active.saturating_sub(1))
    }

    /// How many connections were made and requests answered so far, those that ask for it included.
    pub fn counted(&self) -> Result<(u64, u64)> {
        let Status { accepted, requests, .. } = self.status()?;
        Ok((accepted, requests))
    }

    fn status(&self) -> Result<Status> {
        let mut stream = TcpStream::connect(self.address).context("asking nginx")?;
        stream
            .write_all(b"GET /stub_status HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n")
            .context("asking nginx")?;
        let mut told = String::new();
        stream.read_to_string(&mut told).context("asking nginx")?;
        status(&told).with_context(|| format!("asking nginx, which said {told:?}"))
    }

    /// When each request for its page was answered, in seconds of the system's clock, to the millisecond.
    ///
    /// Fails if it was not asked to note them.
    pub fn times(&self) -> Result<Vec<f64>> {
        // What it still holds back it writes within its `flush`.
        process::pause(Duration::from_secs(1));
        let text = fs::read_to_string(self.folder.path().join("times.log"))
            .context("reading the times that nginx noted")?;
        let times = text.lines().map(|line| line.parse().context("reading a time of nginx"));
        times.collect()
    }

    /// How long it took for those requests that it noted so far, in seconds, to the millisecond: from the first byte that
    /// it read of a request to the last that it wrote.
    ///
    /// Fails if it was not asked to note them.
    pub fn durations(&self) -> Result<Vec<f64>> {
        // It writes each at once; a last one that is half there is not.
        let text = fs::read_to_string(self.folder.path().join("durations.log"))
            .context("reading the durations that nginx noted")?;
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let durations =
            whole.lines().map(|line| line.parse().context("reading a duration of nginx"));
        durations.collect()
    }

    fn wait_until_up(&mut self) -> Result<()> {
        // Ten seconds; it takes some milliseconds.
        for _ in 0..1_000 {
            if TcpStream::connect(self.address).is_ok() {
                return Ok(());
            }
            if let Some(running) = &mut self.running
                && running.finished().context("starting nginx")?.is_some()
            {
                self.running = None;
                bail!("nginx ended as soon as it had started");
            }
            process::pause(Duration::from_millis(10));
        }
        bail!("nginx does not come up at {}", self.address)
    }

    fn stop(&mut self) -> Result<()> {
        let Some(running) = self.running.take() else { return Ok(()) };
        // Its master has to stop its worker: killed, it would leave it behind.
        let asked = Command::new(&self.program)
            .args(arguments(self.folder.path()))
            .args(["-s", "stop"])
            .stderr(Stdio::null())
            .status()
            .context("stopping nginx")?;
        ensure!(asked.success(), "stopping nginx: it does not hear");
        running.finish().map(drop)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The bench has its result by now; that its target is still there must be said all the same.
        if let Err(error) = self.stop() {
            let _ = writeln!(std::io::stderr(), "warning: {error:#}");
        }
    }
}

fn arguments(folder: &Path) -> [std::ffi::OsString; 6] {
    [
        "-p".into(),
        folder.into(),
        "-c".into(),
        folder.join("nginx.conf").into(),
        "-e".into(),
        folder.join("error.log").into(),
    ]
}

fn configuration(
    [port, tls_port, closing_port]: [u16; 3],
    access_log: &str,
    keep_alive: u64,
) -> String {
    // Paths are relative to its folder; those of the temporary files are never used, but always made.
    format!(
        "daemon off;
worker_processes 1;
worker_rlimit_nofile {files};
pid nginx.pid;
events {{ worker_connections {CONNECTIONS}; }}
http {{
    log_format times $msec;
    log_format durations $request_time;
    split_clients \"$connection $connection_requests\" $one_in_a_hundred {{ 1% 1; * \"\"; }}
    access_log off;
    client_body_temp_path client_body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    keepalive_requests {keep_alive};
    keepalive_timeout 1h;
    default_type text/plain;
    server {{
        listen 127.0.0.1:{port} backlog=16384;
        listen 127.0.0.1:{tls_port} ssl http2 backlog=16384;
        ssl_certificate cert.pem;
        ssl_certificate_key key.pem;
        location / {{ access_log {access_log}; return 200 \"hello\\n\"; }}
        location = /post {{ access_log {access_log}; return 200 \"hello\\n\"; }}
        location = /json {{
            access_log {access_log};
            default_type application/json;
            return 200 '{JSON}';
        }}
        location = /stub_status {{ stub_status; }}
    }}
    server {{
        listen 127.0.0.1:{closing_port} backlog=16384;
        keepalive_timeout 0;
        location / {{ access_log {access_log}; return 200 \"hello\\n\"; }}
    }}
}}
",
        files = CONNECTIONS + 64,
    )
}

/// What nginx says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Status {
    /// Connections that there are.
    active: u64,
    /// Connections that there were.
    accepted: u64,
    requests: u64,
}

/// The numbers in `Active connections: 3`, and below `server accepts handled requests`.
fn status(told: &str) -> Option<Status> {
    let mut lines = told.lines();
    let active = lines.find_map(|line| line.strip_prefix("Active connections: "))?;
    lines.find(|line| line.starts_with("server accepts"))?;
    let mut counts = lines.next()?.split_whitespace().map(|count| count.parse().ok());
    let (accepted, _handled, requests) = (counts.next()??, counts.next()??, counts.next()??);
    Some(Status { active: active.trim().parse().ok()?, accepted, requests })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_says_of_itself_is_read() {
        let told = "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\n\r\nActive connections: 3 \n\
                    server accepts handled requests\n 5 5 7 \nReading: 0 Writing: 1 Waiting: 2 \n";
        assert_eq!(status(told), Some(Status { active: 3, accepted: 5, requests: 7 }));
        assert_eq!(status("HTTP/1.1 404 Not Found\r\n\r\n"), None);
    }
}
