-- Heroku's answers that a resource does not exist, since its last list and its last grant.
CREATE TABLE heroku_sso_absence (
    resource TEXT PRIMARY KEY REFERENCES heroku_sso_resource (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    answers INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    -- When it last would have become dormant.
    wanted_at INTEGER,
    dormant_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX heroku_sso_absence_wanted ON heroku_sso_absence (wanted_at);

-- 1 if it is deprovisioned and Heroku's DELETE has not arrived.
ALTER TABLE heroku_sso_resource ADD COLUMN deprovision_owed INTEGER NOT NULL DEFAULT 0;
