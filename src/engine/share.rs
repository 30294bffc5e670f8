//! Requests that wait for a counter which several processes share.
//!
//! ```text
//!  what is asked for is known ─► ready ─► it begins, and is charged
//!            └─► not ready: the counter is asked, and it waits in its subject's line
//!                     ▲            │ the counter has answered, or has not: those in line are looked at
//!                     └────────────┘ again, the first one first
//! ```
//! What is waited for is an answer of a server that has a tenth of a second, so nobody waits long;
//! and no line is served at the cost of the loop: so many at a time, the others in the next turn.
//! What to ask and what an answer means is in `policy/rate/shared.rs`; who the counter is, only here: Redis
//! if there is one, otherwise a table of PostgreSQL's (`table.rs`, `batch.rs`). When the process ends, blocks are
//! given back (`back.rs`).

mod back;
mod batch;
pub(super) mod table;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use self::back::Back;
use self::table::Table;
use super::Engine;
use super::flow::Flow;
use super::flow::body::Ask;
use super::flow::keyed::Keyed;
use super::now::Mono;
use super::policy::rate::shared::{BlockId, Grant, Question, What};
use super::policy::rate::{Cost, Subject};
use super::rate::cost_of_topic;
use super::redis::link::Caller;
use super::slots::ExchangeId;
use super::timers::{Owner, Timer};
use super::trace::State;
use crate::config::Config;
use crate::limits::{RATE_LEASE_MS, RATE_SERVED_PER_TURN};
use crate::proto::redis::{Reply, counters};

/// A request that waits for its share: what it asks for, and the body that this was read from.
#[derive(Debug)]
pub struct Parked {
    ask: Ask,
    body: Arc<Vec<u8>>,
    /// What it will be charged at first.
    pub cost: Cost,
}

/// Who waits, and for whom.
#[derive(Debug, Default)]
pub(super) struct Share {
    lines: BTreeMap<Subject, Line>,
    /// Lines to be looked at.
    ready: VecDeque<Subject>,
    timer: Timer,
    /// The counter, if it is not Redis.
    pub(super) table: Option<Table>,
    back: Back,
    /// Redis has not answered the last question, or not with counters: who asked it decides alone. Not said
    /// of a cluster: what one of its servers does not answer, the others do for theirs.
    is_unanswered: bool,
}

/// Those who wait for the same counters.
#[derive(Debug)]
struct Line {
    /// Since when the first one waits, or the last answer.
    since: Mono,
    waiting: VecDeque<ExchangeId>,
    /// It is in `ready`.
    listed: bool,
}

impl Share {
    /// Nobody waits. Of two that could count it is Redis, which is the faster one.
    pub(super) fn of(config: &Config) -> Share {
        let counts = config.redis.is_none() && config.database.postgres().is_some();
        let limits = !(config.rate.requests.is_empty() && config.rate.tokens.is_empty());
        Share {
            table: (counts && limits).then(Table::default),
            ..Share::default()
        }
    }

    pub(super) fn timer_mut(&mut self) -> &mut Timer {
        &mut self.timer
    }

    pub(super) fn table_timer_mut(&mut self) -> Option<&mut Timer> {
        self.table.as_mut().map(|table| &mut table.timer)
    }

    /// Whether there are lines that nobody has looked at since their answer.
    pub(super) fn is_behind(&self) -> bool {
        !self.ready.is_empty()
    }
}

impl Engine {
    /// Whether `cost` can be charged at once. If not, the counter is asked, and `id` is in line.
    pub(super) fn waits_for_share(&mut self, id: ExchangeId, cost: Cost) -> bool {
        if !self.rates.is_shared() {
            return false;
        }
        let who = self.subject_of(id);
        if self.rates.prepare(self.now.mono, who, cost) {
            return false;
        }
        let now = self.now.mono;
        let line = self.share.lines.entry(who).or_insert_with(|| Line {
            since: now,
            waiting: VecDeque::new(),
            listed: false,
        });
        // A request for several texts may be in line already.
        let flow = self.exchanges.get(id).map(|exchange| &exchange.flow);
        let again = matches!(flow, Some(Flow::Gather(_))) && line.waiting.contains(&id);
        if !again {
            line.waiting.push_back(id);
        }
        let at = now.plus_ms(RATE_LEASE_MS).min(self.share.timer.at());
        self.timers.set(Owner::Share, &mut self.share.timer, at);
        self.put_questions();
        true
    }

