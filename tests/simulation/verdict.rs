//! What must be true of a reply, of a wait, and of a run at its end.

use maitred::engine::ConnId;
use maitred::store::TextState;
use serde_json::Value;
use uuid::Uuid;

use super::chat::{self, is_chat};
use super::clients::is_stream;
use super::guest::{Ask, Told, What};
use super::host::{self, Subject};
use super::play::Play;
use super::world::{End, Event, Reply};

/// Nobody who reads waits longer: a text may take 20 s in all, its scores and its row 5 s each, a
/// row that is resumed 5 s; and time passes in leaps of up to 4 s.
const LONGEST_WAIT_MS: u64 = 60_000;
/// The same for those who wait for the first one with their key, and then may be the first themselves.
const LONGEST_LINE_MS: u64 = maitred::limits::GENERATION_MS + LONGEST_WAIT_MS;

/// A reply to `ask`, at the moment when it was read. `ask` is `None` for one that is only allowed
/// because its guest says things that are no requests.
pub(crate) fn judge(play: &Play, ask: Option<&Ask>, whole: bool, reply: &Reply) {
    assert!(reply.field("date").is_some(), "{reply:?}");
    if reply.field("content-type") == Some("application/problem+json") && !reply.body.is_empty() {
        let problem = reply.json();
        assert_eq!(problem["status"], reply.status, "{reply:?}");
        assert!(problem["code"].is_string() && problem["request_id"].is_string());
        assert_ne!(problem["code"], "internal", "{reply:?}");
    }
    if is_chat(reply) && reply.status >= 400 {
        chat::judge_error(reply);
    }
    // Who has not asked in full is told why it will not be heard, and that is the last word.
    assert!(
        whole || (reply.status >= 400 && reply.closes()),
        "{reply:?}"
    );
    let what = ask.map(|ask| &ask.what);
    let calm = play.setting.calm && !play.stopped;
    // An answer may be deleted with its text while somebody is on the way to it.
    let keyed = ask.is_some_and(|ask| ask.keyed);
    let is_gone = keyed && reply.status == 409 && !play.world.store.deleted.is_empty();
    if calm && whole && !is_gone && must_succeed(what) {
        assert_eq!(reply.status, 200, "nothing went wrong: {reply:?}");
    }
    if reply.status != 200 {
        return;
    }
    match what {
        Some(What::Text(subject)) if is_stream(reply) => {
            let text = host::text(*subject, play.setting);
            stream(play, &reply.events(), 0, &text);
        }
        Some(What::Text(subject)) => {
            stored(play, &reply.json(), &host::text(*subject, play.setting));
        }
        Some(What::Resume { text, from }) => {
            assert!(!text.gone, "{text:?} was deleted");
            resumed(play, &reply.events(), text, *from as usize);
        }
        Some(What::Read(text)) => {
            assert!(!text.gone, "{text:?} was deleted");
            let row = reply.json();
            assert_eq!(row["id"], text.id);
            if let Some(subject) = text.subject {
                let whole = host::text(subject, play.setting);
                assert!(whole.starts_with(row["text"].as_str().unwrap()), "{row}");
            }
        }
        Some(What::Chat(asked)) => chat::judge(play, *asked, reply),
        Some(What::Best(subject)) => {
            stored(play, &reply.json(), &host::text(*subject, play.setting));
        }
        Some(What::Batch(subjects)) => batch(play, &reply.body, subjects),
        Some(What::Keywords) => {
            let id: Uuid = reply.json()["id"].as_str().unwrap().parse().unwrap();
            let there = play.world.store.keywords.contains_key(&id);
            assert!(there || play.world.kept.contains(&id), "{id} is lost");
        }
        Some(What::Scores { .. }) => {
            let id: Uuid = reply.json()["id"].as_str().unwrap().parse().unwrap();
            assert_eq!(reply.json()["sentiment"]["label"], "positive");
            let there = play.world.store.analyses.contains_key(&id);
            assert!(there || play.world.kept.contains(&id), "{id} is lost");
        }
        Some(What::Delete(_) | What::Stop(_) | What::Other) | None => {}
    }
}

/// What only fails when something goes wrong.
fn must_succeed(what: Option<&What>) -> bool {
    matches!(
        what,
        Some(
            What::Text(_)
                | What::Best(_)
                | What::Batch(_)
                | What::Chat(_)
                | What::Keywords
                | What::Scores { .. }
        )
    )
}

/// A line for each text, in any order.
fn batch(play: &Play, lines: &str, subjects: &[Subject]) {
    let mut open: Vec<usize> = (0..subjects.len()).collect();
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let index = line["index"].as_u64().unwrap() as usize;
        let at = open.iter().position(|left| *left == index);
        open.remove(at.unwrap_or_else(|| panic!("{line} is not awaited")));
        if line["error"].is_null() {
            stored(play, &line, &host::text(subjects[index], play.setting));
        } else {
            let calm = play.setting.calm && !play.stopped;
            assert!(!calm, "nothing went wrong: {line}");
        }
    }
    assert!(open.is_empty(), "{lines}");
}

/// What a stream says: `start`, pieces that join, one end and nothing after.
fn stream(play: &Play, events: &[Event], from: usize, whole: &str) {
    let (first, rest) = events.split_first().expect("a stream has a start");
    assert_eq!(first.name, "start", "{events:?}");
    let last = pieces(play, rest, from, Some(whole));
    if last.name == "done" {
        stored(play, &last.data, whole);
    }
}

