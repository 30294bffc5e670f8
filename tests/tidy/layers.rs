//! Who may import whom, and who may do what the others have to ask for.

use crate::source::words;

/// Each room, and the rooms that it may name. A room is a folder or a file in `src/`.
const ROOMS: &[(&str, &[&str])] = &[
    ("limits", &[]),
    ("proto", &["limits"]),
    ("dialect", &["limits"]),
    ("score", &["limits"]),
    ("store", &["limits", "proto", "score"]),
    ("config", &["limits", "proto"]),
    ("web", &[]),
    (
        "engine",
        &[
            "config", "dialect", "limits", "proto", "score", "store", "web",
        ],
    ),
    (
        "reactor",
        &[
            "config", "dialect", "engine", "limits", "proto", "score", "store",
        ],
    ),
    ("cli", &["config", "limits", "score"]),
];

/// What only some may touch: the words, who may (by the start of the path), and why.
const OUTSIDE: &[(&[&str], &[&str], &str)] = &[
    (
        &["mio", "signal_hook", "signal_hook_mio", "socket2"],
        &["src/reactor/"],
        "readiness is the reactor's",
    ),
    (
        &[
            "rustls",
            "rustls_native_certs",
            "rustls_pki_types",
            "webpki_roots",
        ],
        &["src/reactor/"],
        "TLS is the reactor's; the engine only hears that it is up",
    ),
    (
        &[
            "TcpStream",
            "TcpListener",
            "UdpSocket",
            "UnixStream",
            "ToSocketAddrs",
        ],
        &["src/reactor/", "src/main.rs"],
        "sockets are the reactor's",
    ),
    (
        &["thread", "crossbeam_channel", "mpsc"],
        &["src/reactor/", "src/main.rs"],
        "threads and their queues are the reactor's, and each is in docs/threads.md",
    ),
    (
        &["Instant", "SystemTime"],
        &["src/reactor/", "src/main.rs"],
        "the time is an argument",
    ),
    (&["rusqlite"], &["src/store/sqlite"], "SQL is the store's"),
    (
        &["thread_local", "RefCell", "Rc"],
        &[],
        "sharing is a design question, not a smart pointer",
    ),
];

/// The rooms whose results depend on their arguments alone.
const PURE: &[&str] = &["engine", "proto", "dialect", "score"];

/// What a pure room may not have at all, and why.
const IMPURE: &[(&str, &str)] = &[
    (
        "RandomState",
        "a hash that differs from run to run cannot be replayed",
    ),
    (
        "now_v7",
        "it reads a clock and draws a number behind our back",
    ),
    ("new_v4", "it draws a number behind our back"),
    ("OsRng", "randomness is an argument"),
    ("fs", "files block"),
    ("sqlite", "it knows rows, not where they are kept"),
];

/// The same, where it takes more than a word to tell.
const MADE: &[(&str, &str)] = &[
    ("HashMap::new", "its hash differs from run to run"),
    ("HashMap::default", "its hash differs from run to run"),
    ("HashSet::new", "its hash differs from run to run"),
    ("HashSet::default", "its hash differs from run to run"),
    ("env::", "the environment is an argument"),
];

/// The room that a file is in.
fn room(path: &str) -> Option<&'static str> {
    let rest = path.strip_prefix("src/")?;
    (ROOMS.iter().map(|(room, _)| *room))
        .find(|room| rest.starts_with(&format!("{room}/")) || rest == format!("{room}.rs"))
}

/// Complains about a room that names one above it or beside it.
pub(crate) fn imports(path: &str, code: &str) -> Vec<String> {
    let Some(room) = room(path) else {
        let known = ["src/lib.rs", "src/main.rs"].contains(&path);
        return if known {
            vec![]
        } else {
            vec![format!("{path}: in no room that tidy knows")]
        };
    };
    let allowed = ROOMS
        .iter()
        .find(|(name, _)| *name == room)
        .map_or(&[][..], |(_, a)| a);
    (named_rooms(code).into_iter())
        .filter(|named| named != room && !allowed.contains(&named.as_str()))
        .map(|named| format!("{path}: `{room}` may not know `{named}`"))
        .collect()
}

/// The rooms behind `crate::` and `super::`, one by one or in braces.
fn named_rooms(code: &str) -> Vec<String> {
    let mut named = Vec::new();
    for from in ["crate::", "super::"] {
        for (at, _) in code.match_indices(from) {
            let rest = &code[at + from.len()..];
            let names: Vec<&str> = match rest.strip_prefix('{') {
                Some(list) => first_names(list),
                None => vec![rest],
            };
            for name in names {
                let end = name.find(|c: char| !c.is_alphanumeric() && c != '_');
                named.push(name[..end.unwrap_or(name.len())].to_string());
            }
        }
    }
    named.retain(|name| ROOMS.iter().any(|(room, _)| room == name));
    named
}

