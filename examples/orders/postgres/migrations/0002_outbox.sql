CREATE TABLE outbox (
    id bigserial PRIMARY KEY,
    order_id text NOT NULL REFERENCES orders,
    message jsonb NOT NULL,
    sent_at timestamptz
);

CREATE INDEX outbox_unsent ON outbox (id) WHERE sent_at IS NULL;

CREATE TABLE leases (
    name text PRIMARY KEY,
    owner text NOT NULL,
    until timestamptz NOT NULL
);

INSERT INTO leases VALUES ('relay', 'nobody', '-infinity');
