//! What clients do: they come, speak, read what they are told, and leave.

use maitred::engine::io::{Gone, How};
use maitred::engine::{ConnId, Mono};

use super::chat::{self, is_chat};
use super::guest::{Ask, Guest, Known, Told, What};
use super::host::Subject;
use super::play::Play;
use super::verdict;
use super::world::{End, Event, Reply, take_reply};

/// Texts that guests remember.
const KNOWN: usize = 8;

impl Play {
    pub(super) fn somebody_comes(&mut self) {
        // The kernel's queue is looked at while nobody is accepted, now and then: it does no harm.
        if !self.world.accepting && self.chance.bool() {
            return;
        }
        let host = if self.setting.limited {
            self.chance.u8(1..5)
        } else {
            1
        };
        let Some(id) = self.world.try_client_at([192, 0, 2, host]) else {
            return self.tell("somebody finds no place");
        };
        let mut guest = Guest::new(&mut self.chance, self.setting, self.world.now.mono);
        if guest.wild || self.chance.u8(0..3) == 0 {
            guest.think(&mut self.chance, self.setting, &self.known, 4); // all at once
        }
        self.tell(&format!("{id:?} comes: {}", guest.describe()));
        self.world.sockets.get_mut(&id).unwrap().stalled = guest.deaf;
        self.guests.insert(id, guest);
    }

    /// Guests that may still say something.
    fn present(&self) -> Vec<ConnId> {
        let open = self.world.open_sockets();
        open.into_iter()
            .filter(|id| self.guests.get(id).is_some_and(|guest| !guest.ended))
            .collect()
    }

    pub(super) fn somebody_speaks(&mut self) {
        let present = self.present();
        let Some(id) = self.pick(&present) else {
            return;
        };
        let guest = self.guests.get_mut(&id).unwrap();
        if guest.unsaid.is_empty() && guest.asks.is_empty() {
            guest.think(&mut self.chance, self.setting, &self.known, 1);
        }
        let n = guest.unsaid.len().min(guest.pace);
        if n > 0 {
            let piece: Vec<u8> = guest.unsaid.drain(..n).collect();
            guest.said += n;
            guest.late |= self.world.sockets[&id].fin;
            guest.since = self.world.now.mono;
            let shown = String::from_utf8_lossy(&piece[..n.min(60)]).into_owned();
            self.tell(&format!("{id:?} says {n} bytes: {shown:?}"));
            self.world.say(id, &piece);
        } else if guest.short || guest.dismissed || (guest.asks.is_empty() && guest.more == 0) {
            guest.end(self.setting);
            self.tell(&format!("{id:?} has said all and sends its FIN"));
            self.world.end(id);
        }
    }

    pub(super) fn somebody_leaves(&mut self) {
        let present = self.present();
        let Some(id) = self.pick(&present) else {
            return;
        };
        let guest = self.guests.get_mut(&id).unwrap();
        if self.setting.calm && !(guest.asks.is_empty() && guest.unsaid.is_empty()) {
            return;
        }
        guest.end(self.setting);
        if self.chance.bool() {
            guest.left = true;
            self.tell(&format!("{id:?} is reset"));
            self.world.reset(id, Gone::Reset);
        } else {
            self.tell(&format!("{id:?} sends its FIN"));
            self.world.end(id);
        }
    }

    pub(super) fn somebody_takes(&mut self) {
        let dirty: Vec<ConnId> = self
            .world
            .open_sockets()
            .into_iter()
            .filter(|id| self.world.sockets[id].dirty && !self.world.sockets[id].stalled)
            .collect();
        if let Some(id) = self.pick(&dirty) {
            let most = if self.setting.lengthy {
                100_000
            } else {
                usize::MAX
            };
            let has_its_fill = !self.setting.calm && self.chance.u8(0..60) == 0;
            if let Some(guest) = self.guests.get_mut(&id).filter(|_| has_its_fill) {
                guest.deaf = true;
                self.world.sockets.get_mut(&id).unwrap().stalled = true;
            }
            let n = [1, 7, 100, 5_000, most, most][self.chance.usize(0..6)];
            self.tell(&format!("{id:?} takes at most {n} bytes"));
            self.world.take(id, n);
            self.read(id);
        }
    }

