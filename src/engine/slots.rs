//! Tables whose ids cannot be mistaken for an earlier tenant's.
//!
//! A bare slab index is reused as soon as its entry is freed, so an event, a timer or a late
//! result meant for the old entry would reach the new one. Each slot therefore counts its tenants
//! (its *epoch*), and an id carries the count it was made with. Looking a stale id up gives
//! `None`: the caller counts it and drops what it had.
//!
//! ```text
//!  insert → Key{index 7, epoch 3}     get(7,3) → Some
//!  remove(7,3)   epoch of slot 7 := 4
//!  insert → Key{index 7, epoch 4}     get(7,3) → None, it is stale
//! ```

use std::marker::PhantomData;

use slab::Slab;

/// Index and epoch of a slot. Wrapped by the typed ids, so that a call is never looked up among
/// the connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Position in the table.
    pub index: u32,
    /// How many tenants the slot had before this one (wraps around after four thousand million).
    pub epoch: u32,
}

impl Key {
    /// Both halves in one word, as `mio::Token` wants it.
    #[must_use]
    pub fn pack(self) -> u64 {
        (u64::from(self.epoch) << 32) | u64::from(self.index)
    }

    /// The opposite of [`Key::pack`].
    #[must_use]
    pub fn unpack(word: u64) -> Key {
        Key {
            index: (word & 0xffff_ffff) as u32,
            epoch: (word >> 32) as u32,
        }
    }
}

/// Makes a newtype around [`Key`] for one kind of entity.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Key);

        impl From<Key> for $name {
            fn from(key: Key) -> Self {
                Self(key)
            }
        }

        impl From<$name> for Key {
            fn from(id: $name) -> Key {
                id.0
            }
        }
    };
}

id!(
    /// One socket's protocol side.
    ConnId
);
id!(
    /// One client request and its reply.
    ExchangeId
);
id!(
    /// One text being produced.
    GenerationId
);
id!(
    /// One attempt at an upstream.
    CallId
);
id!(
    /// One attempt to open a connection, over all addresses of a name.
    DialId
);
id!(
    /// Something for a thread.
    WorkId
);
id!(
    /// Something for a database server.
    OrderId
);
id!(
    /// An item of a job that is in hand.
    HandId
);
id!(
    /// A job that clients watch.
    WatchId
);

id!(
    /// A delivery to a webhook that is in hand.
    DeliveryId
);

/// A bounded table of `T` under ids of type `I`.
pub struct Slots<I, T> {
    slab: Slab<T>,
    epochs: Vec<u32>,
    limit: usize,
    _id: PhantomData<I>,
}

impl<I, T> Slots<I, T>
where
    I: From<Key> + Into<Key> + Copy,
{
    /// A table that never holds more than `limit` entries. The memory is asked for at once, so
    /// that nothing moves later; pages nobody touched cost nothing.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        assert!(limit < u32::MAX as usize, "slot indices are 32 bits");
        Slots {
            slab: Slab::with_capacity(limit),
            epochs: vec![0; limit],
            limit,
            _id: PhantomData,
        }
    }

    /// Puts `value` in a free slot, or gives it back when the table is full.
    pub fn insert(&mut self, value: T) -> Result<I, T> {
        if self.slab.len() >= self.limit {
            return Err(value);
        }
        let index = self.slab.insert(value);
        Ok(self.id_at(index))
    }

    /// The entry of `id`; `None` when it is stale.
    #[must_use]
    pub fn get(&self, id: I) -> Option<&T> {
        let index = self.live(id)?;
        self.slab.get(index)
    }

    /// The entry of `id`, to change it; `None` when it is stale.
    #[must_use]
    pub fn get_mut(&mut self, id: I) -> Option<&mut T> {
        let index = self.live(id)?;
        self.slab.get_mut(index)
    }

    /// Takes the entry of `id` out; every copy of the id is stale from here on.
    pub fn remove(&mut self, id: I) -> Option<T> {
        let index = self.live(id)?;
        let value = self.slab.try_remove(index)?;
        self.epochs[index] = self.epochs[index].wrapping_add(1);
        Some(value)
    }

    /// Entries in use.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slab.len()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slab.is_empty()
    }

    /// Whether the next insertion would be refused.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.slab.len() >= self.limit
    }

    /// The most entries there can be.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// All entries in the order of their slots.
    pub fn iter(&self) -> impl Iterator<Item = (I, &T)> {
        self.slab.iter().map(|(i, value)| (self.id_at(i), value))
    }

    /// The ids in use. Collected, so that the table may change while they are walked.
    #[must_use]
    pub fn ids(&self) -> Vec<I> {
        self.slab.iter().map(|(i, _)| self.id_at(i)).collect()
    }

    fn id_at(&self, index: usize) -> I {
        I::from(Key {
            index: index as u32,
            epoch: self.epochs[index],
        })
    }

    fn live(&self, id: I) -> Option<usize> {
        let key: Key = id.into();
        let index = key.index as usize;
        (self.epochs.get(index) == Some(&key.epoch)).then_some(index)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_stale_id_finds_nobody() {
        let mut table: Slots<ConnId, &str> = Slots::new(1);
        let first = table.insert("first").unwrap();
        assert_eq!(table.remove(first), Some("first"));
        let second = table.insert("second").unwrap();

        assert_eq!(Key::from(first).index, Key::from(second).index);
        assert_eq!(table.get(first), None);
        assert_eq!(table.remove(first), None);
        assert_eq!(table.get(second), Some(&"second"));
    }

    #[test]
    fn a_full_table_gives_the_value_back() {
        let mut table: Slots<CallId, u8> = Slots::new(1);
        table.insert(1).unwrap();
        assert_eq!(table.insert(2), Err(2));
    }

    #[test]
    fn a_key_survives_the_token() {
        let key = Key {
            index: 7,
            epoch: u32::MAX,
        };
        assert_eq!(Key::unpack(key.pack()), key);
    }
}
