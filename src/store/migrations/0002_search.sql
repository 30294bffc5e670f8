-- Search in topics and texts.
--
-- SQLite's own SQL: FTS5 is its full-text index. Another database has another one.
--
-- The index keeps words and where they stand, but no second copy of the texts. Its rows are numbered
-- by `doc`, which comes from the id of the text and so has its order: the newest matches are found
-- first, without sorting all of them (see `search.rs`). The first two and the first three characters
-- of each word are in it as well, because so many words begin with them.
CREATE VIRTUAL TABLE search USING fts5 (
    topic, text,
    content = '', contentless_delete = 1,
    tokenize = 'unicode61 remove_diacritics 2',
    prefix = '2 3'
);

CREATE TABLE search_documents (
    doc    INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    id     UUID NOT NULL,
    UNIQUE (tenant, id)
);

-- Texts that are older than the index. Only their ids are copied here, which takes about a second for
-- a million; the words follow bit by bit, while the writer has nothing else to do.
CREATE TABLE search_backlog (
    tenant TEXT NOT NULL,
    id     UUID NOT NULL,
    PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
INSERT INTO search_backlog (tenant, id) SELECT tenant, id FROM generated_content;

-- Whoever deletes a text, with whatever program: nobody finds it any more.
CREATE TRIGGER generated_content_not_found AFTER DELETE ON generated_content
BEGIN
    DELETE FROM search WHERE rowid =
        (SELECT doc FROM search_documents WHERE tenant = OLD.tenant AND id = OLD.id);
    DELETE FROM search_documents WHERE tenant = OLD.tenant AND id = OLD.id;
    DELETE FROM search_backlog WHERE tenant = OLD.tenant AND id = OLD.id;
END;
