-- The first tables.
--
-- Written in the SQL that SQLite and PostgreSQL share, so that one file serves both. SQLite takes
-- the type names as hints: UUID and BYTEA columns hold blobs (16 bytes of an id, 32 of a SHA-256),
-- BOOLEAN holds 0 and 1, DOUBLE PRECISION a float. Two differences remain: PostgreSQL has no
-- U+0000 in TEXT, and it keeps a NaN as a number where SQLite keeps it as NULL.
--
-- `tenant` is the first column of every primary key: a query that forgets whose rows it wants finds
-- no index, and a foreign key cannot point across tenants.
-- Times are milliseconds of Unix time. Closed lists (outcome, state) are checked by the program
-- that writes them and not by the table, because a new word in a list is then no new table.

-- What was asked for. `id` comes from the tenant and the term (see `term_id`).
CREATE TABLE search_terms (
    tenant     TEXT   NOT NULL,
    id         UUID   NOT NULL,
    term       TEXT   NOT NULL,
    term_hash  BYTEA  NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, term_hash)
);

-- One row per generation that has text. What a list shows comes before `text`, so that a list
-- never reads through the pages of a long text.
CREATE TABLE generated_content (
    tenant            TEXT    NOT NULL,
    id                UUID    NOT NULL,
    search_term_id    UUID    NOT NULL,
    term_key          BYTEA   NOT NULL,  -- SHA-256 of the folded term: lists filter by it
    state             TEXT    NOT NULL,
    provider          TEXT    NOT NULL,
    model             TEXT    NOT NULL,
    offline           BOOLEAN NOT NULL,
    finish_reason     TEXT,
    prompt_tokens     BIGINT,
    completion_tokens BIGINT,
    created_ms        BIGINT  NOT NULL,
    scored            BOOLEAN NOT NULL,  -- whether sentiment_analysis has its scores
    text_bytes        BIGINT  NOT NULL,
    excerpt           TEXT    NOT NULL,
    text              TEXT    NOT NULL,
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, search_term_id) REFERENCES search_terms (tenant, id)
);
CREATE INDEX generated_content_by_key ON generated_content (tenant, term_key, id);
CREATE INDEX generated_content_by_term ON generated_content (tenant, search_term_id);
CREATE INDEX generated_content_unscored ON generated_content (id) WHERE scored = FALSE;

-- One row per scored text. A generated text: `id` and `generated_content_id` are the text's id.
-- A text that was only analysed: it has an id of its own and its words are in `content`.
CREATE TABLE sentiment_analysis (
    tenant                       TEXT   NOT NULL,
    id                           UUID   NOT NULL,
    search_term_id               UUID   NOT NULL,
    generated_content_id         UUID,
    created_ms                   BIGINT NOT NULL,
    sentiment_label              TEXT   NOT NULL,
    compound                     DOUBLE PRECISION,
    pos                          DOUBLE PRECISION,
    neu                          DOUBLE PRECISION,
    neg                          DOUBLE PRECISION,
    readability_label            TEXT   NOT NULL,
    flesch_reading_ease          DOUBLE PRECISION,
    flesch_kincaid_grade         DOUBLE PRECISION,
    gunning_fog                  DOUBLE PRECISION,
    smog_index                   DOUBLE PRECISION,
    automated_readability_index  DOUBLE PRECISION,
    coleman_liau_index           DOUBLE PRECISION,
    dale_chall_readability_score DOUBLE PRECISION,
    lix                          DOUBLE PRECISION,
    linsear_write_formula        DOUBLE PRECISION,
    syllable_count               BIGINT NOT NULL,
    sentence_count               BIGINT NOT NULL,
    lexicon_count                BIGINT NOT NULL,
    content                      TEXT,
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, search_term_id) REFERENCES search_terms (tenant, id),
    FOREIGN KEY (tenant, generated_content_id) REFERENCES generated_content (tenant, id)
        ON DELETE CASCADE,
    CHECK ((generated_content_id IS NULL) <> (content IS NULL))
);
CREATE INDEX sentiment_analysis_by_term ON sentiment_analysis (tenant, search_term_id);
CREATE INDEX sentiment_analysis_by_text ON sentiment_analysis (tenant, generated_content_id);

-- The keywords of one text, best first: one row per keyword, all under the id of their request.
CREATE TABLE generated_keywords (
    tenant         TEXT    NOT NULL,
    id             UUID    NOT NULL,
    position       INTEGER NOT NULL,
    search_term_id UUID    NOT NULL,
    method         TEXT    NOT NULL,
    keyword        TEXT    NOT NULL,
    score          DOUBLE PRECISION,
    created_ms     BIGINT  NOT NULL,
    PRIMARY KEY (tenant, id, position),
    FOREIGN KEY (tenant, search_term_id) REFERENCES search_terms (tenant, id)
);
CREATE INDEX generated_keywords_by_term ON generated_keywords (tenant, search_term_id);

-- One row per accepted request, aborted ones included. `generation_id` is no foreign key: the
-- generation may have ended without text, and its text may be deleted while this row stays.
CREATE TABLE requests (
    tenant            TEXT    NOT NULL,
    id                UUID    NOT NULL,
    route             TEXT    NOT NULL,
    generation_id     UUID,
    outcome           TEXT    NOT NULL,
    status            INTEGER NOT NULL,
    streamed          BOOLEAN NOT NULL,
    provider          TEXT,
    model             TEXT,
    prompt_tokens     BIGINT,
    completion_tokens BIGINT,
    error_code        TEXT,
    started_ms        BIGINT  NOT NULL,
    duration_us       BIGINT  NOT NULL,
    PRIMARY KEY (tenant, id)
);
