//! The cases of the Autobahn test suite, and what must come of each.
//!
//! Each row has the number that the suite gives it and says the same frames to a client that sends every message
//! back. Cases of the same number that differ only in where the bytes are cut (2.6, 2.11, 5.4, 5.5 and so on) are
//! not rows: each row is said in one piece and byte by byte. The suite itself runs as `tests/autobahn` says.
//!
//! Left out are those that measure times (9.7, 9.8) and those that repeat what another does with more bytes.

use std::sync::Arc;

use net::Config;
use net::websocket::{End, Socket};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::mpsc;

use super::peer::{agreement_with, frame, handshake, packed, read_frame_or_reset, until};
use super::utf8::UTF_8;
use crate::peer::{head, peer};

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8A;

/// A frame's first byte and its payload.
type Frame = (u8, Vec<u8>);

/// What must come of a case.
#[derive(Clone, Debug)]
enum Outcome {
    /// These frames are heard, and when the peer closes then, the client agrees.
    Heard(Vec<Frame>),
    /// The peer has closed, and the client agrees with this.
    Closed(Vec<u8>),
    /// The client tells this code and leaves. Of what it might have said before it has said the beginning.
    Failed(u16, Vec<Frame>),
}

use Outcome::{Closed, Failed, Heard};

struct Case {
    number: String,
    says: Vec<u8>,
    outcome: Outcome,
}

fn case(number: &str, frames: &[(u8, &[u8])], outcome: Outcome) -> Case {
    let says = frames.iter().flat_map(|(first, payload)| frame(*first, payload)).collect();
    Case { number: number.to_owned(), says, outcome }
}

/// A case in which what is said is heard again.
fn echo(number: &str, first: u8, payload: &[u8]) -> Case {
    case(number, &[(first, payload)], heard(&[(first, payload)]))
}

fn heard(frames: &[(u8, &[u8])]) -> Outcome {
    Heard(owned(frames))
}

fn owned(frames: &[(u8, &[u8])]) -> Vec<Frame> {
    frames.iter().map(|(first, payload)| (*first, payload.to_vec())).collect()
}

/// Says what a case says, and hears what comes of it.
async fn serve(mut stream: TcpStream, says: Vec<u8>, piece: usize, awaited: usize) -> Vec<Frame> {
    stream.set_nodelay(true).expect("it is a socket");
    let request = head(&mut stream).await.expect("a request");
    let packs = request.contains("permessage-deflate");
    let extension = ["sec-websocket-extensions: permessage-deflate; server_no_context_takeover"];
    let answer = agreement_with(&request, if packs { &extension } else { &[] });
    stream.write_all(answer.as_bytes()).await.expect("the client listens");
    let (mut reading, mut writing) = stream.into_split();
    let (all_said, mut said) = mpsc::unbounded_channel::<OwnedWriteHalf>();
    let say = async {
        for piece in says.chunks(piece) {
            // A client that has left does not hear the rest.
            if writing.write_all(piece).await.is_err() {
                break;
            }
        }
        all_said.send(writing).expect("it is awaited");
    };
    let hear = async {
        let mut heard = Vec::new();
        // Kept until then.
        let mut closed = None;
        loop {
            if heard.len() == awaited && closed.is_none() {
                let mut writing = said.recv().await.expect("it is sent");
                writing.write_all(&frame(CLOSE, b"\x03\xe8")).await.expect("the client listens");
                closed = Some(writing);
            }
            match read_frame_or_reset(&mut reading).await {
                Some((first, payload)) if first & 0x40 != 0 => {
                    heard.push((first & !0x40, unpacked(&payload)));
                }
                Some(frame) => heard.push(frame),
                None => return heard,
            }
            // After it the peer is the one to hang up.
            if heard.last().is_some_and(|(first, _)| *first == CLOSE) {
                return heard;
            }
        }
    };
    tokio::join!(say, hear).1
}

fn unpacked(packed: &[u8]) -> Vec<u8> {
    let whole = [packed, b"\0\0\xff\xff"].concat();
    let mut message = Vec::with_capacity(1 << 20);
    let mut decompress = flate2::Decompress::new(false);
    let read = decompress.decompress_vec(&whole, &mut message, flate2::FlushDecompress::Sync);
    read.expect("it is packed");
    message
}

