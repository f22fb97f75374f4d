# An image that renders, from the wheel alone: no root inside, and nothing that it must write but /tmp.
#
#   docker build -f launch/render.Dockerfile -t mt3synth:render .
#   docker run --rm --read-only --tmpfs=/tmp --volume=$PWD:/here mt3synth:render synthesize /here/song.mid -o /here/song.wav
#
# The wheel lies in dist/: `python -m build --wheel` puts it there. The folder under /here must be writable for user 1000.
#
# Hardware: any; 2 GB of memory, 1.6 GB of disk.
# Expected time: a minute and a half of one core to build, and a rendering as elsewhere. It was built and
# run by podman 4.3 with runc, which take the same words; docs/packages.md says on what.

FROM python:3.12-slim

ENV PIP_NO_CACHE_DIR=1 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY dist/*.whl /wheels/
RUN pip install /wheels/*.whl && rm -r /wheels

# Compiled programs are kept while the container lasts; its root may be read-only.
ENV XDG_CACHE_HOME=/tmp/cache HOME=/tmp
RUN useradd --uid 1000 --no-create-home mt3synth
USER 1000
WORKDIR /tmp

ENTRYPOINT ["mt3synth"]