/// A stream that goes on where another one broke off has no `start`, and is of the same text.
fn resumed(play: &Play, events: &[Event], text: &Told, from: usize) {
    let whole = text
        .subject
        .map(|subject| host::text(subject, play.setting));
    let last = pieces(play, events, from, whole.as_deref());
    if last.name == "done" {
        assert_eq!(last.data["id"], text.id);
    }
}

/// Returns the end.
fn pieces<'a>(play: &Play, events: &'a [Event], from: usize, whole: Option<&str>) -> &'a Event {
    let (last, before) = events.split_last().expect("a stream has an end");
    let mut text = String::new();
    for event in before {
        match event.name.as_str() {
            ":" => continue,
            "token" => text.push_str(event.data["text"].as_str().unwrap()),
            other => panic!("{other} in the middle: {events:?}"),
        }
        assert_eq!(event.id, Some((from + text.len()) as u64), "{events:?}");
    }
    let wanted = whole.map(|whole| &whole[from..]);
    match last.name.as_str() {
        "done" => assert!(wanted.is_none_or(|wanted| wanted == text), "{events:?}"),
        "error" => {
            assert!(
                wanted.is_none_or(|wanted| wanted.starts_with(&text)),
                "{events:?}"
            );
            assert_ne!(last.data["code"], "internal", "{last:?}");
            let calm = play.setting.calm && !play.stopped;
            assert!(!calm, "nothing went wrong: {last:?}");
        }
        other => panic!("{other} at the end: {events:?}"),
    }
    last
}

/// What is acknowledged is on disk at that moment, unless somebody had it deleted.
fn stored(play: &Play, document: &Value, text: &str) {
    assert_eq!(document["stored"], true, "{document}");
    if let Some(told) = document.get("generated_text") {
        assert_eq!(told, text);
    }
    let id: Uuid = document["id"].as_str().unwrap().parse().unwrap();
    match play.world.store.texts.get(&id) {
        Some(row) => assert_eq!(row.text, text),
        None => {
            let gone = play.world.store.deleted.contains(&id);
            assert!(gone || play.world.kept.contains(&id), "{id} is lost");
        }
    }
}

/// Whether a client that does what it has to has asked for something and got no reply yet.
pub(crate) fn is_waiting(play: &Play, id: ConnId) -> bool {
    let (guest, socket) = (&play.guests[&id], &play.world.sockets[&id]);
    let waits = guest.waits() && guest.is_proper() && !guest.dismissed;
    waits && socket.closed.is_none()
}

/// Nobody who reads waits for ever.
pub(crate) fn patience(play: &Play) {
    let now = play.world.now.mono;
    for (id, guest) in &play.guests {
        // Whoever has a key waits for those before it, too.
        let keyed = guest.asks.front().is_some_and(|ask| ask.keyed);
        let longest_ms = if keyed {
            LONGEST_LINE_MS
        } else {
            LONGEST_WAIT_MS
        };
        let late = guest.since.plus_ms(longest_ms) < now;
        let in_vain = late && is_waiting(play, *id) && !play.world.sockets[id].dirty;
        let excused = play.setting.calm; // every limit is longer there
        assert!(
            excused || !in_vain,
            "{id:?} waits in vain: {}",
            guest.describe()
        );
    }
}

/// Nobody is kept out while there is room.
pub(crate) fn welcome(play: &Play) {
    let clients = play
        .guests
        .keys()
        .filter(|id| play.world.sockets[id].closed.is_none());
    let crowded = clients.count() > play.setting.clients() / 2;
    assert!(
        play.world.accepting || play.stopped || crowded,
        "nobody is let in"
    );
}

/// Everybody has had all the time there is, and the server was not stopped: who has asked has been
/// answered, and not shut out.
pub(crate) fn at_rest(play: &Play) {
    if play.stopped {
        return;
    }
    for (id, guest) in &play.guests {
        let waits = guest.waits() && guest.is_proper() && !guest.dismissed;
        let socket = &play.world.sockets[id];
        let excused = play.was_cut(*id) || socket.closed == Some(End::Peer);
        let got = String::from_utf8_lossy(&socket.got);
        assert!(
            !waits || excused,
            "{id:?} ({:?}) has {got:?} for an answer: {}",
            socket.closed,
            guest.describe()
        );
    }
}

/// Whatever came too late or was put off, every whole text has its scores in the end.
pub(crate) fn scored(play: &Play) {
    let texts = play.world.store.texts.values();
    let mut whole = texts.filter(|row| row.state == TextState::Complete);
    let without = whole.find(|row| row.scores.is_none());
    assert_eq!(without.map(|row| row.id), None, "it has no scores");
}

/// After the last step.
pub(crate) fn at_the_end(play: &Play) {
    if let Err(broken) = play.world.engine.check_empty() {
        panic!("something is left: {broken}");
    }
    for (id, guest) in &play.guests {
        let socket = &play.world.sockets[id];
        assert!(socket.closed.is_some(), "{id:?} is not closed");
        // Only a connection that broke, or that the client gave up, may end inside a reply.
        let given_up = guest.left || guest.deaf || play.was_cut(*id);
        assert!(
            socket.got.is_empty() || given_up,
            "{id:?} has {:?}",
            String::from_utf8_lossy(&socket.got)
        );
    }
}
