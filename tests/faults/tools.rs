//! The simulator and the proxy themselves: what they are told to do, they do.

use std::io::Read;
use std::net::TcpStream;
use std::time::Instant;

use serde_json::{Value, json};

use crate::sim::Sim;
use crate::simulator::fault::{self, MENU};
use crate::support::client::post;
use crate::support::proxy::{End, Harm, Proxy};
use crate::support::{Client, ask, get, ms};

fn chat(model: &str, stream: bool) -> String {
    let body = json!({
        "model": model, "stream": stream, "messages": [{"role": "user", "content": "tea"}],
    });
    post("/v1/chat/completions", &body.to_string())
}

#[test]
fn every_fault_of_the_menu_can_be_ordered() {
    let mut orders = 0;
    for line in MENU.lines().skip(1) {
        for name in line[..23].split(',') {
            let name = name.trim().replace("-N", "-429");
            assert!(fault::parse(&name).is_ok(), "{name}");
            orders += 1;
        }
    }
    assert!(orders > 40);
    for wrong in [
        "",
        "stall-",
        "stall-x",
        "status-200",
        "slices-0",
        "crlf+nothing",
        "-1",
    ] {
        assert!(fault::parse(wrong).is_err(), "{wrong}");
    }
    let sim = Sim::start();
    let refused = ask(sim.addr, chat("fault:nothing", false));
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("there is no fault"));
}

