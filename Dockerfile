# Every service of docker-compose.yml but the stores runs this image: Tradewind with the versions that
# it is tested with, and nothing that only tests need, as a user without rights.
FROM python:3.12-slim-bookworm

ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

RUN useradd --system --create-home --home-dir /opt/tradewind --uid 50000 tradewind
WORKDIR /opt/tradewind

# The requirements first: they change seldom, and are most of the image.
COPY requirements/image.txt requirements.txt ./
RUN pip install --no-deps --require-hashes -r image.txt

COPY pyproject.toml README.md ./
COPY include ./include
RUN pip install --no-deps --no-build-isolation --editable .

COPY config ./config
COPY dags ./dags
COPY plugins ./plugins

# The revision that a model's version points back to: there is no git in the image.
ARG GIT_REVISION=unknown
ENV TRADEWIND_GIT_REVISION=${GIT_REVISION} TRADEWIND_ROOT=/opt/tradewind

RUN mkdir -p .tradewind/airflow/logs && chown -R tradewind:tradewind .tradewind
USER tradewind
