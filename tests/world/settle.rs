//! Everything at once: what is not held back happens, and time passes.

use maitred::engine::{ConnId, Mono};

use super::{Socket, World};

impl World {
    /// Lets everything happen that is not held back, until nothing is left to do at this time.
    pub(crate) fn settle(&mut self) {
        for _ in 0..100_000 {
            if !(self.settle_network() || self.settle_bytes() || self.settle_threads()) {
                if self.engine.next_deadline() > self.now.mono {
                    return;
                }
                self.tick();
            }
        }
        panic!("it never comes to rest");
    }

    fn settle_network(&mut self) -> bool {
        if self.slow_network {
            return false;
        }
        if !self.lookups.is_empty() {
            self.resolve(0, Ok(vec![[10, 0, 0, 9]]));
            return true;
        }
        let find = |wanted: fn(&Socket) -> bool| {
            let mut open = self.sockets.iter().filter(|(_, s)| s.closed.is_none());
            open.find(|(_, s)| wanted(s)).map(|(id, _)| *id)
        };
        if let Some(id) = find(|s| s.connecting) {
            self.connect(id);
        } else if let Some(id) = find(|s| s.securing) {
            self.secure(id);
        } else {
            return false;
        }
        true
    }

    fn settle_bytes(&mut self) -> bool {
        let open: Vec<ConnId> = self.open_sockets();
        for id in open {
            if self.catch_up(id) {
                return true;
            }
            let socket = &self.sockets[&id];
            if socket.dirty && !socket.stalled && !socket.connecting {
                self.take(id, usize::MAX);
                return true;
            }
        }
        false
    }

    fn settle_threads(&mut self) -> bool {
        let next = self
            .jobs
            .iter()
            .position(|(_, work)| !self.held.contains(&work.kind()));
        next.map(|at| self.work(at)).is_some()
    }

    /// Nothing is left in any table of the engine.
    pub(crate) fn holds_nothing(&self) {
        if let Err(broken) = self.engine.check_empty() {
            panic!("something is left: {broken}");
        }
    }

    pub(crate) fn open_sockets(&self) -> Vec<ConnId> {
        let open = self.sockets.iter().filter(|(_, s)| s.closed.is_none());
        open.map(|(id, _)| *id).collect()
    }

    /// Lets `ms` milliseconds pass, and everything happen that is due in them.
    pub(crate) fn pass(&mut self, ms: u64) {
        let until = self.now.mono.plus_ms(ms);
        self.settle();
        while self.engine.next_deadline() <= until {
            self.jump(self.engine.next_deadline());
            self.tick();
            self.settle();
        }
        self.jump(until);
        self.tick();
        self.settle();
    }

    /// Sets both clocks on.
    pub(crate) fn jump(&mut self, to: Mono) {
        let nanos = to.since(self.now.mono);
        self.now.mono = Mono(self.now.mono.0 + nanos);
        // Both from one figure, or the rounding of many small steps adds up.
        let since_start = self.now.mono.0 - 1_000_000_000;
        self.now.wall_ms = 1_700_000_000_000 + (since_start / 1_000_000) as i64;
    }
}
