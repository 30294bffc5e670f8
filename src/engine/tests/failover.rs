//! Two targets: whatever the first one does before any content, the client has its text from the
//! second.

use super::openai::{self, END, STREAM, answer, done, event, finish, word};
use super::world::TWO;
use super::{RETRIED, World};
use crate::engine::ConnId;
use crate::engine::failover::Failover;
use crate::engine::io::{Gone, ResolveFault};
use crate::store::RequestOutcome;

const TEA: &str = r#"{"topic":"tea","model":"smart"}"#;
const STREAMED: &str = r#"{"topic":"tea","model":"smart","stream":true}"#;

fn topic(n: usize) -> String {
    format!(r#"{{"topic":"tea {n}","model":"smart"}}"#)
}

impl World {
    /// The only open connection to this provider, which is known by the last number of its address.
    pub(super) fn at(&self, host: u8) -> ConnId {
        let open = self.all_at(host);
        assert_eq!(open.len(), 1, "connections to 10.0.0.{host}");
        open[0]
    }

    pub(super) fn all_at(&self, host: u8) -> Vec<ConnId> {
        let is = |id: &ConnId| {
            let to = self.sockets[id].to.map(|to| to.ip().to_string());
            to == Some(format!("10.0.0.{host}"))
        };
        self.upstreams().into_iter().filter(is).collect()
    }

    /// The second provider answers, and that is the client's answer.
    fn second_answers(&mut self, client: ConnId) {
        self.send(self.at(2), openai::whole("Tea."));
        let reply = self.reply(client);
        let text = reply.json();
        assert_eq!(
            (reply.status, text["generated_text"].as_str()),
            (200, Some("Tea."))
        );
        assert_eq!(text["provider"], "b");
        assert_eq!(reply.field("x-maitred-attempts"), Some("2"));
        assert_eq!(self.store.requests.len(), 1, "one row, whatever it took");
        let row = self.store.request();
        assert_eq!(row.outcome, RequestOutcome::Ok);
        assert_eq!(row.provider.as_deref(), Some("b"));
        assert_eq!(self.metric("failovers_total"), 1.0);
        assert_eq!(self.metric("calls_retried_total"), 0.0, "nobody has waited");
    }
}

#[test]
fn whatever_the_first_answers_the_second_is_asked_at_once() {
    let broken = [STREAM, &event(r#"{"error":{"type":"overloaded_error"}}"#)].concat();
    let role = event(r#"{"model":"old","choices":[{"index":0,"delta":{"role":"assistant"}}]}"#);
    let quota = r#"{"error":{"code":"insufficient_quota"}}"#;
    let spoilt = event(r#"{"choices":[{"delta":{"content":"Coffee"},"finish_reason":"error"}]}"#);
    for first in [
        answer(500, "", "{}"),
        answer(529, "", "{}"),
        answer(429, "", "{}"),
        answer(429, "Retry-After: 30\r\n", "{}"),
        answer(429, "", r#"{"error":{"details":[{"retryDelay":"3s"}]}}"#),
        answer(429, "", quota),
        answer(401, "", "{}"),
        answer(403, "", "{}"),
        answer(404, "", "{}"),
        answer(200, "", "this is no JSON"),
        "this is no HTTP\r\n\r\n".to_owned(),
        broken,
        [STREAM, &role, &done(), END].concat(),
        [STREAM, &spoilt].concat(),
        answer(200, "", r#"{"choices":[{"message":{"content":"Coffee"}}]}"#),
    ] {
        let mut world = World::new(TWO);
        let client = world.post("/generate/", TEA);
        world.send(world.at(1), &first);
        assert!(world.is_quiet(client), "{first}");
        world.second_answers(client);
    }
}

#[test]
fn whatever_becomes_of_the_connection_to_the_first() {
    let ends: [fn(&mut World, ConnId); 4] = [
        |world, conn| world.reset(conn, Gone::Reset),
        |world, conn| world.end(conn),
        |world, conn| {
            world.send(conn, STREAM);
            world.end(conn);
        },
        |world, conn| {
            world.send(conn, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{");
            world.reset(conn, Gone::Reset);
        },
    ];
    for ends in ends {
        let mut world = World::new(TWO);
        let client = world.post("/generate/", TEA);
        let first = world.at(1);
        ends(&mut world, first);
        world.settle();
        world.second_answers(client);
    }
}

#[test]
fn a_first_that_is_not_there() {
    let mut world = World::new(TWO);
    world.slow_network = true;
    let client = world.post("/generate/", TEA);
    world.reset(world.at(1), Gone::Refused);
    world.slow_network = false;
    world.settle();
    world.second_answers(client);

    let named = TWO.replace("10.0.0.1:8000", "a.test:8000");
    let mut world = World::new(&named);
    world.slow_network = true;
    let client = world.post("/generate/", TEA);
    world.resolve(0, Err(ResolveFault::NoSuchName));
    world.slow_network = false;
    world.settle();
    world.second_answers(client);
}

#[test]
fn a_first_that_hangs_before_its_head_or_before_its_first_content() {
    for said in ["", STREAM, &[STREAM, &event("{}")].concat()] {
        let mut world = World::new(TWO);
        let client = world.post("/generate/", STREAMED);
        let first = world.at(1);
        world.send(first, said);
        world.pass(9_999);
        assert!(world.is_quiet(client) && world.all_at(2).is_empty());
        world.pass(1);
        let closed = world.sockets[&first].closed.is_some();
        assert!(closed, "the slow call is aborted");
        world.send(world.at(2), openai::stream(&["Tea", "."]));
        let reply = world.reply(client);
        assert_eq!(reply.text(), "Tea.", "{said}");
        let why: Vec<Failover> = world.engine.failovers().collect();
        assert_eq!(why.len(), 1);
        assert_eq!((&*why[0].from, &*why[0].to), ("a/m", "b/n"));
        assert!(why[0].why.starts_with("upstream_first_"), "{why:?}");
    }
}

#[test]
fn a_connection_that_is_never_opened_is_slow_too() {
    let mut world = World::new(TWO);
    world.slow_network = true;
    let client = world.post("/generate/", STREAMED);
    world.pass(3_000);
    world.slow_network = false;
    world.settle();
    world.send(world.at(2), openai::stream(&["Tea."]));
    assert_eq!(world.reply(client).text(), "Tea.");
}

#[test]
fn an_answer_that_is_not_streamed_is_not_slow() {
    let mut world = World::new(TWO);
    let client = world.post("/generate/", TEA);
    world.pass(30_000);
    assert!(world.all_at(2).is_empty());
    world.send(world.at(1), openai::whole("Tea."));
    assert_eq!(world.reply(client).json()["provider"], "a");
}

#[test]
fn who_is_slow_again_and_again_is_not_waited_for_by_the_others() {
    let mut world = World::new(TWO);
    for n in 0..5 {
        world.post("/generate/", &topic(n).replace('}', r#","stream":true}"#));
    }
    world.pass(10_000);
    assert_eq!(world.all_at(2).len(), 5);
    world.post("/generate/", &topic(9));
    assert_eq!(world.all_at(2).len(), 6, "at once");
}

#[test]
fn the_only_one_that_does_not_rest_may_be_slow() {
    let mut world = World::new(TWO);
    let client = world.post("/generate/", STREAMED);
    let other = world.post("/generate/", &topic(1));
    // The second provider is asked by nobody until it is resting.
    let [first, second] = world.all_at(1)[..] else {
        panic!("two calls at the first");
    };
    world.send(second, answer(500, "", "{}"));
    world.send(world.at(2), answer(429, "Retry-After: 60\r\n", "{}"));
    world.pass(14_000);
    assert!(world.is_quiet(client));
    world.send(first, openai::stream(&["Tea."]));
    assert_eq!(world.reply(client).text(), "Tea.");
    world.reply(other);
}

#[test]
fn once_there_is_content_nothing_is_asked_of_anybody_else() {
    let mut world = World::new(TWO);
    let client = world.post("/generate/", STREAMED);
    world.send(world.at(1), [STREAM, &word("Tea is")].concat());
    world.reset(world.at(1), Gone::Reset);
    world.settle();
    let last = world.reply(client).events().pop().unwrap();
    assert_eq!(last.data["code"], "upstream_broken");
    assert!(world.all_at(2).is_empty());
}

#[test]
fn what_the_request_deserves_is_not_asked_of_somebody_else() {
    for status in [400, 413, 422] {
        let mut world = World::new(TWO);
        let client = world.post("/generate/", TEA);
        world.send(world.at(1), answer(status, "", "{}"));
        let problem = (502, "upstream_rejected".to_owned());
        assert_eq!(world.reply(client).problem(), problem);
        assert_eq!(world.metric("calls_total"), 1.0);
    }
}

#[test]
fn of_the_first_nothing_is_left_in_the_answer() {
    let mut world = World::new(TWO);
    let client = world.post("/generate/", TEA);
    let role = event(r#"{"model":"old","choices":[{"index":0,"delta":{"role":"assistant"}}]}"#);
    let usage = event(r#"{"choices":[],"usage":{"prompt_tokens":99,"completion_tokens":99}}"#);
    let first = world.at(1);
    world.send(first, [STREAM, &role, &usage].concat());
    world.end(first);
    world.settle();
    let no_usage =
        event(r#"{"choices":[{"index":0,"delta":{"content":"Tea."},"finish_reason":"stop"}]}"#);
    world.send(world.at(2), [STREAM, &no_usage, &done(), END].concat());
    let reply = world.reply(client).json();
    assert_eq!(
        (&reply["model"], &reply["usage"]["prompt_tokens"]),
        (&"n".into(), &().into())
    );
}

#[test]
fn when_all_have_failed_those_that_may_heal_are_asked_again() {
    let mut world = World::new(TWO);
    let client = world.post("/generate/", TEA);
    world.send(world.at(1), answer(503, "", "{}"));
    world.send(world.at(2), answer(401, "", "{}"));
    assert!(world.is_quiet(client));
    world.pass(500);
    world.send(world.at(1), openai::whole("Tea."));
    let reply = world.reply(client);
    assert_eq!(
        reply.json()["provider"],
        "a",
        "the key of the other is wrong"
    );
    assert_eq!(reply.field("x-maitred-attempts"), Some("3"));
}

#[test]
fn what_is_told_is_what_may_pass() {
    let mut world = World::new(&TWO.replace("retries = 2", "retries = 0"));
    let client = world.post("/generate/", TEA);
    world.send(world.at(1), answer(503, "", "{}"));
    world.send(world.at(2), answer(401, "", "{}"));
    let reply = world.reply(client);
    assert_eq!(reply.problem(), (502, "upstream_unavailable".to_owned()));
    assert_eq!(reply.field("x-should-retry"), None);
}

#[test]
fn failover_costs_the_retry_budget_nothing() {
    let mut world = World::new(TWO);
    for n in 0..40 {
        let client = world.post("/generate/", &topic(n));
        if world.all_at(1).iter().any(|id| !world.is_quiet(*id)) {
            let first = world.at(1);
            world.sockets.get_mut(&first).unwrap().got.clear();
            world.send(first, answer(429, "", "{}"));
        }
        let second = world.at(2);
        world.sockets.get_mut(&second).unwrap().got.clear();
        world.send(second, openai::whole("Tea."));
        assert_eq!(world.reply(client).status, 200, "{n}");
    }
    assert_eq!(world.metric("failovers_total"), 40.0);
    assert_eq!(
        world.metric(r#"retry_budget_exhausted_total{provider="a"}"#),
        0.0
    );
}

#[test]
fn a_full_line_and_a_long_wait_are_reasons_too() {
    let one = TWO.replace(
        "[provider.b]",
        "concurrency = 1\nqueue_calls = 1\n[provider.b]",
    );
    let mut world = World::new(&one);
    for n in 0..3 {
        world.post("/generate/", &topic(n));
    }
    let counts = |world: &World| (world.all_at(1).len(), world.all_at(2).len());
    assert_eq!(counts(&world), (1, 1), "one in line, the third elsewhere");
    world.pass(60_000);
    assert_eq!(counts(&world), (1, 2));
}

#[test]
fn a_client_that_leaves_takes_its_call_with_it_wherever_it_is() {
    let mut world = World::new(TWO);
    let client = world.post("/generate/", TEA);
    world.send(world.at(1), answer(500, "", "{}"));
    let second = world.at(2);
    world.end(client);
    world.settle();
    assert!(world.sockets[&second].closed.is_some());
    world.holds_nothing();
}

#[test]
fn a_model_that_nobody_has_is_told_with_one_that_somebody_has() {
    let listed = TWO.replace("model = 'm'", "model = 'm'\nmodels = ['m']");
    let mut world = World::new(&listed);
    let client = world.post("/generate/", r#"{"topic":"tea","model":"smrt"}"#);
    let reply = world.reply(client);
    assert_eq!(reply.problem(), (422, "invalid_field".to_owned()));
    let detail = reply.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("smart is one"), "{detail}");
}

#[test]
fn equals_share_the_load_by_what_they_have_to_do() {
    let shared = TWO.replace(
        "['a', 'b']",
        "[{ target = 'a', priority = 1 }, { target = 'b', priority = 1 }]",
    );
    let mut world = World::new(&shared);
    for n in 0..10 {
        world.post("/generate/", &topic(n));
    }
    assert_eq!((world.all_at(1).len(), world.all_at(2).len()), (5, 5));
}

#[test]
fn of_equals_the_one_that_is_ten_times_slower_gets_little_of_the_work() {
    let shared = TWO.replace(
        "['a', 'b']",
        "[{ target = 'a', priority = 1 }, { target = 'b', priority = 1 }]",
    );
    let mut world = World::new(&shared);
    let (mut asked, mut served) = (0, [0, 0]);
    for tenth in 0..200 {
        // Three at a time: whoever has its answer is followed by another.
        while world.metric("calls") < 3.0 {
            world.post("/generate/", &topic(asked));
            asked += 1;
        }
        world.pass(100);
        for host in if tenth % 10 == 9 { [1, 2] } else { [2, 2] } {
            for id in world.all_at(host) {
                if !world.is_quiet(id) {
                    world.sockets.get_mut(&id).unwrap().got.clear();
                    world.send(id, openai::whole("Tea."));
                    served[usize::from(host) - 1] += 1;
                }
            }
        }
        for id in world.open_sockets() {
            if world.sockets[&id].to.is_none() && !world.is_quiet(id) {
                world.reset(id, Gone::Reset); // it has its answer
            }
        }
    }
    assert!(served[0] * 5 <= served[1] && served[0] > 0, "{served:?}");
}

#[test]
fn with_one_target_all_is_as_it_was() {
    let mut world = World::new(RETRIED);
    let client = world.post("/generate/", r#"{"topic":"tea","stream":true}"#);
    world.pass(20_000);
    world.answer([STREAM, &word("Tea."), &finish(), &done(), END].concat());
    assert_eq!(world.reply(client).text(), "Tea.");
    assert_eq!(world.metric("failovers_total"), 0.0);
}
