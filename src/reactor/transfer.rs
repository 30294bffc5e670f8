//! Moving bytes: from sockets to the engine, and back.

use std::io::IoSlice;

use super::Reactor;
use super::socket::Moved;
use super::tls::{Progress, Tls};
use crate::engine::ConnId;
use crate::engine::io::{Gone, Input, TlsFault};
use crate::limits::{FLUSH_MS_PER_TURN, HANDSHAKES_PER_TURN, READS_PER_TURN};

/// Pieces of one write.
pub(super) const SLICES: usize = 16;
/// Writes to one connection in one turn.
const WRITES_PER_TURN: usize = 4;

impl Reactor {
    /// Reads from one socket, within its budget. What is left is on the ready list again.
    pub(super) fn read_from(&mut self, id: ConnId) {
        let Some(socket) = self.socket(id) else {
            return self.read_datagrams(id); // or it was closed since it was put on the list
        };
        socket.queued = false;
        if socket.connecting {
            return self.finish_connect(id);
        }
        if socket.paused {
            return self.watch_paused(id);
        }
        if self.is_handshaking(id) {
            if self.handshakes >= HANDSHAKES_PER_TURN {
                return self.mark_ready(id);
            }
            self.handshakes += 1;
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        for _ in 0..READS_PER_TURN {
            let Some(socket) = self.socket(id) else {
                break;
            };
            if socket.paused || !socket.readable {
                break;
            }
            match socket.read(&mut scratch) {
                Moved::Bytes(n) => self.arrived(id, &scratch[..n]),
                Moved::Blocked => break,
                Moved::End => {
                    self.ended(id);
                    break;
                }
                Moved::Broken(gone) => {
                    self.broke(id, gone);
                    break;
                }
            }
        }
        self.scratch = scratch;
        match self.socket(id) {
            // Paused by what was just read: a hang-up that was announced with it has no event of
            // its own any more.
            Some(socket) if socket.paused => self.watch_paused(id),
            Some(socket) if socket.readable => self.mark_ready(id),
            _ => {}
        }
    }

    fn is_handshaking(&mut self, id: ConnId) -> bool {
        self.socket(id)
            .and_then(|socket| socket.tls.as_ref())
            .is_some_and(|tls| tls.is_handshaking())
    }

    /// A client that hangs up is noticed even while nobody reads from it.
    fn watch_paused(&mut self, id: ConnId) {
        if let Some(socket) = self.socket(id)
            && socket.accepted
            && socket.read_closed
        {
            self.feed(Input::HungUp(id));
        }
    }

    fn finish_connect(&mut self, id: ConnId) {
        let Some(socket) = self.socket(id) else {
            return;
        };
        match socket.connected() {
            None => {}
            Some(Ok(())) => {
                self.feed(Input::Connected(id));
                self.mark_dirty(id);
                if self.socket(id).is_some_and(|socket| socket.readable) {
                    self.mark_ready(id);
                }
            }
            Some(Err(gone)) => self.broke(id, gone),
        }
    }

    /// Bytes came: to the engine as they are, or through TLS.
    fn arrived(&mut self, id: ConnId, bytes: &[u8]) {
        let Some(socket) = self.socket(id) else {
            return;
        };
        match socket.tls.take() {
            None => self.feed(Input::Received(id, bytes)),
            Some(tls) => self.decrypt(id, tls, bytes),
        }
    }

    /// Feeds `bytes` to the session and all its plaintext to the engine. The session is out of
    /// its socket meanwhile, because the engine may close the socket at any point.
    fn decrypt(&mut self, id: ConnId, mut tls: Box<Tls>, mut bytes: &[u8]) {
        let mut plain = std::mem::take(&mut self.plain);
        let mut fault = None;
        while !bytes.is_empty() && self.socket(id).is_some() {
            match tls.receive(&mut bytes) {
                Ok(Progress::Going) => {}
                Ok(Progress::Secured) => {
                    if let Some(hash) = tls.end_point() {
                        self.feed(Input::EndPoint(id, hash));
                    }
                    self.feed(Input::Secured(id));
                }
                Err(found) => {
                    fault = Some(found);
                    break;
                }
            }
            loop {
                let n = tls.plaintext(&mut plain);
                if n == 0 || self.socket(id).is_none() {
                    break;
                }
                self.feed(Input::Received(id, &plain[..n]));
            }
        }
        self.plain = plain;
        let closed = tls.closed;
        let wants_write = tls.wants_write();
        let Some(socket) = self.socket(id) else {
            return;
        };
        socket.tls = Some(tls);
        if wants_write {
            self.mark_dirty(id);
        }
        if let Some(fault) = fault {
            self.flush(id); // the alert that says why
            self.broke(id, Gone::Tls(fault));
        } else if closed {
            self.feed(Input::EndOfInput(id));
        }
    }

    /// The FIN came. Over TLS it proves nothing unless close_notify came before it.
    fn ended(&mut self, id: ConnId) {
        let Some(socket) = self.socket(id) else {
            return;
        };
        match &socket.tls {
            Some(tls) if tls.is_handshaking() => self.broke(id, Gone::Tls(TlsFault::Protocol)),
            Some(tls) if !tls.closed => self.broke(id, Gone::Tls(TlsFault::Truncated)),
            _ => self.feed(Input::EndOfInput(id)),
        }
    }

    /// The connection is of no use any more.
    pub(super) fn broke(&mut self, id: ConnId, gone: Gone) {
        self.drop_socket(id);
        self.feed(Input::Closed(id, gone));
    }

    /// Writes to those that have something to write, for so long at most; the rest is first in the
    /// next turn. What becomes dirty meanwhile comes after those that are dirty now.
    pub(super) fn flush_dirty(&mut self) {
        let until = self.clock.mono().plus_ms(FLUSH_MS_PER_TURN);
        for n in 0..self.dirty.len() {
            if n % 16 == 15 && self.clock.mono() > until {
                break;
            }
            let Some(id) = self.dirty.pop_front() else {
                break;
            };
            if let Some(socket) = self.socket(id) {
                socket.dirty = false;
                self.flush(id);
            }
        }
    }

    fn flush(&mut self, id: ConnId) {
        for _ in 0..WRITES_PER_TURN {
            let Some(socket) = self.socket(id) else {
                return;
            };
            if socket.connecting || !socket.writable {
                return;
            }
            let more = if socket.tls.is_some() {
                self.write_secured(id)
            } else {
                self.write_plain(id)
            };
            if !more {
                return;
            }
        }
        self.mark_dirty(id);
    }

    /// One write of what the engine has; returns whether there may be more to write at once.
    fn write_plain(&mut self, id: ConnId) -> bool {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let count = self.engine.unsent(id, &mut slices);
        if count == 0 {
            return false;
        }
        let index = id.0.index as usize;
        let Some(socket) = self.sockets[index].as_mut() else {
            return false;
        };
        match socket.write(&slices[..count]) {
            Moved::Bytes(n) => {
                let more = socket.writable;
                self.feed(Input::Sent(id, n));
                more
            }
            Moved::Broken(gone) => {
                self.broke(id, gone);
                false
            }
            Moved::Blocked | Moved::End => false,
        }
    }

    /// First what the session holds, then what the engine has; returns whether to go on.
    fn write_secured(&mut self, id: ConnId) -> bool {
        let index = id.0.index as usize;
        let Some(socket) = self.sockets[index].as_mut() else {
            return false;
        };
        let Some(tls) = &mut socket.tls else {
            return false;
        };
        while tls.wants_write() {
            match tls.write_to(&mut socket.stream) {
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    socket.writable = false;
                    return false;
                }
                Err(error) => {
                    let gone = super::socket::gone(&error);
                    self.broke(id, gone);
                    return false;
                }
            }
        }
        if tls.is_handshaking() {
            return false;
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        let count = self.engine.unsent(id, &mut slices);
        let mut taken = 0;
        for slice in &slices[..count] {
            let n = tls.send(slice);
            taken += n;
            if n < slice.len() {
                break;
            }
        }
        if taken > 0 {
            self.feed(Input::Sent(id, taken));
            return true;
        }
        if socket.shut {
            socket.finish();
        }
        false
    }
}
