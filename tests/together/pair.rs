//! The two replicas: killed, stopped, and started again where they were.

use std::net::SocketAddr;

use crate::book::Book;
use crate::support::balancer::Balancer;
use crate::support::postgres::{self, Postgres};
use crate::support::redis::Redis;
use crate::support::{House, Provider, Server, get, until};
use crate::{LIMIT, WINDOW};

/// See the module.
pub(crate) struct Pair {
    config: String,
    places: [Place; 2],
}

enum Place {
    Here(Server),
    /// Nobody is there, but the folder of who was, and where he listened.
    Away(Option<House>, SocketAddr),
}

impl Pair {
    /// Both, as soon as they share their limits.
    pub(crate) fn start(postgres: &Postgres, redis: &Redis, provider: &Provider) -> Pair {
        let (rows, limits) = (postgres::url(postgres.addr), redis.url());
        let window = WINDOW.as_secs();
        // An answer of Redis may be late on a machine that is busy; alone they would let in too many.
        let config = format!(
            "[rate]\nrequests = ['{LIMIT}/{window}s']\n\
             [redis]\nurl = '{limits}'\nop_ms = 5000\n\
             [database]\nurl = '{rows}'\nstatement_ms = 20000\n\
             [jobs]\nlease_ms = 5000\n\
             [limits]\nshutdown_ms = 10000\n"
        );
        let config = provider.config("") + &config;
        let places = [(); 2].map(|()| Place::Here(start(House::new(), &config)));
        Pair { config, places }
    }

    /// Where they are, or were.
    pub(crate) fn addrs(&self) -> [SocketAddr; 2] {
        [0, 1].map(|at| self.addr(at))
    }

    /// Where this one is, or was.
    pub(crate) fn addr(&self, at: usize) -> SocketAddr {
        match &self.places[at] {
            Place::Here(server) => server.addr,
            Place::Away(_, addr) => *addr,
        }
    }

    /// `kill -9`
    pub(crate) fn kill(&mut self, at: usize, book: &Book) {
        self.end(at, |server| {
            book.dies(server.addr);
            server.kill()
        });
    }

    /// SIGTERM, and it ends as it should.
    pub(crate) fn stop(&mut self, at: usize, book: &Book) {
        self.end(at, |server| {
            book.closes(server.addr);
            server.terminate();
            let ended = server.wait();
            assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
            ended.house
        });
    }

    fn end(&mut self, at: usize, how: impl FnOnce(Server) -> House) {
        let gone = Place::Away(None, self.addr(at));
        let Place::Here(server) = std::mem::replace(&mut self.places[at], gone) else {
            panic!("it is away already");
        };
        if let Place::Away(house, _) = &mut self.places[at] {
            *house = Some(how(server));
        }
    }

    /// Another process in the same folder, which gets connections as soon as it is ready.
    pub(crate) fn start_again(&mut self, at: usize, front: &Balancer) {
        let Place::Away(house, old) = &mut self.places[at] else {
            panic!("it is here");
        };
        let server = start(house.take().unwrap(), &self.config);
        front.replace(*old, server.addr);
        self.places[at] = Place::Here(server);
    }
}

/// A server that has its database, and counts together with others.
fn start(house: House, config: &str) -> Server {
    let server = Server::start_in(house, config);
    until("it is ready", || {
        let shared = server.ask(get("/status")).json()["limits"]["counted_by"] == "redis";
        let ready = server.ask(get("/readyz")).text() == "ready\n";
        (shared && ready).then_some(())
    });
    server
}
