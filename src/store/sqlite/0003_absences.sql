-- What Heroku has said against a resource's being there, since its last list and its last grant.
CREATE TABLE heroku_sso_absence (
    resource TEXT PRIMARY KEY REFERENCES heroku_sso_resource (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    answers INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    -- When it would have become dormant, last.
    wanted_at INTEGER,
    dormant_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX heroku_sso_absence_wanted ON heroku_sso_absence (wanted_at);

-- 1 for one that is deprovisioned without a word of Heroku's.
ALTER TABLE heroku_sso_resource ADD COLUMN deprovision_owed INTEGER NOT NULL DEFAULT 0;
