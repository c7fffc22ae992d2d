-- The last turn that found, or made, the stream whole: whether it left its mark in this Redis tells if messages were lost since.
ALTER TABLE reconciliation ADD COLUMN marked_round bigint NOT NULL DEFAULT 0;
