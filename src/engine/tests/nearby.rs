//! Answers that several processes keep in Redis for a moment: found there, gone when they are deleted,
//! and done without whatever the server does.

use super::openai::whole;
use super::world::redis::{Porter, REDIS, Shelf, connections};
use super::world::{Memory, Reply, SIZES};
use super::{PROVIDER, World, post};
use crate::engine::ConnId;
use crate::engine::io::{Gone, Input};
use crate::engine::work::{Kind, WorkResult};
use crate::limits::{CACHE_AGE_S, DB_RETRY_MAX_MS, REDIS_OP_MS, STORE_MS};
use crate::store::StoreError;

const ASK: &str = r#"{"topic":"tea","cache":"use"}"#;
const NEAR: &str = "detail=redis";

/// Processes over one database, and what is near by for all of them.
struct House {
    replicas: Vec<(World, Porter)>,
    shelf: Shelf,
    store: Memory,
}

impl House {
    fn new(replicas: usize) -> House {
        House::with(replicas, "")
    }

    fn with(replicas: usize, more: &str) -> House {
        House::with_redis(replicas, "", more)
    }

    fn with_redis(replicas: usize, redis: &str, more: &str) -> House {
        let config = format!("{REDIS}answers_s = 60\n{redis}{PROVIDER}{more}");
        // Each draws ids of its own.
        let world = |seed| World::with(&config, SIZES, seed);
        let worlds = (0..replicas as u64).map(|n| (world(n + 1), Porter::default()));
        let mut house = House {
            replicas: worlds.collect(),
            shelf: Shelf::default(),
            store: Memory::default(),
        };
        for which in 0..replicas {
            house.serve(which);
        }
        house
    }

    /// Everything happens that can, over the one database.
    fn serve(&mut self, which: usize) {
        self.within(which, |_| {});
    }

    /// Does something with one process, and lets happen what follows from it.
    fn within(&mut self, which: usize, step: impl FnOnce(&mut World)) {
        let (world, porter) = &mut self.replicas[which];
        std::mem::swap(&mut world.store, &mut self.store);
        step(world);
        porter.serve(world, &mut self.shelf);
        std::mem::swap(&mut world.store, &mut self.store);
    }

    fn send(&mut self, which: usize, bytes: &str) -> ConnId {
        let world = &mut self.replicas[which].0;
        let id = world.client();
        world.say(id, bytes.as_bytes());
        self.serve(which);
        id
    }

    fn ask(&mut self, which: usize) -> Reply {
        let id = self.send(which, &post("/generate/", ASK));
        self.within(which, |world| {
            world.serve(whole("Tea."));
        });
        self.replicas[which].0.reply(id)
    }

    /// What `Cache-Status` says of an answer.
    fn said(&mut self, which: usize) -> String {
        let reply = self.ask(which);
        assert_eq!(reply.status, 200);
        reply.field("cache-status").unwrap().to_owned()
    }

    fn delete(&mut self, which: usize) -> ConnId {
        self.delete_with(which, "")
    }

    fn delete_with(&mut self, which: usize, fields: &str) -> ConnId {
        let id = self.store.text().id;
        self.send(
            which,
            &format!("DELETE /contents/{id} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n"),
        )
    }

    fn status(&mut self, which: usize, id: ConnId) -> u16 {
        self.replicas[which].0.reply(id).status
    }

    fn pass(&mut self, ms: u64) {
        for _ in 0..ms.div_ceil(10) {
            for which in 0..self.replicas.len() {
                self.within(which, |world| world.pass(10));
            }
        }
    }

    fn event(&self, which: usize, name: &str) -> f64 {
        let name = format!("redis_answers_total{{event=\"{name}\"}}");
        self.replicas[which].0.metric(&name)
    }

    /// A text that the first one has written, and the second has found in the store.
    fn with_tea() -> House {
        let mut house = House::new(2);
        assert_eq!(house.said(0), "maitred; fwd=miss; stored");
        assert_eq!(house.said(1), "maitred; hit; ttl=86400");
        house
    }
}

