//! A run of the real server is recorded, and the engine comes to the same bytes again.
#![allow(clippy::unwrap_used)]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use maitred::reactor::replay::replay;
use support::client::{generate, get, post};
use support::name_server::{NameServer, Say, this_machine};
use support::provider::Provider;
use support::script::Script;
use support::server::{House, Server};

/// A key that must not be in the file.
const KEY: &str = "canary-key-0123456789";

#[test]
fn a_recorded_run_is_repeated_to_the_byte() {
    let provider = Provider::start(|asked| {
        if asked.text.contains("broken") {
            Script::status(500, "", "{}")
        } else {
            Script::streamed(&["Tea", " is", " a \"plant\"."], Duration::from_millis(2))
                .in_slices(7)
        }
    });
    let house = House::new();
    let file = house.path().join("run.rec");
    let config = format!(
        "record = {:?}\ndebug = true\n{}",
        file,
        provider.config(&format!("key = \"{KEY}\""))
    );
    let server = Server::start_in(house, &config);
    for topic in ["tea", "coffee", "broken"] {
        server.ask(generate(topic, true));
    }
    server.ask(post("/analyze/", "{\"content\": \"I love tea.\"}"));
    server.ask(post("/generate/", "{\"topic\": "));
    for path in ["/contents", "/metrics", "/debug/spans", "/nowhere"] {
        server.ask(get(path));
    }
    let mut gone = server.connect();
    gone.send(generate("a client that leaves", true));
    provider.wait_for_requests(4);
    gone.reset();
    server.terminate();
    let ended = server.wait();
    assert!(ended.status.success());

    let seen = replay(&file).unwrap();
    assert!(
        seen.records > 100 && seen.digests > 0 && !seen.overrun,
        "{seen:?}"
    );
    let bytes = std::fs::read(&file).unwrap();
    assert!(
        !bytes
            .windows(KEY.len())
            .any(|window| window == KEY.as_bytes())
    );
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn questions_to_name_servers_and_their_answers_are_repeated_too() {
    let names = NameServer::start(|question| {
        let message = if question.asked.name == "nobody.test" {
            question.asked.answer(3, &[], &[])
        } else if question.tcp {
            this_machine(&question.asked)
        } else {
            question.asked.truncated()
        };
        vec![Say::Message(message)]
    });
    let provider = Provider::start(|_| Script::whole("Tea."));
    let port = provider.addr.port();
    let table = |name: &str| {
        format!("[provider.{name}]\nbase_url = \"http://{name}.test:{port}/v1\"\nmodel = \"m\"\n")
    };
    let house = House::new();
    let file = house.path().join("run.rec");
    let config = format!(
        "record = {file:?}\ndefault_provider = \"llm\"\n{}{}{}",
        names.config(),
        table("llm"),
        table("nobody")
    );
    let server = Server::start_in(house, &config);
    assert_eq!(server.ask(generate("tea", false)).status, 200);
    let nobody = r#"{"topic": "tea", "provider": "nobody"}"#;
    assert_eq!(server.ask(post("/generate/", nobody)).status, 502);
    server.terminate();
    let ended = server.wait();
    assert!(ended.status.success());
    let seen = replay(&file).unwrap();
    assert!(seen.digests > 0 && !seen.cut, "{seen:?}");
}

#[test]
fn a_replay_notices_a_byte_that_was_changed() {
    for stream in [true, false] {
        notices_a_changed_byte(generate("the letter x", stream));
    }
    notices_a_changed_byte(post("/analyze/", r#"{"content": "the letter x"}"#));
}

fn notices_a_changed_byte(request: String) {
    let house = House::new();
    let file = house.path().join("run.rec");
    let server = Server::start_in(house, &format!("record = {file:?}\n"));
    server.ask(request);
    server.terminate();
    let _ended = server.wait();
    let mut bytes = std::fs::read(&file).unwrap();
    let at = bytes
        .windows(12)
        .position(|window| window == b"the letter x")
        .unwrap();
    bytes[at + 11] = b'y';
    std::fs::write(&file, bytes).unwrap();
    let error = replay(&file).unwrap_err().to_string();
    assert!(error.contains("parted at record"), "{error}");
}

#[test]
fn a_recording_is_not_written_over() {
    let house = House::new();
    let file = house.write("run.rec", "an earlier run");
    let output = house.run_to_exit(&format!("record = {file:?}\n"), &[]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("run.rec exists already: choose another name"),
        "{said}"
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "an earlier run");
}

#[test]
fn a_recording_that_was_cut_says_so() {
    let house = House::new();
    let file = house.path().join("run.rec");
    let server = Server::start_in(house, &format!("record = {file:?}\n"));
    server.ask(generate("tea", false));
    server.terminate();
    let _ended = server.wait();
    let whole = std::fs::read(&file).unwrap();
    let seen = replay(&file).unwrap();
    assert!(!seen.cut, "{seen:?}");
    // The last record is a hash, 29 bytes long: cut in it, in its length, and before it.
    for missing in [1, 12, 26, 28, 29] {
        std::fs::write(&file, &whole[..whole.len() - missing]).unwrap();
        let cut = replay(&file).unwrap();
        assert!(cut.cut, "{missing}: {cut:?}");
        assert_eq!(cut.records, seen.records - 1);
    }
}

#[test]
fn junk_is_no_recording() {
    let house = House::new();
    for junk in [
        "",
        "\n",
        "{}\n",
        "no line",
        "[1]\n",
        "{\"maitred_recording\":2}\n",
    ] {
        let said = replay(&house.write("junk", junk)).unwrap_err().to_string();
        assert!(said.starts_with("not a recording: "), "{junk:?}: {said}");
    }
}
