#!/bin/sh
# Chat by the lines protocol, with nc: sh examples/lines.sh NAME ROOM [HOST [PORT]]
#
# Each line that you type is sent to the room, or is a command such as WHO. End with Ctrl-D.

{
    printf 'LOGIN %s\nJOIN %s\n' "$1" "$2"
    cat
    echo QUIT
    sleep 1 # some versions of nc exit at the end of the input: leave time for the responses
} | nc "${3:-localhost}" "${4:-9090}"
