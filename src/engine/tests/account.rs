//! What the row of a request says about its calls: how many, how long in which phase, what they cost.

use super::openai::{self, END, STREAM, answer, done, event, word};
use super::{PROVIDER, RETRIED, World};
use crate::engine::io::Gone;
use crate::store::{Calls, Inbound, RequestOutcome, RequestRow};

const TEA: &str = r#"{"topic":"tea"}"#;
const STREAMED: &str = r#"{"topic":"tea","stream":true}"#;
const MS: u64 = 1_000;

fn finish(reason: &str, usage: &str) -> String {
    let finish =
        format!(r#"{{"choices":[{{"index":0,"delta":{{}},"finish_reason":"{reason}"}}]}}"#);
    let usage = format!(r#"{{"choices":[],"usage":{usage}}}"#);
    event(&finish) + &event(&usage) + &done() + END
}

/// The only row, from which `calls` is looked at.
fn calls(world: &World) -> &Calls {
    &world.store.request().calls
}

/// The phases of a row in milliseconds.
fn phases(calls: &Calls) -> [Option<u64>; 5] {
    let Calls {
        queue_us,
        connect_us,
        lost_us,
        first_byte_us,
        first_content_us,
        ..
    } = calls;
    [
        queue_us,
        connect_us,
        lost_us,
        first_byte_us,
        first_content_us,
    ]
    .map(|us| us.map(|us| us / MS))
}

#[test]
fn each_phase_has_its_time_and_the_first_word_counts_from_the_request() {
    let mut world = World::new(PROVIDER);
    world.slow_network = true;
    world.post("/generate/", STREAMED);
    world.pass(20);
    let conn = world.upstream();
    world.connect(conn);
    world.settle();
    world.pass(30);
    world.answer(STREAM);
    world.pass(40);
    world.answer(word("Tea."));
    world.pass(50);
    let usage = r#"{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,
        "prompt_tokens_details":{"cached_tokens":0},
        "completion_tokens_details":{"reasoning_tokens":2}}"#
        .replace('\n', "");
    world.answer(finish("length", &usage));
    let row = world.store.request();
    assert_eq!((row.inbound, row.calls.attempts), (Inbound::Own, 1));
    assert_eq!(
        phases(&row.calls),
        [Some(0), Some(20), Some(0), Some(30), Some(90)]
    );
    assert_eq!(row.duration_us / MS, 140);
    assert_eq!(
        (row.calls.cached_tokens, row.calls.reasoning_tokens),
        (Some(0), Some(2))
    );
    assert_eq!(row.calls.finish_reason.as_deref(), Some("length"));
    assert_eq!(row.calls.native_finish_reason.as_deref(), Some("length"));
}

#[test]
fn a_connection_that_is_used_again_took_no_time() {
    let mut world = World::new(PROVIDER);
    world.post("/generate/", TEA);
    world.serve(openai::whole("Tea."));
    world.store.requests.clear();
    world.post("/generate/", r#"{"topic":"coffee"}"#);
    world.pass(5);
    world.serve(openai::whole("Coffee."));
    assert_eq!(
        phases(calls(&world)),
        [Some(0), Some(0), Some(0), Some(5), Some(5)]
    );
    assert_eq!(calls(&world).cached_tokens, None, "it was not reported");
}

#[test]
fn what_failed_before_it_went_well_is_lost_time_and_one_row() {
    let mut world = World::new(&format!("{RETRIED}concurrency = 1\n"));
    let first = world.post("/generate/", TEA);
    world.pass(10);
    world.serve(answer(503, "Retry-After: 1\r\n", "{}"));
    world.pass(1_200);
    world.pass(7);
    world.serve(openai::whole("Tea."));
    assert_eq!(world.reply(first).field("x-maitred-attempts"), Some("2"));
    let row = world.store.request();
    assert_eq!((row.calls.attempts, row.outcome), (2, RequestOutcome::Ok));
    let [_, _, lost, first_byte, first_content] = phases(&row.calls).map(Option::unwrap);
    assert!((1_010..=1_210).contains(&lost), "{lost}");
    assert_eq!(lost + first_byte, first_content, "nothing is counted twice");
    assert_eq!(first_content, 1_217);
}

#[test]
fn whoever_leaves_says_where_it_was() {
    let mut world = World::new(&format!("{PROVIDER}concurrency = 1\n"));
    world.post("/generate/", TEA);
    let second = world.post("/generate/", r#"{"topic":"coffee"}"#);
    world.pass(300);
    world.end(second);
    world.settle();
    let row = world.store.request();
    assert_eq!((row.outcome, row.status), (RequestOutcome::ClientGone, 499));
    assert_eq!(
        phases(&row.calls),
        [Some(300), Some(0), Some(0), None, None]
    );
    assert_eq!(row.calls.attempts, 0);
    assert_eq!(row.calls.finish_reason, None);
}

#[test]
fn an_answer_that_breaks_off_has_its_first_content_and_no_reason_to_have_stopped() {
    let mut world = World::new(PROVIDER);
    world.post("/generate/", STREAMED);
    world.pass(4);
    world.answer(STREAM);
    world.pass(6);
    world.answer(word("Te"));
    world.pass(8);
    world.reset(world.upstream(), Gone::Reset);
    world.settle();
    let row = world.store.request();
    assert_eq!(row.outcome, RequestOutcome::Truncated);
    assert_eq!(
        phases(&row.calls),
        [Some(0), Some(0), Some(0), Some(4), Some(10)]
    );
    assert_eq!(row.calls.finish_reason, None);
    assert_eq!((row.prompt_tokens, row.calls.cost), (None, None));
}

#[test]
fn requests_that_share_a_text_have_waited_each_for_themselves() {
    let mut world = World::new(PROVIDER);
    world.post("/generate/", TEA);
    world.pass(100);
    world.post("/generate/", TEA);
    world.pass(50);
    world.serve(openai::whole("Tea."));
    let rows: Vec<&RequestRow> = world.store.requests.values().collect();
    let waited = |at: usize| phases(&rows[at].calls)[4];
    assert_eq!((waited(0), waited(1)), (Some(150), Some(50)));
    assert_eq!(rows[0].generation_id, rows[1].generation_id);
    assert_eq!((rows[0].calls.attempts, rows[1].calls.attempts), (1, 1));
}

#[test]
fn what_a_text_cost_is_in_its_row_and_in_the_figures_if_there_is_a_price() {
    let prices = "[price.\"llm/m\"]\nprompt = 2.0\ncompletion = 10.0\n";
    let mut world = World::new(&format!("{PROVIDER}{prices}"));
    world.post("/generate/", TEA);
    world.serve(openai::whole("Tea."));
    assert_eq!(calls(&world).cost, Some(0.000_048)); // 9 × 2 + 3 × 10 millionths
    assert_eq!(
        world.metric(r#"provider_cost_total{provider="llm"}"#),
        0.000_048
    );
}

#[test]
fn a_batch_adds_its_texts_up() {
    let mut world = World::new(&format!("{PROVIDER}[price.m]\nprompt = 1.0\n"));
    world.post("/batch", r#"{"topics":["tea","coffee","tea"]}"#);
    world.pass(30);
    assert_eq!(world.serve(openai::whole("Tea.")), 2);
    let row = world.store.request();
    assert_eq!((row.calls.attempts, row.prompt_tokens), (2, Some(18)));
    assert_eq!(row.calls.cost, Some(0.000_018));
    assert_eq!(phases(&row.calls), [None, None, None, None, Some(30)]);
}

#[test]
fn a_batch_whose_client_has_left_says_what_was_done_until_then() {
    let mut world = World::new(&format!("{PROVIDER}concurrency = 1\n"));
    let client = world.post("/batch", r#"{"topics":["tea","coffee","milk"]}"#);
    world.serve(openai::whole("Tea."));
    world.end(client);
    world.settle();
    let row = world.store.request();
    assert_eq!(row.outcome, RequestOutcome::ClientGone);
    assert_eq!((row.calls.attempts, row.prompt_tokens), (1, Some(9)));
    assert_eq!(row.provider.as_deref(), Some("llm"));
}

#[test]
fn the_page_of_figures_knows_what_each_provider_was_used_for() {
    let mut world = World::new(PROVIDER);
    for topic in ["tea", "coffee"] {
        world.post("/generate/", &format!(r#"{{"topic":"{topic}"}}"#));
        world.pass(150);
        world.serve(openai::whole("Tea."));
    }
    let tokens = |kind| format!(r#"provider_tokens_total{{provider="llm",kind="{kind}"}}"#);
    assert_eq!(world.metric(&tokens("prompt")), 18.0);
    assert_eq!(world.metric(&tokens("completion")), 6.0);
    let within =
        |le| format!(r#"provider_first_content_seconds_bucket{{provider="llm",le="{le}"}}"#);
    assert_eq!(world.metric(&within("0.1")), 0.0);
    assert_eq!(world.metric(&within("0.2")), 2.0);
    assert_eq!(world.metric(&within("+Inf")), 2.0);
}

#[test]
fn a_request_without_a_call_says_so() {
    let mut world = World::new("");
    world.post("/analyze/", r#"{"content":"Tea is good."}"#);
    let row = world.store.request();
    assert_eq!(row.calls, Calls::default());
    assert_eq!(row.provider, None);
}

#[test]
fn a_word_of_the_provider_that_nobody_knows_is_kept_but_not_all_of_it() {
    let mut world = World::new(PROVIDER);
    world.post("/generate/", STREAMED);
    world.answer([STREAM, &word("Tea."), &finish(&"x".repeat(500), "{}")].concat());
    let native = calls(&world).native_finish_reason.clone().unwrap();
    assert_eq!(native, "x".repeat(64));
    assert_eq!(calls(&world).finish_reason.as_deref(), Some("other"));
}

#[test]
fn the_log_is_told_at_whom_a_request_failed_and_after_how_many_attempts() {
    let mut world = World::new(RETRIED);
    world.post("/generate/", TEA);
    for wait in [500, 1_000, 10_000] {
        world.serve(answer(503, "", "{}"));
        world.pass(wait);
    }
    world.post("/generate/", "{");
    let notices: Vec<_> = world.engine.notices().collect();
    let tried = notices[0].tried.as_ref().unwrap();
    assert_eq!(
        (&*tried.provider, &*tried.model, tried.attempts),
        ("llm", "m", 3)
    );
    assert_eq!(
        (notices[1].status, &notices[1].tried),
        (400, &None),
        "nobody was asked"
    );
}

#[test]
fn the_log_is_told_what_was_refused_by_method_and_path_and_no_more() {
    let mut world = World::new("");
    let long = format!("/{}", "x".repeat(8_000));
    for (request, told) in [
        (
            "PUT /generate/?key=sk-secret",
            "PUT /generate/ 405 method_not_allowed",
        ),
        (
            "GET /nothing?key=sk-secret",
            "GET /nothing 404 no_such_route",
        ),
        (
            "GET /contents?limit=sk-secret",
            "GET /contents 422 invalid_parameter",
        ),
        (
            "GET /contents/018bcfe5-6800-7000-8000-000000000001",
            "GET /contents/{id} 404 not_found",
        ),
        (
            &format!("GET {long}"),
            &format!("GET {} 404 no_such_route", &long[..200]),
        ),
    ] {
        let client = world.ask(format!("{request} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        world.reply(client);
        let notices: Vec<_> = world.engine.notices().collect();
        let [notice] = &notices[..] else {
            panic!("one for each: {notices:?}");
        };
        let method = notice.method.unwrap().as_str();
        let line = format!("{method} {} {} {}", notice.path, notice.status, notice.code);
        assert_eq!(line, told);
    }
    world.ask("no request at all\r\n\r\n");
    let notice = world.engine.notices().next().unwrap();
    assert_eq!(
        (notice.method, &*notice.path, notice.status),
        (None, "", 400)
    );
}

#[test]
fn whoever_is_let_in_and_then_refused_has_one_row_as_well() {
    let mut world = World::new(&format!(
        "{PROVIDER}concurrency = 1\nqueue_calls = 1\nqueue_ms = 1000\n"
    ));
    for n in 0..3 {
        world.post("/generate/", &format!(r#"{{"topic":"tea {n}"}}"#));
    }
    let full = world.store.request();
    assert_eq!(full.error_code.as_deref(), Some("provider_queue_full"));
    assert_eq!((full.status, full.calls.attempts), (503, 0));
    assert_eq!(
        full.provider.as_deref(),
        Some("llm"),
        "whom it wanted to ask"
    );
    assert_eq!(full.calls.first_byte_us, None);
    world.pass(1_001); // the second one has waited too long
    world.serve(openai::whole("Tea."));
    let outcomes: Vec<RequestOutcome> = world.store.requests.values().map(|r| r.outcome).collect();
    assert_eq!(outcomes.len(), 3);
    assert_eq!(
        outcomes[..2],
        [RequestOutcome::Ok, RequestOutcome::TimedOut]
    );
}
