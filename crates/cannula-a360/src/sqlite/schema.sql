CREATE TABLE patients (
    id       INTEGER PRIMARY KEY,
    version  INTEGER NOT NULL,
    person   TEXT NOT NULL,
    details  TEXT NOT NULL,
    name_key TEXT NOT NULL,
    sort_key TEXT NOT NULL
) STRICT;
CREATE INDEX patients_by_name ON patients (name_key);
CREATE INDEX patients_in_order ON patients (sort_key, id);

-- One patient a contact, and one contact a patient in each location.
CREATE TABLE links (
    location   TEXT NOT NULL,
    contact    TEXT NOT NULL,
    patient    INTEGER NOT NULL REFERENCES patients (id),
    since      TEXT NOT NULL,
    checked_at TEXT NOT NULL,
    broken_at  TEXT,
    PRIMARY KEY (location, contact),
    UNIQUE (patient, location)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    patient INTEGER NOT NULL REFERENCES patients (id),
    row     TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_patient ON audit (patient, id);

CREATE TABLE integrations (
    location TEXT PRIMARY KEY,
    row      TEXT NOT NULL
) STRICT, WITHOUT ROWID;
