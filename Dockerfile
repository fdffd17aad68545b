# One image for API, worker and migrations; the command says which.
FROM node:24-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# npm's own node package is for machines without Node 24; this image is one.
RUN npm ci --omit=dev --no-audit --no-fund

FROM node:24-bookworm-slim AS console
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json ./
COPY src src
COPY scripts/console-types.ts scripts/console-types.ts
COPY console console
RUN node scripts/console-types.ts
RUN node node_modules/typescript/bin/tsc -p console
RUN node node_modules/vite/bin/vite.js build console

FROM node:24-bookworm-slim AS model
WORKDIR /models
COPY local/fetch-model.mjs /app/
# The weights belong into the image: a worker that starts must not depend on a model hub being up.
RUN node /app/fetch-model.mjs /models

FROM node:24-bookworm-slim
ENV NODE_ENV=production KONSTRUCT_MODELS=/models HOST=0.0.0.0
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY --from=model /models /models
COPY package.json ./
COPY migrations migrations
COPY src src
COPY cli cli
COPY --from=console /app/console/dist console/dist
# The worker keeps its workflow bundle here.
RUN mkdir -p node_modules/.cache/konstruct && chown -R node node_modules/.cache
# By number: Kubernetes checks that it is not root without asking the image who that is.
USER 1000
CMD ["node", "src/api/main.ts"]
