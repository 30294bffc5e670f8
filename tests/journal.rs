//! The spill journal on a real disk, in a process of its own that is killed at any moment; and how
//! fast it is.
#![allow(clippy::unwrap_used)]
#![allow(clippy::print_stdout, reason = "figures, and what a child has to say")]

use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use maitred::store::journal::{Folder, Journal};
use maitred::store::{TextRow, TextState, Write};
use uuid::Uuid;

/// Where the child of [`kill_9_loses_nothing_that_was_acknowledged`] writes.
const FOLDER: &str = "MAITRED_TEST_JOURNAL";

fn save(n: u64, bytes: usize) -> Write {
    let text = TextRow {
        id: Uuid::from_u128(u128::from(n)),
        tenant: "local".to_owned(),
        search_term_id: Uuid::nil(),
        term: "tea".to_owned(),
        text: "x".repeat(bytes),
        provider: "offline".to_owned(),
        model: "offline".to_owned(),
        offline: true,
        finish_reason: None,
        state: TextState::Complete,
        prompt_tokens: None,
        completion_tokens: None,
        created_ms: 0,
        scores: None,
    };
    Write::Save {
        requests: Vec::new(),
        text: Some(Box::new(text)),
        analysis: None,
    }
}

fn id_of(write: &Write) -> u64 {
    match write {
        Write::Save {
            text: Some(text), ..
        } => text.id.as_u128() as u64,
        other => panic!("{other:?}"),
    }
}

fn open(folder: &Path) -> Journal<Folder> {
    let mut journal = Journal::open(Folder(PathBuf::from(folder)), Uuid::from_u128(7)).unwrap();
    assert_eq!(journal.damage(), None);
    journal.prepare().unwrap();
    journal
}

/// Not a test: the process that is killed. It says the number of each row that is on the disk, replays
/// some now and then, and says which.
#[test]
#[ignore = "the child of another test"]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let mut journal = open(Path::new(&folder));
    let mut out = std::io::stdout().lock();
    let mut next: u64 = std::env::var("FIRST").unwrap().parse().unwrap();
    loop {
        let rows: Vec<Write> = (next..next + 1 + next % 5)
            .map(|n| save(n, (n as usize * 37) % 3_000))
            .collect();
        let group: Vec<(i64, &Write)> = rows.iter().map(|row| (0, row)).collect();
        for (row, result) in rows.iter().zip(journal.append(&group)) {
            result.unwrap();
            writeln!(out, "kept {}", id_of(row)).unwrap();
        }
        next += rows.len() as u64;
        if next.is_multiple_of(7) {
            let batch = journal.next_batch().unwrap();
            for row in &batch.writes {
                writeln!(out, "replayed {}", id_of(row)).unwrap(); // the commit
            }
            journal.advance(batch.through).unwrap();
        }
    }
}

#[test]
fn kill_9_loses_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = fastrand::Rng::with_seed(fastrand::u64(..));
    let (mut kept, mut replayed) = (Vec::new(), std::collections::BTreeSet::new());
    let mut first = 1;
    for _ in 0..20 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--ignored", "--nocapture"])
            .env(FOLDER, folder.path())
            .env("FIRST", first.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let moment = Duration::from_micros(random.u64(10_000..150_000));
        let killer = std::thread::spawn(move || {
            std::thread::sleep(moment);
            child.kill().unwrap();
            child.wait().unwrap();
        });
        for line in lines {
            let line = line.unwrap();
            if let Some(n) = line.strip_prefix("kept ") {
                kept.push(n.parse::<u64>().unwrap());
            } else if let Some(n) = line.strip_prefix("replayed ") {
                replayed.insert(n.parse::<u64>().unwrap());
            }
        }
        killer.join().unwrap();
        first = kept.last().map_or(1, |last| last + 1_000); // what it had begun is not met again
    }
    let mut journal = open(folder.path());
    loop {
        let batch = journal.next_batch().unwrap();
        if batch.writes.is_empty() {
            break;
        }
        replayed.extend(batch.writes.iter().map(id_of));
        journal.advance(batch.through).unwrap();
    }
    let lost: Vec<&u64> = kept.iter().filter(|n| !replayed.contains(n)).collect();
    println!(
        "{} rows acknowledged, {} replayed",
        kept.len(),
        replayed.len()
    );
    assert!(lost.is_empty(), "{lost:?}");
    assert!(kept.len() > 100, "the drill drilled nothing");
}

/// `cargo test --release --test journal -- --ignored --nocapture speed`
#[test]
#[ignore = "figures"]
fn speed() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(folder.path());
    let rows: Vec<Write> = (0..20_000).map(|n| save(n, 4_096)).collect();
    for group in [1, 32, 256] {
        let some = &rows[..(group * 200).min(rows.len())];
        let begun = Instant::now();
        for piece in some.chunks(group) {
            let piece: Vec<(i64, &Write)> = piece.iter().map(|row| (0, row)).collect();
            assert!(journal.append(&piece).iter().all(Result::is_ok));
        }
        let rate = some.len() as f64 / begun.elapsed().as_secs_f64();
        println!("{rate:8.0} rows of 4 KiB a second appended, {group} to a sync");
    }
    let (begun, mut count) = (Instant::now(), 0);
    loop {
        let batch = journal.next_batch().unwrap();
        if batch.writes.is_empty() {
            break;
        }
        count += batch.writes.len();
        journal.advance(batch.through).unwrap();
    }
    let rate = f64::from(count as u32) / begun.elapsed().as_secs_f64();
    println!("{rate:8.0} a second read back, the cursor moved after each 256");
}
