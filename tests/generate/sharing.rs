//! Equal prompts in flight share one call.

use crate::support::response::text_of;
use crate::support::{Provider, Script, Server, database, generate, ms};

const TOKENS: [&str; 10] = [" tea"; 10];

#[test]
fn equal_prompts_share_one_call_and_each_hears_all_of_it() {
    let provider = Provider::start(|_| Script::streamed(&TOKENS, ms(50)));
    let server = Server::start(&provider.config(""));
    let mut early = server.connect();
    early.send(generate("tea", true)).head();
    early.event().unwrap();
    early.event().unwrap(); // one token has come
    let mut late: Vec<_> = (0..5)
        .map(|_| {
            let mut client = server.connect();
            client.send(generate("tea", true));
            client
        })
        .collect();
    for client in &mut late {
        client.head();
        assert_eq!(text_of(&client.events(), 0), TOKENS.concat().trim_start());
    }
    assert_eq!(provider.asked().len(), 1);
    // One row for each request, one text for all.
    let data = server.house().data();
    database::wait_for_count(&data, "SELECT count(*) FROM requests", 6);
    database::wait_for_count(&data, "SELECT count(*) FROM generated_content", 1);
}

#[test]
fn a_leaver_does_not_take_the_text_with_him() {
    let provider = Provider::start(|_| Script::streamed(&TOKENS, ms(50)));
    let server = Server::start(&format!(
        "[limits]\nresume_grace_ms = 0\n{}",
        provider.config("")
    ));
    let [mut first, mut second] = [(); 2].map(|()| {
        let mut client = server.connect();
        client.send(generate("tea", true)).head();
        client.event().unwrap();
        client
    });
    first.event().unwrap();
    drop(first);
    assert_eq!(second.events().last().unwrap().name, "done");
    assert_eq!(provider.asked().len(), 1);
}

#[test]
fn unequal_prompts_share_nothing_and_sharing_can_be_off() {
    let provider = Provider::start(|_| Script::streamed(&TOKENS, ms(30)));
    let both = |server: &Server, topics: [&str; 2]| {
        let clients = topics.map(|topic| {
            let mut client = server.connect();
            client.send(generate(topic, true)).head();
            client
        });
        for mut client in clients {
            assert_eq!(client.events().last().unwrap().name, "done");
        }
    };
    both(&Server::start(&provider.config("")), ["tea", "coffee"]);
    assert_eq!(provider.asked().len(), 2);
    both(
        &Server::start(&format!("coalesce = false\n{}", provider.config(""))),
        ["tea", "tea"],
    );
    assert_eq!(provider.asked().len(), 4);
}
