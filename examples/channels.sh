#!/bin/sh
# Publish to a channel, or listen to one, with curl:
#
#     sh examples/channels.sh listen CHANNEL [HOST:PORT]
#     sh examples/channels.sh publish CHANNEL TEXT [HOST:PORT]
#
# If the server has a --pwd, set the variable CHATEAU_PWD to it.

case $1 in
listen)
    curl --silent --no-buffer --header 'Accept: text/event-stream' "http://${3:-localhost:8888}/channel/$2/"
    ;;
publish)
    curl --silent --header 'Package-Type: text' --data-raw "$3" \
        ${CHATEAU_PWD:+--header "Authorization: Bearer $CHATEAU_PWD"} \
        "http://${4:-localhost:8888}/channel/$2/"
    ;;
esac
