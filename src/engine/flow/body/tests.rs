#![allow(clippy::unwrap_used)]
use super::*;

fn fault(shape: Shape, body: &str) -> (u16, &'static str, String) {
    let fault = parse(shape, body.as_bytes()).unwrap_err();
    (
        fault.status(),
        fault.code(),
        fault.field().unwrap_or("").to_string(),
    )
}

#[test]
fn a_whole_request_is_understood() {
    let body = r#"{"topic":"  tea \u00e9 ","stream":true,"provider":null,"model":"m-1",
                   "max_tokens":7,"temperature":0.5}"#;
    let Ask::Generate(ask) = parse(Shape::Generate, body.as_bytes()).unwrap() else {
        panic!("a generate body")
    };
    assert_eq!(ask.topic, "tea é");
    assert!(ask.stream);
    assert_eq!((ask.provider, ask.model), (None, Some("m-1".into())));
    assert_eq!((ask.max_tokens, ask.temperature), (Some(7), Some(0.5)));
}

#[test]
fn each_fault_names_itself_and_its_field() {
    let long = format!(r#"{{"topic":"{}"}}"#, "x".repeat(2_001));
    let deep = format!(r#"{{"topic":{}1{}}}"#, "[".repeat(64), "]".repeat(64));
    for (body, status, code, field) in [
        ("", 400, "empty_body", ""),
        ("{", 400, "not_json", ""),
        ("{} x", 400, "not_json", ""),
        (r#"{"topic":"a",}"#, 400, "not_json", ""),
        (r#"{"topic":"\ud800"}"#, 400, "not_json", ""),
        (r#"{"topic":"a\u0000b"}"#, 400, "json_nul", "topic"),
        (&deep, 400, "json_too_deep", ""),
        ("[]", 422, "not_an_object", ""),
        ("null", 422, "not_an_object", ""),
        ("{}", 422, "missing_field", "topic"),
        (r#"{"topic":""}"#, 422, "invalid_field", "topic"),
        (r#"{"topic":null}"#, 422, "invalid_field", "topic"),
        (r#"{"topic":5}"#, 422, "invalid_field", "topic"),
        (&long, 422, "invalid_field", "topic"),
        (
            r#"{"topic":"a","topic":"b"}"#,
            422,
            "duplicate_field",
            "topic",
        ),
        (
            r#"{"topic":"a","tpoic":"b"}"#,
            422,
            "unknown_field",
            "tpoic",
        ),
        (
            r#"{"topic":"a","stream":1}"#,
            422,
            "invalid_field",
            "stream",
        ),
        (
            r#"{"topic":"a","max_tokens":0}"#,
            422,
            "invalid_field",
            "max_tokens",
        ),
        (
            r#"{"topic":"a","max_tokens":1.5}"#,
            422,
            "invalid_field",
            "max_tokens",
        ),
        (
            r#"{"topic":"a","temperature":3}"#,
            422,
            "invalid_field",
            "temperature",
        ),
        (
            r#"{"topic":"a","temperature":-0.1}"#,
            422,
            "invalid_field",
            "temperature",
        ),
        (
            r#"{"topic":"a","temperature":1e400}"#,
            422,
            "invalid_field",
            "temperature",
        ),
        (
            r#"{"topic":"a","max_tokens":-1e400}"#,
            422,
            "invalid_field",
            "max_tokens",
        ),
        (r#"{"topic":1e400}"#, 422, "invalid_field", "topic"),
        (
            r#"{"topic":"a","model":"a\nb"}"#,
            422,
            "invalid_field",
            "model",
        ),
    ] {
        let got = fault(Shape::Generate, body);
        assert_eq!(got, (status, code, field.to_string()), "{body:.60}");
    }
}

#[test]
fn a_fault_of_syntax_has_its_place_in_the_body() {
    for (body, line, column) in [
        ("{", 1, 1),
        ("{\"topic\":x}", 1, 10),
        ("{\n\"topic\": \"a\",\n}", 3, 1),
        ("{\"topic\":\"a\"}\n y", 2, 2),
        // The value is read later than the object, and on its own.
        (r#"{"stream":true, "topic":"\ud800"}"#, 1, 32),
        ("{\n  \"topic\":\"\\ud800\"}", 2, 18),
        // Characters are counted, not bytes.
        ("{\"é\":1, é", 1, 9),
        ("{\"topic\":\"ééé\\ud800\"}", 1, 20),
    ] {
        let fault = parse(Shape::Generate, body.as_bytes()).unwrap_err();
        assert_eq!(fault, ParseFault::Syntax { line, column }, "{body}");
    }
}

#[test]
fn a_topic_is_counted_in_characters_not_bytes() {
    let body = format!(r#"{{"topic":"{}"}}"#, "é".repeat(2_000));
    assert!(parse(Shape::Generate, body.as_bytes()).is_ok());
}

#[test]
fn a_text_over_a_million_characters_is_too_large() {
    let body = format!(r#"{{"content":"{}"}}"#, "a".repeat(1_000_001));
    assert_eq!(
        fault(Shape::Analyze, &body),
        (413, "text_too_long", "content".into())
    );
}

#[test]
fn depth_is_seen_without_recursion() {
    let body = "[".repeat(1_000_000);
    assert_eq!(fault(Shape::Generate, &body).1, "json_too_deep");
    let text = format!(r#"{{"topic":"{}"}}"#, r#"[{\"\\"#.repeat(100));
    assert!(parse(Shape::Generate, text.as_bytes()).is_ok(), "a text");
}

#[test]
fn invalid_utf8_is_not_guessed_at() {
    assert_eq!(
        parse(Shape::Generate, b"{\"topic\":\"\xff\"}"),
        Err(ParseFault::Encoding)
    );
}

#[test]
fn a_batch_and_candidates_name_what_is_wrong_with_them() {
    let many = format!(r#"{{"topics":[{}"x"]}}"#, r#""x","#.repeat(1_000));
    for (shape, body, code, field) in [
        (Shape::Batch, "{}", "missing_field", "topics"),
        (Shape::Batch, r#"{"topics":[]}"#, "invalid_field", "topics"),
        (
            Shape::Batch,
            r#"{"topics":"tea"}"#,
            "invalid_field",
            "topics",
        ),
        (
            Shape::Batch,
            r#"{"topics":["tea",5]}"#,
            "invalid_field",
            "topics[1]",
        ),
        (Shape::Batch, &many, "invalid_field", "topics"),
        (
            Shape::Batch,
            r#"{"topics":["tea"," "]}"#,
            "invalid_field",
            "topics[1]",
        ),
        (
            Shape::Batch,
            r#"{"topics":["t\u0000"]}"#,
            "json_nul",
            "topics[0]",
        ),
        (
            Shape::Batch,
            r#"{"topics":["tea"],"stream":true}"#,
            "unknown_field",
            "stream",
        ),
        (
            Shape::Generate,
            r#"{"topic":"t","candidates":0}"#,
            "invalid_field",
            "candidates",
        ),
        (
            Shape::Generate,
            r#"{"topic":"t","candidates":9}"#,
            "invalid_field",
            "candidates",
        ),
        (
            Shape::Generate,
            r#"{"topic":"t","candidates":2,"stream":true}"#,
            "invalid_field",
            "stream",
        ),
        (
            Shape::Generate,
            r#"{"topic":"t","prefer":5}"#,
            "invalid_field",
            "prefer",
        ),
        (
            Shape::Generate,
            r#"{"topic":"t","prefer":{"lux":5}}"#,
            "unknown_field",
            "prefer.lux",
        ),
        (
            Shape::Generate,
            r#"{"topic":"t","prefer":{"lix":"5"}}"#,
            "invalid_field",
            "prefer.lix",
        ),
        (
            Shape::Generate,
            r#"{"topic":"t","prefer":{"lix":1,"lix":2}}"#,
            "duplicate_field",
            "prefer.lix",
        ),
        (
            Shape::Generate,
            r#"{"topic":"t","prefer":{"lix":1e300}}"#,
            "invalid_field",
            "prefer.lix",
        ),
        (
            Shape::Generate,
            r#"{"topic":"t","prefer":{"sentiment":"good"}}"#,
            "invalid_field",
            "prefer.sentiment",
        ),
    ] {
        let (_, got, name) = fault(shape, body);
        assert_eq!((got, name.as_str()), (code, field), "{body}");
    }
    let Ok(Ask::Batch(ask)) = parse(Shape::Batch, br#"{"topics":[" a ","b"],"model":"m"}"#) else {
        panic!("a batch");
    };
    assert_eq!(ask.topics, ["a", "b"]);
    assert_eq!(ask.common.model.as_deref(), Some("m"));
}
