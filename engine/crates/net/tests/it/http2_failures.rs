//! HTTP/2 with peers that misbehave: every way by its name, and what it costs others.

use std::sync::Arc;

use net::{Body, Config, Error, Http2Code, RandomSource, Request};
use tokio::io::AsyncWriteExt;

use crate::http2_peer::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, OK, PING, PUSH_PROMISE,
    RST_STREAM, SETTINGS, WINDOW_UPDATE, client, client_with, frame, goaway, header, raw_peer,
    settings, writing,
};
use crate::peer::{error, exchange, get, post};

const PROTOCOL_ERROR: u32 = 1;
const FLOW_CONTROL_ERROR: u32 = 3;
const FRAME_SIZE_ERROR: u32 = 6;
const ENHANCE_YOUR_CALM: u32 = 11;

/// The head of a response on stream 1, which goes on.
fn head(headers: &[(&str, &str)]) -> Vec<u8> {
    let packed: Vec<_> = headers.iter().flat_map(|(name, value)| header(name, value)).collect();
    frame(HEADERS, END_HEADERS, 1, &[OK, &packed].concat())
}

fn data(flags: u8, payload: &[u8]) -> Vec<u8> {
    frame(DATA, flags, 1, payload)
}

#[tokio::test]
async fn what_is_no_response_has_a_name() {
    let no_head = "malformed response: its head is not one";
    let no_packing = "HTTP/2: it sends what may not come there";
    let packed = |flags, packed: &[&[u8]]| frame(HEADERS, flags, 1, &packed.concat());
    let status = |flags, code| frame(HEADERS, flags | END_HEADERS, 1, &header(":status", code));
    let (length, other) = (("content-length", "5"), ("content-length", "6"));
    let trailer = packed(END_HEADERS, &[&header("x-a", "1")]);
    for (what, bytes, told) in [
        (
            "a body too short",
            [head(&[length]), data(END_STREAM, b"abc")].concat(),
            "malformed response: its content-length is 5, but 3 bytes came",
        ),
        (
            "a body too long",
            [head(&[length]), data(0, b"abcdefg")].concat(),
            "malformed response: its content-length is 5, but 7 bytes came",
        ),
        ("a length that is none", head(&[("content-length", "five")]), no_head),
        ("two lengths", head(&[length, other]), no_head),
        (
            "a length too large",
            head(&[("content-length", "1000000000000000000")]),
            "larger than 67108864 bytes",
        ),
        ("no status", trailer.clone(), no_head),
        ("two statuses", packed(END_HEADERS, &[OK, OK]), no_head),
        ("a status behind", packed(END_HEADERS, &[&header("x-a", "1"), OK]), no_head),
        ("a status that is none", status(0, "OK"), no_packing),
        ("capitals", head(&[("X-A", "1")]), no_packing),
        ("a header of HTTP/1.1", head(&[("connection", "close")]), no_head),
        ("a line break", head(&[("x-a", "1\r\nx-b: 2")]), no_packing),
        (
            "trailers that go on",
            [head(&[]), data(0, b"a"), trailer].concat(),
            "malformed response: what follows its body are no trailers",
        ),
        ("another protocol", status(0, "101"), "it switches to a protocol"),
        ("no end of interim ones", status(0, "103").repeat(40), "more than 32 interim ones"),
        ("the end of interim ones", status(END_STREAM, "103"), no_head),
    ] {
        let url = writing(bytes).await;
        let exchange = exchange(&mut client(), get(&url)).await;
        let shown = error(&exchange).to_string();
        assert!(shown.contains(told), "{what}: {shown}");
        assert!(matches!(error(&exchange).code(), 1000 | 1650..1670), "{what}: {shown}");
    }
}

