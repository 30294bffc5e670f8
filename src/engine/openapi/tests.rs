//! The document against the program: routes, fields, answers, codes.
#![allow(clippy::unwrap_used)]

mod schema;
mod source;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use self::source::{codes, matched};
use super::codes::CODES;
use super::table::{Operation, operations};
use super::{OpenApi, document};
use crate::engine::Failure;
use crate::engine::routes::{Inbound, JobsAsk, Route, find};
use crate::engine::tests::world::{self, Reply, World, post};
use crate::proto::http1::{Server, Step};

const SAMPLE: &str = "0190d6a5-6f27-7ad0-8a5e-0123456789ab";

/// The row that describes a route; `None` for what is no operation of its own.
fn id_of(route: &Route) -> Option<&'static str> {
    let id = match route {
        Route::Page(asset, _) if asset.name.is_empty() => "index",
        Route::Page(..) => "asset",
        Route::Providers => "providers",
        Route::Status => "status",
        Route::OpenApi(_) => "openapi",
        Route::Health => "health",
        Route::Ready => "ready",
        Route::Metrics => "metrics",
        Route::Spans => "spans",
        Route::Generate => "generate",
        Route::Resume(_) => "resume",
        Route::Stop(_) => "stop",
        Route::Batch => "batch",
        Route::Analyze => "analyze",
        Route::Keywords => "keywords",
        Route::List(_) => "list",
        Route::Read(_) => "read",
        Route::Delete(_) => "delete",
        Route::Export => "export",
        Route::Import => "import",
        Route::Jobs(ask) => match **ask {
            JobsAsk::Make => "makeJob",
            JobsAsk::List(..) => "jobs",
            JobsAsk::Read(..) => "job",
            JobsAsk::Cancel(_) => "cancelJob",
            JobsAsk::Watch(..) => "jobEvents",
        },
        Route::Chat(Inbound::OpenAi) => "chat",
        Route::Chat(Inbound::Anthropic(_)) => "messages",
        Route::Chat(Inbound::Gemini { stream: false, .. }) => "content",
        Route::Chat(Inbound::Gemini { stream: true, .. }) => "contents_stream",
        Route::Models(ask) if ask.beta && ask.one.is_some() => "betaModel",
        Route::Models(ask) if ask.beta => "betaModels",
        Route::Models(ask) if ask.one.is_some() => "model",
        Route::Models(_) => "models",
        Route::Embeddings => "embeddings",
        Route::Options(_) | Route::Unknown(_) => return None,
    };
    Some(id)
}

fn route(method: &str, path: &str) -> Result<Route, Failure> {
    let request = format!("{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    match Server::new().step(request.as_bytes()).unwrap() {
        Step::Head { head, .. } => find(&head),
        other => panic!("{other:?}"),
    }
}

fn path(operation: &Operation) -> String {
    let path = operation.path.replace("{id}", SAMPLE);
    let path = path.replace("{name}", "main.js").replace("{model}", "m");
    match operation.id {
        "contents_stream" => format!("{path}?alt=sse"),
        _ => path,
    }
}

#[test]
fn every_row_is_a_route_and_every_route_a_row() {
    for row in operations() {
        let route = route(&row.method.to_uppercase(), &path(row)).unwrap();
        assert_eq!(id_of(&route), Some(row.id));
        assert_eq!(route.as_str(), row.path);
        assert_eq!(
            row.body.is_some(),
            route.takes_body() || route == Route::Import
        );
    }
    // The ids in the function above, which the compiler makes whoever adds a route write.
    let source = include_str!("tests.rs");
    let arms = source
        .split("fn id_of")
        .nth(1)
        .unwrap()
        .split("Some(id)")
        .next()
        .unwrap();
    let ids: BTreeSet<&str> = (arms.lines())
        .filter_map(|line| line.split_once("=> \"")?.1.strip_suffix("\","))
        .collect();
    let rows: BTreeSet<&str> = operations().map(|row| row.id).collect();
    assert!(ids.len() > 10 && rows.len() == operations().count());
    assert_eq!(rows, ids);
}

