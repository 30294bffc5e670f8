//! The answer cache on the vendors' routes: an equal chat is answered as the first one was, whole or as a
//! stream, in any dialect, and nothing else is.

use super::super::world::Reply;
use super::golden::upstream::{self, Ending};
use super::openai::{self, END, STREAM, answer};
use super::{DIALECTS, World, ask, chunk, is_gone, provider, question};
use crate::dialect::{Arguments, Dialect, End, Event};
use crate::engine::ConnId;
use crate::engine::work::Kind;
use crate::proto::sse;
use crate::store::{Inbound, RequestOutcome, StoreError};

const CACHE: &str = "[cache]\nchats_max_age_s = 60\n";

fn world(theirs: Dialect) -> World {
    World::new(&[&provider(theirs), CACHE].concat())
}

/// The provider answers, as it was asked.
fn serve(world: &mut World, theirs: Dialect, stream: bool, ending: Ending) {
    let bytes = match stream {
        true => [STREAM, &chunk(&upstream::stream(theirs, ending)), END].concat(),
        false => answer(200, "", &upstream::whole(theirs, ending).unwrap()),
    };
    world.answer(bytes);
}

/// What a client has heard, however it was told: one word for each thing, pieces of a text joined.
fn heard(ours: Dialect, reply: &Reply) -> String {
    let (mut text, mut rest, mut given) = (String::new(), String::new(), Vec::new());
    let mut note = |event: Event<'_>| match event {
        Event::Text(piece) | Event::Refusal(piece) => piece.append_to(&mut text),
        Event::ToolCall { name, .. } => {
            name.append_to(&mut rest);
            given.push(String::new());
        }
        Event::Arguments { json, .. } => match json {
            Arguments::Piece(piece) => piece.append_to(given.last_mut().unwrap()),
            Arguments::Whole(json) => given.last_mut().unwrap().push_str(json),
        },
        Event::Finish { reason, .. } => rest += &format!(" {reason:?}"),
        Event::Error(error) => panic!("{error:?} in {reply:?}"),
        _ => {}
    };
    let is_stream = reply.field("content-type") == Some("text/event-stream; charset=utf-8");
    let end = if is_stream {
        let (mut reader, mut stream) = (sse::Reader::new(), ours.stream());
        let mut bytes = reply.body.as_bytes();
        while let Some(event) = reader.next(&mut bytes).unwrap() {
            stream.event(event.data, &mut note).unwrap();
        }
        stream.end()
    } else {
        ours.answer(reply.body.as_bytes(), &mut note).unwrap()
    };
    assert_eq!(end, End::Complete, "{reply:?}");
    for json in given.iter().filter(|json| !json.is_empty()) {
        let value: serde_json::Value = serde_json::from_str(json).unwrap();
        rest += &value.to_string();
    }
    text + &rest
}

fn status(reply: &Reply) -> &str {
    reply.field("cache-status").unwrap_or("none")
}

#[test]
fn an_equal_chat_is_told_again_in_either_form_in_every_dialect() {
    for ours in DIALECTS {
        for theirs in DIALECTS {
            for ending in [
                Ending::Natural,
                Ending::Length,
                Ending::Tool,
                Ending::NoUsage,
            ] {
                for (first, again) in [(true, true), (true, false), (false, true), (false, false)] {
                    if !first && upstream::whole(theirs, ending).is_none() {
                        continue;
                    }
                    let name = format!("{ours:?} {theirs:?} {ending:?} {first} {again}");
                    let mut world = world(theirs);
                    let client = ask(&mut world, ours, first);
                    serve(&mut world, theirs, first, ending);
                    let told = world.reply(client);
                    assert_eq!(status(&told), "maitred; fwd=miss", "{name}");
                    world.pass(10_000);
                    let client = ask(&mut world, ours, again);
                    let hit = world.reply(client);
                    assert_eq!(status(&hit), "maitred; hit; ttl=50", "{name}");
                    assert_eq!(heard(ours, &hit), heard(ours, &told), "{name}");
                    if !first && !again {
                        assert_eq!(hit.body, told.body, "{name}");
                    }
                    assert_eq!(world.metric("calls_total"), 1.0);
                }
            }
        }
    }
}

