-- Jobs whose message may not have reached the stream yet: one row an announcer (a connection that commits jobs and then
-- announces them), replaced by its next batch. A row that stays is what a crash, or Redis being away, left to announce.
CREATE TABLE announcements (
    announcer bigint PRIMARY KEY,
    job_ids bigint[] NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX announcements_created_at_idx ON announcements (created_at);

-- One row: which worker's turn it is to reconcile, and what the stream's Redis said of itself the last time.
CREATE TABLE reconciliation (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    round bigint NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL DEFAULT '-infinity',
    redis_run_id text
);
INSERT INTO reconciliation DEFAULT VALUES;
