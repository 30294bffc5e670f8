//! Faults on purpose, and what everybody else notices of them: nothing.
//!
//! One drill at a time: they measure, and would measure each other.
#![allow(clippy::unwrap_used)]
#![allow(clippy::print_stdout, reason = "figures and seeds for whoever runs it")]

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use maitred::limits::SEND_LOW_BYTES;
use support::client::post;
use support::crowd::{self, Fate};
use support::{Client, House, Provider, Script, Server, database, generate, get, ms, process};

/// Held for the length of a drill.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The 99th of a hundred probes, while four clients analyse and generate all the time.
fn p99_of_probes(server: &Server) -> Duration {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let over = &over;
            scope.spawn(move || {
                for n in 0.. {
                    if over.load(Ordering::Relaxed) {
                        return;
                    }
                    let topic = format!("topic {worker} {n}");
                    assert_eq!(server.ask(generate(&topic, false)).status, 200);
                    let text = post("/analyze/", r#"{"content":"I love tea."}"#);
                    assert_eq!(server.ask(text).status, 200);
                }
            });
        }
        let mut client = server.connect();
        let mut times: Vec<Duration> = (0..300)
            .map(|_| {
                std::thread::sleep(ms(5));
                let asked = Instant::now();
                assert_eq!(client.send(get("/healthz")).response().status, 200);
                asked.elapsed()
            })
            .collect();
        over.store(true, Ordering::Relaxed);
        times.sort();
        times[times.len() * 99 / 100]
    })
}

#[test]
fn a_stalled_scorer_and_a_stalled_writer_do_not_move_a_probe() {
    let _alone = alone();
    let quick = "[offline]\ngap_ms = 0\ntokens = 20\n";
    let stalled = format!("{quick}[drill]\nstall_scorer_ms = 100\nstall_writer_ms = 100\n");
    let (free, stalled) = (Server::start(quick), Server::start(&stalled));
    // On a machine that others use as well a measurement may go wrong, but not three times: if the
    // loop waited for either thread, every one of them would be over 100 ms.
    let calm = (0..3).any(|_| {
        let [without, with] = [&free, &stalled].map(p99_of_probes);
        println!("p99 of /healthz: {without:?}, with a stall {with:?}");
        with < ms(20)
    });
    assert!(calm, "three times over 20 ms");
    let asked = Instant::now();
    assert_eq!(stalled.ask(generate("tea", false)).status, 200);
    assert!(asked.elapsed() >= ms(200), "the stalls were real");
}

#[test]
fn a_stall_of_the_loop_itself_is_reported() {
    let _alone = alone();
    let server = Server::start("[drill]\nstall_loop_ms = 120\n");
    assert_eq!(server.ask(get("/healthz")).status, 200);
    support::until("a line about a long turn", || {
        server.log().contains("WARN").then_some(())
    });
}

#[test]
fn a_panic_of_a_scorer_is_the_trouble_of_one_request() {
    let _alone = alone();
    let server = Server::start("[drill]\npanic_scorer_on = \"kaboom\"\n");
    let score = |text: &str| server.ask(post("/analyze/", &format!("{{\"content\":\"{text}\"}}")));
    std::thread::scope(|scope| {
        let others: Vec<_> = (0..40)
            .map(|n| scope.spawn(move || score(&format!("A fine text, number {n}.")).status))
            .collect();
        for _ in 0..5 {
            let response = score("Here it says kaboom.");
            assert_eq!(
                (response.status, response.problem().as_str()),
                (500, "worker_panicked")
            );
        }
        for other in others {
            assert_eq!(other.join().unwrap(), 200);
        }
    });
    assert_eq!(score("And still.").status, 200, "the thread is back");

    // A text that was paid for is not lost over its scores.
    let provider = Provider::start(|_| Script::whole("It says kaboom."));
    let drill = "[drill]\npanic_scorer_on = \"kaboom\"\n";
    let server = Server::start(&(provider.config("") + drill));
    let answer = server.ask(generate("tea", false)).json();
    assert_eq!(answer["generated_text"], "It says kaboom.");
    assert_eq!(
        (&answer["readability"], &answer["stored"]),
        (&().into(), &true.into())
    );
}

