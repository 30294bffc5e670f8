-- Jobs that are over, the oldest first: how those that are kept no longer are found.
CREATE INDEX jobs_ended ON jobs (finished_ms, tenant, id) WHERE finished_ms IS NOT NULL;
