//! How arguments and answers of host calls are written down.
//!
//! Numbers are little-endian; what has a length begins with it, in four bytes. What is read may have been written
//! by anybody: it is none, not a panic, if it does not fit.

#![expect(unreachable_pub, reason = "the linker that the bindings see is bounded by it")]

use std::fmt::Write as _;

use ::wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;

use crate::bindings::wasmload::script::{dataset, http, log, sse, websocket};

/// How much of a text or of bytes is shown to people.
const SHOWN: usize = 200;

/// What can be written down, read, and shown to people.
pub trait Taped: Sized {
    /// Writes it down.
    fn put(&self, out: &mut Vec<u8>);

    /// Reads it.
    fn take(from: &mut Reader<'_>) -> Option<Self>;

    /// Says in short what it is.
    fn show(&self, out: &mut String);

    /// Writes down many, one after another.
    fn put_all(all: &[Self], out: &mut Vec<u8>) {
        all.iter().for_each(|one| one.put(out));
    }

    /// Reads so many.
    fn take_all(from: &mut Reader<'_>, length: usize) -> Option<Vec<Self>> {
        // Nothing is set aside for a length that nobody has seen: there may be fewer. What takes no bytes is in no list.
        let mut all = Vec::new();
        for _ in 0..length {
            all.push(Self::take(from)?);
        }
        Some(all)
    }

    /// Says in short what many are.
    fn show_all(all: &[Self], out: &mut String) {
        const ONES: usize = 32;
        out.push('[');
        for (place, one) in all.iter().take(ONES).enumerate() {
            if place > 0 {
                out.push_str(", ");
            }
            one.show(out);
        }
        if all.len() > ONES {
            let _ = write!(out, ", … ({})", all.len());
        }
        out.push(']');
    }
}

/// What is left to be read.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// So many bytes, if there are as many.
    pub(crate) fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, left) = self.0.split_at_checked(length)?;
        self.0 = left;
        Some(taken)
    }

    /// Bytes behind their length.
    pub(crate) fn block(&mut self) -> Option<&'a [u8]> {
        let length = u32::take(self)?;
        self.bytes(usize::try_from(length).ok()?)
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.block()?).ok()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }
}

/// Writes down bytes behind their length. What is longer than a length can say is cut; no memory of a guest is.
pub(crate) fn put_block(bytes: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    length.put(out);
    out.extend_from_slice(&bytes[..bytes.len().min(length as usize)]);
}

/// Shows the beginning of a text.
pub(crate) fn show_text(text: &str, out: &mut String) {
    let end = text.floor_char_boundary(SHOWN);
    // Writing to a string cannot fail.
    let _ = write!(out, "{:?}", &text[..end]);
    if end < text.len() {
        let _ = write!(out, "… ({} bytes)", text.len());
    }
}

macro_rules! taped_number {
    ($($number:ty),*) => {$(
        impl Taped for $number {
            fn put(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }

            fn take(from: &mut Reader<'_>) -> Option<Self> {
                from.array().map(Self::from_le_bytes)
            }

            fn show(&self, out: &mut String) {
                let _ = write!(out, "{self}");
            }
        }
    )*};
}

taped_number!(u16, u32, u64, f64);

/// Bytes are many more than anything else: they are copied in one piece.
impl Taped for u8 {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(*self);
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        from.bytes(1)?.first().copied()
    }

    fn show(&self, out: &mut String) {
        let _ = write!(out, "{self}");
    }

    fn put_all(all: &[Self], out: &mut Vec<u8>) {
        out.extend_from_slice(all);
    }

    fn take_all(from: &mut Reader<'_>, length: usize) -> Option<Vec<Self>> {
        from.bytes(length).map(<[Self]>::to_vec)
    }

    fn show_all(all: &[Self], out: &mut String) {
        // Nobody reads more of it; a character may be cut in two.
        show_text(&String::from_utf8_lossy(&all[..all.len().min(SHOWN + 1)]), out);
        if all.len() > SHOWN {
            let _ = write!(out, " ({} bytes)", all.len());
        }
    }
}

impl Taped for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        match u8::take(from)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn show(&self, out: &mut String) {
        let _ = write!(out, "{self}");
    }
}

impl Taped for String {
    fn put(&self, out: &mut Vec<u8>) {
        put_block(self.as_bytes(), out);
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        from.text().map(ToOwned::to_owned)
    }

    fn show(&self, out: &mut String) {
        show_text(self, out);
    }
}

impl<T: Taped> Taped for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        u32::try_from(self.len()).unwrap_or(u32::MAX).put(out);
        T::put_all(self, out);
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        let length = u32::take(from)?;
        T::take_all(from, usize::try_from(length).ok()?)
    }

    fn show(&self, out: &mut String) {
        T::show_all(self, out);
    }
}

impl<T: Taped> Taped for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(it) = self {
            it.put(out);
        }
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        Some(match bool::take(from)? {
            true => Some(T::take(from)?),
            false => None,
        })
    }

    fn show(&self, out: &mut String) {
        match self {
            Some(it) => it.show(out),
            None => out.push_str("none"),
        }
    }
}

