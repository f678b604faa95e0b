//! Source maps (ECMA-426), as the SDK reads them: a text for each line of the bundle that stands for itself, so that a
//! place can be looked up in one line and not in all before it; and nothing of the SDK's own lines.
//!
//! The SDK's side is `guest-sdk/js/runtime/failure.js`.

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The mappings of each line, by itself; those into sources without a name are left out. None if it is no map.
pub(super) fn by_line(mappings: &str, sources: &[String]) -> Option<Vec<String>> {
    // The column starts anew in each line, and the others go on: source, line, column.
    let mut all = [0_i64; 4];
    let mut lines = Vec::new();
    for line in mappings.split(';') {
        let mut own = [0_i64; 4];
        let mut text = String::new();
        all[0] = 0;
        for segment in line.split(',').filter(|segment| !segment.is_empty()) {
            let fields = decode(segment)?;
            for (all, field) in all.iter_mut().zip(&fields) {
                *all = all.checked_add(*field)?;
            }
            let source = usize::try_from(all[1]).ok().and_then(|place| sources.get(place));
            if fields.len() < 4 || source.is_none_or(String::is_empty) {
                continue;
            }
            if !text.is_empty() {
                text.push(',');
            }
            for (own, all) in own.iter_mut().zip(all) {
                encode(all - *own, &mut text);
                *own = all;
            }
        }
        lines.push(text);
    }
    Some(lines)
}

fn decode(segment: &str) -> Option<Vec<i64>> {
    let mut fields = Vec::with_capacity(5);
    let (mut value, mut shift) = (0_i64, 0_u32);
    for digit in segment.bytes() {
        let digit = i64::try_from(DIGITS.iter().position(|&known| known == digit)?).ok()?;
        // More than any place needs.
        if shift > 50 {
            return None;
        }
        value |= (digit & 31) << shift;
        shift += 5;
        if digit & 32 == 0 {
            fields.push(if value & 1 == 1 { -(value >> 1) } else { value >> 1 });
            (value, shift) = (0, 0);
        }
    }
    Some(fields)
}

fn encode(value: i64, text: &mut String) {
    let mut left = value.unsigned_abs() << 1 | u64::from(value < 0);
    loop {
        let more = if left > 31 { 32 } else { 0 };
        text.push(char::from(DIGITS[(left & 31 | more) as usize]));
        left >>= 5;
        if more == 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_stands_for_itself() {
        let sources = ["a.js".to_owned(), String::new()];
        // The second line goes on from the first; the third is of a source without a name, and the last from there.
        let lines = by_line("AAAA,IAAI;AACA,gBAAgB;ACDA;ADEA", &sources).unwrap();
        assert_eq!(lines, ["AAAA,IAAI", "AACI,gBAAgB", "", "AAEoB"]);
        for (line, expected) in
            [("AACI", vec![0, 0, 1, 4]), ("gBAAgB", vec![16, 0, 0, 16]), ("D", vec![-1])]
        {
            assert_eq!(decode(line), Some(expected));
        }
    }

    #[test]
    fn what_is_no_map_is_none() {
        for mappings in ["A A", "ü", "gggggggggggggggggggggggg"] {
            assert_eq!(by_line(mappings, &[]), None, "{mappings}");
        }
    }
}
