//! A key that is planted in the configuration is in the requests to its provider, and nowhere else,
//! whatever goes wrong: not in logs at their most talkative, replies, metrics, spans, recordings,
//! the database, or the printed configuration.

use crate::drill::KEY;
use crate::sim::{DIALECTS, Sim};
use crate::simulator::fault::MENU;
use crate::support::client::post;
use crate::support::provider::nobody;
use crate::support::script::{chunk, stream_head, text_event};
use crate::support::{Act, Client, House, Provider, Script, Server, get};

const LIMITS: &str = "first_byte_ms = 200\ncontent_gap_ms = 200\nconnect_ms = 150\n\
     total_ms = 2000\ntls_ms = 200\nretry_base_ms = 10\nbreaker_failures = 0\n";

/// Names of all faults, with a number where one belongs.
fn menu() -> Vec<String> {
    let lines = MENU.lines().skip(1).filter(|line| line.starts_with("  "));
    let names = lines.flat_map(|line| {
        let names = line[..23].split(',').map(|name| name.trim().to_owned());
        names.collect::<Vec<_>>()
    });
    let numbered = names.map(|name| match name.strip_suffix("-N") {
        Some("status") => "status-401".to_owned(),
        Some(name) => format!("{name}-7"),
        None => name,
    });
    let mut menu: Vec<String> = numbered.collect();
    // After these a provider is left alone for a while.
    menu.sort_by_key(|name| name.starts_with("retry"));
    menu
}

/// Everything a client was told by a request, head included; a stream may end as it likes.
fn told(server: &Server, request: &str) -> Vec<u8> {
    let mut client = Client::connect(server.addr);
    client.send(request).finish_sending();
    client.rest()
}

fn request(model: &str, stream: bool) -> String {
    let topic = format!("tea {model} {stream}");
    let body = serde_json::json!({"topic": topic, "model": model, "stream": stream});
    post("/generate/", &body.to_string())
}

/// Nothing of what a server leaves behind holds the key.
fn look_everywhere(server: Server, mut seen: Vec<u8>, config: &str, key: &str) {
    for path in ["/", "/metrics", "/debug/spans", "/contents", "/readyz"] {
        seen.extend(server.ask(get(path)).body);
    }
    server.terminate();
    let ended = server.wait();
    let mut places = vec![("replies", seen), ("log", ended.log.into_bytes())];
    let printed = ended.house.run_to_exit(config, &["check-config"]);
    assert!(printed.status.success(), "{printed:?}");
    places.push(("check-config", [printed.stdout, printed.stderr].concat()));
    let recording = std::fs::read(ended.house.path().join("run.rec")).unwrap();
    places.push(("recording", recording));
    for path in ended.house.data_files() {
        places.push(("data", std::fs::read(path).unwrap()));
    }
    for (place, bytes) in places {
        let found = bytes
            .windows(key.len())
            .position(|part| part == key.as_bytes());
        assert_eq!(found, None, "the key is in: {place}");
    }
}

/// A configuration that leaves as many traces as possible.
fn talkative(house: &House, provider: &str) -> String {
    let recording = house.path().join("run.rec");
    format!(
        "record = {recording:?}\ndebug = true\nhalf_close = true\n[log]\nlevel = \"trace\"\n\
         {provider}"
    )
}

#[test]
fn whatever_the_provider_does_wrong() {
    let faults = menu();
    assert!(faults.len() > 40, "{faults:?}");
    for dialect in DIALECTS {
        let (sim, house) = (Sim::start(), House::new());
        let limits = format!("{LIMITS}key = \"{KEY}\"\n");
        let config = talkative(&house, &sim.config(dialect, &limits));
        let server = Server::start_in(house, &config);
        let mut seen = Vec::new();
        for fault in &faults {
            for stream in [false, true] {
                seen.extend(told(&server, &request(&format!("fault:{fault}"), stream)));
            }
        }
        let calls = sim.stat("calls") as usize;
        assert!(
            calls >= 2 * faults.len() - 4,
            "{calls}: it was asked for each of them"
        );
        drop(sim);
        // Now nobody listens there.
        seen.extend(told(&server, &request("sim", true)));
        look_everywhere(server, seen, &config, KEY);
    }
}

/// Statuses, and two things that are none.
const KINDS: [&str; 11] = [
    "200", "302", "400", "401", "403", "404", "500", "503", "no HTTP", "in band", "429",
];

/// What a provider answers that quotes the key wherever it can.
fn quoted(kind: &str, key: &str) -> Script {
    let error = format!(
        r#"{{"error":{{"message":"Incorrect key: {key}","type":"{key}","code":"{key}","param":"{key}"}}}}"#
    );
    match kind.parse() {
        Ok(status) => {
            let fields =
                format!("x-key: {key}\r\nlocation: http://{key}/\r\nretry-after: {key}\r\n");
            Script::status(status, &fields, &error)
        }
        Err(_) if kind == "no HTTP" => {
            let noise = format!("{key}\r\n\r\n");
            Script::default().send(noise).then(Act::Close)
        }
        Err(_) => {
            let events = chunk(&text_event("tea")) + &chunk(&format!("data: {error}\n\n"));
            let script = Script::default().send(stream_head()).send(events);
            script.then(Act::Close)
        }
    }
}

#[test]
fn a_provider_that_repeats_the_key_to_everybody() {
    // The second one looks like a word that an error may have for its name.
    for key in [KEY, "canarykeywithoutanydigit"] {
        let provider = Provider::start(move |asked| {
            assert!(asked.text.contains(key), "it was sent");
            let kind = KINDS
                .into_iter()
                .find(|kind| asked.text.contains(&format!("kind {kind}")));
            quoted(kind.unwrap(), key)
        });
        let house = House::new();
        let limits = format!("{LIMITS}key = \"{key}\"\n");
        let config = talkative(&house, &provider.config(&limits));
        let server = Server::start_in(house, &config);
        let mut seen = Vec::new();
        for kind in KINDS {
            for stream in [false, true] {
                let body = format!(r#"{{"topic": "kind {kind}", "stream": {stream}}}"#);
                seen.extend(told(&server, &post("/generate/", &body)));
            }
        }
        assert!(provider.asked().len() >= 2 * KINDS.len());
        look_everywhere(server, seen, &config, key);
    }
}

#[test]
fn a_key_that_cannot_be_sent_and_a_configuration_that_is_wrong() {
    for wrong in ["\\n", "\\u0000", "\\r"] {
        let table = format!(
            "[provider.fake]\nbase_url = \"http://{}\"\nmodel = \"m\"\n",
            nobody()
        );
        let config = format!("{table}key = \"{KEY}{wrong}\"\n");
        let output = House::new().run_to_exit(&config, &["check-config"]);
        assert!(!output.status.success());
        let said = [output.stdout, output.stderr].concat();
        assert!(!String::from_utf8(said).unwrap().contains(KEY));
        let misspelt = format!("{table}keys = \"{KEY}\"\n");
        let output = House::new().run_to_exit(&misspelt, &["check-config"]);
        assert!(!output.status.success());
        let said = [output.stdout, output.stderr].concat();
        assert!(!String::from_utf8(said).unwrap().contains(KEY));
    }
}
