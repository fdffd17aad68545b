-- Up Migration
-- Forgetting one exchange finds it by its id. `forget_memories` asks for "any exchange, or this one", and a plan that
-- is made for both reads the whole scope. Planned for the values at hand, the second half is all that is left.
ALTER FUNCTION forget_memories(uuid, integer) SET plan_cache_mode = force_custom_plan;
