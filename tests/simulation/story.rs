//! What has happened in a run, for whoever has to find out why it fails.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::Write as _;
use std::rc::Rc;

use super::world::World;

/// Steps that are remembered.
const LAST: usize = 40;

/// The last steps of a run, or all of them aloud. Lives on when the run panics.
#[derive(Clone, Default)]
pub(crate) struct Story {
    last: Rc<RefCell<VecDeque<String>>>,
    aloud: bool,
}

impl Story {
    pub(crate) fn aloud() -> Story {
        Story {
            aloud: true,
            ..Story::default()
        }
    }

    /// Something happens, in words.
    pub(crate) fn tell(&self, world: &World, what: &str) {
        let ms = world.now.mono.0 / 1_000_000;
        let line = format!("{ms:>8} ms  {what}");
        if self.aloud {
            write(&line);
        }
        let mut last = self.last.borrow_mut();
        if last.len() == LAST {
            last.pop_front();
        }
        last.push_back(line);
    }

    pub(crate) fn last_steps(&self) -> String {
        let last = self.last.borrow();
        last.iter().cloned().collect::<Vec<_>>().join("\n")
    }
}

/// Past the capture of the test harness.
pub(crate) fn write(line: &str) {
    writeln!(std::io::stderr().lock(), "{line}").expect("standard error is open");
}