#[test]
fn what_one_has_found_in_the_store_the_others_find_near_by() {
    let mut house = House::with_tea();
    house.replicas[0].0.held.push(Kind::Read); // no question comes back from the store
    house.pass(10_000);
    let reply = house.ask(0);
    let said = reply.field("cache-status").unwrap();
    assert_eq!(
        said,
        format!("maitred; hit; ttl={}; {NEAR}", CACHE_AGE_S - 10)
    );
    let document = reply.json();
    assert_eq!(document["generated_text"], "Tea.");
    assert_eq!(document["cached"], true);
    assert!(document["readability"].is_object() && document["sentiment"].is_object());
    assert_eq!(house.event(0, "hit"), 1.0);
    assert_eq!(house.store.requests.len(), 3, "it has a row as any other");
    // A value does not live long, and is written down again by whoever asks the store.
    house.replicas[0].0.held.clear();
    house.pass(51_000);
    assert!(!house.said(1).contains(NEAR));
    assert!(house.said(0).contains(NEAR));
}

#[test]
fn what_is_deleted_answers_nobody_from_the_moment_on_in_which_that_is_said() {
    let mut house = House::with_tea();
    assert!(house.said(1).contains(NEAR));
    let id = house.delete(0);
    assert_eq!(house.status(0, id), 204);
    assert_eq!(house.said(1), "maitred; fwd=miss; stored");
}

#[test]
fn who_deletes_hears_of_it_when_the_others_cannot_be_answered_with_it() {
    let mut house = House::with_tea();
    house.shelf.holds = true;
    let id = house.delete(0);
    assert!(
        house.replicas[0].0.is_quiet(id),
        "it is on its way to the server"
    );
    house.shelf.holds = false;
    house.serve(0);
    assert_eq!(house.status(0, id), 204);
}

/// It is done, whatever comes while the others are told of it.
#[test]
fn a_deletion_that_is_done_is_answered_as_done_however_little_time_is_left() {
    let deadline = "x-request-timeout-ms: 20\r\n";
    for is_told in [true, false] {
        let mut house = House::with_tea();
        house.shelf.holds = true;
        let id = house.delete_with(0, deadline);
        house.pass(30);
        assert!(house.replicas[0].0.is_quiet(id), "a moment more");
        house.shelf.holds = !is_told;
        house.pass(if is_told { 0 } else { REDIS_OP_MS });
        house.serve(0);
        assert_eq!(house.status(0, id), 204);
    }
    for is_told in [true, false] {
        let mut house = House::with(2, "[limits]\nshutdown_ms = 10\n");
        house.ask(0);
        house.shelf.holds = true;
        let id = house.delete(0);
        house.within(0, |world| world.feed(Input::Shutdown));
        house.pass(30);
        assert!(house.replicas[0].0.is_quiet(id), "a moment more");
        house.shelf.holds = !is_told;
        house.pass(if is_told { 0 } else { REDIS_OP_MS });
        house.serve(0);
        assert_eq!(house.status(0, id), 204);
    }
}

/// Redis may be given longer than anything else has.
#[test]
fn nobody_waits_for_redis_longer_than_for_the_store() {
    let mut house = House::with_redis(2, "op_ms = 10000\n", "");
    house.ask(0);
    house.shelf.holds = true;
    let id = house.delete(0);
    house.within(0, |world| world.pass(STORE_MS - 1));
    assert!(house.replicas[0].0.is_quiet(id));
    house.within(0, |world| world.pass(1));
    assert_eq!(house.status(0, id), 204);
}

