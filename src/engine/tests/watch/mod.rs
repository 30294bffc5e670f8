//! `GET /jobs/{id}/events`.

mod guest;

use super::openai;
use super::world::{Event, SIZES};
use super::{PROVIDER, World};
use crate::engine::io::Input;
use crate::engine::work::{Kind, WorkResult};
use crate::engine::{ConnId, Sizes};
use crate::limits::HEARTBEAT_MS;
use crate::limits::jobs::{
    JOB_LOOK_GAP_MS, JOB_LOOK_MAX_MS, JOB_LOOK_MS, JOB_LOOK_ROWS, JOB_WATCHERS,
};
use crate::store::{ItemState, JobState, StoreError};

const NOBODY: &str = "0190d6a5-6f27-7ad0-8a5e-0123456789ab";

/// A process that takes jobs in and leaves them to others.
const IDLE: &str = "[jobs]\nparallel = 0\n";

/// Makes a job of texts about so many topics; its path.
fn make(world: &mut World, topics: usize) -> String {
    let topics: Vec<String> = (0..topics).map(|n| format!("tea {n}")).collect();
    let body = serde_json::json!({"kind": "generate", "topics": topics});
    let client = world.post("/jobs", &body.to_string());
    let job = world.reply(client).json();
    format!("/jobs/{}", job["id"].as_str().unwrap())
}

fn watch(world: &mut World, job: &str, seen: Option<&str>) -> ConnId {
    let seen = seen.map(|id| format!("Last-Event-ID: {id}\r\n"));
    let seen = seen.unwrap_or_default();
    world.ask(format!(
        "GET {job}/events HTTP/1.1\r\nHost: localhost\r\n{seen}\r\n"
    ))
}

