//! Fields of a head that only Anthropic understands, before a provider that speaks another dialect: the
//! client is told that nobody has heard them.

use super::golden::upstream::{self, Ending};
use super::openai::{self, END, STREAM, answer};
use super::{DIALECTS, World, chunk, provider, question};
use crate::dialect::Dialect;
use crate::engine::ConnId;

/// As Anthropic's own tools send it, whatever they ask.
const BETA: &str = "anthropic-beta: claude-code-20250219,interleaved-thinking-2025-05-14\r\n";
const VERSION: &str = "anthropic-version: 2099-01-01\r\n";

fn ask_with(world: &mut World, body: &str, fields: &str) -> ConnId {
    let request = crate::engine::tests::post("/v1/messages", body);
    world.ask(request.replace("Host:", &format!("{fields}Host:")))
}

/// What the answer says was not heard.
fn unheard(theirs: Dialect, stream: bool, fields: &str) -> Option<String> {
    let mut world = World::new(&provider(theirs));
    let (_, body) = question(Dialect::Anthropic, stream);
    let client = ask_with(&mut world, &body, fields);
    match stream {
        true => {
            let events = chunk(&upstream::stream(theirs, Ending::Natural));
            world.answer([STREAM, &events, END].concat());
        }
        false => {
            let document = upstream::whole(theirs, Ending::Natural).unwrap();
            world.answer(answer(200, "", &document));
        }
    }
    let reply = world.reply(client);
    assert_eq!(reply.status, 200);
    reply.field("x-maitred-unheard").map(str::to_owned)
}

#[test]
fn what_a_provider_of_another_dialect_does_not_hear_is_told() {
    for theirs in DIALECTS {
        for stream in [false, true] {
            let told = |fields: &str| unheard(theirs, stream, fields);
            let expected = |names: &str| (theirs != Dialect::Anthropic).then(|| names.to_owned());
            assert_eq!(told(BETA), expected("anthropic-beta"), "{theirs:?}");
            assert_eq!(told(VERSION), expected("anthropic-version"));
            let both = expected("anthropic-version, anthropic-beta");
            assert_eq!(told(&format!("{BETA}{VERSION}")), both);
            assert_eq!(told("anthropic-version: 2023-06-01\r\n"), None);
        }
    }
}

#[test]
fn the_built_in_provider_hears_nothing_of_it() {
    let mut world = World::new("");
    let (_, body) = question(Dialect::Anthropic, false);
    let body = body.replace("alias", "offline");
    let client = ask_with(&mut world, &body, BETA);
    let reply = world.reply(client);
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.field("x-maitred-unheard"), Some("anthropic-beta"));
}

#[test]
fn it_depends_on_who_has_answered() {
    let mut world = World::new(super::failover::ALIAS);
    let (_, body) = question(Dialect::Anthropic, false);
    for is_first_well in [true, false] {
        let client = ask_with(&mut world, &body, BETA);
        if is_first_well {
            let document = upstream::whole(Dialect::Anthropic, Ending::Natural).unwrap();
            world.send(world.at(1), answer(200, "", &document));
        } else {
            world.send(world.at(1), answer(500, "", "{}"));
            world.send(world.at(2), openai::whole("Tea."));
        }
        let reply = world.reply(client);
        let expected = (!is_first_well).then_some("anthropic-beta");
        assert_eq!(reply.field("x-maitred-unheard"), expected, "{reply:?}");
    }
}

#[test]
fn an_answer_from_the_cache_says_it_as_the_first_one_did() {
    let cached = "[cache]\nchats_max_age_s = 60\n";
    let mut world = World::new(&format!("{cached}{}", provider(Dialect::OpenAi)));
    let (_, body) = question(Dialect::Anthropic, false);
    for attempts in ["1", "0"] {
        let client = ask_with(&mut world, &body, BETA);
        if attempts == "1" {
            world.answer(openai::whole("Tea."));
        }
        let reply = world.reply(client);
        assert_eq!(reply.field("x-maitred-attempts"), Some(attempts));
        assert_eq!(reply.field("x-maitred-unheard"), Some("anthropic-beta"));
    }
}

/// A beta that changes what is done does so by fields of the body, and those are refused by name.
#[test]
fn what_a_beta_is_needed_for_is_refused_in_the_body() {
    let tool = |kind: &str| format!(r#""tools":[{{"type":"{kind}","name":"x"}}]"#);
    let file = r#""messages":[{"role":"user","content":[{"type":"document","source":{"type":"file","file_id":"f"}}]}]"#;
    for (beta, field, name) in [
        (
            "computer-use-2025-01-24",
            tool("computer_20250124"),
            "tools[0]",
        ),
        (
            "code-execution-2025-08-25",
            tool("code_execution_20250825"),
            "tools[0]",
        ),
        (
            "files-api-2025-04-14",
            file.to_owned(),
            "messages[0].content[0]",
        ),
        (
            "mcp-client-2025-04-04",
            r#""mcp_servers":[{"type":"url","url":"https://x","name":"x"}]"#.to_owned(),
            "mcp_servers",
        ),
        (
            "context-management-2025-06-27",
            r#""context_management":{"edits":[]}"#.to_owned(),
            "context_management",
        ),
        (
            "skills-2025-10-02",
            r#""container":{"skills":[]}"#.to_owned(),
            "container",
        ),
    ] {
        for theirs in [Dialect::OpenAi, Dialect::Gemini] {
            let mut world = World::new(&provider(theirs));
            let usual = r#""messages":[{"role":"user","content":"Tea?"}],"#;
            let usual = if field.starts_with(r#""messages"#) {
                ""
            } else {
                usual
            };
            let body = format!(r#"{{"model":"m","max_tokens":9,{usual}{field}}}"#);
            let client = ask_with(&mut world, &body, &format!("anthropic-beta: {beta}\r\n"));
            let reply = world.reply(client);
            assert_eq!(reply.status, 400, "{beta}: {reply:?}");
            let message = reply.json()["error"]["message"].to_string();
            assert!(message.contains(name), "{beta}: {message}");
        }
    }
}
