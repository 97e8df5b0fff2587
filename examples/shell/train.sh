#!/bin/sh
# A program in the shell: it walks down a parabola and reports with one line. See README.md.
rate=${2:?usage: train.sh --rate NUMBER}
x=4
for step in 1 2 3 4 5 6 7 8 9 10; do
  x=$(awk "BEGIN { print $x - $rate * 2 * $x }")
  loss=$(awk "BEGIN { print $x * $x }")
  if [ -n "$OVERDRIVE_METRICS" ]; then
    echo "{\"name\": \"loss\", \"value\": $loss, \"step\": $step}" >> "$OVERDRIVE_METRICS"
  else
    echo "step $step loss=$loss" # which is found as well
  fi
done
