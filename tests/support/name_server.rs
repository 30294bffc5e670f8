//! A name server that does what it is told, over UDP and TCP on one port.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::PATIENCE;
use super::dns_message::{A, Asked, a};

/// One thing to do about a question.
#[derive(Clone, Debug)]
pub enum Say {
    /// Send this message; over TCP behind its length.
    Message(Vec<u8>),
    /// Send this message from another port (UDP only).
    FromElsewhere(Vec<u8>),
    /// Send these bytes as they are (TCP only).
    Bytes(Vec<u8>),
    /// Do nothing for this long.
    Wait(Duration),
}

/// A question, and how it came.
#[derive(Clone, Debug)]
pub struct Question {
    /// What was asked.
    pub asked: Asked,
    /// Not as a datagram.
    pub tcp: bool,
}

/// What to do about a question.
trait Script: Fn(&Question) -> Vec<Say> + Send + Sync {}

impl<F: Fn(&Question) -> Vec<Say> + Send + Sync> Script for F {}

struct Shared {
    script: Box<dyn Script>,
    journal: Mutex<Vec<Question>>,
}

/// A running name server. Its threads end with the test program.
pub struct NameServer {
    /// Where it is asked.
    pub addr: SocketAddr,
    shared: Arc<Shared>,
}

impl NameServer {
    /// Starts one that plays `script` for each question.
    pub fn start(script: impl Fn(&Question) -> Vec<Say> + Send + Sync + 'static) -> NameServer {
        let (udp, tcp) = one_port();
        let addr = udp.local_addr().expect("bound");
        let shared = Arc::new(Shared {
            script: Box::new(script),
            journal: Mutex::default(),
        });
        let (by_datagram, by_stream) = (Arc::clone(&shared), Arc::clone(&shared));
        std::thread::spawn(move || {
            let mut bytes = [0; 2048];
            while let Ok((length, peer)) = udp.recv_from(&mut bytes) {
                let (shared, udp) = (Arc::clone(&by_datagram), udp.try_clone());
                let query = bytes[..length].to_vec();
                let udp = udp.expect("a handle");
                std::thread::spawn(move || shared.answer_datagram(&udp, peer, &query));
            }
        });
        std::thread::spawn(move || {
            for stream in tcp.incoming().flatten() {
                let shared = Arc::clone(&by_stream);
                // The other side may close in the middle of anything.
                std::thread::spawn(move || shared.answer_stream(stream).is_ok());
            }
        });
        NameServer { addr, shared }
    }

    /// One that says of every name that its only address is 127.0.0.1.
    pub fn of_this_machine() -> NameServer {
        NameServer::start(|question| vec![Say::Message(this_machine(&question.asked))])
    }

    /// The setting that has it asked.
    pub fn config(&self) -> String {
        format!("dns = \"{}\"\n", self.addr)
    }

    /// Everything it was asked.
    pub fn asked(&self) -> Vec<Question> {
        self.shared
            .journal
            .lock()
            .expect("no script panics")
            .clone()
    }
}

/// That the name's only address is 127.0.0.1.
pub fn this_machine(asked: &Asked) -> Vec<u8> {
    let address = [a(&asked.name, 60, [127, 0, 0, 1])];
    let all = if asked.kind == A { &address[..] } else { &[] };
    asked.answer(0, all, &[])
}

/// Both kinds of socket with the same number, which for a moment may be somebody else's.
fn one_port() -> (UdpSocket, TcpListener) {
    super::until("a port for both", || {
        let udp = UdpSocket::bind("127.0.0.1:0").ok()?;
        let tcp = TcpListener::bind(udp.local_addr().ok()?).ok()?;
        Some((udp, tcp))
    })
}

impl Shared {
    fn note(&self, query: &[u8], tcp: bool) -> Question {
        let asked = Asked::read(query);
        let question = Question { asked, tcp };
        let mut journal = self.journal.lock().expect("no script panics");
        journal.push(question.clone());
        question
    }

    fn answer_datagram(&self, udp: &UdpSocket, peer: SocketAddr, query: &[u8]) {
        let question = self.note(query, false);
        for say in (self.script)(&question) {
            // Whoever asked may have closed its socket.
            let _ = match say {
                Say::Message(message) => udp.send_to(&message, peer),
                Say::FromElsewhere(message) => UdpSocket::bind("127.0.0.1:0")
                    .and_then(|elsewhere| elsewhere.send_to(&message, peer)),
                Say::Bytes(_) => panic!("a datagram is a message"),
                Say::Wait(span) => {
                    std::thread::sleep(span);
                    Ok(0)
                }
            };
        }
    }

    fn answer_stream(&self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut query = vec![0; u16::from_be_bytes(length).into()];
        stream.read_exact(&mut query)?;
        for say in (self.script)(&self.note(&query, true)) {
            match say {
                Say::Message(message) => {
                    let length = (message.len() as u16).to_be_bytes();
                    stream.write_all(&[&length, &message[..]].concat())?;
                }
                Say::FromElsewhere(_) => panic!("a stream has one other end"),
                Say::Bytes(bytes) => stream.write_all(&bytes)?,
                Say::Wait(span) => std::thread::sleep(span),
            }
        }
        Ok(())
    }
}
