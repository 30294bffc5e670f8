//! Many requests at several servers at a time, all from one address, and what came of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::Server;
use super::client::{Client, post};

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
