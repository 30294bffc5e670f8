//! What is stored of a chat.

use super::openai;
use super::{World, ask, is_gone, provider};
use crate::dialect::Dialect;
use crate::engine::TENANT;
use crate::engine::work::Kind;
use crate::store::{Inbound, RequestOutcome, TextState, term_id};

#[test]
fn a_text_with_its_scores_and_one_row_filed_under_the_last_words_of_the_user() {
    for stream in [false, true] {
        let mut world = World::new(&provider(Dialect::OpenAi));
        let client = ask(&mut world, Dialect::OpenAi, stream);
        world.answer(match stream {
            true => openai::stream(&[" Tea", " is hot."]),
            false => openai::whole("Tea is hot.\n"),
        });
        assert_eq!(world.reply(client).status, 200);
        let text = world.store.text();
        assert_eq!(
            (text.text.as_str(), text.term.as_str()),
            ("Tea is hot.", "Tea?")
        );
        assert_eq!(text.search_term_id, term_id(TENANT, "Tea?"));
        assert_eq!(text.state, TextState::Complete);
        assert!(text.scores.is_some());
        let row = world.store.request();
        assert_eq!((row.outcome, row.status), (RequestOutcome::Ok, 200));
        assert_eq!(row.route, "/v1/chat/completions");
        assert_eq!((row.streamed, row.prompt_tokens), (stream, Some(9)));
        assert_eq!((row.inbound, row.calls.attempts), (Inbound::OpenAi, 1));
        let tokens = r#"provider_tokens_total{provider="llm",kind="prompt"}"#;
        let tokens = world.metric(tokens);
        assert_eq!(tokens, 9.0, "counted once");
        let row = world.store.request();
        assert_eq!(row.calls.native_finish_reason.as_deref(), Some("stop"));
        assert!(row.calls.first_content_us.is_some() && row.calls.first_byte_us.is_some());
        assert_eq!(
            (row.provider.as_deref(), row.model.as_deref()),
            (Some("llm"), Some("alias"))
        );
        is_gone(&mut world);
    }
}

#[test]
fn the_client_has_its_answer_before_the_rows_are_written() {
    let mut world = World::new(&provider(Dialect::OpenAi));
    world.held = vec![Kind::Score, Kind::Write];
    let client = ask(&mut world, Dialect::OpenAi, true);
    world.answer(openai::stream(&["Tea."]));
    assert!(world.reply(client).body.ends_with("data: [DONE]\n\n"));
    world.end(client); // it leaves, and nothing is lost
    world.held.clear();
    world.settle();
    assert_eq!(world.store.text().text, "Tea.");
    assert_eq!(world.store.request().outcome, RequestOutcome::Ok);
}

#[test]
fn as_much_is_stored_as_the_configuration_says() {
    for (store, texts, rows) in [("texts", 1, 1), ("requests", 0, 1), ("off", 0, 0)] {
        for stream in [false, true] {
            let gateway = format!("[gateway]\nstore = \"{store}\"\n");
            let mut world = World::new(&[provider(Dialect::OpenAi), gateway].concat());
            let client = ask(&mut world, Dialect::OpenAi, stream);
            world.answer(match stream {
                true => openai::stream(&["Tea."]),
                false => openai::whole("Tea."),
            });
            assert_eq!(world.reply(client).status, 200);
            assert_eq!(
                (world.store.texts.len(), world.store.requests.len()),
                (texts, rows)
            );
            let client = ask(&mut world, Dialect::OpenAi, stream);
            world.answer(openai::answer(500, "", "{}"));
            assert_eq!(world.reply(client).status, 502);
            assert_eq!(
                (world.store.texts.len(), world.store.requests.len()),
                (texts, 2 * rows)
            );
            is_gone(&mut world);
        }
    }
}

/// Whoever wants the whole gets nothing of what was cut; it is kept, and found where it belongs.
#[test]
fn what_there_was_of_a_broken_answer_is_filed_under_the_same_words() {
    let mut world = World::new(&provider(Dialect::OpenAi));
    let client = ask(&mut world, Dialect::OpenAi, false);
    world.answer(
        [
            openai::STREAM.to_owned(),
            openai::word("Tea"),
            openai::END.to_owned(),
        ]
        .concat(),
    );
    assert_eq!(world.reply(client).status, 502);
    let text = world.store.text();
    assert_eq!(
        (text.text.as_str(), text.state),
        ("Tea", TextState::Truncated)
    );
    assert_eq!(
        (text.term.as_str(), text.search_term_id),
        ("Tea?", term_id(TENANT, "Tea?"))
    );
    assert_eq!(
        world.store.request().outcome,
        RequestOutcome::ProviderFailed
    );
    is_gone(&mut world);
}

/// A document that is longer than what is sent ahead: its row says what became of it.
#[test]
fn who_leaves_in_the_middle_of_a_document_has_not_got_it() {
    for store in ["texts", "requests"] {
        for stays in [true, false] {
            let gateway = format!("[gateway]\nstore = \"{store}\"\n");
            let mut world = World::new(&[provider(Dialect::OpenAi), gateway].concat());
            let client = ask(&mut world, Dialect::OpenAi, false);
            world.sockets.get_mut(&client).unwrap().stalled = true;
            world.answer(openai::whole(&"tea ".repeat(150_000)));
            assert_eq!(world.store.requests.len(), 0, "nobody knows yet");
            if stays {
                world.sockets.get_mut(&client).unwrap().stalled = false;
                world.settle();
                assert_eq!(world.reply(client).status, 200);
            } else {
                world.end(client);
                world.settle();
            }
            let row = world.store.request();
            let expected = match stays {
                true => (RequestOutcome::Ok, 200),
                false => (RequestOutcome::ClientGone, 499),
            };
            assert_eq!((row.outcome, row.status), expected);
            assert_eq!(row.calls.finish_reason.as_deref(), Some("stop"));
            let texts = usize::from(store == "texts");
            assert_eq!(world.store.texts.len(), texts, "it was paid for");
            is_gone(&mut world);
        }
    }
}
