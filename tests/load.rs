//! The load generator finds what is right and what is wrong: against the real server, and against
//! a provider that misbehaves.

mod support;

#[path = "../examples/load/generator/mod.rs"]
mod generator;

use clap::Parser;
use generator::{Options, Report};
use support::{Act, Provider, Script, Server, ms};

/// Runs `load SERVER ARGUMENTS…`.
fn load(server: std::net::SocketAddr, arguments: &str) -> Report {
    let line = format!("load {server} {arguments}");
    let options = Options::try_parse_from(line.split(' ')).expect("a right command line");
    generator::run(&options).expect("it can be measured")
}

#[test]
fn a_closed_loop_keeps_every_connection_busy() {
    let server = Server::start("");
    let report = load(server.addr, "health -c 50 --requests 2000 --ramp-s 0");
    assert_eq!(
        (report.answers, report.errors.total()),
        (2000, 0),
        "{report}"
    );
    assert_eq!(report.latency_us.count, 2000);
    assert_eq!(report.connected, 50);
}

#[test]
fn an_open_loop_keeps_its_rate_and_measures_from_the_intended_time() {
    // One connection, an answer after 50 ms, and forty requests a second: each waits for those
    // before it, so that the last of twenty is about half a second late.
    let slow = Provider::start(|_| {
        let mut script = Script::default().wait(ms(50));
        script.0.extend(Script::whole("tea").0);
        script
    });
    let report = load(slow.addr, "chat -c 1 --rate 40 --requests 20 --ramp-s 0");
    assert_eq!((report.answers, report.errors.total()), (20, 0), "{report}");
    assert!(report.latency_us.max > 400_000.0, "{report}");
    assert!(report.late_us.max > 350_000.0, "{report}");
}

#[test]
fn streams_are_followed_to_their_last_event() {
    let server = Server::start("[offline]\ngap_ms = 1\ntokens = 30\n");
    let report = load(
        server.addr,
        "stream -c 100 --requests 100 --tokens 30 --ramp-s 0",
    );
    assert_eq!(
        (report.answers, report.errors.total()),
        (100, 0),
        "{report}"
    );
    assert_eq!(report.tokens, 3000);
    let [first, gap] = [report.first_token_us, report.token_gap_us];
    assert_eq!(first.map(|summary| summary.count), Some(100));
    assert_eq!(gap.map(|summary| summary.count), Some(2900));
}

#[test]
fn a_server_that_closes_after_each_answer_is_met_anew() {
    let closing = Provider::start(|_| {
        let mut script = Script::whole("tea");
        script.0.push(Act::Close);
        script
    });
    let report = load(
        closing.addr,
        "chat -c 3 --requests 30 --text-bytes 3 --ramp-s 0",
    );
    assert_eq!((report.answers, report.errors.total()), (30, 0), "{report}");
    assert!(report.connected >= 30);
}

#[test]
fn every_kind_of_wrong_answer_is_an_error_of_its_kind() {
    let wrong = Provider::start(|asked| match asked.before % 4 {
        0 => Script::status(503, "", "{}"),
        1 => Script(vec![
            Act::Send(b"HTTP/1.1 200 OK\r\nContent-Le".to_vec()),
            Act::Close,
        ]),
        2 => Script::whole("another text"),
        _ => Script::default().send("SSH-2.0\r\n\r\n"),
    });
    let report = load(
        wrong.addr,
        "chat -c 1 --requests 4 --text-bytes 3 --ramp-s 0",
    );
    let errors = &report.errors;
    let kinds = [errors.status, errors.cut, errors.wrong, errors.protocol];
    assert_eq!((kinds, report.answers), ([1; 4], 0), "{report}");
}

#[test]
fn a_stream_without_its_last_event_is_wrong_though_it_is_framed() {
    let cut = Provider::start(|_| {
        let mut script = Script::streamed(&["green", " tea"], ms(0));
        script
            .0
            .retain(|act| !matches!(act, Act::Send(bytes) if bytes.ends_with(b"0\r\n\r\n")));
        script.send("0\r\n\r\n")
    });
    let report = load(cut.addr, "chat-stream -c 1 --requests 2 --ramp-s 0");
    assert_eq!((report.errors.wrong, report.tokens), (2, 4), "{report}");
}

#[test]
fn silence_is_a_time_out_and_nobody_there_an_error_of_connecting() {
    let silent = Provider::start(|_| Script(vec![Act::Hang]));
    let report = load(
        silent.addr,
        "chat -c 2 --requests 2 --timeout-s 0.3 --ramp-s 0",
    );
    assert_eq!(report.errors.timeout, 2, "{report}");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    let report = load(
        nobody.expect("a free port"),
        "health -c 2 --requests 2 --ramp-s 0",
    );
    assert_eq!(report.errors.connect, 2, "{report}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_watched_thread_is_charged_for_its_work() {
    let server = Server::start("");
    let pid = server.pid();
    let report = load(
        server.addr,
        &format!("health -c 8 --requests 2000 --watch {pid}"),
    );
    let watched = serde_json::to_value(&report.watched).expect("plain figures");
    assert_eq!(watched[0]["name"], "maitred");
    assert!(
        watched[0]["cpu_s"].as_f64().is_some_and(|cpu| cpu > 0.001),
        "{watched}"
    );
    assert!(
        watched[0]["rss_max_kib"]
            .as_u64()
            .is_some_and(|kib| kib > 1000),
        "{watched}"
    );
}
