//! Embeddings there and back.
#![allow(clippy::unwrap_used)]

use super::*;

fn asked(body: &str) -> Embeddings {
    Embeddings::read(body.as_bytes()).unwrap()
}

#[test]
fn texts_go_to_gemini_and_come_back_as_numbers() {
    let asked = asked(r#"{"model":"e","input":["a","b\""],"dimensions":2,"user":"u"}"#);
    let mut out = Vec::new();
    asked
        .write_gemini("gemini-embedding-001", &mut out)
        .unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        concat!(
            r#"{"requests":[{"model":"models/gemini-embedding-001","content":{"parts":[{"text":"a"}]},"outputDimensionality":2},"#,
            r#"{"model":"models/gemini-embedding-001","content":{"parts":[{"text":"b\""}]},"outputDimensionality":2}]}"#
        )
    );
    let answer = br#"{"embeddings":[{"values":[0.5,-1]},{"values":[1e-7,2]}]}"#;
    let mut out = Vec::new();
    asked.answer_of_gemini(answer, "e", &mut out).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        concat!(
            r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-1]},"#,
            r#"{"object":"embedding","index":1,"embedding":[0.0000001,2]}],"model":"e","#,
            r#""usage":{"prompt_tokens":0,"total_tokens":0}}"#
        )
    );
    for broken in [
        "{}",
        r#"{"embeddings":[{"values":[1]}]}"#,
        r#"{"embeddings":[1,2]}"#,
    ] {
        let read = asked.answer_of_gemini(broken.as_bytes(), "e", &mut Vec::new());
        assert_eq!(read, Err(Malformed::Shape), "{broken}");
    }
    // What fits no number would be written as none.
    let huge = br#"{"embeddings":[{"values":[1e39]},{"values":[]}]}"#;
    assert!(asked.answer_of_gemini(huge, "e", &mut Vec::new()).is_err());
}

#[test]
fn packed_numbers_are_what_pythons_client_unpacks() {
    // base64.b64encode(struct.pack("<2f", 0.5, -1)) and the same for one and three numbers.
    assert_eq!(packed(&[0.5, -1.0]), "AAAAPwAAgL8=");
    assert_eq!(packed(&[1.0]), "AACAPw==");
    assert_eq!(packed(&[0.0, 0.0, 0.0]), "AAAAAAAAAAAAAAAA");
    let asked = asked(r#"{"model":"e","input":"a","encoding_format":"base64"}"#);
    let mut out = Vec::new();
    let answer = br#"{"embeddings":[{"values":[1]}]}"#;
    asked.answer_of_gemini(answer, "e", &mut out).unwrap();
    assert!(
        String::from_utf8(out)
            .unwrap()
            .contains(r#""embedding":"AACAPw==""#)
    );
}

#[test]
fn what_cannot_be_said_or_is_wrong_is_named() {
    for (body, field) in [
        (r#"{"model":"e","input":[1,2]}"#, "input"),
        (r#"{"model":"e","input":"a","x":1}"#, "x"),
    ] {
        let refused = asked(body).write_gemini("m", &mut Vec::new()).unwrap_err();
        assert_eq!(refused.field.as_deref(), Some(field));
    }
    for (body, field) in [
        (r#"{"input":"a"}"#, "model"),
        (r#"{"model":"e"}"#, "input"),
        (r#"{"model":"e","input":7}"#, "input"),
        (
            r#"{"model":"e","input":"a","encoding_format":"int8"}"#,
            "encoding_format",
        ),
    ] {
        let refused = Embeddings::read(body.as_bytes()).unwrap_err();
        assert_eq!(refused.field.as_deref(), Some(field), "{body}");
    }
}

#[test]
fn an_answer_of_openais_has_a_vector_for_each_input_and_its_tokens() {
    let asked = asked(r#"{"model":"e","input":["a","b"]}"#);
    let read = |data: &str, usage: &str| {
        let body = format!(r#"{{"object":"list","data":[{data}],"usage":{usage}}}"#);
        let mut out = Vec::new();
        let read = asked.answer(Dialect::OpenAi, body.as_bytes(), "e", &mut out);
        assert!(out.is_empty(), "it goes as it came");
        read
    };
    let two = r#"{"index":0,"embedding":[0.5]},{"index":1,"embedding":"AACAPw=="}"#;
    let usage = read(two, r#"{"prompt_tokens":0,"total_tokens":-1}"#).unwrap();
    assert_eq!((usage.prompt_tokens, usage.total_tokens), (Some(0), None));
    assert_eq!(read(two, "null"), Ok(Usage::default()));
    for broken in [r#"{"embedding":[0.5]}"#, r#"{},{}"#, ""] {
        assert_eq!(read(broken, "{}"), Err(Malformed::Shape), "{broken}");
    }
    let body = br#"{"error":{"message":"no"}}"#;
    assert_eq!(asked.check_openai(body), Err(Malformed::Shape));
}

#[test]
fn anthropic_has_none() {
    let asked = asked(r#"{"model":"e","input":"a"}"#);
    let refused = asked.translate(Dialect::Anthropic, "e", &mut Vec::new());
    assert_eq!(refused.unwrap_err().field.as_deref(), Some("model"));
}

#[test]
fn openais_own_go_through_as_they_are() {
    let body = br#"{"model":"e", "input":[1], "new":true}"#;
    let mut out = Vec::new();
    let skim = Embeddings::skim(body).unwrap();
    skim.splice(body, "text-embedding-3-small", &mut out);
    assert_eq!(
        out,
        br#"{"model":"text-embedding-3-small", "input":[1], "new":true}"#
    );
    assert_eq!(
        path(Dialect::Gemini, "a/b"),
        "/v1beta/models/a%2Fb:batchEmbedContents"
    );
}
