//! A [`Session`] with a PostgreSQL server over a blocking socket: what the reactor does, in the simplest
//! way.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use maitred::proto::postgres::{
    Answer, ChannelBinding, Encryption, Event, Fault, Login, Methods, Outcome, Password, Refused,
    Report, Row, Session, Statement, Transaction, Type, Value, server_end_point,
};
use maitred::store::postgres::migrations::Migrator;
use maitred::store::{StoreError, postgres as store};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use uuid::Uuid;

use super::PATIENCE;
use super::postgres::{DATABASE, PASSWORD, USER};

/// What a session has told, as something that can be kept.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    Ready,
    Row(u64, Vec<String>),
    Done(u64, String),
    Failed(u64, Box<Report>),
    CopyIn(u64),
    CopyOut(u64),
    Copied(u64, Vec<u8>),
    Finished(u64, Transaction),
    Notice(Box<Report>),
    Notification(String, String),
    Changed,
    Goodbye(Box<Report>),
    /// The server does not keep to the protocol, or to the settings.
    Fault(Fault),
    /// The connection has ended.
    End,
}

/// Bytes as they went over the wire, above TLS.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    FromUs(Vec<u8>),
    FromServer(Vec<u8>),
}

enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// What one step came to.
enum Step {
    Told(Told),
    Heard,
    NeedMore,
}

/// A connection.
pub struct Link {
    pub session: Session,
    wire: Option<Wire>,
    /// For TLS: whom to trust, and whom to expect.
    trust: Option<(Arc<ClientConfig>, String)>,
    input: Vec<u8>,
    pub out: Vec<u8>,
    pub heard: Vec<Heard>,
    /// At most so many bytes are read at a time.
    pub read_at_most: usize,
}

/// A log-in of the usual role, without TLS.
pub fn login() -> Login {
    Login {
        user: USER.into(),
        password: Some(Password::new(PASSWORD.into())),
        database: DATABASE.into(),
        application_name: "maitred".into(),
        parameters: vec![],
        encryption: Encryption::Never,
        methods: Methods::USUAL,
        channel_binding: ChannelBinding::IfOffered,
        pooled: false,
    }
}

/// What trusts the certificates of a file in PEM form, and no others.
pub fn trusting(pem: &str) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate.expect("PEM")).expect("a certificate");
    }
    Arc::new(
        ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth(),
    )
}

impl Link {
    /// Connects and says the first message.
    pub fn open(addr: SocketAddr, login: Login, trust: Option<(&str, &str)>) -> Link {
        let stream = TcpStream::connect(addr).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        stream.set_nodelay(true).expect("a socket");
        let mut out = Vec::new();
        let session = Session::open(login, *b"eighteen bytes 18b", &mut out).expect("no NUL");
        let trust = trust.map(|(pem, name)| (trusting(pem), name.to_owned()));
        Link {
            session,
            wire: Some(Wire::Plain(stream)),
            trust,
            input: Vec::new(),
            out,
            heard: Vec::new(),
            read_at_most: 64 * 1024,
        }
    }

    /// Connects and logs in as the usual role.
    pub fn ready(addr: SocketAddr) -> Link {
        Link::logged_in(addr, login())
    }

    /// Connects and logs in.
    pub fn logged_in(addr: SocketAddr, login: Login) -> Link {
        let mut link = Link::open(addr, login, None);
        assert_eq!(link.wait(), Told::Ready);
        link
    }

