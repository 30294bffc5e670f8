//! Connections, whichever side they are on: deadlines, pausing, closing, and their accounts.

use super::blocks::Pen;
use super::conn::{Role, Wait};
use super::io::{Gone, How, Output};
use super::policy::rate::Subject;
use super::timers::Owner;
use super::{ConnId, Engine, Mono, Side};
use crate::proto::Sink;

impl Engine {
    /// Gives `steps` what a connection has to read: what was left the last time, and `fresh` behind it.
    /// `steps` says how many bytes it has used; the others are kept. Returns whether the connection is
    /// still there.
    pub(super) fn feed(
        &mut self,
        id: ConnId,
        fresh: &[u8],
        steps: fn(&mut Engine, ConnId, &[u8]) -> usize,
    ) -> bool {
        let Some(conn) = self.conns.get_mut(id) else {
            return false;
        };
        let mut tail = std::mem::take(&mut conn.tail);
        let used = if tail.is_empty() {
            steps(self, id, fresh)
        } else {
            tail.extend_from_slice(fresh);
            steps(self, id, &tail)
        };
        let Some(conn) = self.conns.get_mut(id) else {
            return false;
        };
        if tail.is_empty() {
            conn.tail.extend_from_slice(&fresh[used..]);
        } else if used < tail.len() {
            tail.drain(..used);
            conn.tail = tail;
        }
        true
    }

    pub(crate) fn sent(&mut self, id: ConnId, bytes: usize) {
        let now = self.now.mono;
        let Some(conn) = self.conns.get_mut(id) else {
            self.counters.stale += 1;
            return;
        };
        self.blocks.consume(&mut conn.out, bytes);
        conn.flushing = !conn.out.is_empty();
        conn.progress = now;
        self.settle_conn(id);
        match self.side(id) {
            Some(Side::Client) => self.client_sent(id),
            Some(Side::Database) => self.serve_line(), // there is room for more
            Some(Side::Provider | Side::Redis | Side::Hook | Side::NameServer) | None => {}
        }
    }

    /// Sends a head, written in one piece because it consists of many small ones, and keeps its
    /// memory for the next.
    pub(super) fn put_head(&mut self, id: ConnId, mut head: Vec<u8>, secret: bool) {
        if let Some(conn) = self.conns.get_mut(id) {
            let mut pen = Pen {
                blocks: &mut self.blocks,
                chain: &mut conn.out,
                secret,
            };
            pen.put(&head);
        }
        head.clear();
        self.head = head;
    }

    pub(crate) fn closed(&mut self, id: ConnId, gone: Gone) {
        match self.side(id) {
            Some(Side::Client) => self.client_closed(id),
            Some(Side::Provider) => self.provider_closed(id, gone),
            Some(Side::Database) => self.database_gone(id, gone),
            Some(Side::Redis) => self.redis_gone(id, gone),
            Some(Side::Hook) => self.hook_gone(id, gone),
            Some(Side::NameServer) => self.name_server_ended(id, true),
            None => self.counters.stale += 1,
        }
    }

    pub(crate) fn conn_due(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get(id) else {
            return;
        };
        let wait = conn.wait;
        match self.side(id) {
            Some(Side::Client) => self.client_due(id, wait),
            Some(Side::Provider) => self.provider_due(id, wait),
            Some(Side::Database) => self.link_due(id),
            Some(Side::Redis) => self.redis_late(id),
            Some(Side::Hook) => self.hook_late(id),
            // Its look-up has the deadline.
            Some(Side::NameServer) | None => {}
        }
    }

    pub(crate) fn set_wait(&mut self, id: ConnId, wait: Wait, at: Mono) {
        if let Some(conn) = self.conns.get_mut(id) {
            conn.wait = wait;
            self.timers.set(Owner::Conn(id), &mut conn.timer, at);
        }
    }

    pub(crate) fn settle_conn(&mut self, id: ConnId) {
        if let Some(conn) = self.conns.get_mut(id) {
            let bytes = conn.bytes();
            self.ledger.settle(&mut conn.charged, bytes);
        }
    }

    pub(crate) fn pause_conn(&mut self, id: ConnId) {
        if let Some(conn) = self.conns.get_mut(id)
            && !conn.paused
        {
            conn.paused = true;
            self.out.push(Output::Pause(id));
        }
    }

    pub(crate) fn resume_conn(&mut self, id: ConnId) {
        if let Some(conn) = self.conns.get_mut(id)
            && conn.paused
        {
            conn.paused = false;
            self.out.push(Output::Resume(id));
        }
    }

    /// Closes a connection of ours: the reactor is told, the id is stale.
    pub(crate) fn close_conn(&mut self, id: ConnId, how: How) {
        let index = match self.conns.get(id).map(|conn| &conn.role) {
            Some(Role::Provider(provider)) => Some(provider.pool),
            Some(_) => None,
            None => return,
        };
        if self.remove_conn(id) {
            self.out.push(Output::Close(id, how));
        }
        if let Some(index) = index {
            self.open_where_needed(index);
        }
    }

    /// Takes a connection out of all tables. Its exchange or call is somebody else's to end.
    pub(crate) fn remove_conn(&mut self, id: ConnId) -> bool {
        let Some(mut conn) = self.conns.remove(id) else {
            return false;
        };
        self.blocks.clear(&mut conn.out);
        self.ledger.settle(&mut conn.charged, 0);
        match &conn.role {
            Role::Client(client) => {
                self.doors.leave(Subject::of(client.peer));
                self.clients -= 1;
                self.mind_accepting();
            }
            Role::Provider(provider) => self.strike_from_pool(id, provider),
            Role::Database(_) => self.strike_from_database(id),
            Role::Redis(_) => self.strike_from_redis(id),
            Role::Hook(_) => {}       // its delivery is somebody else's to end
            Role::NameServer(_) => {} // its look-up has a list of its own
        }
        true
    }

    /// Accepts again once there is room, with a little distance so that it does not flutter.
    pub(crate) fn mind_accepting(&mut self) {
        let room = self.clients_max - self.clients;
        if self.accept_paused && self.stopping.is_none() && room > self.clients_max / 20 {
            self.accept_paused = false;
            self.out.push(Output::ResumeAccept);
        }
    }
}
