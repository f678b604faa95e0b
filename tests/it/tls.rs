//! Runs against a target that speaks TLS.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::Arc;

use rcgen::CertifiedKey;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use support::{Ran, Wasmload};

fn wasmload() -> Wasmload {
    Wasmload::new(env!("CARGO_BIN_EXE_wasmload"))
}

fn assert_code(ran: &Ran, code: i32) {
    assert_eq!(ran.code, Some(code), "{}", ran.redacted());
}

/// A target at `localhost` that answers everything with 200, and the PEM of its certificate, which only those
/// believe who are told to.
fn target() -> (String, String) {
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("there are ciphers for them")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())
        .expect("the key is the certificate's");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let config = Arc::clone(&config);
            std::thread::spawn(move || serve(socket, config));
        }
    });
    (format!("BASE_URL=https://localhost:{port}"), cert.pem())
}

/// Answers until the connection ends.
fn serve(socket: TcpStream, config: Arc<ServerConfig>) {
    let session = ServerConnection::new(config).expect("it is valid");
    let mut stream = StreamOwned::new(session, socket);
    let mut seen = Vec::new();
    let mut room = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut room) {
        seen.extend_from_slice(&room[..read]);
        if is_whole(&seen) {
            seen.clear();
            if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").is_err() {
                break;
            }
        }
    }
}

/// Whether a request has come to its end.
fn is_whole(seen: &[u8]) -> bool {
    let Some(head) = seen.windows(4).position(|it| it == b"\r\n\r\n") else { return false };
    let text = String::from_utf8_lossy(&seen[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.and_then(|length| length.parse().ok()).unwrap_or(0);
    seen.len() >= head + 4 + length
}

#[test]
fn a_server_that_results_go_to_by_tls_is_one_that_this_machine_trusts() {
    let wasmload = wasmload();
    let (base, pem) = target();
    wasmload.write("ca.pem", pem);
    let out = format!("--out=otlp={}", base.trim_start_matches("BASE_URL="));
    let arguments = ["run", artifacts::GIVES_OPTIONS, "-e", &base, "--cacert=ca.pem", &out];
    for (trusted, code) in [(Some("ca.pem"), 0), (None, 104)] {
        let mut command = wasmload.command(&arguments);
        command.env_remove("SSL_CERT_FILE").envs(trusted.map(|file| ("SSL_CERT_FILE", file)));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let ran = wasmload.end(command.spawn().expect("the binary starts"));
        assert_code(&ran, code);
        let is_named = ran.stderr.contains("its certificate is not one that this machine trusts");
        assert_eq!(is_named, code != 0, "{}", ran.stderr);
    }
}

#[test]
fn a_target_is_believed_by_whoever_is_told_to() {
    let wasmload = wasmload();
    let (base, pem) = target();
    wasmload.write("ca.pem", pem);
    for (flags, part) in [
        (&["--cacert", "ca.pem"][..], "{status:200,tls_version:tls1.3}"),
        (&["--insecure-skip-tls-verify"], "{status:200,tls_version:tls1.3}"),
        (&[], "{error:certificate from unknown issuer,error_code:1310}"),
    ] {
        let threshold = format!("http_reqs{part}: count==12");
        let mut arguments = vec!["run", artifacts::GIVES_OPTIONS, "-e", &base];
        arguments.extend(["--threshold", &threshold]);
        arguments.extend(flags);
        assert_code(&wasmload.run(&arguments), 0);
    }
}

#[test]
fn keys_are_logged_where_the_environment_says_so() {
    let wasmload = wasmload();
    let (base, pem) = target();
    wasmload.write("ca.pem", pem);
    let arguments = ["run", artifacts::GIVES_OPTIONS, "-e", &base, "--cacert", "ca.pem", "--quiet"];
    let run = wasmload.command(&arguments).env("SSLKEYLOGFILE", "keys.log").output();
    assert!(run.expect("the binary starts").status.success());
    assert!(wasmload.read("keys.log").contains("CLIENT_TRAFFIC_SECRET_0 "));
}

#[test]
fn everything_that_is_no_certificate_is_told_before_the_run() {
    let wasmload = wasmload();
    wasmload.write("ca.pem", "of no use");
    let flags = ["--cacert", "ca.pem", "--cert", "ca.pem", "--key", "ca.pem"];
    let ran = wasmload.run(&[&["run", artifacts::GIVES_OPTIONS][..], &flags].concat());
    assert_code(&ran, 104);
    for place in ["tlsRoots[0]: has no certificate", "tlsAuth[0].cert: has", "tlsAuth[0].key: has"]
    {
        assert!(ran.stderr.contains(place), "{}", ran.stderr);
    }
}
