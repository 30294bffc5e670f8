//! Requests of Gemini's clients, and what is wrong with some.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::dialect::chat::{Format, Part, Reasoning, Role};

fn read(body: &str) -> Chat {
    read_chat(body.as_bytes(), "gemini-2.5-flash", false).unwrap()
}

#[test]
fn a_conversation_with_tools_is_read_and_its_calls_get_ids() {
    let chat = read(
        r#"{"system_instruction":{"role":"user","parts":[{"text":"Be brief."}]},
            "contents":[{"role":"user","parts":[{"text":"hi"},
                {"inlineData":{"mimeType":"image/png","data":"iVBO"}}]},
              {"role":"model","parts":[{"text":"so","thought":true},
                {"functionCall":{"name":"look","args":{"at":1}},"thoughtSignature":"c2ln"},
                {"functionCall":{"name":"look"}},
                {"functionCall":{"id":"x","name":"see","args":{}}}]},
              {"role":"user","parts":[{"functionResponse":{"name":"look","response":{"output":"a"}}},
                {"functionResponse":{"name":"look","response":{"error":"b"}}},
                {"functionResponse":{"id":"x","name":"see","response":{"rows":[1]}}}]}],
            "tools":[{"functionDeclarations":[{"name":"look","parameters":{"type":"OBJECT"}}]}],
            "toolConfig":{"functionCallingConfig":{"mode":"VALIDATED"}},
            "safetySettings":[{"category":"HARM_CATEGORY_HARASSMENT","threshold":"BLOCK_NONE"}],
            "generationConfig":{"maxOutputTokens":64,"temperature":1,"topK":40.0,
                "responseMimeType":"application/json","thinkingConfig":{"thinkingBudget":-1}}}"#,
    );
    assert_eq!(chat.system, ["Be brief."]);
    let said: Vec<String> = (chat.messages.iter())
        .flat_map(|message| &message.parts)
        .filter_map(|part| match part {
            Part::ToolCall(call) => Some(format!("{} {:?}", call.id, call.signature)),
            Part::ToolResult(r) => Some(format!("{} {} {:?}", r.id, r.is_error, r.content[0])),
            _ => None,
        })
        .collect();
    assert_eq!(
        said,
        [
            r#"call_0 Some("c2ln")"#,
            "call_1 None",
            "x None",
            r#"call_0 false Text("a")"#,
            r#"call_1 true Text("b")"#,
            r#"x false Text("{\"rows\":[1]}")"#
        ]
    );
    assert_eq!(chat.messages[1].role, Role::Assistant);
    assert_eq!(chat.tools[0].strict, Some(true));
    assert_eq!(chat.settings.top_k, Some(40));
    assert_eq!(chat.format, Format::JsonObject);
    assert_eq!(chat.reasoning, Some(Reasoning::Adaptive));
    assert!(chat.foreign.is_empty(), "{:?}", chat.foreign);
}

#[test]
fn a_result_without_an_id_belongs_to_a_call_that_has_one() {
    let chat = read(
        r#"{"contents":[{"role":"model","parts":[{"functionCall":{"id":"a","name":"look"}},
                {"functionCall":{"id":"b","name":"look"}},{"functionCall":{"name":"look"}}]},
              {"role":"user","parts":[{"functionResponse":{"id":"b","name":"look","response":{}}},
                {"functionResponse":{"name":"look","response":{}}},
                {"functionResponse":{"name":"look","response":{}}}]}]}"#,
    );
    let results = chat.messages[1].parts.iter().map(|part| match part {
        Part::ToolResult(result) => result.id.as_str(),
        other => panic!("{other:?}"),
    });
    assert_eq!(results.collect::<Vec<_>>(), ["b", "a", "call_0"]);
}

#[test]
fn filters_and_tools_of_the_vendor_are_noted() {
    let chat = read(
        r#"{"contents":[{"parts":[{"executableCode":{}}]}],"cachedContent":"c",
            "labels":{"team":"a"},"generationConfig":{"responseMimeType":"text/x.enum"},
            "safetySettings":[{"threshold":"BLOCK_LOW_AND_ABOVE"}],"tools":[{"googleSearch":{}}],
            "toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["a","b"]}}}"#,
    );
    assert_eq!(
        chat.foreign,
        [
            "contents[0].parts[0].executableCode",
            "cachedContent",
            "labels",
            "generationConfig.responseMimeType",
            "safetySettings",
            "tools[0].googleSearch",
            "toolConfig.functionCallingConfig.allowedFunctionNames"
        ]
    );
}

