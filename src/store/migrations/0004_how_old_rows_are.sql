-- What texts take, from the newest to the oldest, whoever's they are: by this index alone, without the
-- texts themselves. It is how the bound of all texts finds those that are one too many.
CREATE INDEX generated_content_by_age ON generated_content (id, text_bytes);
CREATE INDEX sentiment_analysis_by_age ON sentiment_analysis (id) WHERE content IS NOT NULL;
