//! A Redis of a test's own, on a free port of 127.0.0.1, from the packages of the system. It keeps
//! everything in memory. And a client for it: the session of `proto/redis` on a blocking socket.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use maitred::proto::redis::{Event, Fault, Login, Refusal, Reply, Session};

use tempfile::TempDir;

use super::provider::free_addr;
use super::{PATIENCE, until};

/// The password of `default`.
pub const PASSWORD: &str = "s3cret of rediß";

/// The user that root starts it as.
const NOBODY: u32 = 65534;

/// A running server. Killed when dropped.
pub struct Redis {
    /// Where it listens.
    pub addr: SocketAddr,
    process: Child,
    arguments: Vec<String>,
    folder: TempDir,
}

impl Redis {
    /// With these arguments too, such as `--maxmemory 2mb`.
    pub fn start(arguments: &[&str]) -> Redis {
        let folder = tempfile::tempdir().expect("a folder");
        let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
        // Somebody else may take a free port first.
        let started = (0..5).find_map(|_| {
            let addr = free_addr();
            run(addr, folder.path(), &arguments).map(|process| (addr, process))
        });
        let (addr, process) = started.expect("a port");
        Redis {
            addr,
            process,
            arguments,
            folder,
        }
    }

    /// Where it is and who may come in, as `redis.url` has it.
    pub fn url(&self) -> String {
        let password: String = PASSWORD
            .bytes()
            .map(|byte| format!("%{byte:02X}"))
            .collect();
        format!("redis://:{password}@{}", self.addr)
    }

    /// `kill -9`
    pub fn kill(&mut self) {
        self.process.kill().expect("a child of ours");
        self.process.wait().expect("a child of ours");
    }

    /// Another one in the same place, which knows nothing of the one before.
    pub fn restart(&mut self) {
        self.kill();
        let process = run(self.addr, self.folder.path(), &self.arguments);
        self.process = process.expect("its port is free again");
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Who may do everything, in database 0.
    pub fn login() -> Login {
        Login {
            password: Some(PASSWORD.to_owned()),
            name: "maitred".to_owned(),
            ..Login::default()
        }
    }

    /// A connection that is greeted.
    pub fn connect(&self) -> Line {
        Line::open(self.addr, Redis::login()).expect("it lets us in")
    }
}

/// Starts a server, and waits until it listens. `None`: somebody else does there.
fn run(addr: SocketAddr, folder: &Path, arguments: &[String]) -> Option<Child> {
    let mut command = Command::new("redis-server");
    // What root has made, root owns.
    if folder.metadata().is_ok_and(|it| it.uid() == 0) {
        chown(folder, Some(NOBODY), Some(NOBODY)).expect("root may");
        command.uid(NOBODY).gid(NOBODY);
    }
    command
        .args(["--bind", "127.0.0.1", "--port", &addr.port().to_string()])
        .args(["--requirepass", PASSWORD, "--save", ""])
        .arg("--dir")
        .arg(folder)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut process = command.spawn().expect("redis-server is there");
    let id = format!("process_id:{}", process.id());
    let listens = until("redis listens", || {
        if process.try_wait().expect("a child of ours").is_some() {
            return Some(false);
        }
        TcpStream::connect(addr).ok()?;
        match Line::open(addr, Redis::login())
            .ok()?
            .ask(&["INFO", "server"])
        {
            Ok(Reply::Bytes(info)) => String::from_utf8_lossy(&info).contains(&id).then_some(true),
            _ => None,
        }
    });
    listens.then_some(process)
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A session on a socket that is waited for.
pub struct Line {
    socket: TcpStream,
    /// What is told about answers goes by numbers.
    pub session: Session<u64>,
    tail: Vec<u8>,
    next: u64,
}

impl Line {
    /// Opens one and greets.
    pub fn open(addr: SocketAddr, login: Login) -> Result<Line, Fault> {
        let socket = TcpStream::connect(addr).expect("it listens");
        socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
        let mut line = Line {
            socket,
            session: Session::new(login),
            tail: Vec::new(),
            next: 0,
        };
        let mut out = Vec::new();
        line.session.hello(&mut out);
        line.socket.write_all(&out).expect("it reads");
        match line.event()? {
            Event::Ready => Ok(line),
            other => panic!("{other:?} before the greeting"),
        }
    }

    /// Sends a command and returns its number.
    pub fn send<A: AsRef<[u8]>>(&mut self, words: &[A]) -> u64 {
        let mut out = Vec::new();
        let id = self.next;
        self.next += 1;
        let sent = self.session.send(&mut out, words, id);
        sent.expect("there is room in the line");
        self.socket.write_all(&out).expect("it reads");
        id
    }

    /// Asks to be told what is published in a channel.
    pub fn subscribe(&mut self, channel: &str) {
        let mut out = Vec::new();
        let subscribed = self.session.subscribe(&mut out, &[channel]);
        subscribed.expect("it speaks version 3");
        self.socket.write_all(&out).expect("it reads");
        match self.event() {
            Ok(Event::Push(_)) => {}
            other => panic!("{other:?} for a subscription"),
        }
    }

    /// Waits for what happens next.
    pub fn event(&mut self) -> Result<Event<u64>, Fault> {
        loop {
            let mut out = Vec::new();
            let (used, event) = self.session.step(&self.tail, &mut out)?;
            self.tail.drain(..used);
            self.socket.write_all(&out).expect("it reads");
            if let Some(event) = event {
                return Ok(event);
            }
            let mut some = [0; 4096];
            let n = self.socket.read(&mut some).expect("it answers");
            assert!(n > 0, "it has closed");
            self.tail.extend_from_slice(&some[..n]);
        }
    }

    /// Sends a command and waits for its answer.
    pub fn ask<A: AsRef<[u8]>>(&mut self, words: &[A]) -> Result<Reply, Refusal> {
        let id = self.send(words);
        match self.event().expect("it keeps to the protocol") {
            Event::Answer { to, reply } if to == id => reply,
            other => panic!("{other:?} in the place of an answer"),
        }
    }
}
