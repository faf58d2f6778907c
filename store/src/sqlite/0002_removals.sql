-- Pending removals. A list with the same sequence number or a later one settles them.
CREATE TABLE heroku_sso_pending_removal (
    resource TEXT NOT NULL REFERENCES heroku_sso_resource (id) ON DELETE CASCADE,
    email TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (resource, email)
) STRICT, WITHOUT ROWID;
