//! The policy alone: it is told what happened, and says what is next.
#![allow(clippy::unwrap_used)]

use super::*;

const START: Mono = Mono(1_000_000_000);

fn busy() -> StoreError {
    StoreError::Busy {
        path: "maitred.db".into(),
    }
}

fn standing(rows: u64, bytes: u64) -> Standing {
    Standing {
        rows,
        bytes,
        ..Standing::default()
    }
}

fn row() -> Write {
    Write::Save {
        requests: Vec::new(),
        text: None,
        analysis: None,
    }
}

fn batch(through: u64) -> Option<(Batch, Standing)> {
    let writes = vec![row()];
    Some((Batch { writes, through }, standing(through, 100)))
}

fn nothing() -> Option<(Batch, Standing)> {
    Some((Batch::default(), Standing::default()))
}

fn spill() -> Spill {
    Spill::new(Durable::Spill, 1024 * 1024)
}

#[test]
fn a_database_that_goes_and_comes_back() {
    let mut spill = spill();
    assert_eq!((spill.away(), spill.deadline()), (None, Mono::NEVER));
    spill.failed(START, &busy());
    assert!(spill.away().is_some() && spill.can_keep(&row()));
    spill.kept(START, standing(1, 50));
    spill.kept(START, standing(2, 100));

    let due = START.plus_ms(SPILL_PROBE_MS);
    assert_eq!(spill.deadline(), due);
    assert_eq!(spill.due(START), None);
    assert_eq!(spill.due(due), Some(Step::Read));
    assert_eq!(spill.batch(due, batch(2)), Some(Step::Replay(vec![row()])));
    assert!(spill.away().is_some(), "it is only tried");
    assert_eq!(spill.replayed(due, Ok(())), Some(Step::Advance(2)));
    assert!(spill.away().is_none(), "new rows go there again");
    let (rows, step) = spill.advanced(due, Some(Standing::default()));
    assert_eq!((rows, step, spill.deadline()), (1, None, Mono::NEVER));
}

#[test]
fn the_wait_doubles_to_its_bound_and_begins_anew_after_a_success() {
    let mut spill = spill();
    let mut now = START;
    spill.failed(now, &busy());
    spill.kept(now, standing(9, 900));
    let mut waits = Vec::new();
    for _ in 0..7 {
        waits.push(spill.deadline().since(now) / 1_000_000);
        now = spill.deadline();
        spill.due(now).unwrap();
        spill.batch(now, batch(1)).unwrap();
        assert_eq!(spill.replayed(now, Err(busy())), None);
    }
    assert_eq!(waits, [250, 500, 1000, 2000, 4000, 4000, 4000]);
    now = spill.deadline();
    spill.due(now).unwrap();
    spill.batch(now, batch(1)).unwrap();
    spill.replayed(now, Ok(())).unwrap();
    // More waits, and goes on at once, until the database is away again.
    assert_eq!(
        spill.advanced(now, Some(standing(8, 800))).1,
        Some(Step::Read)
    );
    spill.batch(now, batch(2)).unwrap();
    assert_eq!(spill.replayed(now, Err(busy())), None);
    assert_eq!(spill.deadline(), now.plus_ms(SPILL_PROBE_MS));
}

#[test]
fn a_cursor_that_cannot_be_moved_keeps_nothing_from_the_database() {
    let mut spill = spill();
    spill.found(START, standing(1, 50));
    spill.due(START).unwrap();
    spill.batch(START, batch(1)).unwrap();
    spill.replayed(START, Ok(())).unwrap();
    assert_eq!(spill.advanced(START, None), (0, None));
    assert!(spill.away().is_none());
    assert_eq!(
        spill.due(spill.deadline()),
        Some(Step::Read),
        "they come again"
    );
}

#[test]
fn nothing_to_try_it_with_means_that_the_next_row_tells() {
    let mut spill = spill();
    spill.failed(START, &busy());
    let due = spill.deadline();
    spill.due(due).unwrap();
    assert_eq!(spill.batch(due, nothing()), None);
    assert!(spill.away().is_none());
    // A row that was on its way to the journal meanwhile is not forgotten.
    spill.kept(due, standing(1, 50));
    assert_eq!(spill.due(due), Some(Step::Read));
}

