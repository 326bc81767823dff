# Laurel for production: only the locked packages, no compiler, no root.
FROM python:3.11-slim-bookworm AS packages
WORKDIR /build
COPY requirements.lock .
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock

FROM python:3.11-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    LAUREL_DEBUG=0 \
    LAUREL_EMBEDDED=0
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin laurel
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY manage.py ./
COPY loyalty loyalty
COPY tiers tiers
COPY rewards rewards
COPY campaigns campaigns
COPY templates templates
COPY static static
# The key signs nothing here: collecting files only wants one to be there.
RUN LAUREL_SECRET_KEY=only-for-collecting-files DATABASE_URL=postgresql://build/build REDIS_URL=redis://build \
    python manage.py collectstatic --noinput --verbosity 0
USER laurel
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--no-ws", \
     "--workers", "2", "--blocking-threads", "4", "--respawn-failed-workers", "loyalty.config.wsgi:application"]
