//! A client that hangs up: the provider notices within 100 ms, whatever the call was waiting for.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::support::provider::config_for;
use crate::support::script::stream_head;
use crate::support::{
    Act, Client, Provider, Script, Server, database, generate, get, ms, process, until,
};

/// The promise is 100 ms; the rest is for a busy machine.
const AT_ONCE: Duration = ms(100 + 400);
const NO_GRACE: &str = "[limits]\nresume_grace_ms = 0\n";

fn assert_noticed(provider: &Provider, client: Client, reset: bool) {
    let left = Instant::now();
    if reset {
        client.reset();
    } else {
        drop(client);
    }
    let took = provider.wait_for_deserters(1) - left;
    assert!(took < AT_ONCE, "{took:?}");
}

/// The row of a request whose client has left.
fn assert_recorded(server: &Server) {
    let sql = "SELECT count(*) FROM requests WHERE outcome = 'client_gone'";
    database::wait_for_count(&server.house().data(), sql, 1);
    until("the end of every exchange and call", || {
        let left = server.metric("maitred_calls") + server.total("maitred_exchanges");
        (left <= 1.0).then_some(()) // the one that asks
    });
}

#[test]
fn before_the_first_byte() {
    for (stream, reset) in [(false, false), (true, false), (false, true)] {
        let provider = Provider::start(|_| Script::hang());
        // With a grace: nobody knows the id yet, so nobody could come back.
        let server = Server::start(&provider.config(""));
        let mut client = server.connect();
        client.send(generate("tea", stream));
        provider.wait_for_requests(1);
        assert_noticed(&provider, client, reset);
        assert_recorded(&server);
    }
}

#[test]
fn between_head_and_content() {
    let provider = Provider::start(|_| Script::default().send(stream_head()).then(Act::Hang));
    let server = Server::start(&provider.config(""));
    let mut client = server.connect();
    client.send(generate("tea", true));
    until("the head", || {
        (server.metric("maitred_calls") == 1.0).then_some(())
    });
    provider.wait_for_requests(1);
    assert_noticed(&provider, client, false);
    assert_recorded(&server);
}

#[test]
fn in_the_middle_of_the_stream() {
    for reset in [false, true] {
        let provider = Provider::start(|_| Script::streamed(&["tea "; 500], ms(20)));
        let server = Server::start(&format!("{NO_GRACE}{}", provider.config("")));
        let mut client = server.connect();
        client.send(generate("tea", true)).head();
        (0..3).for_each(|_| drop(client.event().unwrap()));
        assert_noticed(&provider, client, reset);
        assert_recorded(&server);
    }
}

#[test]
fn in_the_middle_of_a_whole_answer() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{";
    let provider = Provider::start(move |_| Script::default().send(head).then(Act::Hang));
    let server = Server::start(&provider.config(""));
    let mut client = server.connect();
    client.send(generate("tea", false));
    provider.wait_for_requests(1);
    assert_noticed(&provider, client, false);
    assert_recorded(&server);
}

#[test]
fn while_waiting_for_a_connection() {
    let provider = Provider::start(|_| Script::hang());
    let config = provider.config("connections = 1\nqueue_ms = 60000\n");
    let server = Server::start(&config);
    let mut first = server.connect();
    first.send(generate("one", false));
    provider.wait_for_requests(1);
    let mut second = server.connect();
    second.send(generate("two", false));
    until("two calls", || {
        (server.metric("maitred_calls") == 2.0).then_some(())
    });
    drop(second);
    let sql = "SELECT count(*) FROM requests WHERE outcome = 'client_gone'";
    database::wait_for_count(&server.house().data(), sql, 1);
    assert_eq!(server.metric("maitred_calls"), 1.0);
    // The first one's connection becomes free, and nobody takes it for the one that left.
    assert_noticed(&provider, first, false);
    assert_eq!(provider.asked().len(), 1);
}

#[test]
fn a_reader_that_has_stopped_reading_is_noticed_too() {
    let page = "x".repeat(16 * 1024);
    let provider =
        Provider::start(move |_| Script::streamed(&[page.as_str(); 240], ms(0)).then(Act::Hang));
    let server = Server::start(&format!("{NO_GRACE}{}", provider.config("")));
    let mut client = server.connect();
    client.send(generate("tea", true)).head();
    // The provider is paused when everything on the way is full; the client has read nothing.
    until("a full send buffer", || {
        (server.metric("maitred_ledger_bytes") > 300_000.0).then_some(())
    });
    assert_noticed(&provider, client, true);
    assert_eq!(server.ask(get("/healthz")).status, 200);
}

#[test]
#[cfg(target_os = "linux")]
fn while_connecting() {
    // A listener whose queue is full answers no SYN.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let any: std::net::SocketAddr = ([127, 0, 0, 1], 0).into();
    socket.bind(&any.into()).unwrap();
    socket.listen(0).unwrap();
    let listener = TcpListener::from(socket);
    let addr = listener.local_addr().unwrap();
    let _fillers: Vec<_> = (0..4)
        .filter_map(|_| std::net::TcpStream::connect_timeout(&addr, ms(100)).ok())
        .collect();
    const SYN_SENT: u8 = 2;
    let sent = || process::tcp_states_towards(addr.port()).contains(&SYN_SENT);
    assert!(!sent(), "the fillers that did not fit have given up");

    let server = Server::start(&config_for(
        &format!("http://{addr}"),
        "connect_ms = 60000\n",
    ));
    let gave_up = || {
        let mut client = server.connect();
        client.send(generate("tea", false));
        until("a SYN", || sent().then_some(()));
        let left = Instant::now();
        drop(client);
        until("the end of the attempt", || (!sent()).then_some(()));
        left.elapsed()
    };
    // The machine's whole table of sockets is read to see it, which may take its time.
    let quickest = (0..5).map(|_| gave_up()).min().unwrap();
    assert!(quickest < AT_ONCE, "{quickest:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn in_the_middle_of_a_tls_handshake() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let server = Server::start(&config_for(&format!("https://{addr}"), "tls_ms = 60000\n"));
    let mut client = server.connect();
    client.send(generate("tea", false));
    let (mut silent, _) = listener.accept().unwrap();
    std::io::Read::read_exact(&mut silent, &mut [0; 5]).unwrap(); // of its ClientHello
    let left = Instant::now();
    drop(client);
    // Whatever else of the ClientHello there is, and then the end.
    let end = std::io::copy(&mut silent, &mut std::io::sink());
    assert!(end.is_ok() || left.elapsed() < AT_ONCE);
    assert!(left.elapsed() < AT_ONCE, "{:?}", left.elapsed());
}
