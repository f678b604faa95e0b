//! Event streams: the same events however the bytes were cut.

#![no_main]

use libfuzzer_sys::fuzz_target;
use net::sse::EventParser;

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, bytes) = input;
    let parsed = |piece: usize| {
        let (mut parser, mut events) = (EventParser::default(), Vec::new());
        for part in bytes.chunks(piece.max(1)) {
            if parser.push(part, &mut |event| events.push(event)).is_err() {
                break;
            }
        }
        (events, parser.last_id().to_vec(), parser.retry())
    };
    assert_eq!(parsed(bytes.len()), parsed(piece.into()));
});
