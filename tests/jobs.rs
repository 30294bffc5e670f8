//! Jobs in the whole server: what is taken in is done, once, whoever is killed meanwhile.
#![allow(clippy::unwrap_used)]

#[path = "jobs/keys.rs"]
mod keys;
#[path = "jobs/reports.rs"]
mod reports;
mod support;

use support::client::{delete, post};
use support::postgres::{self, DATABASE, Postgres};
use support::{Client, Event, Provider, Script, Server, database, get, ms, until};

const ITEMS: usize = 40;

/// Leases that end soon.
const JOBS: &str = "[jobs]\nparallel = 3\nlease_ms = 1000\n";

/// A provider whose texts take a while.
fn provider(gap: u64) -> Provider {
    Provider::start(move |_| Script::streamed(&["tea"; 10], ms(gap)))
}

/// Makes a job of [`ITEMS`] texts; its path.
fn make(server: &Server) -> String {
    let topics: Vec<String> = (0..ITEMS).map(|n| format!("tea {n}")).collect();
    let body = serde_json::json!({"kind": "generate", "topics": topics});
    let reply = server.ask(post("/jobs", &body.to_string()));
    assert_eq!(reply.status, 202);
    format!("/jobs/{}", reply.json()["id"].as_str().unwrap())
}

/// Two servers of one database.
fn replicas(postgres: &Postgres, config: &str) -> [Server; 2] {
    let config = on(postgres, config);
    let servers = [Server::start(&config), Server::start(&config)];
    for server in &servers {
        until("it is ready", || {
            (server.ask(get("/readyz")).status == 200).then_some(())
        });
    }
    servers
}

/// The configuration of a server of this database.
fn on(postgres: &Postgres, config: &str) -> String {
    let url = postgres::url(postgres.addr);
    format!("{config}[database]\nurl = '{url}'\n")
}

fn done(server: &Server, job: &str) -> usize {
    let job = server.ask(get(job)).json();
    usize::try_from(job["done"].as_u64().unwrap()).unwrap()
}

fn wait_until_done(server: &Server, job: &str, items: usize) {
    until(&format!("{items} items are done"), || {
        (done(server, job) >= items).then_some(())
    });
}

#[test]
fn a_server_that_is_killed_again_and_again_loses_no_item_and_doubles_none() {
    let provider = provider(10);
    let config = provider.config("") + JOBS;
    let mut server = Server::start(&config);
    let job = make(&server);
    for nth in 1..=4 {
        wait_until_done(&server, &job, nth * ITEMS / 8);
        server = Server::start_in(server.kill(), &config);
    }
    wait_until_done(&server, &job, ITEMS);
    let page = server.ask(get(&format!("{job}?limit=100"))).json();
    assert_eq!(
        (&page["state"], &page["failed"]),
        (&"done".into(), &0.into())
    );
    let house = server.kill();
    let db = database::open(&house.data());
    let texts = database::check(&db);
    assert_eq!(texts.len(), ITEMS);
    let named: usize = (page["results"].as_array().unwrap().iter())
        .filter(|item| texts.contains(item["id"].as_str().unwrap()))
        .count();
    assert_eq!(named, ITEMS);
    let topics = "SELECT count(DISTINCT search_term_id) FROM generated_content";
    assert_eq!(database::count(&db, topics), ITEMS as i64);
}

#[test]
fn what_is_cancelled_is_not_asked_for_any_more() {
    let provider = provider(500);
    let server = Server::start(&provider.config(""));
    let job = make(&server);
    provider.wait_for_requests(4);
    assert_eq!(server.ask(delete(&job)).json()["state"], "cancelled");
    provider.wait_for_deserters(4);
    provider.wait_for_quiet();
    assert_eq!(provider.asked().len(), 4);
    assert_eq!(
        server.ask(get(&job)).json()["results"][0]["state"],
        "cancelled"
    );
}

#[test]
fn a_server_that_stops_gives_its_items_to_the_next_one() {
    let provider = provider(20);
    let config = provider.config("") + "[jobs]\nlease_ms = 600000\n";
    let server = Server::start(&config);
    let job = make(&server);
    provider.wait_for_requests(4);
    server.terminate();
    let ended = server.wait();
    assert!(ended.status.success());
    let server = Server::start_in(ended.house, &config);
    wait_until_done(&server, &job, ITEMS);
}

