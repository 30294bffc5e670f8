//! One port in front of several servers: connections go to them in turn, and to the next one where
//! nobody listens.
//!
//! ```text
//!                         ┌──► server, was asked last
//!   client ──► balancer ──┤
//!                         └──► server, is asked next
//! ```
//! It hands bytes on and knows nothing about them, nor how the servers are: whoever has a place here
//! gets connections, also if it is about to die.

use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A running balancer. Its threads end with the test program.
pub struct Balancer {
    /// The one port.
    pub addr: SocketAddr,
    books: Arc<Mutex<Books>>,
}

#[derive(Default)]
struct Books {
    /// Whose turn it is stands first.
    servers: Vec<SocketAddr>,
    /// To which server each client was led, by the client's address.
    led: HashMap<SocketAddr, SocketAddr>,
}

impl Balancer {
    /// In front of these.
    pub fn start(servers: &[SocketAddr]) -> Balancer {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("bound");
        let books = Arc::new(Mutex::new(Books {
            servers: servers.to_vec(),
            led: HashMap::new(),
        }));
        let leading = Arc::clone(&books);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let books = Arc::clone(&leading);
                // What breaks is the client's to notice.
                thread::spawn(move || lead(client, &books));
            }
        });
        Balancer { addr, books }
    }

    /// Another server takes this one's place.
    pub fn replace(&self, old: SocketAddr, new: SocketAddr) {
        let mut books = self.books.lock().expect("no thread panics");
        let place = books.servers.iter_mut().find(|server| **server == old);
        *place.expect("it has a place") = new;
    }

    /// To whom the client at this address was led.
    pub fn server_of(&self, client: SocketAddr) -> Option<SocketAddr> {
        let books = self.books.lock().expect("no thread panics");
        books.led.get(&client).copied()
    }
}

/// Both directions of one connection.
fn lead(client: TcpStream, books: &Mutex<Books>) -> io::Result<()> {
    let Some((addr, server)) = connect(books) else {
        return Ok(());
    };
    let from = client.peer_addr()?;
    let led = &mut books.lock().expect("no thread panics").led;
    led.insert(from, addr);
    for socket in [&client, &server] {
        socket.set_nodelay(true)?;
    }
    let (mut asks, mut answers) = (client.try_clone()?, server.try_clone()?);
    let (mut to_client, mut to_server) = (client, server);
    let forth = thread::spawn(move || io::copy(&mut asks, &mut to_server));
    let carried = io::copy(&mut answers, &mut to_client);
    // The server has said its last word, or died: so has this connection, in both directions.
    let _ = to_client.shutdown(Shutdown::Both);
    let _ = answers.shutdown(Shutdown::Both);
    let _ = forth.join();
    carried.map(|_| ())
}

/// A connection to the server whose turn it is, or else to the next one.
fn connect(books: &Mutex<Books>) -> Option<(SocketAddr, TcpStream)> {
    let servers = {
        let mut books = books.lock().expect("no thread panics");
        books.servers.rotate_left(1);
        books.servers.clone()
    };
    let mut tried = servers.into_iter();
    tried.find_map(|addr| Some((addr, TcpStream::connect(addr).ok()?)))
}
