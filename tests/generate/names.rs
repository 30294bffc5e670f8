//! Providers by name, where the configuration has name servers: what they may say wrong, and that
//! nobody else notices.

use std::time::{Duration, Instant};

use crate::support::client::post;
use crate::support::dns_message::{A, Asked, a, cname};
use crate::support::name_server::{NameServer, Question, Say, this_machine};
use crate::support::provider::Provider;
use crate::support::response::Response;
use crate::support::script::Script;
use crate::support::{Server, generate, get, ms, until};

/// A table for a provider of this name, at a host of the same name.
fn at_host(name: &str, port: u16) -> String {
    format!("[provider.{name}]\nbase_url = \"http://{name}.test:{port}/v1\"\nmodel = \"model-1\"\n")
}

fn provider() -> Provider {
    Provider::start(|_| Script::whole("Tea."))
}

/// Asks for a text of this provider, while somebody else looks whether the server is alive, and is
/// answered at once every time.
fn ask_while_probing(server: &Server, provider: &str) -> (Response, Duration) {
    let started = Instant::now();
    let mut client = server.connect();
    let body = format!(r#"{{"topic":"tea","provider":"{provider}"}}"#);
    client.send(post("/generate/", &body));
    while client.is_silent_for(ms(20)) {
        let asked = Instant::now();
        assert_eq!(server.ask(get("/healthz")).status, 200);
        assert!(asked.elapsed() < ms(500), "{:?}", asked.elapsed());
        assert!(started.elapsed() < ms(10_000), "no answer for {provider}");
    }
    (client.response(), started.elapsed())
}

/// What each name of the next test is answered with.
fn trouble(question: &Question) -> Vec<Say> {
    let asked = &question.asked;
    match asked.name.as_str() {
        "nobody.test" => vec![Say::Message(asked.answer(3, &[], &[]))],
        "nothing.test" => vec![Say::Message(asked.answer(0, &[], &[]))],
        "servfail.test" => vec![Say::Message(asked.answer(2, &[], &[]))],
        "refused.test" => vec![Say::Message(asked.answer(5, &[], &[]))],
        "circle.test" => {
            let circle = [
                cname("circle.test", 60, "b.test"),
                cname("b.test", 60, "circle.test"),
            ];
            vec![Say::Message(asked.answer(0, &circle, &[]))]
        }
        "huge.test" if question.tcp => vec![Say::Bytes(vec![0xFF; 1024 * 1024])],
        "huge.test" => vec![Say::Message(asked.truncated())],
        "junk.test" => {
            let mut junk = asked.answer(0, &[], &[]);
            junk[7] = 200; // records that are not there
            vec![Say::Message(junk)]
        }
        "silent.test" => vec![],
        other => panic!("nobody should ask for {other}"),
    }
}

#[test]
fn whatever_name_servers_do_wrong_is_told_in_time_and_nobody_else_waits() {
    let names = NameServer::start(trouble);
    let expected = [
        ("nobody", 502, "upstream_name", 0),
        ("nothing", 502, "upstream_name", 0),
        ("servfail", 502, "upstream_name_failed", 0),
        ("refused", 502, "upstream_name_failed", 0),
        ("circle", 502, "upstream_name_failed", 0),
        ("huge", 502, "upstream_name_failed", 0),
        ("junk", 502, "upstream_name_failed", 0),
        ("silent", 504, "upstream_name_timeout", 3_000),
    ];
    let tables: String = expected.iter().map(|(name, ..)| at_host(name, 9)).collect();
    let config = format!("default_provider = \"offline\"\n{}{tables}", names.config());
    let server = Server::start(&config);
    std::thread::scope(|scope| {
        for (name, status, code, after_ms) in expected {
            let server = &server;
            scope.spawn(move || {
                let (response, took) = ask_while_probing(server, name);
                assert_eq!(
                    (response.status, response.problem()),
                    (status, code.to_owned()),
                    "{name}"
                );
                assert!(
                    took >= ms(after_ms) && took < ms(after_ms + 2_000),
                    "{name}: {took:?}"
                );
            });
        }
    });
    assert_eq!(server.metric("maitred_name_lookups_total"), 8.0);
    assert_eq!(server.metric("maitred_name_lookups_failed_total"), 8.0);
    assert!(server.metric("maitred_ledger_peak_bytes") < 4_000_000.0);
    let asking = "maitred_connections{side=\"name_server\",state=\"asking\"}";
    assert_eq!(server.metric(asking), 0.0, "no socket is left");
}

#[test]
fn a_provider_is_found_by_its_name_once_for_all() {
    let (names, provider) = (NameServer::of_this_machine(), provider());
    let table = at_host("llm", provider.addr.port());
    let server = Server::start(&format!("{}{table}", names.config()));
    for n in 0..5 {
        let response = server.ask(generate(&format!("tea {n}"), false));
        assert_eq!(response.status, 200, "{}", response.text());
    }
    assert_eq!(names.asked().len(), 2, "{:?}", names.asked());
    assert!(names.asked().iter().all(|question| !question.tcp));
    let host = format!("Host: llm.test:{}", provider.addr.port());
    assert!(
        provider.asked()[0]
            .text
            .to_lowercase()
            .contains(&host.to_lowercase())
    );
}

#[test]
fn an_answer_that_does_not_fit_a_datagram_comes_over_tcp() {
    let names = NameServer::start(|question| {
        let message = if question.tcp {
            this_machine(&question.asked)
        } else {
            question.asked.truncated()
        };
        vec![Say::Message(message)]
    });
    let provider = provider();
    let table = at_host("llm", provider.addr.port());
    let server = Server::start(&format!("{}{table}", names.config()));
    assert_eq!(server.ask(generate("tea", false)).status, 200);
    assert_eq!(
        names.asked().iter().filter(|question| question.tcp).count(),
        2
    );
}

#[test]
fn the_next_server_is_asked_when_the_first_is_silent_or_not_there() {
    let silent = NameServer::start(|_| vec![]);
    let nobody = crate::support::provider::nobody();
    let names = NameServer::of_this_machine();
    let provider = provider();
    let table = at_host("llm", provider.addr.port());
    for (first, least) in [(silent.addr, 1_000), (nobody, 0)] {
        let dns = format!("dns = [\"{first}\", \"{}\"]\n", names.addr);
        let server = Server::start(&format!("{dns}{table}"));
        let (response, took) = ask_while_probing(&server, "llm");
        assert_eq!(response.status, 200, "{}", response.text());
        assert!(took >= ms(least) && took < ms(least + 1_000), "{took:?}");
    }
}

/// Where an attacker wants the text to be asked for, and the key to be sent.
const EVIL: [u8; 4] = [127, 0, 0, 66];

#[test]
fn answers_that_somebody_slips_in_are_not_believed() {
    let evil = |asked: &Asked| asked.answer(0, &[a(&asked.name, 60, EVIL)], &[]);
    let names = NameServer::start(move |question| {
        let asked = &question.asked;
        let good = Say::Message(this_machine(asked));
        if asked.kind != A {
            return vec![good];
        }
        let wrong_id = Asked {
            id: !asked.id,
            ..asked.clone()
        };
        let wrong_name = Asked {
            name: "other.test".into(),
            ..asked.clone()
        };
        vec![
            Say::FromElsewhere(evil(asked)),
            Say::Message(evil(&wrong_id)),
            Say::Message(evil(&wrong_name)),
            Say::Wait(ms(100)),
            good,
        ]
    });
    let provider = provider();
    let table = at_host("llm", provider.addr.port());
    let server = Server::start(&format!("{}{table}", names.config()));
    let response = server.ask(generate("tea", false));
    assert_eq!(response.status, 200, "{}", response.text());
    // What comes from elsewhere is dropped by the kernel, before anybody can count it.
    assert_eq!(server.metric("maitred_dns_strays_total"), 2.0);
}

#[cfg(target_os = "linux")] // elsewhere 127.0.0.2 is not this machine
#[test]
fn a_dead_address_does_not_hold_the_next_one_up() {
    let names = NameServer::start(|question| {
        let asked = &question.asked;
        let both = [[127, 0, 0, 2], [127, 0, 0, 1]].map(|ip| a(&asked.name, 60, ip));
        let all = if asked.kind == A { &both[..] } else { &[] };
        vec![Say::Message(asked.answer(0, all, &[]))]
    });
    // The port of the one that lives may be taken at the other address.
    let (provider, _dead) = until("a port that is free at both addresses", || {
        let provider = provider();
        let dead = dead_listener(provider.addr.port()).ok()?;
        Some((provider, dead))
    });
    let port = provider.addr.port();
    let server = Server::start(&format!("{}{}", names.config(), at_host("llm", port)));
    let (response, took) = ask_while_probing(&server, "llm");
    assert_eq!(response.status, 200, "{}", response.text());
    assert!(took >= ms(250) && took < ms(2_500), "{took:?}");
}

/// A listener at 127.0.0.2 whose queue is full: connections to it are neither made nor refused.
#[cfg(target_os = "linux")]
fn dead_listener(port: u16) -> std::io::Result<Vec<socket2::Socket>> {
    use socket2::{Domain, Socket, Type};
    let address = std::net::SocketAddr::from(([127, 0, 0, 2], port)).into();
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    listener.bind(&address)?;
    listener.listen(0)?;
    let mut all = vec![listener];
    for _ in 0..4 {
        let client = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        client.set_nonblocking(true)?;
        // It is on its way, and for most of them stays there.
        let _ = client.connect(&address);
        all.push(client);
    }
    Ok(all)
}
