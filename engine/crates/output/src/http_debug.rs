//! Exchanges as text for people who look for what goes wrong: `--http-debug`.
//!
//! Whose exchanges are shown is decided elsewhere.

use std::fmt::Write as _;

use crate::exchanged::{Exchanged, Message};

/// What is shown of a body.
const SHOWN: usize = 16 << 10;

/// An exchange in lines, without its secrets: the heads of both messages, and with `full` their bodies, as far as they are
/// text.
#[must_use]
pub fn text(exchanged: Exchanged, full: bool) -> String {
    let Exchanged { vu, url, method, proto, request, outcome, phases, wire, remote, .. } =
        exchanged.without_secrets();
    let whose = if vu == 0 { "once a run".to_owned() } else { format!("VU {vu}") };
    let mut text = format!("{whose}: {method} {url}");
    if let Some(remote) = remote {
        let _ = write!(text, " ({remote})");
    }
    text.push('\n');
    message(&mut text, '>', &format!("{method} {} {proto}", path(&url)), &request, full);
    match outcome {
        Ok(answer) => {
            let line = format!("{proto} {}", answer.status);
            message(&mut text, '<', &line, &answer.message, full);
        }
        Err(why) => {
            let _ = writeln!(text, "! {why}");
        }
    }
    let ms = |length: std::time::Duration| length.as_secs_f64() * 1e3;
    let _ = write!(
        text,
        "= {:.2} ms: blocked {:.2}, lookup {:.2}, connect {:.2}, TLS {:.2}, send {:.2}, wait {:.2}, receive {:.2}; \
         {} bytes sent, {} received",
        ms(phases.total()),
        ms(phases.blocked),
        ms(phases.looking_up),
        ms(phases.connecting),
        ms(phases.tls_handshaking),
        ms(phases.sending),
        ms(phases.waiting),
        ms(phases.receiving),
        wire.0,
        wire.1,
    );
    text
}

/// The path and the query of a URL.
fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find(['/', '?']).map_or("/", |at| &rest[at..])
}

fn message(text: &mut String, mark: char, line: &str, message: &Message, full: bool) {
    let _ = writeln!(text, "{mark} {line}");
    for (name, value) in &message.headers {
        let _ = writeln!(text, "{mark} {name}: {value}");
    }
    if !full || message.length == 0 {
        return;
    }
    let _ = writeln!(text, "{mark}");
    let known = &message.body[..message.body.len().min(SHOWN)];
    // A character that is cut is no reason to show nothing.
    let known = match str::from_utf8(known) {
        Err(error) if error.error_len().is_none() => &known[..error.valid_up_to()],
        _ => known,
    };
    match str::from_utf8(known) {
        Ok(body) if !body.is_empty() => {
            for line in body.lines() {
                let _ = writeln!(text, "{mark} {line}");
            }
            let more = message.length.saturating_sub(known.len() as u64);
            if more > 0 && message.body.len() > SHOWN {
                let _ = writeln!(text, "{mark} … {more} bytes more");
            }
        }
        _ => {
            let _ = writeln!(text, "{mark} {} bytes", message.length);
        }
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::secrets::tests::login;

    #[test]
    fn an_exchange_reads_from_top_to_bottom() {
        assert_snapshot!(text(login(), true));
    }

    #[test]
    fn without_bodies_there_are_heads_only_and_a_failure_says_why() {
        let failed = Exchanged { outcome: Err("connection refused".to_owned()), ..login() };
        let shown = text(failed, false);
        assert!(shown.contains("\n! connection refused\n= 37.00 ms: "), "{shown}");
        assert!(!shown.contains("ada"), "{shown}");
    }

    #[test]
    fn what_is_no_text_is_told_by_its_length() {
        let mut odd = login();
        odd.request.headers.clear();
        odd.request.body = vec![0xff, 0xfe];
        odd.request.length = 2;
        assert!(text(odd, true).contains("> 2 bytes\n"));
    }
}
