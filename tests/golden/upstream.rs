//! What a provider sends: one answer in each dialect, for each way in which it can end.

use maitred::dialect::Dialect;

/// How an answer ends, or what is odd about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The model has said everything.
    Natural,
    /// It ran into a limit on tokens.
    Length,
    /// It wants two tools to be called.
    Tool,
    /// It refuses, or a filter does.
    Refusal,
    /// The body ends too early.
    Cut,
    /// An error comes in the place of the rest.
    Error,
    /// Comments and pings stand between the events.
    Comments,
    /// Nobody counts the tokens.
    NoUsage,
}

impl Ending {
    pub const ALL: [Self; 8] = [
        Self::Natural,
        Self::Length,
        Self::Tool,
        Self::Refusal,
        Self::Cut,
        Self::Error,
        Self::Comments,
        Self::NoUsage,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Natural => "natural",
            Self::Length => "length",
            Self::Tool => "tool",
            Self::Refusal => "refusal",
            Self::Cut => "cut",
            Self::Error => "error",
            Self::Comments => "comments",
            Self::NoUsage => "no-usage",
        }
    }

    /// Whether the client is to believe that it has all of it.
    pub fn is_whole(self) -> bool {
        !matches!(self, Self::Cut | Self::Error)
    }
}

/// The body of a streamed answer.
pub fn stream(dialect: Dialect, ending: Ending) -> String {
    let events = match dialect {
        Dialect::OpenAi => openai(ending),
        Dialect::Anthropic => anthropic(ending),
        Dialect::Gemini => gemini(ending),
    };
    let mut body = String::new();
    for event in events {
        if ending == Ending::Comments {
            body += ": keep-alive\n\n";
        }
        body += &event;
    }
    body
}