#[test]
fn every_method_that_a_path_allows_is_there() {
    let mut methods: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for row in operations() {
        let of_path = methods.entry(row.path).or_default();
        of_path.insert(row.method.to_uppercase());
        of_path.insert("OPTIONS".to_owned());
        if row.method == "get" {
            of_path.insert("HEAD".to_owned());
        }
    }
    for (path, methods) in methods {
        let allowed = match route(
            "OPTIONS",
            &path
                .replace("{id}", SAMPLE)
                .replace("{name}", "main.js")
                .replace("{model}", "m"),
        )
        .unwrap()
        {
            Route::Options(allow) => allow.split(", ").map(str::to_owned).collect(),
            other => panic!("{other:?}"),
        };
        assert_eq!(methods, allowed, "{path}");
    }
}

fn properties(schema: &Value) -> BTreeSet<String> {
    schema["properties"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect()
}

#[test]
fn every_field_that_a_parser_takes_is_there_and_no_other() {
    let all = &document(&world::config(""))["components"]["schemas"];
    let body = include_str!("../flow/body/mod.rs");
    let job = concat!(
        include_str!("../flow/body/jobs.rs"),
        include_str!("../flow/body/mod.rs")
    );
    let line = include_str!("../flow/import/line.rs");
    let report = include_str!("../flow/body/report.rs");
    for (schema, source, functions) in [
        ("GenerateRequest", body, &["generate", "common"][..]),
        ("BatchRequest", body, &["batch", "common"]),
        ("AnalyzeRequest", body, &["analyze"]),
        ("KeywordsRequest", body, &["keywords"]),
        ("ImportLine", line, &["text"]),
        ("ReportJob", report, &["report"]),
    ] {
        let taken = matched(source, functions);
        assert!(!taken.is_empty());
        assert_eq!(properties(&all[schema]), taken, "{schema}");
        assert_eq!(all[schema]["additionalProperties"], false);
    }
    let either = properties(&all["TextsJob"]).into_iter();
    let either: BTreeSet<String> = either.chain(properties(&all["ScoresJob"])).collect();
    assert_eq!(either, matched(job, &["job", "common"]));
}

#[test]
fn every_parameter_of_the_list_is_there() {
    let row = operations().find(|row| row.id == "list").unwrap();
    let named: BTreeSet<String> = (row.parameters.iter())
        .map(|parameter| parameter.name.to_owned())
        .collect();
    let taken = matched(include_str!("../routes/query.rs"), &["parse"]);
    assert_eq!(named, taken);
}

#[test]
fn every_code_is_there_with_the_statuses_of_the_page() {
    let expected: BTreeSet<String> = [
        include_str!("../failure/mod.rs"),
        include_str!("../failure/bound.rs"),
        include_str!("../failure/limited.rs"),
        include_str!("../failure/upstream.rs"),
        include_str!("../flow/body/fault.rs"),
        include_str!("../../dialect/refused.rs"),
        include_str!("../../proto/http1/refusal.rs"),
        include_str!("../../proto/http1/fault.rs"),
        include_str!("../../store/error.rs"),
    ]
    .into_iter()
    .flat_map(codes)
    .collect();
    let listed: BTreeSet<String> = CODES.iter().map(|(code, ..)| (*code).to_owned()).collect();
    assert!(expected.len() > 90);
    let missing: Vec<_> = expected.difference(&listed).collect();
    let invented: Vec<_> = listed.difference(&expected).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "missing {missing:?}, invented {invented:?}"
    );
    let page = include_str!("../../../docs/api.md")
        .split("\n## Errors")
        .nth(1)
        .unwrap();
    for (code, statuses, _) in CODES {
        let words: Vec<String> = statuses.iter().map(u16::to_string).collect();
        let row = format!("| `{code}` | {} |", words.join(", "));
        assert!(page.contains(&row), "{row}");
    }
}

