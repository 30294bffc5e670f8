//! Paths, methods and the fields that decide about a route.
#![allow(clippy::unwrap_used)]
use super::*;
use crate::proto::http1::{Server, Step};

fn route(line: &str) -> Result<Route, Failure> {
    let request = format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut server = Server::new();
    match server.step(request.as_bytes()).unwrap() {
        Step::Head { head, .. } => find(&head),
        other => panic!("{other:?}"),
    }
}

#[test]
fn paths_are_taken_with_and_without_the_last_slash() {
    assert_eq!(route("POST /generate"), Ok(Route::Generate));
    assert_eq!(route("POST /generate/"), Ok(Route::Generate));
    assert_eq!(route("HEAD /healthz/"), Ok(Route::Health));
    assert_eq!(route("GET /"), Ok(Route::Page(web::index(), false)));
    for wrong in [
        "GET //",
        "GET /healthz/x",
        "GET /generat",
        "GET /contents/1/2/3",
        "GET /app",
        "GET /app/",
        "GET /app/../index.html",
        "GET /app/main.js/",
    ] {
        assert_eq!(route(wrong), Err(Failure::NoSuchRoute), "{wrong}");
    }
}

#[test]
fn a_last_event_id_is_a_number_and_nothing_else() {
    let read = |lines: &str| {
        let request = format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
        match Server::new().step(request.as_bytes()).unwrap() {
            Step::Head { head, .. } => last_event_id(&head.fields),
            other => panic!("{other:?}"),
        }
    };
    let one = |value: &str| read(&format!("Last-Event-ID: {value}\r\n"));
    assert_eq!(read(""), Ok(None));
    assert_eq!(one(" 0090 "), Ok(Some(90)));
    assert_eq!(one("99999999999999999999"), Ok(Some(u64::MAX)));
    let twice = read("Last-Event-ID: 1\r\nLast-Event-ID: 1\r\n");
    for wrong in [one(""), one("+1"), one("-1"), one("1 2"), one("0x1"), twice] {
        let failure = wrong.unwrap_err();
        assert_eq!(failure.field(), Some("Last-Event-ID"));
        assert_eq!(
            (failure.status(), failure.code()),
            (422, "invalid_parameter")
        );
    }
}

#[test]
fn a_wrong_method_is_told_what_is_allowed() {
    let allow = "POST, OPTIONS";
    assert_eq!(route("GET /generate/"), Err(Failure::Method { allow }));
    assert_eq!(route("OPTIONS /generate/"), Ok(Route::Options(allow)));
    assert!(matches!(route("OPTIONS *"), Ok(Route::Options(_))));
}

#[test]
fn an_id_has_one_spelling() {
    let id = "0190d6a5-6f27-7ad0-8a5e-0123456789ab";
    let parsed = Uuid::try_parse(id).unwrap();
    assert_eq!(
        route(&format!("GET /contents/{id}")),
        Ok(Route::Read(parsed))
    );
    assert_eq!(
        route(&format!("GET /generate/{id}/events")),
        Ok(Route::Resume(parsed))
    );
    let bare = id.replace('-', "");
    let random = id.replace("-7ad0-", "-4ad0-");
    for never in ["x", &bare, &random] {
        for line in [
            format!("GET /contents/{never}"),
            format!("DELETE /generate/{never}"),
            format!("GET /generate/{never}/events"),
        ] {
            assert_eq!(route(&line), Err(Failure::NotFound), "{line}");
        }
    }
}
