-- The newest job of every object. Its primary key is what makes "one job per object and window" true under any
-- concurrency. The moment of creation is kept, not that of expiry, so that a changed JOB_DEDUP_WINDOW holds at once.
CREATE TABLE windows (
    object_id integer PRIMARY KEY,
    job_id bigint NOT NULL,
    created_at timestamptz NOT NULL
) WITH (fillfactor = 80);
