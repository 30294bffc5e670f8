//! Streams that were cut and are gone on with, and streams that are stopped.

use crate::support::response::text_of;
use crate::support::{Client, Event, Provider, Script, Server, database, generate, get, ms};

fn resume(id: &str, after: u64) -> String {
    let path = format!("/generate/{id}/events");
    get(&path).replace("\r\nHost", &format!("\r\nLast-Event-ID: {after}\r\nHost"))
}

/// Reads `start` and `tokens` tokens.
fn first(client: &mut Client, tokens: usize) -> (String, Vec<Event>) {
    client.head();
    let start = client.event().unwrap();
    assert_eq!(start.name, "start");
    let id = start.json()["id"].as_str().unwrap().to_owned();
    let events = (0..tokens).map(|_| client.event().unwrap()).collect();
    (id, events)
}

#[test]
fn a_stream_that_the_client_lost_goes_on_where_it_was() {
    let server = Server::start("[offline]\ngap_ms = 10\ntokens = 60\n");
    let mut client = server.connect();
    client.send(generate("tea", true));
    let (id, before) = first(&mut client, 5);
    let at = before.last().unwrap().id.unwrap();
    client.reset();

    let mut client = server.connect();
    client.send(resume(&id, at)).head();
    let after = client.events();
    assert!(
        after.iter().all(|event| event.name != "start"),
        "it has had that"
    );
    assert_eq!(after.last().unwrap().name, "done");
    let text = text_of(&before, 0) + &text_of(&after, at as usize);
    assert_eq!(
        server.ask(get(&format!("/contents/{id}"))).json()["text"],
        text
    );
    assert_eq!(
        server.metric("maitred_generations_total"),
        1.0,
        "nothing was asked for twice"
    );
}

#[test]
fn a_finished_text_is_resumed_from_memory_and_then_from_its_row() {
    for config in ["", "[limits]\nreplay_ms = 0\nresume_grace_ms = 0\n"] {
        let server = Server::start(&format!("{config}[offline]\ngap_ms = 0\ntokens = 30\n"));
        let whole = server.ask(generate("tea", false)).json();
        let (id, text) = (
            whole["id"].as_str().unwrap(),
            whole["generated_text"].as_str().unwrap(),
        );
        let mut client = server.connect();
        client.send(resume(id, 0)).head();
        let events = client.events();
        assert_eq!(text_of(&events, 0), text, "{config:?}");
        assert_eq!(events.last().unwrap().name, "done");
        // Everything was seen: nothing but the end.
        client.send(resume(id, text.len() as u64)).head();
        let names: Vec<String> = client.events().into_iter().map(|e| e.name).collect();
        assert_eq!(names, ["done"]);
    }
}

#[test]
fn a_text_outlives_the_server_and_an_unknown_one_is_gone() {
    let quick = "[offline]\ngap_ms = 0\ntokens = 30\n";
    let server = Server::start(quick);
    let whole = server.ask(generate("tea", false)).json();
    let server = Server::start_in(server.kill(), quick);
    let mut client = server.connect();
    client.send(resume(whole["id"].as_str().unwrap(), 0)).head();
    assert_eq!(
        text_of(&client.events(), 0),
        whole["generated_text"].as_str().unwrap()
    );

    let old = "01890000-0000-7000-8000-000000000000";
    let response = server.ask(resume(old, 0));
    assert_eq!(
        (response.status, response.problem().as_str()),
        (410, "gone")
    );
}

#[test]
fn nobody_comes_back_in_time() {
    let provider = Provider::start(|_| Script::streamed(&["tea "; 200], ms(20)));
    let server = Server::start(&format!(
        "[limits]\nresume_grace_ms = 300\n{}",
        provider.config("")
    ));
    let mut client = server.connect();
    client.send(generate("tea", true));
    let (id, _) = first(&mut client, 2);
    let left = std::time::Instant::now();
    drop(client);
    let noticed = provider.wait_for_deserters(1);
    assert!(
        noticed - left >= ms(250),
        "it waits for the client: {:?}",
        noticed - left
    );
    assert!(
        noticed - left < ms(1500),
        "but not for ever: {:?}",
        noticed - left
    );
    let data = server.house().data();
    let gone = "SELECT count(*) FROM requests WHERE outcome = 'client_gone'";
    database::wait_for_count(&data, gone, 1);
    let row = server.ask(get(&format!("/contents/{id}")));
    assert_eq!(row.json()["state"], "truncated");
}

#[test]
fn delete_stops_a_stream_at_once() {
    let provider = Provider::start(|_| Script::streamed(&["tea "; 500], ms(20)));
    let server = Server::start(&provider.config(""));
    let mut client = server.connect();
    client.send(generate("tea", true));
    let (id, _) = first(&mut client, 2);

    let stop = get(&format!("/generate/{id}")).replace("GET", "DELETE");
    let asked = std::time::Instant::now();
    let stopped = server.ask(&stop).json();
    assert_eq!(
        (&stopped["id"], &stopped["stopped"]),
        (&id.as_str().into(), &true.into())
    );
    let noticed = provider.wait_for_deserters(1) - asked;
    assert!(noticed < ms(250), "{noticed:?}");
    let last = client.events().pop().unwrap();
    assert_eq!(
        (last.name.as_str(), last.json()["code"].as_str()),
        ("error", Some("cancelled"))
    );
    // Once more changes nothing.
    let again = server.ask(&stop);
    assert_eq!(
        (again.status, &again.json()["stopped"]),
        (200, &false.into())
    );
    let unknown = "/generate/01890000-0000-7000-8000-000000000000";
    assert_eq!(
        server.ask(get(unknown).replace("GET", "DELETE")).status,
        404
    );
}
