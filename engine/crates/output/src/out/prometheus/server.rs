//! A real Prometheus, for tests. Where it is not installed there is nothing to show, unless
//! `WASMLOAD_TESTS_NEED_PROMETHEUS` says that it must be there.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tempfile::TempDir;

/// A running Prometheus. Dropping it stops it.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    _folder: TempDir,
}

impl Server {
    /// Starts one that is told these lines of configuration.
    pub(crate) fn start(configuration: &str, flags: &[&str]) -> Option<Self> {
        let is_there = |path: &str| std::path::Path::new(path).join("prometheus").is_file();
        let paths = std::env::var("PATH").unwrap_or_default();
        if !paths.split(':').any(is_there) {
            let needed = std::env::var_os("WASMLOAD_TESTS_NEED_PROMETHEUS").is_some();
            assert!(!needed, "prometheus is missing; `apt-get install prometheus` installs it");
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("prometheus.yml"), configuration).expect("it is ours");
        let port = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr();
        let port = port.expect("it is bound").port();
        let child = Command::new("prometheus")
            .current_dir(folder.path())
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"])
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(flags)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it is installed");
        let server = Self { child, url: format!("http://127.0.0.1:{port}"), _folder: folder };
        server.until("/-/ready", |answer| answer.is_some());
        Some(server)
    }

    /// What it answers to a `GET`, if it answers with 200.
    pub(crate) fn get(&self, path: &str) -> Option<String> {
        let address = self.url.strip_prefix("http://").expect("it is ours");
        TcpStream::connect(address).ok()?;
        let mut answer = ureq::get(format!("{}{path}", self.url)).call().ok()?;
        answer.body_mut().read_to_string().ok()
    }

    /// Asks until the answer will do.
    pub(crate) fn until(&self, path: &str, will_do: impl Fn(Option<&str>) -> bool) {
        let began = SystemTime::now();
        loop {
            let answer = self.get(path);
            if will_do(answer.as_deref()) {
                return;
            }
            let waited = began.elapsed().unwrap_or_default();
            assert!(waited < Duration::from_secs(60), "{path}: {answer:?}");
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// The labels and the value of each series that a query finds.
    pub(crate) fn query(&self, query: &str) -> Vec<(Value, f64)> {
        let encoded: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let answer = self.get(&format!("/api/v1/query?query={encoded}")).unwrap_or_default();
        let answer: Value = serde_json::from_str(&answer).expect("it answers in JSON");
        let found = answer["data"]["result"].as_array().cloned().unwrap_or_default();
        let value = |it: &Value| it["value"][1].as_str().unwrap_or_default().parse().unwrap();
        found.iter().map(|it| (it["metric"].clone(), value(it))).collect()
    }

    /// The value of a query that finds one.
    pub(crate) fn value(&self, query: &str) -> f64 {
        let found = self.query(query);
        assert_eq!(found.len(), 1, "{query}: {found:?}");
        found[0].1
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
