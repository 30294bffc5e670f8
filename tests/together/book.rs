//! What the guests were told, and what of it was wrong.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use crate::support::client::Cut;
use crate::support::{Response, until};

/// The book of all guests.
#[derive(Default)]
pub(crate) struct Book {
    pages: Mutex<Pages>,
}

/// See [`Book::look`].
#[derive(Default)]
pub(crate) struct Pages {
    /// Topics, keys and words so far: each is there once.
    numbers: usize,
    /// How often each status was told.
    statuses: BTreeMap<u16, usize>,
    /// When each request that was let in was sent, and when its answer was there.
    pub(crate) let_in: Vec<(Instant, Instant)>,
    /// Texts that are stored, by id.
    pub(crate) texts: BTreeMap<String, String>,
    /// The answer to each key, and the request.
    pub(crate) keys: BTreeMap<String, (String, Vec<u8>)>,
    /// How often a key was answered for the first time.
    firsts: BTreeMap<String, usize>,
    /// The topics of each job.
    pub(crate) jobs: BTreeMap<String, Vec<String>>,
    /// Servers that were killed, or are about to be.
    dead: HashSet<SocketAddr>,
    /// Servers that close their door.
    closed: HashSet<SocketAddr>,
    cut: usize,
    wrong: Vec<String>,
}

impl Book {
    /// What stands in it.
    pub(crate) fn look(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().expect("no guest panics")
    }

    /// A number that nobody has had.
    pub(crate) fn number(&self) -> usize {
        let mut pages = self.look();
        pages.numbers += 1;
        pages.numbers
    }

    /// Whoever is cut off there from now on has to bear it.
    pub(crate) fn dies(&self, server: SocketAddr) {
        self.look().dead.insert(server);
    }

    /// Whoever was not let in there yet may be turned away from now on.
    pub(crate) fn closes(&self, server: SocketAddr) {
        self.look().closed.insert(server);
    }

    /// Something that nobody should be told.
    pub(crate) fn wrong(&self, what: String) {
        self.look().wrong.push(what);
    }

    /// A request was answered, with what it may be answered with.
    pub(crate) fn answered(&self, request: &str, sent: Instant, response: &Response) {
        let mut pages = self.look();
        *pages.statuses.entry(response.status).or_default() += 1;
        let told_when = response.field("retry-after").is_some();
        let right = match response.status {
            200 | 202 => true,
            // Another request with the same key is on its way at the other replica.
            409 => told_when && request.contains("Idempotency-Key"),
            429 | 503 => told_when,
            _ => false,
        };
        if !right {
            let shown = String::from_utf8_lossy(&response.body);
            let wrong = format!("{request}\nwas told: {}\n{shown}", response.head);
            pages.wrong.push(wrong);
        }
        let counted = request.starts_with("POST") && response.status < 300;
        if counted {
            pages.let_in.push((sent, Instant::now()));
        }
    }

    /// A connection ended before its answer.
    pub(crate) fn cut(&self, server: Option<SocketAddr>, cut: Cut, request: &str) {
        let mut pages = self.look();
        pages.cut += 1;
        let borne = server.is_some_and(|server| {
            let turned_away = cut == Cut::Unanswered && pages.closed.contains(&server);
            turned_away || pages.dead.contains(&server)
        });
        if !borne {
            let wrong = format!("cut off by {server:?}, {cut:?}: {request}");
            pages.wrong.push(wrong);
        }
    }

    /// A text is stored, as a guest was told.
    pub(crate) fn stored(&self, id: &str, text: &str) {
        let mut pages = self.look();
        let before = pages.texts.insert(id.to_owned(), text.to_owned());
        if before.is_some_and(|before| before != text) {
            pages.wrong.push(format!("{id} has two texts"));
        }
    }

    /// A request with a key was answered.
    pub(crate) fn keyed(&self, key: &str, request: &str, response: &Response) {
        let mut pages = self.look();
        let body = response.body.clone();
        let answer = pages.keys.entry(key.to_owned());
        let answer = answer.or_insert_with(|| (request.to_owned(), body.clone()));
        if answer.1 != body {
            pages.wrong.push(format!("{key} has two answers"));
        }
        if response.field("idempotent-replayed").is_none() {
            let firsts = pages.firsts.entry(key.to_owned()).or_default();
            *firsts += 1;
            if *firsts > 1 {
                pages.wrong.push(format!("{key} was answered anew"));
            }
        }
    }

    /// A job was taken in.
    pub(crate) fn taken_in(&self, job: &str, topics: Vec<String>) {
        self.look().jobs.insert(job.to_owned(), topics);
    }

    /// Waits until so many more texts and jobs were acknowledged.
    pub(crate) fn wait_for_more(&self, number: usize) {
        let acknowledged = || {
            let pages = self.look();
            pages.texts.len() + pages.jobs.len()
        };
        let before = acknowledged();
        for nth in 1..=number {
            until("one more guest is answered", || {
                self.check();
                (acknowledged() >= before + nth).then_some(())
            });
        }
    }

    /// How often a status was told.
    pub(crate) fn times(&self, status: u16) -> usize {
        self.look().statuses.get(&status).copied().unwrap_or(0)
    }

    /// Nobody was told anything wrong.
    pub(crate) fn check(&self) {
        let pages = self.look();
        let (wrong, shown) = (pages.wrong.len(), pages.wrong.join("\n\n"));
        drop(pages);
        assert_eq!(wrong, 0, "{shown}\n{self}");
    }
}

impl fmt::Display for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pages = self.look();
        let (texts, keys, jobs) = (pages.texts.len(), pages.keys.len(), pages.jobs.len());
        let (statuses, cut) = (&pages.statuses, pages.cut);
        write!(
            f,
            "{texts} texts, {keys} keys, {jobs} jobs; answers by status {statuses:?}, {cut} cut off"
        )
    }
}
