-- no transaction
-- Jobs that wait after a claim: handed back, or their worker was lost. Few, at any id, and so found apart from those that
-- wait for their first claim, which are found from `reconciliation.waiting_from` on. Ordered by attempt too: no other index
-- has that order, so that no plan reads `jobs_created_idx` instead.
DROP INDEX CONCURRENTLY IF EXISTS jobs_waiting_again_idx;
CREATE INDEX CONCURRENTLY jobs_waiting_again_idx ON jobs (attempt, id) WHERE status = 'created' AND attempt > 0;
