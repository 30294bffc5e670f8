//! One connection to a server: the greeting, then commands in a pipeline, and which answer is whose.
//!
//! ```text
//!   New ─ hello ─► Greeting ─(HELLO 3, or what came before it; SELECT)─► Ready
//!                     └─(refused)─► Broken ◄─(a violation, an answer nobody waits for)─┘
//! ```
//! Answers come in the order of the commands and carry no names, so a line of those who wait says
//! whose the next one is. Who does not wait any more leaves a *tombstone* in the line: its answer
//! comes all the same, and is thrown away instead of being given to the next one. A command is never
//! taken back.

use std::collections::VecDeque;

use super::command::write_command;
use super::reply::{Message, Reader, Reply, Step, Violation};
use super::{Refusal, Url};
use crate::limits::REDIS_PIPELINE;
use crate::proto::Sink;

/// Who asks, for which database.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Login {
    /// The name; `None` is `default`.
    pub user: Option<String>,
    /// The password, if there is one.
    pub password: Option<String>,
    /// The number of the database.
    pub database: u32,
    /// What the connection is to be called in the server's list of clients. No spaces.
    pub name: String,
}

impl Login {
    /// What a URL says, under this name.
    #[must_use]
    pub fn of(url: &Url, name: &str) -> Login {
        Login {
            user: url.user.clone(),
            password: url.expose_password().map(str::to_owned),
            database: url.database,
            name: name.to_owned(),
        }
    }
}

/// Never with the password.
impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login")
            .field("user", &self.user)
            .field("database", &self.database)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// One connection, for callers who are told apart by `T`.
#[derive(Debug)]
pub struct Session<T> {
    login: Login,
    reader: Reader,
    phase: Phase,
    /// Whether version 3 is spoken.
    pushes: bool,
    line: VecDeque<Waiting<T>>,
    tombstones: usize,
}

#[derive(Clone, Debug, PartialEq)]
enum Phase {
    New,
    Greeting,
    Ready,
    Broken(Fault),
}

/// Whose an answer is.
#[derive(Debug, PartialEq)]
enum Waiting<T> {
    Greeting(Greet),
    Caller(T),
    Tombstone,
}

/// What a command of the greeting was for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Greet {
    /// Version 3 with all there is to say.
    Hello,
    /// The same in several commands, for servers before 6.0.
    Login,
    /// Refused by some proxies; nothing depends on it.
    Name,
    Select,
}

/// What has happened.
#[derive(Debug, PartialEq)]
pub enum Event<T> {
    /// Commands may be sent.
    Ready,
    /// An answer, or an error that is one.
    Answer {
        /// Whose it is.
        to: T,
        /// What it says.
        reply: Result<Reply, Refusal>,
    },
    /// Something that answers no command.
    Push(Vec<Reply>),
}

/// Why the connection is of no use any more.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// The server broke the protocol.
    Violation(Violation),
    /// It has answered what nobody had asked.
    Unsolicited,
    /// It does not want us: see [`Refusal::remedy`].
    Refused(Refusal),
}

/// Why a command was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotNow {
    /// The greeting is not over, or the connection is broken.
    NotReady,
    /// [`REDIS_PIPELINE`] answers are awaited.
    Full,
    /// The server speaks version 2, which has no pushes.
    NoPushes,
}

impl<T: PartialEq> Session<T> {
    /// For a connection that stands, before a byte was sent.
    #[must_use]
    pub fn new(login: Login) -> Self {
        Session {
            login,
            reader: Reader::default(),
            phase: Phase::New,
            pushes: false,
            line: VecDeque::new(),
            tombstones: 0,
        }
    }

    /// Begins the greeting.
    pub fn hello(&mut self, out: &mut impl Sink) {
        debug_assert_eq!(self.phase, Phase::New, "one greeting");
        let login = &self.login;
        let mut words = vec!["HELLO", "3"];
        if let Some(password) = &login.password {
            words.extend(["AUTH", login.user.as_deref().unwrap_or("default"), password]);
        }
        words.extend(["SETNAME", &login.name]);
        write_command(out, &words);
        self.line.push_back(Waiting::Greeting(Greet::Hello));
        self.phase = Phase::Greeting;
    }

    /// Writes a command whose answer is `to`'s.
    ///
    /// # Errors
    /// Not now; nothing was written.
    pub fn send<A: AsRef<[u8]>>(
        &mut self,
        out: &mut impl Sink,
        words: &[A],
        to: T,
    ) -> Result<(), NotNow> {
        if self.phase != Phase::Ready {
            return Err(NotNow::NotReady);
        }
        if self.line.len() >= REDIS_PIPELINE {
            return Err(NotNow::Full);
        }
        write_command(out, words);
        self.line.push_back(Waiting::Caller(to));
        Ok(())
    }

    /// Asks to be told what is published in these channels. There is no answer, only pushes.
    ///
    /// # Errors
    /// Not now; nothing was written.
    pub fn subscribe(&mut self, out: &mut impl Sink, channels: &[&str]) -> Result<(), NotNow> {
        if self.phase != Phase::Ready {
            return Err(NotNow::NotReady);
        }
        if !self.pushes {
            // There it would be answered, and nothing but subscribing is allowed after it.
            return Err(NotNow::NoPushes);
        }
        write_command(out, &[&["SUBSCRIBE"], channels].concat());
        Ok(())
    }

