#!/usr/bin/env bash
# Train the default model from nothing: corpora, vocoder, note prior, denoiser, bundle, report.
#
#   pip install -e '.[train]'    # and FluidSynth with the soundfonts of docs/datasets.md
#   export BUDGET_MINUTES=120
#   launch/train_default.sh work
#   mt3synth synthesize song.mid --bundle work/bundle
#
# Hardware: two CPU cores or more, or whatever JAX finds; 20 GB of disk.
# Expected time: BUDGET_MINUTES (120), half an hour for the corpora, half an hour for the report.
#
# Run it again after an interruption: every stage keeps what is done and goes on from there. The
# budget is divided between the vocoder (VOCODER_SHARE percent of it, 40), the prior from the notes
# alone, which learns fast (20), and the whole network (the rest). VOCODER=FOLDER takes a trained
# vocoder instead of training one, for example that of the default bundle.
set -euo pipefail

work=${1:?the folder to work in, such as "work"}
: "${BUDGET_MINUTES:=120}" "${VOCODER_SHARE:=40}" "${PRIOR_SHARE:=20}" "${VOCODER:=}"
: "${HOURS:=6}" # of ensembles, as much of all kinds of music, and two thirds of it of thin music

[ -z "$VOCODER" ] || VOCODER_SHARE=0
((VOCODER_SHARE + PRIOR_SHARE < 100)) || {
  echo "VOCODER_SHARE=$VOCODER_SHARE and PRIOR_SHARE=$PRIOR_SHARE; must leave some of 100" >&2
  exit 2
}

share() { echo $((BUDGET_MINUTES * $1 / 100)); }

corpus() { # folder, hours, further options
  mt3synth prepare corpus --out "$work/$1" --hours "$2" --format numpy "${@:3}"
}

# Thin music a second time: on it every wrong level is heard, in ensembles hardly any.
corpus ensemble "$HOURS" --seed 0 --kinds ensemble=1
corpus mixed "$HOURS" --seed 1
corpus thin $((HOURS * 2 / 3 + 1)) --seed 2 --kinds solo=3,held=2,notes=3,drums=2
data="[\"$work/ensemble\", \"$work/mixed\", \"$work/thin\"]"

if [ -z "$VOCODER" ]; then
  mt3synth train-vocoder --run "$work/vocoder-run" --gin.DATA_FOLDER="$data" \
    --budget-minutes "$(share "$VOCODER_SHARE")"
  VOCODER=$work/vocoder
  [ -d "$VOCODER" ] || mt3synth export --run "$work/vocoder-run" -o "$VOCODER"
fi

# The prior alone costs a third of the whole network: first it, then what it leaves open.
mt3synth train --run "$work/prior-run" --gin.DATA_FOLDER="$data" \
  --gin.SONG_EDGES=0.3 --gin.TrainConfig.prior_first=1000000000 \
  --budget-minutes "$(share "$PRIOR_SHARE")"
mt3synth train --run "$work/run" --init-from "$work/prior-run" --gin.DATA_FOLDER="$data" \
  --gin.SONG_EDGES=0.3 --gin.TrainConfig.prior_first=0 \
  --budget-minutes "$(share $((100 - VOCODER_SHARE - PRIOR_SHARE)))"

[ -d "$work/bundle" ] || mt3synth export --run "$work/run" --corpus "$work/mixed" \
  --vocoder "$VOCODER" -o "$work/bundle"
mt3synth evaluate bundle --bundle "$work/bundle" --corpus "$work/ensemble" --out "$work/report"
