-- Search in topics and texts, in PostgreSQL's own SQL.
--
-- The collation is there in every server with ICU; that of the database may be `C`, which knows no
-- letters but ASCII's.

-- Words whatever their case and the marks over their letters, with single spaces between them. What
-- stands between words, in whatever script, is no part of them: PostgreSQL's own parser would keep
-- addresses, numbers and tags together, and then nobody finds the words in them.
CREATE FUNCTION maitred_folded(words TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT regexp_replace(
        lower(regexp_replace(normalize($1, NFD), '[\u0300-\u036f]', '', 'g') COLLATE "und-x-icu"),
        '[^[:alnum:]]+', ' ', 'g') $$;

-- The first hundred thousand characters: an index entry has a bound.
CREATE FUNCTION maitred_words(term TEXT, words TEXT) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_tsvector('simple', maitred_folded(left($1 || ' ' || $2, 100000))) $$;

-- What is looked for: each of these words, and the last one may be the beginning of one. What one
-- reader takes for a word may be several here: then they have to follow each other. NULL if there is
-- no word at all.
CREATE FUNCTION maitred_query(words TEXT[], beginning BOOLEAN) RETURNS tsquery
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (string_agg('(' || phrase || ')', ' & ' ORDER BY at))::tsquery
    FROM (SELECT at, CASE WHEN $2 AND at = cardinality($1) THEN said || ':*' ELSE said END AS phrase
          FROM (SELECT at, nullif(phraseto_tsquery('simple', maitred_folded(word))::text, '') AS said
                FROM unnest($1) WITH ORDINALITY AS w (word, at)) AS each) AS all_of_them $$;

ALTER TABLE generated_content ADD COLUMN words tsvector;
UPDATE generated_content AS g SET words = maitred_words(t.term, g.text)
    FROM search_terms AS t WHERE t.tenant = g.tenant AND t.id = g.search_term_id;
CREATE INDEX generated_content_words ON generated_content USING gin (words);
