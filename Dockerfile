# Every image of docker-compose.yml. `docker compose build` makes them; one alone: docker build --target job-worker .

# The compiler and the C libraries' headers.
FROM swift:6.3-bookworm AS toolchain
RUN apt-get update -q \
    && apt-get install -q -y --no-install-recommends pkg-config libfcgi-dev libpq-dev libhiredis-dev \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin
WORKDIR /src

# One build for all programs. What was compiled before is kept beside the layers, so a change costs what it touches.
FROM toolchain AS build
# Package.swift names the tests too.
COPY Package.swift ./
COPY Tests Tests
COPY Sources Sources
RUN --mount=type=cache,target=/src/.build,sharing=locked \
    for program in job-fcgi job-worker job-migrate; do \
        swift build --configuration release --static-swift-stdlib --product "$program" || exit 1; \
        install --strip -D --target-directory=/out ".build/release/$program"; \
    done

# What is copied into the images as it is: readable there, whatever the umask of the clone was.
FROM debian:bookworm-slim AS files
COPY db /files/db
COPY nginx /files/nginx
COPY Sources/containers /files/containers
COPY Sources/stack/postgresql.conf /files/postgresql.conf
RUN chmod -R a+rX /files

FROM debian:bookworm-slim AS runtime
RUN apt-get update -q \
    && apt-get install -q -y --no-install-recommends libpq5 libhiredis0.14 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin
LABEL org.opencontainers.image.licenses=MIT

FROM runtime AS job-fcgi
RUN apt-get update -q \
    && apt-get install -q -y --no-install-recommends libfcgi0ldbl \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin \
    && useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin job-fcgi
COPY --from=files /files/containers/job-fcgi-health /usr/local/bin/
COPY --from=build /out/job-fcgi /usr/local/bin/
USER job-fcgi
ENV FCGI_LISTEN=0.0.0.0:9000
EXPOSE 9000
ENTRYPOINT ["job-fcgi"]
ARG VERSION=dev
LABEL org.opencontainers.image.title=job-fcgi org.opencontainers.image.version=$VERSION \
    org.opencontainers.image.description="Answers the requests of nginx, by FastCGI"

FROM runtime AS job-worker
RUN useradd --system --uid 10002 --user-group --no-create-home --shell /usr/sbin/nologin job-worker
COPY --from=build /out/job-worker /usr/local/bin/
USER job-worker
# Where a job's own program is put, and run.
WORKDIR /app
ENTRYPOINT ["job-worker"]
ARG VERSION=dev
LABEL org.opencontainers.image.title=job-worker org.opencontainers.image.version=$VERSION \
    org.opencontainers.image.description="Runs JOB_COMMAND for each job"

FROM runtime AS job-migrate
RUN useradd --system --uid 10003 --user-group --no-create-home --shell /usr/sbin/nologin job-migrate
COPY --from=files /files/db /usr/local/share/job-service/db
COPY --from=build /out/job-migrate /usr/local/bin/
USER job-migrate
WORKDIR /usr/local/share/job-service
ENTRYPOINT ["job-migrate"]
ARG VERSION=dev
LABEL org.opencontainers.image.title=job-migrate org.opencontainers.image.version=$VERSION \
    org.opencontainers.image.description="Brings the schema of the database up to date"

FROM nginx:1.30-trixie AS nginx
COPY --from=files /files/nginx/*.conf /etc/nginx/
USER nginx
EXPOSE 8080
STOPSIGNAL SIGQUIT
ENTRYPOINT ["nginx", "-e", "stderr", "-c", "/etc/nginx/compose.conf"]
CMD []

FROM postgres:17-trixie AS postgres
COPY --from=files /files/postgresql.conf /etc/postgresql/job-service.conf
COPY --from=files /files/containers/postgres /usr/local/bin/job-postgres
USER postgres
ENTRYPOINT ["job-postgres"]
CMD []

# Makes the secrets, as a user of no other service; a new volume takes its owner from the directory here.
FROM debian:bookworm-slim AS secrets
RUN useradd --system --uid 10004 --user-group --no-create-home --shell /usr/sbin/nologin secrets \
    && for service in postgres redis job-fcgi job-worker job-migrate; do \
        install -d -o secrets -g secrets "/secrets/$service"; \
    done
COPY --from=files /files/containers/secrets /usr/local/bin/job-secrets
USER secrets
ENTRYPOINT ["job-secrets"]

# The repository with all that its tests need: docker compose run --rm tests
FROM toolchain AS tests
COPY Sources/stack/common.bash Sources/stack/install Sources/stack/
RUN Sources/stack/install run test && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin
RUN useradd --system --uid 10005 --user-group --no-create-home tests && install -d -o tests -g tests /src/.build
COPY . .
RUN chmod -R a+rX .
USER tests
CMD ["make", "test"]
