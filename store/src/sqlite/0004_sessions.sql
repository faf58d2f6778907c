-- The key is the SHA-256 of the session's id, which is stored nowhere.
CREATE TABLE heroku_sso_session (
    key TEXT PRIMARY KEY,
    resource TEXT NOT NULL REFERENCES heroku_sso_resource (id) ON DELETE CASCADE,
    email TEXT NOT NULL,
    kind TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    began_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    data TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX heroku_sso_session_resource ON heroku_sso_session (resource, email);
CREATE INDEX heroku_sso_session_email ON heroku_sso_session (email);
CREATE INDEX heroku_sso_session_ends ON heroku_sso_session (ends_at);

-- Sessions with a lower sequence number have ended.
ALTER TABLE heroku_sso_resource ADD COLUMN sessions_since INTEGER;
