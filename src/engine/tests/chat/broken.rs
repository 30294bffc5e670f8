//! Answers that break off in the very piece that they begin with: nothing of them was told, so
//! somebody else is asked, and what was said is not in the answer that the client gets.

use super::super::openai::{self, END, STREAM, answer, done, event, finish, word};
use super::super::world::TWO;
use super::{DIALECTS, World, ask, is_gone};
use crate::dialect::Dialect;

/// Two targets of OpenAI's kind.
fn two() -> String {
    TWO.replace("model.smart", "model.alias")
}

/// The same, and the second is asked as well after 800 ms.
fn hedged() -> String {
    two().replace("targets", "hedge_ms = 800\ntargets")
}

/// A word, and in the same event that the answer is no good.
fn spoilt() -> String {
    event(r#"{"choices":[{"index":0,"delta":{"content":"Coffee"},"finish_reason":"error"}]}"#)
}

/// The second target answers, and there is no trace of the first.
fn second_answers(world: &mut World, client: crate::engine::ConnId) {
    assert!(world.is_quiet(client));
    world.send(world.at(2), openai::stream(&["Tea."]));
    let reply = world.reply(client);
    assert_eq!(reply.status, 200, "{reply:?}");
    assert!(reply.body.contains("Tea.") && !reply.body.contains("Coffee"));
    assert_eq!(reply.field("x-maitred-attempts"), Some("2"));
    assert_eq!(world.store.text().text, "Tea.");
    let row = world.store.request();
    assert_eq!(row.provider.as_deref(), Some("b"));
    assert_eq!(row.calls.finish_reason.as_deref(), Some("stop"));
}

#[test]
fn a_first_word_with_an_error_in_the_same_event_is_not_told() {
    for ours in DIALECTS {
        let mut world = World::new(&two());
        let client = ask(&mut world, ours, true);
        world.send(world.at(1), [STREAM, &spoilt()].concat());
        second_answers(&mut world, client);
    }
}

#[test]
fn neither_is_one_that_the_clients_dialect_has_no_form_for() {
    let call = |index| {
        format!(r#"{{"index":{index},"id":"c{index}","function":{{"name":"f","arguments":"{{"}}}}"#)
    };
    let more = r#"{"index":0,"function":{"arguments":"}"}}"#;
    let calls = format!(
        r#"{{"choices":[{{"index":0,"delta":{{"tool_calls":[{},{},{more}]}}}}]}}"#,
        call(0),
        call(1)
    );
    let mut world = World::new(&two());
    let client = ask(&mut world, Dialect::Anthropic, true);
    world.send(world.at(1), [STREAM, &event(&calls)].concat());
    second_answers(&mut world, client);
}

#[test]
fn a_later_event_that_is_broken_is_not_told_by_half() {
    for ours in DIALECTS {
        let mut world = World::new(&two());
        let client = ask(&mut world, ours, true);
        world.send(world.at(1), [STREAM, &word("Tea"), &spoilt()].concat());
        let reply = world.reply(client);
        assert!(reply.body.contains("Tea") && !reply.body.contains("Coffee"));
        assert_eq!(world.store.text().text, "Tea");
        is_gone(&mut world);
    }
}

#[test]
fn one_of_two_that_is_cut_at_once_leaves_the_answer_to_the_other() {
    let said = r#"{"choices":[{"delta":{"content":"Coffee"}}]}"#;
    let cut = [STREAM, &event(&format!("{said}\n\ndata: [DONE]")), END].concat();
    let unfinished = answer(200, "", r#"{"choices":[{"message":{"content":"Coffee"}}]}"#);
    for ours in DIALECTS {
        for words in [&cut, &unfinished] {
            let mut world = World::new(&hedged());
            let client = ask(&mut world, ours, true);
            world.pass(800);
            world.send(world.at(1), words);
            second_answers(&mut world, client);
        }
    }
}

#[test]
fn an_answer_without_words_wins_with_its_reason_and_its_tokens() {
    for wins in [1, 2] {
        let mut world = World::new(&hedged());
        let client = ask(&mut world, Dialect::OpenAi, true);
        world.pass(800);
        let winner = world.at(wins);
        world.send(winner, [STREAM, &finish()].concat());
        assert!(world.is_quiet(client));
        world.send(winner, [done(), END.to_owned()].concat());
        assert!(world.reply(client).body.ends_with("data: [DONE]\n\n"));
        let row = world.store.request();
        assert_eq!(row.calls.finish_reason.as_deref(), Some("stop"));
        assert_eq!(row.calls.native_finish_reason.as_deref(), Some("stop"));
        assert_eq!(row.prompt_tokens, Some(9));
    }
}

/// What one of two has said of itself is its own, whatever becomes of the other.
#[test]
fn the_one_that_is_left_alone_keeps_what_it_has_said_of_itself() {
    for (fails, stays, provider) in [(1, 2, "b"), (2, 1, "a")] {
        let mut world = World::new(&hedged());
        let client = ask(&mut world, Dialect::OpenAi, true);
        world.pass(800);
        let role = r#"{"model":"named","choices":[{"index":0,"delta":{"role":"assistant"}}],"usage":{"prompt_tokens":7}}"#;
        world.send(world.at(stays), [STREAM, &event(role)].concat());
        world.send(world.at(fails), answer(503, "", "{}"));
        let end = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
        let rest = [word("Tea."), event(end), done(), END.to_owned()].concat();
        world.send(world.at(stays), rest);
        assert!(world.reply(client).body.contains("Tea."));
        let row = world.store.request();
        assert_eq!(row.provider.as_deref(), Some(provider));
        assert_eq!(row.prompt_tokens, Some(7));
        assert_eq!(world.store.text().model, "named");
    }
}