    /// `to` waits no more. Its answer will be thrown away. `false` if it did not wait.
    pub fn cancel(&mut self, to: &T) -> bool {
        let theirs = |waiting: &&mut Waiting<T>| matches!(waiting, Waiting::Caller(id) if id == to);
        let Some(waiting) = self.line.iter_mut().find(theirs) else {
            return false;
        };
        *waiting = Waiting::Tombstone;
        self.tombstones += 1;
        true
    }

    /// Whether commands may be sent.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.phase == Phase::Ready
    }

    /// Answers that are awaited, those that nobody wants any more included.
    #[must_use]
    pub fn awaited(&self) -> usize {
        self.line.len()
    }

    /// Of these, how many nobody wants.
    #[must_use]
    pub fn tombstones(&self) -> usize {
        self.tombstones
    }

    /// The connection is gone: who was waiting. Whether their commands were carried out nobody
    /// knows.
    pub fn end(self) -> impl Iterator<Item = T> {
        self.line.into_iter().filter_map(|waiting| match waiting {
            Waiting::Caller(to) => Some(to),
            Waiting::Greeting(_) | Waiting::Tombstone => None,
        })
    }

    /// The next thing in `input`, which holds all bytes that were not consumed. Returns how many
    /// were, and what has happened; `None`: nothing until there is more. While it greets, it writes to
    /// `out`.
    ///
    /// # Errors
    /// The connection is of no use any more; every later step says the same.
    pub fn step(
        &mut self,
        input: &[u8],
        out: &mut impl Sink,
    ) -> Result<(usize, Option<Event<T>>), Fault> {
        if let Phase::Broken(fault) = &self.phase {
            return Err(fault.clone());
        }
        let mut used = 0;
        loop {
            let step = match self.reader.step(&input[used..]) {
                Ok(step) => step,
                Err(violation) => return Err(self.broken(Fault::Violation(violation))),
            };
            let message = match step {
                Step::NeedMore { consumed } => return Ok((used + consumed, None)),
                Step::Message { message, consumed } => {
                    used += consumed;
                    message
                }
            };
            let event = match message {
                Message::Push(values) => Some(Event::Push(values)),
                Message::Reply(reply) => self.answered(reply, out)?,
            };
            if event.is_some() {
                return Ok((used, event));
            }
        }
    }

    fn broken(&mut self, fault: Fault) -> Fault {
        self.phase = Phase::Broken(fault.clone());
        fault
    }

    fn answered(&mut self, reply: Reply, out: &mut impl Sink) -> Result<Option<Event<T>>, Fault> {
        let reply = match reply {
            Reply::Refused(refusal) => Err(refusal),
            reply => Ok(reply),
        };
        match self.line.pop_front() {
            None => Err(self.broken(match reply {
                // Said to a connection that is one too many, before it is closed.
                Err(refusal) => Fault::Refused(refusal),
                Ok(_) => Fault::Unsolicited,
            })),
            Some(Waiting::Tombstone) => {
                self.tombstones -= 1;
                Ok(None)
            }
            Some(Waiting::Caller(to)) => Ok(Some(Event::Answer { to, reply })),
            Some(Waiting::Greeting(greet)) => self.greeted(greet, reply, out),
        }
    }

    fn greeted(
        &mut self,
        greet: Greet,
        reply: Result<Reply, Refusal>,
        out: &mut impl Sink,
    ) -> Result<Option<Event<T>>, Fault> {
        match (greet, reply) {
            (Greet::Hello, Err(Refusal::UnknownCommand | Refusal::NoProtocol)) => {
                self.greet_as_before(out);
            }
            (Greet::Hello, Ok(_)) => {
                self.pushes = true;
                self.select(out);
            }
            (Greet::Name, _) | (_, Ok(_)) => {}
            (_, Err(refusal)) => return Err(self.broken(Fault::Refused(refusal))),
        }
        if self.line.is_empty() {
            self.phase = Phase::Ready;
            return Ok(Some(Event::Ready));
        }
        Ok(None)
    }

    /// The greeting of servers that know version 2 only.
    fn greet_as_before(&mut self, out: &mut impl Sink) {
        if let Some(password) = &self.login.password {
            // Before 6.0 there were no names.
            match &self.login.user {
                Some(user) => write_command(out, &["AUTH", user, password]),
                None => write_command(out, &["AUTH", password]),
            }
            self.line.push_back(Waiting::Greeting(Greet::Login));
        }
        write_command(out, &["CLIENT", "SETNAME", &self.login.name]);
        self.line.push_back(Waiting::Greeting(Greet::Name));
        self.select(out);
    }

    fn select(&mut self, out: &mut impl Sink) {
        if self.login.database > 0 {
            let number = self.login.database.to_string();
            write_command(out, &["SELECT", &number]);
            self.line.push_back(Waiting::Greeting(Greet::Select));
        }
    }
}
