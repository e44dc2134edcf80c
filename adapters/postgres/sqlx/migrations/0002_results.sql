CREATE TABLE results (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    job int NOT NULL REFERENCES jobs,
    worker text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
