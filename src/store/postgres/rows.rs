//! Our rows as cells: one function for each table, in the order of its statement in `writes.rs`.

use super::Cell;
use crate::score::Scores;
use crate::store::{KeywordsRow, RequestRow, TextRow, excerpt, term_hash, term_key};
use uuid::Uuid;

pub(super) fn request(row: &RequestRow) -> Vec<Cell<'_>> {
    let calls = &row.calls;
    vec![
        Cell::text(&row.tenant),
        Cell::Uuid(row.id),
        Cell::text(&row.route),
        Cell::maybe(row.generation_id, Cell::Uuid),
        Cell::text(row.outcome.as_str()),
        Cell::Int4(row.status.into()),
        Cell::Bool(row.streamed),
        Cell::maybe(row.provider.as_deref(), Cell::text),
        Cell::maybe(row.model.as_deref(), Cell::text),
        Cell::maybe(row.prompt_tokens, Cell::count),
        Cell::maybe(row.completion_tokens, Cell::count),
        Cell::maybe(row.error_code.as_deref(), Cell::text),
        Cell::Int8(row.started_ms),
        Cell::count(row.duration_us),
        Cell::text(row.inbound.as_str()),
        Cell::maybe(calls.asked_model.as_deref(), Cell::text),
        Cell::maybe(calls.key_name.as_deref(), Cell::text),
        Cell::Int8(calls.attempts.into()),
        Cell::maybe(calls.finish_reason.as_deref(), Cell::text),
        Cell::maybe(calls.native_finish_reason.as_deref(), Cell::text),
        Cell::maybe(calls.cached_tokens, Cell::count),
        Cell::maybe(calls.reasoning_tokens, Cell::count),
        Cell::maybe(calls.cost, Cell::Float8),
        Cell::maybe(calls.queue_us, Cell::count),
        Cell::maybe(calls.connect_us, Cell::count),
        Cell::maybe(calls.lost_us, Cell::count),
        Cell::maybe(calls.first_byte_us, Cell::count),
        Cell::maybe(calls.first_content_us, Cell::count),
    ]
}

/// A term, and the text that it is for: if that is there already, no term is left behind.
pub(super) fn term<'a>(
    tenant: &'a str,
    id: Uuid,
    term: &'a str,
    created_ms: i64,
    text: Uuid,
) -> Vec<Cell<'a>> {
    vec![
        Cell::text(tenant),
        Cell::Uuid(id),
        Cell::text(term),
        Cell::Hash(term_hash(term)),
        Cell::Int8(created_ms),
        Cell::Uuid(text),
    ]
}

pub(super) fn text(row: &TextRow) -> Vec<Cell<'_>> {
    let text = Cell::text(&row.text);
    let bytes = text.bytes();
    vec![
        Cell::text(&row.tenant),
        Cell::Uuid(row.id),
        Cell::Uuid(row.search_term_id),
        Cell::Hash(term_key(&row.term)),
        Cell::text(row.state.as_str()),
        Cell::text(&row.provider),
        Cell::text(&row.model),
        Cell::Bool(row.offline),
        Cell::maybe(row.finish_reason.as_deref(), Cell::text),
        Cell::maybe(row.prompt_tokens, Cell::count),
        Cell::maybe(row.completion_tokens, Cell::count),
        Cell::Int8(row.created_ms),
        Cell::Bool(row.scores.is_some()),
        Cell::count(bytes),
        Cell::text(excerpt(&row.text)),
        text,
        Cell::text(&row.term),
    ]
}

/// What belongs to scores beside the figures.
pub(super) fn subject<'a>(
    tenant: &'a str,
    id: Uuid,
    search_term_id: Uuid,
    created_ms: i64,
    content: Option<&'a str>,
) -> Vec<Cell<'a>> {
    vec![
        Cell::text(tenant),
        Cell::Uuid(id),
        Cell::Uuid(search_term_id),
        content.map_or(Cell::Uuid(id), |_| Cell::Null),
        Cell::maybe(content, Cell::text),
        Cell::Int8(created_ms),
    ]
}

pub(super) fn figures(scores: &Scores) -> Vec<Cell<'_>> {
    let (r, s) = (&scores.readability, &scores.sentiment);
    let mut cells = vec![Cell::text(&s.label)];
    cells.extend([s.compound, s.pos, s.neu, s.neg].map(Cell::Float8));
    cells.push(Cell::text(&r.label));
    let figures = [
        r.flesch_reading_ease,
        r.flesch_kincaid_grade,
        r.gunning_fog,
        r.smog_index,
        r.automated_readability_index,
        r.coleman_liau_index,
        r.dale_chall_readability_score,
        r.lix,
        r.linsear_write_formula,
    ];
    cells.extend(figures.map(Cell::Float8));
    cells.extend([r.syllable_count, r.sentence_count, r.lexicon_count].map(Cell::count));
    cells
}

pub(super) fn keywords(row: &KeywordsRow) -> Vec<Vec<Cell<'_>>> {
    let each = row.keywords.iter().enumerate();
    let cells = each.map(|(position, keyword)| {
        vec![
            Cell::text(&row.tenant),
            Cell::Uuid(row.id),
            Cell::Int4(i32::try_from(position).unwrap_or(i32::MAX)),
            Cell::Uuid(row.search_term_id),
            Cell::text(row.method.as_str()),
            Cell::text(&keyword.keyword),
            Cell::Float8(keyword.score),
            Cell::Int8(row.created_ms),
        ]
    });
    cells.collect()
}