/// Runs a case with a client that sends every message back, and holds what comes of it against what must.
async fn check(case: &Case, piece: usize, deflate: bool) {
    let Case { number, says, outcome } = case;
    let awaited = match outcome {
        Heard(frames) => frames.len(),
        Closed(_) | Failed(..) => usize::MAX,
    };
    let (told, mut listener) = mpsc::unbounded_channel();
    let says = says.clone();
    let url = peer(move |_, stream| {
        let (says, told) = (says.clone(), told.clone());
        async move {
            told.send(serve(stream, says, piece, awaited).await).expect("the test listens");
        }
    })
    .await;
    let asked = if deflate { packed(&url) } else { handshake(&url) };
    let mut socket = Socket::new(Arc::new(Config::default()), 1, asked);
    loop {
        until(&mut socket, |socket, _| socket.has_message() || socket.end().is_some()).await;
        match socket.receive() {
            Some(received) => drop(socket.send(&received.message)),
            None => break,
        }
    }
    let mut heard = listener.recv().await.expect("what was heard");
    let last = heard.pop();
    let end = socket.end().cloned().expect("it has ended");
    let context =
        format!("{number} in pieces of {piece}: {last:?} after {} frames, {end:?}", heard.len());
    match outcome {
        Heard(frames) => {
            assert!(heard == *frames, "{context}");
            assert_eq!(last, Some((CLOSE, b"\x03\xe8".to_vec())), "{context}");
            assert!(matches!(end, End::Closed(_)), "{context}");
        }
        Closed(reply) => {
            assert!(heard.is_empty(), "{context}");
            assert_eq!(last, Some((CLOSE, reply.clone())), "{context}");
            assert!(matches!(end, End::Closed(_)), "{context}");
        }
        Failed(code, may) => {
            assert!(may.starts_with(&heard), "{context}");
            assert_eq!(last, Some((CLOSE, code.to_be_bytes().to_vec())), "{context}");
            assert!(matches!(end, End::Failed(_)), "{context}");
        }
    }
}

/// Runs cases in one piece, and those that are short byte by byte.
async fn check_all(cases: impl IntoIterator<Item = Case>) {
    for case in cases {
        check(&case, case.says.len().max(1), false).await;
        if case.says.len() < 2_000 {
            check(&case, 1, false).await;
        }
    }
}

#[tokio::test]
async fn messages_of_every_form_of_length_are_understood() {
    let lengths = [0, 125, 126, 127, 128, 65_535, 65_536];
    for (turn, length) in lengths.into_iter().enumerate() {
        let turn = turn + 1;
        check_all([
            echo(&format!("1.1.{turn}"), TEXT, &vec![b'*'; length]),
            echo(&format!("1.2.{turn}"), BINARY, &vec![0xFE; length]),
        ])
        .await;
    }
}

#[tokio::test]
async fn pings_are_answered_and_pongs_are_not() {
    let binary = b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff";
    let many: Vec<Vec<u8>> = (0..10).map(|turn| format!("payload-{turn}").into_bytes()).collect();
    let as_frames = |first| many.iter().map(|one| (first, &one[..])).collect::<Vec<_>>();
    check_all([
        case("2.1", &[(PING, b"")], heard(&[(PONG, b"")])),
        case("2.2", &[(PING, b"Hello, world!")], heard(&[(PONG, b"Hello, world!")])),
        case("2.3", &[(PING, binary)], heard(&[(PONG, binary)])),
        case("2.4", &[(PING, &[0xFE; 125])], heard(&[(PONG, &[0xFE; 125])])),
        case("2.5", &[(PING, &[0xFE; 126])], Failed(1002, vec![])),
        case("2.7", &[(PONG, b"")], heard(&[])),
        case("2.8", &[(PONG, b"unsolicited")], heard(&[])),
        case("2.9", &[(PONG, b"unsolicited"), (PING, b"ping")], heard(&[(PONG, b"ping")])),
        case("2.10", &as_frames(PING), heard(&as_frames(PONG))),
    ])
    .await;
}

