-- claim   random, drawn by each claim and named by its heartbeats, its finish and its hand-back: after a restore or a
--         fail-over ids and attempts are given again, a token is not. It stays when the job ends, and goes when the lease
--         ran out.
-- lease   for how many seconds that claim holds without a heartbeat: JOB_LEASE of its worker
ALTER TABLE jobs ADD COLUMN claim bigint, ADD COLUMN lease smallint;

-- leases_looked_at   every lease that ended before this moment has been dealt with
-- outbox_looked_at   every batch that was written down before this moment has been dealt with
-- waiting_from       below this id no job waits for its first claim
-- audited_at         when the stream was last compared with all jobs that wait: whoever has connected since then, and so
--                    may meet an older state of this database, has it compared again
-- With these a look reads what is new, and not every dead index entry that a long snapshot keeps. From time to time a turn
-- looks at everything nonetheless.
ALTER TABLE reconciliation
    ADD COLUMN leases_looked_at timestamptz NOT NULL DEFAULT '-infinity',
    ADD COLUMN outbox_looked_at timestamptz NOT NULL DEFAULT '-infinity',
    ADD COLUMN waiting_from bigint NOT NULL DEFAULT 0,
    ADD COLUMN audited_at timestamptz NOT NULL DEFAULT '-infinity';

-- The default, a fifth of the table, would leave a hundred million dead entries at the head of the indexes of a table of 10^9.
ALTER TABLE jobs SET (autovacuum_vacuum_scale_factor = 0.005, autovacuum_vacuum_threshold = 50000,
    autovacuum_analyze_scale_factor = 0.01);
ALTER TABLE windows SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 50000);
ALTER TABLE announcements SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000);
ALTER TABLE reconciliation SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 100);
