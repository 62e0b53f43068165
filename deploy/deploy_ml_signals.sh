#!/usr/bin/env bash
# Release signals_pipeline on AWS, or take a release back.
#
#   deploy_ml_signals.sh [--stack NAME] [--set NAME=VALUE]... [--model finbert|local|compact] [--dry-run]
#   deploy_ml_signals.sh [--stack NAME] --rollback [REVISION] [--dry-run]
#   deploy_ml_signals.sh [--stack NAME] --status
#   deploy_ml_signals.sh [--stack NAME] --generator technical|news_driven     the emergency switch, and back
#
# It creates the stack where there is none. Account and region are those of the AWS credentials in force. Further
# options go on to `signals deploy`. Runs under bash 3.2, as macOS has it.
set -euo pipefail

usage() { sed -n '2,10s/^# \{0,1\}//p' "$0"; }
fail() {
    printf '%s\n' "deploy_ml_signals.sh: $1" >&2
    exit 2
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
[ -x "$python" ] || fail "no $python: run \`make run\` once, or name another by PYTHON="

command=deploy
stack=()
rest=()
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help)
            usage
            exit 0
            ;;
        --stack)
            [ $# -ge 2 ] || fail "--stack needs a name"
            stack=(--stack "$2")
            shift
            ;;
        --rollback)
            command=rollback
            if [[ ${2:-} =~ ^[0-9]+$ ]]; then
                rest+=("$2")
                shift
            fi
            ;;
        --status) command=status ;;
        --generator)
            [ $# -ge 2 ] || fail "--generator needs technical or news_driven"
            command=generator
            rest+=("$2")
            shift
            ;;
        *) rest+=("$1") ;;
    esac
    shift
done

cd "$root"
# bash 3.2 takes an empty array for an unset variable.
exec "$python" -m signals_pipeline "$command" ${stack[@]+"${stack[@]}"} ${rest[@]+"${rest[@]}"}
