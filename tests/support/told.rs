//! Many requests at several servers at a time, all from one address, and what came of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::client::{Client, post};
use super::{Server, ms};

/// What clients were told, and how long the slowest answer took.
#[derive(Debug, Default)]
pub struct Told {
    /// How often each status was told.
    pub statuses: BTreeMap<u16, usize>,
    /// The longest that an answer took.
    pub slowest: Duration,
}

impl Told {
    /// How often this one.
    pub fn times(&self, status: u16) -> usize {
        self.statuses.get(&status).copied().unwrap_or(0)
    }

    fn add(&mut self, other: &Told) {
        for (status, times) in &other.statuses {
            *self.statuses.entry(*status).or_default() += times;
        }
        self.slowest = self.slowest.max(other.slowest);
    }
}

/// Four clients at each of the servers, all from one address, until they are told to stop; meanwhile
/// something else happens.
pub fn load(servers: &[Server], meanwhile: impl FnOnce()) -> Told {
    let stop = AtomicBool::new(false);
    let mut told = Told::default();
    thread::scope(|scope| {
        let stops = Stops(&stop);
        let each = servers.iter().flat_map(|server| [server.addr; 4]);
        let clients: Vec<_> = each
            .map(|addr| {
                let stop = &stop;
                scope.spawn(move || {
                    let mut told = Told::default();
                    while !stop.load(Ordering::Relaxed) {
                        let begun = Instant::now();
                        let mut client = Client::connect_from([127, 0, 0, 2], addr);
                        let body = r#"{"content":"Tea is good. It is very good."}"#;
                        let status = client.send(post("/analyze/", body)).response().status;
                        *told.statuses.entry(status).or_default() += 1;
                        told.slowest = told.slowest.max(begun.elapsed());
                    }
                    told
                })
            })
            .collect();
        meanwhile();
        drop(stops);
        for client in clients {
            told.add(&client.join().expect("no client panics"));
        }
    });
    told
}

/// Tells all clients to stop when it is dropped, also where that is because something has panicked.
struct Stops<'a>(&'a AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Two servers that count together, where one may ask 160 times a minute.
pub fn let_in_what_one_may(servers: &[Server]) {
    let told = load(servers, || thread::sleep(ms(2_000)));
    // What is left is in the block of the one that was not asked last.
    assert!((140..=160).contains(&told.times(200)), "{told:?}");
    assert!(told.times(429) > 20, "{told:?}");
    assert_eq!(told.statuses.len(), 2, "{told:?}");
    let asked = servers
        .iter()
        .map(|s| s.metric("maitred_rate_blocks_asked_total"));
    let asked: f64 = asked.sum();
    assert!(asked < 40.0, "{asked} questions: most requests ask nobody");
}

/// The same where one may ask 40 times a second.
pub fn let_in_no_more_in_any_window(servers: &[Server]) {
    let begun = Instant::now();
    let told = load(servers, || thread::sleep(ms(4_500)));
    // Windows follow each other, so there cannot have been more than this many of them.
    let windows = begun.elapsed().as_millis() as usize / 1_000 + 1;
    let times = told.times(200);
    assert!(times <= 40 * windows, "{told:?} in {windows}");
    assert!(times >= 30 * (windows - 1), "{told:?} in {windows}");
    let statuses: Vec<_> = told.statuses.keys().copied().collect();
    assert_eq!(statuses, [200, 429]);
}
