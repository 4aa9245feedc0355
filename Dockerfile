# A worker of bluegreen, and its command line: docs/install.md. docker build -t bluegreen .
FROM node:24-bookworm-slim AS build
WORKDIR /source
COPY . .
RUN npm ci --no-audit --no-fund && mkdir /package && npm pack --silent --pack-destination /package
RUN bash scripts/container/install.sh /package/bluegreen-*.tgz /app

FROM node:24-bookworm-slim
# tini passes signals on and reaps what commands leave behind. Add what your runbooks' commands need: kubectl, psql, ...
RUN apt-get update && apt-get install --yes --no-install-recommends tini ca-certificates curl && rm -rf /var/lib/apt/lists/* \
  && rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn-* \
  && mkdir -p /etc/bluegreen/runbooks /var/lib/bluegreen && chown 10001:10001 /var/lib/bluegreen
COPY --from=build /app /app
RUN ln -s /app/dist/cli/bin.js /usr/local/bin/bluegreen
USER 10001:10001
WORKDIR /etc/bluegreen
# The MALLOC settings: a third less memory under load (docs/scaling.md).
ENV MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=65536 MALLOC_TRIM_THRESHOLD_=131072
ENV NODE_ENV=production HOME=/tmp BLUEGREEN_RUNBOOKS=/etc/bluegreen/runbooks BLUEGREEN_STATE=/var/lib/bluegreen
# Not through a shell: it would not pass SIGTERM on.
ENTRYPOINT ["tini", "--", "bluegreen"]
CMD ["worker"]
