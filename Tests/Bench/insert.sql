\set object_id random(1, 2147483647)
INSERT INTO bench_reference (object_id, status) VALUES (:object_id, 'created');
