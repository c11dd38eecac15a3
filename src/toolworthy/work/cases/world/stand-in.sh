#!/bin/sh
# Stands in for the program by whose name it is started: notes the call, and says what the case has it say.
bin=${0%/*}
world=${bin%/*}
name=${0##*/}

note() {
    stdin=
    for word in "$@"; do
        case $word in
            - | *=- | *@-) stdin=$(head -c 65536) ;;
        esac
    done
    { printf '%s\0' "$name" "$PWD" "$#" "$@" "$stdin"; env -0; printf '\0'; } >> "$world/calls"
}

real() {
    PATH=${PATH#"$bin":}
    exec "$name" "$@"
}

case $name in
    sudo | doas)
        while [ $# -gt 0 ]; do
            case $1 in
                -u | -g | --user | --group) shift ;;
                -*) ;;
                *) break ;;
            esac
            shift
        done
        [ $# -gt 0 ] && exec "$@"
        exit 1
        ;;
    python | python3)
        if [ "$1" = -m ] && [ -e "$bin/$2" ]; then
            name=$2
            shift 2
            exec "$bin/$name" "$@"
        fi
        name=python3
        real "$@"
        ;;
    git)
        note "$@"
        real "$@"
        ;;
    rg | fd | fdfind | tree | bat | batcat)
        (PATH=${PATH#"$bin":}; command -v "$name" > /dev/null) && real "$@"
        exec python3 "$world/lookers.py" "$name" "$@"
        ;;
    unknown)
        name=$1
        shift
        note "$@"
        echo "bash: $name: command not found" >&2
        exit 127
        ;;
esac
note "$@"
[ -e "$world/says/$name" ] && cat "$world/says/$name"
[ "$*" = "$(cat "$world/fails/$name" 2> /dev/null || echo -)" ] && exit 1
exit 0
