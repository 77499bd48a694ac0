# The edge in a container: workerd and one pack, nothing of Node. MODEL is a folder below weights/.
#
#   docker build -t nanbeige-edge .
#   docker run --rm -p 127.0.0.1:8787:8787 --env ACCESS=loopback nanbeige-edge
#
# ACCESS, ALLOWED_ORIGINS, API_KEYS, ORIGINS, ORIGIN_KEY and SEQUENCES of `docker run --env` are those of the Worker (deploy/README.md).

FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
ARG MODEL=smollm2-135m-instruct
RUN npm run build && node scripts/export-workerd.ts /edge "$MODEL"

FROM debian:bookworm-slim
# Certificates of origins are checked.
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /edge
COPY --from=build /edge ./
# The only folder that is written to: what clients may ask for again.
RUN chown -R 65534:65534 storage
USER 65534:65534
EXPOSE 8787
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8787 && printf 'GET /healthz HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && grep -q '\"status\":\"ok\"' <&3"]
ENTRYPOINT ["./workerd", "serve", "config.capnp"]
