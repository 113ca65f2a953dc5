#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The tree follows the table of who may know whom, and check-layers finds each kind of breach of it.
exec "${top_srcdir:-.}/tests/layers/check-layers" --self-test
