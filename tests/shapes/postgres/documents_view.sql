-- documents is a view.
-- finds: documents: documents is a view
-- finds: vectors: there is no table vectors
-- ends: refused

CREATE VIEW documents AS SELECT 1 AS id;
