-- Version 2: money and bounds. Bookings against the spend caps, calls priced both ways, alarms.
--
-- Booked money is in millionths of the policy's currency, rounded up; priced money is decimal text, exact.
-- None of these tables holds a telephone number, so they outlive the erasure of a number.

ALTER TABLE request ADD COLUMN admitted_at REAL;      -- domestic: accepted; overseas: first allowed to be dialled
ALTER TABLE request ADD COLUMN first_contact INTEGER NOT NULL DEFAULT 0;
UPDATE request SET admitted_at = accepted_at;
CREATE INDEX request_admitted ON request (admitted_at, first_contact);
CREATE INDEX request_number_admitted ON request (number, admitted_at);

ALTER TABLE attempt ADD COLUMN priced INTEGER NOT NULL DEFAULT 0;   -- it has its row in the ledger, or needs none
UPDATE attempt SET priced = 1;
CREATE INDEX attempt_unpriced ON attempt (ended_at) WHERE ended_at IS NOT NULL AND priced = 0;

CREATE TABLE booking (               -- money set aside before a call, and what it came to
    id      INTEGER PRIMARY KEY,
    request TEXT NOT NULL,
    attempt INTEGER NOT NULL,              -- 0 at the domestic box: the whole request
    at      REAL NOT NULL,
    day     TEXT NOT NULL,                 -- the box's date, "2026-11-03": the day and month that it counts for
    worst   INTEGER NOT NULL CHECK (worst >= 0),
    cost    INTEGER CHECK (cost >= 0)      -- NULL: still as much as "worst" may be owed
) STRICT;
CREATE INDEX booking_request ON booking (request, attempt);
CREATE INDEX booking_age ON booking (at);

CREATE TABLE spend_day (             -- sum of coalesce(cost, worst) of a day's bookings
    day   TEXT PRIMARY KEY,
    spent INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger (                -- an ended attempt, priced both ways
    request          TEXT NOT NULL,
    attempt          INTEGER NOT NULL,
    at               REAL NOT NULL,        -- dialled
    day              TEXT NOT NULL,        -- the box's date
    region           TEXT NOT NULL,
    kind             TEXT NOT NULL,
    outcome          TEXT NOT NULL,
    talk_seconds     REAL NOT NULL,
    guidance_seconds REAL NOT NULL,
    route            TEXT NOT NULL,        -- of the rate deck, for the overseas leg; "" if none has a rate
    currency         TEXT NOT NULL,
    direct           TEXT,                 -- NULL: no rate
    guidance         TEXT,
    overseas         TEXT,
    data             TEXT NOT NULL,
    share            TEXT NOT NULL,        -- of the dedicated line
    exchange         TEXT NOT NULL,        -- the exchange rates used, with their dates
    note             TEXT NOT NULL,        -- why there is no price
    PRIMARY KEY (request, attempt)
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_day ON ledger (day);

CREATE TABLE alarm (
    id   INTEGER PRIMARY KEY,
    at   REAL NOT NULL,
    kind TEXT NOT NULL,
    says TEXT NOT NULL
) STRICT;
CREATE INDEX alarm_kind ON alarm (kind, at);

CREATE TABLE region_seen (           -- regions that have been served before: another one is an alarm
    region TEXT PRIMARY KEY,
    at     REAL NOT NULL
) STRICT, WITHOUT ROWID;
