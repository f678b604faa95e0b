//! `permessage-deflate`: who packs when, and what peers may do wrong with it.

use std::sync::Arc;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use net::Config;
use net::websocket::{End, Message, Socket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::peer::{
    agreement_with, ended, frame, handshake, packed, read_frame, received, text, until,
};
use crate::peer::{head, peer};

const BY_ITSELF: &str =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// A peer that answers the handshake with this extension, says these frames, and sends on what it reads until a
/// close frame.
async fn agreeing(
    extension: &'static str,
    says: Vec<u8>,
) -> (String, mpsc::UnboundedReceiver<(u8, Vec<u8>)>) {
    let (heard, listener) = mpsc::unbounded_channel();
    let url = peer(move |_, mut stream| {
        let (says, heard) = (says.clone(), heard.clone());
        async move {
            agree(&mut stream, extension).await;
            stream.write_all(&says).await.expect("the client listens");
            while let Some(frame) = read_frame(&mut stream).await {
                let closes = frame.0 == 0x88;
                heard.send(frame).expect("the test listens");
                if closes {
                    break;
                }
            }
        }
    })
    .await;
    (url, listener)
}

async fn agree(stream: &mut TcpStream, extension: &str) -> String {
    let request = head(stream).await.expect("a request");
    let extension = format!("sec-websocket-extensions: {extension}");
    let answer = agreement_with(&request, &[&extension]);
    stream.write_all(answer.as_bytes()).await.expect("the client listens");
    request
}

async fn opened(url: &str) -> Socket {
    let mut socket = Socket::new(Arc::new(Config::default()), 1, packed(url));
    until(&mut socket, |socket, _| socket.was_opened()).await;
    socket
}

/// Packs a message, which may refer to those before it.
fn deflated(compress: &mut Compress, message: &[u8]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(message.len() * 2 + 64);
    compress.compress_vec(message, &mut packed, FlushCompress::Sync).expect("it can be packed");
    assert!(packed.ends_with(b"\0\0\xff\xff") && packed.len() < packed.capacity());
    packed.truncate(packed.len() - 4);
    packed
}

/// Unpacks a message that stands by itself.
fn inflated(packed: &[u8]) -> Vec<u8> {
    let whole = [packed, b"\0\0\xff\xff"].concat();
    let mut message = Vec::with_capacity(1 << 20);
    let unpacked =
        Decompress::new(false).decompress_vec(&whole, &mut message, FlushDecompress::Sync);
    unpacked.expect("it is packed");
    message
}

fn raw() -> Compress {
    Compress::new(Compression::default(), false)
}

#[tokio::test]
async fn packing_is_offered_to_whom_it_was_asked_for_and_may_be_declined() {
    let (told, mut heads) = mpsc::unbounded_channel();
    let url = peer(move |_, mut stream| {
        let told = told.clone();
        async move {
            told.send(agree(&mut stream, "").await).expect("the test listens");
            assert_eq!(read_frame(&mut stream).await, Some((0x81, b"hello".to_vec())));
            stream.read_u8().await.expect_err("the client leaves");
        }
    })
    .await;
    for (asked, offers) in [(handshake(&url), false), (packed(&url), true)] {
        let mut socket = Socket::new(Arc::new(Config::default()), 1, asked);
        until(&mut socket, |socket, _| socket.was_opened()).await;
        let head = heads.recv().await.expect("a head");
        let offer = format!(
            "\r\nsec-websocket-extensions: {BY_ITSELF}, permessage-deflate; client_no_context_takeover\r\n"
        );
        assert_eq!(head.contains(&offer), offers, "{head}");
        assert_eq!(head.contains("extensions"), offers, "{head}");
        // Declined, it is as if it had not been asked for.
        assert!(socket.send(&text("hello")));
        until(&mut socket, |socket, _| socket.is_written()).await;
    }
}

#[tokio::test]
async fn an_answer_to_another_offer_is_refused() {
    for (extension, words) in [
        ("permessage-deflate; client_max_window_bits=15", "`client_max_window_bits=15`"),
        ("permessage-deflate; server_max_window_bits=7", "`server_max_window_bits=7`"),
        ("permessage-bzip2", "`permessage-bzip2`"),
    ] {
        let (url, _heard) = agreeing(extension, Vec::new()).await;
        let mut socket = Socket::new(Arc::new(Config::default()), 1, packed(&url));
        let End::Failed(error) = ended(&mut socket).await else { panic!("{extension}") };
        assert_eq!(error.label(), "malformed handshake");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn packed_messages_go_both_ways_in_order_with_everything_else() {
    let long = "many words, and many words again. ".repeat(2_000);
    let packed = deflated(&mut raw(), long.as_bytes());
    let (first, rest) = packed.split_at(packed.len() / 2);
    let says = [
        frame(0x41, first),
        frame(0x89, b"between"),
        frame(0x80, rest),
        frame(0x82, b"as it is"),
        frame(0xC2, b"\0"),
    ];
    let wire = says.iter().map(Vec::len).sum::<usize>() as u64;
    let (url, mut heard) = agreeing(BY_ITSELF, says.concat()).await;
    let mut socket = opened(&url).await;
    assert_eq!(
        socket.headers().and_then(|all| all.get("sec-websocket-extensions")),
        Some(BY_ITSELF.as_bytes())
    );
    let before = socket.take_bytes().1;
    assert_eq!(received(&mut socket).await, text(&long));
    assert_eq!(received(&mut socket).await, Message::Binary(b"as it is".to_vec()));
    assert_eq!(received(&mut socket).await, Message::Binary(Vec::new()));
    until(&mut socket, |socket, _| socket.is_written()).await;
    let received = before + socket.take_bytes().1;
    assert!((wire..wire + 500).contains(&received), "what was on the wire: {received}");
    assert_eq!(heard.recv().await, Some((0x8A, b"between".to_vec())));

    // All at once, and nothing overtakes anything.
    assert!(socket.send(&text(&long)) && socket.ping());
    assert!(socket.send(&Message::Binary(vec![7; 9])) && socket.send(&text("")));
    assert!(socket.close(1000, "") && !socket.is_written());
    ended(&mut socket).await;
    let mut next = async || heard.recv().await.expect("a frame");
    let (first, payload) = next().await;
    assert!(first == 0xC1 && payload.len() < long.len() / 20, "{first:x} {}", payload.len());
    assert_eq!(inflated(&payload), long.as_bytes());
    let (first, payload) = next().await;
    assert_eq!((first, payload.len()), (0x89, 8));
    let (first, payload) = next().await;
    assert_eq!((first, inflated(&payload)), (0xC2, vec![7; 9]));
    assert_eq!(next().await, (0xC1, b"\0".to_vec()));
    assert_eq!(next().await, (0x88, b"\x03\xe8".to_vec()));
}

#[tokio::test]
async fn a_peer_that_cannot_begin_anew_may_refer_to_what_it_said() {
    let mut compress = raw();
    let words = (0..200).map(|number| format!("word {}, ", number * 7919)).collect::<String>();
    let mut says = Vec::new();
    for turn in 0..3 {
        let packed = deflated(&mut compress, words.as_bytes());
        assert_eq!(packed.len() < 100, turn > 0, "it does refer back: {}", packed.len());
        says.extend(frame(0xC1, &packed));
    }
    let (url, mut heard) = agreeing("permessage-deflate", says).await;
    let mut socket = opened(&url).await;
    for _ in 0..3 {
        assert_eq!(received(&mut socket).await, text(&words));
        // We begin anew all the same.
        assert!(socket.send(&text(&words)));
        until(&mut socket, |socket, _| socket.is_written()).await;
        let (first, payload) = heard.recv().await.expect("a frame");
        assert_eq!((first, inflated(&payload)), (0xC1, words.clone().into_bytes()));
    }
}

#[tokio::test]
async fn a_peer_that_packs_wrongly_is_told_and_left() {
    let hello = deflated(&mut raw(), b"hello");
    let mut referring = raw();
    deflated(&mut referring, b"hello hello hello");
    let referring = deflated(&mut referring, b"hello hello hello");
    // 80 KiB that would be 80 MiB, which is more than is kept.
    let bomb = deflated(&mut raw(), &vec![0; 80 << 20]);
    assert!(bomb.len() < 100 << 10, "{}", bomb.len());
    for (says, label, code, words) in [
        (frame(0xA1, &hello), "protocol error", 1002, "reserved bits"),
        (frame(0xC9, b"x"), "protocol error", 1002, "reserved bits"),
        (
            [frame(0x41, &hello[..2]), frame(0xC0, &hello[2..])].concat(),
            "protocol error",
            1002,
            "reserved bits",
        ),
        (frame(0xC1, b"as it is"), "protocol error", 1007, "not packed as it says"),
        (frame(0xC1, &hello[..4]), "protocol error", 1007, "not packed as it says"),
        (frame(0xC1, &referring), "protocol error", 1007, "not packed as it says"),
        (frame(0xC1, &deflated(&mut raw(), b"\xff")), "protocol error", 1007, "not UTF-8"),
        (frame(0xC2, &bomb), "message too large", 1009, "larger than"),
    ] {
        let (url, mut heard) = agreeing(BY_ITSELF, says).await;
        let mut socket = opened(&url).await;
        let End::Failed(error) = ended(&mut socket).await else { panic!("{words}") };
        assert_eq!(error.label(), label, "{error}");
        assert!(error.to_string().contains(words), "{error}");
        let told = heard.recv().await.expect("a close frame");
        assert_eq!(told, (0x88, u16::to_be_bytes(code).to_vec()), "{error}");
    }
    // Who did not agree to pack must not.
    let (url, _heard) = agreeing("", frame(0xC1, &hello)).await;
    let mut socket = opened(&url).await;
    let End::Failed(error) = ended(&mut socket).await else { panic!("it was packed") };
    assert!(error.to_string().contains("reserved bits"), "{error}");
}
