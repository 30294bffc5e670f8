//! Writing a JSON string (RFC 8259 §7), quickly.
//!
//! Prompts are written as JSON for every provider and texts for every client, and most of them need no
//! escape. (Documents of our own are written with this as well: no lower room writes JSON.) Eight bytes are
//! looked at together for one that does; what lies between two of them is copied in one piece.
//! That is the whole gain over a general serializer, which decides byte by byte.

/// Appends `text` as a JSON string, quotes included. What comes out is what `serde_json` writes.
pub fn put_json_string(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    out.reserve(rest.len() + 2);
    out.push(b'"');
    while let Some(at) = first_to_escape(rest) {
        let (plain, from) = rest.split_at(at);
        out.extend_from_slice(plain);
        put_escape(out, from[0]);
        rest = &from[1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// The place of the first byte that may not stand in a JSON string as it is.
fn first_to_escape(bytes: &[u8]) -> Option<usize> {
    let (words, tail) = bytes.as_chunks::<8>();
    let mut at = 0;
    for word in words {
        if has_one_to_escape(u64::from_le_bytes(*word)) {
            break;
        }
        at += 8;
    }
    let near = bytes[at..].iter().position(|byte| needs_escape(*byte));
    debug_assert!(tail.len() < 8);
    near.map(|offset| at + offset)
}

fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Whether one of the eight bytes of `word` is below 0x20, a quote or a backslash. For each the
/// same trick: subtracting one too many borrows into the highest bit of a byte, which was not set
/// before (the usual "has a zero byte" test; a borrow that wanders up only tells a true word
/// twice).
fn has_one_to_escape(word: u64) -> bool {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHS: u64 = u64::from_le_bytes([0x80; 8]);
    let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word & HIGHS;
    let equal = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    (below(word, 0x20) | equal(b'"') | equal(b'\\')) != 0
}

fn put_escape(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x09 => b't',
        0x0a => b'n',
        0x0c => b'f',
        0x0d => b'r',
        _ => {
            let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
            return out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn same(text: &str) {
        let mut ours = b"x".to_vec();
        put_json_string(&mut ours, text);
        assert_eq!(ours[1..], serde_json::to_vec(text).unwrap(), "{text:?}");
    }

    #[test]
    fn every_character_at_every_place_of_a_word_is_written_as_others_write_it() {
        for code in (0..0x300).chain([0x2028, 0x7ff, 0xffff, 0x1f600]) {
            let character = char::from_u32(code).unwrap();
            for before in 0..9 {
                same(&format!("{}{character}tail", "a".repeat(before)));
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_written_as_others_write_it(text in "[\\x00-\\x24\\\\a-c\u{80}é☃😀]{0,40}") {
            same(&text);
        }
    }
}
