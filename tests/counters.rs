//! The counters that several processes share, in the real servers that keep them: the statement of
//! PostgreSQL and the scripts of Redis, asked as processes ask them.
#![allow(clippy::unwrap_used)]
#![allow(
    clippy::print_stdout,
    reason = "figures belong to a test that measures"
)]

mod support;

#[path = "world/rates.rs"]
mod rates;

use std::time::Instant;

use maitred::engine::policy::rate::shared::{BlockId, Grant, Question, What};
use maitred::proto::redis::counters::{self, Granted};
use maitred::store::counters::{Counted, Counting, Draw, Drawn};
use maitred::store::postgres::migrations::Migrator;
use maitred::store::postgres::{Answered, Request};

use rates::{Counter, Played, play};
use support::link::Link;
use support::postgres::{DATABASE, Postgres};
use support::redis::{Line, Redis};
use support::until;

/// Longer than any play: all of it is in one window.
const HOUR_MS: u64 = 3_600_000;

/// PostgreSQL, over a connection of its own.
struct Tables {
    link: Link,
    prefix: String,
}

impl Tables {
    fn count(&mut self, counting: &Counting) -> Counted {
        match self.link.run(&Request::of_counting(counting)) {
            Ok(Answered::Counted(counted)) => counted,
            other => panic!("counters were answered with {other:?}"),
        }
    }

    fn draw(&mut self, draws: Vec<Draw>) -> Vec<Drawn> {
        match self.count(&Counting::Draw(draws)) {
            Counted::Drawn(rows) => rows,
            other @ Counted::Swept(_) => panic!("{other:?}"),
        }
    }

    fn one(&mut self, draw: Draw) -> Drawn {
        let mut rows = self.draw(vec![draw]);
        assert_eq!(rows.len(), 1);
        rows.remove(0)
    }
}

/// What of a window of ten units in `window_ms`.
fn draw(name: &str, window_ms: u64, wanted: u64) -> Draw {
    Draw {
        name: name.to_owned(),
        most: 10,
        window_ms,
        wanted,
        amends: 0,
        window: None,
    }
}

fn amend(name: &str, amends: i64, window: Option<u64>) -> Draw {
    Draw {
        amends,
        window,
        ..draw(name, HOUR_MS, 0)
    }
}

impl Counter for Tables {
    fn put(&mut self, _: u64, question: &Question) -> Option<(BlockId, Grant)> {
        let rule = question.meter.rule;
        let mut draw = Draw {
            name: question.key(&self.prefix),
            most: rule.count,
            window_ms: rule.window_ms,
            wanted: 0,
            amends: 0,
            window: None,
        };
        let id = match question.what {
            What::Debt(units) => {
                draw.amends = units as i64;
                None
            }
            What::Back { units, window } => {
                (draw.amends, draw.window) = (-(units as i64), Some(window));
                None
            }
            What::Block { id, units } => {
                draw.wanted = units;
                Some(id)
            }
        };
        let row = self.draw(vec![draw]).pop();
        let id = id?;
        let row = row.unwrap();
        let grant = Grant {
            units: row.given,
            ends_in_ms: row.ends_in_ms,
            left: row.left,
            window: row.window,
        };
        Some((id, grant))
    }
}

/// Redis, over a connection of its own.
struct Scripts {
    line: Line,
    prefix: String,
}

impl Counter for Scripts {
    fn put(&mut self, _: u64, question: &Question) -> Option<(BlockId, Grant)> {
        let (key, rule) = (question.key(&self.prefix), question.meter.rule);
        match question.what {
            What::Debt(units) => {
                self.line.ask(&counters::amend(&key, units as i64)).unwrap();
                None
            }
            What::Back { units, window } => {
                let words = counters::give_back(&key, units, window);
                self.line.ask(&words).unwrap();
                None
            }
            What::Block { id, units } => {
                let words = counters::lease(&key, units, rule.count, rule.window_ms);
                let granted = Granted::read(&self.line.ask(&words).unwrap()).unwrap();
                let grant = Grant {
                    units: granted.units,
                    ends_in_ms: granted.ends_in_ms,
                    left: granted.left,
                    window: granted.window,
                };
                Some((id, grant))
            }
        }
    }
}

fn tables(postgres: &Postgres) -> Tables {
    let mut link = Link::ready(postgres.addr);
    let mut migrator = Migrator::default();
    while let Some(script) = migrator.script().unwrap() {
        link.migrate(&mut migrator, &script).unwrap();
    }
    Tables {
        link,
        prefix: String::new(),
    }
}

fn play_all(mut with: impl FnMut(u64) -> Played) {
    let mut played = Played::default();
    let begun = Instant::now();
    for seed in 0..200 {
        played += with(seed);
    }
    println!("{played:?} in {:?}", begun.elapsed());
    assert!(
        played.admitted > 2_000 && played.beyond > 1_000 && played.given_back > 1_000,
        "{played:?}"
    );
}

#[test]
#[ignore = "needs postgresql"]
fn together_they_keep_to_their_limits_by_way_of_postgresql() {
    let postgres = Postgres::start();
    let mut tables = tables(&postgres);
    play_all(|seed| {
        tables.prefix = format!("{seed}:");
        play(&mut tables, seed, HOUR_MS)
    });
}