#[test]
fn a_parameter_that_a_request_is_refused_without_is_required() {
    let document = document(&world::config(""));
    let stream = "/paths/~1v1beta~1models~1{model}:streamGenerateContent/post/parameters/1";
    let alt = document.pointer(stream).unwrap();
    assert_eq!(
        (&alt["name"], &alt["required"]),
        (&json!("alt"), &json!(true))
    );
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document(&world::config(""));
    let text = document.to_string();
    let references = text.split("\"$ref\":\"#").skip(1);
    let mut seen = 0;
    for reference in references.map(|rest| rest.split('"').next().unwrap()) {
        assert!(document.pointer(reference).is_some(), "{reference}");
        seen += 1;
    }
    assert!(seen > 60);
}

/// Checks an answer against what the document says of it.
fn checked(operation: &str, reply: &Reply) {
    let document = document(&world::config(""));
    let row = operations().find(|row| row.id == operation).unwrap();
    let answers = &document["paths"][row.path][row.method]["responses"];
    let mut answer = &answers[reply.status.to_string()];
    if answer.is_null() {
        answer = &document["components"]["responses"][row.errors];
    }
    let kind = reply
        .field("content-type")
        .unwrap_or("")
        .split(';')
        .next()
        .unwrap();
    let schema = &answer["content"][kind]["schema"];
    assert!(
        !schema.is_null(),
        "{operation} answered {} with {kind}",
        reply.status
    );
    let body = match kind {
        "application/x-ndjson" => (reply.body.lines())
            .map(|line| serde_json::from_str(line).unwrap())
            .collect::<Vec<Value>>()
            .into(),
        // Not all of the vendors' events are JSON: `[DONE]` is none.
        "text/event-stream" if row.errors != "Problem" => {
            let body = reply.body.replace("\r\n", "\n");
            for frame in body.split_terminator("\n\n") {
                let data = frame.lines().find_map(|line| line.strip_prefix("data: "));
                let event = json!({"data": data});
                schema::check(&document, schema, &event).unwrap();
            }
            return;
        }
        "text/event-stream" => {
            for event in reply.events() {
                let event = json!({"event": event.name, "data": event.data.to_string()});
                schema::check(&document, schema, &event).unwrap();
            }
            return;
        }
        text if text.starts_with("text/") || text == "image/svg+xml" => json!(reply.body),
        _ => reply.json(),
    };
    if let Err(wrong) = schema::check(&document, schema, &body) {
        panic!("{operation}: {wrong} in {body}");
    }
}