    /// A guest reads the replies that are whole.
    pub(super) fn read(&mut self, id: ConnId) {
        while let Some(guest) = self.guests.get_mut(&id) {
            let socket = self.world.sockets.get_mut(&id).unwrap();
            // The end of a connection is the end of a body only if it is a FIN.
            let ended = socket.fin || socket.closed == Some(End::Engine(How::Plain));
            // Half a HEAD is not known for one: its refusal has a body.
            let head = guest.waits() && guest.asks[0].head;
            let reply = match take_reply(&mut socket.got, head, ended && !guest.left) {
                Ok(Some(reply)) => reply,
                Ok(None) => return,
                Err(stray) => panic!("{id:?} reads {stray:?}"),
            };
            if head && reply.status == 408 {
                socket.got.clear(); // given up on before it was known for a HEAD: with a body
            }
            let now = self.world.now.mono;
            let ask = self.note_reply(id, &reply, now);
            let whole = ask.as_ref().is_none_or(|(_, whole)| *whole);
            self.tell(&format!("{id:?} reads {} for {ask:?}", reply.status));
            let ask = ask.map(|(ask, _)| ask);
            verdict::judge(self, ask.as_ref(), whole, &reply);
            self.books.note_reply(ask.as_ref(), &reply);
            self.remember(ask.as_ref(), &reply);
        }
    }

    /// The request that a reply belongs to, and whether it had been said in full.
    fn note_reply(&mut self, id: ConnId, reply: &Reply, now: Mono) -> Option<(Ask, bool)> {
        let guest = self.guests.get_mut(&id).unwrap();
        assert!(!guest.dismissed, "{id:?} gets a reply after the last one");
        // A stream that ends with an error ends its connection, too.
        let has_failed = if is_chat(reply) {
            chat::ends_with_error
        } else {
            ends_with_error
        };
        guest.dismissed = reply.closes() || (is_stream(reply) && has_failed(reply));
        guest.since = now;
        guest.replies += 1;
        let (wild, said) = (guest.wild, guest.said);
        let ask = guest.asks.pop_front();
        assert!(ask.is_some() || wild, "{id:?} did not ask");
        ask.map(|ask| {
            let whole = wild || ask.end <= said;
            (ask, whole)
        })
    }

    /// What a guest learns from a reply: ids of texts and offsets in them, and what is gone.
    fn remember(&mut self, ask: Option<&Ask>, reply: &Reply) {
        let subject = match ask.map(|ask| &ask.what) {
            Some(What::Text(subject)) => Some(*subject),
            Some(What::Resume { text, .. }) => text.subject,
            Some(What::Delete(text)) if reply.status == 204 => return self.forget(&text.id),
            _ => None,
        };
        if let Some(subject) = subject
            && is_stream(reply)
        {
            self.know(subject, &reply.events());
        }
    }

    /// Somebody hears of a text: from here on others ask for it, too.
    fn know(&mut self, subject: Subject, events: &[Event]) {
        let Some(id) = events.iter().find_map(|event| event.data["id"].as_str()) else {
            return;
        };
        let same = self.known.iter().find(|known| known.text.id == id);
        let text = Told {
            id: id.to_owned(),
            subject: Some(subject),
            gone: same.is_some_and(|known| known.text.gone),
        };
        let offsets = events.iter().filter_map(|event| event.id).collect();
        if self.known.len() == KNOWN {
            self.known.remove(0);
        }
        self.known.push(Known { text, offsets });
    }

    /// A text is deleted: whoever asks for it from here on does not get it.
    fn forget(&mut self, id: &str) {
        let same = self.known.iter_mut().filter(|known| known.text.id == id);
        same.for_each(|known| known.text.gone = true);
    }

    /// Guests look at streams that have not ended: what is under way can be resumed and stopped.
    pub(super) fn peek(&mut self) {
        let present = self.present();
        let Some(id) = self.pick(&present) else {
            return;
        };
        let Some(&What::Text(subject)) = self.guests[&id].asks.front().map(|ask| &ask.what) else {
            return;
        };
        let got = &self.world.sockets[&id].got;
        let head = String::from_utf8_lossy(&got[..got.len().min(500)]);
        if head.contains("transfer-encoding: chunked") {
            self.know(subject, &self.world.events(id));
        }
    }
}

/// Whether a reply is a stream of events, and not only the head of one.
pub(super) fn is_stream(reply: &Reply) -> bool {
    let content = reply.field("content-type");
    content == Some("text/event-stream; charset=utf-8") && !reply.body.is_empty()
}

fn ends_with_error(reply: &Reply) -> bool {
    reply
        .events()
        .last()
        .is_some_and(|last| last.name == "error")
}
