//! The servers that are known, and which slots each of them has. Pure.
//!
//! ```text
//!  slots   [ ? │ 1 │ 1 │ 2 │ ? │ … ]      16,384 of them; `?`: whoever is there knows better
//!                │       │
//!  nodes   [ 0 │ 1 │ 2 │ … ]              the first one is the configured one, which always stays
//! ```
//! Without a cluster there is one, and it has everything. The others are named by a peer: so many at
//! most, and a place is given to another server only when nothing goes on in it and an attempt could be made
//! again, so that whoever names a thousand addresses has us try no more of them than one that is away.

use crate::engine::backoff::Backoff;
use crate::engine::now::Mono;
use crate::engine::slots::ConnId;
use crate::limits::REDIS_NODES;
use crate::proto::redis::Url;
use crate::proto::redis::slot::{SLOTS, slot};

use super::Trouble;

/// Nobody is known to have a slot.
const NOBODY: u8 = u8::MAX;

const _: () = assert!(REDIS_NODES < NOBODY as usize);

/// See the module.
pub(super) struct Nodes {
    all: Vec<Node>,
    /// Empty without a cluster.
    slots: Vec<u8>,
}

/// One server.
#[derive(Default)]
pub(super) struct Node {
    pub(super) host: Box<str>,
    pub(super) port: u16,
    /// A connection that is being made.
    pub(super) dialing: bool,
    /// The one that stands, on whatever way to being used.
    pub(super) link: Option<ConnId>,
    /// Whether commands can be sent on it.
    pub(super) ready: bool,
    /// Whether they ever could.
    pub(super) opened: bool,
    pub(super) backoff: Backoff,
    /// Why there is none.
    pub(super) trouble: Option<Trouble>,
}

impl Node {
    /// Whether an attempt to connect may be made.
    pub(super) fn may_dial(&self, now: Mono) -> bool {
        self.is_idle() && self.backoff.until() <= now
    }

    /// Whether there is neither a connection nor an attempt.
    pub(super) fn is_idle(&self) -> bool {
        !self.dialing && self.link.is_none()
    }
}

impl Nodes {
    pub(super) fn new(url: &Url, cluster: bool) -> Self {
        let first = Node {
            host: url.host.as_str().into(),
            port: url.port,
            ..Node::default()
        };
        let slots = if cluster { usize::from(SLOTS) } else { 0 };
        Nodes {
            all: vec![first],
            slots: vec![NOBODY; slots],
        }
    }

    pub(super) fn is_cluster(&self) -> bool {
        !self.slots.is_empty()
    }

    pub(super) fn get(&self, node: usize) -> Option<&Node> {
        self.all.get(node)
    }

    pub(super) fn get_mut(&mut self, node: usize) -> Option<&mut Node> {
        self.all.get_mut(node)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Node> {
        self.all.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Node> {
        self.all.iter_mut()
    }

    /// Whom to ask about a key: who has its slot, as far as that is known, or else anybody.
    pub(super) fn home(&self, key: &str) -> usize {
        let known = self.slots.get(usize::from(slot(key.as_bytes())));
        match known.filter(|node| **node != NOBODY) {
            Some(node) => usize::from(*node),
            None => self.all.iter().position(|node| node.ready).unwrap_or(0),
        }
    }

    /// These slots are there from now on.
    pub(super) fn learn(&mut self, first: u16, last: u16, node: usize) {
        let range = usize::from(first)..=usize::from(last);
        if let (Some(slots), Ok(node)) = (self.slots.get_mut(range), u8::try_from(node)) {
            slots.fill(node);
        }
    }

    /// It is not known any more who has what this one had.
    pub(super) fn forget(&mut self, node: usize) {
        for slot in &mut self.slots {
            if usize::from(*slot) == node {
                *slot = NOBODY;
            }
        }
    }

    /// The place of a server, and whether it was not there before. `is_free` says whether something else
    /// still goes on in a place. `None`: there is no room for it.
    pub(super) fn place(
        &mut self,
        now: Mono,
        host: &str,
        port: u16,
        is_free: impl Fn(usize) -> bool,
    ) -> Option<(usize, bool)> {
        let same = |node: &Node| node.port == port && *node.host == *host;
        if let Some(node) = self.all.iter().position(same) {
            return Some((node, false));
        }
        let new = Node {
            host: host.into(),
            port,
            ..Node::default()
        };
        if self.all.len() < REDIS_NODES {
            self.all.push(new);
            return Some((self.all.len() - 1, true));
        }
        let mut others = self.all.iter().enumerate().skip(1);
        let may_go = |node: &Node| node.is_idle() && node.backoff.until() <= now;
        let (node, _) = others.find(|(at, node)| may_go(node) && is_free(*at))?;
        self.forget(node);
        let old = self.all.get_mut(node)?;
        // Whoever is next in this place waits as long as the one before would have had to.
        let backoff = std::mem::take(&mut old.backoff);
        *old = Node { backoff, ..new };
        Some((node, true))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::engine::slots::Key;

    fn nodes() -> Nodes {
        Nodes::new(&Url::parse("redis://first:7").unwrap(), true)
    }

    const NOW: Mono = Mono(1_000_000_000);

    #[test]
    fn a_slot_is_asked_of_who_has_it() {
        let mut nodes = nodes();
        let (second, _) = nodes.place(NOW, "10.0.0.2", 7, |_| true).unwrap();
        assert_eq!(nodes.home("foo"), 0, "nobody knows better");
        nodes.learn(12_000, 12_182, second);
        assert_eq!((nodes.home("foo"), nodes.home("a{foo}b")), (second, second));
        nodes.forget(second);
        assert_eq!(nodes.home("foo"), 0);
        nodes.get_mut(second).unwrap().ready = true;
        assert_eq!(nodes.home("foo"), second, "who is there knows");
        nodes.learn(0, u16::MAX, second); // nonsense
        let alone = Nodes::new(&Url::parse("redis://first:7").unwrap(), false);
        assert_eq!(alone.home("foo"), 0);
    }

    #[test]
    fn a_server_has_one_place() {
        let mut nodes = nodes();
        assert_eq!(nodes.place(NOW, "first", 7, |_| true), Some((0, false)));
        assert_eq!(nodes.place(NOW, "first", 8, |_| true), Some((1, true)));
        assert_eq!(nodes.place(NOW, "first", 8, |_| true), Some((1, false)));
    }

    #[test]
    fn a_thousand_addresses_have_no_more_places_than_there_are() {
        let mut nodes = nodes();
        let mut random = fastrand::Rng::with_seed(1);
        for port in 1..1_000 {
            if let Some((node, _)) = nodes.place(NOW, "10.0.0.9", port, |_| true) {
                let node = nodes.get_mut(node).unwrap();
                node.backoff.failed(NOW, 0, &mut random);
            }
        }
        assert_eq!(nodes.all.len(), REDIS_NODES);
        assert_eq!(nodes.place(NOW, "10.0.0.9", 2_000, |_| true), None);
        let later = NOW.plus_ms(60_000);
        nodes.all[1].link = Some(ConnId(Key { index: 0, epoch: 0 }));
        let place = nodes.place(later, "10.0.0.9", 2_000, |at| at > 2);
        assert_eq!(place, Some((3, true)));
        assert_eq!(&*nodes.all[0].host, "first", "the first one stays");
    }
}
