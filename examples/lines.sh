#!/bin/sh
# Chat by the lines protocol, with nc: sh examples/lines.sh NAME ROOM [HOST [PORT]]
#
# What you type is said in the room, or is a command such as WHO. End with Ctrl-D.

{
    printf 'LOGIN %s\nJOIN %s\n' "$1" "$2"
    cat
    echo QUIT
    sleep 1 # some kinds of nc hang up as soon as there is no more to send: leave time for the answers
} | nc "${3:-localhost}" "${4:-9090}"
