-- Version 1: calls, requests, attempts, orders, recordings, and the two ends of the link.
--
-- Both roles use the same tables. Times are Unix seconds. A full telephone number stands in the columns named
-- "number" and inside outbox.body; nowhere else.

PRAGMA application_id = 1735680615;  -- "gtbg": tells our file from anybody else's

CREATE TABLE peer (                  -- a box that we talk to
    name     TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL DEFAULT 0,   -- the last one given to a message for it
    heard_at REAL                          -- last contact, to the minute
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (                -- messages for a peer; settled once the peer has them on disk
    id         TEXT PRIMARY KEY,
    peer       TEXT NOT NULL REFERENCES peer (name),
    rank       INTEGER NOT NULL,           -- lower goes first
    body       BLOB NOT NULL,              -- MessagePack; emptied when no longer needed
    owner      TEXT,                       -- the line that holds it back; NULL once released
    sequence   INTEGER,                    -- order of release; NULL while held
    written_at REAL NOT NULL,
    settled_at REAL,
    CHECK ((owner IS NULL) <> (sequence IS NULL))
) STRICT;
CREATE INDEX outbox_ready ON outbox (peer, rank, sequence) WHERE settled_at IS NULL AND sequence IS NOT NULL;
CREATE INDEX outbox_held ON outbox (owner) WHERE owner IS NOT NULL;
CREATE INDEX outbox_settled ON outbox (settled_at) WHERE settled_at IS NOT NULL;

CREATE TABLE inbox (                 -- messages that were applied, so that a repetition is absorbed
    id          TEXT PRIMARY KEY,
    peer        TEXT NOT NULL,
    sequence    INTEGER NOT NULL,          -- as the peer counts
    received_at REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX inbox_age ON inbox (received_at);

CREATE TABLE request (               -- a customer who is owed a call-back
    id          TEXT PRIMARY KEY,
    peer        TEXT NOT NULL,             -- domestic: the box that calls back; overseas: the box that asks for it
    number      TEXT,                      -- NULL once erased or withdrawn
    called      TEXT NOT NULL,             -- the vendor's number that was rung, "" if unknown
    language    TEXT NOT NULL,
    accepted_at REAL NOT NULL,
    -- open: owed.  Overseas also: claimed (a line has it, not dialled), calling (dial intent on disk).
    -- closed: done, with the outcome that says how.
    state       TEXT NOT NULL CHECK (state IN ('open', 'claimed', 'calling', 'closed')),
    line        TEXT,                      -- overseas: the line that has it
    due_at      REAL,                      -- overseas: when to dial next
    due_set_at  REAL,                      -- overseas: when that was decided (a clock set back is noticed by it)
    outcome     TEXT,
    closed_at   REAL,
    CHECK ((state = 'closed') = (outcome IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX request_number ON request (number, accepted_at);
CREATE INDEX request_due ON request (due_at) WHERE state = 'open';
CREATE INDEX request_unfinished ON request (state) WHERE state <> 'closed';
CREATE INDEX request_age ON request (accepted_at);

CREATE TABLE call (                  -- an inbound call at the domestic box
    id          INTEGER PRIMARY KEY,
    at          REAL NOT NULL,
    line        TEXT NOT NULL,
    request     TEXT REFERENCES request (id) ON DELETE CASCADE,   -- what it asked for; NULL if refused
    number      TEXT,
    refused     TEXT,                      -- why; NULL if accepted
    detail      TEXT NOT NULL DEFAULT '',
    off_hook_at REAL,
    on_hook_at  REAL,
    CHECK (request IS NOT NULL OR refused IS NOT NULL)
) STRICT;
CREATE INDEX call_request ON call (request);
CREATE INDEX call_number ON call (number, at);
CREATE INDEX call_age ON call (at);

CREATE TABLE attempt (               -- one dialling of a request; number 0 closes a request that was never dialled
    request      TEXT NOT NULL REFERENCES request (id) ON DELETE CASCADE,
    attempt      INTEGER NOT NULL,
    line         TEXT,
    dialled_at   REAL NOT NULL,            -- overseas: the dial intent, on disk before ATD
    answered_at  REAL,                     -- overseas: a person is there; never dialled again from here on
    ended_at     REAL,
    outcome      TEXT,
    talk_seconds REAL,
    detail       TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (request, attempt),
    CHECK ((ended_at IS NULL) = (outcome IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX attempt_age ON attempt (dialled_at);

CREATE TABLE orders (                -- what a customer confirmed
    id           TEXT PRIMARY KEY,         -- the message's id
    request      TEXT NOT NULL REFERENCES request (id) ON DELETE CASCADE,
    number       TEXT,
    order_number TEXT NOT NULL,            -- as spoken; unique at the overseas box
    confirmed_at REAL NOT NULL,
    kept_at      REAL NOT NULL,            -- when this box had it on disk
    attempt      INTEGER,                  -- overseas
    confirmation INTEGER,                  -- overseas: the how manieth order of that attempt
    running      INTEGER UNIQUE,           -- overseas: what order_number is made of
    UNIQUE (request, attempt, confirmation)
) STRICT, WITHOUT ROWID;
CREATE INDEX orders_age ON orders (confirmed_at);

CREATE TABLE counter (               -- numbers that are given once, also after their rows are gone
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE order_line (
    orders   TEXT NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    article  TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    PRIMARY KEY (orders, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE recording (             -- a spoken question or complaint, at the domestic box
    request     TEXT NOT NULL REFERENCES request (id) ON DELETE CASCADE,
    recorded_at REAL NOT NULL,
    number      TEXT,
    subject     TEXT NOT NULL,
    chunks      INTEGER NOT NULL,          -- how many there are when all have come
    PRIMARY KEY (request, recorded_at)
) STRICT, WITHOUT ROWID;

CREATE TABLE recording_chunk (
    request     TEXT NOT NULL,
    recorded_at REAL NOT NULL,
    chunk       INTEGER NOT NULL,          -- from 0
    sound       BLOB NOT NULL,             -- 8-bit µ-law, 8 kHz
    PRIMARY KEY (request, recorded_at, chunk),
    FOREIGN KEY (request, recorded_at) REFERENCES recording (request, recorded_at) ON DELETE CASCADE
) STRICT;
