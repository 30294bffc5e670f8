-- What became of a request on its way: which API it came by, what was done at providers for it, and
-- what that took in time, tokens and money.
--
-- Only columns that may be NULL are added, so rows of an older version stay as they are: NULL is "not
-- known", and a zero is a zero. What was asked, provider and model together, is the last target.

ALTER TABLE requests ADD COLUMN inbound TEXT;                -- own, openai, anthropic or gemini
ALTER TABLE requests ADD COLUMN asked_model TEXT;            -- if the client had another name for it
ALTER TABLE requests ADD COLUMN key_name TEXT;               -- the name of the provider's key
ALTER TABLE requests ADD COLUMN attempts BIGINT;             -- calls that were begun for it
ALTER TABLE requests ADD COLUMN finish_reason TEXT;          -- by our table
ALTER TABLE requests ADD COLUMN native_finish_reason TEXT;   -- in the provider's word
ALTER TABLE requests ADD COLUMN cached_tokens BIGINT;        -- part of prompt_tokens
ALTER TABLE requests ADD COLUMN reasoning_tokens BIGINT;     -- part of completion_tokens
ALTER TABLE requests ADD COLUMN cost DOUBLE PRECISION;       -- NULL where no price is configured

-- Where the time went, in microseconds. `queue_us`, `connect_us` and `lost_us` are sums over all
-- attempts; `first_byte_us` is the last attempt's own. `first_content_us` counts from the request's
-- head, as `duration_us` does, so it is what the client has waited for its first word.
ALTER TABLE requests ADD COLUMN queue_us BIGINT;             -- in line for a turn
ALTER TABLE requests ADD COLUMN connect_us BIGINT;           -- for a connection: name, TCP, TLS
ALTER TABLE requests ADD COLUMN lost_us BIGINT;              -- in attempts that failed, and between them
ALTER TABLE requests ADD COLUMN first_byte_us BIGINT;        -- from the request sent to the answer's head
ALTER TABLE requests ADD COLUMN first_content_us BIGINT;
