//! A word behind the back of a connection that is silent: CancelRequest, on a connection of its own
//! (PostgreSQL manual, "Canceling Requests in Progress").
//!
//! It is sent for a connection that is being given up as a whole, so it cannot hit the wrong owner. A
//! server that was stopped and goes on does not work on for nobody then.

use super::link::{Link, LinkPhase};
use crate::engine::Engine;
use crate::engine::blocks::Pen;
use crate::engine::conn::{Conn, Role, Wait};
use crate::engine::io::Output;
use crate::engine::slots::ConnId;
use crate::limits::DB_LOGIN_MS;
use crate::proto::postgres::{self, CancelKey};

impl Engine {
    /// Has the server stop what `id` is busy with. Where there is TLS nothing is said in clear: the
    /// server's own limit has to do.
    pub(super) fn cancel_behind(&mut self, id: ConnId) {
        let now = self.now.mono;
        let Some(link) = self
            .link(id)
            .filter(|link| link.pending() > 0 && !link.secure)
        else {
            return;
        };
        let key = link
            .session
            .as_ref()
            .and_then(|session| session.cancel_key());
        let (host, address) = (link.host, link.address);
        let Some(key) = key else {
            return;
        };
        let link = Link::new(host, address, LinkPhase::Cancelling(key));
        let conn = Conn::new(Role::Database(Box::new(link)), now);
        // Without a place for it, the server's own limit has to do as well.
        if let Ok(id) = self.conns.insert(conn) {
            self.set_wait(id, Wait::Database, now.plus_ms(DB_LOGIN_MS));
            self.out.push(Output::Connect(id, address));
        }
    }

    /// TCP stands: the word, and the server closes.
    pub(super) fn say_cancel(&mut self, id: ConnId, key: CancelKey) {
        if let Some(conn) = self.conns.get_mut(id) {
            let mut pen = Pen {
                blocks: &mut self.blocks,
                chain: &mut conn.out,
                secret: true,
            };
            postgres::cancel(key, &mut pen);
            self.settle_conn(id);
            self.flush(id);
        }
    }
}
