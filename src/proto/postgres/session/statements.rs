//! Prepared statements of one connection: which the server knows, and under which name.
//!
//! ```text
//!  Absent ──Parse is sent──► Asked ──ParseComplete──► Confirmed ──no room left──► another's slot
//!     ▲                        │ the request failed before or at it      (Close is sent)
//!     └────────────────────────┴──────────── the server says that it does not know the name
//! ```
//! A name is used by other requests only once it is confirmed: a request that was sent behind a
//! Parse that fails must not fail with it. Until then they parse for themselves, without a name. A
//! name is never given twice, so a late answer cannot be about another statement.

use crate::limits::PG_STATEMENTS;
use crate::proto::postgres::types::Type;

/// Index of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SlotId(u16);

/// How a statement is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Without a name: parse and describe it.
    Unnamed,
    /// With the name of this slot.
    Named {
        slot: SlotId,
        parse: bool,
        describe: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Absent,
    Asked,
    Confirmed,
}

#[derive(Debug)]
struct Slot {
    sql: Box<str>,
    types: Box<[Type]>,
    name: Box<str>,
    state: State,
    /// Types of its columns, once the server has said them.
    columns: Option<Vec<u32>>,
    /// Requests under way whose rows are read with `columns`.
    in_flight: u32,
    /// When it was last used, in requests.
    used: u64,
}

/// The statements of one connection.
#[derive(Debug, Default)]
pub(super) struct Statements {
    slots: Vec<Slot>,
    names: u64,
    uses: u64,
}

impl Statements {
    /// How to send this statement. `close` is told the name that has to make room for it.
    pub(super) fn plan(&mut self, sql: &str, types: &[Type], close: impl FnOnce(&str)) -> Plan {
        self.uses += 1;
        let known = |slot: &Slot| *slot.sql == *sql && *slot.types == *types;
        let Some(index) = self.slots.iter().position(known) else {
            return self.plan_new(sql, types, close);
        };
        let slot = &mut self.slots[index];
        match slot.state {
            State::Confirmed => {
                slot.in_flight += 1;
                slot.used = self.uses;
                let describe = slot.columns.is_none();
                Plan::Named {
                    slot: id(index),
                    parse: false,
                    describe,
                }
            }
            State::Absent if slot.in_flight == 0 => self.ask(index),
            State::Absent | State::Asked => Plan::Unnamed,
        }
    }

    fn plan_new(&mut self, sql: &str, types: &[Type], close: impl FnOnce(&str)) -> Plan {
        let slot = Slot {
            sql: sql.into(),
            types: types.into(),
            name: "".into(),
            state: State::Absent,
            columns: None,
            in_flight: 0,
            used: self.uses,
        };
        if self.slots.len() < PG_STATEMENTS {
            self.slots.push(slot);
            return self.ask(self.slots.len() - 1);
        }
        let idle = self
            .slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| slot.in_flight == 0);
        let Some((index, oldest)) = idle.min_by_key(|(_, slot)| slot.used) else {
            return Plan::Unnamed;
        };
        if oldest.state == State::Confirmed {
            close(&oldest.name);
        }
        self.slots[index] = slot;
        self.ask(index)
    }

    fn ask(&mut self, index: usize) -> Plan {
        self.names += 1;
        let slot = &mut self.slots[index];
        slot.name = format!("maitred_{}", self.names).into();
        slot.state = State::Asked;
        slot.columns = None;
        slot.in_flight += 1;
        slot.used = self.uses;
        Plan::Named {
            slot: id(index),
            parse: true,
            describe: true,
        }
    }

    pub(super) fn name(&self, slot: SlotId) -> &str {
        &self.slots[usize::from(slot.0)].name
    }

    /// The columns that were announced for it.
    pub(super) fn columns(&self, slot: SlotId) -> &[u32] {
        self.slots[usize::from(slot.0)]
            .columns
            .as_deref()
            .unwrap_or(&[])
    }

    /// Where its columns are written down.
    pub(super) fn columns_mut(&mut self, slot: SlotId) -> &mut Vec<u32> {
        self.slots[usize::from(slot.0)]
            .columns
            .get_or_insert_default()
    }

    /// ParseComplete.
    pub(super) fn confirm(&mut self, slot: SlotId) {
        self.slots[usize::from(slot.0)].state = State::Confirmed;
    }

    /// No ParseComplete will come.
    pub(super) fn deny(&mut self, slot: SlotId) {
        self.slots[usize::from(slot.0)].state = State::Absent;
    }

    /// Its rows have been read, or none will come.
    pub(super) fn finish(&mut self, slot: SlotId) {
        self.slots[usize::from(slot.0)].in_flight -= 1;
    }

    /// The server does not know what we think it knows.
    pub(super) fn forget_all(&mut self) {
        self.slots
            .iter_mut()
            .for_each(|slot| slot.state = State::Absent);
    }
}

fn id(index: usize) -> SlotId {
    SlotId(u16::try_from(index).expect("PG_STATEMENTS is far below 2^16"))
}
