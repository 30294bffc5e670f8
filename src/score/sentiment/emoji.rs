//! Emoji as words: the reference reads a symbol as the name that Unicode gives it.

/// Made by `data/make_tables.py`: a count, the code points in order, the end of each name, names.
const BYTES: &[u8] = include_bytes!("../data/emoji.bin");
const COUNT: usize = u16_at(0) as usize;
const ENDS_AT: usize = 2 + 4 * COUNT;
const NAMES_AT: usize = ENDS_AT + 2 * COUNT;

const fn u16_at(at: usize) -> u16 {
    u16::from_le_bytes([BYTES[at], BYTES[at + 1]])
}

/// The name of a symbol, one to six words, or `None` if it has none.
pub(super) fn name(c: char) -> Option<&'static str> {
    if c.is_ascii() {
        return None;
    }
    let (codes, _) = BYTES[2..ENDS_AT].as_chunks::<4>();
    let place = codes
        .binary_search_by_key(&(c as u32), |code| u32::from_le_bytes(*code))
        .ok()?;
    let end = |place: usize| usize::from(u16_at(ENDS_AT + 2 * place));
    let start = if place == 0 { 0 } else { end(place - 1) };
    str::from_utf8(&BYTES[NAMES_AT + start..NAMES_AT + end(place)]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_have_names_and_letters_have_none() {
        assert_eq!(name('😀'), Some("grinning face"));
        assert_eq!(name('❤'), Some("red heart"));
        assert_eq!(name('a'), None);
        assert_eq!(name('é'), None);
        let named = (0..=0x10_ffff).filter_map(char::from_u32).filter_map(name);
        assert_eq!(named.filter(|name| !name.is_empty()).count(), COUNT);
    }
}
