-- Of whom it is not known whether they have left; settled by a list of this ticket or a later one.
CREATE TABLE doubt (
    resource uuid NOT NULL REFERENCES resource (id) ON DELETE CASCADE,
    email text NOT NULL,
    ticket bigint NOT NULL,
    PRIMARY KEY (resource, email)
);
