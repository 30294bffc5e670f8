//! Answers: each message belongs to what is owed first.

use super::copy::Copying;
use super::owed::Step;
use super::startup::tag_of;
use super::{End, Happened, Phase, Session};
use crate::proto::postgres::backend::{Message, Transaction};
use crate::proto::postgres::report::Severity;
use crate::proto::postgres::{Fault, Meaning, Report};

impl Session {
    /// One message of a session that is logged in.
    pub(super) fn receive<'i>(&mut self, message: Message<'i>) -> Result<Happened<'i>, Fault> {
        match message {
            Message::Notice(report) => Ok(Happened::Notice(report)),
            Message::Notification {
                process,
                channel,
                payload,
            } => Ok(Happened::Notification {
                channel,
                payload,
                process,
            }),
            Message::ParameterStatus { name, value } => {
                let before = self.parameters;
                self.parameters.note(name, value)?;
                let has_changed = before != self.parameters;
                Ok(if has_changed {
                    Happened::Changed
                } else {
                    Happened::Nothing
                })
            }
            Message::Error(report) => self.fail(report),
            message => self.answer(message),
        }
    }

    /// An error ends the first request, or the connection.
    fn fail<'i>(&mut self, report: Box<Report>) -> Result<Happened<'i>, Fault> {
        if report.severity == Severity::Fatal {
            // A pooler may end a connection while its server goes on with what it was sent.
            self.phase = Phase::Over(End {
                in_order: !self.pooled,
                is_first: true,
            });
            return Ok(Happened::Goodbye(report));
        }
        if self.owed.front().is_none() || self.owed.has_failed() {
            return Err(Fault::Unexpected(b'E'));
        }
        self.copying = Copying::No;
        self.owed.fail(&mut self.statements);
        if report.meaning() == Meaning::Forgotten {
            self.statements.forget_all();
        }
        Ok(Happened::Failed(report))
    }

    fn answer<'i>(&mut self, message: Message<'i>) -> Result<Happened<'i>, Fault> {
        let Some(step) = self.owed.front() else {
            return Err(Fault::Unexpected(tag_of(&message)));
        };
        match (step, message) {
            (Step::Closed, Message::CloseComplete) | (Step::Bound, Message::BindComplete) => {
                self.owed.pop();
            }
            (Step::Parsed(slot), Message::ParseComplete) => {
                self.owed.pop();
                if let Some(slot) = slot {
                    self.statements.confirm(slot);
                }
            }
            (Step::Described(slot), Message::RowDescription(columns)) => {
                self.owed.pop();
                match slot {
                    Some(slot) => columns.read_into(self.statements.columns_mut(slot))?,
                    None => columns.read_into(&mut self.columns)?,
                }
            }
            (Step::Described(slot), Message::NoData) => {
                self.owed.pop();
                match slot {
                    Some(slot) => self.statements.columns_mut(slot).clear(),
                    None => self.columns.clear(),
                }
            }
            (Step::Rows(slot), Message::DataRow(body)) => {
                return Ok(Happened::Row {
                    body,
                    slot,
                    is_text: false,
                });
            }
            (Step::Rows(slot), Message::Complete(tag)) => {
                self.owed.pop();
                if let Some(slot) = slot {
                    self.statements.finish(slot);
                }
                return Ok(Happened::Done(tag));
            }
            (Step::Script, message) => return self.answer_script(message),
            (Step::Synced, Message::Ready(now)) => return self.finish(now),
            (_, message) => return Err(Fault::Unexpected(tag_of(&message))),
        }
        Ok(Happened::Nothing)
    }

    fn answer_script<'i>(&mut self, message: Message<'i>) -> Result<Happened<'i>, Fault> {
        match message {
            Message::RowDescription(columns) => {
                columns.read_into(&mut self.columns)?;
                Ok(Happened::Nothing)
            }
            Message::DataRow(body) => Ok(Happened::Row {
                body,
                slot: None,
                is_text: true,
            }),
            Message::Complete(tag) => Ok(Happened::Done(tag)),
            Message::CopyIn => {
                self.copying = Copying::In;
                Ok(Happened::CopyIn)
            }
            Message::CopyOut => {
                self.copying = Copying::Out { left: 0 };
                Ok(Happened::CopyOut)
            }
            Message::CopyDone if self.copying != Copying::No => {
                self.copying = Copying::No;
                Ok(Happened::Nothing)
            }
            Message::Ready(now) => {
                self.owed.pop();
                self.finish(now)
            }
            message => Err(Fault::Unexpected(tag_of(&message))),
        }
    }

    fn finish<'i>(&mut self, now: Transaction) -> Result<Happened<'i>, Fault> {
        self.transaction = now;
        self.in_script = false;
        self.copying = Copying::No;
        let token = self.owed.end().ok_or(Fault::Unexpected(b'Z'))?;
        Ok(Happened::Finished(token, now))
    }
}
