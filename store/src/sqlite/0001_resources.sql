-- Times are microseconds since 1970.
CREATE TABLE heroku_sso_sequence (last INTEGER NOT NULL);
INSERT INTO heroku_sso_sequence VALUES (0);

CREATE TABLE heroku_sso_resource (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    legacy_id TEXT,
    tokens BLOB,
    token_ends_at INTEGER,
    grant_code BLOB,
    webhook TEXT,
    revision INTEGER NOT NULL,
    list TEXT,
    list_sequence INTEGER,
    list_asked_at INTEGER,
    team_id TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX heroku_sso_resource_legacy ON heroku_sso_resource (legacy_id);
CREATE INDEX heroku_sso_resource_team ON heroku_sso_resource (team_id);

CREATE TABLE heroku_sso_team (
    id TEXT PRIMARY KEY,
    members TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    asked_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE heroku_sso_revocation (
    resource TEXT NOT NULL REFERENCES heroku_sso_resource (id) ON DELETE CASCADE,
    email TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (resource, email)
) STRICT, WITHOUT ROWID;

CREATE TABLE heroku_sso_used_sign_in (
    key TEXT PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX heroku_sso_used_sign_in_until ON heroku_sso_used_sign_in (until);

CREATE TABLE heroku_sso_closed_session (
    key TEXT PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX heroku_sso_closed_session_until ON heroku_sso_closed_session (until);