/// A text and its deletion have waited in the journal, and come to the store one after the other.
#[test]
fn what_is_deleted_by_a_replay_is_not_found_near_by_either() {
    let mut house = House::new(2);
    house.replicas[0].0.held.push(Kind::Write);
    let asked = house.send(0, &post("/generate/", ASK));
    house.within(0, |world| {
        world.serve(whole("Tea."));
        let path = "maitred.db".into();
        world.return_work(0, StoreError::Busy { path });
    });
    let text = house.replicas[0].0.reply(asked).json();
    house.pass(300);
    assert_eq!(house.replicas[0].0.jobs.len(), 1, "the text is on its way");
    let id = text["id"].as_str().unwrap();
    let delete = format!("DELETE /contents/{id} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let gone = house.send(0, &delete);
    assert_eq!(house.status(0, gone), 204);
    house.within(0, |world| world.work(0));
    for near in [false, false, true] {
        let said = house.said(1);
        assert!(
            said.contains("hit") && said.contains(NEAR) == near,
            "{said}"
        );
    }
    house.within(0, |world| world.work(0));
    assert!(house.store.texts.is_empty());
    assert_eq!(house.said(1), "maitred; fwd=miss; stored");
}

/// An answer that was read before a deletion and is written down after it.
#[test]
fn what_is_written_down_late_is_of_an_edition_that_is_over() {
    let mut house = House::with_tea();
    house.shelf.values.clear();
    assert!(!house.said(1).contains(NEAR), "there is a new edition");
    house.replicas[1].0.held.push(Kind::Read);
    house.shelf.values.retain(|key, _| key.ends_with("edition"));
    let late = house.send(1, &post("/generate/", ASK));
    // The store has answered, and nobody has heard of it yet.
    let found = house.store.clone();
    let id = house.delete(0);
    assert_eq!(house.status(0, id), 204);
    let kept = std::mem::replace(&mut house.store, found);
    house.replicas[1].0.held.clear();
    house.serve(1);
    house.store = kept;
    assert_eq!(
        house.status(1, late),
        200,
        "it was there when it was asked for"
    );
    assert_eq!(house.event(1, "kept"), 2.0);
    assert_eq!(house.said(1), "maitred; fwd=miss; stored");
}

#[test]
fn a_deletion_that_cannot_be_told_is_told_first_of_all_and_the_others_are_wrong_for_a_minute_at_most()
 {
    let mut house = House::with_tea();
    let link = connections(&house.replicas[0].0)[0];
    house.replicas[0].0.slow_network = true;
    house.replicas[0].0.reset(link, Gone::Reset);
    let id = house.delete(0);
    assert_eq!(
        house.status(0, id),
        204,
        "nobody waits for a server that is away"
    );
    assert_eq!(house.event(0, "owed"), 1.0);
    assert!(house.said(1).contains(NEAR), "it cannot know");
    house.replicas[0].0.slow_network = false;
    house.pass(DB_RETRY_MAX_MS);
    assert_eq!(house.said(1), "maitred; fwd=miss; stored");

    let mut house = House::with_tea();
    let link = connections(&house.replicas[0].0)[0];
    house.replicas[0].0.slow_network = true;
    house.replicas[0].0.reset(link, Gone::Reset);
    house.delete(0);
    house.within(1, |world| world.pass(60_000));
    assert_eq!(house.said(1), "maitred; fwd=miss; stored");
}

/// The server says no to the very command that would end the edition.
#[test]
fn who_could_not_tell_believes_nothing_itself() {
    let mut house = House::with_tea();
    house.shelf.refuses = Some("MISCONF Redis is configured to save RDB snapshots");
    let id = house.delete(0);
    assert_eq!(house.status(0, id), 204);
    house.shelf.refuses = None;
    // It tells it now, and before it asks.
    assert_eq!(house.said(0), "maitred; fwd=miss; stored");
    assert_eq!(house.said(1), "maitred; hit; ttl=86400");
}

#[test]
fn a_deletion_of_which_nobody_knows_whether_it_was_done_is_one() {
    let mut house = House::with_tea();
    house.replicas[0].0.held.push(Kind::Write);
    let id = house.delete(0);
    let unknown = WorkResult::Written(Err(StoreError::Unknown));
    house.within(0, |world| world.fail_work(0, unknown));
    house.replicas[0].0.held.clear();
    assert_eq!(house.status(0, id), 503);
    assert!(!house.said(1).contains(NEAR));
}

/// Whatever the server does, the store is asked, and no client hears of it.
#[test]
fn a_server_that_is_of_no_use_is_done_without() {
    let refusals = [
        "LOADING Redis is loading the dataset in memory",
        "WRONGTYPE Operation against a key holding the wrong kind of value",
        "MOVED 3999 127.0.0.1:6381",
        "READONLY You can't write against a read only replica.",
        "ERR whatever",
    ];
    for refusal in refusals {
        let mut house = House::with_tea();
        house.shelf.refuses = Some(refusal);
        assert_eq!(house.said(0), "maitred; hit; ttl=86400", "{refusal}");
        assert!(house.event(0, "unanswered") >= 1.0, "{refusal}");
    }
    // It hangs: a tenth of a second, once.
    let mut house = House::with_tea();
    house.shelf.holds = true;
    let id = house.send(0, &post("/generate/", ASK));
    assert!(house.replicas[0].0.is_quiet(id));
    house.within(0, |world| world.pass(REDIS_OP_MS));
    assert_eq!(house.status(0, id), 200);
    assert_eq!(
        house.said(0),
        "maitred; hit; ttl=86399",
        "and it is not asked again"
    );
    assert_eq!(house.event(0, "unsent"), 1.0);
}

#[test]
fn what_nobody_of_us_has_written_answers_nobody() {
    let garbage = [
        "",
        "tea",
        "maitred answer 1\n",
        "maitred answer 1\n00000000000000000000000000000000",
    ];
    for wrong in garbage {
        let mut house = House::with_tea();
        for (key, (value, _)) in &mut house.shelf.values {
            if !key.ends_with("edition") {
                wrong.clone_into(value);
            }
        }
        assert_eq!(house.said(0), "maitred; hit; ttl=86400", "{wrong:?}");
    }
    // A value under another key, and with another text in it.
    let mut house = House::with_tea();
    let answer = |house: &House| {
        let mut values = house.shelf.values.iter();
        let found = values.find(|(key, _)| !key.ends_with("edition"));
        let (key, (value, _)) = found.unwrap();
        (key.clone(), value.clone())
    };
    let (key, value) = answer(&house);
    house.shelf.values.get_mut(&key).unwrap().0 = value.replace("Tea.", "Ale.");
    assert_eq!(house.said(0), "maitred; hit; ttl=86400");
    assert_eq!(house.event(0, "invalid"), 1.0);
    let editions = house.shelf.values.iter_mut();
    for (_, (edition, _)) in editions.filter(|(key, _)| key.ends_with("edition")) {
        *edition = "\u{feff}".repeat(1000);
    }
    assert_eq!(house.said(0), "maitred; hit; ttl=86400");
    assert_eq!(house.event(0, "invalid"), 2.0);
}

#[test]
fn a_client_that_leaves_while_redis_is_asked_costs_nothing() {
    let mut house = House::with_tea();
    house.shelf.holds = true;
    let gone = house.send(0, &post("/generate/", ASK));
    house.replicas[0].0.reset(gone, Gone::Reset);
    house.shelf.holds = false;
    house.serve(0);
    assert!(house.said(0).contains(NEAR));
}

#[test]
fn a_text_that_is_too_old_for_a_request_is_not_for_it() {
    let config = format!("{REDIS}answers_s = 3600\n[cache]\nmax_age_s = 30\n{PROVIDER}");
    let mut house = House::with_tea();
    house.replicas[0] = (World::with(&config, SIZES, 9), Porter::default());
    house.serve(0);
    assert!(
        !house.said(1).contains(NEAR),
        "a process that starts may owe a deletion"
    );
    assert!(
        !house.said(1).contains(NEAR),
        "found, and written down again"
    );
    assert!(house.said(0).contains(NEAR));
    house.pass(31_000);
    assert_eq!(house.said(0), "maitred; fwd=miss; stored");
}

#[test]
fn answers_that_are_found_are_within_the_limit_of_all_processes() {
    let mut house = House::with(2, "[rate]\nrequests = [\"10/min\"]\n");
    house.ask(0);
    // All of them look before the first of them has found it.
    let mut asked = Vec::new();
    for which in [0, 1] {
        let world = &mut house.replicas[which].0;
        for _ in 0..12 {
            let id = world.client();
            world.say(id, post("/generate/", ASK).as_bytes());
            asked.push((which, id));
        }
    }
    let mut good = 0;
    for _ in 0..4 {
        house.serve(0);
        house.serve(1);
    }
    for (which, id) in asked {
        match house.replicas[which].0.reply(id).status {
            200 => good += 1,
            status => assert_eq!(status, 429),
        }
    }
    assert!((7..=9).contains(&good), "{good} of the 9 that are left");
}
