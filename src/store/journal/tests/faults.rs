//! A disk that fails or is full.

use super::*;
use crate::store::journal::segment;

#[test]
fn whatever_fails_is_not_promised_and_the_next_row_is() {
    for fault in 0..12 {
        let disk = Model::default();
        let mut journal = open(&disk);
        put(&mut journal, &save(1, "before")).unwrap();
        disk.fail_in(fault, false);
        let mut promised = vec![1];
        for n in 2..=9 {
            if put(&mut journal, &save(n, "x")).is_ok() {
                promised.push(n);
            }
        }
        let rows = |journal: &mut Journal<Model>| -> Vec<Write> { drain(journal) };
        let expected: Vec<Write> = (promised.iter())
            .map(|n| save(*n, if *n == 1 { "before" } else { "x" }))
            .collect();
        assert!(promised.len() >= 7, "fault {fault}: {promised:?}");
        let mut again = open(&disk.after_a_kill());
        assert_eq!(rows(&mut journal), expected, "fault {fault}");
        // After a start a row that was refused may be there all the same. A promised one always is.
        let found = rows(&mut again);
        assert!(
            expected.iter().all(|row| found.contains(row)),
            "fault {fault}"
        );
    }
}

#[test]
fn a_failed_sync_ends_its_segment() {
    let disk = Model::default();
    let mut journal = open(&disk);
    put(&mut journal, &save(1, "a")).unwrap();
    disk.fail_in(1, false); // the write is done, the sync is not
    let refused = put(&mut journal, &save(2, "b")).unwrap_err();
    assert!(
        matches!(&refused, JournalError::Io { full: false, .. }),
        "{refused}"
    );
    put(&mut journal, &save(3, "c")).unwrap();
    assert_eq!(journal.segments.len(), 2);
    // What the loss of power makes of the doubtful bytes, nobody was promised.
    for seed in 0..50 {
        let disk = disk.after_a_crash(&mut fastrand::Rng::with_seed(seed));
        let mut journal = open(&disk);
        assert_eq!(journal.damage(), None);
        let mut rows = drain(&mut journal);
        rows.retain(|row| *row != save(2, "b"));
        assert_eq!(rows, [save(1, "a"), save(3, "c")]);
    }
}

#[test]
fn the_room_of_one_segment_is_there_on_a_full_disk() {
    let disk = Model::default();
    let mut journal = open(&disk);
    disk.room(0);
    let long = "x".repeat(1_000);
    let mut taken = 0;
    let refused = loop {
        match put(&mut journal, &save(taken + 1, &long)) {
            Ok(()) => taken += 1,
            Err(error) => break error,
        }
    };
    assert!(
        matches!(&refused, JournalError::Io { full: true, .. }),
        "{refused}"
    );
    assert_eq!(taken, (ROOM - 56) / (journal.standing().bytes / taken));
    assert!(
        !disk
            .list()
            .unwrap()
            .contains(&"segment-0000000002.tmp".to_owned())
    );
    // Once they are replayed the room is wanted again, and there is still none.
    assert_eq!(drain(&mut journal).len() as u64, taken);
    disk.room(1 << 30);
    put(&mut journal, &save(99, "again")).unwrap();
    assert_eq!(drain(&mut open(&disk)), [save(99, "again")]);
}

#[test]
fn a_row_longer_than_a_segment_gets_one_that_is_long_enough() {
    let disk = Model::default();
    let mut journal = open(&disk);
    let long = "\0".repeat(ROOM as usize); // six bytes each
    put(&mut journal, &save(1, "short")).unwrap();
    put(&mut journal, &save(2, &long)).unwrap();
    put(&mut journal, &save(3, "short")).unwrap();
    let mut journal = open(&disk);
    let expected = [save(1, "short"), save(2, &long), save(3, "short")];
    assert!(drain(&mut journal) == expected);
}

#[test]
fn a_group_is_one_sync() {
    let disk = Model::default();
    let mut journal = open(&disk);
    let rows: Vec<Write> = (0..20).map(|n| save(n, "a")).collect();
    let group: Vec<(i64, &Write)> = rows.iter().map(|row| (5, row)).collect();
    let before = disk.syncs();
    assert!(journal.append(&group).iter().all(Result::is_ok));
    assert_eq!(disk.syncs() - before, 1);
}

#[test]
fn files_end_at_their_size_and_go_when_they_are_replayed() {
    let disk = Model::default();
    let mut journal = open(&disk);
    let words = "x".repeat(4_200);
    for n in 0..40 {
        put(&mut journal, &save(n, &words)).unwrap();
    }
    assert_eq!(journal.segments.len(), 7); // six each
    let standing = journal.standing();
    assert_eq!((standing.rows, standing.oldest_ms), (40, Some(5)));
    assert!((190_000..210_000).contains(&standing.bytes), "{standing:?}");
    let batch = journal.next_batch().unwrap();
    assert_eq!(batch.writes.len(), 40);
    assert_eq!(journal.next_batch().unwrap(), batch);
    assert_eq!(drain(&mut journal).len(), 40);
    assert_eq!(journal.standing().rows + journal.standing().bytes, 0);
    // One file that nothing was ever written to, and the cursor.
    assert_eq!(
        disk.list().unwrap(),
        ["cursor".to_owned(), segment::name(8)]
    );
    // The next start goes on with it.
    drop(open(&disk));
    assert_eq!(disk.list().unwrap().len(), 2);
}

/// The disk fails at every step of setting a row aside: the row is on it all the same, once or twice,
/// and in the end it is out of the way and counted once.
#[test]
fn a_row_is_set_aside_whatever_the_disk_does() {
    for fault in 0..10 {
        let disk = Model::default();
        let mut journal = open(&disk);
        put(&mut journal, &save(1, "bad")).unwrap();
        put(&mut journal, &save(2, "good")).unwrap();
        assert_eq!(journal.next_rows(1).unwrap().through, 1);
        disk.fail_in(fault, false);
        let done = journal.set_aside(1).is_ok();
        let mut journal = open(&disk.after_a_kill());
        if !done && journal.standing().rows == 2 {
            assert_eq!(journal.next_rows(1).unwrap().through, 1);
            journal.set_aside(1).unwrap();
        }
        let standing = journal.standing();
        assert_eq!((standing.rows, standing.aside), (1, 1), "fault {fault}");
        assert_eq!(drain(&mut journal), [save(2, "good")]);
    }
}

#[test]
fn only_the_row_that_was_said_last_and_alone_is_set_aside() {
    let mut journal = open(&Model::default());
    put(&mut journal, &save(1, "a")).unwrap();
    put(&mut journal, &save(2, "b")).unwrap();
    assert_eq!(journal.next_batch().unwrap().through, 2);
    journal.set_aside(2).unwrap();
    journal.next_rows(1).unwrap();
    journal.set_aside(7).unwrap();
    assert_eq!((journal.standing().rows, journal.standing().aside), (2, 0));
}
