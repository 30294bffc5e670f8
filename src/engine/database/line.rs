//! Orders in line: who is sent on which connection, what comes of it, and who has waited too long.
//!
//! ```text
//!  A: search, row, row     B: search, search     C: row, counter, row       a search goes to A or B,
//!                                                                           a row or a counter to C
//! ```
//! On a connection nobody overtakes anybody. So questions that the server may be at for long leave one
//! connection to the others, if there are several, and the others go where none of them is.

use super::Database;
use super::link::{Link, LinkPhase};
use super::order::{Ask, Order, Wrong};
use super::verdict;
use crate::engine::Engine;
use crate::engine::blocks::Pen;
use crate::engine::conn::{Conn, Role};
use crate::engine::now::Mono;
use crate::engine::slots::{ConnId, OrderId, WorkId};
use crate::engine::work::{Work, WorkResult};
use crate::limits::{DB_ATTEMPTS, PG_PIPELINE};
use crate::proto::postgres::{Outcome, Refused};
use crate::store::postgres::store_error;
use crate::store::{StoreError, Write};

impl Engine {
    /// Takes a piece of work that is for the store.
    pub(in crate::engine) fn order_work(&mut self, work: WorkId) {
        match self.works.take(work) {
            Some(Work::Read(query)) => self.order_that(work, Ask::Read(query)),
            Some(Work::Write(write)) => self.order_that(work, Ask::Write(write)),
            Some(Work::Count(counting)) => self.order_that(work, Ask::Count(counting)),
            _ => self.work_done(work, WorkResult::Panicked),
        }
    }

    /// The rows of a text, scored by a thread.
    pub(in crate::engine) fn order_rows(&mut self, work: WorkId, write: Box<Write>) {
        self.order_that(work, Ask::Write(write));
    }

    fn order_that(&mut self, work: WorkId, ask: Ask) {
        let now = self.now.mono;
        let Some(database) = &mut self.database else {
            return;
        };
        let order = Order::new(work, ask, now.plus_ms(database.wait_ms));
        let is_urgent = order.is_urgent();
        // Each piece of work has a place, and none is two orders.
        if let Ok(id) = database.orders.insert(order) {
            self.works.ordered(work, id);
            if is_urgent {
                database.put_first(now, id);
            } else {
                database.line.push_back(id);
            }
            // Where nobody has been for a while, nobody has to wait to learn it.
            self.expire_orders();
            self.serve_line();
        } else {
            self.work_done(work, WorkResult::Panicked);
        }
    }

    /// Sends what waits, as far as there are connections for it, and sees to it that there are.
    pub(in crate::engine) fn serve_line(&mut self) {
        loop {
            let Some(database) = &self.database else {
                return;
            };
            let Some(&id) = database.line.front() else {
                break;
            };
            let order = database.orders.get(id);
            let is_long = order.is_some_and(Order::is_long);
            if order.is_some_and(|order| self.works.is_dropped(order.work)) {
                self.end_order(id, |order| order.failure(StoreError::TimedOut));
                continue;
            }
            let Some(link) = self.free_link(is_long) else {
                break;
            };
            self.send_order(link, id);
        }
        self.mind_the_pool();
    }

    /// The connection with the least to do that takes such orders.
    fn free_link(&mut self, is_long: bool) -> Option<ConnId> {
        let database = self.database.as_mut()?;
        let shared = |id: &ConnId| match &self.conns.get(*id)?.role {
            Role::Database(link) if link.phase == LinkPhase::Shared => Some((*id, &**link)),
            _ => None,
        };
        let links = || database.links.iter().filter_map(shared);
        let quick = links().filter(|(_, link)| link.long == 0).count();
        let keeps_off = |link: &Link| match is_long {
            true => link.long == 0 && quick <= 1,
            false => link.long > 0,
        };
        let crowded = |id| self.conns.get(id).is_none_or(Conn::is_crowded);
        let free = links()
            .filter(|(id, link)| link.pending() < PG_PIPELINE && !crowded(*id))
            .min_by_key(|(_, link)| (keeps_off(link), link.pending()))
            .map(|(id, link)| (id, link.pending()));
        // One that has nothing to do would be better.
        database.wants_more |= free.is_none_or(|(_, owes)| owes > 0);
        free.map(|(id, _)| id)
    }

    fn send_order(&mut self, conn: ConnId, id: OrderId) {
        let now = self.now.mono;
        let (
            Some(database),
            Some(Conn {
                out,
                role: Role::Database(link),
                ..
            }),
        ) = (&mut self.database, self.conns.get_mut(conn))
        else {
            return;
        };
        database.line.pop_front();
        let (Some(order), Some(session)) = (database.orders.get_mut(id), &mut link.session) else {
            return;
        };
        let is_long = order.is_long();
        let Some(request) = order.begin(now, conn) else {
            return;
        };
        let mut pen = Pen {
            blocks: &mut self.blocks,
            chain: out,
            secret: false,
        };
        let was_idle = session.pending() == 0;
        let token = id.0.pack();
        let sent = request.with(|statements| session.send(token, statements, &mut pen));
        database.counts.sent += 1;
        if let Err(refused) = sent {
            return self.order_refused(id, refused);
        }
        link.long += usize::from(is_long);
        if was_idle {
            self.watch_link(conn);
        }
        self.settle_conn(conn);
        self.flush(conn);
    }

    /// It cannot be sent at all, on whatever connection.
    fn order_refused(&mut self, id: OrderId, refused: Refused) {
        self.end_order(id, |order| {
            order.failure(StoreError::Failed {
                path: "postgres".into(),
                reason: refused.to_string(),
            })
        });
    }