#[test]
#[ignore = "needs redis-server"]
fn together_they_keep_to_their_limits_by_way_of_redis() {
    let redis = Redis::start(&[]);
    let mut scripts = Scripts {
        line: redis.connect(),
        prefix: String::new(),
    };
    play_all(|seed| {
        scripts.prefix = format!("{seed}:");
        play(&mut scripts, seed, HOUR_MS)
    });
}

#[test]
#[ignore = "needs postgresql"]
fn blocks_of_a_counter_are_never_more_than_there_is() {
    let postgres = Postgres::start();
    let mut tables = tables(&postgres);
    let first = tables.one(draw("a", 400, 4));
    assert!(first.given == 4 && first.left == 6 && first.ends_in_ms <= 400);
    let given = [4, 4, 4].map(|wanted| tables.one(draw("a", 400, wanted)).given);
    assert_eq!(given, [4, 2, 0]);
    // Less was used than was taken, then more.
    let back = |units: i64, window| amend("a", -units, Some(window));
    assert_eq!(tables.one(back(3, first.window)).left, 3);
    assert_eq!(tables.one(back(3, first.window + 1)).left, 3, "another's");
    assert_eq!(tables.one(amend("a", 2, None)).left, 1);
    assert_eq!(tables.one(draw("a", 400, 9)).given, 1);
    until("a window of its own", || {
        let next = tables.one(draw("a", 400, 9));
        (next.given == 9 && next.window > first.window).then_some(())
    });
    assert_eq!(tables.one(back(9, first.window)).left, 1, "it is over");
    let unknown = vec![amend("b", 9, None), amend("c", -9, Some(first.window))];
    assert_eq!(tables.draw(unknown), [], "who only amends begins no window");
}

#[test]
#[ignore = "needs postgresql"]
fn who_began_before_the_window_does_not_make_it_shorter() {
    let postgres = Postgres::start();
    let [mut slow, mut quick] = [0, 1].map(|_| tables(&postgres));
    slow.link.rows("BEGIN");
    let begun = quick.one(draw("door", HOUR_MS, 3));
    let later = slow.one(draw("door", HOUR_MS, 2));
    slow.link.rows("COMMIT");
    assert_eq!((later.given, later.left), (2, 5));
    assert_eq!(
        later.window, begun.window,
        "by the clock of who was before it"
    );
}

#[test]
#[ignore = "needs postgresql"]
fn a_clock_that_was_set_back_makes_no_window_longer_than_it_may_be() {
    let postgres = Postgres::start();
    let mut tables = tables(&postgres);
    tables.one(draw("door", HOUR_MS, 3));
    let set_back = "UPDATE rate_counters SET ends = ends + INTERVAL '1 day'";
    postgres.psql(DATABASE, set_back);
    assert!(tables.one(draw("door", HOUR_MS, 2)).ends_in_ms <= HOUR_MS);
}

#[test]
#[ignore = "needs postgresql"]
fn many_counters_are_asked_at_once_by_many() {
    let postgres = Postgres::start();
    drop(tables(&postgres));
    let given: u64 = std::thread::scope(|scope| {
        let one = |seed: usize| {
            let mut tables = tables(&postgres);
            scope.spawn(move || {
                let names =
                    |n: usize| (0..200).map(move |at| format!("{}", (at * 7 + n + seed) % 200));
                let draws = |n| names(n).map(|name| draw(&name, HOUR_MS, 1)).collect();
                let rows = (0..20).flat_map(|n| tables.draw(draws(n)));
                rows.map(|row| row.given).sum::<u64>()
            })
        };
        let all: Vec<_> = (0..4).map(one).collect();
        all.into_iter().map(|one| one.join().unwrap()).sum()
    });
    assert_eq!(given, 200 * 10, "all of each, and nobody stood in a circle");
}

#[test]
#[ignore = "needs postgresql"]
fn counters_that_are_over_are_removed_a_few_at_a_time() {
    let postgres = Postgres::start();
    let mut tables = tables(&postgres);
    postgres.psql(
        DATABASE,
        "INSERT INTO rate_counters SELECT n::text, 1, now() - n * interval '21 s', 1, 1, 1, 0
         FROM generate_series(-5, 12) AS n",
    );
    let mut sweep = |limit| match tables.count(&Counting::Sweep { limit }) {
        Counted::Swept(rows) => rows,
        other @ Counted::Drawn(_) => panic!("{other:?}"),
    };
    assert_eq!([sweep(6), sweep(6), sweep(6)], [6, 4, 0]);
    let left = "SELECT min(name::int), max(name::int) FROM rate_counters";
    assert_eq!(postgres.psql(DATABASE, left), "-5|2");
}

/// It waits for no disk: nothing is written ahead.
#[test]
#[ignore = "needs postgresql"]
fn counters_are_not_logged() {
    let postgres = Postgres::start();
    let mut tables = tables(&postgres);
    let before = postgres.psql("postgres", "SELECT pg_current_wal_insert_lsn()");
    for _ in 0..1_000 {
        tables.one(draw("a", HOUR_MS, 1));
    }
    let sql = format!("SELECT pg_current_wal_insert_lsn() - '{before}'::pg_lsn");
    let written: f64 = postgres.psql("postgres", &sql).parse().unwrap();
    println!("{written} bytes of log for a thousand draws");
    assert!(written < 100_000.0, "{written}");
}