#[tokio::test]
async fn a_peer_that_breaks_the_rules_is_told_and_named() {
    let wish = |id, value| frame(SETTINGS, 0, 0, &settings(&[(id, value)]));
    let goodbye = |last| frame(GOAWAY, 0, 0, &goaway(last, 0));
    let push = [&[0, 0, 0, 2], OK].concat();
    let too_large = [&[0, 0x40, 1, DATA, 0, 0, 0, 0, 1][..], &[0; 20_000]].concat();
    let piece = frame(CONTINUATION, 0, 1, &header("a", ""));
    let protocol_errors = [
        ("a push", frame(PUSH_PROMISE, END_HEADERS, 1, &push)),
        ("a request", frame(HEADERS, END_HEADERS, 2, OK)),
        ("an answer to nothing", frame(HEADERS, END_HEADERS, 7, OK)),
        ("a body without a head", data(0, b"a")),
        ("a body on no stream", frame(DATA, 0, 0, b"a")),
        ("the rest of nothing", frame(CONTINUATION, END_HEADERS, 1, OK)),
        ("something between", [frame(HEADERS, 0, 1, OK), data(0, b"a")].concat()),
        ("a head that is none", frame(HEADERS, END_HEADERS, 1, &[0xff; 9])),
        ("an entry that is none", frame(HEADERS, END_HEADERS, 1, &[0x80])),
        ("more padding than there is", frame(DATA, 0x8, 1, &[9, 1])),
        ("a reset of nothing", frame(RST_STREAM, 0, 9, &[0; 4])),
        ("a reset of all", frame(RST_STREAM, 0, 0, &[0; 4])),
        ("settings cut short", frame(SETTINGS, 0, 0, &[0; 5])),
        ("settings of a stream", frame(SETTINGS, 0, 1, &[])),
        ("an agreement that says more", frame(SETTINGS, ACK, 0, &[0; 6])),
        ("a window too large", wish(0x4, 1 << 31)),
        ("frames too small", wish(0x5, 100)),
        ("frames too large", wish(0x5, 1 << 24)),
        ("pushes allowed twice", wish(0x2, 2)),
        ("a window of nothing", frame(WINDOW_UPDATE, 0, 0, &[0; 4])),
        ("a ping cut short", frame(PING, 0, 0, &[0; 4])),
        ("a goodbye that takes back", [goodbye(1), goodbye(3)].concat()),
    ];
    let others = [
        ("a frame too large", too_large, FRAME_SIZE_ERROR),
        (
            "a window that overflows",
            frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]),
            FLOW_CONTROL_ERROR,
        ),
        (
            "a head in too many pieces",
            [frame(HEADERS, 0, 1, OK), piece.repeat(100)].concat(),
            ENHANCE_YOUR_CALM,
        ),
        (
            "a body in empty pieces",
            [head(&[]), data(0, b"").repeat(2_000)].concat(),
            ENHANCE_YOUR_CALM,
        ),
    ];
    let protocol_errors = protocol_errors.map(|(what, bytes)| (what, bytes, PROTOCOL_ERROR));
    for (what, bytes, code) in protocol_errors.into_iter().chain(others) {
        let url = writing(bytes).await;
        let exchange = exchange(&mut client(), get(&url)).await;
        let Error::Http2(named, _) = error(&exchange) else {
            panic!("{what}: {}", error(&exchange));
        };
        assert_eq!(*named, Http2Code(code), "{what}");
        assert_eq!(error(&exchange).label(), "HTTP/2 failed");
        assert_eq!(u32::from(error(&exchange).code()), 1651 + code, "{what}");
        assert!(exchange.begun && exchange.received > 0);
    }
}

#[tokio::test]
async fn heads_that_are_too_large_are_refused_however_they_are_packed() {
    // By the kibibyte, and each of them once more in six bytes of a table.
    let long = header("x-long", &"x".repeat(1_000));
    let plain = |count: usize| {
        let packed = [OK, &long.repeat(count)].concat();
        let mut pieces = packed.chunks(16_000).peekable();
        let mut bytes = frame(HEADERS, 0, 1, pieces.next().unwrap_or_default());
        while let Some(piece) = pieces.next() {
            let last = if pieces.peek().is_none() { END_HEADERS } else { 0 };
            bytes.extend(frame(CONTINUATION, last, 1, piece));
        }
        bytes
    };
    let mut stored = vec![0x40];
    stored.extend_from_slice(&header("x-long", &"x".repeat(3_000))[1..]);
    // The newest entry of the table is its 62nd.
    let bomb = |count| frame(HEADERS, END_HEADERS, 1, &[OK, &stored, &vec![0xbe; count]].concat());
    for (what, bytes, told) in [
        ("as large as may be", plain(100), None),
        ("larger", plain(200), Some("malformed response: its headers are larger than 128 KiB")),
        ("much larger", plain(600), Some("its headers are larger than 512 KiB")),
        ("without end", plain(6_000), Some("ENHANCE_YOUR_CALM")),
        (
            "a small bomb",
            bomb(100),
            Some("malformed response: its headers are larger than 128 KiB"),
        ),
        ("a bomb", bomb(10_000), Some("its headers are much too large (ENHANCE_YOUR_CALM)")),
    ] {
        let bytes = match told {
            None => [bytes, data(END_STREAM, b"")].concat(),
            Some(_) => bytes,
        };
        let url = writing(bytes).await;
        let exchange = exchange(&mut client(), get(&url)).await;
        match told {
            None => drop(exchange.result.expect(what)),
            Some(told) => {
                let shown = error(&exchange).to_string();
                assert!(shown.contains(told), "{what}: {shown}");
            }
        }
    }
}

