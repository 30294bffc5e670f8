//! One conversation, in the words of each of the three.

use super::*;

/// Everything that all of them can say.
pub(super) const CONVERSATION: &str = r#"{
    "model": "alias",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [
            {"type": "text", "text": "What is \"this\"?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}}]},
        {"role": "assistant", "content": "I look.", "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{\"at\":1}"}},
            {"id": "call_2", "type": "function", "function": {"name": "smell", "arguments": ""}}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "a cat"},
        {"role": "tool", "tool_call_id": "call_2", "content": "{\"of\":\"fish\"}"},
        {"role": "user", "content": "So?"}],
    "tools": [
        {"type": "function", "function": {"name": "look", "description": "Looks.",
            "parameters": {"type": "object", "properties": {"at": {"type": "integer"}}}}},
        {"type": "function", "function": {"name": "smell"}}],
    "tool_choice": "required",
    "max_tokens": 16384, "temperature": 0.5, "top_p": 0.9, "stop": ["END"],
    "response_format": {"type": "json_schema", "json_schema": {"name": "pet", "strict": true,
        "schema": {"type": "object", "required": ["b", "a"]}}},
    "reasoning_effort": "medium", "user": "u-1"
}"#;

pub(super) fn chat_of(dialect: Dialect, body: &str) -> Chat {
    let path = (dialect == Dialect::Gemini).then_some(("alias", false));
    (dialect.read_chat(body.as_bytes(), path)).unwrap_or_else(|e| panic!("{}", e.detail()))
}

pub(super) fn written(dialect: Dialect, chat: &Chat, model: &str, stream: bool) -> String {
    let mut out = Vec::new();
    (dialect.write_chat(&mut out, chat, model, stream))
        .unwrap_or_else(|e| panic!("{}", e.detail()));
    String::from_utf8(out).unwrap()
}

#[test]
fn to_openai() {
    let chat = chat_of(Dialect::OpenAi, CONVERSATION);
    let expected = concat!(
        r#"{"model":"gpt-5","messages":[{"role":"system","content":"Be brief."},"#,
        r#"{"role":"user","content":[{"type":"text","text":"What is \"this\"?"},"#,
        r#"{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBO"}}]},"#,
        r#"{"role":"assistant","content":"I look.","tool_calls":["#,
        r#"{"id":"call_1","type":"function","function":{"name":"look","arguments":"{\"at\":1}"}},"#,
        r#"{"id":"call_2","type":"function","function":{"name":"smell","arguments":"{}"}}]},"#,
        r#"{"role":"tool","tool_call_id":"call_1","content":"a cat"},"#,
        r#"{"role":"tool","tool_call_id":"call_2","content":"{\"of\":\"fish\"}"},"#,
        r#"{"role":"user","content":"So?"}],"#,
        r#""tools":[{"type":"function","function":{"name":"look","description":"Looks.","#,
        r#""parameters":{"type": "object", "properties": {"at": {"type": "integer"}}}}},"#,
        r#"{"type":"function","function":{"name":"smell"}}],"tool_choice":"required","#,
        r#""max_completion_tokens":16384,"temperature":0.5,"top_p":0.9,"stop":["END"],"#,
        r#""response_format":{"type":"json_schema","json_schema":{"name":"pet","#,
        r#""schema":{"type": "object", "required": ["b", "a"]},"strict":true}},"#,
        r#""reasoning_effort":"medium","user":"u-1","#,
        r#""stream":true,"stream_options":{"include_usage":true}}"#,
    );
    assert_eq!(written(Dialect::OpenAi, &chat, "gpt-5", true), expected);
}

#[test]
fn to_anthropic() {
    let chat = chat_of(Dialect::OpenAi, CONVERSATION);
    let expected = concat!(
        r#"{"model":"claude","max_tokens":16384,"system":"Be brief.","messages":["#,
        r#"{"role":"user","content":[{"type":"text","text":"What is \"this\"?"},"#,
        r#"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBO"}}]},"#,
        r#"{"role":"assistant","content":[{"type":"text","text":"I look."},"#,
        r#"{"type":"tool_use","id":"call_1","name":"look","input":{"at":1}},"#,
        r#"{"type":"tool_use","id":"call_2","name":"smell","input":{}}]},"#,
        r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1","content":"a cat"},"#,
        r#"{"type":"tool_result","tool_use_id":"call_2","content":"{\"of\":\"fish\"}"},"#,
        r#"{"type":"text","text":"So?"}]}],"#,
        r#""tools":[{"name":"look","description":"Looks.","#,
        r#""input_schema":{"type": "object", "properties": {"at": {"type": "integer"}}}},"#,
        r#"{"name":"smell","input_schema":{"type":"object"}}],"tool_choice":{"type":"any"},"#,
        r#""temperature":0.5,"top_p":0.9,"stop_sequences":["END"],"#,
        r#""output_config":{"effort":"medium","format":{"type":"json_schema","#,
        r#""schema":{"type": "object", "required": ["b", "a"]}}},"#,
        r#""metadata":{"user_id":"u-1"},"stream":true}"#,
    );
    assert_eq!(written(Dialect::Anthropic, &chat, "claude", true), expected);
}

