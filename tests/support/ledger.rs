//! What clients were told is stored, to compare with what is there after whatever has happened.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::client::{generate, try_whole};
use super::ms;

/// The books of all clients of a drill. Each of them asks for one text after another, each about
/// something else.
#[derive(Default)]
pub struct Ledger {
    /// The texts that are stored, by id.
    texts: Mutex<BTreeMap<String, String>>,
    topics: AtomicUsize,
    spilled: AtomicUsize,
    refused: AtomicUsize,
}

/// Ends the clients however the drill ends.
struct Whistle<'a>(&'a AtomicBool);

impl Drop for Whistle<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Each of these clients does what it does again and again while something happens.
pub fn meanwhile<T>(clients: Vec<impl FnMut() + Send>, something: impl FnOnce() -> T) -> T {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let whistle = Whistle(&over);
        for mut client in clients {
            let over = &over;
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    client();
                }
            });
        }
        let result = something();
        drop(whistle);
        result
    })
}

impl Ledger {
    /// Three clients ask at this address while something happens.
    pub fn fill_while<T>(&self, addr: SocketAddr, something: impl FnOnce() -> T) -> T {
        meanwhile((0..3).map(|_| || self.ask_once(addr)).collect(), something)
    }

    fn ask_once(&self, addr: SocketAddr) {
        let topic = format!("topic {}", self.topics.fetch_add(1, Ordering::Relaxed));
        let Some(body) = try_whole(addr, &generate(&topic, false)) else {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return std::thread::sleep(ms(5));
        };
        let answer: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(answer["stored"], true);
        let in_journal = answer["stored_in"] == "journal";
        self.spilled
            .fetch_add(usize::from(in_journal), Ordering::Relaxed);
        let word = |key: &str| answer[key].as_str().expect("a word").to_owned();
        let mut texts = self.texts.lock().expect("no client panics");
        let before = texts.insert(word("id"), word("generated_text"));
        assert_eq!(before, None, "no id twice");
    }

    /// Texts that are stored, as clients were told.
    pub fn texts(&self) -> usize {
        self.texts.lock().expect("no client panics").len()
    }

    /// Those of them that were stored in the journal first.
    pub fn spilled(&self) -> usize {
        self.spilled.load(Ordering::Relaxed)
    }

    /// Requests that were answered with something else, or not at all.
    pub fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    /// Every text that somebody was told is stored is there, as it was told.
    pub fn compare(&self, stored: &[(String, String)]) {
        let by_id: BTreeMap<&str, &str> = (stored.iter())
            .map(|(id, text)| (id.as_str(), text.as_str()))
            .collect();
        assert_eq!(by_id.len(), stored.len(), "a text is there twice");
        for (id, text) in self.texts.lock().expect("no client panics").iter() {
            let there = by_id.get(id.as_str());
            assert_eq!(there, Some(&text.as_str()), "{id} was acknowledged");
        }
    }
}

/// How often a drill kills, and the numbers by chance that it draws from: 20 times unless
/// `MAITRED_KILLS` says otherwise; `MAITRED_SEED` repeats a drill.
pub fn kills() -> (usize, fastrand::Rng) {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let seed = number("MAITRED_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("MAITRED_SEED={seed}");
    let kills = number("MAITRED_KILLS").unwrap_or(20);
    (kills as usize, fastrand::Rng::with_seed(seed))
}
