//! Names, connections and providers: each moves when it likes, and some break.

use maitred::engine::ConnId;
use maitred::engine::io::{Gone, ResolveFault, TlsFault};

use super::host::{self, Then};
use super::play::Play;

impl Play {
    pub(super) fn the_network_moves(&mut self) {
        if !self.world.lookups.is_empty() && self.chance.bool() {
            let result = match self.chance.u8(0..6) {
                _ if self.setting.calm => Ok(vec![[10, 0, 0, 8]]),
                0 => Err(ResolveFault::NoSuchName),
                1 => Err(ResolveFault::Failed),
                2 => Ok(vec![[10, 0, 0, 7], [10, 0, 0, 8]]),
                _ => Ok(vec![[10, 0, 0, 7]]),
            };
            self.tell(&format!("a name is looked up: {result:?}"));
            return self.world.resolve(0, result);
        }
        let waiting: Vec<ConnId> = self
            .world
            .upstreams()
            .into_iter()
            .filter(|id| self.world.sockets[id].connecting || self.world.sockets[id].securing)
            .collect();
        let Some(id) = self.pick(&waiting) else {
            return;
        };
        let fails = !self.setting.calm && self.chance.u8(0..6) == 0;
        let connecting = self.world.sockets[&id].connecting;
        self.tell(&format!("{id:?} connects; fails: {fails}"));
        match (connecting, fails) {
            (true, false) => self.world.connect(id),
            (true, true) => self.world.reset(id, Gone::Refused),
            (false, false) => self.world.secure(id),
            (false, true) => self.world.reset(id, Gone::Tls(TlsFault::Expired)),
        }
    }

    /// A provider takes a request up, goes on with an answer, or gives a connection up.
    pub(super) fn a_provider_moves(&mut self) {
        self.peek();
        let ids: Vec<ConnId> = self
            .world
            .upstreams()
            .into_iter()
            .filter(|id| !self.world.sockets[id].connecting && !self.world.sockets[id].securing)
            .collect();
        let Some(id) = self.pick(&ids) else {
            return;
        };
        if !self.setting.calm && self.chance.u8(0..60) == 0 {
            self.tell(&format!("{id:?} of a provider is given up"));
            return self.break_off(id);
        }
        self.serve(id);
    }

    /// A provider does what comes next on this connection.
    pub(super) fn serve(&mut self, id: ConnId) {
        let Some(socket) = self.world.sockets.get_mut(&id) else {
            return;
        };
        let busy = self
            .hosts
            .get(&id)
            .is_some_and(|host| !host.script.is_empty() || host.then == Then::Silence);
        if !busy && let Some(request) = host::request(&mut socket.got) {
            let to = socket.to.unwrap();
            self.books.calls += 1;
            let host = host::answer(&mut self.chance, self.setting, to, &request);
            self.hosts.insert(id, host);
        }
        self.go_on(id);
    }

    fn go_on(&mut self, id: ConnId) {
        let Some(host) = self.hosts.get_mut(&id) else {
            return;
        };
        let steps = if self.setting.lengthy {
            [10, 50_000, 100_000, 200_000]
        } else {
            [10, 60, 300, 10_000]
        };
        let n = host.script.len().min(steps[self.chance.usize(0..4)]);
        let piece: Vec<u8> = host.script.drain(..n).collect();
        let (over, then) = (host.script.is_empty(), host.then);
        if let Some((_, left)) = &host.whole
            && host.script.len() <= *left
        {
            self.books.note_whole(host.whole.take());
        }
        if n > 0 {
            self.tell(&format!("{id:?} of a provider says {n} bytes"));
            self.world.say(id, &piece);
        }
        if over && then == Then::End {
            self.tell(&format!("{id:?} of a provider ends"));
            self.hosts.remove(&id);
            self.world.end(id);
        } else if over && then == Then::Reset {
            self.break_off(id);
        }
    }

    /// A connection breaks; under TLS it may also end without a word.
    fn break_off(&mut self, id: ConnId) {
        let port = self.world.sockets[&id].to.map(|to| to.port());
        self.hosts.remove(&id);
        match (self.chance.u8(0..3), port) {
            (0, Some(443)) => self.world.reset(id, Gone::Tls(TlsFault::Truncated)),
            (1, _) => self.world.end(id),
            _ => self.world.reset(id, Gone::Reset),
        }
    }
}
