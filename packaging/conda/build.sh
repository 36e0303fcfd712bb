#!/bin/bash
# What the conda recipe builds: run by rattler-build in a checkout, with PREFIX to fill. conda writes the prefix anew
# where the package is installed, so the kernelspec's path stays right.
set -euo pipefail
cargo build --release --locked
install -D -m 755 "${CARGO_TARGET_DIR:-target}/release/ferrolab" "$PREFIX/bin/ferrolab"
"$PREFIX/bin/ferrolab" crates --into "$PREFIX/share/ferrolab/crates"
JUPYTER_PATH=$PREFIX/share/jupyter "$PREFIX/bin/ferrolab" install --no-prepare --prefix "$PREFIX"
