//! What every provider's text is held to, whatever dialect it speaks.

use serde_json::Value;

use crate::support::provider::Asked;
use crate::support::response::text_of;
use crate::support::{Event, Provider, Script, Server, generate};

/// A stream about tea.
pub fn streamed(server: &Server) -> Vec<Event> {
    let mut client = server.connect();
    client.send(generate("tea", true)).head();
    client.events()
}

/// Both forms of an answer have this text. Whole, it was cut at its limit, and its model is `model-1`.
/// Returns the usage that the stream tells at its end.
pub fn both_forms(server: &Server, text: &str) -> Value {
    let whole = server.ask(generate("tea", false)).json();
    assert_eq!(whole["generated_text"], text);
    assert_eq!(
        (&whole["finish_reason"], &whole["model"]),
        (&"length".into(), &"model-1".into())
    );
    let events = streamed(server);
    assert_eq!(text_of(&events, 0), text);
    let done = events.last().unwrap();
    assert_eq!(done.name, "done");
    done.json()["usage"].clone()
}

/// However a stream of a provider of this kind is cut into pieces, it is told in the same words.
pub fn in_any_slices(kind: &str, obliging: fn(&Asked) -> Script, text: &str) {
    let sizes = [1, 2, 3, 7, 13];
    let provider =
        Provider::start(move |asked| obliging(asked).in_slices(sizes[asked.before % sizes.len()]));
    let server = Server::start(&provider.config_of_kind(kind, ""));
    for size in sizes {
        let events = streamed(&server);
        assert_eq!(text_of(&events, 0), text, "slices of {size}");
        assert_eq!(events.last().unwrap().name, "done", "slices of {size}");
    }
}

/// A stream that breaks off ends with this error, after the text that came before it.
pub fn broken_off(server: &Server, text: &str, code: &str) {
    let events = streamed(server);
    let last = events.last().unwrap();
    assert_eq!(
        (last.name.as_str(), &last.json()["code"]),
        ("error", &code.into())
    );
    assert_eq!(text_of(&events, 0), text, "what came before it is told");
}