impl<T: Taped, E: Taped> Taped for Result<T, E> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_ok().put(out);
        match self {
            Ok(it) => it.put(out),
            Err(error) => error.put(out),
        }
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        Some(match bool::take(from)? {
            true => Ok(T::take(from)?),
            false => Err(E::take(from)?),
        })
    }

    fn show(&self, out: &mut String) {
        match self {
            Ok(it) => it.show(out),
            Err(error) => {
                out.push_str("error ");
                error.show(out);
            }
        }
    }
}

/// A handle is its number in the host. Those that are told on replay are the ones that were given out then.
impl<T: 'static> Taped for Resource<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.rep().put(out);
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        u32::take(from).map(Self::new_own)
    }

    fn show(&self, out: &mut String) {
        let _ = write!(out, "#{}", self.rep());
    }
}

macro_rules! taped_tuple {
    ($($part:ident),*) => {
        impl<$($part: Taped),*> Taped for ($($part,)*) {
            #[expect(non_snake_case, reason = "the parts are called as their types are")]
            fn put(&self, out: &mut Vec<u8>) {
                let ($($part,)*) = self;
                $($part.put(out);)*
            }

            fn take(from: &mut Reader<'_>) -> Option<Self> {
                Some(($($part::take(from)?,)*))
            }

            #[expect(non_snake_case, reason = "the parts are called as their types are")]
            fn show(&self, out: &mut String) {
                let ($($part,)*) = self;
                let mut between = "(";
                $(
                    out.push_str(std::mem::replace(&mut between, ", "));
                    $part.show(out);
                )*
                out.push(')');
            }
        }
    };
}

taped_tuple!(A);
taped_tuple!(A, B);
taped_tuple!(A, B, C);
taped_tuple!(A, B, C, D);

impl Taped for () {
    fn put(&self, _: &mut Vec<u8>) {}

    fn take(_: &mut Reader<'_>) -> Option<Self> {
        Some(())
    }

    fn show(&self, out: &mut String) {
        out.push_str("()");
    }
}

/// The cases of a variant or an enum by their numbers, which stay: new ones come last.
macro_rules! taped_cases {
    ($type:ty { $($number:literal => $case:ident $(($part:ident))?,)* }) => {
        impl Taped for $type {
            fn put(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$case $(($part))? => {
                        out.push($number);
                        $($part.put(out);)?
                    })*
                }
            }

            fn take(from: &mut Reader<'_>) -> Option<Self> {
                Some(match u8::take(from)? {
                    $($number => Self::$case $(({
                        let $part = Taped::take(from)?;
                        $part
                    }))?,)*
                    _ => return None,
                })
            }

            fn show(&self, out: &mut String) {
                match self {
                    $(Self::$case $(($part))? => {
                        out.push_str(stringify!($case));
                        $(out.push(' '); $part.show(out);)?
                    })*
                }
            }
        }
    };
}

macro_rules! taped_record {
    ($type:ty { $($field:ident),* }) => {
        impl Taped for $type {
            fn put(&self, out: &mut Vec<u8>) {
                $(self.$field.put(out);)*
            }

            fn take(from: &mut Reader<'_>) -> Option<Self> {
                Some(Self { $($field: Taped::take(from)?),* })
            }

            fn show(&self, out: &mut String) {
                let mut between = "{";
                $(
                    out.push_str(std::mem::replace(&mut between, ", "));
                    out.push_str(concat!(stringify!($field), ": "));
                    self.$field.show(out);
                )*
                out.push('}');
            }
        }
    };
}

taped_cases!(http::Error {
    0 => InvalidRequest(what),
    1 => NameNotResolved,
    2 => ConnectionRefused,
    3 => ConnectionReset,
    4 => ClosedEarly,
    5 => TimedOut,
    6 => MalformedResponse(what),
    7 => BodyTooLarge,
    8 => NotAllowed(what),
    9 => Other(what),
});
taped_cases!(http::Encoding { 0 => Gzip, 1 => Deflate, });
taped_cases!(http::HttpVersion { 0 => Auto, 1 => Http11, 2 => Http2, });
taped_cases!(http::BodyPolicy { 0 => Keep, 1 => Discard, 2 => First(bytes), 3 => Hash, });
taped_record!(http::Timings {
    blocked,
    looking_up,
    connecting,
    tls_handshaking,
    sending,
    waiting,
    receiving
});
taped_record!(http::Chunk { bytes, arrived });
taped_cases!(log::Level { 0 => Debug, 1 => Info, 2 => Warn, 3 => Error, });
taped_cases!(dataset::Error {
    0 => NotDeclared(what),
    1 => Exhausted,
    2 => NoSuchRow,
    3 => Unreadable(what),
});
taped_record!(sse::Event { kind, data, id, arrived, token });
taped_cases!(sse::Error {
    0 => Http(error),
    1 => NotAStream(response),
    2 => EventTooLarge,
    3 => Ended,
});
taped_record!(websocket::Close { code, reason });
taped_cases!(websocket::Error {
    0 => InvalidRequest(what),
    1 => NameNotResolved,
    2 => ConnectionRefused,
    3 => ConnectionReset,
    4 => ClosedEarly,
    5 => TimedOut,
    6 => Refused(status),
    7 => MalformedHandshake(what),
    8 => ProtocolError(what),
    9 => MessageTooLarge,
    10 => Closed(close),
    11 => NotAllowed(what),
    12 => Other(what),
});
taped_record!(Datetime { seconds, nanoseconds });
