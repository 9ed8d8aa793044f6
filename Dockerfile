# errand in a container:
#   docker build -t errand .
#   docker run -p 127.0.0.1:8080:8080 -e ERRAND_TOKEN=secret -v errand-data:/data -v ./functions:/functions:ro errand
# It listens on all addresses of the container, so it demands a token.

FROM debian:bookworm-slim AS build
WORKDIR /src
COPY tools/need tools/need
COPY tools/packages/build tools/packages/build
RUN tools/need build
COPY . .
RUN make build && strip build/errand

FROM debian:bookworm-slim
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        libmicrohttpd12 libcjson1 libsqlite3-0 libuv1 libcurl4 libnettle8 \
        bash python3 ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && mkdir -p /data /functions \
 && chown 10001:10001 /data
COPY --from=build /src/build/errand /usr/local/bin/errand
# A library that the line above forgot stops the build here, not the first run.
RUN ! ldd /usr/local/bin/errand | grep 'not found'
# What functions in Python and JavaScript use (docs/clients.md).
COPY clients /clients
RUN PYTHONPATH=/clients/python python3 -B -c 'import errand_remote'

ENV ERRAND_LISTEN=0.0.0.0:8080 \
    ERRAND_DATA=/data \
    ERRAND_FUNCTIONS=/functions
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["errand", "health"]
ENTRYPOINT ["errand"]
CMD ["serve"]
