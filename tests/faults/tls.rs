//! TLS: a provider that cannot prove who it is gets no request, and an end that TLS does not vouch
//! for is no end.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;

use crate::drill::{Drill, LIMITS};
use crate::sim::{DIALECTS, Sim};
use crate::support::proxy::{End, Harm, Proxy};
use crate::support::tls::Identity;
use crate::support::{House, Provider, Script, ms};

/// Who we connect to.
const HERE: &[&str] = &["127.0.0.1"];

/// `LIMITS`, and a certificate to trust, which is written into `house`.
fn trusting(house: &House, identity: &Identity) -> String {
    let file = house.write("ca.pem", &identity.pem);
    format!("{LIMITS}ca_file = {file:?}\n")
}

/// A simulator that speaks TLS itself.
fn sim_with_tls(house: &House, identity: &Identity) -> Sim {
    let certificate = house.write("cert.pem", &identity.pem);
    let key = house.write("key.pem", &identity.key_pem);
    Sim::with(|options| options.tls = vec![certificate, key])
}

#[test]
fn p25_certificates_that_prove_nothing() {
    let (house, good) = (House::new(), Identity::of(HERE));
    let expired = Identity::expired(HERE);
    let elsewhere = Identity::of(&["elsewhere.test"]);
    for (name, shown, trusted) in [
        ("expired", &expired, &expired),
        ("for another name", &elsewhere, &elsewhere),
        ("of an unknown issuer", &good, &elsewhere),
    ] {
        let provider = Provider::start_tls(shown.server.clone(), |_| Script::whole("never"));
        let drill = Drill::start(&provider.config(&trusting(&house, trusted)));
        for stream in [false, true] {
            let told = drill.ask("any", stream);
            assert_eq!(told.failure(), (502, "upstream_tls"), "{name}");
        }
        assert!(provider.connections() >= 2, "{name}: it was tried");
        assert_eq!(
            provider.asked().len(),
            0,
            "{name}: not one byte of a request"
        );
        drill.end(provider);
    }
}

/// Answers one ClientHello with `hello` and returns whatever else comes.
fn answer_hello(hello: &'static [u8]) -> (SocketAddr, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 5];
        stream.read_exact(&mut head).unwrap();
        let mut client_hello = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
        stream.read_exact(&mut client_hello).unwrap();
        stream.write_all(hello).unwrap();
        let mut rest = Vec::new();
        // It may also end with a reset.
        let _ = stream.read_to_end(&mut rest);
        rest
    });
    (addr, thread)
}

#[test]
fn p25_a_server_of_2006() {
    // Two ways to be one: an alert (protocol_version), and a ServerHello that says TLS 1.1.
    const ALERT: &[u8] = &[21, 3, 1, 0, 2, 2, 70];
    const HELLO: &[u8] = &[
        22, 3, 2, 0, 42, // a handshake record of TLS 1.1
        2, 0, 0, 38, 3, 2, // ServerHello, TLS 1.1
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, // its random bytes
        0, 0, 0x2f, 0, // no session, TLS_RSA_WITH_AES_128_CBC_SHA, no compression
    ];
    for hello in [ALERT, HELLO] {
        let (addr, rest) = answer_hello(hello);
        let drill = Drill::start(&Sim::config_at(addr, "https", "openai", LIMITS));
        assert_eq!(drill.ask("any", false).failure(), (502, "upstream_tls"));
        drill.end(());
        let rest = rest.join().unwrap();
        assert!(
            rest.is_empty() || rest[0] == 21,
            "an alert at most: {rest:?}"
        );
    }
}