#[tokio::test]
async fn bits_and_opcodes_that_mean_nothing_fail_the_session() {
    let hello = &b"Hello, world!"[..];
    let after = |number, first, payload| {
        let frames = [(TEXT, hello), (first, payload), (PING, b"")];
        case(number, &frames, Failed(1002, owned(&[(TEXT, hello)])))
    };
    let alone = |number, first, payload| case(number, &[(first, payload)], Failed(1002, vec![]));
    check_all([
        alone("3.1", 0x80 | 1 << 4 | 1, hello),
        after("3.2", 0x80 | 2 << 4 | 1, hello),
        after("3.3", 0x80 | 3 << 4 | 1, hello),
        after("3.4", 0x80 | 4 << 4 | 1, hello),
        alone("3.5", 0x80 | 5 << 4 | 2, b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"),
        alone("3.6", 0x80 | 6 << 4 | 9, hello),
        alone("3.7", 0x80 | 7 << 4 | 8, b""),
        alone("4.1.1", 0x83, b""),
        alone("4.1.2", 0x84, b"reserved opcode payload"),
        after("4.1.3", 0x85, b""),
        after("4.1.4", 0x86, hello),
        after("4.1.5", 0x87, hello),
        alone("4.2.1", 0x8B, b""),
        alone("4.2.2", 0x8C, b"reserved opcode payload"),
        after("4.2.3", 0x8D, b""),
        after("4.2.4", 0x8E, hello),
        after("4.2.5", 0x8F, hello),
    ])
    .await;
}

#[tokio::test]
async fn fragments_make_a_message_in_their_order_only() {
    let (one, two, three, four) = (b"fragment1", b"fragment2", b"fragment3", b"fragment4");
    let both = b"fragment1fragment2";
    let ping = |payload| (PING, payload);
    let none_to_continue = |number, first| {
        let frames: [(u8, &[u8]); 2] = [(first, b"non-continuation payload"), (TEXT, b"Hello")];
        case(number, &frames, Failed(1002, vec![]))
    };
    check_all([
        case("5.1", &[(0x09, one), (0x80, two)], Failed(1002, vec![])),
        case("5.2", &[(0x0A, one), (0x80, two)], Failed(1002, vec![])),
        case("5.3", &[(0x01, one), (0x80, two)], heard(&[(TEXT, both)])),
        case(
            "5.6",
            &[(0x01, one), ping(&b"ping payload"[..]), (0x80, two)],
            heard(&[(PONG, b"ping payload"), (TEXT, both)]),
        ),
        none_to_continue("5.9", 0x80),
        none_to_continue("5.12", 0x00),
        case(
            "5.15",
            &[(0x01, one), (0x80, two), (0x00, three), (TEXT, four)],
            Failed(1002, owned(&[(TEXT, both)])),
        ),
        case(
            "5.16",
            &[(0x00, one), (0x01, two), (0x80, three), (0x00, one), (0x01, two), (0x80, three)],
            Failed(1002, vec![]),
        ),
        case(
            "5.17",
            &[(0x80, one), (0x01, two), (0x80, three), (0x80, one), (0x01, two), (0x80, three)],
            Failed(1002, vec![]),
        ),
        case("5.18", &[(0x01, one), (TEXT, two)], Failed(1002, vec![])),
        case(
            "5.19",
            &[
                (0x01, one),
                (0x00, two),
                ping(&b"pongme 1!"[..]),
                (0x00, three),
                (0x00, four),
                ping(&b"pongme 2!"[..]),
                (0x80, b"fragment5"),
            ],
            heard(&[
                (PONG, b"pongme 1!"),
                (PONG, b"pongme 2!"),
                (TEXT, b"fragment1fragment2fragment3fragment4fragment5"),
            ]),
        ),
    ])
    .await;
}

#[tokio::test]
async fn text_is_utf_8_however_it_is_cut() {
    let hello = "Hello-µ@ßöäüàá-UTF-8!!".as_bytes();
    let kosme = "κόσμε".as_bytes();
    let broken = [kosme, b"\xed\xa0\x80edited"].concat();
    let bytewise = |number, text: &[u8], outcome| {
        let mut frames: Vec<(u8, &[u8])> = text.chunks(1).map(|byte| (0x00, byte)).collect();
        frames[0].0 = 0x01;
        frames.push((0x80, b""));
        case(number, &frames, outcome)
    };
    check_all([
        echo("6.1.1", TEXT, b""),
        case("6.1.2", &[(0x01, b""), (0x00, b""), (0x80, b"")], heard(&[(TEXT, b"")])),
        case(
            "6.1.3",
            &[(0x01, b""), (0x00, b"middle frame payload"), (0x80, b"")],
            heard(&[(TEXT, b"middle frame payload")]),
        ),
        echo("6.2.1", TEXT, hello),
        case("6.2.2", &[(0x01, &hello[..12]), (0x80, &hello[12..])], heard(&[(TEXT, hello)])),
        bytewise("6.2.3", hello, heard(&[(TEXT, hello)])),
        bytewise("6.2.4", kosme, heard(&[(TEXT, kosme)])),
        case("6.3.1", &[(TEXT, &broken)], Failed(1007, vec![])),
        bytewise("6.3.2", &broken, Failed(1007, vec![])),
    ])
    .await;
    for (category, sequences) in UTF_8 {
        for (turn, sequence) in sequences.split(' ').enumerate() {
            let number = format!("6.{category}.{}", turn + 1);
            let digits = sequence.trim_start_matches('!');
            let byte = |place| u8::from_str_radix(&digits[place..place + 2], 16);
            let bytes: Result<Vec<u8>, _> = (0..digits.len()).step_by(2).map(byte).collect();
            let bytes = bytes.expect("it is hexadecimal");
            let row = match digits == sequence {
                true => echo(&number, TEXT, &bytes),
                false => case(&number, &[(TEXT, &bytes)], Failed(1007, vec![])),
            };
            check_all([row]).await;
        }
    }
}

#[tokio::test]
async fn text_that_goes_wrong_is_not_awaited_to_its_end() {
    let kosme = "κόσμε".as_bytes();
    let whole = [kosme, b"\xf4\x90\x80\x80", b"edited"].concat();
    // Of a message that goes on; a client that waited for the rest would wait forever.
    let begun = |number, frames: &[(u8, &[u8])], missing: usize| {
        let mut case = case(number, frames, Failed(1007, vec![]));
        case.says.truncate(case.says.len() - missing);
        case
    };
    check_all([
        begun("6.4.1", &[(0x01, kosme), (0x00, b"\xf4\x90\x80\x80")], 0),
        begun("6.4.2", &[(0x01, &whole[..12]), (0x00, b"\x90")], 0),
        begun("6.4.3", &[(TEXT, &whole)], 6),
        begun("6.4.4", &[(TEXT, &whole)], 8),
    ])
    .await;
}

#[tokio::test]
async fn a_close_is_answered_and_nothing_comes_after_it() {
    let normal = &b"\x03\xe8"[..];
    let closed = || Closed(normal.to_vec());
    let long = vec![b'*'; 256 << 10];
    let reason = [normal, &[b'*'; 123]].concat();
    let too_long = [normal, &[b'*'; 124]].concat();
    let not_utf_8 = [normal, "κόσμε".as_bytes(), b"\xed\xa0\x80edited"].concat();
    check_all([
        echo("7.1.1", TEXT, b"Hello World!"),
        case("7.1.2", &[(CLOSE, normal), (CLOSE, b"")], closed()),
        case("7.1.3", &[(CLOSE, normal), (PING, b"")], closed()),
        case("7.1.4", &[(CLOSE, normal), (TEXT, b"Hello World!")], closed()),
        case("7.1.5", &[(0x01, b"fragment1"), (CLOSE, normal), (0x80, b"fragment2")], closed()),
        case("7.3.1", &[(CLOSE, b"")], Closed(vec![])),
        case("7.3.2", &[(CLOSE, b"a")], Failed(1002, vec![])),
        case("7.3.3", &[(CLOSE, normal)], closed()),
        case("7.3.4", &[(CLOSE, b"\x03\xe8Hello World!")], closed()),
        case("7.3.5", &[(CLOSE, &reason)], closed()),
        case("7.3.6", &[(CLOSE, &too_long)], Failed(1002, vec![])),
        case("7.5.1", &[(CLOSE, &not_utf_8)], Failed(1007, vec![])),
    ])
    .await;
    // 7.1.6: whether the echo of what came just before the close is still heard is nobody's business.
    check_all([case(
        "7.1.6",
        &[(TEXT, &long), (TEXT, b"Hello World!")],
        heard(&[(TEXT, &long), (TEXT, b"Hello World!")]),
    )])
    .await;
}

#[tokio::test]
async fn a_close_may_have_those_codes_that_mean_something() {
    let valid = [1000u16, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999];
    for (turn, code) in valid.into_iter().enumerate() {
        let payload = code.to_be_bytes();
        let number = format!("7.7.{}", turn + 1);
        check_all([case(&number, &[(CLOSE, &payload)], Closed(payload.to_vec()))]).await;
    }
    let invalid = [0u16, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999];
    for (turn, code) in invalid.into_iter().enumerate() {
        let number = format!("7.9.{}", turn + 1);
        check_all([case(&number, &[(CLOSE, &code.to_be_bytes())], Failed(1002, vec![]))]).await;
    }
    for (number, code) in [("7.13.1", 5000u16), ("7.13.2", 65_535)] {
        check_all([case(number, &[(CLOSE, &code.to_be_bytes())], Failed(1002, vec![]))]).await;
    }
}

/// A message in fragments of this length.
fn in_fragments(number: &str, first: u8, payload: &[u8], length: usize) -> Case {
    let mut frames: Vec<(u8, &[u8])> = payload.chunks(length).map(|some| (0x00, some)).collect();
    frames[0].0 = first & 0x0F;
    frames.last_mut().expect("there is one").0 |= 0x80;
    case(number, &frames, heard(&[(first, payload)]))
}

#[tokio::test]
async fn large_messages_come_whole_in_one_frame_and_in_many() {
    let large = vec![b'*'; 16 << 20];
    check_all([
        echo("9.1.3", TEXT, &large[..1 << 20]),
        echo("9.1.6", TEXT, &large),
        echo("9.2.6", BINARY, &large),
        in_fragments("9.3.1", TEXT, &large[..4 << 20], 64),
        in_fragments("9.3.5", TEXT, &large[..4 << 20], 16 << 10),
        in_fragments("9.4.2", BINARY, &large[..4 << 20], 256),
        in_fragments("9.4.9", BINARY, &large[..4 << 20], 4 << 20),
        in_fragments("10.1.1", TEXT, &large[..65_536], 1_300),
    ])
    .await;
    // 9.5 and 9.6: cut on the way, not into fragments.
    for piece in [64, 2_048] {
        check(&echo("9.5", TEXT, &large[..1 << 20]), piece, false).await;
        check(&echo("9.6", BINARY, &large[..1 << 20]), piece, false).await;
    }
}

#[tokio::test]
async fn packed_messages_of_all_sizes_come_whole() {
    let words = |length: usize| {
        let word = |number: usize| format!("{} ", number * 7919);
        let mut words: String = (0..length / 2 + 1).map(word).collect();
        words.truncate(length);
        words.into_bytes()
    };
    // Cases 12.x and 13.x: the length, and how long its fragments are.
    for (turn, (length, fragment)) in
        [(16, 0), (1_024, 0), (131_072, 0), (8_192, 256), (131_072, 1_024), (131_072, 32_768)]
            .into_iter()
            .enumerate()
    {
        let message = words(length);
        let mut packed = Vec::with_capacity(length + 64);
        let mut compress = flate2::Compress::new(flate2::Compression::default(), false);
        let all = compress.compress_vec(&message, &mut packed, flate2::FlushCompress::Sync);
        all.expect("it can be packed");
        packed.truncate(packed.len() - 4);
        let fragment = if fragment == 0 { packed.len() } else { fragment };
        let mut frames: Vec<(u8, &[u8])> =
            packed.chunks(fragment).map(|some| (0x00, some)).collect();
        frames[0].0 = 0x41;
        frames.last_mut().expect("there is one").0 |= 0x80;
        let number = format!("12.1.{}", turn + 1);
        check(&case(&number, &frames, heard(&[(TEXT, &message)])), 4_096, true).await;
    }
}
