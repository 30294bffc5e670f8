//! Webhooks: that a job has ended is told to whoever was named for it, until it is taken.
//!
//! ```text
//!  look ─(something is due)─► claim ─► Dialing ─(a connection)─► Sending ─(its answer)─► Ending ─► look …
//!    ▲                         (queue.rs) │            (link.rs)  │  too late, broken (ends.rs) │
//!    └─(nothing: later)                   └───────────────────────┴─────────────────────────────┘ commit
//! ```
//! The database is the queue, as it is for the items of jobs: what ends a job makes its delivery due in
//! the same transaction, each process takes what is due, and what a process has taken and says nothing
//! more about is due again. So each end of a job is told at least once, always under the same id, and
//! twice if a process dies between the answer and the commit.
//!
//! An attempt has a connection of its own, which is closed behind it. Deliveries are rare, and on a
//! connection that was kept one could not know whether a request that got no answer was taken.
//!
//! What this room refuses to know: who runs jobs, what else the answer of a webhook says besides its
//! status, and addresses that are not in the configuration.

mod ends;
mod letter;
pub mod link;
mod queue;

use uuid::Uuid;

use self::link::{Link, Phase};
use self::queue::Question;
use super::check::{Broken, holds};
use super::conn::Role;
use super::flow::body::ParseFault;
use super::now::Mono;
use super::slots::{ConnId, DeliveryId, DialId, Slots};
use super::timers::Timer;
use super::{Engine, Failure};
use crate::config::{self, Config};
use crate::limits::hooks::HOOK_PARALLEL;
use crate::store::{Attempted, ClaimedDelivery, NewDelivery};

/// What this process knows of deliveries.
pub(super) struct Hooks {
    /// The place of the first webhook in the table of names.
    first: usize,
    /// What is in hand.
    hands: Slots<DeliveryId, Hand>,
    /// What is being asked about the queue.
    question: Option<Question>,
    /// Whether this process delivers, and the first look was ordered.
    begun: bool,
    /// A claim that was answered by nobody: it may hold a delivery, so the next one is made under the same
    /// id, which finds what it holds.
    doubtful: Option<Uuid>,
    /// When to look for more.
    look_at: Mono,
    pub(super) timer: Timer,
    pub(super) counts: Counts,
    turns: Vec<GivenUp>,
}

/// A delivery in hand.
#[derive(Debug)]
struct Hand {
    claim: Uuid,
    /// It was the one of this number to be taken in hand.
    number: u64,
    delivery: Box<ClaimedDelivery>,
    /// Which of the configured webhooks it is for; `None` if there is none of that name here.
    hook: Option<usize>,
    stage: Stage,
    /// Its end was written once, and nobody knows whether it was heard.
    doubtful: bool,
}

/// Where it is.
#[derive(Debug, PartialEq)]
enum Stage {
    /// A connection is being opened.
    Dialing,
    /// There is one: TLS, the request, its answer.
    Sending(ConnId),
    /// This is being written, or is to be written again.
    Ending { came: Attempted, writing: bool },
}

/// Whose work it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookWork {
    /// A question about the queue.
    Queue,
    /// What came of an attempt.
    End(DeliveryId),
}

/// What has happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Deliveries that were taken in hand.
    pub claimed: u64,
    /// Deliveries that the webhook has taken.
    pub delivered: u64,
    /// Attempts that failed, and are to be followed by others.
    pub failed: u64,
    /// Deliveries that failed for good.
    pub given_up: u64,
    /// Attempts whose end was not heard, because somebody else had made another one by then.
    pub lost: u64,
}

/// A delivery that was given up, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenUp {
    /// The name of the webhook.
    pub hook: String,
    /// Whose end it was not told.
    pub job: Uuid,
    /// Why.
    pub error: String,
}

impl Hooks {
    /// With nothing in hand.
    pub(super) fn new(config: &Config) -> Self {
        Hooks {
            first: super::names::Name::of_hooks(config),
            hands: Slots::new(HOOK_PARALLEL),
            question: None,
            begun: false,
            doubtful: None,
            look_at: Mono::NEVER,
            timer: Timer::default(),
            counts: Counts::default(),
            turns: Vec::new(),
        }
    }

    /// Whether another delivery can be taken in hand.
    fn has_room(&self) -> bool {
        self.hands.len() < HOOK_PARALLEL
    }

    /// Deliveries in hand.
    pub(super) fn in_hand(&self) -> usize {
        self.hands.len()
    }

    /// Whether it is known here what came of an attempt, and nowhere else. That one was not made is nothing to
    /// wait for: it is due again when its lease is over.
    pub(super) fn owes_ends(&self) -> bool {
        let untried = |came: &Attempted| matches!(came, Attempted::Again { error: None, .. });
        let mut hands = self.hands.iter();
        hands.any(|(_, hand)| matches!(&hand.stage, Stage::Ending { came, .. } if !untried(came)))
    }
}

/// Sockets that webhooks need.
#[must_use]
pub fn sockets_max(config: &Config) -> usize {
    if config.webhooks.is_empty() {
        0
    } else {
        2 * HOOK_PARALLEL // one whose delivery was given back may still be on the way
    }
}

impl Engine {
    /// The delivery of a job to the webhook that its client has named.
    pub(super) fn delivery_to(&mut self, hook: String) -> Result<NewDelivery, Failure> {
        let hooks = &self.config.webhooks;
        if !hooks.iter().any(|known| known.name == hook) {
            let names: Vec<&str> = hooks.iter().map(|hook| hook.name.as_str()).collect();
            let expected = if names.is_empty() {
                "left out: no webhook is configured".to_owned()
            } else {
                format!("one of: {}", names.join(", "))
            };
            let field = "webhook".to_owned();
            return Err(Failure::Body(ParseFault::Wrong { field, expected }));
        }
        let id = self.new_id();
        Ok(NewDelivery { id, hook })
    }

    /// The webhook whose name this is in the table of names.
    pub(super) fn webhook(&self, index: u16) -> Option<&config::Webhook> {
        let at = usize::from(index).checked_sub(self.jobs.hooks.first)?;
        self.config.webhooks.get(at)
    }

    /// The role of a connection that is being made to a webhook.
    pub(super) fn hook_role(&self, index: u16, dial: DialId) -> Option<Role> {
        self.webhook(index)?;
        Some(Role::Hook(Box::new(Link::new(index, dial))))
    }

    /// Deliveries that were given up since the last call, for the log.
    pub fn webhooks_given_up(&mut self) -> impl Iterator<Item = GivenUp> + '_ {
        self.jobs.hooks.turns.drain(..)
    }

    /// Whether deliveries and connections know each other.
    pub(super) fn check_hooks(&self) -> Result<(), Broken> {
        for (id, conn) in self.conns.iter() {
            let Role::Hook(link) = &conn.role else {
                continue;
            };
            match (link.phase, link.delivery) {
                (Phase::Connecting(dial), _) => holds(self.dials.get(dial).is_some(), || {
                    format!("{id:?} connects for a dial that is gone")
                })?,
                (_, delivery) => {
                    let hand = delivery.and_then(|delivery| self.jobs.hooks.hands.get(delivery));
                    holds(
                        hand.is_some_and(|hand| hand.stage == Stage::Sending(id)),
                        || format!("{id:?} works for a delivery that does not know it"),
                    )?;
                }
            }
        }
        for (id, hand) in self.jobs.hooks.hands.iter() {
            if let Stage::Sending(conn) = hand.stage {
                holds(self.conns.get(conn).is_some(), || {
                    format!("{id:?} waits for a connection that is gone")
                })?;
            }
        }
        Ok(())
    }
}
