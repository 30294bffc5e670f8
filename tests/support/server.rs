//! The real binary in a folder of its own.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tempfile::TempDir;

use super::client::{Client, ask};
use super::response::Response;
use super::{PATIENCE, process, until};

/// How the variables begin that would reach a server's settings.
const SETTINGS: &[&str] = &["MAITRED_", "OPENAI_", "ANTHROPIC_", "GEMINI_", "GOOGLE_"];

/// A folder with everything of one server. It outlives the server, so that another one can be
/// started in it.
pub struct House(TempDir);

impl House {
    /// A new, empty one.
    pub fn new() -> House {
        House(tempfile::tempdir().expect("a temporary folder"))
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Where the database is.
    pub fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// All files in it, those in folders too.
    pub fn data_files(&self) -> Vec<PathBuf> {
        let (mut folders, mut files) = (vec![self.data()], Vec::new());
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("the data folder is there") {
                let path = entry.expect("it can be listed").path();
                let list = if path.is_dir() {
                    &mut folders
                } else {
                    &mut files
                };
                list.push(path);
            }
        }
        files
    }

    /// Writes a file into the folder and says where it is.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, text).expect("the folder can be written to");
        path
    }

    /// The command that starts a server here, by way of a shell if there is something to be done
    /// before.
    fn command(&self, config: &str, shell: &str) -> Command {
        let config = self.write("maitred.toml", config);
        let mut command = binary(shell);
        command
            .args(["--listen", "127.0.0.1:0"])
            .arg("--data-dir")
            .arg(self.data())
            .arg("--config")
            .arg(config)
            .current_dir(self.path())
            .stdin(Stdio::null());
        command
    }

    /// Starts the binary where it is expected to end by itself, and waits for that.
    pub fn run_to_exit(&self, config: &str, further: &[&str]) -> Output {
        let mut command = self.command(config, "");
        command
            .args(further)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let started = Instant::now();
        while child.try_wait().expect("a child of ours").is_none() {
            if started.elapsed() > PATIENCE {
                let _ = child.kill();
                panic!("it serves although it should not");
            }
            std::thread::sleep(super::ms(5));
        }
        child.wait_with_output().expect("a child of ours")
    }
}

/// The command that runs the binary, from a shell that runs `shell` before if that is not empty.
/// Nothing of the environment reaches its settings.
pub fn binary(shell: &str) -> Command {
    let binary = env!("CARGO_BIN_EXE_maitred");
    let mut command = Command::new(binary);
    if !shell.is_empty() {
        command = Command::new("sh");
        command.args(["-c", &format!("{shell}; exec \"$0\" \"$@\""), binary]);
    }
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if [
            "OPENAI_",
            "ANTHROPIC_",
            "GEMINI_",
            "GOOGLE_",
            "MAITRED_",
            "DATABASE_",
            "REDIS_",
            "PG",
        ]
        .iter()
        .any(|prefix| name.starts_with(prefix))
        {
            command.env_remove(name);
        }
    }
    command
}

/// A running server. Killed when dropped.
pub struct Server {
    /// Where it listens.
    pub addr: SocketAddr,
    child: Child,
    log: Arc<Mutex<String>>,
    house: Option<House>,
}

/// A server that has ended.
pub struct Ended {
    /// How.
    pub status: ExitStatus,
    /// Everything it wrote to standard output and standard error.
    pub log: String,
    /// Its folder.
    pub house: House,
}

impl Server {
    /// Starts one in a folder of its own and waits until it answers.
    pub fn start(config: &str) -> Server {
        Server::start_in(House::new(), config)
    }

    /// Starts one in a folder that may have been used before.
    pub fn start_in(house: House, config: &str) -> Server {
        Server::start_after(house, config, "")
    }

