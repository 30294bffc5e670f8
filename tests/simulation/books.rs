//! What was told to whom, and what the store was made to lose: the other side of the account that
//! is compared with the store when a run is over.

use std::collections::{BTreeMap, BTreeSet};

use maitred::engine::WorkId;
use maitred::engine::work::Work;
use maitred::store::{RequestRow, TextState, Write};
use serde_json::Value;
use uuid::Uuid;

use super::chat::{self, is_chat};
use super::clients::is_stream;
use super::guest::{Ask, LIKED, What};
use super::host;
use super::play::Play;
use super::world::{Reply, World};

/// See the module.
#[derive(Default)]
pub(crate) struct Books {
    /// Requests that providers got.
    pub(crate) calls: usize,
    /// Texts that providers said to their end, and how often.
    whole: BTreeMap<String, usize>,
    /// Texts that were acknowledged, and how often.
    acknowledged: BTreeMap<Uuid, usize>,
    /// Texts that were stopped on request.
    cancelled: BTreeSet<Uuid>,
    /// Failures by the id of their request.
    failed: BTreeMap<Uuid, Failed>,
    /// Texts for `/analyze/` that a thread has had.
    analyses: BTreeSet<WorkId>,
    /// Rows that the store was made to lose …
    lost: BTreeMap<Uuid, RequestRow>,
    /// … in so many transactions …
    lost_saves: usize,
    /// … and other writes among them.
    lost_writes: usize,
    /// How replies ended, by code or status.
    pub(crate) seen: BTreeMap<String, usize>,
}

/// A failure that somebody was told.
struct Failed {
    status: u64,
    code: String,
    /// The request had been accepted, so there is a row.
    accepted: bool,
}

impl Books {
    pub(crate) fn note_lost(&mut self, write: &Write) {
        self.lost_writes += 1;
        if let Write::Save { requests, .. } | Write::Keywords { requests, .. } = write.rows() {
            self.lost_saves += 1;
            let rows = requests.iter().map(|row| (row.id, row.clone()));
            self.lost.extend(rows);
        }
    }

    pub(crate) fn note_whole(&mut self, said: Option<(String, usize)>) {
        if let Some((text, _)) = said {
            *self.whole.entry(text).or_default() += 1;
        }
    }

    pub(crate) fn note_analyses(&mut self, world: &World) {
        let theirs = |work: &Work| matches!(work, Work::Score { text, .. } if **text == LIKED);
        let jobs = world.jobs.iter().filter(|(_, work)| theirs(work));
        self.analyses.extend(jobs.map(|(id, _)| *id));
    }

    /// A reply was read, and found to be in order.
    pub(crate) fn note_reply(&mut self, ask: Option<&Ask>, reply: &Reply) {
        let what = ask.map(|ask| &ask.what);
        // The row of a replay does not say which text it is about.
        let is_replay = reply.field("idempotent-replayed").is_some();
        let is_text = matches!(what, Some(What::Text(_))) && !is_replay;
        match (reply.status, what) {
            _ if reply.body.is_empty() => self.see(reply.status.to_string()),
            _ if is_chat(reply) => self.note_chat(reply),
            (400.., _) => self.note_failure(what, &reply.json()),
            (200, _) if is_stream(reply) => {
                let last = reply.events().pop().expect("a stream has an end");
                if last.name == "error" {
                    self.note_failure(what, &last.data);
                } else {
                    self.see("done".to_owned());
                    self.note_text(is_text, &last.data);
                }
            }
            (200, Some(What::Stop(text))) => {
                self.see("stop".to_owned());
                if reply.json()["stopped"] == true {
                    self.cancelled.extend(text.id.parse::<Uuid>());
                }
            }
            _ => {
                self.see(reply.status.to_string());
                if is_text {
                    self.note_text(true, &reply.json());
                }
            }
        }
    }

    fn note_chat(&mut self, reply: &Reply) {
        let how = match reply.status {
            200 if is_stream(reply) && chat::ends_with_error(reply) => "chat broken".to_owned(),
            200 if is_stream(reply) => "chat streamed".to_owned(),
            status => format!("chat {status}"),
        };
        self.see(how);
    }

    fn see(&mut self, what: String) {
        *self.seen.entry(what).or_default() += 1;
    }

    fn note_text(&mut self, asked_for: bool, document: &Value) {
        if asked_for {
            let id = document["id"].as_str().unwrap().parse().unwrap();
            *self.acknowledged.entry(id).or_default() += 1;
        }
    }

