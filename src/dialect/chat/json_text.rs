//! JSON that is carried through as it stands: a schema, the arguments of a tool.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::dialect::json::deeper_than;
use crate::limits;

/// The text of one JSON value, checked to be one.
///
/// Order of keys, spaces and digits stay as the client wrote them: the order of properties matters
/// to models, and a number need not fit any type of ours.
#[derive(Clone)]
pub struct JsonText(Box<RawValue>);

impl JsonText {
    /// Takes a value that was read.
    pub(in crate::dialect) fn of(raw: &RawValue) -> Self {
        Self(raw.to_owned())
    }

    /// `text`, if it is an object, and not nested deeper than a body may be: it can come out of a
    /// string, where nobody has looked at its depth.
    #[must_use]
    pub fn object(text: &str) -> Option<Self> {
        if deeper_than(limits::JSON_DEPTH, text.as_bytes()) {
            return None;
        }
        let raw: &RawValue = serde_json::from_str(text.trim_ascii()).ok()?;
        raw.get().starts_with('{').then(|| Self::of(raw))
    }

    /// `{}`.
    pub(in crate::dialect) fn empty() -> Self {
        Self::object("{}").expect("it is an object")
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.get()
    }
}

impl PartialEq for JsonText {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl fmt::Debug for JsonText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for JsonText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JsonText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self)
    }
}
