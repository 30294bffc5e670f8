//! The way to a value, and what may not be in a body at all.
#![allow(clippy::unwrap_used)]

use super::*;

fn refused(body: &str) -> Refused {
    match Body::parse(body.as_bytes()) {
        Ok(_) => panic!("{body} was read"),
        Err(refused) => refused,
    }
}

#[test]
fn the_way_is_written_as_the_client_would() {
    let body = Body::parse(br#"{"messages":[0,{"content":[{"x":7}]}]}"#).unwrap();
    let root = body.root();
    let mut found = None;
    root.fields().unwrap()[0]
        .items(&mut |message| {
            if message.index() == 1 {
                message.fields()?[0].items(&mut |part| {
                    found = part.fields()?[0].path();
                    Ok(())
                })?;
            }
            Ok(())
        })
        .unwrap();
    assert_eq!(found.as_deref(), Some("messages[1].content[0].x"));
}

#[test]
fn what_is_no_json_is_refused_as_a_whole() {
    assert_eq!(refused(" ").code(), "empty_body");
    assert_eq!(refused("{").code(), "not_json");
    assert_eq!(
        refused("{\n \"a\" 1}").why,
        Why::Syntax { line: 2, column: 6 }
    );
    assert_eq!(refused(&"[".repeat(100_000)).why, Why::Depth);
    assert!(matches!(
        Body::parse(b"\"\xff\""),
        Err(Refused {
            why: Why::Encoding,
            ..
        })
    ));
}

#[test]
fn nul_is_found_wherever_it_hides() {
    assert_eq!(refused(r#"{"a":{"b":"x\u0000"}}"#).why, Why::Nul);
    assert_eq!(refused(r#""\\\u0000""#).why, Why::Nul);
    assert!(Body::parse(br#""\\u0000""#).is_ok());
}

#[test]
fn a_field_that_stands_twice_is_named_and_null_is_not_there() {
    let body = Body::parse(br#"{"a":null,"topK":1,"top_k":2}"#).unwrap();
    assert_eq!(body.root().fields().unwrap().len(), 2);
    let twice = body.root().camel_fields().err().unwrap();
    assert_eq!(
        (twice.field.as_deref(), twice.why),
        (Some("topK"), Why::Twice)
    );

    let many: String = (0..65).map(|n| format!(r#""f{n}":1,"#)).collect();
    let many = format!("{{{}}}", many.trim_end_matches(','));
    let body = Body::parse(many.as_bytes()).unwrap();
    assert_eq!(body.root().fields().err().unwrap().why, Why::TooManyFields);
}

#[test]
fn each_value_says_what_it_should_have_been() {
    let body = Body::parse(br#"{"a":"\ud800","b":-1,"c":64.0,"d":[1]}"#).unwrap();
    let root = body.root();
    let fields = root.fields().unwrap();
    let detail = |refused: Option<Refused>| refused.unwrap().detail();
    assert_eq!(
        detail(fields[0].text().err()),
        "The field `a` has to be a string of whole characters."
    );
    assert!(detail(fields[1].whole().err()).contains("`b` has to be a whole number"));
    assert_eq!(fields[2].whole(), Ok(64));
    assert!(detail(fields[3].texts().err()).contains("`d[0]` has to be a string"));
    assert!(detail(fields[3].object().err()).contains("an object"));
    assert!(detail(fields[1].number_in(0.0, 2.0).err()).ends_with("a number from 0 to 2."));
}
