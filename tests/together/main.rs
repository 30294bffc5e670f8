//! Two real servers behind one port, over one PostgreSQL and one Redis, under load, while one of them
//! is killed and the other is stopped: limits, keys, rows and jobs are those of one server.
//!
//! ```text
//!  eight guests ──► one port ──┬──► replica ──┬──► PostgreSQL, Redis, a provider
//!   (guest.rs)   (balancer.rs) └──► replica ──┘
//!        └──► book.rs: what they were told, and verdict.rs: whether that is what is there
//! ```
#![allow(clippy::unwrap_used)]
#![allow(clippy::print_stdout, reason = "figures for whoever runs it")]

mod book;
mod guest;
mod pair;
#[path = "../support/mod.rs"]
mod support;
mod verdict;

use std::time::Duration;

use book::Book;
use guest::Guest;
use pair::Pair;
use support::balancer::Balancer;
use support::ledger::{kills, meanwhile};
use support::postgres::Postgres;
use support::redis::Redis;
use support::{Provider, Script, ms};

const GUESTS: usize = 8;
/// What one may ask for, of both replicas together, in each window.
const LIMIT: usize = 20;
const WINDOW: Duration = Duration::from_secs(1);

/// In each round one replica is killed and the other is stopped: one round, or ten with
/// `MAITRED_KILLS=200`.
#[test]
#[ignore = "needs postgresql and redis-server"]
fn kill_9_of_one_replica_and_the_end_of_the_other_are_nothing_that_clients_notice() {
    let (kills, mut random) = kills();
    let (postgres, redis) = (Postgres::start(), Redis::start(&[]));
    let provider = Provider::start(|asked| write(&asked.text));
    let mut pair = Pair::start(&postgres, &redis, &provider);
    let front = Balancer::start(&pair.addrs());
    let book = Book::default();
    let guests = (0..GUESTS).map(|_| {
        let mut guest = Guest::new(&book, &front, random.fork());
        move || guest.visit()
    });
    meanwhile(guests.collect(), || {
        for _ in 0..kills.div_ceil(20) {
            round(&mut pair, &front, &book, &mut random);
        }
    });
    book.check();
    verdict::of_limits(&book, LIMIT, WINDOW);
    verdict::of_jobs(&book, &postgres);
    verdict::of_rows(&book, &postgres);
    for addr in pair.addrs() {
        verdict::of_keys(&book, addr);
    }
    println!("{book}");
}

/// Another text for each prompt, which takes a tenth of a second if it is streamed.
fn write(asked: &str) -> Script {
    let sum = |sum: u64, byte: u8| sum.wrapping_mul(31).wrapping_add(byte.into());
    let number = asked.bytes().fold(0, sum).to_string();
    let mut words = vec!["Tea ", &number, " is"];
    words.extend([" good, and"; 7]);
    words.push(" good.");
    if asked.contains("\"stream\":true") {
        Script::streamed(&words, ms(10))
    } else {
        Script::whole(&words.concat())
    }
}

/// Each of them is away once, and meanwhile the other one answers for both.
fn round(pair: &mut Pair, front: &Balancer, book: &Book, random: &mut fastrand::Rng) {
    let killed = random.usize(0..2);
    let other = 1 - killed;
    book.wait_for_more(random.usize(30..60));
    pair.kill(killed, book);
    book.wait_for_more(random.usize(20..40));
    verdict::of_keys(book, pair.addr(other));
    pair.start_again(killed, front);
    std::thread::scope(|threads| {
        for _ in 0..4 {
            let guest = Guest::new(book, front, random.fork());
            threads.spawn(move || guest.rush(LIMIT));
        }
    });
    book.wait_for_more(random.usize(20..40));
    pair.stop(other, book);
    book.wait_for_more(random.usize(20..40));
    verdict::of_keys(book, pair.addr(killed));
    pair.start_again(other, front);
    book.wait_for_more(random.usize(20..40));
}
