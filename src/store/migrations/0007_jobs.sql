-- Jobs: work that nobody waits for at a connection, done item by item and kept until it is done.
--
-- `due_ms` is the whole queue: when an item may be taken. Of one that waits it is the time before
-- which it is not to be tried; of one that is in hand, the end of its owner's lease, after which
-- somebody else may take it; of one that has ended it is NULL. So what can be taken is one range of
-- one index, whoever has died meanwhile.

CREATE TABLE jobs (
    tenant      TEXT   NOT NULL,
    id          UUID   NOT NULL,
    kind        TEXT   NOT NULL,  -- generate, analyze or report
    state       TEXT   NOT NULL,  -- queued, running, done or cancelled
    params      TEXT   NOT NULL,  -- what all items have in common, as JSON
    items       BIGINT NOT NULL,
    done        BIGINT NOT NULL,
    failed      BIGINT NOT NULL,
    created_ms  BIGINT NOT NULL,
    started_ms  BIGINT,
    finished_ms BIGINT,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX jobs_queued ON jobs (id) WHERE state = 'queued';

CREATE TABLE job_items (
    tenant     TEXT   NOT NULL,
    job        UUID   NOT NULL,
    position   BIGINT NOT NULL,
    state      TEXT   NOT NULL,   -- waiting, running, done, failed or cancelled
    input      TEXT   NOT NULL,   -- a topic, or a text
    row_id     UUID   NOT NULL,   -- of the row that it leaves: known before, so there is never a second
    attempts   BIGINT NOT NULL,
    due_ms     BIGINT,
    owner      UUID,              -- the process that has it in hand
    error_code TEXT,
    result     TEXT,              -- figures, as JSON
    PRIMARY KEY (tenant, job, position),
    FOREIGN KEY (tenant, job) REFERENCES jobs (tenant, id) ON DELETE CASCADE
);
CREATE INDEX job_items_due ON job_items (due_ms, job, position) WHERE due_ms IS NOT NULL;
CREATE INDEX job_items_owned ON job_items (owner) WHERE owner IS NOT NULL;
