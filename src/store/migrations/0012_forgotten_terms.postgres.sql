-- A term that nothing refers to any more goes with the last that did.
--
-- Two that remove the last two texts of a term at once must not leave it to each other. So the terms are
-- locked first, in one order; whoever comes second waits here until the first is over, and then looks
-- again: each statement of a VOLATILE function sees what was committed before that statement, where a
-- statement on its own sees everything as it was when it began. A text that is being stored holds its
-- term too (by the foreign key), and is waited for in the same way.
CREATE FUNCTION maitred_forget_terms(tenants TEXT[], ids UUID[]) RETURNS VOID
    LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM 1 FROM search_terms AS t
    WHERE (t.tenant, t.id) IN (SELECT * FROM unnest(tenants, ids))
    ORDER BY t.tenant, t.id FOR UPDATE;
    DELETE FROM search_terms AS t
    WHERE (t.tenant, t.id) IN (SELECT * FROM unnest(tenants, ids))
      AND NOT EXISTS (SELECT 1 FROM generated_content AS c
                      WHERE c.tenant = t.tenant AND c.search_term_id = t.id)
      AND NOT EXISTS (SELECT 1 FROM sentiment_analysis AS c
                      WHERE c.tenant = t.tenant AND c.search_term_id = t.id)
      AND NOT EXISTS (SELECT 1 FROM generated_keywords AS c
                      WHERE c.tenant = t.tenant AND c.search_term_id = t.id);
END $$;

-- Once for each statement, after what hangs on its rows is gone as well.
CREATE FUNCTION maitred_rows_gone() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    PERFORM maitred_forget_terms(array_agg(tenant), array_agg(search_term_id)) FROM gone;
    RETURN NULL;
END $$;
CREATE TRIGGER forget_terms AFTER DELETE ON generated_content
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION maitred_rows_gone();
CREATE TRIGGER forget_terms AFTER DELETE ON generated_keywords
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION maitred_rows_gone();

-- The scores of a text go with it or before it, and its term is the text's to remove.
CREATE FUNCTION maitred_analyses_gone() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    PERFORM maitred_forget_terms(array_agg(tenant), array_agg(search_term_id))
    FROM gone WHERE generated_content_id IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER forget_terms AFTER DELETE ON sentiment_analysis
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION maitred_analyses_gone();
