#!/usr/bin/env bash
# What the scripts beside it answer to `--help` with: the comment at their own head. A wrong option is a sentence and exit 2.
# Usage: . "$(dirname "$0")/usage.sh"; usage '--option --other' "$@"
usage() {
  local known=" $1 " argument
  shift
  for argument in "$@"; do
    case $argument in
      -h | --help)
        sed -n '2,${/^#/!q;s/^# \{0,1\}//p}' "$0"
        exit 0 ;;
      -?*)
        [[ $known = *" ${argument%%=*} "* ]] || {
          echo "${0##*/}: unknown option $argument; see --help" >&2
          exit 2
        } ;;
    esac
  done
}
[ "${BASH_SOURCE[0]}" != "$0" ] || usage '' "$@"
