use crossbeam_channel::{Sender, unbounded};
use uuid::Uuid;

use super::*;
use crate::engine::Key;
use crate::engine::flow::import::line;
use crate::limits::IMPORT_BATCH_ROWS;

/// A batch of an import with so many rows.
fn import(rows: usize) -> Write {
    let line = br#"{"topic":"tea","text":"I like it."}"#;
    let batch = line::read(line, 1, &|| false).expect("it is not cancelled");
    let texts = batch.texts.into_iter().cycle().take(rows);
    Write::Import(texts.map(|text| text.into_row(Uuid::nil(), 0)).collect())
}

fn delete() -> Write {
    let (tenant, id) = ("local".to_owned(), Uuid::nil());
    Write::Delete { tenant, id }
}

fn send(to: &Sender<Order>, writes: impl IntoIterator<Item = Write>) {
    for (index, write) in (0..).zip(writes) {
        let order = Order {
            id: WorkId(Key { index, epoch: 0 }),
            write,
            withdrawn: None,
        };
        to.send(order).expect("the receiver is there");
    }
}

/// How many rows each group has: 0 for a write of a client.
fn groups(writes: Vec<Write>) -> Vec<Vec<usize>> {
    let (to, from) = unbounded();
    let count = writes.len();
    send(&to, writes);
    let (mut group, mut groups, mut ids) = (Group::default(), Vec::new(), Vec::new());
    while let Some(first) = group.kept().or_else(|| from.try_recv().ok()) {
        group.fill(first, &from);
        ids.extend(group.ids.iter().map(|id| id.0.index as usize));
        let rows = group.writes.iter().map(|write| match write {
            Write::Import(rows) => rows.len(),
            _ => 0,
        });
        groups.push(rows.collect());
    }
    assert_eq!(ids, (0..count).collect::<Vec<_>>(), "all, in their order");
    assert!(!group.is_followed(&from));
    groups
}

#[test]
fn many_small_writes_share_a_transaction() {
    let sizes = groups((0..WRITE_GROUP + 1).map(|_| delete()).collect());
    assert_eq!(sizes, [vec![0; WRITE_GROUP], vec![0]]);
}

#[test]
fn batches_of_several_imports_do_not() {
    let (full, short) = (IMPORT_BATCH_ROWS, 3);
    let imports = (0..4).map(|_| import(full)).collect();
    assert_eq!(groups(imports), vec![vec![full]; 4]);
    let mixed = vec![
        delete(),
        import(full),
        delete(),
        import(short),
        import(short),
        delete(),
    ];
    assert_eq!(
        groups(mixed),
        [vec![0, full], vec![0, short], vec![short, 0]]
    );
}

#[test]
fn a_transaction_never_has_more_rows_than_a_group_and_a_batch() {
    let writes = (0..1_000).map(|n| match n % 7 {
        0 => import(IMPORT_BATCH_ROWS),
        1 => import(n % 100),
        _ => delete(),
    });
    for group in groups(writes.collect()) {
        let rows: usize = group.iter().map(|rows| (*rows).max(1)).sum();
        assert!(rows < WRITE_GROUP + IMPORT_BATCH_ROWS, "{group:?}");
    }
}
