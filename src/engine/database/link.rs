//! One connection to a database server: what the session wants, and what it tells.
//!
//! ```text
//!  Connecting ─► Entering ─► Leased ─► Shared ─► Leaving ─► gone
//!   a dial's      TLS, proof,│ tables   orders of    answers to what
//!                 parameters │ are made many owners  was sent
//!                            └──► Listening (one of them: listen.rs)
//! ```
//! Bytes that are no whole message wait in the tail of the connection, as everywhere.

use std::net::SocketAddr;

use uuid::Uuid;

use super::order::Wrong;
use crate::engine::Engine;
use crate::engine::blocks::Pen;
use crate::engine::conn::{Conn, Role, Wait};
use crate::engine::io::{Gone, How, Output};
use crate::engine::now::Mono;
use crate::engine::slots::{ConnId, DialId, Key, OrderId};
use crate::engine::work::{Work, WorkOwner};
use crate::limits::{DB_LISTEN_PING_MS, DB_LOGIN_MS, DB_MIGRATION_MS, DB_SILENCE_MS};
use crate::proto::postgres::{
    Answer, CancelKey, Event, Fault, Report, Session, Stretch, StretchedKey,
};

/// The database's side of a connection.
#[derive(Debug)]
pub struct Link {
    /// Which server, by its place in the settings.
    pub host: u16,
    /// Where that is, for a word behind the back of a connection that is silent.
    pub address: SocketAddr,
    /// What it is doing.
    pub phase: LinkPhase,
    /// What is spoken on it, once it stands.
    pub(super) session: Option<Box<Session>>,
    /// Orders on it that the server may be at for long.
    pub(super) long: usize,
    /// When orders could be sent.
    pub(super) born: Mono,
    /// Whether there is TLS.
    pub(super) secure: bool,
    /// What a thread is computing for it.
    stretching: Option<Stretch>,
}

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkPhase {
    /// The TCP connection is being made.
    Connecting(DialId),
    /// The server is being convinced.
    Entering,
    /// Tables are being looked at, or made.
    Leased,
    /// Orders are sent.
    Shared,
    /// It is heard what others tell.
    Listening,
    /// Answers are waited for, and nothing is sent any more.
    Leaving,
    /// It exists to say this, and ends with it.
    Cancelling(CancelKey),
}

/// What has happened on it.
pub(super) enum News {
    NeedMore,
    /// It is noted where it belongs.
    Noted,
    StartTls,
    Stretch(Stretch),
    Ready,
    /// The answer to this order is whole.
    Finished(OrderId),
    /// The answer to a step of the migration is whole.
    Stepped,
    /// The server says that it tells what others tell.
    Listens,
    /// Something about this job has changed, by way of this process of the server.
    Told(Uuid, u32),
    Changed,
    Goodbye(Box<Report>),
    Fault(Fault),
}

impl Link {
    /// A connection that is being made.
    #[must_use]
    pub fn new(host: u16, address: SocketAddr, phase: LinkPhase) -> Self {
        Link {
            host,
            address,
            phase,
            session: None,
            long: 0,
            born: Mono(0),
            secure: false,
            stretching: None,
        }
    }

    /// Orders that it owes an answer to.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.session.as_ref().map_or(0, |session| session.pending())
    }
}

impl Engine {
    pub(super) fn link(&mut self, id: ConnId) -> Option<&mut Link> {
        match &mut self.conns.get_mut(id)?.role {
            Role::Database(link) => Some(link),
            _ => None,
        }
    }

    /// TCP stands.
    pub(in crate::engine) fn database_connected(&mut self, id: ConnId) {
        match self.link(id).map(|link| link.phase) {
            Some(LinkPhase::Connecting(dial)) => self.dial_connected(id, dial),
            Some(LinkPhase::Cancelling(key)) => self.say_cancel(id, key),
            _ => {}
        }
    }

    /// A dial was won by this connection: log in.
    pub(in crate::engine) fn log_in(&mut self, id: ConnId) {
        let Some(database) = &mut self.database else {
            return;
        };
        database.dials -= 1;
        database.links.push(id);
        let (login, nonce) = (database.login(), database.nonces.nonce());
        let opened = self.with_session_out(id, |pen| Session::open(login, nonce, pen));
        let Some(Ok(session)) = opened else {
            // Settings hold no zero byte: they were read from text that was looked at.
            return self.link_failed(id, "the log-in holds a zero byte".into(), 0);
        };
        if let Some(link) = self.link(id) {
            link.phase = LinkPhase::Entering;
            link.session = Some(Box::new(session));
        }
        let at = self.now.mono.plus_ms(DB_LOGIN_MS);
        self.set_wait(id, Wait::Database, at);
        self.settle_conn(id);
        self.flush(id);
    }

