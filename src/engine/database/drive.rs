//! The line of orders without anybody who waits for an answer: what an order costs by itself is
//! measured so (`benches/database`). Nothing in the server calls it.

use crate::engine::Engine;
use crate::engine::io::Output;
use crate::engine::now::Now;
use crate::engine::work::{Work, WorkOwner};

impl Engine {
    /// Puts a question or a change for the store in line. `false`: there is no room.
    /// [`Engine::database_standing`] says how far it is.
    pub fn order_for_nobody(&mut self, now: Now, work: Work, out: &mut Vec<Output>) -> bool {
        self.within(now, out, |engine| {
            let has_room = engine.works.has_room(work.kind());
            if has_room {
                engine.works.submit(WorkOwner::Nobody, work);
                engine.dispatch_work();
            }
            has_room
        })
    }

    /// How many of such orders have failed.
    #[must_use]
    pub fn failed_for_nobody(&self) -> u64 {
        self.counters.rows_lost
    }
}
