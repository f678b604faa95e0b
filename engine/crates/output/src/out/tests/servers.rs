//! What servers hear, whatever their kind, and what is said of those that do not listen.

use super::*;
use crate::out::receiver::{Answer, Receiver, Request};

#[test]
fn secrets_are_in_nothing_that_a_server_hears() {
    for kind in KINDS.iter().filter(|kind| matches!(kind.make, Make::Server { .. })) {
        let server = Receiver::start(&[Answer::Says(200, "")]);
        let out = out(&format!("{}={}/x?db=y&org=z&bucket=b", kind.name, server.url)).unwrap();
        let mut output = out.create(Redactor::new(["sweet", "basket"])).unwrap();
        push_seconds(&mut output);
        output.finish().unwrap();
        let heard: Vec<String> = server.rest().iter().map(Request::text).collect();
        let heard = heard.join("\n");
        assert!(
            heard.contains("http_reqs") && heard.contains("redacted"),
            "{}: {heard}",
            kind.name
        );
        assert!(!heard.contains("sweet") && !heard.contains("basket"), "{}: {heard}", kind.name);
    }
}

#[test]
fn a_server_that_hangs_during_the_run_keeps_no_file_from_being_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.json");
    let server = Receiver::start(&[Answer::Says(200, ""), Answer::Hangs]);
    let dead = Receiver::start(&[Answer::Says(200, ""), Answer::Closes]);
    let mut outputs = crate::Outputs::new();
    let file = format!("json={}", path.display());
    for target in [format!("prometheus={}", server.url), format!("prometheus={}", dead.url), file] {
        outputs.push(out(&target).unwrap().create(Redactor::default()).unwrap());
    }
    let mut say = |kind| outputs.on_event(&Event { elapsed: Duration::ZERO, kind });
    say(EventKind::RunStarted { plan: plan("{}"), workers: 1 });
    for _ in 0..20 {
        for collected in seconds() {
            let time = Duration::ZERO..Duration::from_secs(1);
            say(EventKind::Measured(Box::new(Measured { time, collected })));
        }
    }
    let errors = outputs.finish();
    let said: Vec<_> = errors.iter().map(|it| format!("{it}: {}", it.source)).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    // What hangs says what it lost nevertheless, and how much of it has waited for nothing.
    for part in [
        " pushes are lost: it did not answer in 5 s; ",
        " seconds of the run are not written, because it takes nothing more",
    ] {
        assert!(said[0].contains(part), "{part}: {said:?}");
    }
    assert!(said[1].contains(" pushes are lost: "), "{said:?}");
    let points = lines(&fs::read(&path).unwrap());
    let is_vus = |it: &&Value| it["type"] == "Point" && it["metric"] == "vus";
    assert_eq!(points.iter().filter(is_vus).count(), 20);
}

#[test]
fn a_statsd_server_hears_each_second() {
    let server = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let mut output =
        out(&format!("statsd={address}")).unwrap().create(Redactor::default()).unwrap();
    assert!(!output.wants_series());
    let mut say = |kind| output.on_event(&Event { elapsed: Duration::ZERO, kind });
    say(EventKind::RunStarted { plan: plan("{}"), workers: 1 });
    for collected in seconds() {
        let time = Duration::ZERO..Duration::from_secs(1);
        say(EventKind::Measured(Box::new(Measured { time, collected })));
    }
    let mut room = [0; 2_000];
    let mut heard = || {
        let length = server.recv(&mut room).unwrap();
        String::from_utf8(room[..length].to_vec()).unwrap()
    };
    assert_eq!(
        heard(),
        "wasmload.http_reqs:2|c\nwasmload.http_req_duration:10|ms\nwasmload.http_req_duration:80|ms\n\
         wasmload.checks.passes:2|c\nwasmload.checks.fails:1|c\nwasmload.vus:3|g\n"
    );
    assert_eq!(heard(), "wasmload.http_req_duration:7|ms\nwasmload.basket:4.5|ms\n");
    output.finish().unwrap();
}

#[test]
fn a_statsd_server_that_is_not_there_is_said_to_be_and_nothing_else_is_lost() {
    let address = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut output =
        out(&format!("statsd={address}")).unwrap().create(Redactor::default()).unwrap();
    let mut say = |kind| output.on_event(&Event { elapsed: Duration::ZERO, kind });
    // That nobody listened is known when the next one is sent.
    for _ in 0..10 {
        for collected in seconds() {
            let time = Duration::ZERO..Duration::from_secs(1);
            say(EventKind::Measured(Box::new(Measured { time, collected })));
        }
    }
    let error = output.finish().unwrap_err();
    assert_eq!(error.to_string(), format!("write `{address}`"));
    assert!(error.source.to_string().contains("datagrams were refused"), "{}", error.source);
}
