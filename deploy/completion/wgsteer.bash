# SPDX-License-Identifier: Apache-2.0
# Completion of wgsteer(1) for bash. Commands and options are those that the command itself tells of.

# The words of the first column below a heading of `wgsteer ARGUMENT... --help`.
__wgsteer_column() { # HEADING ARGUMENT...
    "${COMP_WORDS[0]}" "${@:2}" --help 2>/dev/null |
        awk -v heading="$1:" '$0 == heading { on = 1; next } !/^ / { on = 0 } on && /^  [^ ]/ { print $1 }'
}

__wgsteer_options() { # ARGUMENT...
    __wgsteer_column Options "$@" | tr ',' '\n'
}

# Names of peers, if an agent answers.
__wgsteer_peers() {
    local i socket=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ ${COMP_WORDS[i]} == --socket ]]; then socket=(--socket "${COMP_WORDS[i + 1]}"); fi
    done
    "${COMP_WORDS[0]}" "${socket[@]}" peers -o json 2>/dev/null | sed -n 's/^ *"name": "\(.*\)",\{0,1\}$/\1/p'
}

# The command on the line, if it is there already.
__wgsteer_command() {
    local i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --socket) ((i++)) ;;
        -*) ;;
        *) echo "${COMP_WORDS[i]}" && return ;;
        esac
    done
}

_wgsteer() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command words
    COMPREPLY=()
    command=$(__wgsteer_command)
    case $previous in
    -o | --output) words='text json' ;;
    --peer) words=$(__wgsteer_peers) ;;
    --proto) words='tcp udp icmp' ;;
    --way) words='out in' ;;
    --sort) words='rate out in drops handshake state crypto name' ;;
    --scale) words='tiny quick full' ;;
    --socket | --config | --event | --report | --from | --save | --doc | --plots | -w | --write)
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
        ;;
    *)
        if [[ -z $command ]]; then
            words="$(__wgsteer_column Subcommands) $(__wgsteer_options)"
        elif [[ $current == -* ]]; then
            words=$(__wgsteer_options "$command")
        elif [[ $command == peers ]]; then
            words=$(__wgsteer_peers)
        fi
        ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "${words-}" -- "$current")
}

complete -F _wgsteer wgsteer