#[test]
fn room_is_kept_for_the_texts_in_flight() {
    let mut spill = spill();
    assert_eq!(spill.admit(1_000_000), Ok(()), "the database takes rows");
    spill.failed(START, &busy());
    let texts = 1024 * 1024 / JOURNAL_TEXT_BYTES;
    assert_eq!(spill.admit(texts - 1), Ok(()));
    assert_eq!(spill.admit(texts), Err(busy()));
    spill.kept(START, standing(1, JOURNAL_TEXT_BYTES));
    assert_eq!(spill.admit(texts - 2), Ok(()));
    assert_eq!(spill.admit(texts - 1), Err(busy()));
    spill.kept(START, standing(JOURNAL_ROWS, 0));
    assert!(spill.admit(0).is_err() && spill.is_full());
}

#[test]
fn with_strict_rows_go_nowhere_else_and_what_waited_before_is_replayed() {
    let mut spill = Spill::new(Durable::Strict, 1024 * 1024);
    spill.failed(START, &busy());
    assert!(spill.away().is_none() && !spill.can_keep(&row()));
    spill.found(START, standing(3, 300));
    assert_eq!(spill.due(START), Some(Step::Read));
    spill.batch(START, batch(3)).unwrap();
    assert_eq!(spill.replayed(START, Err(busy())), None);
    assert_eq!(spill.admit(0), Ok(()), "each row is told by itself");
}

#[test]
fn a_damaged_journal_takes_no_rows() {
    let mut spill = spill();
    let damaged = Standing {
        damaged: true,
        ..standing(2, 100)
    };
    spill.found(START, damaged);
    spill.failed(START, &busy());
    assert!(!spill.can_keep(&row()));
    spill.due(spill.deadline()).unwrap();
    // What can be read is replayed; then there is nothing more to be done.
    spill.batch(START, batch(2)).unwrap();
    spill.replayed(START, Ok(())).unwrap();
    let rest = Standing {
        damaged: true,
        ..Standing::default()
    };
    assert_eq!(spill.advanced(START, Some(rest)), (1, None));
    assert_eq!(spill.deadline(), Mono::NEVER);
}

#[test]
fn only_rows_that_depend_on_nothing_can_wait() {
    let spill = spill();
    let tenant = || "local".to_owned();
    let id = uuid::Uuid::nil();
    assert!(!spill.can_keep(&Write::Delete {
        tenant: tenant(),
        id
    }));
    assert!(!spill.can_keep(&Write::Import(Vec::new())));
    assert!(!spill.can_keep(&Write::Replay(Vec::new())));
}

fn refused() -> StoreError {
    StoreError::Failed {
        path: "maitred.db".into(),
        reason: "a constraint".to_owned(),
    }
}

/// Two rows, and the second is none that the database will ever take.
#[test]
fn a_row_that_is_refused_is_found_and_set_aside_and_the_others_go_on() {
    let mut spill = spill();
    spill.found(START, standing(3, 300));
    spill.due(START).unwrap();
    let two = Batch {
        writes: vec![row(), row()],
        through: 2,
    };
    spill.batch(START, Some((two, standing(3, 300)))).unwrap();
    let step = spill.replayed(START, Err(refused()));
    assert_eq!(step, Some(Step::ReadOne), "which of them is it?");
    spill.batch(START, batch(1)).unwrap();
    assert_eq!(spill.replayed(START, Ok(())), Some(Step::Advance(1)));
    let next = spill.advanced(START, Some(standing(2, 200)));
    assert_eq!(next, (1, Some(Step::ReadOne)));
    spill.batch(START, batch(2)).unwrap();
    let step = spill.replayed(START, Err(refused()));
    let why = refused().to_string();
    assert_eq!(step, Some(Step::SetAside { through: 2, why }));
    let next = spill.advanced(START, Some(standing(1, 100)));
    assert_eq!(next, (0, Some(Step::Read)), "the rest goes as before");
}

#[test]
fn when_too_many_are_set_aside_it_is_not_the_rows() {
    let mut spill = spill();
    let full = Standing {
        aside: JOURNAL_ASIDE_ROWS,
        ..standing(1, 100)
    };
    spill.found(START, full);
    spill.due(START).unwrap();
    let one = Batch {
        writes: vec![row()],
        through: 1,
    };
    spill.batch(START, Some((one, full))).unwrap();
    assert_eq!(spill.replayed(START, Err(refused())), None);
    assert!(spill.deadline() > START, "tried again later");
}

/// It is not known whether it was done: it is no fault of the row.
#[test]
fn an_unknown_outcome_sets_nothing_aside() {
    let mut spill = spill();
    spill.found(START, standing(1, 50));
    spill.due(START).unwrap();
    spill.batch(START, batch(1)).unwrap();
    assert_eq!(spill.replayed(START, Err(StoreError::Unknown)), None);
}
