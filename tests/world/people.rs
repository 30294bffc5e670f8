//! Clients and providers of the world: what they say, and what they have got.

use std::net::IpAddr;

use maitred::engine::ConnId;

use super::reply;
use super::{Event, Reply, Socket, World, dns, redis, take_reply};

impl World {
    /// A client connects.
    pub(crate) fn client(&mut self) -> ConnId {
        self.try_client().expect("there is a place")
    }

    /// A client connects, if there is a place for it.
    pub(crate) fn try_client(&mut self) -> Option<ConnId> {
        self.try_client_at([192, 0, 2, 1])
    }

    /// A client connects from this address, if there is a place for it.
    pub(crate) fn try_client_at(&mut self, peer: impl Into<IpAddr>) -> Option<ConnId> {
        let mut outputs = std::mem::take(&mut self.outputs);
        let peer = peer.into();
        let id = self.engine.accept(self.now, peer, &mut outputs);
        if let Some(id) = id {
            self.sockets.insert(id, Socket::default());
        }
        self.note(&mut outputs);
        self.outputs = outputs;
        id
    }

    /// `id` says something, and everything happens that follows from it.
    pub(crate) fn send(&mut self, id: ConnId, bytes: impl AsRef<[u8]>) {
        self.say(id, bytes.as_ref());
        self.settle();
    }

    /// A client connects and sends this.
    pub(crate) fn ask(&mut self, bytes: impl AsRef<[u8]>) -> ConnId {
        let id = self.client();
        self.send(id, bytes);
        id
    }

    /// A client connects and sends a JSON document to this path.
    pub(crate) fn post(&mut self, path: &str, json: &str) -> ConnId {
        self.ask(post(path, json))
    }

    /// The reply to the only request of a new client.
    pub(crate) fn get(&mut self, path: &str) -> Reply {
        let id = self.ask(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        self.reply(id)
    }

    /// The first reply to `id` that was not looked at yet. It has to be whole.
    pub(crate) fn reply(&mut self, id: ConnId) -> Reply {
        self.reply_to(id, false)
    }

    /// The same for the reply to a HEAD.
    pub(crate) fn reply_to_head(&mut self, id: ConnId) -> Reply {
        self.reply_to(id, true)
    }

    fn reply_to(&mut self, id: ConnId, head: bool) -> Reply {
        let socket = self.sockets.get_mut(&id).unwrap();
        let ended = socket.fin || socket.closed.is_some();
        match take_reply(&mut socket.got, head, ended) {
            Ok(Some(reply)) => reply,
            other => panic!("{other:?} in {:?}", String::from_utf8_lossy(&socket.got)),
        }
    }

    /// What `id` has got of a reply that has not ended.
    pub(crate) fn events(&self, id: ConnId) -> Vec<Event> {
        reply::events_so_far(&self.sockets[&id].got)
    }

    /// Whether nothing was sent to `id` that was not looked at.
    pub(crate) fn is_quiet(&self, id: ConnId) -> bool {
        self.sockets[&id].got.is_empty()
    }

    /// Whether the engine has ended its side of `id`.
    pub(crate) fn is_over(&self, id: ConnId) -> bool {
        let socket = &self.sockets[&id];
        socket.fin || socket.closed.is_some()
    }

    /// Connections to providers that are open, the oldest first.
    pub(crate) fn upstreams(&self) -> Vec<ConnId> {
        let open = self.sockets.iter().filter(|(_, s)| s.closed.is_none());
        let others = [dns::PORT, redis::PORT];
        open.filter(|(_, s)| s.to.is_some_and(|to| !others.contains(&to.port())))
            .map(|(id, _)| *id)
            .collect()
    }

    /// The only connection to a provider.
    pub(crate) fn upstream(&self) -> ConnId {
        let open = self.upstreams();
        assert_eq!(open.len(), 1, "connections to the provider");
        open[0]
    }

    /// The only connection to the provider answers.
    pub(crate) fn answer(&mut self, bytes: impl AsRef<[u8]>) {
        let id = self.upstream();
        self.send(id, bytes);
    }

    /// Every request that a provider has got and not answered yet is answered like this. Returns
    /// how many there were.
    pub(crate) fn serve(&mut self, bytes: impl AsRef<[u8]>) -> usize {
        let asked = |world: &World, id: &ConnId| !world.sockets[id].got.is_empty();
        let ids: Vec<ConnId> = self.upstreams();
        let ids: Vec<ConnId> = ids.into_iter().filter(|id| asked(self, id)).collect();
        for id in &ids {
            self.sockets.get_mut(id).unwrap().got.clear();
            self.send(*id, bytes.as_ref());
        }
        ids.len()
    }
}

/// A POST of a JSON document.
pub(crate) fn post(path: &str, json: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{json}",
        json.len()
    )
}
