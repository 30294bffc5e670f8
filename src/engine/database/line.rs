//! Orders in line: who is sent on which connection, what comes of it, and who has waited too long.

use super::Database;
use super::link::LinkPhase;
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
        // Each piece of work has a place, and none is two orders.
        if let Ok(id) = database.orders.insert(order) {
            database.line.push_back(id);
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
            let work = database.orders.get(id).map(|order| order.work);
            if work.is_some_and(|work| self.works.is_dropped(work)) {
                self.end_order(id, |order| order.failure(StoreError::TimedOut));
                continue;
            }
            let Some(link) = self.free_link() else {
                break;
            };
            self.send_order(link, id);
        }
        self.mind_the_pool();
    }

    /// The connection with the least to do that takes orders.
    fn free_link(&mut self) -> Option<ConnId> {
        let database = self.database.as_mut()?;
        let conns = &self.conns;
        let owes = |id: &ConnId| match conns.get(*id) {
            Some(
                conn @ Conn {
                    role: Role::Database(link),
                    ..
                },
            ) if link.phase == LinkPhase::Shared && !conn.is_crowded() => {
                Some((link.pending(), *id))
            }
            _ => None,
        };
        let free = database
            .links
            .iter()
            .filter_map(owes)
            .min_by_key(|(owes, _)| *owes);
        // One that has nothing to do would be better.
        database.wants_more |= free.is_none_or(|(owes, _)| owes > 0);
        free.filter(|(owes, _)| *owes < PG_PIPELINE)
            .map(|(_, id)| id)
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
        let request = order.begin(now, conn);
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
        match order.wrong.take() {
            None => self.end_order(id, Order::finish),
            Some(Wrong::Row(error)) => self.end_order(id, |order| order.failure(error)),
            Some(Wrong::Refused(report)) => {
                let attempts = order.attempts;
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
                if verdict.repeat {
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

    /// Back into line, before all that came later, and with no more patience than they have, so that
    /// the line is in the order of its deadlines.
    fn repeat_order(&mut self, id: OrderId) {
        let now = self.now.mono;
        let Some(database) = &mut self.database else {
            return;
        };
        let first = database.line_due().unwrap_or(Mono::NEVER);
        let until = now.plus_ms(database.wait_ms).min(first);
        if let Some(order) = database.orders.get_mut(id) {
            order.at = until;
            order.link = None;
            database.counts.repeated += 1;
            database.line.push_front(id);
        }
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
        let work = order.work;
        self.work_done(work, result(order));
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
    /// When the next order has waited too long.
    pub(super) fn line_due(&self) -> Option<Mono> {
        let first = self.orders.get(*self.line.front()?)?;
        Some(first.at)
    }
}
