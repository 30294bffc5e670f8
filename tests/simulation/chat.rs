//! Chats: what clients of the vendors ask, and what must be true of their answers.

use fastrand::Rng;
use maitred::dialect::{Dialect, End, Event};
use maitred::proto::sse;

use super::clients::is_stream;
use super::guest::What;
use super::host::{self, PROVIDERS, Subject};
use super::play::Play;
use super::setting::Setting;
use super::world::{Reply, post};

/// A client of a vendor's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Chat {
    ours: Dialect,
    subject: Subject,
}

/// Asks one provider about one topic.
pub(crate) fn request(chance: &mut Rng, setting: Setting, long: bool) -> (Vec<u8>, What, bool) {
    let ours = [Dialect::OpenAi, Dialect::Anthropic, Dialect::Gemini][chance.usize(0..3)];
    let subject = Subject {
        topic: chance.u8(0..4),
        provider: chance.usize(0..PROVIDERS.len()),
    };
    let stream = chance.bool() || setting.lengthy;
    let name = PROVIDERS[subject.provider].name;
    let topic = subject.topic;
    let space = " ".repeat(if long { 70_000 } else { 0 });
    let messages = format!(r#""messages":[{{"role":"user","content":"topic {topic}"}}]{space}"#);
    let (path, json) = match ours {
        Dialect::OpenAi => (
            "/v1/chat/completions".to_owned(),
            format!(r#"{{"model":"{name}/m","stream":{stream},{messages}}}"#),
        ),
        Dialect::Anthropic => (
            "/v1/messages".to_owned(),
            format!(r#"{{"model":"{name}/m","max_tokens":30,"stream":{stream},{messages}}}"#),
        ),
        Dialect::Gemini => {
            let verb = match stream {
                true => "streamGenerateContent?alt=sse",
                false => "generateContent",
            };
            let parts = format!(r#"[{{"role":"user","parts":[{{"text":"topic {topic}"}}]}}]"#);
            (
                format!("/v1beta/models/{name}/m:{verb}"),
                format!(r#"{{"contents":{parts}{space}}}"#),
            )
        }
    };
    let mut request = post(&path, &json);
    if chance.u8(0..10) == 0 {
        request = request.replacen("HTTP/1.1", "HTTP/1.0", 1);
    }
    if chance.u8(0..10) == 0 && !setting.calm {
        let within = format!("HTTP/1.1\r\nX-Request-Timeout-Ms: {}", chance.u64(1..5_000));
        request = request.replacen("HTTP/1.1", &within, 1);
    }
    (
        request.into_bytes(),
        What::Chat(Chat { ours, subject }),
        false,
    )
}

/// Whether it is an answer on a vendor's route.
pub(crate) fn is_chat(reply: &Reply) -> bool {
    reply.field("x-request-id").is_some()
}

/// Whether a stream on a vendor's route says that it has failed.
pub(crate) fn ends_with_error(reply: &Reply) -> bool {
    let last = reply.body.trim_end().rsplit("data: ").next();
    last.is_some_and(|data| data.contains(r#""error":{"#))
}

/// An answer that is no error.
pub(crate) fn judge(play: &Play, chat: Chat, reply: &Reply) {
    let whole = host::text(chat.subject, play.setting);
    let mut text = String::new();
    let mut failed = false;
    let mut note = |event: Event<'_>| match event {
        Event::Text(piece) => piece.append_to(&mut text),
        Event::Error(_) => failed = true,
        _ => {}
    };
    if !is_stream(reply) {
        let end = chat.ours.answer(reply.body.as_bytes(), &mut note);
        assert_eq!(
            (end, text.trim()),
            (Ok(End::Complete), &*whole),
            "{reply:?}"
        );
        return;
    }
    let (mut reader, mut stream) = (sse::Reader::new(), chat.ours.stream());
    let mut bytes = reply.body.as_bytes();
    while let Some(event) = reader.next(&mut bytes).unwrap() {
        stream.event(event.data, &mut note).unwrap();
    }
    if failed {
        assert_eq!(stream.end(), End::Truncated, "{reply:?}");
        assert!(whole.starts_with(text.trim()), "{text:?} of {whole:?}");
        let calm = play.setting.calm && !play.stopped;
        assert!(!calm, "nothing went wrong: {reply:?}");
    } else {
        assert_eq!(
            (stream.end(), text.trim()),
            (End::Complete, &*whole),
            "{reply:?}"
        );
    }
}

/// An error in the words of a vendor.
pub(crate) fn judge_error(reply: &Reply) {
    let error = reply.json();
    assert!(error["error"]["message"].is_string(), "{reply:?}");
    assert_ne!(error["error"]["code"], "internal", "{reply:?}");
    assert_eq!(reply.field("content-type"), Some("application/json"));
}
