-- What Heroku has said against a resource's being there, since its last list and its last grant.
CREATE TABLE absence (
    resource uuid PRIMARY KEY REFERENCES resource (id) ON DELETE CASCADE,
    kind text NOT NULL,
    answers bigint NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    sequence bigint NOT NULL,
    -- When it would have become dormant, last.
    wanted_at timestamptz,
    dormant_at timestamptz
);
CREATE INDEX absence_wanted ON absence (wanted_at);

-- True for one that is deprovisioned without a word of Heroku's.
ALTER TABLE resource ADD COLUMN deprovision_owed boolean NOT NULL DEFAULT false;
