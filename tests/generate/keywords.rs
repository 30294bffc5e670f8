//! Keywords over real sockets: by a provider, and without one.

use serde_json::{Value, json};

use crate::support::client::post;
use crate::support::{Provider, Script, Server, ask, database, ms, until};

fn keywords(content: &str, limit: usize) -> String {
    let body = json!({ "content": content, "limit": limit });
    post("/keywords/", &body.to_string())
}

fn words(reply: &Value) -> Vec<&str> {
    let list = reply["keywords"].as_array().unwrap().iter();
    list.map(|found| found["keyword"].as_str().unwrap())
        .collect()
}

#[test]
fn a_provider_names_them_and_they_are_in_the_database() {
    let list = "1. **Green tea** – the drink\n2. \"matcha\"\n3. tea ceremony\n";
    let provider = Provider::start(move |_| Script::whole(list));
    let server = Server::start(&provider.config(""));
    let reply = server.ask(keywords("Matcha is a green tea.", 7));
    assert_eq!(reply.status, 200, "{}", reply.text());
    let reply = reply.json();
    assert_eq!(words(&reply), ["Green tea", "matcha", "tea ceremony"]);
    assert_eq!(reply["method"], "provider");
    let asked = &provider.asked()[0].text;
    for part in [
        "SEO expert",
        "the 7 most relevant",
        "Matcha is a green tea.",
    ] {
        assert!(asked.contains(part), "{part} in {asked}");
    }
    let db = database::open(&server.house().data());
    let count = |sql: &str| database::count(&db, &format!("SELECT count(*) FROM {sql}"));
    assert_eq!(count("generated_keywords WHERE method = 'provider'"), 3);
    assert_eq!(
        count("search_terms WHERE term = 'Matcha is a green tea.'"),
        1
    );
    let request = "requests WHERE route = '/keywords/' AND outcome = 'ok' AND prompt_tokens > 0 \
                   AND generation_id = (SELECT id FROM generated_keywords WHERE position = 0)";
    assert_eq!((count(request), count("requests")), (1, 1));
    database::check(&db);
}

#[test]
fn without_a_provider_a_megabyte_is_read_while_the_loop_goes_on() {
    let server = Server::start("");
    let text = "The event loop waits, and the event loop serves every client. ".repeat(16_000);
    let addr = server.addr;
    let asking = std::thread::spawn(move || ask(addr, keywords(&text, 2)));
    let mut slowest = ms(0);
    until("the answer", || {
        let begun = std::time::Instant::now();
        assert_eq!(server.ask(crate::support::get("/healthz")).status, 200);
        slowest = slowest.max(begun.elapsed());
        asking.is_finished().then_some(())
    });
    assert!(slowest < ms(2_000), "a probe took {slowest:?}");
    let reply = asking.join().unwrap().json();
    assert_eq!(
        (words(&reply)[0], &reply["method"]),
        ("event loop", &"local".into())
    );
}
