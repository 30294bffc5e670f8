//! A line that tells how far it is, on a terminal only.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use super::crowd::Crowd;

#[derive(Debug)]
pub(crate) struct Progress {
    is_terminal: bool,
}

impl Progress {
    pub(crate) fn new() -> Progress {
        Progress {
            is_terminal: std::io::stderr().is_terminal(),
        }
    }

    pub(crate) fn show(&self, now: Duration, crowd: &Crowd) {
        if self.is_terminal {
            self.write(format_args!("\r\x1b[K{:.0} s  {crowd}", now.as_secs_f64()));
        }
    }

    pub(crate) fn clear(&self) {
        if self.is_terminal {
            self.write(format_args!("\r\x1b[K"));
        }
    }

    fn write(&self, arguments: std::fmt::Arguments<'_>) {
        let mut err = std::io::stderr();
        // Whoever closed the terminal does not look at it.
        let _ = err.write_fmt(arguments).and_then(|()| err.flush());
    }
}
