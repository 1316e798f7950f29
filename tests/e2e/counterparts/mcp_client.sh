#!/bin/sh
# The suite's client: a daemon of its own that may reach the suite's server, and one run of the scenario's workflow.
# The suite gives the server's address as the last argument and names the scenario in the environment.
set -eu
for url; do :; done
place=${url#http://}
place=${place%%/*}
folder=$(mktemp -d)
printf '[run]\nshell = "deny"\n[egress]\nallow = ["%s"]\n' "$place" >"$folder/daemon.toml"
export HOME="$folder" DIRIGENT_HOME="$folder/data" DIRIGENT_SOCKET="$folder/d.sock" DIRIGENT_CONFIG="$folder/daemon.toml"
case "$MCP_CONFORMANCE_SCENARIO" in
  tools_call) ask='method: tools/call, parameters: { name: add_numbers, arguments: { a: 5, b: 3 } }' ;;
  sse-retry) ask='method: tools/call, parameters: { name: test_reconnection, arguments: {} }' ;;
  elicitation*) ask='method: tools/call, parameters: { name: test_client_elicitation_defaults, arguments: {} }' ;;
  *) ask='method: tools/list, parameters: {}' ;;
esac
cat >"$folder/ask.yaml" <<WORKFLOW
document: { dsl: '1.0.3', namespace: tests, name: ask, version: '1.0.0' }
do:
  - a: { call: mcp, with: { $ask, transport: { http: { endpoint: '$url' } } } }
WORKFLOW
"$DIRIGENTD" --foreground 2>"$folder/log" &
daemon=$!
trap 'exit 1' HUP INT TERM
trap 'kill $daemon 2>/dev/null; wait $daemon || true; rm -rf "$folder"' EXIT
until "$DIRIGENT" status --json >/dev/null 2>&1; do
  kill -0 "$daemon" || { cat "$folder/log" >&2; exit 1; }
  sleep 0.1
done
"$DIRIGENT" run -f "$folder/ask.yaml" --json
