CREATE SEQUENCE sequence;

CREATE TABLE resource (
    id uuid PRIMARY KEY,
    state text NOT NULL,
    legacy_id text,
    tokens bytea,
    token_ends_at timestamptz,
    grant_code bytea,
    webhook text,
    revision bigint NOT NULL,
    list text,
    list_sequence bigint,
    -- By the clock of the process that asked.
    list_asked_at timestamptz,
    -- The same moment by the clock of this server.
    list_asked timestamptz,
    team_id text,
    changed_by uuid NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX resource_legacy ON resource (legacy_id) WHERE legacy_id IS NOT NULL;
CREATE INDEX resource_team ON resource (team_id) WHERE team_id IS NOT NULL;
CREATE INDEX resource_changed ON resource (changed_at);

CREATE TABLE team (
    id text PRIMARY KEY,
    members text NOT NULL,
    sequence bigint NOT NULL,
    asked_at timestamptz NOT NULL,
    asked timestamptz NOT NULL,
    changed_by uuid NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX team_changed ON team (changed_at);

CREATE TABLE revocation (
    resource uuid NOT NULL REFERENCES resource (id) ON DELETE CASCADE,
    email text NOT NULL,
    sequence bigint NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (resource, email)
);

CREATE TABLE used_sign_in (
    key text PRIMARY KEY,
    until timestamptz NOT NULL
);
CREATE INDEX used_sign_in_until ON used_sign_in (until);

CREATE TABLE lease (
    work text PRIMARY KEY,
    holder uuid NOT NULL,
    until timestamptz NOT NULL
);

CREATE TABLE closed_session (
    key text PRIMARY KEY,
    until timestamptz NOT NULL,
    closed_by uuid NOT NULL,
    closed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX closed_session_closed ON closed_session (closed_at);
