//! What is refused before anybody is asked, and what takes too long, is told in the client's own words
//! as well.

use std::time::Instant;

use crate::drill::Drill;
use crate::sim::DIALECTS;
use crate::support::client::post;
use crate::support::ms;
use crate::told::{self, Told};

/// Where a client of a dialect asks.
fn path(dialect: &str) -> &'static str {
    match dialect {
        "openai" => "/v1/chat/completions",
        "anthropic" => "/v1/messages",
        _ => "/v1beta/models/sim:generateContent",
    }
}

fn ask(drill: &Drill, request: &str) -> Told {
    let mut client = drill.server.connect();
    // A refusal may close the connection before all is sent.
    let _ = client.try_send(request);
    let head = client.head();
    let told = told::read(&mut client, drill.dialect, &head);
    assert!(told.error.is_some() && told.framed, "{told:?}");
    told
}

#[test]
fn what_is_no_request_for_a_text() {
    for dialect in DIALECTS {
        let drill = Drill::with_keys(dialect, "");
        let path = path(dialect);
        let nothing = match dialect {
            "openai" => "/v1/nothing",
            "anthropic" => "/v1/messages/nothing",
            _ => "/v1beta/nothing",
        };
        let messages = r#"{"messages":[{"role":"user"}],"contents":5"#;
        for (request, status) in [
            (post(path, "{"), 400),
            (post(path, ""), 400),
            (post(path, "[]"), 400),
            (post(path, messages), 400),
            (post(path, r#"{"model":5,"contents":{}}"#), 400),
            (post(path, "{}").replacen("POST", "DELETE", 1), 405),
            (post(nothing, "{}"), 404),
            (
                post(path, "{}").replace("application/json", "text/plain"),
                415,
            ),
        ] {
            let told = ask(&drill, &request);
            assert_eq!(told.status, status, "{dialect} {request}: {told:?}");
        }
        assert_eq!(drill.bad.stat("calls"), 0, "nobody was asked");
    }
}

#[test]
fn a_body_that_is_too_large_is_refused_by_its_length() {
    for dialect in DIALECTS {
        let drill = Drill::with_keys(dialect, "");
        let request = format!(
            "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: 9999999999\r\n\r\n",
            path(dialect)
        );
        assert_eq!(ask(&drill, &request).status, 413, "{dialect}");
    }
}

#[test]
fn a_client_with_a_limit_of_its_own() {
    for dialect in DIALECTS {
        let drill = Drill::with_keys(dialect, "");
        for (model, stream, status) in [
            ("bad/fault:late-400", false, 504),
            ("bad/fault:late-400", true, 504),
            ("bad/fault:stall-3", true, 200),
        ] {
            drill.note_request();
            let request = told::request(dialect, model, stream);
            let limited = request.replacen("\r\n", "\r\nx-request-timeout-ms: 200\r\n", 1);
            let asked = Instant::now();
            let told = ask(&drill, &limited);
            let took = asked.elapsed();
            assert_eq!(told.status, status, "{told:?}");
            assert!(took >= ms(195) && took < ms(1500), "{took:?}");
            assert!(!told.is_answer(), "{told:?}");
        }
        drill.end();
    }
}
