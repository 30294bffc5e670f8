//! Server-sent events of a provider: they read alike however they are cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use maitred::proto::sse::Reader;

type Seen = Vec<(Vec<u8>, Vec<u8>, Vec<u8>)>;

/// All events of `pieces`, and whether the stream could be read to its end.
fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Seen, bool, bool) {
    let (mut reader, mut seen) = (Reader::new(), Vec::new());
    for mut piece in pieces {
        loop {
            match reader.next(&mut piece) {
                Ok(Some(event)) => {
                    seen.push((event.name.to_vec(), event.data.to_vec(), event.id.to_vec()));
                }
                Ok(None) => break,
                Err(_) => return (seen, false, false),
            }
        }
        assert!(
            piece.is_empty(),
            "without an event all of the input is used"
        );
    }
    let partial = reader.has_partial();
    (seen, true, partial)
}

fuzz_target!(|data: &[u8]| {
    let Some((size, input)) = data.split_first() else {
        return;
    };
    let whole = read(std::iter::once(input));
    let size = usize::from(*size) + 1;
    assert_eq!(whole, read(input.chunks(size)), "in pieces of {size}");
});