/// `a::{b, c}, d}` gives what begins with `a` and `d`.
fn first_names(list: &str) -> Vec<&str> {
    let (mut names, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.push(list[start..at].trim());
                return names;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(list[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    names
}

/// Complains about words that belong to another room.
pub(crate) fn forbidden(path: &str, code: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for (number, word) in words(code) {
        for (list, rooms, why) in OUTSIDE {
            if list.contains(&word) && !rooms.iter().any(|room| path.starts_with(room)) {
                complaints.push(format!("{path}:{number}: `{word}`: {why}"));
            }
        }
    }
    if room(path).is_some_and(|room| PURE.contains(&room)) {
        complaints.extend(impure(path, code));
    }
    complaints
}

fn impure(path: &str, code: &str) -> Vec<String> {
    let words = words(code).flat_map(|(number, word)| {
        (IMPURE.iter().filter(move |(name, _)| *name == word))
            .map(move |(name, why)| format!("{path}:{number}: `{name}`: {why}"))
    });
    let made = (MADE.iter().filter(|(made, _)| code.contains(made)))
        .map(|(made, why)| format!("{path}: `{made}`: {why}"));
    words.chain(made).collect()
}

/// Complains where a map is walked: its order is not the same in two runs.
pub(crate) fn map_order(files: &[(String, String)]) -> Vec<String> {
    let maps: Vec<&str> = (files.iter())
        .flat_map(|(_, code)| code.lines())
        .filter_map(|line| {
            let (field, kind) = line.trim().split_once(": ")?;
            (kind.starts_with("HashMap<") || kind.starts_with("HashSet<"))
                .then(|| field.rsplit(' ').next().unwrap_or(field))
        })
        .collect();
    let walks = [
        ".iter()",
        ".iter_mut()",
        ".keys()",
        ".values()",
        ".values_mut()",
        ".drain()",
        ".retain(",
    ];
    let mut complaints = Vec::new();
    for (path, code) in files {
        for map in &maps {
            let dotted = (walks.iter()).any(|walk| code.contains(&format!("{map}{walk}")));
            let looped = [" in ", " in &", " in &mut "]
                .iter()
                .any(|walk| code.contains(&format!("{walk}self.{map} {{")));
            if dotted || looped {
                complaints.push(format!("{path}: the map `{map}` is walked in its order"));
            }
        }
    }
    complaints
}

#[test]
fn an_import_against_the_picture_is_found_however_it_is_written() {
    for code in [
        "use crate::engine::Engine;",
        "use crate::{limits::A, engine::{Engine, Now}};",
        "use super::engine::Engine;",
        "let x = crate::reactor::run();",
    ] {
        assert_eq!(imports("src/proto/sse.rs", code).len(), 1, "{code}");
    }
    assert!(imports("src/proto/sse.rs", "use crate::limits; use super::Sink;").is_empty());
    assert!(imports("src/engine/io.rs", "use crate::proto::sse;").is_empty());
    assert_eq!(
        imports("src/engine/io.rs", "use crate::reactor::X;").len(),
        1
    );
    assert_eq!(imports("src/kitchen.rs", "").len(), 1);
}

#[test]
fn a_socket_or_a_clock_in_the_engine_is_found() {
    for code in [
        "use std::net::TcpStream;",
        "std::thread::spawn(f)",
        "let t = Instant::now();",
        "let t = SystemTime::now();",
        "let m: HashMap<u8, u8> = HashMap::new();",
        "let id = Uuid::now_v7();",
        "use mio::Token;",
        "use rustls::ClientConnection;",
        "use crate::store::sqlite::open;",
        "let x = std::env::var(name);",
    ] {
        assert!(!forbidden("src/engine/io.rs", code).is_empty(), "{code}");
    }
    assert!(forbidden("src/engine/io.rs", "use std::net::{IpAddr, SocketAddr};").is_empty());
    assert!(forbidden("src/reactor/poll.rs", "Instant::now(); use mio::Poll;").is_empty());
    assert_eq!(
        forbidden("src/reactor/poll.rs", "use rusqlite::Connection;").len(),
        1
    );
}

#[test]
fn walking_a_map_is_found() {
    let file = |code: &str| vec![("src/engine/x.rs".to_string(), code.to_string())];
    let map = "struct A {\n    by_id: HashMap<u8, u8, Keyed>,\n}\n";
    for walk in [
        "self.by_id.values()",
        "for x in &self.by_id {",
        "self.by_id.retain(f)",
    ] {
        assert_eq!(map_order(&file(&format!("{map}{walk}"))).len(), 1, "{walk}");
    }
    assert!(map_order(&file(&format!("{map}self.by_id.get(&1)"))).is_empty());
    assert!(map_order(&file("list: Vec<u8>,\nself.list.iter()")).is_empty());
}
