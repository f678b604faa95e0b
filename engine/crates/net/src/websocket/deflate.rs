//! Messages packed one by one: `permessage-deflate` (RFC 7692).
//!
//! Two offers are made, and a server takes the first that it can:
//!
//! | offered | what the server packs | what we pack |
//! | --- | --- | --- |
//! | first | each message by itself | each message by itself |
//! | if it cannot | may refer to what it said before, as far back as its window | each message by itself |
//!
//! By the first an idle session holds nothing. By the second it holds the server's window: up to 32 KiB, as
//! soon as the server has said so much. A server that takes neither does not pack, and is not packed for.
//!
//! What packs needs some 300 KiB and what unpacks 10, each while it is at work only: they are the thread's.

use std::cell::RefCell;
use std::mem;

use miniz_oxide::DataFormat;
use miniz_oxide::deflate::CompressionLevel;
use miniz_oxide::deflate::core::{CompressorOxide, TDEFLFlush, compress_to_output};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

/// What is offered. No smaller window for our side is: what packs knows only one.
pub(super) const OFFER: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover, \
                                permessage-deflate; client_no_context_takeover";
const NAME: &[u8] = b"permessage-deflate";

/// What each packed message would end with, and does not (§7.2.1).
const FLUSHED: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];
/// A last block, empty. It ends what has no end of its own, and a message that was cut short does not get to it.
const LAST: [u8; 5] = [0x01, 0x00, 0x00, 0xFF, 0xFF];
/// The least that is set aside for a message to be unpacked into.
const SET_ASIDE: usize = 1 << 10;
/// The most of a server's own words that an error repeats.
const QUOTED: usize = 64;

thread_local! {
    static PACKER: RefCell<Box<CompressorOxide>> = RefCell::new(Box::new(
        // The fastest, as k6's: a generator has other things to do.
        CompressorOxide::with_format_and_level(DataFormat::Raw, CompressionLevel::BestSpeed),
    ));
    static UNPACKER: RefCell<Box<DecompressorOxide>> = RefCell::default();
}

/// What both sides agreed on, and what that makes it necessary to keep.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Deflate {
    /// How far back the server may refer to what it said in earlier messages, in bytes.
    reach: usize,
    /// The end of what it said.
    said: Vec<u8>,
}

/// Why a message could not be unpacked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// It would be larger than is kept.
    TooLarge,
    /// It is not packed as it is said to be.
    NotDeflate,
}

impl Deflate {
    /// What an answer to [`OFFER`] agrees to; none if it declines. These are the values of its
    /// `sec-websocket-extensions`.
    ///
    /// Fails with what in it was not offered.
    pub(super) fn agreed<'a>(
        answers: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Option<Self>, String> {
        let mut agreed = None;
        let extensions = answers.flat_map(|value| value.split(|&byte| byte == b','));
        for extension in extensions.map(<[u8]>::trim_ascii).filter(|text| !text.is_empty()) {
            let mut parts = extension.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
            let name = parts.next().unwrap_or_default();
            if name != NAME {
                return Err(format!("it has the extension `{}`, not offered", quoted(name)));
            }
            if agreed.replace(Self::of(parts)?).is_some() {
                return Err("it has `permessage-deflate` twice".into());
            }
        }
        Ok(agreed)
    }

    /// What these parameters agree to.
    fn of<'a>(parameters: impl Iterator<Item = &'a [u8]>) -> Result<Self, String> {
        let (mut anew, mut ours, mut bits) = (None, None, None);
        for parameter in parameters {
            let mut sides = parameter.splitn(2, |&byte| byte == b'=').map(<[u8]>::trim_ascii);
            let (name, value) = (sides.next().unwrap_or_default(), sides.next());
            let before = match (name, value) {
                (b"server_no_context_takeover", None) => anew.replace(()),
                // We begin anew with each message whether or not it says so.
                (b"client_no_context_takeover", None) => ours.replace(()),
                (b"server_max_window_bits", Some(value)) => {
                    let value = unquoted(value);
                    let known = (8..=15u8).find(|bits| bits.to_string().as_bytes() == value);
                    let known = known.ok_or_else(|| wrong(parameter))?;
                    bits.replace(known).map(|_| ())
                }
                _ => return Err(wrong(parameter)),
            };
            if before.is_some() {
                return Err(wrong(parameter));
            }
        }
        let reach = if anew.is_some() { 0 } else { 1 << bits.unwrap_or(15) };
        Ok(Self { reach, said: Vec::new() })
    }

    /// Unpacks a message, into at most `limit` bytes.
    pub(super) fn unpack(&mut self, mut packed: Vec<u8>, limit: usize) -> Result<Vec<u8>, Broken> {
        packed.extend_from_slice(&FLUSHED);
        packed.extend_from_slice(&LAST);
        // What was said before is what comes before.
        let mut all = mem::take(&mut self.said);
        let before = all.len();
        UNPACKER.with_borrow_mut(|unpacker| unpack_after(unpacker, &packed, &mut all, limit))?;
        if self.reach == 0 {
            return Ok(all);
        }
        self.said = all[all.len().saturating_sub(self.reach)..].to_vec();
        Ok(all.split_off(before))
    }
}

