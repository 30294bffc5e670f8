//! Errors of the operating system in words for the person who starts the server: without numbers,
//! and with what to do where there is one thing to do.

use std::io;

/// What the system said, without its number.
pub(super) fn plain(error: &io::Error) -> String {
    let words = error.to_string();
    match words.find(" (os error ") {
        Some(at) => words[..at].to_lowercase(),
        None => words,
    }
}

/// Why an address cannot be listened on.
pub(super) fn listening(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program listens there; stop it, or choose another address".into()
        }
        io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address; choose one of its own".into()
        }
        io::ErrorKind::PermissionDenied => "this user may not; choose a port from 1024 on".into(),
        _ => plain(error),
    }
}

/// Why a thread cannot be started.
pub(super) fn thread(name: &str, error: &io::Error) -> io::Error {
    let words = format!(
        "the thread {name} cannot be started: {}; raise the limit of processes and threads (ulimit \
         -u), or that of the container",
        plain(error)
    );
    io::Error::new(error.kind(), words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_left_out_and_there_is_something_to_do() {
        assert_eq!(
            plain(&io::Error::from_raw_os_error(2)),
            "no such file or directory"
        );
        assert_eq!(plain(&io::Error::other("As it is (os)")), "As it is (os)");
        let taken = io::Error::from(io::ErrorKind::AddrInUse);
        assert!(listening(&taken).contains("another program"));
        let none = thread("log", &io::Error::from_raw_os_error(11)).to_string();
        assert!(
            none.contains("thread log") && none.contains("ulimit -u"),
            "{none}"
        );
    }
}
