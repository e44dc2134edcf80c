CREATE TABLE items (
    id text PRIMARY KEY,
    price bigint NOT NULL,
    stock bigint NOT NULL
);

CREATE TABLE orders (
    id text PRIMARY KEY,
    item text NOT NULL REFERENCES items,
    quantity bigint NOT NULL CHECK (quantity > 0),
    customer jsonb NOT NULL,
    payment uuid NOT NULL DEFAULT gen_random_uuid(),
    placed_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX orders_by_item ON orders (item);

INSERT INTO items VALUES ('lamp', 40, 1), ('book', 15, 100);
