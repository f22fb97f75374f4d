# What Dataflow's workers run: Beam's own image with this package in it (see dataflow.sh).
#
#   docker build -f launch/beam.Dockerfile -t $IMAGE . && docker push $IMAGE
#
# Hardware: any to build.
# Expected time: not yet run.

# Beam on the workers and Beam that submits must be the same version, and so must Python.
ARG BEAM=2.77.0
FROM apache/beam_python3.11_sdk:${BEAM}

ENV PIP_NO_CACHE_DIR=1
WORKDIR /mt3synth
COPY setup.py README.md LICENSE ./
COPY mt3synth mt3synth
COPY data_pipelines data_pipelines
COPY gin_configs gin_configs

RUN pip install -e ".[beam]" gcsfs

# The entry point stays that of the base image, /opt/apache/beam/boot, which starts a worker.
