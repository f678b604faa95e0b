//! What a request carries: bytes that are there, or that are made as they are sent.
//!
//! A body can be sent more than once (a retry, a redirect that keeps it), so it is read by position and nothing
//! of it is used up.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::{Buf as _, Bytes};

/// How much of a body that is not in memory is made at a time.
const WINDOW: usize = 64 << 10;

/// A request's body; an empty one is none. Cloning it copies no bytes.
#[derive(Clone, Debug)]
pub enum Body {
    /// Bytes in memory.
    Bytes(Bytes),
    /// Bytes that are made as they are sent.
    Made(Arc<dyn Source>),
}

/// Bytes that need not be in memory, such as a file's.
pub trait Source: fmt::Debug + Send + Sync {
    /// How many they are.
    fn length(&self) -> u64;

    /// Fills the beginning of `room` with the bytes from `offset` on, and says how many it filled in: at least one,
    /// where there are any. Called on the thread that sends, so it must not wait for anything slower than a disk.
    ///
    /// Fails if they cannot be had; the exchange fails then with this text.
    fn read_at(&self, offset: u64, room: &mut [u8]) -> io::Result<usize>;
}

impl Body {
    /// How many bytes it has.
    #[must_use]
    pub fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Made(source) => source.length(),
        }
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length() == 0
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::Bytes(Bytes::new())
    }
}

impl<B: Into<Bytes>> From<B> for Body {
    fn from(bytes: B) -> Self {
        Self::Bytes(bytes.into())
    }
}

/// A file as it was when it was opened, as far as its length goes.
#[derive(Debug)]
pub struct FileSource {
    file: File,
    path: PathBuf,
    length: u64,
}

impl FileSource {
    /// Opens a file.
    ///
    /// Fails as the system does, and with `InvalidInput` for what is no file.
    pub fn open(path: PathBuf) -> io::Result<Self> {
        let file = File::open(&path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
        }
        Ok(Self { file, path, length: metadata.len() })
    }
}

impl Source for FileSource {
    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, room: &mut [u8]) -> io::Result<usize> {
        match read_at(&self.file, room, offset) {
            Ok(0) => Err(io::Error::other(format!(
                "the file `{}` has become shorter since the run began",
                self.path.display()
            ))),
            Ok(read) => Ok(read),
            Err(error) => Err(io::Error::other(format!(
                "failed to read the file `{}`: {error}",
                self.path.display()
            ))),
        }
    }
}

/// Reads where no other reader of the file notices.
#[cfg(unix)]
fn read_at(file: &File, room: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, room, offset)
}

/// Reads where no other reader of the file notices: each says where it reads.
#[cfg(windows)]
fn read_at(file: &File, room: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, room, offset)
}

/// Bytes that nothing can pack, the same for the same seed.
#[derive(Clone, Copy, Debug)]
pub struct RandomSource {
    /// How many.
    pub length: u64,
    /// Which.
    pub seed: u64,
}

impl Source for RandomSource {
    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, room: &mut [u8]) -> io::Result<usize> {
        let left = at_most_usize(self.length.saturating_sub(offset)).min(room.len());
        let room = &mut room[..left];
        // Eight bytes are one number; the first and the last may be cut.
        let (mut number, mut skipped) = (offset / 8, at_most_usize(offset % 8));
        let mut rest = &mut room[..];
        while !rest.is_empty() {
            let bytes = &mixed(self.seed, number).to_le_bytes()[skipped..];
            let some = bytes.len().min(rest.len());
            let (now, later) = rest.split_at_mut(some);
            now.copy_from_slice(&bytes[..some]);
            (rest, number, skipped) = (later, number.wrapping_add(1), 0);
        }
        Ok(left)
    }
}

/// The `number`th of `SplitMix64`'s numbers (Steele, Lea and Flood, OOPSLA 2014), which can be had in any order.
fn mixed(seed: u64, number: u64) -> u64 {
    let mut z = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// One body after another.
#[derive(Debug)]
pub struct Chain {
    parts: Vec<Body>,
    length: u64,
}

impl Chain {
    /// These, in this order.
    #[must_use]
    pub fn new(parts: Vec<Body>) -> Self {
        let length = parts.iter().fold(0, |sum: u64, part| sum.saturating_add(part.length()));
        Self { parts, length }
    }
}

impl Source for Chain {
    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&self, mut offset: u64, room: &mut [u8]) -> io::Result<usize> {
        for part in &self.parts {
            if offset < part.length() {
                return part.read_at(offset, room);
            }
            offset -= part.length();
        }
        Ok(0)
    }
}

impl Body {
    fn read_at(&self, offset: u64, room: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Made(source) => source.read_at(offset, room),
            Self::Bytes(bytes) => {
                let bytes = bytes.get(at_most_usize(offset)..).unwrap_or_default();
                let some = bytes.len().min(room.len());
                room[..some].copy_from_slice(&bytes[..some]);
                Ok(some)
            }
        }
    }
}

