//! Commands to bytes: an array of bulks, each with its length before it. So no byte of an argument
//! means anything, and a text that says `FLUSHALL` is a text.

use crate::proto::Sink;

/// Writes one command: its name, then its arguments.
pub fn write_command<A: AsRef<[u8]>>(out: &mut impl Sink, words: &[A]) {
    let mut digits = itoa::Buffer::new();
    out.put(b"*");
    out.put(digits.format(words.len()).as_bytes());
    out.put(b"\r\n");
    for word in words {
        let word = word.as_ref();
        out.put(b"$");
        out.put(digits.format(word.len()).as_bytes());
        out.put(b"\r\n");
        out.put(word);
        out.put(b"\r\n");
    }
}
