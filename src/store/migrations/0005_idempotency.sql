-- Idempotency keys: who answers the first request with a key, and what was answered.
--
-- A row begins as a claim: `owner` answers, and nobody else until `until_ms`, which is moved on for as
-- long as the owner lives. With its answer it is complete (`status` is set), and is forgotten at
-- `until_ms`. A claim and its answer change hands by single statements, so any number of processes
-- may use the same keys.
CREATE TABLE idempotency_keys (
    tenant      TEXT    NOT NULL,
    route       TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    fingerprint BYTEA   NOT NULL,            -- SHA-256 of the request
    owner       UUID    NOT NULL,
    until_ms    BIGINT  NOT NULL,
    text_id     UUID,                        -- the text in the answer, so that it goes with the text
    status      INTEGER,
    streamed    BOOLEAN NOT NULL DEFAULT FALSE,
    body_bytes  BIGINT  NOT NULL DEFAULT 0,
    body        TEXT,
    PRIMARY KEY (tenant, route, key)
);
CREATE INDEX idempotency_keys_by_end ON idempotency_keys (until_ms, body_bytes);
CREATE INDEX idempotency_keys_by_text ON idempotency_keys (tenant, text_id) WHERE text_id IS NOT NULL;
