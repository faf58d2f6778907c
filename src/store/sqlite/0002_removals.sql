-- Of whom it is not known whether they have left; settled by a list of this sequence or a later one.
CREATE TABLE heroku_sso_doubt (
    resource TEXT NOT NULL REFERENCES heroku_sso_resource (id) ON DELETE CASCADE,
    email TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (resource, email)
) STRICT, WITHOUT ROWID;
