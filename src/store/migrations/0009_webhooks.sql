-- Webhooks: who is told that a job has ended, and how far that is.
--
-- The row is made with its job and waits. What ends the job makes it due in the same transaction, so no
-- end is ever without its delivery. `due_ms` is the queue, as in `job_items`: when the next attempt may
-- be made; while one is made, when it is given up for lost; NULL before the end of the job and after
-- the end of the delivery.

CREATE TABLE deliveries (
    tenant     TEXT   NOT NULL,
    job        UUID   NOT NULL,
    id         UUID   NOT NULL,   -- what the receiver knows it by: the same for each attempt
    hook       TEXT   NOT NULL,   -- a name in the configuration, never an address
    state      TEXT   NOT NULL,   -- waiting, due, sending, delivered or given_up
    attempts   BIGINT NOT NULL,
    due_ms     BIGINT,
    claim      UUID,              -- of the attempt that is being made: whoever has another is not heard
    last_error TEXT,
    PRIMARY KEY (tenant, job),
    FOREIGN KEY (tenant, job) REFERENCES jobs (tenant, id) ON DELETE CASCADE
);
CREATE INDEX deliveries_due ON deliveries (due_ms, job) WHERE due_ms IS NOT NULL;
CREATE UNIQUE INDEX deliveries_claimed ON deliveries (claim) WHERE claim IS NOT NULL;
