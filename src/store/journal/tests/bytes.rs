//! The format: torn at every byte, flipped at every byte, and the same for ever.

use super::*;
use crate::store::journal::format::{SEGMENT_HEAD, SegmentHead, put_record};
use crate::store::journal::{cursor, segment};

/// The file that the first rows are in.
const FIRST: &str = "segment-0000000001";

/// A journal with three rows, each of a group of its own, and where each of them ends.
fn three() -> (Model, Vec<usize>) {
    let disk = Model::default();
    let mut journal = open(&disk);
    let mut ends = Vec::new();
    for n in 1..=3 {
        put(&mut journal, &save(n, "a cup of tea")).unwrap();
        ends.push(journal.segments[0].end as usize);
    }
    (disk, ends)
}

#[test]
fn the_bytes_are_those_of_format_1() {
    let head = SegmentHead {
        journal: NAME,
        segment: 1,
        first: 1,
        durable: 0,
    };
    let expected = "6d7472646a726e6c010000009a860c0c000000000000000000000000000000070100000000000000\
                    01000000000000000000000000000000";
    assert_eq!(hex(&head.encode()), expected);
    assert_eq!(SegmentHead::decode(&head.encode()), Ok(head));

    let mut bytes = Vec::new();
    assert!(put_record(&mut bytes, (2, 1, 5), &delete(9)));
    let row = r#"{"Delete":{"tenant":"local","id":"00000000-0000-0000-0000-000000000009"}}"#;
    let expected = "4d524543490000009545cfce020000000000000001000000000000000500000000000000";
    assert_eq!(hex(&bytes[..36]), expected);
    assert_eq!(&bytes[36..], row.as_bytes());
}

#[test]
fn rows_that_were_written_before_are_read_for_ever() {
    // If this fails, journals of older versions cannot be replayed: give new fields a default.
    let row = r#"{"Save":{"requests":[{"id":"00000000-0000-0000-0000-0000000f4241","tenant":"local",
        "route":"/generate/","generation_id":"00000000-0000-0000-0000-000000000001","outcome":"ok",
        "status":200,"streamed":false,"provider":null,"model":null,"prompt_tokens":null,
        "completion_tokens":null,"error_code":null,"started_ms":1700000000000,"duration_us":5,
        "inbound":"own","calls":{"asked_model":null,"key_name":null,"attempts":0,
        "finish_reason":null,"native_finish_reason":null,"cached_tokens":null,"reasoning_tokens":null,
        "cost":null,"queue_us":null,"connect_us":null,"lost_us":null,"first_byte_us":null,
        "first_content_us":null}}],
        "text":{"id":"00000000-0000-0000-0000-000000000001","tenant":"local",
        "search_term_id":"00000000-0000-0000-0000-000000000001","term":"tea","text":"a","provider":"openai",
        "model":"gpt","offline":false,"finish_reason":"stop","state":"complete","prompt_tokens":3,
        "completion_tokens":null,"created_ms":1700000000000,"scores":null},"analysis":null}}"#;
    assert_eq!(serde_json::from_str::<Write>(row).unwrap(), save(1, "a"));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_file_cut_anywhere_gives_the_rows_before_the_cut() {
    let (disk, ends) = three();
    for cut in SEGMENT_HEAD..=ends[2] {
        let torn = disk.after_a_kill();
        torn.edit(FIRST, |bytes| bytes.truncate(cut));
        let mut journal = open(&torn);
        let whole = ends.iter().filter(|end| **end <= cut).count() as u64;
        assert_eq!((journal.damage(), journal.standing().rows), (None, whole));
        // What comes now is behind the cut, and there after the next start too.
        put(&mut journal, &save(9, "later")).unwrap();
        let mut again = open(&torn);
        let rows: Vec<Write> = (1..=whole).map(|n| save(n, "a cup of tea")).collect();
        assert_eq!(drain(&mut again), [rows, vec![save(9, "later")]].concat());
    }
}

