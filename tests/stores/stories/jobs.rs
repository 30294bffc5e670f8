//! Jobs: who has what in hand, and what becomes of it.

use maitred::store::{
    Came, ClaimedItem, Found, ItemEnd, ItemKey, ItemState, JobFound, JobKind, JobPage, JobProgress,
    JobQuery, JobRow, JobState, JobWrite, JobWritten, NewDelivery, NewItem, Query, Table, Write,
    Written, first_id_at,
};

use crate::Store;
use crate::rows::{analysis, id, request, save, text};

pub(super) const ME: u128 = 71;
const YOU: u128 = 72;

pub(super) fn job(store: &mut dyn Store, write: JobWrite) -> JobWritten {
    match store.put(Write::Job(Box::new(write))) {
        Written::Job(written) => written,
        other => panic!("a job was answered with {other:?}"),
    }
}

/// Job `number`, of so many items. The row of item n has the id of ten times the job, and n.
fn make(store: &mut dyn Store, number: u128, items: u128) {
    make_told(store, number, items, None);
}

/// The same, and who is told when it has ended.
pub(super) fn make_told(
    store: &mut dyn Store,
    number: u128,
    items: u128,
    webhook: Option<&NewDelivery>,
) {
    let row = JobRow {
        id: id(number),
        tenant: "local".into(),
        kind: JobKind::Generate,
        state: JobState::Queued,
        params: r#"{"max_tokens":9}"#.into(),
        items: items as u64,
        done: 0,
        failed: 0,
        created_ms: 100,
        started_ms: None,
        finished_ms: None,
    };
    let item = |n: u128| NewItem {
        input: format!("tea {n}"),
        row_id: id(10 * number + n),
    };
    let items: Vec<NewItem> = (0..items).map(item).collect();
    // The second time nothing happens.
    for _ in 0..2 {
        let write = JobWrite::Create {
            requests: vec![request(1000 + number)],
            job: row.clone(),
            items: items.clone(),
            webhook: webhook.cloned(),
        };
        assert_eq!(job(store, write), JobWritten::Created);
    }
}

pub(super) fn claim(store: &mut dyn Store, owner: u128, now_ms: i64) -> Option<ClaimedItem> {
    let write = JobWrite::Claim {
        owner: id(owner),
        now_ms,
        until_ms: now_ms + 1_000,
    };
    match job(store, write) {
        JobWritten::Claimed(item) => item.map(|item| *item),
        other => panic!("a claim was answered with {other:?}"),
    }
}

pub(super) fn end(store: &mut dyn Store, owner: u128, key: &ItemKey, came: Came) -> bool {
    let end = ItemEnd {
        key: key.clone(),
        owner: id(owner),
        now_ms: 5_000,
        came,
        analysis: None,
    };
    job(store, JobWrite::End(Box::new(end))) == JobWritten::Ended(true)
}