#[test]
fn functions_that_are_only_allowed_and_pictures_of_thoughts_are_noted() {
    let chat = read(
        r#"{"contents":[{"parts":[
                {"inlineData":{"mimeType":"image/png","data":"x"},"thought":true}]}],
            "toolConfig":{"functionCallingConfig":{"mode":"VALIDATED","allowedFunctionNames":["a"]}}}"#,
    );
    assert_eq!(
        chat.foreign,
        [
            "contents[0].parts[0].thought",
            "toolConfig.functionCallingConfig.allowedFunctionNames"
        ]
    );
}

#[test]
fn every_wrong_shape_names_its_field() {
    let part = |part: &str| format!(r#"{{"contents":[{{"parts":[{part}]}}]}}"#);
    let with = |more: &str| format!(r#"{{"contents":[],{more}}}"#);
    for (body, field) in [
        ("{}".to_owned(), "contents"),
        (r#"{"contents":"hi"}"#.to_owned(), "contents"),
        (
            r#"{"contents":[{"role":"king"}]}"#.to_owned(),
            "contents[0].role",
        ),
        (
            r#"{"contents":[{"role":"model"}]}"#.to_owned(),
            "contents[0].parts",
        ),
        (part(""), "contents[0].parts"),
        (part("{}"), "contents[0].parts[0]"),
        (part(r#"{"text":7}"#), "contents[0].parts[0].text"),
        (
            part(r#"{"inline_data":{"data":"x"}}"#),
            "contents[0].parts[0].inlineData.mimeType",
        ),
        (
            part(r#"{"functionCall":{}}"#),
            "contents[0].parts[0].functionCall.name",
        ),
        (
            part(r#"{"functionResponse":{"name":"f"}}"#),
            "contents[0].parts[0].functionResponse",
        ),
        (
            with(r#""generationConfig":{"topK":-1}"#),
            "generationConfig.topK",
        ),
        (
            with(r#""generationConfig":{"topP":1.5}"#),
            "generationConfig.topP",
        ),
        (
            with(r#""toolConfig":{"functionCallingConfig":{"mode":"ANY"}}"#),
            "toolConfig.functionCallingConfig",
        ),
        (
            r#"{"contents":[{"role":"system","parts":[{"text":"a"}]}]}"#.to_owned(),
            "contents[0].role",
        ),
        (
            part(r#"{"text":"a","inlineData":{"mimeType":"image/png","data":"x"}}"#),
            "contents[0].parts[0].inlineData",
        ),
        (
            part(r#"{"fileData":{"mimeType":"image/png"}}"#),
            "contents[0].parts[0].fileData.fileUri",
        ),
        (
            with(r#""generationConfig":{"thinkingConfig":{"thinkingLevel":"HUGE"}}"#),
            "generationConfig.thinkingConfig.thinkingLevel",
        ),
        (
            with(r#""toolConfig":{"functionCallingConfig":{"mode":"MUST"}}"#),
            "toolConfig.functionCallingConfig.mode",
        ),
        (
            with(r#""tools":[{"functionDeclarations":[{}]}]"#),
            "tools[0].functionDeclarations[0].name",
        ),
    ] {
        let refused = read_chat(body.as_bytes(), "m", true).unwrap_err();
        assert_eq!(refused.field.as_deref(), Some(field), "{body}");
    }
}

#[test]
fn a_path_is_one_of_two_methods_of_a_model() {
    for path in [
        "/v1/models/m",
        "/v1/models/:generateContent",
        "/v2/models/m:generateContent",
        "/v1/models/%ff:generateContent",
        "/v1beta/models/m:embedContent",
    ] {
        assert_eq!(read_path(path), None, "{path}");
    }
    assert_eq!(
        read_path("/v1/models/llama3:8b%3AstreamGenerateContent"),
        Some(("llama3:8b".into(), true))
    );
}
