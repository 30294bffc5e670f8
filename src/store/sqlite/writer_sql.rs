//! The statements of the writer. `?1` is always the tenant.

pub(super) const INSERT_REQUEST: &str = "
    INSERT INTO requests (
        tenant, id, route, generation_id, outcome, status, streamed, provider, model,
        prompt_tokens, completion_tokens, error_code, started_ms, duration_us,
        inbound, asked_model, key_name, attempts, finish_reason, native_finish_reason,
        cached_tokens, reasoning_tokens, cost,
        queue_us, connect_us, lost_us, first_byte_us, first_content_us
    ) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
              ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28)
    ON CONFLICT (tenant, id) DO NOTHING";

pub(super) const INSERT_TERM: &str = "
    INSERT INTO search_terms (tenant, id, term, term_hash, created_ms)
    VALUES (?1, ?2, ?3, ?4, ?5)
    ON CONFLICT (tenant, id) DO NOTHING";

pub(super) const INSERT_TEXT: &str = "
    INSERT INTO generated_content (
        tenant, id, search_term_id, term_key, state, provider, model, offline, finish_reason,
        prompt_tokens, completion_tokens, created_ms, scored, text_bytes, excerpt, text
    ) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
    ON CONFLICT (tenant, id) DO NOTHING";

pub(super) const HAS_TEXT: &str =
    "SELECT EXISTS (SELECT 1 FROM generated_content WHERE tenant = ?1 AND id = ?2)";

pub(super) const INSERT_KEYWORD: &str = "
    INSERT INTO generated_keywords (
        tenant, id, position, search_term_id, method, keyword, score, created_ms
    ) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
    ON CONFLICT (tenant, id, position) DO NOTHING";

/// The scores go with the text, by the foreign key.
pub(super) const DELETE_TEXT: &str = "
    DELETE FROM generated_content WHERE tenant = ?1 AND id = ?2
    RETURNING search_term_id";

/// A term is what somebody typed: it does not outlive what was made of it.
pub(super) const DELETE_UNUSED_TERM: &str = "
    DELETE FROM search_terms
    WHERE tenant = ?1 AND id = ?2
      AND NOT EXISTS (SELECT 1 FROM generated_content
                      WHERE tenant = ?1 AND search_term_id = ?2)
      AND NOT EXISTS (SELECT 1 FROM sentiment_analysis
                      WHERE tenant = ?1 AND search_term_id = ?2)
      AND NOT EXISTS (SELECT 1 FROM generated_keywords
                      WHERE tenant = ?1 AND search_term_id = ?2)";

pub(super) const MARK_SCORED: &str = "
    UPDATE generated_content SET scored = TRUE WHERE tenant = ?1 AND id = ?2
    RETURNING search_term_id, created_ms";

pub(super) const DELETE_SCORES: &str = "
    DELETE FROM sentiment_analysis WHERE tenant = ?1 AND id = ?2
      AND generated_content_id IS NOT NULL";
