//! What a request for several texts writes: one piece for each text, rendered when there is room.

use serde::Serialize;
use uuid::Uuid;

use super::{Gather, Kind, Member};
use crate::engine::blocks::Pen;
use crate::engine::client::takes_chunks;
use crate::engine::documents::{Problem, TextReply};
use crate::engine::generation::Generation;
use crate::engine::reply::after;
use crate::engine::slots::ExchangeId;
use crate::engine::{Engine, Failure};
use crate::limits::PUMP_BYTES;
use crate::proto::Sink;
use crate::proto::http1::{ReplyBody, put_chunk, put_last_chunk, reply_head};
use crate::score::Scores;

impl Engine {
    /// The head of a batch's answer. Its lines come as the texts end.
    pub(super) fn write_lines_head(&mut self, id: ExchangeId) {
        self.write_pieces_head(id, "application/x-ndjson");
    }

    /// The head of an answer with several candidates, and the best of them.
    pub(super) fn begin_best_answer(&mut self, id: ExchangeId) {
        let Some(gather) = self.gather(id) else {
            return;
        };
        let Kind::Best { best, .. } = gather.kind else {
            return;
        };
        let text = gather.members[best].text;
        let Some(text) = text.and_then(|text| self.generations.get(text)) else {
            return self.fail_exchange(id, &Failure::Internal("the best text is gone"));
        };
        let piece = best_piece(text);
        self.write_pieces_head(id, "application/json");
        self.set_piece(id, piece);
    }

    /// All texts have ended. If the request was sent with a key and all of them are whole, the answer is
    /// promised. One that is not may be better the next time, so it is no answer to be kept.
    pub(super) fn promise_gather(&mut self, id: ExchangeId) {
        let Some(gather) = self.gather(id).filter(|_| self.has_key(id)) else {
            return;
        };
        let request_id = self.exchanges.get(id).map_or(Uuid::nil(), |e| e.request_id);
        let whole = |member: &Member| member.end == Some(Ok(()));
        if !gather.members.iter().all(whole) {
            return;
        }
        // The lines of a batch were noted as they were written.
        if let Kind::Best { best, .. } = gather.kind {
            let places = 0..gather.members.len();
            let text = |place: usize| self.generations.get(gather.members[place].text?);
            let first = text(best).map(best_piece);
            let pieces = places.map(|place| gather.piece_of(place, text(place), request_id).0);
            let answer: Vec<u8> = first.into_iter().chain(pieces).flatten().collect();
            self.note_said(id, &answer);
        }
        self.promise_all_said(id);
    }

    fn write_pieces_head(&mut self, id: ExchangeId, content_type: &'static str) {
        let date = self.date();
        let Some((conn_id, terms)) = self.exchanges.get(id).map(|e| (e.conn, e.terms)) else {
            return;
        };
        self.counters.answered(200);
        self.note_rate_fields(id);
        if let Some(conn) = self.conns.get_mut(conn_id) {
            let mut pen = Pen {
                blocks: &mut self.blocks,
                chain: &mut conn.out,
                secret: false,
            };
            let mut head = reply_head(&mut pen, 200)
                .date(&date)
                .field("content-type", content_type)
                .field("cache-control", "no-store")
                .field("x-accel-buffering", "no")
                .field("x-content-type-options", "nosniff");
            for (name, value) in self.rate_fields.iter() {
                head = head.field(name, value);
            }
            head.finish(ReplyBody::streamed(terms.version), after(&terms));
        }
        self.flush(conn_id);
        self.rearm_client(conn_id);
    }

    /// Writes what there is, up to the mark and to what one connection may have at a time.
    pub(super) fn write_pieces(&mut self, id: ExchangeId) {
        let mut put = 0;
        loop {
            put += self.write_some(id);
            if put >= PUMP_BYTES {
                return self.serve_later(id);
            }
            let waits_for_room = |gather: &Gather| gather.written < gather.piece.len();
            if self.gather(id).is_none_or(waits_for_room) || !self.next_piece(id) {
                return;
            }
        }
    }

