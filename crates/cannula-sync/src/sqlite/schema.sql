-- The durable store of Cannula, version 5. Times are microseconds since 1970 in UTC.

-- How far each feed has been read. The revision guards the cursor: a page read at revision n is
-- stored only while the feed is still at n, together with the page's events.
CREATE TABLE feed (
    practice TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    revision INTEGER NOT NULL,
    cursor   TEXT    NOT NULL,
    PRIMARY KEY (practice, kind)
) STRICT, WITHOUT ROWID;

-- The persons events are about. A subject is free (owner is NULL), or leased until lease_until.
-- Claiming clears due_at; an event that arrives during a lease sets it again, so that the
-- subject is due once the lease ends. An expired lease is due by itself. Whoever has nothing left to
-- be done may be looked at again at look_at. Where an effect's outcome is unknown, nothing is due
-- before settle_at: what was sent may still be at work.
CREATE TABLE subject (
    id          INTEGER PRIMARY KEY,
    practice    TEXT    NOT NULL,
    person      TEXT    NOT NULL,
    due_at      INTEGER,
    look_at     INTEGER,
    settle_at   INTEGER,
    owner       TEXT,
    lease_until INTEGER,
    epoch       INTEGER NOT NULL DEFAULT 0, -- fences old owners: it grows with each lease
    attempts    INTEGER NOT NULL DEFAULT 0, -- claims since the subject last came to rest
    error       TEXT,                       -- why it is to be tried again
    purged_at   INTEGER,                    -- since when nothing about the person is kept
    merged_into TEXT,                       -- the person of the practice that this one turned out
                                            -- to be: what names this one is that one's
    UNIQUE (practice, person)
) STRICT;
CREATE INDEX subject_due ON subject (due_at) WHERE due_at IS NOT NULL AND owner IS NULL;
CREATE INDEX subject_look ON subject (look_at) WHERE look_at IS NOT NULL AND owner IS NULL;
CREATE INDEX subject_purged ON subject (practice) WHERE purged_at IS NOT NULL;
CREATE INDEX subject_leased ON subject (lease_until) WHERE owner IS NOT NULL;

-- The flow's state of each subject, apart from the lease because it is much larger.
CREATE TABLE state (
    subject INTEGER PRIMARY KEY REFERENCES subject (id),
    body    TEXT NOT NULL -- JSON; personal data
) STRICT;

-- The inbox: every event, kept for good. Its id makes the second sight of a change a no-op. Of a
-- person who was purged, and of what was forgotten, the body is without the record's content.
CREATE TABLE event (
    seq         INTEGER PRIMARY KEY,
    id          TEXT    NOT NULL UNIQUE,
    subject     INTEGER REFERENCES subject (id), -- NULL: about nobody
    record      TEXT,             -- of which record it is a state; NULL: of none, but a message
                                  -- about one, or a state withdrawn because the record moved
    stamp       INTEGER NOT NULL, -- of the version
    received_at INTEGER NOT NULL,
    outcome     TEXT    NOT NULL, -- pending, delivering, done, parked, held, dead
    detail      TEXT,             -- parked, held: the reason as JSON; dead: the error
    reasons     TEXT    NOT NULL, -- JSON array of sentences; of none, if it is dead and was never
                                  -- decided
    body        TEXT    NOT NULL  -- the event as JSON; personal data
) STRICT;
CREATE INDEX event_subject ON event (subject, outcome);
CREATE INDEX event_record ON event (record, stamp) WHERE record IS NOT NULL;

-- The outbox: what is planned and not known to be delivered, in the order of sending.
CREATE TABLE outbox (
    subject INTEGER NOT NULL REFERENCES subject (id),
    seq     INTEGER NOT NULL,
    cause   TEXT    NOT NULL, -- the event's id
    key     TEXT    NOT NULL,
    effect  TEXT    NOT NULL, -- JSON; personal data
    status  TEXT    NOT NULL, -- unknown, pending, parked, dead
    error   TEXT,
    PRIMARY KEY (subject, seq)
) STRICT, WITHOUT ROWID;

-- Rows a source could not read, kept for a person to look at.
CREATE TABLE rejected (
    digest      TEXT    NOT NULL PRIMARY KEY, -- of feed and raw row: seen again, stored once
    practice    TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    record      TEXT,             -- the record's id, if it could be read
    path        TEXT    NOT NULL,
    problem     TEXT    NOT NULL,
    raw         TEXT    NOT NULL, -- personal data; empty once it was forgotten
    received_at INTEGER NOT NULL
) STRICT;

-- Something was removed, and the file still has to be written anew so that no trace of it is left.
CREATE TABLE traces (
    since INTEGER NOT NULL
) STRICT;
