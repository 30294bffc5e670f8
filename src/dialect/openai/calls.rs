//! Which call of a tool a piece of one belongs to.
//!
//! OpenAI numbers calls 0, 1, … and repeats the number on every piece; the id and the name come
//! with the first. Other servers are less exact: some number every call 0 and only the ids differ,
//! some leave the number out, some repeat the name on every piece. What is reported is always
//! numbered in the order in which calls began.

use super::wire::ToolCall;
use crate::dialect::pieces;
use crate::dialect::{Event, JsonStr, Malformed};

/// What has to be remembered of the calls of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Calls {
    begun: pieces::Calls,
    /// The server's numbers are not the order of the calls.
    is_jumbled: bool,
    /// The server's number of the last call.
    number: u32,
    /// A hash of its id. There are ten thousand of these at a time, and ids have no bound.
    id: u32,
}

impl Calls {
    /// Reports one entry of `tool_calls`.
    pub(super) fn report(
        &mut self,
        call: &ToolCall<'_>,
        on: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Malformed> {
        let id = call.id.filter(|id| !id.is_empty());
        let index = match call.name() {
            Some(name) if self.is_new(call.index, id) => {
                let index = self.begin(call.index, id)?;
                let signature = call.signature();
                on(Event::ToolCall {
                    index,
                    id,
                    name,
                    signature,
                });
                Some(index)
            }
            _ => self.going_on(call.index),
        };
        if let Some(json) = call.arguments() {
            let index = index.ok_or(Malformed::Shape)?;
            on(Event::Arguments { index, json });
        }
        Ok(())
    }

    fn is_new(&self, number: Option<u64>, id: Option<JsonStr<'_>>) -> bool {
        !self.begun.any()
            || number.is_none_or(|number| number != u64::from(self.number))
            || id.is_some_and(|id| hash(id) != self.id)
    }

    fn begin(&mut self, number: Option<u64>, id: Option<JsonStr<'_>>) -> Result<u32, Malformed> {
        let index = self.begun.begin()?;
        let number = number.unwrap_or(u64::from(index));
        self.number = u32::try_from(number).map_err(|_| Malformed::Shape)?;
        self.is_jumbled |= self.number != index;
        self.id = id.map_or(0, hash);
        Ok(index)
    }

    /// The call that a further piece belongs to; `None` if that cannot be told.
    fn going_on(&self, number: Option<u64>) -> Option<u32> {
        let last = self.begun.last().ok()?;
        match number {
            Some(number) if number != u64::from(self.number) => u32::try_from(number)
                .ok()
                .filter(|number| !self.is_jumbled && *number < self.begun.count()),
            _ => Some(last),
        }
    }
}

/// FNV-1a: enough to tell the ids of one answer apart.
fn hash(id: JsonStr<'_>) -> u32 {
    (id.escaped().bytes()).fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}
