//! Where the rows of a file begin, and how one is read.

use std::cell::RefCell;
use std::fs::File;
use std::io;

use crate::load::LONGEST;
use crate::{Changed, NoRow, RowFormat};

/// How many bytes of rows share a mark: a page, which is what the system reads from the disk in any case. A
/// mark takes 12 bytes, so that the index is a three-hundredth of the file. A row is found by looking
/// through so many bytes, or through the one row that is longer.
const MARK_EVERY: u64 = 4 << 10;

/// Where some of the rows begin: at least one in [`MARK_EVERY`] bytes, if there is one.
///
/// Two lists of the same length and not one of pairs, which would take 16 bytes each.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// Where a marked row begins.
    places: Vec<u64>,
    /// Its number.
    numbers: Vec<u32>,
    rows: u32,
    /// Where the last row ends.
    end: u64,
}

thread_local! {
    /// What was read last: the room is used again, the bytes are not. No larger than a mark and a row may be.
    static BLOCK: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Index {
    /// How many rows there are.
    pub(crate) fn rows(&self) -> u32 {
        self.rows
    }

    /// Takes note of the next row. Says whether there is a number for it.
    pub(crate) fn push(&mut self, at: u64, end: u64) -> bool {
        // The largest number is left out, so that there is also one for how many there are.
        if self.rows == u32::MAX {
            return false;
        }
        if self.places.last().is_none_or(|place| at - place >= MARK_EVERY) {
            self.places.push(at);
            self.numbers.push(self.rows);
        }
        self.rows += 1;
        self.end = end;
        true
    }

    /// Gives back the room that marks still to come would have taken.
    pub(crate) fn shrink(&mut self) {
        self.places.shrink_to_fit();
        self.numbers.shrink_to_fit();
    }

    /// Reads a row. `fields` is how many it must have, in formats where that is always the same.
    ///
    /// Fails if the file cannot be read, or has changed so that the row is none any more.
    pub(crate) fn read(
        &self,
        row: u32,
        file: &File,
        format: RowFormat,
        fields: usize,
    ) -> Result<String, NoRow> {
        let after = self.numbers.partition_point(|number| *number <= row);
        let mark = after.checked_sub(1).ok_or(NoRow::NoSuchRow)?;
        let (at, number) = (self.places[mark], self.numbers[mark]);
        let end = self.places.get(after).copied().unwrap_or(self.end);
        // Beyond the marked row's neighbours and the longest row there is nothing but empty lines.
        let longest = MARK_EVERY as usize + LONGEST;
        let length = usize::try_from(end - at).unwrap_or(longest).min(longest);
        BLOCK.with_borrow_mut(|block| {
            if block.len() < length {
                block.resize(length, 0);
            }
            let block = &mut block[..length];
            read_exact_at(file, block, at).map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => NoRow::Changed(Changed),
                _ => NoRow::Unreadable(error),
            })?;
            Ok(nth(block, row - number, format, fields)?.to_owned())
        })
    }
}

/// The n-th of the rows that these bytes are.
fn nth(bytes: &[u8], n: u32, format: RowFormat, fields: usize) -> Result<&str, Changed> {
    let (mut rest, mut before) = (bytes, n);
    while !rest.is_empty() {
        let end = format.row(rest).map_err(|_| Changed)?;
        // An empty line is no row.
        if end.length > 0 {
            if before == 0 {
                let text = str::from_utf8(&rest[..end.length]).map_err(|_| Changed)?;
                return if end.fields == fields { Ok(text) } else { Err(Changed) };
            }
            before -= 1;
        }
        rest = &rest[end.next..];
    }
    Err(Changed)
}

/// Reads where no other reader of the file notices.
#[cfg(unix)]
fn read_exact_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, at)
}

/// Reads where no other reader of the file notices: each says where it reads.
#[cfg(windows)]
fn read_exact_at(file: &File, mut buffer: &mut [u8], mut at: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, buffer, at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                buffer = &mut buffer[read..];
                at += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_a_small_part_of_the_file() {
        for length in [2, 100, 1_000, 5_000] {
            let mut index = Index::default();
            let mut at = 0;
            while at < 1 << 20 {
                assert!(index.push(at, at + length));
                at += length;
            }
            index.shrink();
            let size = size_of_val(&*index.places) + size_of_val(&*index.numbers);
            assert!(size as u64 <= at / 340, "{size} bytes for {at} in rows of {length}");
        }
    }
}