#[test]
fn every_answer_has_the_members_of_its_schema_and_no_others() {
    let mut world = World::new("debug = true\n[offline]\ngap_ms = 0\ntokens = 20\n");
    let asked = |world: &mut World, request: &str| {
        let client = world.ask(request);
        world.pass(1_000);
        world.reply(client)
    };
    let plain =
        |method: &str, path: &str| format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let (chat, said) = (
        "/v1/chat/completions",
        r#"[{"role":"user","content":"Tea?"}]"#,
    );
    let contents = r#"{"contents":[{"role":"user","parts":[{"text":"Tea?"}]}]}"#;
    for (id, path, body) in [
        (
            "chat",
            chat,
            &*format!(r#"{{"model":"m","messages":{said}}}"#),
        ),
        ("chat", chat, r#"{"model":5}"#),
        (
            "messages",
            "/v1/messages",
            &*format!(r#"{{"model":"m","max_tokens":5,"messages":{said}}}"#),
        ),
        ("messages", "/v1/messages", "{"),
        ("content", "/v1beta/models/m:generateContent", contents),
        ("content", "/v1/models/m%3AgenerateContent", "[]"),
        (
            "contents_stream",
            "/v1beta/models/m:streamGenerateContent?alt=sse",
            contents,
        ),
        ("generate", "/generate/", r#"{"topic":"tea"}"#),
        (
            "generate",
            "/generate/",
            r#"{"topic":"rice","stream":true}"#,
        ),
        (
            "generate",
            "/generate/",
            r#"{"topic":"milk","candidates":2,"prefer":{"lix":30}}"#,
        ),
        ("generate", "/generate/", r#"{"topic":5}"#),
        ("generate", "/generate/", "{"),
        ("batch", "/batch", r#"{"topics":["a","b"],"max_tokens":5}"#),
        ("analyze", "/analyze/", r#"{"content":"I like it."}"#),
        ("analyze", "/analyze/", r#"{"contents":"I like it."}"#),
        (
            "keywords",
            "/keywords/",
            r#"{"content":"I like green tea."}"#,
        ),
        (
            "makeJob",
            "/jobs",
            r#"{"kind":"generate","topics":["tea"]}"#,
        ),
        ("makeJob", "/jobs", r#"{"kind":"generate"}"#),
    ] {
        checked(id, &asked(&mut world, &post(path, body)));
    }
    let text = world.store.texts.keys().next().copied().unwrap();
    let job = world.store.jobs.only().id;
    let lines = |line: &str| {
        let kind = "Content-Type: application/x-ndjson";
        post("/contents/import", line).replace("Content-Type: application/json", kind)
    };
    for (id, request) in [
        ("list", plain("GET", "/contents?limit=2")),
        ("list", plain("GET", "/contents?q=tea")),
        ("list", plain("GET", "/contents?limt=2")),
        ("read", plain("GET", &format!("/contents/{text}"))),
        ("read", plain("GET", &format!("/contents/{SAMPLE}"))),
        ("export", plain("GET", "/contents/export")),
        ("jobs", plain("GET", "/jobs?limit=2")),
        ("job", plain("GET", &format!("/jobs/{job}"))),
        ("job", plain("GET", &format!("/jobs/{SAMPLE}"))),
        ("jobEvents", plain("GET", &format!("/jobs/{job}/events"))),
        ("jobEvents", plain("GET", &format!("/jobs/{SAMPLE}/events"))),
        ("cancelJob", plain("DELETE", &format!("/jobs/{job}"))),
        ("import", lines(r#"{"topic":"tea","text":"I like it."}"#)),
        ("import", lines(r#"{"topic":"tea"}"#)),
        ("import", post("/contents/import", "{}")),
        ("resume", plain("GET", &format!("/generate/{text}/events"))),
        ("stop", plain("DELETE", &format!("/generate/{text}"))),
        ("health", plain("GET", "/healthz")),
        ("ready", plain("GET", "/readyz")),
        ("metrics", plain("GET", "/metrics")),
        ("spans", plain("GET", "/debug/spans")),
        ("openapi", plain("GET", "/openapi.json")),
        ("providers", plain("GET", "/providers")),
        ("status", plain("GET", "/status")),
        ("models", plain("GET", "/v1/models")),
        ("model", plain("GET", "/v1/models/offline")),
        ("betaModels", plain("GET", "/v1beta/models")),
        ("betaModel", plain("GET", "/v1beta/models/offline")),
        ("index", plain("GET", "/")),
        ("asset", plain("GET", "/app/main.js")),
        ("asset", plain("GET", "/app/icon.svg")),
        (
            "index",
            plain("GET", "/").replace("localhost", "example.com"),
        ),
    ] {
        checked(id, &asked(&mut world, &request));
    }
}

#[test]
fn whoever_has_the_document_is_told_so() {
    let mut world = World::new("");
    let first = world.get("/openapi.json");
    let tag = first.field("etag").unwrap().to_owned();
    for known in [
        tag.clone(),
        format!("W/{tag}"),
        format!("\"a\", {tag}"),
        "*".to_owned(),
    ] {
        let client = world.ask(format!(
            "GET /openapi.json HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: {known}\r\n\r\n"
        ));
        let reply = world.reply(client);
        assert_eq!((reply.status, reply.body.as_str()), (304, ""));
        assert_eq!(reply.field("etag"), Some(tag.as_str()));
    }
    let client =
        world.ask("GET /openapi.json HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: \"a\"\r\n\r\n");
    assert_eq!(world.reply(client), first);
}

#[test]
fn the_document_fits_a_send_buffer_and_names_the_providers() {
    let document = OpenApi::new(&world::config(world::PROVIDER));
    assert!(document.bytes.len() < crate::limits::SEND_HIGH_BYTES);
    let text = String::from_utf8(document.bytes).unwrap();
    assert!(text.contains(r#""enum":["llm","offline",null]"#));
    assert!(!text.contains("sk-secret"));
}
