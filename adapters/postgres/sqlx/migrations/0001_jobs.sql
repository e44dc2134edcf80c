CREATE TYPE state AS ENUM ('open', 'done');
CREATE TABLE jobs (id int PRIMARY KEY, state state NOT NULL DEFAULT 'open', payload jsonb NOT NULL);
INSERT INTO jobs (id, payload) SELECT id, jsonb_build_object('amount', id * 10) FROM generate_series(1, 4) AS id;
