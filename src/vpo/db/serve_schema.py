"""The steps of the schema for ``vpo serve``: the queue, reviews, and what its pages search by."""

from __future__ import annotations

VERSION_9: tuple[str, ...] = (
    # What waits for `vpo serve`, in the order of priority (the highest first), then position.
    # `due`: not before, in seconds since 1970. `approved`: the hash of the plan that may run.
    # `again`: it was added once more while it ran.
    """
    CREATE TABLE queue (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        path BLOB NOT NULL UNIQUE,
        library TEXT NOT NULL,
        source TEXT NOT NULL,
        priority INTEGER NOT NULL DEFAULT 0,
        position REAL NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'held', 'review')),
        added_at TEXT NOT NULL,
        due REAL,
        tries INTEGER NOT NULL DEFAULT 0,
        reason TEXT,
        approved TEXT,
        cancelled INTEGER NOT NULL DEFAULT 0,
        again INTEGER NOT NULL DEFAULT 0
    )
    """,
    "CREATE INDEX queue_order ON queue (state, priority DESC, position, id)",
    "CREATE INDEX queue_position ON queue (position)",
    # The last plan of a file that a person has to approve; `changes` and `kinds` are JSON.
    """
    CREATE TABLE reviews (
        path BLOB PRIMARY KEY,
        library TEXT NOT NULL,
        hash TEXT NOT NULL,
        strategy TEXT NOT NULL,
        changes TEXT NOT NULL,
        kinds TEXT NOT NULL,
        warnings TEXT NOT NULL,
        planned_at TEXT NOT NULL,
        decision TEXT CHECK (decision IN ('approved', 'rejected'))
    ) WITHOUT ROWID
    """,
    "CREATE INDEX reviews_kinds ON reviews (kinds) WHERE decision IS NULL",
)

VERSION_10: tuple[str, ...] = (
    # What pages filter and sort by. Gone with the probe that it is from; `Facts.fill` writes what
    # is missing, since the probes are compressed.
    """
    CREATE TABLE facts (
        file INTEGER PRIMARY KEY REFERENCES probes ON DELETE CASCADE,
        size INTEGER NOT NULL,
        seconds REAL,
        container TEXT NOT NULL,
        video TEXT NOT NULL,
        resolution TEXT,
        hdr TEXT,
        audio TEXT NOT NULL,
        language TEXT NOT NULL,
        subtitles TEXT NOT NULL
    )
    """,
    "CREATE INDEX facts_size ON facts (coalesce(size, -1), file)",
    "CREATE INDEX facts_seconds ON facts (coalesce(seconds, -1), file)",
    "CREATE INDEX facts_video ON facts (video, size)",
    "CREATE INDEX facts_resolution ON facts (resolution, size)",
    "CREATE INDEX facts_hdr ON facts (hdr, size)",
    """
    CREATE TABLE fact_values (
        fact TEXT NOT NULL,
        value TEXT NOT NULL,
        file INTEGER NOT NULL REFERENCES facts ON DELETE CASCADE,
        size INTEGER NOT NULL,
        PRIMARY KEY (fact, value, file)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX fact_values_file ON fact_values (file)",
    # Counted as they change: counting a large library anew takes too long for a page.
    """
    CREATE TABLE fact_counts (
        fact TEXT NOT NULL,
        value TEXT NOT NULL,
        files INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        PRIMARY KEY (fact, value)
    ) WITHOUT ROWID
    """,
    """
    CREATE TRIGGER fact_added AFTER INSERT ON fact_values BEGIN
        INSERT INTO fact_counts VALUES (new.fact, new.value, 1, new.size)
        ON CONFLICT DO UPDATE SET files = files + 1, bytes = bytes + new.size;
    END
    """,
    """
    CREATE TRIGGER fact_removed AFTER DELETE ON fact_values BEGIN
        UPDATE fact_counts SET files = files - 1, bytes = bytes - old.size
        WHERE fact = old.fact AND value = old.value;
    END
    """,
)

VERSION_11: tuple[str, ...] = (
    # What runs have saved and how long they took is read from this index alone.
    """
    CREATE INDEX outcomes_done ON outcomes
        (status, strategy, undone_at, started_at, seconds, size_before, size_after)
        WHERE state = 'done'
    """,
    # The history of one file, under all its names.
    "CREATE INDEX outcomes_path ON outcomes (path)",
    "CREATE INDEX outcomes_result ON outcomes (result_path) WHERE result_path IS NOT NULL",
    # What pages filter by besides, so that a search reads one table. It is kept by triggers.
    "ALTER TABLE facts ADD COLUMN failed INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE facts ADD COLUMN complies INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE facts ADD COLUMN checked INTEGER NOT NULL DEFAULT 0",
    """
    UPDATE facts SET
        failed = EXISTS (SELECT 1 FROM compliance_records c
            WHERE c.file = facts.file AND compliance = 'failed'),
        complies = EXISTS (SELECT 1 FROM compliance_records c
            WHERE c.file = facts.file AND compliance = 'complies'),
        checked = EXISTS (SELECT 1 FROM health h WHERE h.file = facts.file)
    """,
    """
    CREATE TRIGGER facts_added AFTER INSERT ON facts BEGIN
        UPDATE facts SET
            failed = EXISTS (SELECT 1 FROM compliance_records
                WHERE file = new.file AND compliance = 'failed'),
            complies = EXISTS (SELECT 1 FROM compliance_records
                WHERE file = new.file AND compliance = 'complies'),
            checked = EXISTS (SELECT 1 FROM health WHERE file = new.file)
        WHERE file = new.file;
    END
    """,
    """
    CREATE TRIGGER compliance_added AFTER INSERT ON compliance_records BEGIN
        UPDATE facts SET
            failed = EXISTS (SELECT 1 FROM compliance_records
                WHERE file = new.file AND compliance = 'failed'),
            complies = EXISTS (SELECT 1 FROM compliance_records
                WHERE file = new.file AND compliance = 'complies')
        WHERE file = new.file;
    END
    """,
    """
    CREATE TRIGGER compliance_removed AFTER DELETE ON compliance_records BEGIN
        UPDATE facts SET
            failed = EXISTS (SELECT 1 FROM compliance_records
                WHERE file = old.file AND compliance = 'failed'),
            complies = EXISTS (SELECT 1 FROM compliance_records
                WHERE file = old.file AND compliance = 'complies')
        WHERE file = old.file;
    END
    """,
    """
    CREATE TRIGGER health_added AFTER INSERT ON health BEGIN
        UPDATE facts SET checked = 1 WHERE file = new.file;
    END
    """,
    """
    CREATE TRIGGER health_removed AFTER DELETE ON health BEGIN
        UPDATE facts SET checked = 0 WHERE file = old.file;
    END
    """,
    # A search reads the table once instead.
    "DROP INDEX facts_video",
    "DROP INDEX facts_resolution",
    "DROP INDEX facts_hdr",
)
