-- What each program may do, said anew by every run of job-migrate. The programs' roles are the operator's to make, with the
-- passwords; where one is not there, nothing is granted to it. Neither may change the schema, and neither may delete a job.
DO $$
DECLARE
    role name;
BEGIN
    -- Up to PostgreSQL 14, and in what was upgraded from there, everybody may make objects in the schema public.
    IF (SELECT pg_has_role(nspowner, 'USAGE') FROM pg_namespace WHERE nspname = 'public') THEN
        REVOKE CREATE ON SCHEMA public FROM PUBLIC;
        FOR role IN SELECT rolname FROM pg_roles WHERE rolname IN ('job_fcgi', 'job_worker') LOOP
            EXECUTE format('REVOKE CREATE ON SCHEMA public FROM %I', role);
            EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', role);
        END LOOP;
    ELSE
        RAISE NOTICE 'who may make objects in the schema public is left to its owner';
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'job_fcgi') THEN
        REVOKE ALL ON jobs, windows, announcements, reconciliation, schema_migrations FROM job_fcgi;
        REVOKE ALL ON SEQUENCE jobs_id_seq FROM job_fcgi;
        GRANT SELECT ON schema_migrations TO job_fcgi;
        GRANT SELECT, INSERT ON jobs TO job_fcgi;
        GRANT USAGE ON SEQUENCE jobs_id_seq TO job_fcgi;
        GRANT SELECT, INSERT, UPDATE ON windows, announcements TO job_fcgi;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'job_worker') THEN
        REVOKE ALL ON jobs, windows, announcements, reconciliation, schema_migrations FROM job_worker;
        REVOKE ALL ON SEQUENCE jobs_id_seq FROM job_worker;
        GRANT SELECT ON jobs TO job_worker;
        GRANT UPDATE (status, start_time, end_time, message, attempt, lost, claim, lease, lease_expires_at) ON jobs
            TO job_worker;
        GRANT SELECT, INSERT, UPDATE, DELETE ON announcements TO job_worker;
        GRANT SELECT ON reconciliation TO job_worker;
        GRANT UPDATE (round, next_at, redis_run_id, marked_round, leases_looked_at, outbox_looked_at, waiting_from,
            audited_at)
            ON reconciliation TO job_worker;
    END IF;
END
$$;