    /// Puts a request aside until the counter has answered.
    pub(super) fn park(&mut self, id: ExchangeId, cost: Cost, ask: Ask, body: Arc<Vec<u8>>) {
        if let Some(exchange) = self.exchanges.get_mut(id) {
            self.ledger.settle(&mut exchange.charged, body.capacity());
            exchange.flow = Flow::Parked(Box::new(Parked { ask, body, cost }));
            self.set_exchange_timer(id, Mono::NEVER); // its client's deadline stays
            self.enter(id, State::AwaitingShare);
        }
    }

    /// Asks the counter what there is to be asked.
    pub(super) fn put_questions(&mut self) {
        while let Some(question) = self.rates.next_question() {
            let asked = self.put_question(&question);
            if let (false, What::Block { id, .. }) = (asked, question.what) {
                self.rates.unanswered(self.now.mono, id);
                self.list_line(id.who);
            }
        }
        self.draw_blocks();
    }

    fn put_question(&mut self, question: &Question) -> bool {
        let Some(redis) = &self.config.redis else {
            return self.gather_question(question);
        };
        let key = question.key(&redis.prefix);
        let rule = question.meter.rule;
        match question.what {
            What::Block { id, units } => {
                let words = counters::lease(&key, units, rule.count, rule.window_ms);
                self.ask_redis(&key, &words, Caller::Block(id))
            }
            What::Debt(units) => {
                let words = counters::amend(&key, i64::try_from(units).unwrap_or(i64::MAX));
                self.ask_redis(&key, &words, Caller::Nobody)
            }
            What::Back { units, window } => {
                let words = counters::give_back(&key, units, window);
                self.ask_redis(&key, &words, Caller::Nobody)
            }
        }
    }

    /// The counter has answered, or will not.
    pub(super) fn block_answered(&mut self, id: BlockId, reply: Option<&Reply>) {
        let granted = reply.and_then(counters::Granted::read);
        let grant = granted.map(|granted| Grant {
            units: granted.units,
            ends_in_ms: granted.ends_in_ms,
            left: granted.left,
            window: granted.window,
        });
        let cluster = self
            .config
            .redis
            .as_ref()
            .is_some_and(|redis| redis.cluster);
        self.share.is_unanswered = grant.is_none() && !cluster;
        self.block_granted(id, grant);
        self.serve_lines();
    }

    /// The same, without looking at those who wait.
    fn block_granted(&mut self, id: BlockId, grant: Option<Grant>) {
        let now = self.now.mono;
        match grant {
            Some(grant) => self.rates.granted(now, id, grant),
            None => self.rates.unanswered(now, id),
        }
        self.list_line(id.who);
    }

    /// Whether limits ought to be counted with others, and are counted by this process alone.
    pub(super) fn counts_alone(&self) -> bool {
        self.rates.is_alone() || self.share.is_unanswered
    }

    /// The counter can be asked, or cannot: then everybody decides alone.
    pub(super) fn counter_is_there(&mut self, there: bool) {
        self.rates.set_alone(!there);
        self.share.is_unanswered &= !there;
        if !there {
            let all: Vec<Subject> = self.share.lines.keys().copied().collect();
            for who in all {
                self.list_line(who);
            }
        }
    }

