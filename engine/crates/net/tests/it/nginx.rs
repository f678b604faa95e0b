//! The client against nginx, which nobody wrote for these tests. Where it is not installed there is nothing to show,
//! unless `WASMLOAD_TESTS_NEED_NGINX` says that it must be there.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Duration;

use net::{Client, Config, Error, HttpVersion, Tls, TlsSettings, TlsVersion};
use tempfile::TempDir;

use crate::peer::{error, exchange, finish, get, post};
use crate::tls_peer::Authority;

/// A running nginx. Dropping it stops it.
struct Nginx {
    child: Child,
    /// Where it speaks HTTP/1.1, HTTP/1.1 or HTTP/2 by TLS, and that with clients that say who they are only.
    urls: [String; 3],
    /// Who issued its certificate and those that it believes.
    authority: Authority,
    folder: TempDir,
}

impl Nginx {
    async fn start() -> Option<Self> {
        let Some(program) = installed() else {
            let needed = std::env::var_os("WASMLOAD_TESTS_NEED_NGINX").is_some();
            assert!(!needed, "nginx is missing; `apt-get install nginx-light` installs it");
            return None;
        };
        // All at once, so that they are three.
        let ports = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
        let ports = ports.map(|port| port.local_addr().expect("it is bound").port());
        let folder = tempfile::tempdir().expect("a temporary folder");
        let authority = Authority::new("ours");
        let own = authority.issue(&["localhost"]);
        for (name, text) in [
            ("nginx.conf", configuration(ports)),
            ("cert.pem", own.cert_pem()),
            ("key.pem", own.key_pem()),
            ("ca.pem", authority.pem()),
        ] {
            std::fs::write(folder.path().join(name), text).expect("the folder is ours");
        }
        let child = Command::new(program)
            .arg("-p")
            .arg(folder.path())
            .args(["-c", "nginx.conf", "-e", "error.log"])
            .spawn()
            .expect("it is installed");
        let [plain, tls, known] = ports;
        let urls = [
            format!("http://localhost:{plain}"),
            format!("https://localhost:{tls}"),
            format!("https://localhost:{known}"),
        ];
        let nginx = Self { child, urls, authority, folder };
        // Some seconds; it takes some milliseconds.
        for _ in 0..500 {
            if ports.iter().all(|&port| TcpStream::connect(("127.0.0.1", port)).is_ok()) {
                return Some(nginx);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nginx does not come up: {}", nginx.read("error.log"));
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }

    /// A client that believes it.
    fn client(&self, http_version: HttpVersion, settings: TlsSettings) -> Client {
        let settings = TlsSettings { roots: vec![self.authority.pem()], ..settings };
        let tls = Tls::new(settings).expect("there is nothing wrong with it");
        Client::new(Arc::new(Config { tls: Arc::new(tls), http_version, ..Config::default() }))
    }

    /// A client of each way of speaking to it, and where.
    fn ways(&self) -> [(Client, &str, &'static str); 4] {
        let [plain, tls, _] = &self.urls;
        let client = |version| self.client(version, TlsSettings::default());
        [
            (client(HttpVersion::Auto), plain, "HTTP/1.1"),
            (client(HttpVersion::Http11), tls, "HTTP/1.1"),
            (client(HttpVersion::Auto), tls, "HTTP/2.0"),
            (client(HttpVersion::Http2), tls, "HTTP/2.0"),
        ]
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its only process: `master_process off`.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn installed() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    folders.map(|folder| folder.join("nginx")).find(|program| program.is_file())
}

fn configuration([plain, tls, known]: [u16; 3]) -> String {
    format!(
        "daemon off;
master_process off;
pid nginx.pid;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path client_body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    default_type text/plain;
    ssl_certificate cert.pem;
    ssl_certificate_key key.pem;
    ssl_client_certificate ca.pem;
    ssl_protocols TLSv1.2 TLSv1.3;
    client_max_body_size 100k;
    client_body_buffer_size 200k;
    log_format counted '$request_length';
    server {{
        listen 127.0.0.1:{plain};
        listen 127.0.0.1:{tls} ssl http2;
        location / {{ access_log counted.log counted; return 200 $scheme; }}
        location /few/ {{ keepalive_requests 2; return 200 few; }}
        location /gone/ {{ return 444; }}
        location /moved/ {{ return 302 /; }}
    }}
    server {{
        listen 127.0.0.1:{known} ssl http2;
        ssl_verify_client on;
        location / {{ return 200 $ssl_client_s_dn; }}
    }}
}}
"
    )
}

#[tokio::test]
async fn nginx_is_spoken_to_in_every_way() {
    let Some(nginx) = Nginx::start().await else { return };
    for (mut client, url, proto) in nginx.ways() {
        for reused in [false, true, true] {
            let exchange = exchange(&mut client, get(&format!("{url}/"))).await;
            assert_eq!((exchange.proto, exchange.reused), (proto, reused), "{url}");
            assert!(exchange.timings.total() > Duration::ZERO);
            let response = exchange.result.expect("a response");
            assert_eq!(response.status, 200);
            assert_eq!(response.body, url.split(':').next().expect("a scheme").as_bytes());
        }
        client.start(get(&format!("{url}/moved/")));
        let hops: Vec<_> = finish(&mut client).await.into_iter().map(|(_, hop)| hop).collect();
        let statuses = hops.iter().map(|hop| hop.result.as_ref().expect("a response").status);
        assert_eq!(statuses.map(|status| status.as_u16()).collect::<Vec<_>>(), [302, 200]);
    }
}

#[tokio::test]
async fn nginx_chooses_among_the_versions_of_tls_that_are_allowed() {
    let Some(nginx) = Nginx::start().await else { return };
    let [_, url, _] = &nginx.urls;
    for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
        let settings =
            TlsSettings { min_version: version, max_version: Some(version), ..Default::default() };
        for http_version in [HttpVersion::Http11, HttpVersion::Http2] {
            let mut client = nginx.client(http_version, settings.clone());
            let exchange = exchange(&mut client, get(&format!("{url}/"))).await;
            assert_eq!(exchange.tls_version, Some(version));
            assert_eq!(exchange.result.expect("a response").status, 200);
        }
    }
    let mut stranger = Client::new(Arc::new(Config::default()));
    let exchange = exchange(&mut stranger, get(&format!("{url}/"))).await;
    assert!(!error(&exchange).to_string().is_empty(), "nobody vouches for it");
}

#[tokio::test]
async fn nginx_knows_who_shows_a_certificate_and_refuses_who_does_not() {
    let Some(nginx) = Nginx::start().await else { return };
    let [_, _, url] = &nginx.urls;
    let ada = nginx.authority.issue(&["ada"]).for_domains(&[]);
    for (client_certificates, status) in [(vec![ada], 200), (Vec::new(), 400)] {
        for version in [HttpVersion::Http11, HttpVersion::Http2] {
            let client_certificates = client_certificates.clone();
            let settings = TlsSettings { client_certificates, ..TlsSettings::default() };
            let mut client = nginx.client(version, settings);
            let exchange = exchange(&mut client, get(&format!("{url}/"))).await;
            assert_eq!(exchange.result.expect("a response").status, status);
        }
    }
}

#[tokio::test]
async fn a_body_that_nginx_does_not_want_is_a_413_and_the_next_request_goes_on() {
    let Some(nginx) = Nginx::start().await else { return };
    for (mut client, url, proto) in nginx.ways() {
        for (length, status) in [(50_000, 200), (5_000_000, 413), (10, 200)] {
            let posted = post(&format!("{url}/"), vec![b'a'; length]);
            let exchange = exchange(&mut client, posted).await;
            match &exchange.result {
                Ok(response) => assert_eq!(response.status, status, "{proto}, {length}"),
                // It closes while the body is still on its way, and the answer may be lost with that.
                Err(error) => {
                    assert!(status == 413 && *error == Error::ConnectionReset, "{proto}: {error}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_connection_that_nginx_ends_after_few_requests_fails_none() {
    let Some(nginx) = Nginx::start().await else { return };
    for (mut client, url, proto) in nginx.ways() {
        for number in 0..7 {
            let exchange = exchange(&mut client, get(&format!("{url}/few/"))).await;
            assert_eq!(exchange.result.expect("a response").body, &b"few"[..], "{proto} {number}");
        }
    }
}

#[tokio::test]
async fn a_connection_that_nginx_drops_is_a_failure_by_its_name() {
    let Some(nginx) = Nginx::start().await else { return };
    for (mut client, url, proto) in nginx.ways() {
        let gone = exchange(&mut client, get(&format!("{url}/gone/"))).await;
        let named = match proto {
            "HTTP/2.0" => matches!(error(&gone), Error::StreamReset(_)),
            _ => *error(&gone) == Error::ClosedEarly,
        };
        assert!(gone.begun && named, "{proto}: {}", error(&gone));
        let next = exchange(&mut client, get(&format!("{url}/"))).await;
        assert_eq!(next.result.expect("a response").status, 200, "{proto}");
    }
}

#[tokio::test]
async fn nginx_counts_as_many_requests_and_bytes_of_them_as_were_sent() {
    let Some(nginx) = Nginx::start().await else { return };
    let mut client = nginx.client(HttpVersion::Auto, TlsSettings::default());
    let mut sent = Vec::new();
    for number in 0..20 {
        let url = format!("{}/{}", nginx.urls[0], "x".repeat(number));
        let exchange = exchange(&mut client, get(&url)).await;
        assert_eq!(exchange.result.expect("a response").status, 200);
        sent.push(exchange.sent.to_string());
    }
    let counted = nginx.read("counted.log");
    assert_eq!(counted.lines().collect::<Vec<_>>(), sent);
}