#[test]
fn p26_a_cut_is_no_end_of_a_body_that_ends_with_its_connection() {
    let (house, identity) = (House::new(), Identity::of(HERE));
    let limits = trusting(&house, &identity);
    for dialect in DIALECTS {
        // An end with close_notify vouches for the body.
        let honest = sim_with_tls(&house, &identity);
        let drill = Drill::start(&Sim::config_at(honest.addr, "https", dialect, &limits));
        for stream in [false, true] {
            let told = drill.ask("fault:until-close", stream);
            assert!(told.is_whole(), "{dialect}: {told:?}");
        }
        drill.end(honest);

        // A FIN alone does not; it may be anybody's.
        let sim = Sim::start();
        let proxy = Proxy::start_tls(sim.addr, identity.server.clone(), |_| Harm::default());
        let drill = Drill::start(&Sim::config_at(proxy.addr, "https", dialect, &limits));
        let whole = drill.ask("fault:until-close", false);
        assert_eq!(whole.failure(), (502, "upstream_truncated"), "{dialect}");
        let streamed = drill.ask("fault:until-close", true);
        if dialect == "gemini" {
            assert_eq!(streamed.failure(), (200, "upstream_truncated"));
        } else {
            // These say themselves that it is over: [DONE], message_stop.
            assert!(streamed.is_whole(), "{dialect}: {streamed:?}");
        }
        let streamed = drill.ask("fault:until-close+no-usage", true);
        assert_eq!(streamed.is_whole(), dialect != "gemini", "{streamed:?}");
        drill.end((sim, proxy));
    }
}

#[test]
fn the_wire_is_cut_within_tls() {
    // The same cuts as in plain text, inside of TLS and across its records.
    let (house, identity) = (House::new(), Identity::of(HERE));
    let limits = trusting(&house, &identity);
    let plain = Sim::start();
    let secured = sim_with_tls(&house, &identity);
    for end in [End::Cut, End::Reset] {
        let harm = move |n: usize| Harm::after(1_800 + 211 * n, end);
        let inside = Proxy::start_tls(plain.addr, identity.server.clone(), harm);
        let across = Proxy::start(secured.addr, harm);
        for proxy in [inside, across] {
            let drill = Drill::start(&Sim::config_at(proxy.addr, "https", "openai", &limits));
            for n in 0..8 {
                let told = drill.ask("sim", true);
                let codes = ["upstream_truncated", "upstream_broken"];
                assert!(codes.contains(&told.code.as_str()), "{n} {end:?}: {told:?}");
                assert!(told.took < ms(1500), "{told:?}");
            }
            drill.end(proxy);
        }
    }
}

#[test]
fn a_wrong_byte_within_tls_is_always_noticed() {
    let (house, identity) = (House::new(), Identity::of(HERE));
    let sim = sim_with_tls(&house, &identity);
    // Past the handshake, which is about 1,500 bytes: in a record with text.
    let proxy = Proxy::start(sim.addr, |n| Harm::flip(2_400 + 177 * n));
    let limits = trusting(&house, &identity);
    let drill = Drill::start(&Sim::config_at(proxy.addr, "https", "openai", &limits));
    for n in 0..8 {
        let told = drill.ask("sim", true);
        assert!(!told.is_whole() && !told.code.is_empty(), "{n}: {told:?}");
    }
    drill.end((sim, proxy));
}

#[test]
fn handshakes_that_break_or_stop() {
    let (house, identity) = (House::new(), Identity::of(HERE));
    let sim = sim_with_tls(&house, &identity);
    let limits = trusting(&house, &identity);
    for (end, status, codes) in [
        (End::Hang, 504, ["upstream_tls_timeout"; 2]),
        (End::Cut, 502, ["upstream_tls", "upstream_connect"]),
        (End::Reset, 502, ["upstream_tls", "upstream_connect"]),
    ] {
        for bytes in [1, 100, 600] {
            let proxy = Proxy::start(sim.addr, move |_| Harm::after(bytes, end));
            let drill = Drill::start(&Sim::config_at(proxy.addr, "https", "openai", &limits));
            let told = drill.ask("sim", false);
            assert_eq!(told.status, status, "{end:?} after {bytes}: {told:?}");
            assert!(
                codes.contains(&told.code.as_str()),
                "{end:?} after {bytes}: {told:?}"
            );
            drill.end(proxy);
        }
    }
}