    /// An answer is late that somebody waits for, or the end of the process waits no longer.
    pub(super) fn share_due(&mut self) {
        let now = self.now.mono;
        self.share.timer.clear();
        let late = |line: &Line| line.since.plus_ms(RATE_LEASE_MS) <= now;
        let lines = self.share.lines.iter();
        let due: Vec<Subject> = (lines.filter(|(_, line)| late(line)))
            .map(|(who, _)| *who)
            .collect();
        for who in due {
            self.list_line(who);
        }
        let first = self.share.lines.values().map(|line| line.since).min();
        let next_late = first.map(|since| since.plus_ms(RATE_LEASE_MS));
        let end = self.share.back.ends_after(now);
        if let Some(at) = next_late.into_iter().chain(end).min() {
            self.timers.set(Owner::Share, &mut self.share.timer, at);
        }
        self.serve_lines();
    }

    fn list_line(&mut self, who: Subject) {
        let now = self.now.mono;
        if let Some(line) = self.share.lines.get_mut(&who) {
            line.since = now;
            if !std::mem::replace(&mut line.listed, true) {
                self.share.ready.push_back(who);
            }
        }
    }

    /// Looks at lines that have had an answer.
    pub(super) fn serve_lines(&mut self) {
        for _ in 0..RATE_SERVED_PER_TURN {
            let Some(&who) = self.share.ready.front() else {
                break;
            };
            if !self.serve_first(who) {
                self.share.ready.pop_front();
                if let Entry::Occupied(mut line) = self.share.lines.entry(who) {
                    line.get_mut().listed = false;
                    if line.get().waiting.is_empty() {
                        line.remove();
                    }
                }
            }
        }
    }

    /// Lets the first one in a line go on, if it can. `false`: nobody is left who can.
    fn serve_first(&mut self, who: Subject) -> bool {
        let Some(line) = self.share.lines.get_mut(&who) else {
            return false;
        };
        let Some(&id) = line.waiting.front() else {
            return false;
        };
        let flow = self.exchanges.get(id).map(|exchange| &exchange.flow);
        if let Some(cost) = flow.and_then(Flow::cost_of_share)
            && !self.rates.prepare(self.now.mono, who, cost)
        {
            self.put_questions();
            return false;
        }
        let goes_on: fn(&mut Engine, ExchangeId) = match flow {
            Some(Flow::Parked(_)) => Engine::unpark,
            Some(Flow::Keyed(Keyed::Sharing(_))) => Engine::tell_held_answer,
            Some(Flow::Cached(_)) => Engine::serve_looked,
            // It takes the next of its texts in hand when it is its turn.
            Some(Flow::Gather(_)) => Engine::serve_later,
            _ => |_, _| {}, // it has left
        };
        self.leave_share_line(who);
        goes_on(self, id);
        true
    }

    fn leave_share_line(&mut self, who: Subject) {
        if let Some(line) = self.share.lines.get_mut(&who) {
            line.waiting.pop_front();
        }
    }

    fn unpark(&mut self, id: ExchangeId) {
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return;
        };
        let flow = std::mem::replace(&mut exchange.flow, Flow::Between);
        if let Flow::Parked(parked) = flow {
            let Parked { ask, body, .. } = *parked;
            if let Err(failure) = self.start(id, ask, body) {
                self.fail_exchange(id, &failure);
            }
        }
    }
}

/// What a request, or the first text of several, will be charged. `None`: that is looked after where
/// more is known of it.
pub(super) fn first_cost(ask: &Ask) -> Option<Cost> {
    Some(match ask {
        Ask::Generate(ask) => cost_of_topic(&ask.topic, ask.max_tokens),
        Ask::Batch(ask) => {
            let first = ask.topics.first().map_or("", String::as_str);
            cost_of_topic(first, ask.common.max_tokens)
        }
        // If no provider is asked, it is less.
        Ask::Keywords(ask) => cost_of_topic(&ask.content, None),
        Ask::Analyze { .. } | Ask::Job(_) => Cost::REQUEST,
        Ask::Chat(_) => return None,
    })
}
