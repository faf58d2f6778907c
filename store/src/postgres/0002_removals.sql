-- Of whom it is not known whether they have left; settled by a list of this sequence or a later one.
CREATE TABLE pending_removal (
    resource uuid NOT NULL REFERENCES resource (id) ON DELETE CASCADE,
    email text NOT NULL,
    sequence bigint NOT NULL,
    PRIMARY KEY (resource, email)
);
