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

/// A run with this request is recorded, and `word` is another one where it stands first in the file.
fn replay_with_another_byte(request: String, word: &str) -> String {
    let provider = Provider::start(|_| Script::whole("Tea for Mr. X"));
    let house = House::new();
    let file = house.path().join("run.rec");
    let config = format!("record = {file:?}\n{}", provider.config(""));
    let server = Server::start_in(house, &config);
    let reply = server.ask(request);
    assert!(matches!(reply.status, 200 | 202), "{reply:?}");
    server.terminate();
    let _ended = server.wait();
    let mut bytes = std::fs::read(&file).unwrap();
    let mut windows = bytes.windows(word.len());
    let at = windows.position(|window| window == word.as_bytes());
    bytes[at.unwrap() + word.len() - 1] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    replay(&file).unwrap_err().to_string()
}

#[test]
fn a_replay_notices_a_byte_that_was_changed() {
    let chat = r#"{"model":"m","messages":[{"role":"user","content":"the letter x"}]}"#;
    let chat = post("/v1/chat/completions", chat);
    for stream in [true, false] {
        for word in ["the letter x", "Tea for Mr. X"] {
            let said = replay_with_another_byte(generate("the letter x", stream), word);
            assert!(said.contains("parted at record"), "{word}: {said}");
            let said = replay_with_another_byte(chat.clone(), word);
            assert!(said.contains("parted at record"), "{word}: {said}");
        }
    }
}

/// Of these nothing is said again to anybody by the loop: threads read them, and what came of it is in
/// the file.
#[test]
fn it_notices_one_in_what_threads_were_given() {
    let long = "tea ".repeat(20_000);
    let job = r#"{"kind":"analyze","contents":["the letter x"]}"#;
    for request in [
        post(
            "/analyze/",
            &format!(r#"{{"content": "{long} the letter x"}}"#),
        ),
        post(
            "/contents/import",
            "{\"topic\": \"tea\", \"text\": \"the letter x\"}\n",
        )
        .replace("application/json", "application/x-ndjson"),
        post("/jobs", job),
    ] {
        let said = replay_with_another_byte(request, "the letter x");
        assert!(said.contains("parted at record"), "{said}");
    }
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