/// Packs a message by itself.
pub(super) fn pack(message: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    PACKER.with_borrow_mut(|packer| {
        // `Full`: what follows does not refer to this. It cannot fail: all of it is there, and memory grows.
        let _ = compress_to_output(packer, message, TDEFLFlush::Full, |some| {
            packed.extend_from_slice(some);
            true
        });
    });
    packed.truncate(packed.len().saturating_sub(FLUSHED.len()));
    packed
}

/// Appends what these bytes unpack to, at most `limit` bytes of it.
fn unpack_after(
    unpacker: &mut DecompressorOxide,
    mut packed: &[u8],
    all: &mut Vec<u8>,
    limit: usize,
) -> Result<(), Broken> {
    let before = all.len();
    // One more than may be, so that a message of just the limit has room to end.
    let most = before.saturating_add(limit).saturating_add(1);
    let mut length = before;
    unpacker.init();
    loop {
        if all.len() < most {
            let grown = all.len().saturating_mul(2).max(before + SET_ASIDE);
            all.resize(grown.max(before + 4 * packed.len()).min(most), 0);
        }
        let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        let (status, read, written) = decompress(unpacker, packed, all, length, flags);
        packed = &packed[read..];
        length += written;
        match status {
            TINFLStatus::Done if packed.is_empty() => break,
            // A message may have last blocks of its own (§7.2.3.4); what follows refers to what came before all
            // the same.
            TINFLStatus::Done => unpacker.init(),
            TINFLStatus::HasMoreOutput if all.len() < most => {}
            TINFLStatus::HasMoreOutput => return Err(Broken::TooLarge),
            _ => return Err(Broken::NotDeflate),
        }
    }
    if length - before > limit {
        return Err(Broken::TooLarge);
    }
    all.truncate(length);
    Ok(())
}

fn wrong(parameter: &[u8]) -> String {
    format!("its `permessage-deflate` has `{}`, not offered", quoted(parameter))
}

/// A server's own words, as far as they may stand in an error.
fn quoted(words: &[u8]) -> String {
    words[..words.len().min(QUOTED)].escape_ascii().to_string()
}

