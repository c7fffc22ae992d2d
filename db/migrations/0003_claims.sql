-- attempt           the fence: bumped by every claim, asked for by every heartbeat and finish
-- lost              how many claims ended because their worker was lost
-- lease_expires_at  until when the claim of a running job holds
ALTER TABLE jobs
    ADD COLUMN attempt integer NOT NULL DEFAULT 0,
    ADD COLUMN lost integer NOT NULL DEFAULT 0,
    ADD COLUMN lease_expires_at timestamptz,
    ADD CONSTRAINT jobs_status_check CHECK (status IN ('created', 'running', 'success', 'failed'));

-- Every job is updated twice: room for the new versions beside the old.
ALTER TABLE jobs SET (fillfactor = 70);

-- What waits and what is leased. Finished jobs, nearly all of the table, are in neither. The second is not worded by the
-- status: a statement that finds running jobs by their keys must not be tempted to read all of it.
CREATE INDEX jobs_created_idx ON jobs (id) WHERE status = 'created';
CREATE INDEX jobs_lease_idx ON jobs (lease_expires_at) WHERE lease_expires_at IS NOT NULL;