    /// Lets a session write to its connection. What it says before it is let in is nobody's
    /// business.
    fn with_session_out<T>(
        &mut self,
        id: ConnId,
        say: impl FnOnce(&mut Pen<'_>) -> T,
    ) -> Option<T> {
        let conn = self.conns.get_mut(id)?;
        let mut pen = Pen {
            blocks: &mut self.blocks,
            chain: &mut conn.out,
            secret: true,
        };
        Some(say(&mut pen))
    }

    /// TLS stands.
    pub(in crate::engine) fn database_secured(&mut self, id: ConnId) {
        let end_point = match &mut self.database {
            Some(database) => database.end_points.remove(&id),
            None => return,
        };
        self.with_entering(id, |session, pen| session.secured(end_point, pen));
    }

    /// The hash of the certificate of a server, before it is told that TLS stands.
    pub(in crate::engine) fn end_point_known(&mut self, id: ConnId, hash: Vec<u8>) {
        if let Some(link) = self.link(id)
            && link.phase == LinkPhase::Entering
            && let Some(database) = &mut self.database
        {
            database.end_points.insert(id, hash);
        }
    }

    fn with_entering(&mut self, id: ConnId, say: impl FnOnce(&mut Session, &mut Pen<'_>)) {
        let Some(Conn {
            out,
            role: Role::Database(link),
            ..
        }) = self.conns.get_mut(id)
        else {
            return;
        };
        if let Some(session) = &mut link.session {
            let mut pen = Pen {
                blocks: &mut self.blocks,
                chain: out,
                secret: true,
            };
            say(session, &mut pen);
            self.settle_conn(id);
            self.flush(id);
        }
    }

    /// A thread has stretched the password.
    pub(in crate::engine) fn password_stretched(&mut self, id: ConnId, key: &StretchedKey) {
        let stretch = self.link(id).and_then(|link| link.stretching.take());
        if let (Some(stretch), Some(database)) = (stretch, &mut self.database) {
            database.stretched = Some((stretch, key.clone()));
        }
        self.with_entering(id, |session, pen| session.stretched(key, pen));
    }

    /// Bytes came.
    pub(in crate::engine) fn database_received(&mut self, id: ConnId, fresh: &[u8]) {
        if self.conns.get(id).is_none() {
            return;
        }
        if self.feed(id, fresh, Engine::database_steps) {
            self.settle_conn(id);
            if !self.conns.get(id).is_some_and(|conn| conn.out.is_empty()) {
                self.flush(id);
            }
        }
        self.serve_line();
    }

    /// Takes whole messages off `input`; returns how many bytes were used.
    fn database_steps(&mut self, id: ConnId, input: &[u8]) -> usize {
        let mut rest = input;
        while let Some(news) = self.link_step(id, &mut rest) {
            match news {
                News::NeedMore => return input.len() - rest.len(),
                News::Noted => {}
                News::StartTls => self.secure_link(id),
                News::Stretch(stretch) => self.stretch_password(id, stretch),
                News::Ready => self.link_ready(id),
                News::Finished(order) => self.order_answered(id, order),
                News::Stepped => self.migration_stepped(id),
                News::Listens => self.listens(id),
                News::Told(job, process) => self.told_of_job(job, process),
                News::Changed => self.server_changed(id),
                News::Goodbye(report) => self.link_dismissed(id, &report),
                News::Fault(fault) => self.link_failed(id, fault.to_string(), 0),
            }
        }
        input.len()
    }

    /// One event of the session. `None`: the connection is gone.
    fn link_step(&mut self, id: ConnId, rest: &mut &[u8]) -> Option<News> {
        let Conn {
            out,
            role: Role::Database(link),
            ..
        } = self.conns.get_mut(id)?
        else {
            return None;
        };
        let (session, database) = (link.session.as_mut()?, self.database.as_mut()?);
        let mut pen = Pen {
            blocks: &mut self.blocks,
            chain: out,
            secret: !session.is_ready(),
        };
        Some(match session.next(rest, &mut pen) {
            Ok(None) => News::NeedMore,
            Ok(Some(event)) => database.note(event),
            Err(fault) => News::Fault(fault),
        })
    }

    fn secure_link(&mut self, id: ConnId) {
        let Some(link) = self.link(id) else {
            return;
        };
        link.secure = true;
        let host = link.host;
        let index = self.database_name(host);
        self.out.push(Output::StartTls(id, index));
    }

    /// Has the password stretched by a thread, unless that was done before for the same server.
    fn stretch_password(&mut self, id: ConnId, stretch: Stretch) {
        let Some(database) = &mut self.database else {
            return;
        };
        if let Some((done, key)) = &database.stretched
            && *done == stretch
        {
            let key = key.clone();
            return self.with_entering(id, |session, pen| session.stretched(&key, pen));
        }
        if let Some(link) = self.link(id) {
            link.stretching = Some(stretch.clone());
        }
        let work = Work::Stretch(Box::new(stretch));
        if self.works.submit(WorkOwner::Database(id), work).is_none() {
            self.link_failed(id, "no thread is free to stretch the password".into(), 0);
        }
    }

    /// The server will say nothing more.
    pub(in crate::engine) fn database_ended(&mut self, id: ConnId) {
        self.link_failed(id, "it has closed the connection".into(), 0);
        self.serve_line();
    }

    /// The connection is gone; the reactor has closed its socket already.
    pub(in crate::engine) fn database_gone(&mut self, id: ConnId, gone: Gone) {
        if let Some(LinkPhase::Connecting(dial)) = self.link(id).map(|link| link.phase) {
            self.remove_conn(id);
            self.dial_refused(id, dial, gone);
        } else {
            self.link_failed(id, gone.words().into(), 0);
        }
        self.serve_line();
    }

    /// It took too long to be let in, or an answer does not come although even the server itself
    /// would have given it up by now.
    pub(in crate::engine) fn link_due(&mut self, id: ConnId) {
        match self.link(id).map(|link| link.phase) {
            Some(LinkPhase::Cancelling(_)) => self.close_conn(id, How::Plain),
            Some(LinkPhase::Listening) if self.link(id).is_some_and(|link| link.pending() == 0) => {
                self.ping_listener(id);
            }
            Some(_) => {
                self.cancel_behind(id);
                self.link_failed(id, "it does not answer".into(), 0);
                self.serve_line();
            }
            None => {}
        }
    }

    /// Sets the deadline of a connection that is logged in: the oldest answer that it owes.
    pub(super) fn watch_link(&mut self, id: ConnId) {
        let Some(database) = &self.database else {
            return;
        };
        let patience = match self.conns.get(id).map(|conn| &conn.role) {
            Some(Role::Database(link)) if link.pending() == 0 => {
                (link.phase == LinkPhase::Listening).then_some(DB_LISTEN_PING_MS)
            }
            Some(Role::Database(link)) if link.phase == LinkPhase::Leased => Some(DB_MIGRATION_MS),
            Some(Role::Database(_)) => Some(database.statement_ms + DB_SILENCE_MS),
            _ => return,
        };
        let at = patience.map_or(Mono::NEVER, |ms| self.now.mono.plus_ms(ms));
        self.set_wait(id, Wait::Database, at);
    }
}

impl super::Database {
    /// Puts an event where it belongs, and says what is to be done about it.
    fn note(&mut self, event: Event<'_>) -> News {
        match event {
            Event::StartTls => News::StartTls,
            Event::Stretch(stretch) => News::Stretch(stretch),
            Event::Ready => News::Ready,
            Event::Goodbye(report) => News::Goodbye(report),
            Event::Changed => News::Changed,
            Event::Notice(_) => News::Noted,
            Event::Notification {
                channel,
                payload,
                process,
            } => self.listener.told(channel, payload, process),
            Event::Answer(super::listen::TOKEN, answer) => self.listener.note(answer),
            Event::Answer(super::migrate::TOKEN, answer) => self.migration.note(answer),
            Event::Answer(token, answer) => self.note_answer(token, answer),
        }
    }

    fn note_answer(&mut self, token: u64, answer: Answer<'_>) -> News {
        let id = OrderId(Key::unpack(token));
        if let Answer::Finished(_) = answer {
            return News::Finished(id);
        }
        if let Some(order) = self.orders.get_mut(id) {
            match answer {
                Answer::Row(row) => order.row(&row),
                Answer::Done(tag) => order.done(&tag),
                Answer::Failed(report) => order.wrong = Some(Wrong::Refused(report)),
                // No order of ours copies.
                Answer::CopyIn | Answer::CopyOut | Answer::Copied(_) | Answer::Finished(_) => {}
            }
        }
        News::Noted
    }
}
