#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs the fuzz target over its stored corpus: every input that was ever worth keeping stays good.
output=$("$top_builddir/tests/fuzz/fuzz_resultline" "$top_srcdir"/tests/fuzz/corpus/resultline/* 2>&1)
status=$?
printf '%s\n' "$output" | sed 's/^/# /'
if [ $status -eq 0 ]; then
    echo "ok 1 - fuzz: the corpus of result lines passes"
else
    echo "not ok 1 - fuzz: the corpus of result lines passes"
fi
echo "1..1"
exit $status
