"""The same message path on Celery: what Konstruct is measured against.

A competent version of a common design: synchronous tasks that each run an event loop of their own, so that database
connections can't be kept between them (NullPool); one embedding model in each prefork process; a second,
fire-and-forget task that embeds and stores the finished turn.
"""

import asyncio
import json
import os

import httpx
import redis.asyncio as redis
from celery import Celery
from celery.signals import worker_process_init
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

REDIS_URL = os.environ["PEER_REDIS_URL"]
DATABASE_URL = os.environ["PEER_DATABASE_URL"]
STAND_IN_URL = os.environ["PEER_STAND_IN_URL"]
WINDOW = 20

app = Celery("pipeline", broker=REDIS_URL)
app.conf.update(task_acks_late=True, task_ignore_result=True, worker_prefetch_multiplier=1)

_model = None


def embed(texts):
    """Embeddings as pgvector literals. The model is loaded once a process and computes on one thread."""
    global _model
    if _model is None:
        import torch
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(1)
        _model = SentenceTransformer(os.environ["PEER_MODEL"], device="cpu")
    return ["[" + ",".join(f"{x:.7g}" for x in vector) + "]" for vector in _model.encode(texts)]


@worker_process_init.connect
def load_model(**_):
    embed(["ready"])


class Tenant:
    """A transaction that sees one tenant's rows."""

    def __init__(self, tenant_id):
        self.tenant_id = tenant_id

    async def __aenter__(self):
        self.engine = create_async_engine(DATABASE_URL, poolclass=NullPool)
        self.begun = self.engine.begin()
        connection = await self.begun.__aenter__()
        await connection.execute(
            text("SELECT set_config('app.current_tenant', :tenant, true)"), {"tenant": self.tenant_id}
        )
        return connection

    async def __aexit__(self, *failure):
        await self.begun.__aexit__(*failure)
        await self.engine.dispose()


RECALL = text("""
    SELECT content FROM (
      SELECT content, embedding <=> CAST(:query AS vector) AS distance FROM conversation_embeddings
      WHERE tenant_id = CAST(:tenant AS uuid) AND agent_id = CAST(:agent AS uuid) AND user_id = :user
      ORDER BY embedding <=> CAST(:query AS vector) LIMIT 3
    ) AS nearest WHERE 1 - distance >= 0.75""")

INSERT = text("""
    INSERT INTO conversation_embeddings (tenant_id, agent_id, user_id, content, role, embedding)
    VALUES (CAST(:tenant AS uuid), CAST(:agent AS uuid), :user, :content, :role, CAST(:embedding AS vector))""")


@app.task
def handle_message(message):
    turn = asyncio.run(reply_to(message))
    embed_and_store.delay({**message, "turn": turn})


async def reply_to(message):
    scope = {key: message[key] for key in ("tenant", "agent", "user")}
    key = f"{scope['tenant']}:memory:short:{scope['agent']}:{scope['user']}"
    memory = redis.from_url(REDIS_URL)
    try:
        window = [json.loads(entry) for entry in await memory.lrange(key, -WINDOW, -1)]
        [query] = embed([message["text"]])
        async with Tenant(scope["tenant"]) as connection:
            recalled = (await connection.execute(RECALL, {**scope, "query": query})).scalars().all()
        prompt = [{"role": "system", "content": "You are Mara."}]
        if recalled:
            context = "Relevant context from past conversations:\n" + "\n".join(recalled)
            prompt.append({"role": "system", "content": context})
        user = {"role": "user", "content": message["text"]}
        async with httpx.AsyncClient(timeout=60) as http:
            asked = {"model": "stand-in", "messages": [*prompt, *window, user]}
            completion = await http.post(f"{STAND_IN_URL}/v1/chat/completions", json=asked)
            reply = completion.json()["choices"][0]["message"]["content"]
            update = {"channel": "C1", "ts": str(message["number"]), "text": reply}
            await http.post(f"{STAND_IN_URL}/api/chat.update", json=update)
        turn = [user, {"role": "assistant", "content": reply}]
        await memory.rpush(key, *(json.dumps(entry) for entry in turn))
        await memory.ltrim(key, -WINDOW, -1)
        return turn
    finally:
        await memory.aclose()


@app.task
def embed_and_store(finished):
    asyncio.run(store(finished))


async def store(finished):
    turn = finished["turn"]
    embeddings = embed([entry["content"] for entry in turn])
    scope = {key: finished[key] for key in ("tenant", "agent", "user")}
    async with Tenant(scope["tenant"]) as connection:
        for entry, embedding in zip(turn, embeddings):
            await connection.execute(INSERT, {**scope, **entry, "embedding": embedding})
