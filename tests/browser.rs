//! The page in a real browser, driven as a person would drive it: the real binary, a provider that
//! writes slowly, and Chromium. The stories are in `tests/browser/stories/`, the pictures that they
//! take go to `target/screenshots/`.
//!
//! `BROWSER_MODULES` names the folder with what `tests/browser/package.json` asks for.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;
use std::process::Command;

use support::provider::{Asked, config_for, nobody};
use support::script::{chunk, stream_head, text_event};
use support::{Act, Provider, Script, Server, ms};

/// Longer than a portion for a screen reader, and with characters of every length in UTF-8.
const TEXT: &str = "Tea is a leaf, a cup and an hour of the day. In French it is thé, in Georgian ჩაი, \
                    and in a formula 𝒕. People have carried it over mountains and across the sea, and \
                    they have loved it everywhere. Nobody who waits for the kettle is alone.\n\nA good \
                    cup needs fresh water and a little patience. Green tea wants less heat than black \
                    tea. Whoever is in a hurry will be disappointed, but whoever waits is rewarded with \
                    a wonderful smell. This text is long enough to be interrupted. It is about tea, and \
                    it ends here.";

/// The text in pieces of about a word.
fn words() -> Vec<&'static str> {
    TEXT.split_inclusive(' ').collect()
}

/// What the provider does is told by the topic.
fn script(asked: &Asked) -> Script {
    let has = |word: &str| asked.text.contains(word);
    if !has("\"stream\":true") {
        let keywords = has("SEO") || has("keywords");
        let several = format!("{} cups. {TEXT}", asked.before);
        return Script::whole(if keywords {
            "green tea, patience, kettle"
        } else {
            &several
        });
    }
    if has("silent") {
        return Script::hang();
    }
    if has("torn") {
        let head = Script::default().send(stream_head());
        return head
            .send(chunk(&text_event("This will not end well")))
            .then(Act::Close);
    }
    if has("markup") {
        let markup = ["<script>alert(1)</script>", "<b onclick=alert(2)>bold</b>"];
        return Script::streamed(&markup, ms(0));
    }
    if has("filtered") {
        let head = Script::default().send(stream_head());
        let end = r#"data: {"choices":[{"index":0,"delta":{},"finish_reason":"content_filter"}]}"#;
        return head
            .send(chunk(&text_event("Tea")))
            .send(chunk(&format!("{end}\n\ndata: [DONE]\n\n")))
            .send("0\r\n\r\n");
    }
    let gap = if has("slow") { 18 } else { 0 };
    Script::streamed(&words(), ms(gap))
}

#[test]
#[ignore = "needs chromium"]
fn a_person_uses_the_page() {
    let provider = Provider::start(script);
    let broken = config_for(&format!("http://{}/v1", nobody()), "")
        .replace("fake", "broken")
        .replace("model-1", "model-2");
    let config = format!(
        "default_provider = \"fake\"\n{}{broken}",
        provider.config("")
    );
    let server = Server::start(&config);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = Path::new(env!("CARGO_BIN_EXE_maitred"))
        .parent()
        .unwrap()
        .parent()
        .unwrap();
    let modules = std::env::var_os("BROWSER_MODULES")
        .map_or_else(|| target.join("browser/node_modules"), Into::into);
    let run = Command::new("node")
        .arg(root.join("tests/browser/run.mjs"))
        .args(std::env::var("BROWSER_ONLY").iter())
        .env("BROWSER_SERVER", server.addr.to_string())
        .env("BROWSER_BINARY", env!("CARGO_BIN_EXE_maitred"))
        .env("BROWSER_CONFIG", server.house().path().join("maitred.toml"))
        .env("BROWSER_TEXT", TEXT)
        .env("BROWSER_MODULES", modules)
        .env("BROWSER_SCREENSHOTS", target.join("screenshots"))
        .status()
        .expect("node is there");
    assert!(run.success(), "see above");
}
