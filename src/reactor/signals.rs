//! Signals, as events of the loop.
//!
//! SIGTERM and SIGINT ask for the end: what is there may finish. The second one does not wait.
//! SIGHUP is taken and means nothing, so that a closed terminal does not end a server. SIGPIPE is
//! ignored by the language's own start-up: a write to a peer that has gone is an error like others.

use std::io;

use mio::{Interest, Registry, Token};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook_mio::v1_0::Signals as Source;

/// The signals of this process.
pub struct Signals {
    source: Source,
    asked: bool,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Finish what is there and end.
    Stop,
    /// End now.
    StopNow,
}

impl Signals {
    /// Takes the signals over.
    pub fn take() -> io::Result<Self> {
        Ok(Signals {
            source: Source::new([SIGTERM, SIGINT, SIGHUP])?,
            asked: false,
        })
    }

    /// Registers once.
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.source, token, Interest::READABLE)
    }

    /// What the signals that came ask for.
    pub fn wish(&mut self) -> Option<Wish> {
        let mut wish = None;
        for signal in self.source.pending() {
            if signal == SIGHUP {
                tracing::info!("SIGHUP: there is nothing to reload");
            } else if self.asked {
                wish = Some(Wish::StopNow);
            } else {
                self.asked = true;
                wish = Some(Wish::Stop);
            }
        }
        wish
    }
}
