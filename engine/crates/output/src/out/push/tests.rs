use super::*;
use crate::out::endpoint::{Access, Service};
use crate::out::receiver::Answer::{Closes, Hangs, Says};
use crate::out::receiver::{Answer, Receiver};

const SERVICE: Service = Service {
    variable: "TEST",
    others: None,
    scheme: "Bearer",
    complete: |rest| Ok(format!("{rest}/push")),
};

const MANNER: Manner = Manner {
    headers: &[("content-type", "text/x-test")],
    question: Vec::new,
    packing: Packing::Snappy,
    next: next_message,
    objection: |said| (said == b"but").then(|| "it minds".to_owned()),
    advice: |status| (status == StatusCode::UNAUTHORIZED).then_some("say who you are"),
};

fn connect(url: &str) -> io::Result<Push> {
    Push::connect(Endpoint::new(&SERVICE, url, &Access::default())?, &MANNER)
}

fn write(push: &mut Push, texts: &[&str]) {
    for text in texts {
        let mut message = Vec::new();
        prost::encode_length_delimiter(text.len(), &mut message).unwrap();
        message.extend_from_slice(text.as_bytes());
        push.write_all(&message).unwrap();
    }
    push.flush().unwrap();
}

fn body(body: &[u8]) -> String {
    let unpacked = snap::raw::Decoder::new().decompress_vec(body).unwrap();
    String::from_utf8(unpacked).unwrap()
}

#[test]
fn a_server_hears_one_request_that_says_nothing_and_then_each_message() {
    let server = Receiver::start(&[Says(204, "")]);
    let mut push = connect(&server.url.replace("http://", "http://ada:pw@")).unwrap();
    let long = "x".repeat(300);
    write(&mut push, &["one", &long]);
    write(&mut push, &["three"]);
    push.end().unwrap();
    for expected in ["", "one", &long, "three"] {
        let request = server.next();
        assert_eq!(body(&request.body), expected);
        assert_eq!(request.line, "POST /push HTTP/1.1");
        assert_eq!(request.header("content-encoding"), Some("snappy"));
        assert_eq!(request.header("content-type"), Some("text/x-test"));
        assert_eq!(request.header("authorization"), Some("Basic YWRhOnB3"));
        assert!(request.header("user-agent").unwrap().starts_with("wasmload/"));
    }
}

#[test]
fn a_server_that_refuses_is_told_of_before_the_run_with_what_to_do() {
    for (answers, expected) in [
        (&[Says(401, "no\nmore")][..], Err("it answers 401 Unauthorized: no; say who you are")),
        (&[Says(404, "")], Err("it answers 404 Not Found")),
        (&[Says(301, "")], Err("it answers 301 Moved Permanently")),
        (&[Says(503, "\u{1b}[31mbusy")], Err("it answers 503 Service Unavailable: [31mbusy")),
        (&[Says(200, "but")], Err("it minds")),
        // What was asked had nothing in it.
        (&[Says(400, "no points")], Ok(())),
        (&[Says(200, "")], Ok(())),
    ] {
        let server = Receiver::start(answers);
        let found = connect(&server.url).map(drop).map_err(|error| error.to_string());
        assert_eq!(found, expected.map_err(str::to_owned), "{answers:?}");
    }
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = connect(&format!("http://{nobody}")).map(drop).unwrap_err().to_string();
    assert!(error.contains("Connection refused"), "{error}");
}

#[test]
fn a_server_that_hangs_is_waited_for_no_longer_than_a_moment() {
    let server = Receiver::start(&[Hangs]);
    let error = connect(&server.url).map(drop).unwrap_err().to_string();
    assert_eq!(error, "it did not answer in 5 s");
}

/// What each message that is pushed comes to, and how often the server hears it.
#[test]
fn what_passes_is_tried_again_and_what_does_not_is_counted_once() {
    const YES: Answer = Says(200, "");
    for (answers, messages, heard, expected) in [
        (&[YES, Says(503, ""), YES][..], 1, 2, None),
        (&[YES, Closes, YES], 1, 2, None),
        (&[YES, Says(429, ""), Says(503, "x"), YES], 2, 4, None),
        (
            &[YES, Says(401, "")],
            2,
            2,
            Some("2 of 2 pushes are lost: it answers 401 Unauthorized; say who you are"),
        ),
        (
            &[YES, Says(400, "old"), YES],
            3,
            3,
            Some("1 of 3 pushes are lost: it answers 400 Bad Request: old"),
        ),
        (&[YES, Says(200, "but"), YES], 2, 2, Some("1 of 2 pushes are lost: it minds")),
        // Whoever is down is not asked three times each.
        (
            &[YES, Says(500, "")],
            3,
            5,
            Some("3 of 3 pushes are lost: it answers 500 Internal Server Error"),
        ),
    ] {
        let server = Receiver::start(answers);
        let mut push = connect(&server.url).unwrap();
        write(&mut push, &vec!["x"; messages]);
        let said = push.end().err().map(|error| error.to_string());
        assert_eq!(said.as_deref(), expected, "{answers:?}");
        assert_eq!(server.rest().len(), 1 + heard, "{answers:?}");
    }
}

#[test]
fn a_message_that_says_it_is_longer_than_it_is_ends_with_what_there_is() {
    assert_eq!(next_message(&[3, 1, 2, 3, 1, 9]), (4, &[1, 2, 3][..]));
    assert_eq!(next_message(&[9, 1, 2]), (3, &[1, 2][..]));
    assert_eq!(next_message(&[0x80]).0, 1);
}