#[test]
fn to_gemini() {
    let chat = chat_of(Dialect::OpenAi, CONVERSATION);
    let expected = concat!(
        r#"{"systemInstruction":{"parts":[{"text":"Be brief."}]},"contents":["#,
        r#"{"role":"user","parts":[{"text":"What is \"this\"?"},"#,
        r#"{"inlineData":{"mimeType":"image/png","data":"iVBO"}}]},"#,
        r#"{"role":"model","parts":[{"text":"I look."},"#,
        r#"{"functionCall":{"id":"call_1","name":"look","args":{"at":1}}},"#,
        r#"{"functionCall":{"id":"call_2","name":"smell","args":{}}}]},"#,
        r#"{"role":"user","parts":["#,
        r#"{"functionResponse":{"id":"call_1","name":"look","response":{"output":"a cat"}}},"#,
        r#"{"functionResponse":{"id":"call_2","name":"smell","response":{"of":"fish"}}},"#,
        r#"{"text":"So?"}]}],"#,
        r#""tools":[{"functionDeclarations":[{"name":"look","description":"Looks.","#,
        r#""parametersJsonSchema":{"type": "object", "properties": {"at": {"type": "integer"}}}},"#,
        r#"{"name":"smell"}]}],"toolConfig":{"functionCallingConfig":{"mode":"ANY"}},"#,
        r#""generationConfig":{"maxOutputTokens":16384,"temperature":0.5,"topP":0.9,"#,
        r#""stopSequences":["END"],"responseMimeType":"application/json","#,
        r#""responseJsonSchema":{"type": "object", "required": ["b", "a"]},"#,
        r#""thinkingConfig":{"thinkingBudget":8192}}}"#,
    );
    assert_eq!(
        written(Dialect::Gemini, &chat, "gemini-2.5-flash", true),
        expected
    );
}

#[test]
fn the_third_generation_thinks_in_degrees_and_wants_the_first_call_sealed() {
    let chat = chat_of(Dialect::OpenAi, CONVERSATION);
    let body = written(Dialect::Gemini, &chat, "gemini-3-pro-preview", false);
    assert!(body.contains(r#""thinkingConfig":{"thinkingLevel":"MEDIUM"}"#));
    assert_eq!(
        body.matches(r#""thoughtSignature":"skip_thought_signature_validator""#)
            .count(),
        1
    );

    let sealed = chat_of(
        Dialect::OpenAi,
        r#"{"model":"m","messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"a",
            "type":"function","function":{"name":"f","arguments":"{}"},
            "extra_content":{"google":{"thought_signature":"c2ln"}}}]}]}"#,
    );
    let body = written(Dialect::Gemini, &sealed, "gemini-3-pro-preview", false);
    assert!(body.contains(r#""thoughtSignature":"c2ln""#), "{body}");
}

#[test]
fn a_tool_that_failed_says_so_where_there_is_a_word_for_it() {
    let chat = chat_of(
        Dialect::Anthropic,
        r#"{"model":"m","max_tokens":4096,"messages":[
            {"role":"assistant","content":[{"type":"thinking","thinking":"so","signature":"EqQ="},
                {"type":"tool_use","id":"a.1","name":"f","input":{}}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"a.1","is_error":true,
                "content":"no"}]}],
            "thinking":{"type":"enabled","budget_tokens":2048}}"#,
    );
    let gemini = written(Dialect::Gemini, &chat, "m", false);
    assert!(
        gemini.contains(r#""name":"f","response":{"error":"no"}"#),
        "{gemini}"
    );
    assert!(gemini.contains(r#""thinkingConfig":{"thinkingBudget":2048,"includeThoughts":true}"#));
    let anthropic = written(Dialect::Anthropic, &chat, "m", false);
    assert!(anthropic.contains(r#""tool_use_id":"a_1","content":"no","is_error":true"#));
    assert!(anthropic.contains(r#"{"type":"thinking","thinking":"so","signature":"EqQ="}"#));
    let openai = written(Dialect::OpenAi, &chat, "m", false);
    assert!(openai.contains(r#"{"role":"tool","tool_call_id":"a.1","content":"no"}"#));
    assert!(openai.contains(r#""reasoning_effort":"medium""#));
}