#[test]
fn a_byte_flipped_anywhere_is_noticed() {
    let (disk, ends) = three();
    for at in 0..ends[2] {
        let flipped = disk.after_a_kill();
        flipped.edit(FIRST, |bytes| bytes[at] ^= 0x20);
        let Ok(mut journal) = try_open(&flipped) else {
            assert!((8..32).contains(&at), "a version or a name at {at}");
            continue;
        };
        let before = ends.iter().filter(|end| **end <= at).count();
        // The last record cannot be told from one that was being written when the power went.
        let last = at >= ends[1];
        assert_eq!(journal.damage().is_none(), last, "at {at}");
        assert_eq!(drain(&mut journal).len(), before, "at {at}");
        if !last {
            let refused = put(&mut journal, &save(9, "no")).unwrap_err();
            let file = FIRST.to_owned();
            let offset = if at < SEGMENT_HEAD {
                0
            } else {
                [56, ends[0]][before]
            };
            let offset = offset as u64;
            assert_eq!(refused, JournalError::Damaged { file, offset });
            let kept = flipped.edit(FIRST, |bytes| bytes.len());
            assert!(kept >= ends[2], "the file is as it was");
        }
    }
}

#[test]
fn half_a_group_was_never_promised_though_its_other_half_is_there() {
    let disk = Model::default();
    let mut journal = open(&disk);
    put(&mut journal, &save(1, "promised")).unwrap();
    let start = journal.segments[0].end as usize;
    let rows = [save(2, "lost"), save(3, "on the disk, by chance")];
    let group: Vec<(i64, &Write)> = rows.iter().map(|row| (5, row)).collect();
    journal.append(&group);
    disk.edit(FIRST, |bytes| bytes[start..start + 40].fill(0));
    let mut journal = open(&disk);
    assert_eq!(journal.damage(), None);
    assert_eq!(drain(&mut journal), [save(1, "promised")]);
}

#[test]
fn the_last_record_is_protected_by_the_segment_after_it() {
    let (disk, ends) = three();
    drop(open(&disk)); // begins segment 2, which says that three records were there
    disk.edit(FIRST, |bytes| bytes[ends[2] - 1] ^= 1);
    let mut journal = open(&disk);
    assert!(journal.damage().is_some() && journal.standing().damaged);
    assert_eq!(drain(&mut journal).len(), 2);
}

#[test]
fn a_segment_that_is_missing_is_damage() {
    let disk = Model::default();
    for n in 1..=3 {
        put(&mut open(&disk), &save(n, "one start each")).unwrap();
    }
    for (missing, left) in [(1, 0), (2, 1), (3, 3)] {
        let disk = disk.after_a_kill();
        disk.remove(&segment::name(missing)).unwrap();
        if missing == 3 {
            continue; // nothing is left that could tell
        }
        let mut journal = open(&disk);
        assert!(journal.damage().is_some(), "without segment {missing}");
        assert_eq!(drain(&mut journal).len(), left);
    }
}

#[test]
fn the_cursor_survives_half_a_write_and_not_two() {
    let disk = Model::default();
    let mut journal = open(&disk);
    for n in 1..=3 {
        put(&mut journal, &save(n, "replayed")).unwrap();
    }
    let batch = journal.next_batch().unwrap();
    put(&mut journal, &save(4, "waits, so that the file stays")).unwrap();
    journal.advance(batch.through).unwrap();
    for at in (0..48).chain(4096..4144) {
        let torn = disk.after_a_kill();
        torn.edit(cursor::NAME, |bytes| bytes[at] ^= 1);
        let mut journal = open(&torn);
        // The slot of turn 2, which is the first, said 3. Without it all of them come again.
        let rows = if at < 48 && !(12..16).contains(&at) {
            4
        } else {
            1
        };
        assert_eq!(drain(&mut journal).len(), rows, "at {at}");
        torn.edit(cursor::NAME, |bytes| bytes.fill(1));
        let refused = try_open(&torn).unwrap_err();
        assert!(matches!(refused, JournalError::Damaged { file, .. } if file == "cursor"));
    }
}

#[test]
fn without_a_cursor_everything_that_is_there_comes_again() {
    let (disk, _) = three();
    disk.remove(cursor::NAME).unwrap();
    let mut journal = Journal::open_with(disk, id(99), ROOM).unwrap();
    assert_eq!(
        (journal.cursor.journal, drain(&mut journal).len()),
        (NAME, 3)
    );
}

#[test]
fn a_segment_of_another_journal_is_refused() {
    let (disk, _) = three();
    let other = Model::default();
    put(
        &mut Journal::open_with(other.clone(), id(8), ROOM).unwrap(),
        &save(1, "b"),
    )
    .unwrap();
    let foreign = other.edit(FIRST, |bytes| bytes.clone());
    disk.edit(FIRST, |bytes| *bytes = foreign);
    let refused = try_open(&disk).unwrap_err();
    assert!(matches!(refused, JournalError::Foreign { .. }));
}
