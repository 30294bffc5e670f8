//! How many system calls a tiny request costs the loop: one read, one write, and its share of a
//! poll.
#![allow(clippy::unwrap_used)]
#![allow(clippy::print_stdout, reason = "figures and seeds for whoever runs it")]
#![cfg(target_os = "linux")]

mod support;

use support::{Client, House, Server, get};

const CONNECTIONS: usize = 64;
/// Fewer than a connection may have (1,000), and enough for the calls of the start not to count.
const ROUNDS: usize = 950;

#[test]
#[ignore = "needs strace"]
fn a_tiny_request_costs_two_system_calls() {
    let house = House::new();
    let summary = house.path().join("strace");
    // Without -f only the main thread, which is the loop. With -D the process that is started is
    // the server itself, and strace is beside it.
    let strace = format!("exec strace -D -c -o {} \"$0\" \"$@\"", summary.display());
    let server = Server::start_after(house, "", &strace);
    let mut clients: Vec<Client> = (0..CONNECTIONS).map(|_| server.connect()).collect();
    for _ in 0..ROUNDS {
        for client in &mut clients {
            client.send(get("/healthz"));
        }
        for client in &mut clients {
            assert_eq!(client.response().status, 200);
        }
    }
    drop(clients);
    server.terminate();
    let ended = server.wait();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    let table = support::until("strace's summary", || {
        let text = std::fs::read_to_string(&summary).ok()?;
        text.contains(" total").then_some(text)
    });
    // `% time, seconds, usecs/call, calls, errors (or nothing), name`
    let total = table.lines().find(|line| line.ends_with(" total")).unwrap();
    let calls: f64 = total.split_whitespace().nth(3).unwrap().parse().unwrap();
    // Start, connections and end are in it, too: about 1,300 calls.
    let each = calls / (CONNECTIONS * ROUNDS) as f64;
    println!("{each:.3} system calls for each request\n{table}");
    assert!(each <= 2.1, "{each}\n{table}");
}