/// Begins to watch a job, after what the event with this `id` had told.
fn watch(server: &Server, job: &str, seen: Option<&str>) -> Client {
    let seen = seen.map(|id| format!("Last-Event-ID: {id}\r\n"));
    let seen = seen.unwrap_or_default();
    let mut client = server.connect();
    client.send(format!(
        "GET {job}/events HTTP/1.1\r\nHost: a\r\n{seen}\r\n"
    ));
    assert_eq!(client.head().status, 200);
    client
}

/// The places of items that these events say have ended.
fn places(events: &[Event]) -> Vec<u64> {
    let ends = events.iter().filter(|event| event.name == "item");
    ends.map(|event| event.json()["index"].as_u64().unwrap())
        .collect()
}

/// Reads up to the end of so many items.
fn read_ends(client: &mut Client, items: usize) -> Vec<Event> {
    let mut events = Vec::new();
    while places(&events).len() < items {
        events.push(client.event().expect("the job is not over"));
    }
    events
}

#[test]
fn a_client_that_watches_over_two_restarts_is_told_of_each_item_once() {
    let provider = provider(10);
    let config = provider.config("") + JOBS;
    let server = Server::start(&config);
    let job = make(&server);
    let mut client = watch(&server, &job, None);
    let first = client.event().unwrap();
    assert_eq!((&*first.name, first.retry_ms.is_some()), ("job", true));
    let mut seen = read_ends(&mut client, ITEMS / 4);
    // One that is stopped ends the stream, with no last event; one that is killed cuts it.
    server.terminate();
    seen.extend(client.events());
    assert!(seen.iter().all(|event| event.name != "done"));
    let server = Server::start_in(server.wait().house, &config);
    let mut client = watch(&server, &job, Some(&seen.last().unwrap().mark));
    seen.extend(read_ends(&mut client, ITEMS / 4));
    let house = server.kill();
    let server = Server::start_in(house, &config);
    let mut client = watch(&server, &job, Some(&seen.last().unwrap().mark));
    seen.extend(client.events());
    let mut told = places(&seen);
    told.sort_unstable();
    let once: Vec<u64> = (0..ITEMS as u64).collect();
    assert_eq!(told, once);
    let last = seen.last().unwrap();
    assert_eq!((&*last.name, &last.json()["done"]), ("done", &ITEMS.into()));
    let again = get(&format!("{job}/events")).replace("\r\n\r\n", "\r\nLast-Event-ID: ");
    let reply = server.ask(format!("{again}{}\r\n\r\n", last.mark));
    assert_eq!(reply.status, 204);
}

#[test]
#[ignore = "needs postgresql"]
fn one_of_two_replicas_is_killed_and_the_other_does_the_rest() {
    let postgres = Postgres::start();
    let provider = provider(50);
    let [first, second] = replicas(&postgres, &(provider.config("") + JOBS));
    let job = make(&first);
    let mut client = watch(&first, &job, Some("0"));
    let mut seen = read_ends(&mut client, 1);
    wait_until_done(&second, &job, ITEMS / 4);
    until("both have items in hand", || {
        let busy = |server: &Server| server.metric("maitred_job_items_in_hand") > 0.0;
        (busy(&first) && busy(&second)).then_some(())
    });
    drop(first.kill());
    let mut client = watch(&second, &job, Some(&seen.last().unwrap().mark));
    wait_until_done(&second, &job, ITEMS);
    seen.extend(client.events());
    let mut told = places(&seen);
    told.sort_unstable();
    assert!(told.into_iter().eq(0..ITEMS as u64));
    assert_eq!(second.ask(get(&job)).json()["state"], "done");
    let one = |sql: &str| postgres.psql(DATABASE, sql);
    let texts = "SELECT count(*), count(DISTINCT search_term_id) FROM generated_content";
    assert_eq!(one(texts), format!("{ITEMS}|{ITEMS}"));
    let missing = "SELECT count(*) FROM job_items AS i WHERE state <> 'done' OR NOT EXISTS (
        SELECT 1 FROM generated_content AS g WHERE g.tenant = i.tenant AND g.id = i.row_id)";
    assert_eq!(one(missing), "0");
    assert!(second.metric("maitred_job_items_total{what=\"repeated\"}") > 0.0);
}
