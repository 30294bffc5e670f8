//! Requests: statements that succeed or fail together.

use super::Session;
use super::copy::Copying;
use super::owed::Step;
use super::statements::Plan;
use crate::limits::PG_PIPELINE;
use crate::proto::Sink;
use crate::proto::postgres::request::{self, check_text};
use crate::proto::postgres::{Refused, Statement, Transaction, frontend};

/// What makes a session as it was after its log-in, but for its transaction and its prepared
/// statements.
const CLEAN: &str = "CLOSE ALL; UNLISTEN *; SELECT pg_advisory_unlock_all(); RESET SESSION AUTHORIZATION; RESET ALL; DISCARD TEMP";
const ROLLBACK: &str = "ROLLBACK";

impl Session {
    /// Sends statements as one transaction, unless one is open already; the answers carry `token`.
    /// They may be sent while others wait for theirs. No statement at all is a ping.
    ///
    /// The session must not be in a transaction that was begun by a request of somebody else.
    ///
    /// # Errors
    /// It cannot be sent, and nothing of it was.
    pub fn send(
        &mut self,
        token: u64,
        statements: &[Statement<'_>],
        out: &mut impl Sink,
    ) -> Result<(), Refused> {
        self.check_room()?;
        request::measure(statements, &mut self.values_bytes)?;
        self.plan(statements, out);
        for (index, statement) in statements.iter().enumerate() {
            self.put(statement, self.plans[index], self.values_bytes[index], out);
        }
        frontend::sync(out);
        self.owed.push_end(token);
        Ok(())
    }

    /// Sends a script: any number of statements without values, separated by semicolons, as one
    /// transaction unless they say otherwise. Rows come in text form. COPY has to be sent like
    /// this. Until it is answered, nothing else can be sent.
    ///
    /// # Errors
    /// It cannot be sent, and nothing of it was.
    pub fn script(&mut self, token: u64, sql: &str, out: &mut impl Sink) -> Result<(), Refused> {
        self.check_room()?;
        check_text(sql)?;
        frontend::query(sql, out);
        self.in_script = true;
        self.owed.push(Step::Script);
        self.owed.push_end(token);
        Ok(())
    }

    /// Makes a session that somebody has borrowed fit for the next one: no transaction, no settings,
    /// no LISTEN, no locks. First comes a request that ends the transaction, if one is open; both
    /// carry `token`.
    ///
    /// # Errors
    /// It cannot be sent: then the connection is to be closed.
    pub fn clean(&mut self, token: u64, out: &mut impl Sink) -> Result<(), Refused> {
        if self.pending() > 0 {
            return Err(Refused::Busy);
        }
        if self.transaction != Transaction::None {
            let rollback = Statement {
                sql: ROLLBACK,
                types: &[],
                values: &[],
                keep: false,
            };
            self.send(token, &[rollback], out)?;
        }
        self.script(token, CLEAN, out)
    }

    fn check_room(&self) -> Result<(), Refused> {
        if !self.is_ready() {
            return Err(Refused::NotReady);
        }
        if self.in_script || self.copying != Copying::No {
            return Err(Refused::Busy);
        }
        if self.pending() >= PG_PIPELINE {
            return Err(Refused::Full);
        }
        Ok(())
    }

    /// Decides under which names the statements go. What has to make room is closed before
    /// anything that might fail, for after an error the server would not listen.
    fn plan(&mut self, statements: &[Statement<'_>], out: &mut impl Sink) {
        self.plans.clear();
        for statement in statements {
            let plan = if statement.keep && !self.pooled {
                let owed = &mut self.owed;
                self.statements
                    .plan(statement.sql, statement.types, |name| {
                        frontend::close(name, out);
                        owed.push(Step::Closed);
                    })
            } else {
                Plan::Unnamed
            };
            self.plans.push(plan);
        }
    }

    fn put(
        &mut self,
        statement: &Statement<'_>,
        plan: Plan,
        values_bytes: usize,
        out: &mut impl Sink,
    ) {
        let (slot, parse, describe) = match plan {
            Plan::Unnamed => (None, true, true),
            Plan::Named {
                slot,
                parse,
                describe,
            } => (Some(slot), parse, describe),
        };
        let name = slot.map_or("", |slot| self.statements.name(slot));
        if parse {
            frontend::parse(name, statement.sql, statement.types, out);
            self.owed.push(Step::Parsed(slot));
        }
        frontend::bind(name, statement.types, statement.values, values_bytes, out);
        self.owed.push(Step::Bound);
        if describe {
            frontend::describe(out);
            self.owed.push(Step::Described(slot));
        }
        frontend::execute(out);
        self.owed.push(Step::Rows(slot));
    }
}
