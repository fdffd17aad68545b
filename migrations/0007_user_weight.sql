-- Up Migration
-- How much the user says in a passage: the sum of the weights of its words (src/memory/text/terms.ts).
-- With what a passage holds of a question's words it tells whether the user's message adds anything to the
-- question. 0 where it isn't known, or where the passage has nothing of the user's.

ALTER TABLE exchange_passages ADD COLUMN user_weight real NOT NULL DEFAULT 0;

-- Down Migration
ALTER TABLE exchange_passages DROP COLUMN user_weight;
