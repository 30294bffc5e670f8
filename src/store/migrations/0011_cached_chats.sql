-- Answers to chats of the vendors' clients that answer again. What they were told is more than its text,
-- and the text may not be stored at all, so it is here: one document in the client's dialect. `text_id` is
-- the id that the text has or would have, so that the answer goes with it, and by its age.
ALTER TABLE answer_cache ADD COLUMN provider TEXT;
ALTER TABLE answer_cache ADD COLUMN model TEXT;
ALTER TABLE answer_cache ADD COLUMN body_bytes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE answer_cache ADD COLUMN body TEXT;
CREATE INDEX answer_cache_by_text ON answer_cache (text_id);
CREATE INDEX answer_cache_by_size ON answer_cache (created_ms, body_bytes) WHERE body_bytes > 0;
