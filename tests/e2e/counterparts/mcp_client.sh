#!/bin/sh
# The suite's client: a daemon of its own that may reach the suite's servers, one run of the scenario's workflow, and
# the person at the inbox. The suite gives the server's address as the last argument, names the scenario and the revision
# in the environment, and says there what the client knows beforehand.
set -eu
for url; do :; done
scenario=$MCP_CONFORMANCE_SCENARIO revision=${MCP_CONFORMANCE_PROTOCOL_VERSION:-2025-11-25}
folder=$(mktemp -d)
# The suite's servers take any free port of this machine.
{
  printf '[run]\nshell = "deny"\n[egress]\nallow = [\n'
  seq $(cat /proc/sys/net/ipv4/ip_local_port_range) | sed 's/.*/"localhost:&",/'
  printf '"%s"]\n' "$(echo "${url#http://}" | cut -d/ -f1)"
} >"$folder/daemon.toml"
export HOME="$folder" DIRIGENT_HOME="$folder/data" DIRIGENT_SOCKET="$folder/d.sock" DIRIGENT_CONFIG="$folder/daemon.toml"

known() { printf '%s' "${MCP_CONFORMANCE_CONTEXT:-}" | sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }
keep() {
  mkdir -p -m 700 "$DIRIGENT_HOME" "$DIRIGENT_HOME/secrets"
  (umask 077 && printf '%b' "$2" >"$DIRIGENT_HOME/secrets/$1")
}
member() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" | head -n 1; }

# Who the client is.
client='' secrets='' grant=authorization_code
case "$scenario" in
  auth/basic-cimd) client='id: https://conformance-test.local/client-metadata.json' ;;
  auth/pre-registration | auth/client-credentials-basic)
    keep client "$(known client_secret)"
    client="id: $(known client_id), secret: '\${ \$secrets.client }'" ;;
  auth/client-credentials-jwt)
    keep client "$(known private_key_pem)"
    client="id: $(known client_id), secret: '\${ \$secrets.client }', authentication: private_key_jwt" ;;
esac
case "$scenario" in
  auth/client-credentials*) grant=client_credentials ;;
esac
case "$client" in
  *secret*) secrets='use: { secrets: [ client ] }' ;;
esac
endpoint="'$url'"
case "$scenario" in
  auth/*) endpoint="{ uri: '$url', authentication: { oauth2: { grant: $grant${client:+, client: { $client \}} } } }" ;;
esac

# What it asks for.
with() { printf -- "- %s: { call: mcp, with: { protocolVersion: '%s', elicitation: ask, transport: { http: { endpoint: %s } }, %s } }\n" "$1" "$revision" "$endpoint" "$2"; }
list() { with list 'method: tools/list, parameters: {}'; }
tool() { with "${3:-$1}" "method: tools/call, parameters: { name: $1, arguments: ${2:-{\}} }"; }
{
  printf "document: { dsl: '1.0.3', namespace: tests, name: ask, version: '1.0.0' }\n%s\ndo:\n" "$secrets"
  case "$scenario" in
    tools_call) tool add_numbers '{ a: 5, b: 3 }' ;;
    sse-retry) tool test_reconnection ;;
    elicitation*) tool test_client_elicitation_defaults ;;
    auth/scope-step-up | auth/scope-retry-limit | auth/authorization-server-migration) list && tool test-tool ;;
    sep-2322*) tool test_mrtr_echo_state && tool test_mrtr_no_state && tool test_mrtr_unrelated && tool test_mrtr_no_result_type ;;
    http-invalid-tool-headers) tool valid_tool '{ region: eu }' ;;
    http-custom-headers)
      printf '%s' "$MCP_CONFORMANCE_CONTEXT" | python3 -c '
import json, sys
for call in json.load(sys.stdin)["toolCalls"]:
    print(call["name"], json.dumps(call["arguments"]))' | { n=0; while read -r name arguments; do n=$((n + 1)); tool "$name" "$arguments" "call$n"; done; } ;;
    json-schema-2020-12-preservation)
      list
      tool json_schema_echo "{ schema: '\${ .tools[] | select(.name == \"json_schema_2020_12_tool\") | .inputSchema }' }" ;;
    *) list ;;
  esac
} >"$folder/ask.yaml"

"$DIRIGENTD" --foreground 2>"$folder/log" &
daemon=$!
trap 'exit 1' HUP INT TERM
trap 'kill $daemon 2>/dev/null || true; wait $daemon || true; rm -rf "$folder"' EXIT
until "$DIRIGENT" status --json >/dev/null 2>&1; do
  kill -0 "$daemon" || { cat "$folder/log" >&2; exit 1; }
  sleep 0.1
done
"$DIRIGENT" run -f "$folder/ask.yaml" --json >"$folder/answer" 2>"$folder/said" &
run=$!
while kill -0 "$run" 2>/dev/null; do
  id=$("$DIRIGENT" approvals list --json 2>/dev/null | member id)
  if [ "$id" ]; then
    address=$("$DIRIGENT" approvals show "$id" --json | member address)
    set --
    # As a browser would, up to where nothing answers.
    [ -z "$address" ] || set -- --set "callback=$(curl -s -o /dev/null -w '%{redirect_url}' "$address")"
    "$DIRIGENT" approvals approve "$id" --yes "$@" >>"$folder/said" 2>&1 || true
  fi
  sleep 0.1
done
status=0
wait "$run" || status=$?
cat "$folder/answer" "$folder/said"
exit "$status"
