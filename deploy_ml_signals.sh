#!/usr/bin/env bash
# The release script of deploy/, where users' guides call it: ./deploy_ml_signals.sh [options]; see --help.
set -euo pipefail
exec "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/deploy/deploy_ml_signals.sh" "$@"