#[test]
fn sigterm_under_load_cuts_nothing_silently() {
    let _alone = alone();
    let server = Server::start(
        "[limits]\nshutdown_ms = 600\n[offline]\ngap_ms = 20\ntokens = 10000\n\
         [drill]\nstall_scorer_ms = 150\n",
    );
    let mut streams: Vec<Client> = (0..20)
        .map(|n| {
            let mut client = server.connect();
            client.send(generate(&format!("topic {n}"), true)).head();
            client
        })
        .collect();
    let mut analysing = server.connect();
    analysing.send(post("/analyze/", r#"{"content":"I love tea."}"#));
    let mut idle = server.connect();
    idle.send(get("/healthz")).response();
    let mut late = server.connect();
    late.send("GET /healthz HTTP/1.1\r\nHo");
    support::until("the analysis to begin", || {
        (server.total("maitred_queue_running") >= 1.0).then_some(())
    });

    let asked = Instant::now();
    server.terminate();
    assert!(idle.is_closed_within(ms(500)), "nothing is going on there");
    assert_eq!(
        analysing.response().status,
        200,
        "what was in flight is answered"
    );
    for client in &mut streams {
        let last = client.events().pop().unwrap();
        assert_eq!(
            (last.name.as_str(), last.json()["code"].as_str()),
            ("error", Some("shutting_down"))
        );
    }
    drop((streams, analysing, idle, late));
    let ended = server.wait();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    assert!(asked.elapsed() < ms(5000), "{:?}", asked.elapsed());
    let db = database::open(&ended.house.data());
    assert_eq!(
        database::check(&db).len(),
        20,
        "what there was of each text is stored"
    );
    let cut = "SELECT count(*) FROM generated_content WHERE state = 'truncated'";
    assert_eq!(database::count(&db, cut), 20);
}

#[test]
fn sigterm_closes_the_door_while_streams_go_on_and_a_second_one_cuts_them() {
    let _alone = alone();
    let slow = "[offline]\ngap_ms = 20\ntokens = 10000\n";
    let server = Server::start(slow);
    let mut inside = server.connect();
    inside.send(generate("tea", true)).head();
    server.terminate();
    support::until("a refusal", || {
        let refused = std::net::TcpStream::connect(server.addr).err()?;
        (refused.kind() == std::io::ErrorKind::ConnectionRefused).then_some(())
    });
    let successor = std::net::TcpListener::bind(server.addr).unwrap();
    assert_ne!(inside.event().unwrap().name, "error", "the stream goes on");

    let asked = Instant::now();
    process::signal(server.pid(), "INT");
    let ended = server.wait();
    assert!(asked.elapsed() < ms(5000), "{:?}", asked.elapsed());
    assert_eq!(ended.status.code(), Some(1), "{}", ended.log);
    assert!(ended.log.contains("were cut off"), "{}", ended.log);
    drop((successor, inside));
}

#[test]
fn sigterm_without_load_ends_at_once() {
    let _alone = alone();
    for signal in ["TERM", "INT"] {
        let server = Server::start("");
        let mut idle = server.connect();
        idle.send(get("/healthz")).response();
        let asked = Instant::now();
        process::signal(server.pid(), signal);
        assert!(idle.is_closed_within(ms(2000)));
        drop(idle);
        assert_eq!(server.wait().status.code(), Some(0));
        assert!(asked.elapsed() < ms(3000), "{:?}", asked.elapsed());
    }
}

#[test]
fn two_thousand_streams_run_to_their_end() {
    let _alone = alone();
    const STREAMS: usize = 2_000;
    let files = rlimit::increase_nofile_limit(2 * STREAMS as u64).unwrap();
    assert!(
        files > STREAMS as u64 + 100,
        "only {files} open files are allowed here"
    );
    let server = Server::start("[offline]\ngap_ms = 100\ntokens = 20\n");
    let requests = (0..STREAMS)
        .map(|n| generate(&format!("topic {n}"), true))
        .collect();
    let started = Instant::now();
    let members = crowd::run(server.addr, requests, ms(60_000));
    println!("{STREAMS} streams in {:?}", started.elapsed());
    for (n, member) in members.iter().enumerate() {
        let shown = String::from_utf8_lossy(&member.bytes);
        assert_eq!(member.fate, Fate::Complete, "{n}: {shown}");
        assert!(
            member.has("event: done\n") && !member.has("event: error\n"),
            "{n}: {shown}"
        );
    }
    let house = server.kill();
    assert_eq!(
        database::check(&database::open(&house.data())).len(),
        STREAMS
    );
}

#[test]
#[cfg(target_os = "linux")]
fn out_of_files_it_neither_spins_nor_dies() {
    let _alone = alone();
    let limit = "ulimit -n 256";
    let server = Server::start_after(House::new(), "", limit);
    let crowd: Vec<std::net::TcpStream> = (0..400)
        .map(|_| std::net::TcpStream::connect(server.addr).unwrap())
        .collect();
    // Those inside are served.
    let mut first = Client::new(crowd[0].try_clone().unwrap());
    assert_eq!(first.send(get("/healthz")).response().status, 200);
    assert!(process::open_files(server.pid()) <= 256);
    let before = process::processor_time(server.pid());
    std::thread::sleep(ms(1000));
    let used = process::processor_time(server.pid()) - before;
    assert!(used < ms(200), "{used:?} of one second");
    // As they leave, the others come in.
    let mut last = Client::new(crowd[399].try_clone().unwrap());
    drop((first, crowd));
    assert_eq!(last.send(get("/healthz")).response().status, 200);
}

#[test]
#[cfg(target_os = "linux")]
fn files_come_back_after_a_crowd_has_left() {
    let _alone = alone();
    let server = Server::start("");
    assert_eq!(server.ask(get("/healthz")).status, 200);
    let before = process::open_files(server.pid());
    for round in 0..3 {
        let mut crowd: Vec<Client> = (0..200)
            .map(|n| {
                let mut client = server.connect();
                client.send(generate(&format!("topic {round} {n}"), true));
                client
            })
            .collect();
        for client in &mut crowd {
            assert_eq!(client.head().status, 200);
        }
        // A few of those that asked before may have been counted, and have gone since.
        assert!(process::open_files(server.pid()) > before + 190);
        for (n, client) in crowd.into_iter().enumerate() {
            if n % 2 == 0 {
                client.reset()
            } else {
                drop(client)
            }
        }
        support::until("as many open files as before", || {
            (process::open_files(server.pid()) <= before + 5).then_some(())
        });
    }
    assert_eq!(server.ask(get("/healthz")).status, 200);
}

#[test]
fn a_process_that_stood_still_goes_on() {
    let _alone = alone();
    let limits = "[limits]\nkeep_alive_ms = 500\nhead_ms = 500\n";
    let server = Server::start(limits);
    let mut idle = server.connect();
    idle.send(get("/healthz")).response();
    let mut half = server.connect();
    half.send("GET /healthz HTTP/1.1\r\nHo");
    process::signal(server.pid(), "STOP");
    std::thread::sleep(ms(1000));
    process::signal(server.pid(), "CONT");
    let asked = Instant::now();
    assert_eq!(
        server.ask(get("/healthz")).status,
        200,
        "a fresh one is served"
    );
    assert!(asked.elapsed() < ms(500), "{:?}", asked.elapsed());
    assert!(
        idle.is_closed_within(ms(2000)),
        "what has expired is closed"
    );
    assert_eq!(half.response().status, 408);
}

#[test]
fn a_terminal_that_closes_does_not_end_it() {
    let _alone = alone();
    let server = Server::start("");
    process::signal(server.pid(), "HUP");
    process::signal(server.pid(), "PIPE");
    assert_eq!(server.ask(get("/healthz")).status, 200);
    assert_eq!(server.ask(get("/healthz")).status, 200);
}

/// Twenty clients ask for much and read none of it.
#[test]
#[cfg(target_os = "linux")]
fn readers_that_do_not_read_stop_their_provider_and_are_cut() {
    let _alone = alone();
    // Each character is six in JSON: more than the kernel keeps for anybody.
    let page = "\u{1}".repeat(16 * 1024);
    let provider = Provider::start(move |_| Script::streamed(&[page.as_str(); 240], ms(0)));
    let config = "[limits]\nwrite_stall_ms = 1500\nresume_grace_ms = 0\n";
    let server = Server::start(&format!("{config}{}", provider.config("")));
    assert_eq!(server.ask(get("/healthz")).status, 200);
    let files = process::open_files(server.pid());
    let clients: Vec<Client> = (0..20)
        .map(|n| {
            let mut client = Client::connect_narrow(server.addr);
            client.send(generate(&format!("topic {n}"), true));
            client
        })
        .collect();
    // Each provider is still sending when its reader is cut: it was read only as far as that.
    provider.wait_for_deserters(20);
    assert_eq!(server.metric("maitred_slow_readers_total"), 20.0);
    let peak = server.metric("maitred_ledger_peak_bytes");
    assert!(peak < 20.0 * 4e6, "{peak} bytes for twenty readers");
    support::until("as many open files as before", || {
        (process::open_files(server.pid()) <= files + 5).then_some(())
    });
    drop(clients);
}

/// What the kernel swallows for a client that reads nothing is no more than our own marks say, so
/// that the provider is paused early.
#[test]
#[cfg(target_os = "linux")]
fn the_kernel_does_not_hide_a_reader_that_does_not_read() {
    let _alone = alone();
    const MEGABYTES: usize = 24;
    let page = "\u{1}".repeat(16 * 1024); // six times as long in JSON
    let pages = MEGABYTES * 1024 * 1024 / (6 * page.len());
    let provider = Provider::start(move |_| Script::streamed(&vec![page.as_str(); pages], ms(0)));
    let server = Server::start(&provider.config(""));
    let mut client = server.connect();
    client.send(generate("tea", true)).head();
    let held = || process::longest_send_queue(server.addr.port());
    let queue = support::until("a queue that has stopped growing", || {
        let before = held();
        std::thread::sleep(ms(400));
        (before > 0 && held() == before).then_some(before)
    });
    println!("{queue} bytes in the kernel");
    // The mark, and the segment that crosses it.
    assert!(queue < 2 * SEND_LOW_BYTES as u64, "{queue}");
}