    /// Puts as much of the present piece as there is room for; returns how much.
    fn write_some(&mut self, id: ExchangeId) -> usize {
        let room = self.room_for_pieces(id).min(PUMP_BYTES);
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return 0;
        };
        let (conn_id, terms) = (exchange.conn, exchange.terms);
        let super::Flow::Gather(gather) = &mut exchange.flow else {
            return 0;
        };
        let to = gather.piece.len().min(gather.written + room);
        let bytes = &gather.piece[gather.written..to];
        let Some(conn) = self.conns.get_mut(conn_id).filter(|_| !bytes.is_empty()) else {
            return 0;
        };
        let mut pen = Pen {
            blocks: &mut self.blocks,
            chain: &mut conn.out,
            secret: false,
        };
        if takes_chunks(terms.version) {
            put_chunk(&mut pen, bytes);
        } else {
            pen.put(bytes);
        }
        let put = bytes.len();
        gather.written = to;
        self.counters.written += put as u64;
        self.flush(conn_id);
        self.rearm_client(conn_id);
        put
    }

    fn room_for_pieces(&self, id: ExchangeId) -> usize {
        let conn = self.conn_of(id).and_then(|conn| self.conns.get(conn));
        conn.map_or(0, |conn| self.send_high().saturating_sub(conn.out.len()))
    }

    /// Renders the next piece. `false` if there is none yet.
    fn next_piece(&mut self, id: ExchangeId) -> bool {
        let Some(place) = self.gather_mut(id).and_then(|g| g.ready.pop_front()) else {
            return false;
        };
        let Some(exchange) = self.exchanges.get(id) else {
            return false;
        };
        let asked = Some((exchange.terms.method, exchange.route.path()));
        let request_id = exchange.request_id;
        let Some(gather) = self.gather(id) else {
            return false;
        };
        let is_batch = gather.is_batch();
        let text_id = gather.members[place].text;
        let text = text_id.and_then(|text| self.generations.get(text));
        let (piece, failure) = gather.piece_of(place, text, request_id);
        if let Some(failure) = failure {
            self.note_failure(&failure, failure.status(), asked, request_id, text_id);
        }
        if is_batch {
            self.note_said(id, &piece);
        }
        self.set_piece(id, piece);
        if is_batch {
            self.leave_member(id, place);
        }
        true
    }

    fn set_piece(&mut self, id: ExchangeId, piece: Vec<u8>) {
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return;
        };
        if let super::Flow::Gather(gather) = &mut exchange.flow {
            gather.piece = piece;
            gather.written = 0;
            let said = exchange.held.key.as_ref().map_or(0, |key| key.bytes());
            self.ledger
                .settle(&mut exchange.charged, gather.bytes() + said);
        }
    }

    /// Everything is said.
    pub(super) fn end_gather(&mut self, id: ExchangeId) {
        let Some((conn_id, terms)) = self.exchanges.get(id).map(|e| (e.conn, e.terms)) else {
            return;
        };
        if takes_chunks(terms.version)
            && let Some(conn) = self.conns.get_mut(conn_id)
        {
            put_last_chunk(&mut Pen {
                blocks: &mut self.blocks,
                chain: &mut conn.out,
                secret: false,
            });
        }
        self.flush(conn_id);
        self.reply_written(id, terms.keep_alive && takes_chunks(terms.version));
    }
}

impl Gather {
    /// What is written of a text that has ended, and its failure if it has failed.
    fn piece_of(
        &self,
        place: usize,
        text: Option<&Generation>,
        request_id: Uuid,
    ) -> (Vec<u8>, Option<Failure>) {
        let lost = Failure::Internal("a text is gone that is listened to");
        let failure = match &self.members[place].end {
            Some(Ok(())) if text.is_some() => None,
            Some(Ok(())) => Some(lost.clone()),
            Some(Err(failure)) => Some(failure.clone()),
            None => Some(Failure::Internal("a text is told that has not ended")),
        };
        let end = match (&failure, text) {
            (None, Some(text)) => End::Text(Box::new(TextReply::new(text, true))),
            (failure, text) => End::Error {
                id: text.filter(|t| !t.text.is_empty()).map(|t| t.id),
                error: Box::new(Problem::new(failure.as_ref().unwrap_or(&lost), request_id)),
            },
        };
        let piece = if self.is_batch() {
            self.line(place, end)
        } else {
            let scores = text.and_then(|text| text.result.scores.as_deref());
            self.candidate(place, end, scores.filter(|_| failure.is_none()))
        };
        (piece, failure)
    }

    /// A line of a batch's answer.
    fn line(&self, place: usize, end: End<'_>) -> Vec<u8> {
        #[derive(Serialize)]
        struct Line<'a> {
            index: usize,
            topic: &'a str,
            #[serde(flatten)]
            end: End<'a>,
        }
        let topic = &self.members[place].topic;
        let mut line = json(&Line {
            index: place,
            topic,
            end,
        });
        line.push(b'\n');
        line
    }

    /// One of the candidates, as an element of their array.
    fn candidate(&self, place: usize, end: End<'_>, scores: Option<&Scores>) -> Vec<u8> {
        #[derive(Serialize)]
        struct Candidate<'a> {
            chosen: bool,
            distance: Option<f64>,
            #[serde(flatten)]
            end: End<'a>,
        }
        let (chosen, distance) = match &self.kind {
            Kind::Best { prefer, best } => (*best == place, scores.map(|s| prefer.distance(s))),
            Kind::Batch => (false, None),
        };
        let mut element = json(&Candidate {
            chosen,
            distance,
            end,
        });
        if place + 1 < self.members.len() {
            element.push(b',');
        } else {
            element.extend_from_slice(b"]}");
        }
        element
    }
}

/// A text, or why there is none.
#[derive(Serialize)]
#[serde(untagged)]
enum End<'a> {
    Text(Box<TextReply<'a>>),
    Error {
        /// Of the row with what there is of the text, if there is any.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<Uuid>,
        error: Box<Problem<'a>>,
    },
}

/// The best text, up to where the candidates follow as one more member.
fn best_piece(text: &Generation) -> Vec<u8> {
    let mut piece = json(&TextReply::new(text, true));
    piece.pop(); // the closing brace
    piece.extend_from_slice(b",\"candidates\":[");
    piece
}

/// Strings and numbers cannot fail to be written into memory.
fn json(document: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(document).unwrap_or_default()
}