    /// The codes that only a request gets that was accepted before.
    fn note_failure(&mut self, what: Option<&What>, problem: &Value) {
        let code = problem["code"].as_str().unwrap().to_owned();
        let accepted = match what {
            Some(What::Text(_)) => code.starts_with("upstream_") || code == "provider_queue_full",
            Some(What::Scores { long: false }) => {
                code == "worker_panicked" || code == "scorer_timeout"
            }
            Some(What::Scores { long: true }) => code == "scorer_timeout",
            _ => false,
        };
        self.see(code.clone());
        let id = problem["request_id"].as_str().unwrap().parse().unwrap();
        let status = problem["status"].as_u64().unwrap();
        let failed = Failed {
            status,
            code,
            accepted,
        };
        assert!(
            self.failed.insert(id, failed).is_none(),
            "{id} is told twice"
        );
    }
}

/// After the last step: the store against what was told.
pub(crate) fn compare(play: &Play) {
    let figure = |name: &str| play.world.metric(name) as usize;
    requests(
        play,
        [
            "generations_total",
            "generations_coalesced_total",
            "cache_hits_total",
        ]
        .map(figure)
        .iter()
        .sum::<usize>()
            + figure("idempotent_replays_total"),
    );
    failures(play);
    texts(play);
    let books = &play.books;
    let attempts = figure("calls_total") + figure("calls_renewed_total");
    assert!(
        books.calls <= attempts,
        "{} calls for {attempts}",
        books.calls
    );
    let lost = figure("rows_lost_total");
    let (least, most) = (books.lost_saves, books.lost_writes);
    assert!(
        (least..=most).contains(&lost),
        "{lost} rows lost of {least} to {most}"
    );
    for name in ["calls", "ledger_bytes"] {
        assert_eq!(figure(name), 0, "{name}");
    }
}

/// One row for each request that was accepted, but for those that the store was made to lose.
fn requests(play: &Play, accepted: usize) {
    let (books, store) = (&play.books, &play.world.store);
    let rows = |route: &str| {
        let all = store.requests.values().chain(books.lost.values());
        all.filter(|row| row.route == route).count()
    };
    let chats = |row: &RequestRow| row.route.starts_with("/v1");
    let all = store.requests.values().chain(books.lost.values());
    let texts = rows("/generate/") + all.filter(|row| chats(row)).count();
    // Of several texts for one request, only the request has a row.
    let right = texts == accepted || (play.setting.several && texts < accepted);
    assert!(right, "{texts} rows of {accepted} texts");
    assert!(
        rows("/analyze/") >= books.analyses.len(),
        "rows of analyses"
    );
    for row in store.requests.values() {
        let first = row.calls.first_content_us.unwrap_or(0);
        assert!(first <= row.duration_us, "{row:?}");
        let is_alone = row.calls.first_byte_us.is_some() && row.route == "/generate/";
        assert!(!is_alone || row.calls.attempts > 0, "{row:?}");
    }
    let good = store.requests.values().filter(|row| row.status == 200);
    let good: Vec<&RequestRow> = good.collect();
    let analyses = good.iter().filter(|row| row.route == "/analyze/").count();
    assert_eq!(analyses, store.analyses.len(), "rows of good analyses");
    for (id, times) in &books.acknowledged {
        let rows = good.iter().filter(|row| row.generation_id == Some(*id));
        assert!(
            rows.count() >= *times,
            "{id} was acknowledged {times} times"
        );
    }
}

/// The row of a request says what its client was told.
fn failures(play: &Play) {
    let (books, store) = (&play.books, &play.world.store);
    for (id, failed) in &books.failed {
        let row = store.requests.get(id);
        let lost = books.lost.contains_key(id);
        assert!(row.is_some() || lost || !failed.accepted, "{id} has no row");
        // A write that took too long is carried out all the same.
        if let Some(row) = row.filter(|_| !failed.code.starts_with("store_")) {
            let told = (failed.status, Some(failed.code.as_str()));
            assert_eq!(
                (u64::from(row.status), row.error_code.as_deref()),
                told,
                "{id}"
            );
        }
    }
}

/// Texts are what their providers wrote, and whole only if they said so.
fn texts(play: &Play) {
    let mut whole = play.books.whole.clone();
    for row in play.world.store.texts.values() {
        let Some(subject) = host::subject_of(&row.term, &row.provider) else {
            continue; // a spoiled request asked for it
        };
        let text = host::text(subject, play.setting);
        if row.state == TextState::Truncated {
            assert!(text.starts_with(&row.text), "{row:?}");
            continue;
        }
        assert_eq!(row.text, text);
        assert!(
            !play.books.cancelled.contains(&row.id),
            "{row:?} was stopped"
        );
        let left = whole.get_mut(&text).filter(|left| **left > 0);
        match left {
            Some(left) => *left -= 1,
            None => assert!(row.offline, "{row:?} was never said to its end"),
        }
    }
}
