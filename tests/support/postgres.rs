//! A PostgreSQL server of a test's own: a new cluster in a temporary folder, on a free port of
//! 127.0.0.1, from the packages of the system. And a PgBouncer before it.
//!
//! Servers refuse to run as root, so root starts them as the user `postgres`. Nothing of the
//! system's own clusters is touched.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::process::signal;
use super::provider::free_addr;
use super::tls::Identity;
use super::until;

/// The role that tests log in as, by SCRAM. It may do everything.
pub const USER: &str = "maitre";
/// Its password, and that of all other roles. Not ASCII, so that SASLprep has something to do: the
/// server has the ligature as two letters.
pub const PASSWORD: &str = "ﬁsch und Öl";
/// The database.
pub const DATABASE: &str = "tables";

/// What `database.url` is for who listens at `addr`: the server, or somebody before it.
pub fn url(addr: SocketAddr) -> String {
    let password: String = PASSWORD
        .bytes()
        .map(|byte| format!("%{byte:02X}"))
        .collect();
    format!("postgres://{USER}:{password}@{addr}/{DATABASE}?sslmode=disable")
}

/// Who may come in, and how. The roles are named after the method.
const ACCESS: &str = "\
    host all by_md5 127.0.0.1/32 md5\n\
    host all by_password 127.0.0.1/32 password\n\
    host all by_trust 127.0.0.1/32 trust\n\
    hostssl all only_tls 127.0.0.1/32 scram-sha-256\n\
    hostnossl all only_tls 127.0.0.1/32 reject\n\
    host all all 127.0.0.1/32 scram-sha-256\n";

/// Its settings, but for the port. Those of `ALTER SYSTEM` come after them.
const SETTINGS: &str = "\
    listen_addresses = '127.0.0.1'\n\
    unix_socket_directories = ''\n\
    max_connections = 20\n\
    fsync = off\n\
    ssl = on\n";

/// A running server. Stopped, and its folder removed, when dropped.
pub struct Postgres {
    /// Where it listens.
    pub addr: SocketAddr,
    /// The certificate that it shows, for `localhost`.
    pub identity: Identity,
    folder: TempDir,
    process: Child,
}

