//! Reaches by WASI for what `FOR` names, which is not its own.

use wasmload_sdk::prelude::*;

script!(iterate);

fn iterate() -> Result {
    let what = context::env("FOR").ok_or("for what?")?;
    let got = reach(&what)?;
    if got.is_empty() { Ok(()) } else { Err(format!("got {got}").into()) }
}

fn reach(what: &str) -> Result<String> {
    use std::io::Read as _;

    Ok(match what {
        "a file" => std::fs::read_to_string("/etc/hostname").unwrap_or_default(),
        "a folder" => match std::fs::read_dir(".") {
            Ok(entries) => format!("{} entries", entries.count()),
            Err(_) => String::new(),
        },
        "a new file" => match std::fs::write("/tmp/wasmload-was-here", "x") {
            Ok(()) => "a file".to_owned(),
            Err(_) => String::new(),
        },
        "the environment" => std::env::vars().map(|(name, _)| name).collect(),
        "the arguments" => std::env::args().collect(),
        "standard input" => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text)?;
            text
        }
        "a socket" => match std::net::TcpStream::connect(("127.0.0.1", port())) {
            Ok(_) => "a connection".to_owned(),
            Err(_) => String::new(),
        },
        "a listener" => match std::net::TcpListener::bind("127.0.0.1:0") {
            Ok(_) => "a listener".to_owned(),
            Err(_) => String::new(),
        },
        "a datagram" => match std::net::UdpSocket::bind("127.0.0.1:0") {
            Ok(_) => "a socket".to_owned(),
            Err(_) => String::new(),
        },
        "a name" => match std::net::ToSocketAddrs::to_socket_addrs("localhost:80") {
            Ok(addresses) => format!("{} addresses", addresses.count()),
            Err(_) => String::new(),
        },
        #[cfg(target_os = "wasi")]
        "randomness" => {
            format!("{} bytes", wasip2::random::random::get_random_bytes(1 << 40).len())
        }
        #[cfg(target_os = "wasi")]
        "a poll" => {
            let one = wasip2::clocks::monotonic_clock::subscribe_duration(0);
            let list: Vec<_> = (0..8 << 20).map(|_| &one).collect();
            let ready = wasip2::io::poll::poll(&list).len();
            if ready == list.len() { String::new() } else { format!("{ready} of them") }
        }
        other => format!("no way to {other}"),
    })
}

/// The port of the target, which is there.
fn port() -> u16 {
    let port = context::env("BASE_URL").and_then(|url| url.rsplit(':').next()?.parse().ok());
    port.unwrap_or(80)
}
