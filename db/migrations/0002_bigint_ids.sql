-- "serial" ends at 2 147 483 647.
ALTER TABLE jobs ALTER COLUMN id TYPE bigint;
ALTER SEQUENCE jobs_id_seq AS bigint;