#[tokio::test]
async fn more_than_was_allowed_is_an_error_and_not_memory() {
    // Nobody reads, so no more than a window is allowed.
    let url = writing([head(&[]), data(0, &[b'x'; 16_000]).repeat(400)].concat()).await;
    let download = net::Download::default();
    let body_policy = net::BodyPolicy::Stream(download.clone());
    let exchange = exchange(&mut client(), Request { body_policy, ..get(&url) }).await;
    let expected = Http2Code(FLOW_CONTROL_ERROR);
    assert!(matches!(error(&exchange), Error::Http2(code, _) if *code == expected));
    let mut waited = 0;
    while let net::Next::Chunk(chunk) = download.take() {
        waited += chunk.bytes.len();
    }
    assert!(waited <= 4 << 20, "{waited} bytes");
}

#[tokio::test]
async fn a_body_may_be_as_large_as_is_kept_and_a_larger_one_harms_nobody_else() {
    for announced in [true, false] {
        let url = raw_peer(move |_, mut raw| async move {
            let stream = raw.request().await;
            let length = if announced { header("content-length", "100000") } else { vec![] };
            raw.send(HEADERS, END_HEADERS, stream, &[OK, &length].concat()).await;
            for _ in 0..10 {
                raw.send(DATA, 0, stream, &[b'x'; 10_000]).await;
            }
            let reset = raw.next(RST_STREAM).await.expect("it is given up");
            assert_eq!(reset.stream, stream);
            let stream = raw.request().await;
            raw.answer(stream).await;
            raw.until_closed().await;
        })
        .await;
        let mut client = client_with(Config { body_limit: 50_000, ..Config::default() });
        let large = exchange(&mut client, get(&url)).await;
        assert_eq!(error(&large), &Error::BodyTooLarge(50_000));
        let next = exchange(&mut client, get(&url)).await;
        assert!(next.reused && next.result.is_ok());
    }
}

#[tokio::test]
async fn a_response_may_come_in_pieces_of_any_size() {
    let whole = [
        frame(PING, 0, 0, &[7; 8]),
        head(&[("x-a", "1")]),
        data(0, b"hel"),
        frame(0xee, 0xff, 1, b"of a kind that nobody knows"),
        data(0x8, &[2, b'l', b'o', 0, 0]),
        frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 9]),
        data(END_STREAM, b""),
    ]
    .concat();
    for step in [1, 7, 1_000] {
        let whole = whole.clone();
        let url = raw_peer(move |_, mut raw| {
            let whole = whole.clone();
            async move {
                raw.0.set_nodelay(true).expect("it is a socket");
                raw.request().await;
                for piece in whole.chunks(step) {
                    raw.0.write_all(piece).await.expect("the client listens");
                    tokio::task::yield_now().await;
                }
                let pong = raw.next(PING).await.expect("it is answered");
                assert_eq!((pong.flags, pong.payload), (ACK, vec![7; 8]));
                raw.until_closed().await;
            }
        })
        .await;
        let response = exchange(&mut client(), get(&url)).await.result.expect("a response");
        assert_eq!(response.body, b"hello");
    }
}

#[tokio::test]
async fn endless_noise_ends_when_time_is_up() {
    for noise in [frame(PING, 0, 0, &[0; 8]), frame(SETTINGS, 0, 0, &[]), frame(0x2, 0, 1, &[0; 5])]
    {
        let url = raw_peer(move |_, mut raw| {
            let noise = noise.repeat(100);
            async move {
                raw.request().await;
                while raw.0.write_all(&noise).await.is_ok() {}
            }
        })
        .await;
        let timeout = Some(std::time::Duration::from_millis(200));
        let exchange = exchange(&mut client(), Request { timeout, ..get(&url) }).await;
        assert_eq!(error(&exchange), &Error::TimedOut);
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_had_fails_its_exchange_and_no_other() {
    #[derive(Debug)]
    struct Broken;
    impl net::Source for Broken {
        fn length(&self) -> u64 {
            10
        }
        fn read_at(&self, _offset: u64, _room: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }
    let url = raw_peer(|_, mut raw| async move {
        loop {
            let Some(request) = raw.next(HEADERS).await else { return };
            if request.flags & END_STREAM != 0 {
                raw.answer(request.stream).await;
            }
        }
    })
    .await;
    let mut client = client();
    let broken = Request { body: Body::Made(Arc::new(Broken)), ..post(&url, "") };
    let failed = exchange(&mut client, broken).await;
    assert_eq!(error(&failed), &Error::Other("the disk is gone".to_owned()));
    assert!(exchange(&mut client, get(&url)).await.result.is_ok());
    let whole = Body::Made(Arc::new(RandomSource { length: 0, seed: 0 }));
    assert!(exchange(&mut client, Request { body: whole, ..post(&url, "") }).await.result.is_ok());
}
