//! P23: name servers that do what they should not, under the guard of a drill. What exactly is told
//! in each case is in `tests/generate/names.rs`.

use crate::drill::{Drill, LIMITS};
use crate::sim::Sim;
use crate::support::dns_message::cname;
use crate::support::name_server::{NameServer, Question, Say, this_machine};
use crate::support::{ms, until};

/// What each name is answered with.
fn say(question: &Question) -> Vec<Say> {
    let asked = &question.asked;
    match asked.name.as_str() {
        "fake.test" => vec![Say::Message(this_machine(asked))],
        "nobody.test" => vec![Say::Message(asked.answer(3, &[], &[]))],
        "servfail.test" => vec![Say::Message(asked.answer(2, &[], &[]))],
        "circle.test" => {
            let there = cname("circle.test", 60, "b.test");
            let back = cname("b.test", 60, "circle.test");
            vec![Say::Message(asked.answer(0, &[there, back], &[]))]
        }
        "huge.test" if question.tcp => vec![Say::Bytes(vec![0xFF; 1024 * 1024])],
        "huge.test" => vec![Say::Message(asked.truncated())],
        _ => vec![], // silence
    }
}

#[test]
fn p23_name_servers_that_do_what_they_should_not() {
    let (sim, servers) = (Sim::start(), NameServer::start(say));
    let port = sim.addr.port();
    let table = |name: &str| {
        format!(
            "[provider.{name}]\nbase_url = \"http://{name}.test:{port}/v1\"\nmodel = \"sim\"\n{LIMITS}"
        )
    };
    let troubles = [
        ("nobody", 502, "upstream_name"),
        ("servfail", 502, "upstream_name_failed"),
        ("circle", 502, "upstream_name_failed"),
        ("huge", 502, "upstream_name_failed"),
        ("silent", 504, "upstream_name_timeout"),
    ];
    let tables: String = troubles.iter().map(|(name, ..)| table(name)).collect();
    let drill = Drill::with(&servers.config(), &(table("fake") + &tables));
    std::thread::scope(|scope| {
        for (name, status, code) in troubles {
            let drill = &drill;
            scope.spawn(move || {
                let told = drill.ask_of(name, false);
                assert_eq!(told.failure(), (status, code), "{name}");
                // The limit of a look-up is 3 s.
                assert!(told.took < ms(4_500), "{name}: {told:?}");
            });
        }
        // Meanwhile, whoever has a good name is served as ever.
        until("texts beside it", || {
            assert!(drill.ask("sim", true).is_whole());
            (sim.stat("calls") >= 50).then_some(())
        });
    });
    assert_eq!(
        sim.stat("calls"),
        sim.stat("completed"),
        "nobody else was asked"
    );
    drill.end((sim, servers));
}
