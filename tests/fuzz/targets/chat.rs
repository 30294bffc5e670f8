//! Requests in every vendor's dialect: never a panic, what is understood is JSON, and what is passed
//! on or written in another dialect is understood there.
//!
//! The first byte chooses the dialect.
#![no_main]

use libfuzzer_sys::fuzz_target;
use maitred::dialect::{Dialect, Skim, Why};

const DIALECTS: [Dialect; 3] = [Dialect::OpenAi, Dialect::Anthropic, Dialect::Gemini];

fuzz_target!(|data: &[u8]| {
    let Some((first, body)) = data.split_first() else {
        return;
    };
    let from = DIALECTS[usize::from(*first) % 3];
    let path = (from == Dialect::Gemini).then_some(("m", true));
    if let Ok(skim) = Skim::read(from, body, path) {
        let mut out = Vec::new();
        skim.splice(body, "another \"model\"", &mut out);
        let again = Skim::read(from, &out, path).expect("what was spliced is read");
        assert!(from == Dialect::Gemini || again.model == "another \"model\"");
        assert!(again.include_usage || !again.stream);
    }
    match from.read_chat(body, path) {
        Err(refused) => assert!(!refused.detail().is_empty()),
        Ok(chat) => {
            assert!(serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok());
            for to in DIALECTS {
                let mut out = Vec::new();
                if to.write_chat(&mut out, &chat, "m", chat.stream).is_ok() {
                    let path = (to == Dialect::Gemini).then_some(("m", chat.stream));
                    // What one dialect nests more deeply than another may be too deep.
                    if let Err(refused) = to.read_chat(&out, path) {
                        assert_eq!(refused.why, Why::Depth);
                    }
                }
            }
        }
    }
});