/// A body on its way: what has been sent of it, and a piece of the rest in memory.
#[derive(Debug)]
pub(crate) struct Outgoing {
    window: Bytes,
    /// What follows the window, and from where on; nothing if the window is the last.
    source: Option<(Arc<dyn Source>, u64)>,
}

impl Outgoing {
    pub(crate) fn new(body: &Body) -> Self {
        match body {
            Body::Bytes(bytes) => Self { window: bytes.clone(), source: None },
            Body::Made(source) => {
                Self { window: Bytes::new(), source: Some((Arc::clone(source), 0)) }
            }
        }
    }

    /// Whether anything is left.
    pub(crate) fn has_remaining(&self) -> bool {
        !self.window.is_empty()
            || self.source.as_ref().is_some_and(|(source, offset)| *offset < source.length())
    }

    /// The next bytes; none if nothing is left.
    ///
    /// Fails if they cannot be had.
    pub(crate) fn chunk(&mut self) -> io::Result<&Bytes> {
        if self.window.is_empty()
            && let Some((source, offset)) = &mut self.source
        {
            let left = source.length().saturating_sub(*offset);
            let mut window = vec![0; at_most_usize(left).min(WINDOW)];
            if !window.is_empty() {
                let read = source.read_at(*offset, &mut window)?;
                if read == 0 {
                    return Err(io::Error::other("the body is shorter than was announced"));
                }
                window.truncate(read);
                *offset += read as u64;
                self.window = window.into();
            }
        }
        Ok(&self.window)
    }

    /// So many of the next bytes have been sent.
    pub(crate) fn advance(&mut self, sent: usize) {
        self.window.advance(sent);
    }
}

/// A length, as far as memory goes.
pub(crate) fn at_most_usize(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// All of a body, taken so many bytes at a time.
    fn sent(body: &Body, step: usize) -> io::Result<Vec<u8>> {
        let (mut outgoing, mut all) = (Outgoing::new(body), Vec::new());
        while outgoing.has_remaining() {
            let chunk = outgoing.chunk()?;
            let some = chunk.len().min(step);
            all.extend_from_slice(&chunk[..some]);
            outgoing.advance(some);
        }
        Ok(all)
    }

    #[test]
    fn random_bytes_are_the_same_wherever_they_are_begun() {
        let source = RandomSource { length: 1_000, seed: 7 };
        let whole = sent(&Body::Made(Arc::new(source)), 1_000).expect("they are made");
        assert_eq!(whole.len(), 1_000);
        for (offset, length) in [(0, 1), (3, 9), (8, 8), (17, 100), (995, 100), (1_000, 5)] {
            let mut room = vec![0; length];
            let read = source.read_at(offset as u64, &mut room).expect("they are made");
            assert_eq!(room[..read], whole[offset..(offset + length).min(1_000)]);
        }
        let other = RandomSource { seed: 8, ..source };
        assert_ne!(sent(&Body::Made(Arc::new(other)), 64).expect("they are made"), whole);
        // The first two numbers for the seed 0, as the authors' program gives them.
        assert_eq!(mixed(0, 0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(mixed(0, 1), 0x6e78_9e6a_a1b9_65f4);
    }

    #[test]
    fn a_chain_is_its_parts_in_order_whatever_they_are_made_of() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(&b"file ".repeat(30_000)).expect("it is written");
        let source = FileSource::open(file.path().to_owned()).expect("it is there");
        let random = RandomSource { length: 77, seed: 1 };
        let mut expected = b"before ".to_vec();
        expected.extend(b"file ".repeat(30_000));
        expected.extend(sent(&Body::Made(Arc::new(random)), 99).expect("they are made"));
        expected.extend(b" after");
        let parts = vec![
            Body::from(&b"before "[..]),
            Body::default(),
            Body::Made(Arc::new(source)),
            Body::Made(Arc::new(random)),
            Body::from(&b" after"[..]),
        ];
        let chain = Body::Made(Arc::new(Chain::new(parts)));
        assert_eq!(chain.length(), expected.len() as u64);
        for step in [1_000, WINDOW, 1 << 20] {
            assert!(sent(&chain, step).expect("all is there") == expected, "{step}");
        }
    }

    #[test]
    fn a_file_that_became_shorter_is_an_error_that_names_it() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(&[b'x'; 100_000]).expect("it is written");
        let source = FileSource::open(file.path().to_owned()).expect("it is there");
        file.as_file().set_len(10).expect("it is cut");
        let error = sent(&Body::Made(Arc::new(source)), 1_000).expect_err("it is shorter");
        assert!(error.to_string().contains("has become shorter since the run began"), "{error}");
        let folder = FileSource::open(std::env::temp_dir()).expect_err("a folder is no file");
        assert_eq!(folder.to_string(), "it is not a file");
    }
}
