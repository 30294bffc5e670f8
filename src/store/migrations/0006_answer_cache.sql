-- Which text answers a prompt: the newest one that was made for it while its cache was in use.
--
-- `prompt` is the SHA-256 of everything that is asked of a model. A text that is gone is not found; what
-- refers to it is forgotten when it is old.
CREATE TABLE answer_cache (
    tenant     TEXT   NOT NULL,
    prompt     BYTEA  NOT NULL,
    text_id    UUID   NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant, prompt)
);
CREATE INDEX answer_cache_by_age ON answer_cache (created_ms);