#[test]
fn it_does_what_an_sdk_expects() {
    let sim = Sim::start();
    let gemini = json!({"contents": [], "generationConfig": {"maxOutputTokens": 2}}).to_string();
    for path in [
        "/v1beta/models/m:generateContent",
        "/v1/models/m%3AgenerateContent",
    ] {
        let answer = ask(sim.addr, post(path, &gemini)).json();
        assert_eq!(answer["candidates"][0]["finishReason"], "MAX_TOKENS");
        assert_eq!(
            answer["candidates"][0]["content"]["parts"][0]["text"],
            "Tea is"
        );
    }
    let list = ask(
        sim.addr,
        post("/v1beta/models/m:streamGenerateContent", &gemini),
    )
    .json();
    assert_eq!(list[0]["modelVersion"], "m");
    let body = json!({"model": "m", "messages": []}).to_string();
    let refused = ask(sim.addr, post("/v1/messages", &body));
    assert_eq!(
        (refused.status, &refused.json()["type"]),
        (400, &json!("error"))
    );
    assert_eq!(ask(sim.addr, get("/v1/models")).json()["object"], "list");
    let vectors = ask(
        sim.addr,
        post("/v1/embeddings", r#"{"model":"m","input":["a","b"]}"#),
    );
    assert_eq!(vectors.json()["data"].as_array().unwrap().len(), 2);
    assert_eq!(ask(sim.addr, get("/nothing")).status, 404);
}

/// More than it reads in one go, and all of it there at once: no second edge would tell of the rest.
#[test]
fn a_long_request_is_read_to_its_end() {
    let sim = Sim::start();
    for mebibytes in [1, 2, 8] {
        let long = "tea ".repeat(mebibytes * 256 * 1024);
        let body = json!({"model": "m", "messages": [{"role": "user", "content": long}]});
        let answer = ask(sim.addr, post("/v1/chat/completions", &body.to_string()));
        assert_eq!(answer.status, 200, "{mebibytes} MiB");
    }
}

#[test]
fn tools_are_called_and_schemas_are_filled() {
    let sim = Sim::start();
    let schema = json!({"type": "object", "properties": {
        "city": {"type": "string"}, "days": {"type": "integer"},
        "unit": {"enum": ["C", "F"]}, "list": {"type": "array", "items": {"type": "boolean"}},
    }});
    let filled = json!({"city": "tea", "days": 1, "unit": "C", "list": [true]});
    let message = json!([{"role": "user", "content": "please use the tool"}]);
    let tool = json!({"type": "function", "function": {"name": "f", "parameters": schema}});
    let body = json!({"model": "m", "messages": message, "tools": [tool]}).to_string();
    let answer = ask(sim.addr, post("/v1/chat/completions", &body)).json();
    let choice = &answer["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    let arguments = choice["message"]["tool_calls"][0]["function"]["arguments"].as_str();
    assert_eq!(
        serde_json::from_str::<Value>(arguments.unwrap()).unwrap(),
        filled
    );

    let tools = json!([{"name": "f", "input_schema": schema}]);
    let body = json!({"model": "m", "max_tokens": 9, "messages": message, "tools": tools});
    let answer = ask(sim.addr, post("/v1/messages", &body.to_string())).json();
    assert_eq!(answer["content"][0]["input"], filled);
    let declared = json!([{"functionDeclarations": [{"name": "f", "parameters": schema}]}]);
    let body = json!({"contents": message, "tools": declared}).to_string();
    let answer = ask(sim.addr, post("/v1beta/models/m:generateContent", &body)).json();
    assert_eq!(
        answer["candidates"][0]["content"]["parts"][0]["functionCall"]["args"],
        filled
    );

    let format = json!({"type": "json_schema", "json_schema": {"schema": schema}});
    let body = json!({"model": "m", "messages": [], "response_format": format}).to_string();
    let answer = ask(sim.addr, post("/v1/chat/completions", &body)).json();
    let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(text).unwrap(), filled);
}

#[test]
fn a_stream_keeps_its_pace_and_the_journal_its_account() {
    let sim = Sim::with(|options| {
        options.latency_ms = 100;
        options.gap_ms = 20;
        options.tokens = 11;
    });
    let asked = Instant::now();
    let whole = ask(sim.addr, chat("sim", true));
    let took = asked.elapsed();
    assert!(took >= ms(300) && took < ms(600), "{took:?}");
    assert!(whole.text().ends_with("data: [DONE]\n\n"));

    let mut leaver = Client::connect(sim.addr);
    leaver.send(chat("fault:stall", true)).head();
    drop(leaver);
    assert_eq!(sim.outcome_of(1), "cut_by_client");
    let _ = ask_and_ignore(&sim, "fault:reset");
    assert_eq!(sim.outcome_of(2), "broken");
    let calls = sim.calls();
    assert_eq!(calls[0]["outcome"], "completed");
    assert_eq!(calls[0]["model"], "sim");
    assert!(calls[0]["first_byte_ms"].as_f64() >= calls[0]["asked_ms"].as_f64());
    assert_eq!((sim.stat("calls"), sim.stat("playing")), (3, 0));
}

fn ask_and_ignore(sim: &Sim, model: &str) -> std::io::Result<usize> {
    let mut stream = TcpStream::connect(sim.addr)?;
    std::io::Write::write_all(&mut stream, chat(model, true).as_bytes())?;
    stream.read_to_end(&mut Vec::new())
}

#[test]
fn requests_that_are_sent_ahead_are_answered_in_their_order() {
    let sim = Sim::start();
    let mut client = Client::connect(sim.addr);
    client.send(chat("one", false) + &chat("two", true) + &chat("three", false));
    assert_eq!(client.response().json()["model"], "one");
    assert!(client.response().text().contains("\"two\""));
    assert_eq!(client.response().json()["model"], "three");
}

#[test]
fn the_proxy_harms_exactly_what_it_is_told_to() {
    let sim = Sim::start();
    let answer = |proxy: &Proxy| {
        let mut client = Client::connect(proxy.addr);
        client.send(chat("sim", false)).rest()
    };
    let whole = {
        let mut client = Client::connect(sim.addr);
        let response = client.send(chat("sim", false)).response();
        [response.head.as_bytes(), b"\r\n\r\n", &response.body].concat()
    };
    let slow = Proxy::start(sim.addr, |_| Harm::slices(50).pausing(ms(1)));
    let mut client = Client::connect(slow.addr);
    let body = client.send(chat("sim", false)).response().body;
    assert!(whole.ends_with(&body) && body.len() > 300);

    let cut = Proxy::start(sim.addr, |_| Harm::after(100, End::Cut));
    assert_eq!(answer(&cut), whole[..100]);
    let wrong = Proxy::start(sim.addr, |_| Harm {
        flip: Some(20),
        ..Harm::after(100, End::Cut)
    });
    let harmed = answer(&wrong);
    let differ: Vec<usize> = (0..100).filter(|at| harmed[*at] != whole[*at]).collect();
    assert_eq!(differ, [20]);

    let reset = Proxy::start(sim.addr, |_| Harm::after(100, End::Reset));
    let mut stream = TcpStream::connect(reset.addr).unwrap();
    std::io::Write::write_all(&mut stream, chat("sim", false).as_bytes()).unwrap();
    let error = stream.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let hang = Proxy::start(sim.addr, |_| Harm::after(0, End::Hang));
    let mut client = Client::connect(hang.addr);
    assert!(client.send(chat("sim", false)).is_silent_for(ms(200)));
    assert_eq!(hang.connections(), 1);
    assert_eq!(hang.bytes_from_server(), chat("sim", false).len());
}