/// A value without its quotation marks, if it has any (§7.1.2.1 allows them).
fn unquoted(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 100_000;

    fn by_itself() -> Deflate {
        Deflate { reach: 0, said: Vec::new() }
    }

    fn keeping() -> Deflate {
        Deflate { reach: 1 << 15, said: Vec::new() }
    }

    /// Bytes that do not pack: Knuth's linear congruential generator, the same each time.
    fn noise(length: usize) -> Vec<u8> {
        let next = |state: &u64| Some(state.wrapping_mul(6_364_136_223_846_793_005) + 1);
        let states = std::iter::successors(Some(1u64), |state| next(state));
        states.map(|state| (state >> 56) as u8).take(length).collect()
    }

    #[test]
    fn what_is_packed_comes_back_and_each_message_stands_by_itself() {
        for message in [
            b"".to_vec(),
            b"x".to_vec(),
            b"hello ".repeat(1_000),
            noise(3),
            noise(70_000),
            vec![0; LIMIT],
        ] {
            // Nothing of the first is needed for the second.
            let packed = [pack(&message), pack(&message)];
            assert_eq!(packed[0], packed[1], "{}", message.len());
            assert!(!packed[0].ends_with(&FLUSHED), "its end is left out");
            for packed in packed {
                assert!(packed.len() < message.len() + message.len() / 100 + 8, "{}", packed.len());
                assert_eq!(by_itself().unpack(packed, LIMIT), Ok(message.clone()));
            }
        }
        assert_eq!(pack(b""), b"\0", "an empty message is one byte (§7.2.3.6)");
    }

    #[test]
    fn the_examples_of_the_rfc_are_read() {
        for (packed, why) in [
            (&b"\xf2\x48\xcd\xc9\xc9\x07\x00"[..], "§7.2.3.1: one block"),
            (b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", "§7.2.3.3: not compressed"),
            (b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00", "§7.2.3.4: a last block"),
            (b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", "§7.2.3.5: two blocks"),
        ] {
            assert_eq!(by_itself().unpack(packed.to_vec(), LIMIT), Ok(b"Hello".to_vec()), "{why}");
        }
        // §7.2.3.2: the second refers to the first.
        let mut deflate = keeping();
        for packed in [&b"\xf2\x48\xcd\xc9\xc9\x07\x00"[..], b"\xf2\x00\x11\x00\x00"] {
            assert_eq!(deflate.unpack(packed.to_vec(), LIMIT), Ok(b"Hello".to_vec()));
        }
        let alone = by_itself().unpack(b"\xf2\x00\x11\x00\x00".to_vec(), LIMIT);
        assert_eq!(alone, Err(Broken::NotDeflate), "there is nothing to refer to");
    }

    #[test]
    fn a_server_may_refer_back_as_far_as_its_window_and_nothing_else_is_kept() {
        let compressor = &mut CompressorOxide::with_format_and_level(
            DataFormat::Raw,
            CompressionLevel::DefaultLevel,
        );
        let mut deflate = keeping();
        let words = noise(30_000);
        for turn in 0..5 {
            let mut packed = Vec::new();
            let _ = compress_to_output(compressor, &words, TDEFLFlush::Sync, |some| {
                packed.extend_from_slice(some);
                true
            });
            packed.truncate(packed.len() - FLUSHED.len());
            assert_eq!(packed.len() < 1_000, turn > 0, "it does refer back: {}", packed.len());
            assert_eq!(deflate.unpack(packed, LIMIT).as_ref(), Ok(&words), "{turn}");
        }
        assert_eq!(deflate.said.capacity(), 1 << 15);

        let mut short = Deflate { reach: 1 << 8, said: Vec::new() };
        short.unpack(pack(&words), LIMIT).expect("it is packed");
        assert_eq!(short.said, words[words.len() - 256..]);
        let mut none = by_itself();
        none.unpack(pack(&words), LIMIT).expect("it is packed");
        assert_eq!(none.said.capacity(), 0);
    }

    #[test]
    fn a_bomb_goes_off_at_the_limit() {
        let bomb = pack(&vec![0; 4 * LIMIT]);
        assert!(bomb.len() < LIMIT / 50, "{}", bomb.len());
        for mut deflate in [by_itself(), keeping()] {
            assert_eq!(
                deflate.unpack(pack(&vec![0; LIMIT]), LIMIT).map(|all| all.len()),
                Ok(LIMIT)
            );
            assert_eq!(deflate.unpack(pack(&vec![0; LIMIT + 1]), LIMIT), Err(Broken::TooLarge));
            assert_eq!(deflate.unpack(bomb.clone(), LIMIT), Err(Broken::TooLarge));
        }
    }

    #[test]
    fn what_is_not_packed_or_was_cut_short_is_refused() {
        let whole = pack(&b"some words, and some words again ".repeat(9));
        for length in 0..whole.len() {
            let cut = by_itself().unpack(whole[..length].to_vec(), LIMIT);
            assert_eq!(cut, Err(Broken::NotDeflate), "{length} of {}", whole.len());
        }
        for packed in [&b""[..], b"\xff", b"plain", b"\x07\x00", b"\xf3\x48\xcd\xc9\xc9\x07\x00"] {
            let refused = by_itself().unpack(packed.to_vec(), LIMIT);
            assert_eq!(refused, Err(Broken::NotDeflate), "{}", packed.escape_ascii());
        }
    }

    #[test]
    fn an_answer_agrees_to_what_was_offered_and_to_nothing_else() {
        let agreed = |answers: &[&str]| {
            let agreed = Deflate::agreed(answers.iter().map(|answer| answer.as_bytes()));
            agreed.map(|deflate| deflate.map(|deflate| deflate.reach))
        };
        for (answers, reach) in [
            (&[][..], None),
            (&[""][..], None),
            (&["permessage-deflate; server_no_context_takeover"], Some(0)),
            (
                &["permessage-deflate;server_no_context_takeover ; client_no_context_takeover"],
                Some(0),
            ),
            (
                &["permessage-deflate; server_no_context_takeover; server_max_window_bits=9"],
                Some(0),
            ),
            (&["permessage-deflate"], Some(32_768)),
            (&["", "permessage-deflate; client_no_context_takeover"], Some(32_768)),
            (&["permessage-deflate; server_max_window_bits=8"], Some(256)),
            (&["permessage-deflate; server_max_window_bits=\"10\""], Some(1_024)),
        ] {
            assert_eq!(agreed(answers), Ok(reach), "{answers:?}");
        }
        for (answer, words) in [
            ("x-webkit-deflate-frame", "`x-webkit-deflate-frame`"),
            ("permessage-deflate, permessage-deflate", "twice"),
            ("permessage-deflate; client_max_window_bits=15", "`client_max_window_bits=15`"),
            ("permessage-deflate; client_max_window_bits", "`client_max_window_bits`"),
            ("permessage-deflate; server_max_window_bits", "`server_max_window_bits`"),
            ("permessage-deflate; server_max_window_bits=7", "bits=7"),
            ("permessage-deflate; server_max_window_bits=16", "bits=16"),
            ("permessage-deflate; server_max_window_bits=08", "bits=08"),
            ("permessage-deflate; server_max_window_bits=+9", "bits=+9"),
            ("permessage-deflate; server_no_context_takeover=true", "takeover=true"),
            (
                "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
                "`server_no_context_takeover`",
            ),
            ("permessage-deflate; mux", "`mux`"),
            ("permessage-deflate;", "``"),
        ] {
            let refused = agreed(&[answer]).expect_err(words);
            assert!(refused.contains(words), "{answer}: {refused}");
        }
        let long = agreed(&[&"x".repeat(1_000)]).expect_err("it was not offered");
        assert!(long.len() < 120, "{long}");
    }
}
