#!/usr/bin/env bash
# Train on a Cloud TPU pod of spot machines: made, used, made again after a pre-emption, deleted.
#
#   docker build -f launch/Dockerfile --build-arg EXTRAS=train,tpu -t $IMAGE . && docker push $IMAGE
#   export ZONE=europe-west4-a IMAGE=europe-west4-docker.pkg.dev/my-project/mt3synth/tpu:latest
#   export NFS=10.0.0.2:/shared
#   launch/tpu_pod.sh train --data /shared/corpus --run /shared/runs/first
#   launch/tpu_pod.sh delete
#
# Hardware: ACCELERATOR (v6e-16: 4 hosts with 4 chips each), whose system image is RUNTIME.
# Expected time: not yet run.
#
# `train` returns when the run is finished, or has failed for a reason that a new start would meet
# again; `create` only makes the pod, `stop` lets the run save and end, `state` says what is there.
# NFS is a Filestore share or another that all hosts can mount: data and checkpoints lie on it.
# If the terminal is lost the hosts train on; `train` again takes over from the last checkpoint.
set -euo pipefail

: "${NAME:=mt3synth}" "${ACCELERATOR:=v6e-16}" "${RUNTIME:=v2-alpha-tpuv6e}"
: "${POLL:=60}" # seconds between two looks at the queue
: "${ZONE:?such as europe-west4-a}"

SSH_FAILED=255 STOPPED_BY_SIGTERM=143

state() {
  gcloud compute tpus queued-resources describe "$NAME" --zone="$ZONE" \
    --format='value(state.state)' 2>/dev/null || echo NONE
}

create() {
  gcloud compute tpus queued-resources create "$NAME" --node-id="$NAME" --zone="$ZONE" \
    --accelerator-type="$ACCELERATOR" --runtime-version="$RUNTIME" --spot
}

delete() {
  gcloud compute tpus queued-resources delete "$NAME" --zone="$ZONE" --force --quiet
}

on_all_hosts() {
  gcloud compute tpus tpu-vm ssh "$NAME" --zone="$ZONE" --worker=all --command="$1"
}

# Returns when the pod is there. One that was taken away stays in the list and must be deleted.
make_ready() {
  while true; do
    case $(state) in
      ACTIVE) return ;;
      NONE) create ;;
      SUSPENDED | FAILED) delete ;;
      *) sleep "$POLL" ;;
    esac
  done
}

set_up() {
  on_all_hosts "set -e
    command -v mount.nfs >/dev/null ||
      { sudo apt-get -qq update && sudo apt-get -qq install -y nfs-common; }
    mountpoint -q /shared || { sudo mkdir -p /shared && sudo mount -t nfs $NFS /shared; }
    sudo gcloud auth configure-docker ${IMAGE%%/*} --quiet
    sudo docker pull --quiet $IMAGE"
}

stop() {
  on_all_hosts "sudo docker stop -t 120 mt3synth || true"
}

run() {
  on_all_hosts "sudo docker run --rm --name=mt3synth --privileged --network=host \
    --stop-timeout=30 --volume=/shared:/shared $IMAGE train ${*@Q}"
}

train() {
  : "${IMAGE:?an image with mt3synth[train,tpu]}" "${NFS:?the share, as HOST:/PATH}"
  local status
  while true; do
    make_ready
    status=0
    { set_up && stop && run "$@"; } || status=$?
    if [ "$status" -eq 0 ]; then return 0; fi
    sleep "$POLL" # a pod that is being taken away needs a while to say so
    case $status in
      "$SSH_FAILED" | "$STOPPED_BY_SIGTERM") ;;
      *)
        if [ "$(state)" = ACTIVE ]; then
          echo "tpu_pod: failed with status $status on hosts that are all there" >&2
          return "$status"
        fi
        ;;
    esac
  done
}

case ${1:-} in
  create | delete | state | stop | train) "$@" ;;
  *)
    echo "usage: launch/tpu_pod.sh create | train OPTIONS | stop | state | delete" >&2
    exit 2
    ;;
esac