#[test]
fn a_hit_says_who_wrote_it_and_has_a_row() {
    let mut world = world(Dialect::OpenAi);
    let first = ask(&mut world, Dialect::OpenAi, false);
    world.answer(openai::whole("Tea."));
    world.reply(first);
    let first = world.store.request().clone();
    let client = ask(&mut world, Dialect::OpenAi, true);
    let hit = world.reply(client);
    assert!(hit.body.ends_with("data: [DONE]\n\n"), "{hit:?}");
    assert_eq!(hit.field("x-maitred-attempts"), Some("0"));
    assert_eq!(hit.field("x-maitred-target"), Some("llm/alias"));
    let id = hit.field("x-request-id").unwrap();
    let row = &world.store.requests[&id.parse().unwrap()];
    assert_eq!((row.outcome, row.status), (RequestOutcome::Ok, 200));
    assert_eq!((row.inbound, row.streamed), (Inbound::OpenAi, true));
    assert_eq!(row.generation_id, first.generation_id);
    assert_eq!(row.provider, first.provider);
    assert_eq!((row.calls.attempts, row.completion_tokens), (0, None));
    assert_eq!(world.metric("cache_hits_total"), 1.0);
    is_gone(&mut world);
}

/// The usage is told to whoever wants it, whoever asked first.
#[test]
fn the_tokens_of_a_stream_are_kept_though_its_client_did_not_want_them() {
    let mut world = world(Dialect::OpenAi);
    let (path, body) = question(Dialect::OpenAi, true);
    let quiet = body.replace(r#","stream_options":{"include_usage":true}"#, "");
    let first = world.post(&path, &quiet);
    serve(&mut world, Dialect::OpenAi, true, Ending::Natural);
    assert!(!world.reply(first).body.contains("prompt_tokens"));
    let again = world.post(&path, &body);
    assert!(world.reply(again).body.contains("prompt_tokens"));
    let again = world.post(&path, &quiet);
    assert!(!world.reply(again).body.contains("prompt_tokens"));
    let whole = ask(&mut world, Dialect::OpenAi, false);
    let whole = world.reply(whole).json();
    assert!(whole["usage"]["completion_tokens"].is_u64(), "{whole}");
}

/// Asks once more and says whether the provider was asked.
fn is_asked(world: &mut World, path: &str, body: &str) -> bool {
    is_asked_with(world, path, body, "")
}

fn is_asked_with(world: &mut World, path: &str, body: &str, fields: &str) -> bool {
    let before = world.metric("calls_total");
    let request = super::super::post(path, body).replacen("Host:", &format!("{fields}Host:"), 1);
    let client: ConnId = world.ask(request);
    if world.is_quiet(client) {
        world.serve(openai::whole("Tea."));
    }
    assert_eq!(world.reply(client).status, 200, "{path} {body}");
    world.metric("calls_total") > before
}

#[test]
fn only_what_changes_the_answer_makes_another_question() {
    let (path, body) = question(Dialect::OpenAi, false);
    let with = |field: &str| body.replacen('{', &format!("{{{field},"), 1);
    let mut world = world(Dialect::OpenAi);
    assert!(is_asked(&mut world, &path, &body));
    for same in [
        &with(r#""user":"ann""#),
        &with(r#""metadata":{"a":"b"}"#),
        &with(r#""stream" : false"#),
        &with(r#""seed":null"#),
        &with(r#""prompt_cache_key":"k""#),
        &body.replace(':', " : "),
        &r#"{"messages":[{"role":"user","content":"Tea?"}],"model":"alias"}"#.to_owned(),
    ] {
        assert!(!is_asked(&mut world, &path, same), "{same}");
    }
    for other in [
        &with(r#""temperature":0"#),
        &with(r#""seed":1"#),
        &with(r#""max_tokens":5"#),
        &body.replace("Tea?", "Tea??"),
        &body.replace("Tea?", "Te a?"),
        &body.replace("alias", "other"),
        &body.replacen("[", r#"[{"role":"system","content":"Be brief."},"#, 1),
    ] {
        assert!(is_asked(&mut world, &path, other), "{other}");
        assert!(!is_asked(&mut world, &path, other), "{other}");
    }
}

#[test]
fn what_is_not_understood_or_asked_for_several_times_is_never_kept() {
    let (path, body) = question(Dialect::OpenAi, false);
    for field in [
        r#""logprobs":true"#,
        r#""n":1,"web_search_options":{}"#,
        r#""store":true"#,
    ] {
        let mut world = world(Dialect::OpenAi);
        let body = body.replacen('{', &format!("{{{field},"), 1);
        assert!(is_asked(&mut world, &path, &body), "{field}");
        assert!(is_asked(&mut world, &path, &body), "{field}");
        assert!(world.store.cached.is_empty(), "{field}");
    }
    // Fields that are passed on to Anthropic are part of the question.
    let mut world = world(Dialect::OpenAi);
    let (path, body) = question(Dialect::Anthropic, false);
    assert!(is_asked(&mut world, &path, &body));
    let beta = "anthropic-beta: a\r\n";
    assert!(is_asked_with(&mut world, &path, &body, beta));
    assert!(!is_asked_with(&mut world, &path, &body, beta));
    assert!(!is_asked(&mut world, &path, &body));
}

#[test]
fn an_answer_that_is_not_whole_or_was_filtered_is_not_kept() {
    for ours in DIALECTS {
        for theirs in DIALECTS {
            for ending in [Ending::Cut, Ending::Error, Ending::Refusal] {
                let mut world = world(theirs);
                ask(&mut world, ours, true);
                serve(&mut world, theirs, true, ending);
                let kept = world.store.cached.len();
                let finish = world.store.requests.values().next();
                let finish = finish.and_then(|row| row.calls.finish_reason.clone());
                let is_filtered = finish.as_deref() == Some("content_filter");
                let expected = usize::from(ending.is_whole() && !is_filtered);
                assert_eq!(kept, expected, "{ours:?} {theirs:?} {ending:?}");
            }
        }
    }
}

#[test]
fn a_client_may_refuse_what_is_stored_and_that_it_is() {
    let (path, body) = question(Dialect::OpenAi, false);
    let mut world = world(Dialect::OpenAi);
    let mut is_asked = |said: &str| {
        let field = format!("Cache-Control: {said}\r\n");
        is_asked_with(&mut world, &path, &body, &field)
    };
    assert!(is_asked("no-store"));
    assert!(
        is_asked("no-cache"),
        "nothing was kept, and nothing looked for"
    );
    assert!(!is_asked("max-age=60"), "what came of it was kept");
    assert!(is_asked("max-age=0"));
    assert!(is_asked("no-store"));
    assert!(!is_asked("private"));
    world.pass(10_000);
    let request = super::super::post(&path, &body);
    let young = request.replacen("Host:", "Cache-Control: max-age=5\r\nHost:", 1);
    let client = world.ask(young);
    assert!(world.is_quiet(client), "too old for this client");
    world.serve(openai::whole("Tea."));
    let renewed = request.replacen("Host:", "Cache-Control: no-cache\r\nHost:", 1);
    let client = world.ask(renewed);
    world.serve(openai::whole("Tea."));
    assert_eq!(status(&world.reply(client)), "maitred; fwd=request");
}

#[test]
fn nothing_is_looked_for_or_kept_unless_it_is_configured() {
    let mut world = World::new(&provider(Dialect::OpenAi));
    let (path, body) = question(Dialect::OpenAi, false);
    assert!(is_asked(&mut world, &path, &body));
    assert!(is_asked_with(
        &mut world,
        &path,
        &body,
        "Cache-Control: max-age=60\r\n"
    ));
    assert!(world.store.cached.is_empty());
    // The age of texts on our own API is not that of chats.
    let mut world = World::new(&[&provider(Dialect::OpenAi), "[cache]\nmax_age_s = 60\n"].concat());
    assert!(is_asked(&mut world, &path, &body));
    assert!(is_asked(&mut world, &path, &body));
}

#[test]
fn it_is_kept_whatever_is_stored_of_chats_and_goes_when_it_is_deleted_or_too_old() {
    for store in ["texts", "requests", "off"] {
        for stream in [false, true] {
            let gateway = format!("[gateway]\nstore = \"{store}\"\n");
            let config = [&provider(Dialect::OpenAi), CACHE, &gateway].concat();
            let mut world = World::new(&config);
            let client = ask(&mut world, Dialect::OpenAi, stream);
            serve(&mut world, Dialect::OpenAi, stream, Ending::Natural);
            world.reply(client);
            assert_eq!(world.store.cached.len(), 1, "{store} {stream}");
            let id = world.store.cached.values().next().unwrap().text;
            let client = ask(&mut world, Dialect::OpenAi, stream);
            let told = world.reply(client);
            assert_eq!(status(&told), "maitred; hit; ttl=60");
            let delete = format!("DELETE /contents/{id} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            let deleted = world.ask(delete);
            assert_eq!(world.reply(deleted).status, 204, "{store}");
            let (path, body) = question(Dialect::OpenAi, false);
            assert!(is_asked(&mut world, &path, &body));
            world.pass(61_000);
            assert!(is_asked(&mut world, &path, &body), "too old");
            is_gone(&mut world);
        }
    }
}

#[test]
fn it_goes_with_texts_that_are_too_old() {
    let retention = "[retention]\ntexts_days = 1\n[gateway]\nstore = \"requests\"\n";
    let mut world = World::new(&[&provider(Dialect::OpenAi), CACHE, retention].concat());
    let (path, body) = question(Dialect::OpenAi, false);
    assert!(is_asked(&mut world, &path, &body));
    world.pass(24 * 3_600_000);
    assert_eq!(world.store.cached.len(), 1);
    world.pass(700_000);
    assert!(world.store.cached.is_empty());
}

#[test]
fn a_store_that_says_no_is_no_reason_to_refuse_and_a_client_may_leave_meanwhile() {
    let mut world = world(Dialect::Gemini);
    world.held.push(Kind::Read);
    let client = ask(&mut world, Dialect::Gemini, true);
    let failed = crate::engine::work::WorkResult::Found(Err(StoreError::TimedOut));
    world.fail_work(0, failed);
    world.settle();
    serve(&mut world, Dialect::Gemini, true, Ending::Natural);
    assert_eq!(status(&world.reply(client)), "maitred; fwd=miss");
    let leaver = ask(&mut world, Dialect::Gemini, true);
    world.end(leaver);
    world.held.clear();
    world.settle();
    assert_eq!(world.metric("calls_total"), 1.0);
    is_gone(&mut world);
}

/// A long body is read on a thread, and a longer one is not looked for.
#[test]
fn long_questions_are_equal_too_up_to_a_bound() {
    for (length, is_kept) in [(100_000, true), (300_000, false)] {
        let mut world = world(Dialect::OpenAi);
        let (path, body) = question(Dialect::OpenAi, false);
        let body = body.replace("Tea?", &"tea ".repeat(length / 4));
        assert!(is_asked(&mut world, &path, &body));
        assert_eq!(is_asked(&mut world, &path, &body), !is_kept, "{length}");
    }
}

/// A hit that is longer than what is sent ahead goes at its client's pace.
#[test]
fn who_does_not_read_gets_no_more_than_is_sent_ahead() {
    let mut world = world(Dialect::OpenAi);
    let first = ask(&mut world, Dialect::OpenAi, false);
    world.answer(openai::whole(&"tea ".repeat(100_000)));
    let first = world.reply(first);
    let (path, body) = question(Dialect::OpenAi, false);
    let slow = world.client();
    world.sockets.get_mut(&slow).unwrap().stalled = true;
    world.send(slow, super::super::post(&path, &body));
    assert!(world.unsent(slow).len() < first.body.len() / 2);
    world.sockets.get_mut(&slow).unwrap().stalled = false;
    world.settle();
    let hit = world.reply(slow);
    assert_eq!(
        (status(&hit), &hit.body),
        ("maitred; hit; ttl=60", &first.body)
    );
    is_gone(&mut world);
}
