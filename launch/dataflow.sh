#!/usr/bin/env bash
# Build a data set on Dataflow: `mt3synth prepare` with its shards made by many machines.
#
#   pip install -e '.[beam]' 'apache-beam[gcp]' gcsfs
#   export PROJECT=my-project REGION=europe-west4
#   export IMAGE=europe-west4-docker.pkg.dev/my-project/mt3synth/beam:latest
#   export TEMP=gs://my-bucket/tmp
#   docker build -f launch/beam.Dockerfile -t $IMAGE . && docker push $IMAGE
#   launch/dataflow.sh pairs --manifest gs://my-bucket/takes/manifest.csv --out gs://my-bucket/corpus
#
# Hardware: up to WORKERS machines (20) of type MACHINE (n2-standard-4).
# Expected time: not yet run.
#
# Workers get the package in an image because --setup_file would install it without the extra
# [beam]. Run it again after an interruption: shards that are there are kept. All recordings must
# lie in the bucket, under the manifest's folder or as gs:// paths.
set -euo pipefail

: "${PROJECT:?the Google Cloud project}" "${REGION:?such as europe-west4}"
: "${IMAGE:?the image built from beam.Dockerfile}" "${TEMP:?a gs:// folder for temporary files}"
: "${WORKERS:=20}" "${MACHINE:=n2-standard-4}"

exec mt3synth prepare "$@" --beam="--runner=DataflowRunner --project=$PROJECT --region=$REGION \
--temp_location=$TEMP --sdk_container_image=$IMAGE --sdk_location=container \
--machine_type=$MACHINE --max_num_workers=$WORKERS"
