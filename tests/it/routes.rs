//! Where connections go: proxies, unix sockets, other places.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::sync::mpsc::{Receiver, Sender, channel};

use demo::{Demo, Faults, RunningDemo};
use support::Wasmload;

/// Where nobody listens.
const NOBODY: &str = "http://127.0.0.1:1";

fn wasmload() -> Wasmload {
    Wasmload::new(env!("CARGO_BIN_EXE_wasmload"))
}

fn target() -> RunningDemo {
    Demo::spawn_thread(([127, 0, 0, 1], 0).into(), Faults::default()).expect("a free port")
}

/// Runs the script that makes twelve requests, all of which must be answered, or none. What is said of it.
fn run(
    wasmload: &Wasmload,
    base: &str,
    flags: &[&str],
    environment: &[(&str, &str)],
    answered: bool,
) -> String {
    let base = format!("BASE_URL={base}");
    let holds = if answered { "http_req_failed: rate==0" } else { "http_req_failed: rate==1" };
    let count = "http_reqs: count==12";
    let script =
        ["run", artifacts::GIVES_OPTIONS, "-e", &base, "--threshold", holds, "--threshold", count];
    let mut command = wasmload.command(&[&script[..], flags].concat());
    let output = command.envs(environment.iter().copied()).output().expect("the binary starts");
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("text"));
    let asked = format!("{base} {flags:?} {environment:?}\n{stdout}\n{stderr}");
    assert_eq!(output.status.code(), Some(0), "{asked}");
    stderr
}

/// Answers each request with 200, and tells its first line and its host.
fn answer(mut stream: impl Read + Write, tell: &Sender<String>) {
    let mut head = Vec::new();
    let mut byte = [0];
    while let Ok(1) = stream.read(&mut byte) {
        head.push(byte[0]);
        if head.ends_with(b"\r\n\r\n") {
            let text = String::from_utf8(std::mem::take(&mut head)).expect("a head is text");
            let lines: Vec<&str> = text.lines().take(2).collect();
            tell.send(lines.join(" ")).expect("the test listens");
            if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").is_err() {
                break;
            }
        }
    }
}

/// A proxy that answers in the name of every target, and what it is asked.
fn proxy() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let tell = tell.clone();
            std::thread::spawn(move || answer(stream, &tell));
        }
    });
    (format!("http://{address}"), told)
}

#[test]
fn a_proxy_is_the_environments_unless_a_flag_names_one_or_none() {
    let (wasmload, target) = (wasmload(), target());
    let (proxy, told) = proxy();
    let here = target.url();
    // A label has 63 letters at most, so that nobody need be asked where it is.
    let host = "a".repeat(64);
    let elsewhere = &*format!("http://{host}");
    for (base, flags, environment, asked, answered, why) in [
        (elsewhere, &[][..], &[("http_proxy", &*proxy)][..], 12, true, "by the environment"),
        (elsewhere, &[], &[("ALL_PROXY", &proxy), ("no_proxy", &host)], 0, false, "direct"),
        (elsewhere, &["--proxy", &proxy], &[("http_proxy", NOBODY)], 12, true, "a flag's"),
        (elsewhere, &["--proxy", ""], &[("http_proxy", &proxy)], 0, false, "none"),
        (&here, &[], &[("http_proxy", &proxy)], 0, true, "this machine needs no proxy"),
        (&here, &["--proxy", &proxy], &[], 12, true, "unless somebody asks for it"),
        (&here, &["--proxy", NOBODY, "--noproxy", "127.0.0.0/8"], &[], 0, true, "and not here"),
    ] {
        run(&wasmload, base, flags, environment, answered);
        let lines: Vec<String> = told.try_iter().collect();
        assert_eq!(lines.len(), asked, "{why}");
        for line in lines {
            assert!(line.starts_with(&format!("GET {base}/ HTTP/1.1 host: ")), "{why}: {line}");
        }
    }
}

#[test]
fn a_proxy_that_is_not_there_is_named() {
    let ran = run(&wasmload(), "http://a.invalid", &["--proxy", NOBODY], &[], false);
    let said = "the proxy cannot be reached: `127.0.0.1:1`: connection refused";
    assert!(ran.contains(said), "{ran}");
}

#[test]
fn what_the_environment_says_of_proxies_must_make_sense_and_keeps_its_password() {
    let wasmload = wasmload();
    let mut command = wasmload.command(&["run", artifacts::GIVES_OPTIONS]);
    command.env("http_proxy", "https://ada:secret@a.test").env("HTTPS_PROXY", "nonsense");
    let output = command.output().expect("the binary starts");
    let stderr = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(104), "{stderr}");
    assert!(
        stderr.contains("http_proxy: must be the URL of a proxy that is spoken to in the clear")
    );
    assert!(stderr.contains("`--proxy ''` none") && !stderr.contains("secret"), "{stderr}");
}

#[test]
fn connections_go_to_unix_sockets_where_flags_or_options_say_so() {
    let wasmload = wasmload();
    std::fs::create_dir(wasmload.folder().join("plans")).expect("the folder is ours");
    let listener = UnixListener::bind(wasmload.folder().join("plans/api.sock")).expect("a socket");
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let tell = tell.clone();
            std::thread::spawn(move || answer(stream, &tell));
        }
    });
    wasmload.write("plans/one.json", r#"{"hosts":{"api.test":"unix:api.sock"}}"#);
    wasmload.write("plans/all.toml", "unixSocket = 'api.sock'");
    for flags in [
        ["--unix-socket", "plans/api.sock"],
        ["--config", "plans/all.toml"],
        ["--config", "plans/one.json"],
    ] {
        // Nobody is asked for a proxy.
        run(&wasmload, "http://api.test", &flags, &[("http_proxy", NOBODY)], true);
        let lines: Vec<String> = told.try_iter().collect();
        assert_eq!(lines, ["GET / HTTP/1.1 host: api.test"; 12], "{flags:?}");
    }
}

#[test]
fn a_socket_that_is_not_there_is_told_before_the_run() {
    let wasmload = wasmload();
    wasmload.write("file", "no socket");
    wasmload.write("o.json", r#"{"hosts":{"a":"unix:file","b":"unix:/no/such.sock"}}"#);
    for (flags, told) in [
        (&["--unix-socket", "file"][..], &["unixSocket: `file`: is no socket"][..]),
        (
            &["-c", "o.json"],
            &["hosts: `file`: is no socket", "hosts: `/no/such.sock`: No such file or directory"],
        ),
    ] {
        let ran = wasmload.run(&[&["run", artifacts::GIVES_OPTIONS][..], flags].concat());
        assert_eq!(ran.code, Some(104), "{}", ran.redacted());
        for told in told {
            assert!(ran.stderr.contains(told), "{}", ran.stderr);
        }
    }
}

#[test]
fn another_place_is_connected_to_and_the_time_for_that_may_be_short() {
    let (wasmload, target) = (wasmload(), target());
    let port = target.url().rsplit(':').next().expect("a port").to_owned();
    let there = format!("a.invalid:80:localhost:{port}");
    let nowhere = "a.invalid:81:b.invalid:";
    let flags = ["--connect-to", nowhere, "--connect-to", &there, "--connect-timeout", "30s"];
    run(&wasmload, "http://a.invalid", &flags, &[], true);
    // What takes connections and then says nothing is not connected to by TLS.
    let deaf = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = deaf.local_addr().expect("it is bound");
    let late = "http_reqs{error:timed out while connecting}: count==12";
    let flags = ["--connect-timeout", "50ms", "--threshold", late];
    run(&wasmload, &format!("https://{address}"), &flags, &[], false);
}