fn cancel(world: &mut World, job: &str) {
    let client = world.ask(format!("DELETE {job} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    assert_eq!(world.reply(client).status, 200);
}

/// Another process ends an item.
fn end(world: &mut World, position: u32, state: ItemState) {
    let jobs = &mut world.store.jobs;
    let job = jobs.jobs.values_mut().next().unwrap();
    let mut items = jobs.items.values_mut();
    let item = items.find(|item| item.row.position == position).unwrap();
    (item.row.state, item.due_ms) = (state, None);
    if state == ItemState::Failed {
        item.row.error_code = Some("upstream_quota".into());
        job.failed += 1;
    } else {
        job.done += 1;
    }
    let is_over = job.done + job.failed == job.items;
    job.state = if is_over {
        JobState::Done
    } else {
        JobState::Running
    };
}

/// Each event as its name, its `id`, and what it is about.
fn told(events: &[Event]) -> Vec<String> {
    let tell = |event: &Event| {
        let data = &event.data;
        let about = match &*event.name {
            "item" => format!(" {} {}", data["index"], data["state"]),
            "error" => format!(" {}", data["code"]),
            ":" => String::new(),
            _ => format!(" {}", data["state"]),
        };
        format!("{} {}{about}", event.mark, event.name).replace('"', "")
    };
    events.iter().map(tell).collect()
}

fn nobody_watches(world: &World) {
    assert_eq!(world.engine.jobs.watches.len(), 0);
    assert_eq!(world.metric("job_watchers"), 0.0);
}

fn looks(world: &World) -> f64 {
    world.metric("job_looks_total")
}

#[test]
fn a_job_is_watched_from_its_beginning_to_its_end() {
    let mut world = World::new(&format!("{PROVIDER}[jobs]\nparallel = 1\n"));
    let job = make(&mut world, 2);
    let client = watch(&mut world, &job, None);
    for _ in 0..2 {
        world.pass(1_000);
        world.serve(openai::stream(&["Tea is good."]));
    }
    world.pass(1_000);
    let reply = world.reply(client);
    assert_eq!(
        reply.field("content-type"),
        Some("text/event-stream; charset=utf-8")
    );
    let events = reply.events();
    let (first, rest) = events.split_first().unwrap();
    assert!(
        first
            .retry_ms
            .is_some_and(|ms| (1_000..=3_000).contains(&ms))
    );
    assert_eq!((&*first.name, &*first.mark), ("job", "0"));
    assert_eq!(
        first.data["waiting"].as_u64(),
        Some(2 - first.data["running"].as_u64().unwrap())
    );
    let rest: Vec<Event> = rest.iter().filter(|e| e.name != "job").cloned().collect();
    assert_eq!(
        told(&rest),
        ["1 item 0 done", "2 item 1 done", "2! done done"]
    );
    let text = world.store.jobs.items.values().next().unwrap().row.row_id;
    assert_eq!(rest[0].data["id"], text.to_string());
    assert_eq!(
        (&rest[0].data["done"], &rest[1].data["done"]),
        (&1.into(), &2.into())
    );
    assert_eq!(
        (&rest[2].data["items"], &rest[2].data["waiting"]),
        (&2.into(), &0.into())
    );
}

#[test]
fn what_others_do_is_found_by_looking_ever_more_seldom() {
    let mut world = World::new(IDLE);
    let job = make(&mut world, 3);
    let client = watch(&mut world, &job, None);
    assert_eq!(told(&world.events(client)), ["0 job queued"]);
    end(&mut world, 2, ItemState::Failed);
    world.pass(JOB_LOOK_MS);
    let events = world.events(client);
    assert_eq!(told(&events[1..]), ["0 job running", "0.4 item 2 failed"]);
    assert_eq!(
        (&events[2].data["error"], &events[2].data["id"]),
        (&"upstream_quota".into(), &().into())
    );
    world.pass(JOB_LOOK_MS + 10 * JOB_LOOK_MAX_MS);
    assert!(
        (12.0..=16.0).contains(&looks(&world)),
        "{} looks",
        looks(&world)
    );
    end(&mut world, 0, ItemState::Done);
    end(&mut world, 1, ItemState::Done);
    world.pass(JOB_LOOK_MAX_MS);
    let events: Vec<Event> = world.reply(client).events();
    let events: Vec<Event> = events
        .into_iter()
        .skip(3)
        .filter(|e| e.name != ":")
        .collect();
    assert_eq!(
        told(&events),
        ["1.8 item 0 done", "3 item 1 done", "3! done done"]
    );
    world.end(client);
    world.settle();
    world.engine.check_empty().unwrap();
}

#[test]
fn many_clients_of_one_job_cost_one_look() {
    let mut world = World::new(IDLE);
    let job = make(&mut world, 1);
    let clients: Vec<ConnId> = (0..20).map(|_| watch(&mut world, &job, None)).collect();
    world.pass(JOB_LOOK_MS / 2);
    let before = looks(&world);
    assert_eq!(before, 1.0);
    end(&mut world, 0, ItemState::Done);
    world.pass(JOB_LOOK_MS);
    for client in clients {
        let events = told(&world.reply(client).events());
        assert_eq!(events, ["0 job queued", "1 item 0 done", "1! done done"]);
    }
    assert_eq!(looks(&world), before + 1.0);
    nobody_watches(&world);
}

#[test]
fn whoever_says_that_a_job_has_changed_is_believed_at_once() {
    let mut world = World::new(IDLE);
    let job = make(&mut world, 2);
    let client = watch(&mut world, &job, None);
    world.pass(JOB_LOOK_MAX_MS);
    end(&mut world, 0, ItemState::Done);
    let before = looks(&world);
    let id = world.store.jobs.only().id;
    for _ in 0..5 {
        world.engine.job_changed(id);
        world.tick();
    }
    world.settle();
    let last = told(&world.events(client)).pop().unwrap();
    assert_eq!(last, "1 item 0 done");
    world.pass(JOB_LOOK_GAP_MS);
    assert_eq!(looks(&world), before + 2.0); // what came while it was asked is one more look
}

#[test]
fn one_that_comes_back_goes_on_where_it_was() {
    let mut world = World::new(IDLE);
    let job = make(&mut world, 4);
    end(&mut world, 1, ItemState::Done);
    let first = watch(&mut world, &job, None);
    let mark = world.events(first).pop().unwrap().mark;
    assert_eq!(mark, "0.8");
    world.end(first);
    world.settle();
    assert!(world.is_over(first));
    nobody_watches(&world);
    end(&mut world, 0, ItemState::Done);
    end(&mut world, 3, ItemState::Done);
    let mut next = World::with(IDLE, SIZES, 2); // another process
    next.store = std::mem::take(&mut world.store);
    let again = watch(&mut next, &job, Some(&mark));
    let rest = ["0.8 job running", "2 item 0 done", "2.8 item 3 done"];
    assert_eq!(told(&next.events(again)), rest);
    let all = watch(&mut next, &job, Some("0"));
    assert_eq!(told(&next.events(all)).len(), 4);
    end(&mut next, 2, ItemState::Done);
    next.pass(JOB_LOOK_MS);
    let mark = next.reply(again).events().pop().unwrap().mark;
    let over = watch(&mut next, &job, Some(&mark));
    assert_eq!((&*mark, next.reply(over).status), ("4!", 204));
    let late = watch(&mut next, &job, Some("4"));
    assert_eq!(
        told(&next.reply(late).events()),
        ["4 job done", "4! done done"]
    );
}

#[test]
fn a_job_that_is_cancelled_or_deleted_says_so_and_ends() {
    let mut world = World::new(PROVIDER);
    let job = make(&mut world, 3);
    world.pass(1_000);
    let client = watch(&mut world, &job, None);
    cancel(&mut world, &job);
    world.pass(JOB_LOOK_GAP_MS);
    let events = world.reply(client).events();
    assert_eq!(told(&events), ["0 job running", "0! done cancelled"]);
    assert_eq!(
        (&events[1].data["cancelled"], &events[1].data["running"]),
        (&3.into(), &0.into())
    );
    let mut world = World::new(IDLE);
    let job = make(&mut world, 3);
    let client = watch(&mut world, &job, None);
    world.store.jobs.jobs.clear();
    world.pass(JOB_LOOK_MS);
    assert_eq!(
        told(&world.reply(client).events())[1..],
        [" error not_found"]
    );
    assert!(world.is_over(client));
}

#[test]
fn what_is_not_there_or_no_id_is_refused() {
    let mut world = World::new(IDLE);
    let job = make(&mut world, 1);
    let client = watch(&mut world, &format!("/jobs/{NOBODY}"), None);
    assert_eq!(world.reply(client).problem(), (404, "not_found".to_owned()));
    for wrong in ["x", "0.", "1.g", "-1", "1001", "1, 2"] {
        let client = watch(&mut world, &job, Some(wrong));
        let reply = world.reply(client);
        assert_eq!(reply.json()["field"], "Last-Event-ID", "{wrong}");
        assert_eq!(reply.status, 422, "{wrong}");
    }
    assert_eq!(world.get(&format!("{job}/events?limit=1")).status, 422);
    let head = world.ask(format!(
        "HEAD {job}/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
    ));
    assert_eq!(world.reply_to_head(head).status, 200);
    nobody_watches(&world);
}

#[test]
fn there_are_only_so_many_who_watch() {
    let clients = JOB_WATCHERS + 4;
    let mut world = World::with(IDLE, Sizes { clients, ..SIZES }, 1);
    let job = make(&mut world, 1);
    let clients: Vec<ConnId> = (0..JOB_WATCHERS)
        .map(|_| watch(&mut world, &job, None))
        .collect();
    let late = watch(&mut world, &job, None);
    let reply = world.reply(late);
    assert_eq!(reply.problem(), (503, "watchers_full".to_owned()));
    assert_eq!(reply.field("retry-after"), Some("1"));
    world.end(clients[7]);
    let late = watch(&mut world, &job, None);
    world.pass(JOB_LOOK_GAP_MS);
    assert_eq!(told(&world.events(late)), ["0 job queued"]);
}

#[test]
fn one_that_does_not_read_is_told_the_rest_when_it_does() {
    let mut world = World::new(IDLE);
    let items = 2 * JOB_LOOK_ROWS + 10;
    let job = make(&mut world, items);
    let client = watch(&mut world, &job, None);
    world.sockets.get_mut(&client).unwrap().stalled = true;
    for nth in 0..items {
        end(&mut world, nth as u32, ItemState::Done);
    }
    world.pass(JOB_LOOK_MS);
    let unsent = world.unsent(client).len();
    assert!((16 * 1024..20 * 1024).contains(&unsent), "{unsent} bytes");
    world.sockets.get_mut(&client).unwrap().stalled = false;
    world.settle();
    let events = world.reply(client).events();
    let ends: Vec<&Event> = events.iter().filter(|event| event.name == "item").collect();
    let places = ends
        .iter()
        .map(|event| event.data["index"].as_u64().unwrap());
    assert!(places.eq(0..items as u64));
    assert_eq!(ends[items - 1].data["done"], items);
    assert_eq!(events.last().unwrap().name, "done");
}

#[test]
fn silence_has_its_heartbeats_and_a_store_that_fails_is_asked_again() {
    let mut world = World::new(IDLE);
    let job = make(&mut world, 1);
    let client = watch(&mut world, &job, None);
    world.pass(HEARTBEAT_MS);
    assert_eq!(told(&world.events(client)), ["0 job queued", " :"]);
    world.held.push(Kind::Read);
    world.pass(JOB_LOOK_MAX_MS);
    let busy = || StoreError::Busy {
        path: "maitred.db".into(),
    };
    let looking = world
        .jobs
        .iter()
        .position(|(_, work)| work.kind() == Kind::Read)
        .unwrap();
    world.fail_work(looking, WorkResult::Found(Err(busy())));
    let late = watch(&mut world, &job, None);
    world.pass(JOB_LOOK_GAP_MS);
    let looking = world
        .jobs
        .iter()
        .position(|(_, work)| work.kind() == Kind::Read)
        .unwrap();
    world.fail_work(looking, WorkResult::Found(Err(busy())));
    world.settle();
    assert_eq!(world.reply(late).problem(), (503, "store_busy".to_owned()));
    world.held.clear();
    end(&mut world, 0, ItemState::Done);
    world.pass(2 * JOB_LOOK_MAX_MS);
    assert_eq!(
        told(&world.reply(client).events()).pop().unwrap(),
        "1! done done"
    );
}

#[test]
fn a_server_that_stops_ends_the_stream_without_a_last_event() {
    let mut world = World::new(IDLE);
    let job = make(&mut world, 2);
    let client = watch(&mut world, &job, None);
    world.feed(Input::Shutdown);
    world.settle();
    assert_eq!(told(&world.reply(client).events()), ["0 job queued"]);
    assert!(world.is_over(client));
    for id in world.open_sockets() {
        world.end(id);
    }
    world.settle();
    assert!(world.engine.is_finished());
}
