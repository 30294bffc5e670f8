//! Carrying out what the engine wants done.

use std::net::{IpAddr, SocketAddr};

use mio::net::TcpStream;
use mio::{Interest, Token};

use super::Reactor;
use super::socket::{Socket, gone};
use super::tls::Tls;
use crate::engine::ConnId;
use crate::engine::io::{Gone, How, Input, Output, TlsFault};

impl Reactor {
    /// Carries out one output. What comes of it at once is put on the list of news.
    pub(super) fn perform(&mut self, output: Output) {
        match output {
            Output::Connect(id, address) => self.connect(id, address),
            Output::SendDatagram(id, address) => self.send_datagram(id, address),
            Output::StartTls(id, index) => self.start_tls(id, index),
            Output::Resolve(index) => self.threads.resolve(index, self.engine.host_name(index)),
            Output::Flush(id) => self.mark_dirty(id),
            Output::Pause(id) => {
                if let Some(socket) = self.socket(id) {
                    socket.paused = true;
                }
            }
            Output::Resume(id) => self.resume(id),
            Output::ShutWrite(id) => self.shut_write(id),
            Output::Close(id, how) => self.close(id, how),
            Output::Submit(id) => {
                if let Some(work) = self.engine.take_work(id) {
                    self.work.push((id, work));
                }
            }
            Output::PauseAccept => self.listener.set_paused(true),
            Output::ResumeAccept => self.listener.set_paused(false),
        }
    }

    /// The socket of `id`, unless it is stale.
    pub(super) fn socket(&mut self, id: ConnId) -> Option<&mut Socket> {
        self.sockets
            .get_mut(id.0.index as usize)?
            .as_mut()
            .filter(|socket| socket.id == id)
    }

    /// A client has connected: the engine gives it a place, or it is closed.
    pub(super) fn welcome(&mut self, stream: TcpStream, peer: IpAddr) {
        let mut outputs = std::mem::take(&mut self.outputs);
        let id = self.engine.accept(self.now, peer, &mut outputs);
        if let Some(recorder) = &mut self.recorder {
            recorder.accept(self.now, peer, id);
        }
        if let Some(id) = id {
            self.place(Socket::accepted(id, stream));
        }
        for output in outputs.drain(..) {
            self.perform(output);
        }
        self.outputs = outputs;
        while let Some(news) = self.news.pop_front() {
            self.feed(news);
        }
    }

    fn connect(&mut self, id: ConnId, address: SocketAddr) {
        match TcpStream::connect(address) {
            Ok(stream) => self.place(Socket::connecting(id, stream)),
            Err(error) => self.news.push_back(Input::Closed(id, gone(&error))),
        }
    }

    /// Puts a socket in its place and registers it, once and for everything.
    fn place(&mut self, mut socket: Socket) {
        let (id, index) = (socket.id, socket.id.0.index as usize);
        let interest = Interest::READABLE | Interest::WRITABLE;
        let token = Token(id.0.pack() as usize);
        if let Err(error) = self
            .poll
            .registry()
            .register(&mut socket.stream, token, interest)
        {
            tracing::error!(%error, "a socket could not be registered");
            self.news.push_back(Input::Closed(id, Gone::Reset));
            return;
        }
        if index >= self.sockets.len() {
            self.sockets.resize_with(index + 1, || None);
        }
        self.sockets[index] = Some(socket);
    }

    fn start_tls(&mut self, id: ConnId, index: u16) {
        let started = match &self.tls[index as usize] {
            Some(config) => Tls::start(config, self.engine.tls_host(index)),
            None => Err(TlsFault::Protocol),
        };
        match started {
            Ok(tls) => {
                if let Some(socket) = self.socket(id) {
                    socket.tls = Some(Box::new(tls));
                }
                self.mark_dirty(id); // its first flight
            }
            Err(fault) => {
                self.drop_socket(id);
                self.news.push_back(Input::Closed(id, Gone::Tls(fault)));
            }
        }
    }

    /// Puts a socket on the list of those that are written in the next turn.
    pub(super) fn mark_dirty(&mut self, id: ConnId) {
        if let Some(socket) = self.socket(id)
            && !socket.dirty
        {
            socket.dirty = true;
            self.dirty.push_back(id);
        }
    }

    /// Puts a socket on the list of those that are read in the next turn.
    pub(super) fn mark_ready(&mut self, id: ConnId) {
        if let Some(socket) = self.socket(id)
            && !socket.queued
        {
            socket.queued = true;
            self.ready.push_back(id);
        }
    }

    fn resume(&mut self, id: ConnId) {
        if let Some(socket) = self.socket(id) {
            socket.paused = false;
            if socket.readable {
                self.mark_ready(id); // the edge has come and gone while it was paused
            }
        }
    }

    fn shut_write(&mut self, id: ConnId) {
        let Some(socket) = self.socket(id) else {
            return;
        };
        if let Some(tls) = &mut socket.tls {
            tls.send_close_notify();
            socket.shut = true;
            self.mark_dirty(id);
        } else {
            socket.finish();
        }
    }

    fn close(&mut self, id: ConnId, how: How) {
        let Some(socket) = self.socket(id) else {
            return self.drop_datagram(id);
        };
        if how == How::Reset {
            socket.reset();
        } else if let Some(tls) = &mut socket.tls {
            tls.send_close_notify();
            // One attempt: a peer that does not take it now learns of the end from the FIN.
            if let Err(error) = tls.write_to(&mut socket.stream) {
                tracing::trace!(%error, "close_notify was not taken");
            }
        }
        self.drop_socket(id);
    }

    /// Closes the socket. Closing takes it out of the poller too.
    pub(super) fn drop_socket(&mut self, id: ConnId) {
        if self.socket(id).is_some() {
            self.sockets[id.0.index as usize] = None;
        }
    }
}