fn openai(ending: Ending) -> Vec<String> {
    let chunk = |choices: &str, usage: &str| {
        format!(
            r#"data: {{"id":"chatcmpl-up","object":"chat.completion.chunk","created":1,"model":"gpt-4o-2024-08-06","service_tier":"default","choices":[{choices}]{usage}}}"#
        ) + "\n\n"
    };
    let delta = |delta: &str| {
        chunk(
            &format!(r#"{{"index":0,"delta":{{{delta}}},"finish_reason":null}}"#),
            r#","usage":null"#,
        )
    };
    let finish = |reason: &str| {
        chunk(
            &format!(r#"{{"index":0,"delta":{{}},"finish_reason":"{reason}"}}"#),
            r#","usage":null"#,
        )
    };
    let usage = chunk(
        "",
        r#","usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":5}}"#,
    );
    let done = "data: [DONE]\n\n".to_owned();
    let role = delta(r#""role":"assistant","content":"","refusal":null"#);
    let think = delta(r#""reasoning_content":"Hm.\n""#);
    let text = [
        delta(r#""content":"Caf\u00e9 \ud83d\ude00\n""#),
        delta(r#""content":"\"☃\".""#),
    ];
    let said = [&[role.clone(), think][..], &text].concat();
    match ending {
        Ending::Natural | Ending::Comments => {
            [said, vec![finish("stop"), usage, done]].concat()
        }
        Ending::NoUsage => [said, vec![finish("stop"), done]].concat(),
        Ending::Length => [said, vec![finish("length"), usage, done]].concat(),
        Ending::Tool => vec![
            role,
            delta(r#""content":"I look.""#),
            delta(r#""tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"look","arguments":""}}]"#),
            delta(r#""tool_calls":[{"index":0,"function":{"arguments":"{\"at\":"}}]"#),
            delta(r#""tool_calls":[{"index":0,"function":{"arguments":"\"caf\u00e9\"}"}}]"#),
            delta(r#""tool_calls":[{"index":1,"id":"call_b","type":"function","function":{"name":"smell","arguments":"{}"}}]"#),
            finish("tool_calls"),
            usage,
            done,
        ],
        Ending::Refusal => vec![
            role,
            delta(r#""refusal":"I will""#),
            delta(r#""refusal":" not.""#),
            finish("stop"),
            usage,
            done,
        ],
        Ending::Cut => said,
        Ending::Error => [
            said,
            vec![
                "data: {\"error\":{\"message\":\"secret prose\",\"type\":\"server_error\",\"code\":\"rate_limit_exceeded\"}}\n\n".to_owned(),
            ],
        ]
        .concat(),
    }
}

fn anthropic(ending: Ending) -> Vec<String> {
    let event =
        |name: &str, rest: &str| format!("event: {name}\ndata: {{\"type\":\"{name}\"{rest}}}\n\n");
    let counts = |counts: &str| {
        if ending == Ending::NoUsage {
            "{}".into()
        } else {
            format!("{{{counts}}}")
        }
    };
    let usage = counts(
        r#""input_tokens":5,"cache_read_input_tokens":4,"cache_creation_input_tokens":0,"output_tokens":1"#,
    );
    let start = event(
        "message_start",
        &format!(
            r#","message":{{"id":"msg_up","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[],"stop_reason":null,"stop_sequence":null,"usage":{usage}}}"#
        ),
    );
    let open = |index: u8, block: &str| {
        event(
            "content_block_start",
            &format!(r#","index":{index},"content_block":{{{block}}}"#),
        )
    };
    let delta = |index: u8, delta: &str| {
        event(
            "content_block_delta",
            &format!(r#","index":{index},"delta":{{{delta}}}"#),
        )
    };
    let close = |index: u8| event("content_block_stop", &format!(r#","index":{index}"#));
    let stop = |reason: &str| {
        let usage = counts(r#""output_tokens":12"#);
        event(
            "message_delta",
            &format!(
                r#","delta":{{"stop_reason":"{reason}","stop_sequence":null}},"usage":{usage}"#
            ),
        ) + &event("message_stop", "")
    };
    let ping = "event: ping\ndata: {\"type\": \"ping\"}\n\n".to_owned();
    let think = vec![
        start.clone(),
        open(0, r#""type":"thinking","thinking":"","signature":"""#),
        delta(0, r#""type":"thinking_delta","thinking":"Hm.\n""#),
        delta(0, r#""type":"signature_delta","signature":"EqQB""#),
        close(0),
    ];
    let text = vec![
        open(1, r#""type":"text","text":"""#),
        ping,
        delta(
            1,
            r#""type":"text_delta","text":"Caf\u00e9 \ud83d\ude00\n""#,
        ),
        delta(1, r#""type":"text_delta","text":"\"☃\".""#),
    ];
    let said = [think, text].concat();
    match ending {
        Ending::Natural | Ending::Comments | Ending::NoUsage => {
            [said, vec![close(1), stop("end_turn")]].concat()
        }
        Ending::Length => [said, vec![close(1), stop("max_tokens")]].concat(),
        Ending::Tool => vec![
            start,
            open(0, r#""type":"text","text":"""#),
            delta(0, r#""type":"text_delta","text":"I look.""#),
            close(0),
            open(
                1,
                r#""type":"tool_use","id":"toolu_a","name":"look","input":{}"#,
            ),
            delta(1, r#""type":"input_json_delta","partial_json":"""#),
            delta(1, r#""type":"input_json_delta","partial_json":"{\"at\":""#),
            delta(
                1,
                r#""type":"input_json_delta","partial_json":"\"caf\u00e9\"}""#,
            ),
            close(1),
            open(
                2,
                r#""type":"tool_use","id":"toolu_b","name":"smell","input":{}"#,
            ),
            close(2),
            stop("tool_use"),
        ],
        Ending::Refusal => vec![
            start,
            open(0, r#""type":"text","text":"""#),
            delta(0, r#""type":"text_delta","text":"I will""#),
            close(0),
            stop("refusal"),
        ],
        Ending::Cut => said,
        Ending::Error => [
            said,
            vec![event(
                "error",
                r#","error":{"type":"overloaded_error","message":"secret prose"}"#,
            )],
        ]
        .concat(),
    }
}

fn gemini(ending: Ending) -> Vec<String> {
    let usage = |counts: &str| match ending {
        Ending::NoUsage => String::new(),
        _ => format!(
            r#","usageMetadata":{{"promptTokenCount":9,"cachedContentTokenCount":4,{counts}"promptTokensDetails":[{{"modality":"TEXT","tokenCount":9}}]}}"#
        ),
    };
    let event = |candidate: &str, counts: &str| {
        format!(
            r#"data: {{"candidates":[{{{candidate},"index":0}}]{},"modelVersion":"gemini-2.5-flash","responseId":"up"}}"#,
            usage(counts)
        ) + "\r\n\r\n"
    };
    let parts = |parts: &str| {
        event(
            &format!(r#""content":{{"parts":[{parts}],"role":"model"}}"#),
            r#""totalTokenCount":9,"#,
        )
    };
    let stop = |part: &str, reason: &str| {
        event(
            &format!(r#""content":{{"parts":[{part}],"role":"model"}},"finishReason":"{reason}""#),
            r#""candidatesTokenCount":7,"thoughtsTokenCount":5,"totalTokenCount":21,"#,
        )
    };
    let said = vec![
        parts(r#"{"text":"Hm.\n","thought":true}"#),
        parts(r#"{"text":"Caf\u00e9 \ud83d\ude00\n"}"#),
    ];
    let rest = r#"{"text":"\"☃\"."}"#;
    match ending {
        Ending::Natural | Ending::Comments | Ending::NoUsage => [said, vec![stop(rest, "STOP")]].concat(),
        Ending::Length => [said, vec![stop(rest, "MAX_TOKENS")]].concat(),
        Ending::Tool => vec![
            parts(r#"{"text":"I look."}"#),
            parts(r#"{"functionCall":{"name":"look","args":{"at":"caf\u00e9"}},"thoughtSignature":"c2ln"},{"functionCall":{"name":"smell","args":{}}}"#),
            stop(r#"{"text":""}"#, "STOP"),
        ],
        Ending::Refusal => vec![
            parts(r#"{"text":"I will"}"#),
            event(r#""finishReason":"SAFETY""#, r#""totalTokenCount":9,"#),
        ],
        Ending::Cut => [said, vec![parts(rest)]].concat(),
        // In the middle of a stream it comes bare, on lines of its own.
        Ending::Error => [
            said,
            vec!["{\n  \"error\": {\n    \"code\": 503,\n    \"message\": \"secret prose\",\n    \"status\": \"UNAVAILABLE\"\n  }\n}\n".to_owned()],
        ]
        .concat(),
    }
}

/// The body of an answer that is not streamed; `None` where the ending is one of streams.
pub fn whole(dialect: Dialect, ending: Ending) -> Option<String> {
    if ending == Ending::Comments {
        return None;
    }
    let body = match dialect {
        Dialect::OpenAi => whole_openai(ending),
        Dialect::Anthropic => whole_anthropic(ending),
        Dialect::Gemini => whole_gemini(ending),
    };
    Some(match ending {
        Ending::Cut => body[..body.len() / 2].to_owned(),
        _ => body,
    })
}

fn whole_openai(ending: Ending) -> String {
    if ending == Ending::Error {
        return r#"{"error":{"message":"secret prose","type":"server_error","code":"rate_limit_exceeded"}}"#.into();
    }
    let text = r#""content":"Caf\u00e9 \ud83d\ude00\n\"☃\".","reasoning_content":"Hm.\n""#;
    let (message, reason) = match ending {
        Ending::Tool => (
            r#""content":"I look.","tool_calls":[{"id":"call_a","type":"function","function":{"name":"look","arguments":"{\"at\":\"caf\u00e9\"}"}},{"id":"call_b","type":"function","function":{"name":"smell","arguments":"{}"}}]"#,
            "tool_calls",
        ),
        Ending::Refusal => (r#""content":null,"refusal":"I will not.""#, "stop"),
        Ending::Length => (text, "length"),
        _ => (text, "stop"),
    };
    let usage = match ending {
        Ending::NoUsage => "",
        _ => {
            r#","usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":5}}"#
        }
    };
    format!(
        r#"{{"id":"chatcmpl-up","object":"chat.completion","created":1,"model":"gpt-4o-2024-08-06","choices":[{{"index":0,"message":{{"role":"assistant",{message}}},"finish_reason":"{reason}"}}]{usage}}}"#
    )
}

fn whole_anthropic(ending: Ending) -> String {
    if ending == Ending::Error {
        return r#"{"type":"error","error":{"type":"overloaded_error","message":"secret prose"}}"#
            .into();
    }
    let text = r#"{"type":"thinking","thinking":"Hm.\n","signature":"EqQB"},{"type":"text","text":"Caf\u00e9 \ud83d\ude00\n\"☃\"."}"#;
    let (content, reason) = match ending {
        Ending::Tool => (
            r#"{"type":"text","text":"I look."},{"type":"tool_use","id":"toolu_a","name":"look","input":{"at":"caf\u00e9"}},{"type":"tool_use","id":"toolu_b","name":"smell","input":{}}"#,
            "tool_use",
        ),
        Ending::Refusal => (r#"{"type":"text","text":"I will"}"#, "refusal"),
        Ending::Length => (text, "max_tokens"),
        _ => (text, "end_turn"),
    };
    let usage = match ending {
        Ending::NoUsage => "{}",
        _ => {
            r#"{"input_tokens":5,"cache_read_input_tokens":4,"cache_creation_input_tokens":0,"output_tokens":12}"#
        }
    };
    format!(
        r#"{{"id":"msg_up","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[{content}],"stop_reason":"{reason}","stop_sequence":null,"usage":{usage}}}"#
    )
}

fn whole_gemini(ending: Ending) -> String {
    if ending == Ending::Error {
        return r#"{"error":{"code":503,"message":"secret prose","status":"UNAVAILABLE"}}"#.into();
    }
    let text = r#"{"text":"Hm.\n","thought":true},{"text":"Caf\u00e9 \ud83d\ude00\n\"☃\"."}"#;
    let (parts, reason) = match ending {
        Ending::Tool => (
            r#"{"text":"I look."},{"functionCall":{"name":"look","args":{"at":"caf\u00e9"}},"thoughtSignature":"c2ln"},{"functionCall":{"name":"smell","args":{}}}"#,
            "STOP",
        ),
        Ending::Refusal => (r#"{"text":"I will"}"#, "SAFETY"),
        Ending::Length => (text, "MAX_TOKENS"),
        _ => (text, "STOP"),
    };
    let usage = match ending {
        Ending::NoUsage => "",
        _ => {
            r#","usageMetadata":{"promptTokenCount":9,"cachedContentTokenCount":4,"candidatesTokenCount":7,"thoughtsTokenCount":5,"totalTokenCount":21}"#
        }
    };
    format!(
        r#"{{"candidates":[{{"content":{{"parts":[{parts}],"role":"model"}},"finishReason":"{reason}","index":0}}]{usage},"modelVersion":"gemini-2.5-flash","responseId":"up"}}"#
    )
}
