#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn text_of(document: &str) -> String {
    let piece: JsonStr<'_> = parse(document.as_bytes()).unwrap();
    let mut text = String::new();
    piece.append_to(&mut text);
    text
}

#[test]
fn every_escape_is_written_out() {
    assert_eq!(
        text_of(r#""\"\\\/\b\f\n\r\t\u0041\u00e9\ud83d\ude00z""#),
        "\"\\/\u{8}\u{c}\n\r\tA\u{e9}\u{1f600}z"
    );
    assert_eq!(text_of(r#""""#), "");
    assert_eq!(text_of(r#""plain ☃""#), "plain ☃");
}

#[test]
fn half_a_surrogate_pair_becomes_a_replacement_character() {
    for (document, text) in [
        (r#""\ud83d""#, "\u{fffd}"),
        (r#""\ude00""#, "\u{fffd}"),
        (r#""\ud83dx""#, "\u{fffd}x"),
        (r#""\ud83d\n""#, "\u{fffd}\n"),
        (r#""\ud83d\u0041""#, "\u{fffd}A"),
        (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
        (r#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
    ] {
        assert_eq!(text_of(document), text, "{document}");
    }
}

#[test]
fn each_way_to_be_wrong_has_its_name() {
    let wrong = |document: &[u8]| parse::<JsonStr<'_>>(document).unwrap_err();
    assert_eq!(wrong(b"\"\xff\""), Malformed::Utf8);
    assert_eq!(wrong(b"7"), Malformed::Shape);
    assert_eq!(wrong(b"null"), Malformed::Shape);
    for document in [
        "",
        "\"",
        "\"a",
        "\"\\x\"",
        "\"\\u00g0\"",
        "\"\\u12\"",
        "\"\n\"",
        "\"a\"b",
        "nul",
    ] {
        assert_eq!(
            wrong(document.as_bytes()),
            Malformed::Syntax,
            "{document:?}"
        );
    }
}

#[derive(Deserialize)]
struct Known {
    #[serde(default)]
    known: Option<u32>,
}

#[test]
fn depth_is_bounded_also_where_the_parser_only_skips() {
    let skipped = |levels: usize| {
        let (open, close) = ("[".repeat(levels), "]".repeat(levels));
        format!(r#"{{"unknown":{open}{close},"known":1}}"#)
    };
    let read = |document: String| {
        parse::<Object<Known>>(document.as_bytes()).map(|Object(known)| known.known)
    };
    // The outer object is one level.
    assert_eq!(read(skipped(limits::JSON_DEPTH - 1)), Ok(Some(1)));
    assert_eq!(read(skipped(limits::JSON_DEPTH)), Err(Malformed::Depth));
    assert_eq!(read(skipped(400_000)), Err(Malformed::Depth));
}

#[test]
fn brackets_inside_text_are_not_depth() {
    let document = format!(r#"{{"unknown":"{}","known":2}}"#, r#"[{\"\\"#.repeat(1000));
    assert_eq!(
        parse::<Object<Known>>(document.as_bytes()).unwrap().0.known,
        Some(2)
    );
    // Many brackets side by side are not deep either.
    let flat = format!(r#"{{"unknown":[{}0],"known":3}}"#, "[],".repeat(1000));
    assert_eq!(
        parse::<Object<Known>>(flat.as_bytes()).unwrap().0.known,
        Some(3)
    );
}

#[test]
fn an_array_does_not_pass_for_an_object() {
    assert!(parse::<Known>(b"[1]").is_ok(), "serde's own rule changed");
    for document in ["[1]", "[]", "1", "\"known\"", "null"] {
        let read = parse::<Object<Known>>(document.as_bytes()).map(|_| ());
        assert_eq!(read, Err(Malformed::Shape), "{document}");
    }
}

proptest! {
    #[test]
    fn what_serde_json_writes_is_read_back(text in any::<String>()) {
        let document = serde_json::to_string(&text).unwrap();
        prop_assert_eq!(text_of(&document), text);
    }

    #[test]
    fn escaped_utf16_is_decoded_as_the_standard_library_does(units in any::<Vec<u16>>()) {
        let digits: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
        prop_assert_eq!(text_of(&format!("\"{digits}\"")), String::from_utf16_lossy(&units));
    }

    #[test]
    fn any_string_serde_json_accepts_is_read_alike(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                r"\n", r"\\", r#"\""#, r"\/", r"\u0000", r"\ud83d", r"\ude00", r"\uFFFF", "a", "é", "😀",
            ]),
            0..12,
        )
    ) {
        let document = format!("\"{}\"", pieces.concat());
        if let Ok(text) = serde_json::from_str::<String>(&document) {
            prop_assert_eq!(text_of(&document), text);
        }
        // Never longer than what stood in the document.
        prop_assert!(text_of(&document).len() <= document.len() - 2);
    }

    #[test]
    fn no_bytes_make_it_panic(document in any::<Vec<u8>>()) {
        if let Ok(piece) = parse::<JsonStr<'_>>(&document) {
            piece.append_to(&mut String::new());
        }
    }
}