impl Postgres {
    /// Makes a cluster and starts its server.
    pub fn start() -> Postgres {
        let folder = private_folder();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("password"), "postgres").expect("the folder can be written to");
        run(as_server(&tool("initdb"))
            .args([
                "--no-sync",
                "--encoding=UTF8",
                "--locale=C",
                "--username=postgres",
            ])
            .args(["--auth=scram-sha-256", "--pwfile"])
            .arg(at("password"))
            .arg("--pgdata")
            .arg(at("data")));
        let identity = Identity::of(&["localhost"]);
        for (name, text) in [
            ("data/pg_hba.conf", ACCESS),
            ("data/server.crt", &identity.pem),
            ("data/server.key", &identity.key_pem),
        ] {
            give(&at(name), text);
        }
        let addr = free_addr();
        let settings = format!("{SETTINGS}port = {}\n", addr.port());
        give(&at("data/postgresql.conf"), &settings);
        let process = Self::launch(folder.path());
        let server = Postgres {
            addr,
            identity,
            folder,
            process,
        };
        server.wait();
        server.make_roles();
        server
    }

    fn launch(folder: &Path) -> Child {
        let log = fs::File::create(folder.join("log")).expect("the folder can be written to");
        as_server(&tool("postgres"))
            .arg("-D")
            .arg(folder.join("data"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("PostgreSQL is there")
    }

    fn wait(&self) {
        until("PostgreSQL takes statements", || {
            self.try_psql("postgres", "SELECT 1")
        });
    }

    fn make_roles(&self) {
        self.psql(
            "postgres",
            &format!(
                "CREATE ROLE {USER} SUPERUSER LOGIN PASSWORD '{PASSWORD}';
                 CREATE ROLE only_tls LOGIN PASSWORD '{PASSWORD}';
                 CREATE ROLE by_trust LOGIN;
                 CREATE ROLE by_password LOGIN PASSWORD '{PASSWORD}';
                 SET password_encryption = md5;
                 CREATE ROLE by_md5 LOGIN PASSWORD '{PASSWORD}'"
            ),
        );
        self.psql("postgres", &format!("CREATE DATABASE {DATABASE}"));
    }

    /// The pid of the server's first process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Ends it as a power failure would, with all that belongs to it.
    pub fn kill(&mut self) {
        // The first process alone: its children notice and end by themselves.
        signal(self.pid(), "KILL");
        self.process.wait().expect("it was started here");
    }

    /// Starts it again, after [`Postgres::kill`], where it was. As long as a process of the old one is
    /// left, which shares its memory, a new one refuses to start.
    pub fn restart(&mut self) {
        until("PostgreSQL takes statements again", || {
            if let Ok(Some(_)) = self.process.try_wait() {
                self.process = Self::launch(self.folder.path());
            }
            TcpStream::connect(self.addr).ok()?;
            self.try_psql("postgres", "SELECT 1")
        });
    }

    /// What `pg_ctl restart -m fast` does: SIGINT, which ends all sessions with 57P01, and another one
    /// once it has ended.
    pub fn restart_fast(&mut self) {
        signal(self.pid(), "INT");
        self.process.wait().expect("it was started here");
        self.restart();
    }

    /// Whether transactions may write, for all sessions from now on, those that are open too.
    pub fn set_read_only(&self, yes: bool) {
        let set = format!("ALTER SYSTEM SET default_transaction_read_only = {yes}");
        self.psql("postgres", &set);
        self.psql("postgres", "SELECT pg_reload_conf()");
    }

    /// Asks PostgreSQL's own client, as the superuser: rows as lines, columns with `|`.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        self.try_psql(database, sql)
            .unwrap_or_else(|| panic!("psql: {sql}"))
    }

    /// Every text that is stored, by id.
    ///
    /// # Panics
    /// One topic has several texts: each was asked for once, so one of them was stored twice.
    pub fn stored(&self) -> Vec<(String, String)> {
        let twice = "SELECT search_term_id FROM generated_content GROUP BY 1 HAVING count(*) > 1";
        assert_eq!(self.psql(DATABASE, twice), "", "stored twice");
        let rows = "SELECT json_build_array(id, text) FROM generated_content";
        let rows = self.psql(DATABASE, rows);
        let row = |line: &str| serde_json::from_str(line).expect("JSON");
        rows.lines().map(row).collect()
    }

    fn try_psql(&self, database: &str, sql: &str) -> Option<String> {
        let port = self.addr.port().to_string();
        let output = Command::new(tool("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
            .args([
                "-h",
                "127.0.0.1",
                "-p",
                &port,
                "-U",
                "postgres",
                "-d",
                database,
                "-c",
                sql,
            ])
            .env("PGPASSWORD", "postgres")
            .output()
            .expect("psql is there");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        output.status.success().then(|| text.trim_end().to_owned())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGQUIT ends its children at once, too. It may be gone already.
        let running = matches!(self.process.try_wait(), Ok(None));
        if running {
            signal(self.pid(), "QUIT");
            let _ = self.process.wait();
        }
        if std::thread::panicking() {
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            eprintln!("--- PostgreSQL's log ---\n{log}");
        }
    }
}

/// A running PgBouncer in transaction mode. Stopped when dropped.
pub struct PgBouncer {
    /// Where it listens.
    pub addr: SocketAddr,
    process: Child,
    _folder: TempDir,
}

impl PgBouncer {
    /// Starts one before `server`. All of its clients share `sessions` sessions of the server.
    pub fn start(server: &Postgres, sessions: usize) -> PgBouncer {
        let folder = private_folder();
        let at = |name: &str| folder.path().join(name);
        let addr = free_addr();
        let (own, behind) = (addr.port(), server.addr.port());
        let users = format!("\"{USER}\" \"{PASSWORD}\"\n");
        give(&at("users"), &users);
        let config = format!(
            "[databases]\n{DATABASE} = host=127.0.0.1 port={behind}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {own}\nunix_socket_dir =\n\
             auth_type = scram-sha-256\nauth_file = {}\npool_mode = transaction\n\
             default_pool_size = {sessions}\n",
            at("users").display(),
        );
        give(&at("pgbouncer.ini"), &config);
        let log = fs::File::create(at("log")).expect("the folder can be written to");
        let process = as_server(Path::new("pgbouncer"))
            .arg("--quiet")
            .arg(at("pgbouncer.ini"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("PgBouncer is there");
        until("PgBouncer", || TcpStream::connect(addr).ok());
        PgBouncer {
            addr,
            process,
            _folder: folder,
        }
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A command that runs as somebody whom servers do not refuse, with nothing in its environment that
/// they would listen to.
fn as_server(program: &Path) -> Command {
    let mut command = match server_ids() {
        Some((user, group)) => {
            let mut command = Command::new("setpriv");
            command
                .arg(format!("--reuid={user}"))
                .arg(format!("--regid={group}"));
            command.arg("--clear-groups").arg(program);
            command
        }
        None => Command::new(program),
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    command
        .env_clear()
        .env("PATH", path)
        .env("LC_ALL", "C")
        .current_dir("/");
    command
}

/// The user and group `postgres`, if we are root.
fn server_ids() -> Option<(u32, u32)> {
    (id(&["-u"]) == Some(0)).then(|| {
        let ids = id(&["-u", "postgres"]).zip(id(&["-g", "postgres"]));
        ids.expect("Debian's package has made the user postgres")
    })
}

fn id(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

fn private_folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    if let Some((user, group)) = server_ids() {
        chown(folder.path(), Some(user), Some(group)).expect("root may");
    }
    folder
}

/// Writes a file that only the server may read.
fn give(path: &Path, text: &str) {
    fs::write(path, text).expect("the folder can be written to");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("it is ours");
    if let Some((user, group)) = server_ids() {
        chown(path, Some(user), Some(group)).expect("root may");
    }
}

fn run(command: &mut Command) {
    let output = command.output().expect("the tool is there");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A program of PostgreSQL: the newest that Debian has installed, or what the path leads to.
pub fn tool(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let newest = versions
        .map(|entry| entry.path().join("bin").join(name))
        .filter(|path| path.exists())
        .max_by_key(|path| version(path));
    newest.unwrap_or_else(|| name.into())
}

fn version(program: &Path) -> u32 {
    let name = program.ancestors().nth(2).and_then(Path::file_name);
    name.and_then(|name| name.to_str()?.parse().ok())
        .unwrap_or(0)
}
