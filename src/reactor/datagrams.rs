//! Datagrams: one question out, answers in.
//!
//! A socket of this kind lives for one question. It has a port of its own, which the kernel draws, and
//! is connected to whom it asks: the kernel drops what comes from anywhere else, and says when nobody
//! listens there. A datagram that cannot be sent at once is lost, as it may be on any way; the engine
//! asks again in time.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use mio::net::UdpSocket;
use mio::{Interest, Token};

use super::Reactor;
use super::socket::gone;
use crate::engine::ConnId;
use crate::engine::io::Input;
use crate::limits::READS_PER_TURN;

/// The socket of one question.
#[derive(Debug)]
pub struct Datagram {
    id: ConnId,
    socket: UdpSocket,
    /// On the list of sockets to be read.
    queued: bool,
}

impl Reactor {
    /// Sends what the engine has on `id` to `address`.
    pub(super) fn send_datagram(&mut self, id: ConnId, address: SocketAddr) {
        let opened = self.open_datagram(id, address).and_then(|mut datagram| {
            let sent = self.send_unsent(&mut datagram)?;
            Ok((datagram, sent))
        });
        match opened {
            Ok((datagram, sent)) => {
                self.datagrams.push(datagram);
                self.news.push_back(Input::Sent(id, sent));
            }
            Err(error) => self.news.push_back(Input::Closed(id, gone(&error))),
        }
    }

    fn open_datagram(&self, id: ConnId, address: SocketAddr) -> io::Result<Datagram> {
        let any: IpAddr = match address {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let mut socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
        socket.connect(address)?;
        let token = Token(id.0.pack() as usize);
        self.poll
            .registry()
            .register(&mut socket, token, Interest::READABLE)?;
        Ok(Datagram {
            id,
            socket,
            queued: false,
        })
    }

    /// Sends all that is unsent as one datagram; returns how much that was.
    fn send_unsent(&mut self, datagram: &mut Datagram) -> io::Result<usize> {
        let mut slices = [io::IoSlice::new(&[]); super::transfer::SLICES];
        let count = self.engine.unsent(datagram.id, &mut slices);
        let whole: Vec<u8> = slices[..count]
            .iter()
            .flat_map(|s| s.iter().copied())
            .collect();
        match datagram.socket.send(&whole) {
            Ok(sent) => Ok(sent),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(whole.len()),
            Err(error) => Err(error),
        }
    }

    /// Puts a socket on the ready list; `false` if there is none of that id.
    pub(super) fn note_datagram(&mut self, id: ConnId) -> bool {
        let Some(datagram) = self.datagrams.iter_mut().find(|d| d.id == id) else {
            return false;
        };
        if !datagram.queued {
            datagram.queued = true;
            self.ready.push_back(id);
        }
        true
    }

    /// Takes datagrams in, within a budget. Only `WouldBlock` says that there are no more.
    pub(super) fn read_datagrams(&mut self, id: ConnId) {
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut more = true;
        for _ in 0..READS_PER_TURN {
            let Some(datagram) = self.datagrams.iter_mut().find(|d| d.id == id) else {
                break; // the engine has closed it
            };
            datagram.queued = false;
            match datagram.socket.recv(&mut scratch) {
                Ok(length) => self.feed(Input::Received(id, &scratch[..length])),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    more = false;
                    if error.kind() != io::ErrorKind::WouldBlock {
                        self.drop_datagram(id);
                        self.feed(Input::Closed(id, gone(&error)));
                    }
                    break;
                }
            }
        }
        self.scratch = scratch;
        if more {
            self.note_datagram(id);
        }
    }

    /// Closes a socket of this kind. Closing takes it out of the poller too.
    pub(super) fn drop_datagram(&mut self, id: ConnId) {
        self.datagrams.retain(|datagram| datagram.id != id);
    }
}
