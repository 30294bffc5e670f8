//! The name servers of the world: whoever is asked on port 53.

use std::net::SocketAddr;

use maitred::engine::ConnId;

use super::dns_message::{A, AAAA, Asked};
use super::{Socket, World};

/// Whoever listens on this port is a name server, and nobody else is.
pub(crate) const PORT: u16 = 53;

impl World {
    /// The engine wants a datagram sent. It leaves when somebody takes it, as all bytes here.
    pub(crate) fn note_question(&mut self, id: ConnId, to: SocketAddr) {
        let socket = Socket {
            to: Some(to),
            datagram: true,
            dirty: true,
            ..Socket::default()
        };
        assert!(
            self.sockets.insert(id, socket).is_none(),
            "{id:?} was there before"
        );
    }

    /// Sockets on which name servers are asked, the oldest first.
    pub(crate) fn questions(&self) -> Vec<ConnId> {
        let asks = |socket: &Socket| socket.to.is_some_and(|to| to.port() == PORT);
        let open = self.open_sockets().into_iter();
        open.filter(|id| asks(&self.sockets[id])).collect()
    }

    /// What was asked on a socket. Over TCP it comes with its length.
    pub(crate) fn asked(&self, id: ConnId) -> Asked {
        let socket = &self.sockets[&id];
        let start = if socket.datagram { 0 } else { 2 };
        Asked::read(&socket.got[start..])
    }

    /// The newest open question for IPv4 addresses, and the one for IPv6 addresses.
    pub(crate) fn question(&self, kind: u16) -> Option<ConnId> {
        assert!([A, AAAA].contains(&kind));
        let mut all = self.questions().into_iter();
        all.rfind(|id| !self.sockets[id].got.is_empty() && self.asked(*id).kind == kind)
    }
}