pub(super) fn done() -> Came {
    let result = Some(r#"{"model":"m"}"#.into());
    Came::Done { result }
}

pub(super) fn page(
    store: &mut dyn Store,
    number: u128,
    after: Option<u32>,
    limit: usize,
) -> Option<JobPage> {
    let query = Query::Job(JobQuery::One {
        tenant: "local".into(),
        id: id(number),
        after,
        limit,
    });
    match store.ask(&query).unwrap() {
        Found::Job(JobFound::One(page)) => page.map(|page| *page),
        other => panic!("a job was answered with {other:?}"),
    }
}

fn due(store: &mut dyn Store) -> Option<i64> {
    match store.ask(&Query::Job(JobQuery::Due)).unwrap() {
        Found::Job(JobFound::Due(due_ms)) => due_ms,
        other => panic!("a time was answered with {other:?}"),
    }
}

pub(super) fn an_item_is_in_one_hand_until_it_has_ended(store: &mut dyn Store) {
    make(store, 3, 2);
    assert_eq!(store.count("requests"), 1);
    assert_eq!((due(store), claim(store, ME, 99)), (Some(100), None));
    let first = claim(store, ME, 100).unwrap();
    assert_eq!((&*first.input, first.row_id), ("tea 0", id(30)));
    assert_eq!((first.attempts, first.stored), (1, false));
    assert_eq!(first.params, r#"{"max_tokens":9}"#);
    let second = claim(store, YOU, 100).unwrap();
    assert_eq!((second.key.position, claim(store, YOU, 100)), (1, None));
    assert!(!end(store, YOU, &first.key, done()));
    assert!(end(store, ME, &first.key, done()));
    assert!(!end(store, ME, &first.key, done()));
    let now = page(store, 3, None, 20).unwrap().job;
    assert_eq!((now.state, now.started_ms), (JobState::Running, Some(100)));
    let code = "upstream_quota".to_owned();
    assert!(end(store, YOU, &second.key, Came::Failed { code }));
    let now = page(store, 3, None, 20).unwrap();
    assert_eq!(
        (now.job.state, now.job.finished_ms),
        (JobState::Done, Some(5_000))
    );
    assert_eq!((now.job.done, now.job.failed, due(store)), (1, 1, None));
    assert_eq!(now.items[0].result.as_deref(), Some(r#"{"model":"m"}"#));
    assert_eq!(now.items[1].error_code.as_deref(), Some("upstream_quota"));
}

pub(super) fn what_an_owner_leaves_is_taken_when_its_lease_is_over(store: &mut dyn Store) {
    make(store, 3, 1);
    let mine = claim(store, ME, 100).unwrap();
    assert_eq!((claim(store, YOU, 1_099), due(store)), (None, Some(1_100)));
    let owner = id(ME);
    let held = job(
        store,
        JobWrite::Hold {
            owner,
            until_ms: 9_000,
        },
    );
    assert_eq!(held, JobWritten::Held(vec![mine.key.clone()]));
    assert_eq!(claim(store, YOU, 8_999), None);
    // Its text was stored before it died.
    store.put(save(text("local", 30, "tea 0")));
    let yours = claim(store, YOU, 9_000).unwrap();
    assert_eq!((yours.attempts, yours.stored), (2, true));
    assert!(!end(store, ME, &mine.key, done()));
    let held = job(
        store,
        JobWrite::Hold {
            owner,
            until_ms: 20_000,
        },
    );
    assert_eq!(held, JobWritten::Held(Vec::new()));
}

pub(super) fn what_is_put_off_or_given_back_was_no_attempt(store: &mut dyn Store) {
    make(store, 3, 1);
    let item = claim(store, ME, 100).unwrap();
    let again = |code: Option<&str>| Came::Again {
        code: code.map(str::to_owned),
        due_ms: 700,
    };
    assert!(end(store, ME, &item.key, again(None)));
    assert_eq!((claim(store, ME, 699), due(store)), (None, Some(700)));
    assert_eq!(claim(store, ME, 700).unwrap().attempts, 1);
    assert!(end(store, ME, &item.key, again(Some("upstream_broken"))));
    assert_eq!(claim(store, ME, 700).unwrap().attempts, 2);
    let write = JobWrite::GiveBack {
        owner: id(ME),
        now_ms: 800,
    };
    assert_eq!(job(store, write), JobWritten::GivenBack);
    let item = &page(store, 3, None, 20).unwrap().items[0];
    assert_eq!((item.state, item.attempts), (ItemState::Waiting, 1));
    assert_eq!(due(store), Some(800));
}

pub(super) fn what_is_put_away_is_given_to_whoever_goes_on(store: &mut dyn Store) {
    make(store, 3, 1);
    let item = claim(store, ME, 100).unwrap();
    assert_eq!(item.result, None);
    let note = |owner: u128, result: &str| JobWrite::Note {
        key: item.key.clone(),
        owner: id(owner),
        result: result.to_owned(),
    };
    assert_eq!(job(store, note(YOU, "{}")), JobWritten::Noted(false));
    assert_eq!(
        job(store, note(ME, r#"{"read":7}"#)),
        JobWritten::Noted(true)
    );
    let again = Came::Again {
        code: Some("store_busy".into()),
        due_ms: 700,
    };
    assert!(end(store, ME, &item.key, again));
    let item = claim(store, YOU, 700).unwrap();
    assert_eq!(item.result.as_deref(), Some(r#"{"read":7}"#));
    let seen = page(store, 3, None, 20).unwrap().items.remove(0);
    assert_eq!((seen.state, seen.result), (ItemState::Running, item.result));
    assert!(end(store, YOU, &item.key, done()));
    let seen = page(store, 3, None, 20).unwrap().items.remove(0);
    assert_eq!(seen.result.as_deref(), Some(r#"{"model":"m"}"#));
}

pub(super) fn a_cancelled_job_has_nothing_that_is_due(store: &mut dyn Store) {
    make(store, 3, 2);
    let item = claim(store, ME, 100).unwrap();
    let cancel = |tenant: &str| JobWrite::Cancel {
        tenant: tenant.to_owned(),
        id: id(3),
        now_ms: 300,
    };
    assert_eq!(job(store, cancel("other")), JobWritten::Cancelled(None));
    let cancelled = JobWritten::Cancelled(Some(JobState::Cancelled));
    assert_eq!(job(store, cancel("local")), cancelled);
    assert_eq!((due(store), claim(store, YOU, i64::MAX / 2)), (None, None));
    assert!(!end(store, ME, &item.key, done()));
    let now = page(store, 3, None, 20).unwrap();
    assert_eq!((now.job.state, now.job.done), (JobState::Cancelled, 0));
    assert!(
        now.items
            .iter()
            .all(|item| item.state == ItemState::Cancelled)
    );
}

pub(super) fn an_analysis_is_stored_with_the_end_of_its_item(store: &mut dyn Store) {
    make(store, 3, 1);
    let item = claim(store, ME, 100).unwrap();
    let end = ItemEnd {
        key: item.key,
        owner: id(ME),
        now_ms: 200,
        came: done(),
        analysis: Some(Box::new(analysis(30, "tea 0"))),
    };
    for heard in [true, false] {
        let write = JobWrite::End(Box::new(end.clone()));
        assert_eq!(job(store, write), JobWritten::Ended(heard));
        assert_eq!(store.count("sentiment_analysis"), 1);
    }
}

pub(super) fn jobs_that_are_over_expire_whole_and_others_never(store: &mut dyn Store) {
    for (number, items) in [(3, 2), (4, 1), (5, 1), (6, 1)] {
        make(store, number, items);
    }
    // 3 and 4 end, 5 is cancelled, 6 waits.
    for _ in 0..3 {
        let item = claim(store, ME, 100).unwrap();
        assert!(end(store, ME, &item.key, done()));
    }
    let cancel = JobWrite::Cancel {
        tenant: "local".into(),
        id: id(5),
        now_ms: 6_000,
    };
    job(store, cancel);
    let expire = |store: &mut dyn Store, before_ms: i64, limit: usize| {
        let (table, before) = (Table::Jobs, first_id_at(before_ms));
        store.put(Write::Expire {
            table,
            before,
            limit,
        })
    };
    assert_eq!(expire(store, 5_000, 10), Written::Expired(0));
    // With its two items the first of them is the limit.
    assert_eq!(expire(store, 7_000, 3), Written::Expired(3));
    assert_eq!(page(store, 3, None, 20), None);
    assert_eq!(store.count("job_items"), 3);
    assert_eq!(expire(store, 7_000, 3), Written::Expired(4));
    assert_eq!(expire(store, i64::MAX >> 16, 3), Written::Expired(0));
    let left = page(store, 6, None, 20).unwrap();
    assert_eq!((left.job.state, left.items.len()), (JobState::Queued, 1));
    assert_eq!((store.count("jobs"), store.count("job_items")), (1, 1));
}

pub(super) fn jobs_and_their_items_come_in_pages(store: &mut dyn Store) {
    for number in 3..6 {
        make(store, number, 3);
    }
    let first = page(store, 4, None, 2).unwrap();
    assert_eq!((first.items.len(), first.next), (2, Some(1)));
    let rest = page(store, 4, first.next, 2).unwrap();
    assert_eq!((rest.items[0].position, rest.next), (2, None));
    assert!(page(store, 4, Some(2), 2).unwrap().items.is_empty());
    assert_eq!(page(store, 9, None, 2), None);
    let list = |before| {
        Query::Job(JobQuery::List {
            tenant: "local".into(),
            limit: 2,
            before,
        })
    };
    let Found::Job(JobFound::List { rows, next }) = store.ask(&list(None)).unwrap() else {
        panic!("no list");
    };
    assert_eq!(
        rows.iter().map(|row| row.id).collect::<Vec<_>>(),
        [id(5), id(4)]
    );
    let Found::Job(JobFound::List { rows, next }) = store.ask(&list(next)).unwrap() else {
        panic!("no list");
    };
    assert_eq!((rows[0].id, rows.len(), next), (id(3), 1, None));
}

fn look(store: &mut dyn Store, tenant: &str, from: u32, known: &str) -> Option<JobProgress> {
    let query = Query::Job(JobQuery::Progress {
        tenant: tenant.to_owned(),
        id: id(3),
        from,
        known: known.to_owned(),
        limit: 3,
    });
    match store.ask(&query).unwrap() {
        Found::Job(JobFound::Progress(progress)) => progress.map(|progress| *progress),
        other => panic!("a look was answered with {other:?}"),
    }
}

pub(super) fn a_look_finds_what_has_ended_and_is_not_known(store: &mut dyn Store) {
    assert_eq!(look(store, "local", 0, ""), None);
    make(store, 3, 7);
    make(store, 4, 2);
    let fresh = look(store, "local", 0, "").unwrap();
    assert_eq!((fresh.job.state, fresh.running), (JobState::Queued, 0));
    assert!(fresh.ended.is_empty() && !fresh.more);
    let items: Vec<ClaimedItem> = (0..6).map(|_| claim(store, ME, 100).unwrap()).collect();
    for (nth, item) in items.iter().enumerate().filter(|(nth, _)| *nth != 1) {
        let code = "upstream_quota".to_owned();
        let came = if nth == 4 {
            Came::Failed { code }
        } else {
            done()
        };
        assert!(end(store, ME, &item.key, came));
    }
    let seen = |from, known: &str, store: &mut dyn Store| {
        let progress = look(store, "local", from, known).unwrap();
        assert_eq!((progress.job.items, progress.running), (7, 1));
        let places: Vec<u32> = progress.ended.iter().map(|item| item.position).collect();
        (places, progress.more)
    };
    assert_eq!(seen(0, "", store), (vec![0, 2, 3], true));
    assert_eq!(seen(1, "011", store), (vec![4, 5], false));
    assert_eq!(seen(1, "01111", store), (vec![], false));
    assert_eq!(seen(1, "0001", store), (vec![2, 3, 5], false));
    let ended = look(store, "local", 1, "011").unwrap().ended;
    let failed = (ended[0].state, ended[0].error_code.as_deref());
    assert_eq!(failed, (ItemState::Failed, Some("upstream_quota")));
    assert_eq!(
        (ended[1].row_id, ended[1].error_code.as_deref()),
        (id(35), None)
    );
    assert_eq!(look(store, "other", 0, ""), None);
}
