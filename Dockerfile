# One image for every Balise process of docker-compose.yml.
FROM python:3.13-slim-bookworm
# Compiled once here, as the processes may not write beside their code: a health check then takes
# a third of the time.
ENV PYTHONUNBUFFERED=1 UV_COMPILE_BYTECODE=1 DO_NOT_TRACK=1 PREFECT_SERVER_ANALYTICS_ENABLED=false
WORKDIR /srv/balise
COPY requirements/bootstrap.txt requirements/run.txt requirements/
RUN pip install --no-cache-dir --require-hashes -r requirements/bootstrap.txt \
    && uv pip install --system --no-cache --require-hashes -r requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY balise balise
COPY devices devices
COPY ingest ingest
COPY flows flows
COPY care care
COPY sql sql
COPY demo demo
COPY bench bench
RUN uv pip install --system --no-cache --no-deps --no-build-isolation . \
    && useradd --system --home-dir /var/lib/balise --create-home balise \
    && install -d -o balise -m 0755 /var/lib/balise/ca /var/lib/balise/tls
USER balise
ENTRYPOINT ["balise"]