    /// Sends a request.
    pub fn send(&mut self, token: u64, statements: &[Statement<'_>]) -> Result<(), Refused> {
        self.session.send(token, statements, &mut self.out)
    }

    /// Sends a request of one statement without values.
    pub fn ask(&mut self, token: u64, sql: &str) {
        self.send(token, &[plain(sql)]).expect("there is room");
    }

    /// Sends a script.
    pub fn script(&mut self, token: u64, sql: &str) {
        self.session
            .script(token, sql, &mut self.out)
            .expect("there is room");
    }

    /// Has a step of a migration carried out.
    pub fn migrate(&mut self, migrator: &mut Migrator, sql: &str) -> Result<(), StoreError> {
        self.script(0, sql);
        let mut error = None;
        self.wait_for(&mut |event| match event {
            Event::Answer(0, Answer::Row(row)) => {
                migrator.row(&row);
                None
            }
            Event::Answer(0, Answer::Failed(report)) => {
                error = Some(store::store_error(&report));
                None
            }
            Event::Answer(0, Answer::Done(_)) | Event::Notice(_) => None,
            other => Some(told(other)),
        });
        error.map_or(Ok(()), Err)
    }

    /// The next thing that the session tells. Writes what there is to be written before it waits.
    pub fn wait(&mut self) -> Told {
        self.wait_for(&mut |event| Some(told(event)))
    }

    /// The same for somebody who hears each event first, and keeps those to itself for which it gives
    /// nothing.
    pub fn wait_for(&mut self, hear: &mut dyn FnMut(Event<'_>) -> Option<Told>) -> Told {
        loop {
            match self.step(hear) {
                Step::Told(told) => return told,
                Step::Heard => {}
                Step::NeedMore => {
                    self.flush();
                    if !self.read() {
                        return Told::End;
                    }
                }
            }
        }
    }

    /// Has the store's request carried out.
    ///
    /// # Panics
    /// The connection ends.
    pub fn run(&mut self, request: &store::Request<'_>) -> Result<store::Answered, StoreError> {
        self.begin(request);
        self.end(request)
    }

    /// Lines the store's request up: it leaves with [`Link::flush`], or when something is waited for.
    pub fn begin(&mut self, request: &store::Request<'_>) {
        let sent = request.with(|statements| self.send(0, statements));
        sent.expect("there is room");
    }

    /// Waits for the answer to the oldest of the store's requests.
    ///
    /// # Panics
    /// The connection ends.
    pub fn end(&mut self, request: &store::Request<'_>) -> Result<store::Answered, StoreError> {
        let (mut answer, mut error) = (request.answer(), None);
        let end = self.wait_for(&mut |event| match event {
            Event::Answer(0, Answer::Row(row)) => {
                error = error.take().or(answer.row(&row).err());
                None
            }
            Event::Answer(0, Answer::Done(tag)) => {
                answer.done(&tag);
                None
            }
            Event::Answer(0, Answer::Failed(report)) => {
                error = Some(store::store_error(&report));
                None
            }
            Event::Notice(_) => None,
            other => Some(told(other)),
        });
        assert!(matches!(end, Told::Finished(0, _)), "{end:?}");
        error.map_or_else(|| answer.finish(), Err)
    }

    /// Everything up to the end of the request with this token.
    pub fn finish(&mut self, token: u64) -> Vec<Told> {
        let mut all = Vec::new();
        loop {
            let told = self.wait();
            let is_last = matches!(told, Told::Finished(t, _) if t == token)
                || matches!(told, Told::End | Told::Fault(_) | Told::Goodbye(_));
            all.push(told);
            if is_last {
                return all;
            }
        }
    }

    /// Runs one statement and gives its rows.
    pub fn rows(&mut self, sql: &str) -> Vec<Vec<String>> {
        self.ask(u64::MAX, sql);
        let told = self.finish(u64::MAX).into_iter();
        told.filter_map(|told| match told {
            Told::Row(_, row) => Some(row),
            Told::Failed(_, report) => panic!("{sql}: {} {}", report.code, report.message),
            _ => None,
        })
        .collect()
    }

    /// All requests that were lost with the connection.
    pub fn lost(&mut self) -> Vec<(u64, Outcome)> {
        std::iter::from_fn(|| self.session.lost()).collect()
    }

    fn step(&mut self, hear: &mut dyn FnMut(Event<'_>) -> Option<Told>) -> Step {
        let mut rest = self.input.as_slice();
        let (mut stretch, mut start_tls) = (None, false);
        let told = match self.session.next(&mut rest, &mut self.out) {
            Err(fault) => Step::Told(Told::Fault(fault)),
            Ok(None) => Step::NeedMore,
            Ok(Some(event)) => match event {
                Event::Stretch(work) => {
                    stretch = Some(work);
                    Step::Heard
                }
                Event::StartTls => {
                    start_tls = true;
                    Step::Heard
                }
                event => hear(event).map_or(Step::Heard, Step::Told),
            },
        };
        let used = self.input.len() - rest.len();
        self.input.drain(..used);
        if let Some(work) = &stretch {
            self.session.stretched(&work.run(), &mut self.out);
        }
        if start_tls && let Err(told) = self.start_tls() {
            return Step::Told(told);
        }
        told
    }

    fn start_tls(&mut self) -> Result<(), Told> {
        let Some(Wire::Plain(stream)) = self.wire.take() else {
            panic!("TLS within TLS");
        };
        let (config, name) = self.trust.clone().expect("the test asks for TLS");
        let name = ServerName::try_from(name).expect("a name");
        let session = ClientConnection::new(config, name).expect("a session");
        let mut tls = StreamOwned::new(session, stream);
        while tls.conn.is_handshaking() {
            if tls.conn.complete_io(&mut tls.sock).is_err() {
                return Err(Told::End);
            }
        }
        let certificate = &tls.conn.peer_certificates().expect("servers have one")[0];
        let end_point = server_end_point(certificate);
        self.wire = Some(Wire::Tls(Box::new(tls)));
        self.session.secured(end_point, &mut self.out);
        Ok(())
    }

    /// Writes what there is to be written.
    pub fn flush(&mut self) {
        if self.out.is_empty() {
            return;
        }
        let out = std::mem::take(&mut self.out);
        // That it is closed shows in the next read.
        let _ = match self.wire.as_mut() {
            Some(Wire::Plain(stream)) => stream.write_all(&out),
            Some(Wire::Tls(stream)) => stream.write_all(&out).and_then(|()| stream.flush()),
            None => Ok(()),
        };
        self.heard.push(Heard::FromUs(out));
    }

    fn read(&mut self) -> bool {
        let mut bytes = vec![0; self.read_at_most];
        let count = loop {
            let count = match self.wire.as_mut() {
                Some(Wire::Plain(stream)) => stream.read(&mut bytes),
                Some(Wire::Tls(stream)) => stream.read(&mut bytes),
                None => Ok(0),
            };
            match count {
                Ok(count) => break count,
                // A process that was stopped and goes on.
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => panic!("nothing came"),
                Err(_) => break 0,
            }
        };
        self.input.extend_from_slice(&bytes[..count]);
        if count > 0 {
            self.heard.push(Heard::FromServer(bytes[..count].to_vec()));
        }
        count > 0
    }
}

/// A statement without values, that is not kept.
pub fn plain(sql: &str) -> Statement<'_> {
    Statement {
        sql,
        types: &[],
        values: &[],
        keep: false,
    }
}

/// A statement with values, that is kept.
pub fn kept<'a>(sql: &'a str, types: &'a [Type], values: &'a [Value<'a>]) -> Statement<'a> {
    Statement {
        sql,
        types,
        values,
        keep: true,
    }
}

/// An event as something that can be kept. Not for those that want something done.
pub fn told(event: Event<'_>) -> Told {
    match event {
        Event::Ready => Told::Ready,
        Event::Notice(report) => Told::Notice(report),
        Event::Notification {
            channel, payload, ..
        } => Told::Notification(channel.into(), payload.into()),
        Event::Changed => Told::Changed,
        Event::Goodbye(report) => Told::Goodbye(report),
        Event::StartTls | Event::Stretch(_) => panic!("{event:?} wants something done"),
        Event::Answer(token, answer) => match answer {
            Answer::Row(row) => Told::Row(token, cells(row)),
            Answer::Done(tag) => Told::Done(token, tag.as_str().into()),
            Answer::Failed(report) => Told::Failed(token, report),
            Answer::CopyIn => Told::CopyIn(token),
            Answer::CopyOut => Told::CopyOut(token),
            Answer::Copied(bytes) => Told::Copied(token, bytes.into()),
            Answer::Finished(now) => Told::Finished(token, now),
        },
    }
}

/// The values of a row, whatever they are, as text.
fn cells(row: Row<'_>) -> Vec<String> {
    let mut values = row.values();
    let cell = |_| {
        let mut as_text = values;
        if let Ok(text) = as_text.text() {
            values = as_text;
            return text.unwrap_or("NULL").to_owned();
        }
        macro_rules! read_as {
            ($($kind:ty => $show:expr),*) => {$(
                let mut this = values;
                if let Ok(value) = this.take::<Option<$kind>>() {
                    values = this;
                    return value.map_or("NULL".to_owned(), $show);
                }
            )*};
        }
        read_as!(
            &str => |v| v.to_owned(),
            i64 => |v| v.to_string(),
            f64 => |v| format!("{v:?}"),
            bool => |v| v.to_string(),
            Uuid => |v| v.to_string(),
            &[u8] => |v| format!("{v:02x?}"),
            maitred::proto::postgres::Timestamp => |v| format!("{}us", v.0)
        );
        let mut this = values;
        let fault = this.take::<bool>().expect_err("every type was tried");
        values = this;
        fault.to_string()
    };
    (0..row.len()).map(cell).collect()
}
