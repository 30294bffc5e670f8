//! P13: the same text, however it is torn and dressed on its way. Nobody here is English: the text
//! is full of characters of several bytes, and of emoji of several characters.

use std::time::Duration;

use crate::drill::{Drill, LIMITS};
use crate::sim::{DIALECTS, Sim};
use crate::support::House;
use crate::support::proxy::{Harm, Proxy};
use crate::support::tls::Identity;

/// A family joined by ZWJ, a flag, skin tones, Arabic and Hebrew with direction marks, combining
/// marks, characters beyond the first plane, JSON's and SSE's own characters, and line separators.
const TEXT: &str = "Tea 👨‍👩‍👧‍👦 ☕️ 🏳️‍🌈 👍🏽 \u{202b}شاي ساخن\u{202c} — תה חם — e\u{301} ñ 茶 𝒯 \"quoted\\\" \
     \n\ndata: [DONE]\r\n: {\"a\"}\u{2028}\u{2029}\u{feff}end 🫖";

/// Sizes of the pieces: all of them fall into the middle of characters.
const SLICES: [usize; 5] = [1, 2, 3, 7, 13];

/// Ways to write the same stream.
const DRESSES: [&str; 6] = [
    "",
    "crlf",
    "cr",
    "bom+comments",
    "data-lines",
    "crlf+bom+data-lines+pings",
];

/// A simulator that has nothing but the text.
fn teller(house: &House, tokens: usize) -> Sim {
    let file = house.write("text", TEXT);
    Sim::with(|options| {
        options.text = Some(file);
        options.tokens = tokens;
    })
}

fn order(parts: &[&str]) -> String {
    let parts: Vec<&str> = parts
        .iter()
        .copied()
        .filter(|part| !part.is_empty())
        .collect();
    if parts.is_empty() {
        return "sim".to_owned();
    }
    format!("fault:{}", parts.join("+"))
}

#[test]
fn p13_the_text_is_the_same_however_it_is_sent() {
    let house = House::new();
    let sim = teller(&house, 24);
    for dialect in DIALECTS {
        let drill = Drill::start(&sim.config(dialect, LIMITS));
        for dress in DRESSES {
            let told = drill.ask(&order(&[dress]), true);
            assert!(told.is_whole(), "{dialect} {dress}: {told:?}");
            assert_eq!(told.text, TEXT, "{dialect} {dress}");
            for size in SLICES {
                let slices = format!("slices-{size}");
                let told = drill.ask(&order(&[dress, &slices]), true);
                assert!(told.is_whole(), "{dialect} {dress} {size}: {told:?}");
                assert_eq!(told.text, TEXT, "{dialect} {dress} {size}");
            }
        }
        for size in SLICES {
            let told = drill.ask(&order(&[&format!("slices-{size}")]), false);
            assert_eq!(told.text, TEXT, "{dialect} whole {size}");
        }
        drill.end(());
    }
}

#[test]
fn p13_each_piece_in_a_segment_of_its_own() {
    let house = House::new();
    let (sim, identity) = (teller(&house, 6), Identity::of(&["127.0.0.1"]));
    let ca = house.write("ca.pem", &identity.pem);
    for size in SLICES {
        // Long enough that the other side has read what came before.
        let harm = move |_| Harm::slices(size).pausing(Duration::from_micros(30));
        let plain = Proxy::start(sim.addr, harm);
        let secured = Proxy::start_tls(sim.addr, identity.server.clone(), harm);
        for dialect in DIALECTS {
            let more = format!("{LIMITS}ca_file = {ca:?}\n");
            let tables = Sim::config_at(plain.addr, "http", dialect, LIMITS)
                + &Sim::config_at(secured.addr, "https", dialect, &more).replace("fake", "tls");
            let drill = Drill::start(&tables);
            for provider in ["fake", "tls"] {
                let body = serde_json::json!({
                    "topic": format!("{} {size} {dialect}", crate::drill::PROMPT),
                    "provider": provider, "stream": true, "model": "fault:crlf+comments",
                });
                let request = crate::support::client::post("/generate/", &body.to_string());
                let told = drill.read(&mut drill.server.connect(), &request);
                assert!(told.is_whole(), "{dialect} {provider} {size}: {told:?}");
                assert_eq!(told.text, TEXT, "{dialect} {provider} {size}");
            }
            drill.end(());
        }
    }
}

#[test]
fn p13_a_token_that_ends_in_the_middle_of_a_character_of_several() {
    // One token for each character: joiners and marks come alone.
    let house = House::new();
    let sim = teller(&house, TEXT.chars().count());
    for dialect in DIALECTS {
        let drill = Drill::start(&sim.config(dialect, LIMITS));
        let told = drill.ask("fault:slices-1", true);
        assert!(told.is_whole() && told.text == TEXT, "{dialect}: {told:?}");
        drill.end(());
    }
}