    /// The answer to an order is whole.
    pub(super) fn order_answered(&mut self, conn: ConnId, id: OrderId) {
        self.watch_link(conn);
        let Some(order) = self.database.as_mut().and_then(|d| d.orders.get_mut(id)) else {
            return;
        };
        if let Some(Role::Database(link)) = self.conns.get_mut(conn).map(|conn| &mut conn.role) {
            link.long -= usize::from(order.is_long());
        }
        match order.wrong.take() {
            None => self.end_order(id, Order::finish),
            Some(Wrong::Row(error)) => self.end_order(id, |order| order.failure(error)),
            Some(Wrong::Refused(report)) => {
                let (attempts, is_taken_back) = (order.attempts, order.is_taken_back());
                let others = self
                    .database
                    .as_ref()
                    .is_some_and(|d| d.settings.hosts.len() > 1);
                let verdict = verdict::judge(&report, attempts, others);
                if let Some(database) = &mut self.database {
                    database.pooled |= verdict.pooled;
                }
                if verdict.pooled {
                    self.stop_listening();
                }
                if verdict.leave {
                    self.leave_link(conn);
                }
                if verdict.repeat && !is_taken_back {
                    self.repeat_order(id);
                } else {
                    self.end_order(id, |order| order.failure(store_error(&report)));
                }
            }
        }
        self.close_if_left(conn);
    }

    /// The connection of an order was lost.
    pub(super) fn order_lost(&mut self, id: OrderId, outcome: Outcome) {
        let now = self.now.mono;
        let Some(database) = &mut self.database else {
            return;
        };
        let statement_ms = database.statement_ms;
        let Some(order) = database.orders.get_mut(id) else {
            return;
        };
        if outcome == Outcome::Unknown && order.leaves_doubt() {
            self.works.doubt(order.work);
        }
        if let Some(Wrong::Refused(report)) = &order.wrong
            && outcome == Outcome::Failed
            && !verdict::judge(report, order.attempts, false).repeat
        {
            let error = store_error(report);
            return self.end_order(id, |order| order.failure(error));
        }
        if order.at.plus_ms(statement_ms) <= now {
            return self.end_order(id, |order| order.failure(StoreError::TimedOut));
        }
        if !order.survives(outcome) {
            return self.end_order(id, |order| order.failure(StoreError::Unknown));
        }
        if order.attempts >= DB_ATTEMPTS {
            let error = self.unreachable();
            return self.end_order(id, |order| order.failure(error));
        }
        self.repeat_order(id);
    }

    /// Back into line, before all that came later.
    fn repeat_order(&mut self, id: OrderId) {
        let now = self.now.mono;
        let Some(database) = &mut self.database else {
            return;
        };
        database.counts.repeated += 1;
        database.put_first(now, id);
    }

    /// Gives the result of an order to whoever waits for it.
    fn end_order(&mut self, id: OrderId, result: impl FnOnce(Order) -> WorkResult) {
        let Some(database) = &mut self.database else {
            return;
        };
        let Some(order) = database.orders.remove(id) else {
            return;
        };
        if database.line.front() == Some(&id) {
            database.line.pop_front();
        }
        if !order.is_taken_back() {
            let work = order.work;
            self.work_done(work, result(order));
        }
    }

    /// Ends the orders that have waited too long for a connection; all of them, if there was none
    /// for as long already.
    pub(super) fn expire_orders(&mut self) {
        let now = self.now.mono;
        let down = self.is_down();
        loop {
            let Some(database) = &mut self.database else {
                return;
            };
            let due = database.line.front().copied().filter(|id| {
                let order = database.orders.get(*id);
                down || order.is_none_or(|order| order.at <= now)
            });
            let Some(id) = due else {
                return;
            };
            database.counts.late += 1;
            let error = self.unreachable();
            self.end_order(id, |order| order.failure(error));
        }
    }

    /// Why rows will not be stored, as far as that is known. A short interruption is no reason: who
    /// is let in now has its row stored after it.
    pub(in crate::engine) fn database_refuses(&self) -> Option<&StoreError> {
        let never = self.database.as_ref()?.counts.opened == 0;
        self.database_trouble().filter(|_| never || self.is_down())
    }

    /// Whether there is no connection, and was none for as long as an order waits.
    fn is_down(&self) -> bool {
        let Some(database) = &self.database else {
            return false;
        };
        let patience = database.wait_ms;
        let trouble = database.trouble.as_ref();
        trouble.is_some_and(|t| t.since.plus_ms(patience) <= self.now.mono)
            && !self.has_shared_link()
    }

    fn unreachable(&self) -> StoreError {
        let trouble = self.database_trouble().cloned();
        trouble.unwrap_or_else(|| StoreError::Unreachable {
            reason: "no connection was free in time".into(),
        })
    }
}

impl Database {
    /// An order goes before all others, with no more patience than they have, so that the line is in the
    /// order of its deadlines.
    fn put_first(&mut self, now: Mono, id: OrderId) {
        let first = self.line_due().unwrap_or(Mono::NEVER);
        if let Some(order) = self.orders.get_mut(id) {
            order.at = now.plus_ms(self.wait_ms).min(first);
            order.link = None;
            self.line.push_front(id);
        }
    }

    /// When the next order has waited too long.
    pub(super) fn line_due(&self) -> Option<Mono> {
        let first = self.orders.get(*self.line.front()?)?;
        Some(first.at)
    }
}
