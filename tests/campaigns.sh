#!/usr/bin/env bash
# The long campaigns against searches on disk, which CI has no time for: it kills the command at 200 moments, disturbs searches
# at each call that writes, changes 10,000 checkpoints, and runs every other test that says `tests/campaigns.sh runs it`.
#
#   tests/campaigns.sh              all of them
#   tests/campaigns.sh NAME...      those whose names have one of these in them: killed, disturbed, changed
#
# Each says what it counted. Nothing else should run beside it: the moments are spread over the time that a search takes
# when nobody disturbs it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CARGO_TERM_COLOR=never
unset RUSTFLAGS

start=$SECONDS
nice -n 10 cargo test --quiet --locked -p portsim --lib --test portsim -- --ignored --nocapture --test-threads 1 "$@"
printf '\nAll that took %s seconds.\n' $((SECONDS - start))