    /// Starts one from a shell that runs `shell` before, to limit it (`ulimit -n 256`).
    pub fn start_after(house: House, config: &str, shell: &str) -> Server {
        let mut command = house.command(config, shell);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let log = Arc::new(Mutex::new(String::new()));
        let address = read_address(&mut child, &log);
        let server = |addr| Server {
            addr,
            child,
            log: Arc::clone(&log),
            house: Some(house),
        };
        match address.recv_timeout(PATIENCE) {
            Ok(addr) => {
                let server = server(addr);
                assert_eq!(server.ask(super::get("/healthz")).status, 200);
                server
            }
            Err(_) => {
                drop(server(SocketAddr::from(([127, 0, 0, 1], 0))));
                let log = log.lock().expect("no reader panics").clone();
                panic!("it has not said where it listens: {log}")
            }
        }
    }

    /// A connection to it.
    pub fn connect(&self) -> Client {
        Client::connect(self.addr)
    }

    /// One request on a connection of its own.
    pub fn ask(&self, request: impl AsRef<[u8]>) -> Response {
        ask(self.addr, request)
    }

    /// The value of a line of `/metrics`, its labels included in the name.
    pub fn metric(&self, name: &str) -> f64 {
        let page = self.ask(super::get("/metrics"));
        let line = page
            .text()
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} is not in {}", page.text()))
            .parse()
            .expect("a number")
    }

    /// The sum over all labels of a gauge or counter in `/metrics`.
    pub fn total(&self, name: &str) -> f64 {
        let page = self.ask(super::get("/metrics"));
        let values = page.text().lines().filter_map(|line| {
            let (label, value) = line.strip_prefix(name)?.rsplit_once(' ')?;
            (label.is_empty() || label.starts_with('{'))
                .then(|| value.parse::<f64>().expect("a number"))
        });
        values.sum()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its folder.
    pub fn house(&self) -> &House {
        self.house.as_ref().expect("given away only when it ends")
    }

    /// What it has written so far.
    pub fn log(&self) -> String {
        self.log.lock().expect("no reader panics").clone()
    }

    /// `kill -9`, and its folder for the next one.
    pub fn kill(mut self) -> House {
        self.child.kill().expect("a child of ours");
        self.child.wait().expect("a child of ours");
        self.house.take().expect("given away only here")
    }

    /// SIGTERM, without waiting.
    pub fn terminate(&self) {
        process::signal(self.pid(), "TERM");
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Ended {
        let status = until("the end of the server", || {
            self.child.try_wait().expect("a child of ours")
        });
        Ended {
            status,
            log: self.log(),
            house: self.house.take().expect("given away only here"),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- what the server wrote:\n{}", self.log());
        }
    }
}

/// Collects both outputs of `child`; the address is sent as soon as it is told.
fn read_address(child: &mut Child, log: &Arc<Mutex<String>>) -> Receiver<SocketAddr> {
    let (send, address) = channel();
    let stdout = child.stdout.take().expect("piped");
    let stderr = child.stderr.take().expect("piped");
    collect(stdout, Arc::clone(log), move |line| {
        if let Some(addr) = address_in(line) {
            // Later lines may name it again, when nobody listens any more.
            let _ = send.send(addr);
        }
    });
    collect(stderr, Arc::clone(log), |_| {});
    address
}

fn collect(
    pipe: impl Read + Send + 'static,
    log: Arc<Mutex<String>>,
    mut each: impl FnMut(&str) + Send + 'static,
) {
    std::thread::spawn(move || {
        let mut reader = BufReader::new(pipe);
        let mut line = Vec::new();
        while matches!(reader.read_until(b'\n', &mut line), Ok(read) if read > 0) {
            let text = String::from_utf8_lossy(&line);
            each(&text);
            log.lock().expect("no reader panics").push_str(&text);
            line.clear();
        }
    });
}

fn address_in(line: &str) -> Option<SocketAddr> {
    let after = line.split_once("http://127.0.0.1:")?.1;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    let port: u16 = digits.parse().ok()?;
    Some(SocketAddr::from(([127, 0, 0, 1], port)))
}
