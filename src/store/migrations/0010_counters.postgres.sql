-- Counters of limits that several processes share: how much of one was used in the window that runs.
--
-- UNLOGGED: nothing is written ahead, so a commit waits for no disk, and a standby has nothing of it.
-- After a crash, or on a standby that was promoted, the table is empty and the windows begin anew: that
-- costs at most a limit once more, and there is nothing here that anybody would want to have back.
CREATE UNLOGGED TABLE rate_counters (
    name   TEXT        PRIMARY KEY,  -- whose, of what, and the rule
    used   BIGINT      NOT NULL,     -- by all processes, what is in their blocks included
    ends   TIMESTAMPTZ NOT NULL,     -- the window's end; after it the row says nothing
    -- The last statement about it: its rule, what was wanted, and given, and used beyond what was taken.
    most   BIGINT      NOT NULL,
    wanted BIGINT      NOT NULL,
    given  BIGINT      NOT NULL,
    amends BIGINT      NOT NULL
) WITH (fillfactor = 50);            -- so that a row that has changed stays in its page
CREATE INDEX rate_counters_by_end ON rate_counters (ends);
