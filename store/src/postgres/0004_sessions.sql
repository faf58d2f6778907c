-- The key is the SHA-256 of the session's id, which is stored nowhere.
CREATE TABLE session (
    key text PRIMARY KEY,
    resource uuid NOT NULL REFERENCES resource (id) ON DELETE CASCADE,
    email text NOT NULL,
    kind text NOT NULL,
    sequence bigint NOT NULL,
    began_at timestamptz NOT NULL,
    -- Updated in place: no index has it, and pages have room.
    seen_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    data text NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX session_resource ON session (resource, email);
CREATE INDEX session_email ON session (email);
CREATE INDEX session_ends ON session (ends_at);

-- Sessions with a lower sequence number have ended.
ALTER TABLE resource ADD COLUMN sessions_since bigint;
