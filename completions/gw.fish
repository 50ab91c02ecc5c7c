# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_gw_global_optspecs
    string join \n error-format= h/help V/version
end

function __fish_gw_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_gw_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_gw_using_subcommand
    set -l cmd (__fish_gw_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c gw -n "__fish_gw_needs_command" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_needs_command" -s V -l version -d 'Print version'
complete -c gw -n "__fish_gw_needs_command" -f -a "ingress" -d 'Run an ingress gateway'
complete -c gw -n "__fish_gw_needs_command" -f -a "mesh" -d 'Run a mesh gateway'
complete -c gw -n "__fish_gw_needs_command" -f -a "terminating" -d 'Run a terminating gateway'
complete -c gw -n "__fish_gw_needs_command" -f -a "run" -d 'Run every gateway of gw.toml'
complete -c gw -n "__fish_gw_needs_command" -f -a "certs" -d 'Make, renew and look at certificates of the mesh'
complete -c gw -n "__fish_gw_needs_command" -f -a "config" -d 'Check and convert config entries, read and write those of Consul'
complete -c gw -n "__fish_gw_needs_command" -f -a "wan-fed" -d 'Federate datacenters through mesh gateways: prepare it, see it, find what is wrong'
complete -c gw -n "__fish_gw_needs_command" -f -a "inspect" -d 'See what is served, and why a request goes where it goes'
complete -c gw -n "__fish_gw_needs_command" -f -a "admin" -d 'Have a running gateway reload, drain, stop, or log something else'
complete -c gw -n "__fish_gw_needs_command" -f -a "completions" -d 'Print the completions of a shell'
complete -c gw -n "__fish_gw_needs_command" -f -a "man" -d 'Print gw(1), or write every page to a folder'
complete -c gw -n "__fish_gw_needs_command" -f -a "version" -d 'Print the version'
complete -c gw -n "__fish_gw_using_subcommand ingress" -s c -l config -d 'The gw.toml: gateways, services, where the entries are' -r -F
complete -c gw -n "__fish_gw_using_subcommand ingress" -l config-dir -d 'A folder of config entries (repeatable)' -r -F
complete -c gw -n "__fish_gw_using_subcommand ingress" -l listen -d 'Listen on [IP:]PORT[/http|/http2|/grpc|/tcp]; a port alone is on 127.0.0.1 (repeatable)' -r
complete -c gw -n "__fish_gw_using_subcommand ingress" -l route -d 'Without files: requests for HOST (empty: any) below PREFIX go to TARGET, HOST/PREFIX=TARGET (repeatable)' -r
complete -c gw -n "__fish_gw_using_subcommand ingress" -l service -d 'The gateway\'s service name, which is the name of its ingress-gateway entry too' -r
complete -c gw -n "__fish_gw_using_subcommand ingress" -l address -d 'Where the listeners of the entry bind; without the flag the gw.toml\'s address, or 127.0.0.1. PORT is none of them: it answers /ready, and is what is registered' -r
complete -c gw -n "__fish_gw_using_subcommand ingress" -l http-addr -d 'Consul\'s HTTP API: host:port, http://.., https://.. or unix:///path; CONSUL_HTTP_ADDR, else 127.0.0.1:8500' -r
complete -c gw -n "__fish_gw_using_subcommand ingress" -l token -d 'The token that is shown to Consul; CONSUL_HTTP_TOKEN. Others may see it among the processes: rather --token-file' -r
complete -c gw -n "__fish_gw_using_subcommand ingress" -l token-file -d 'The file that holds it; CONSUL_HTTP_TOKEN_FILE' -r
complete -c gw -n "__fish_gw_using_subcommand ingress" -l ca-file -d 'PEM: whom Consul\'s certificate must be from; CONSUL_CACERT' -r
complete -c gw -n "__fish_gw_using_subcommand ingress" -l ca-path -d 'A folder of such files; CONSUL_CAPATH' -r
complete -c gw -n "__fish_gw_using_subcommand ingress" -l client-cert -d 'PEM: the certificate that is shown to Consul; CONSUL_CLIENT_CERT' -r
complete -c gw -n "__fish_gw_using_subcommand ingress" -l client-key -d 'PEM: its key; CONSUL_CLIENT_KEY' -r
complete -c gw -n "__fish_gw_using_subcommand ingress" -l tls-server-name -d 'The name in Consul\'s certificate, where it is not the address; CONSUL_TLS_SERVER_NAME' -r
complete -c gw -n "__fish_gw_using_subcommand ingress" -l grpc-addr -d 'The gRPC port of a Consul server: keys of one\'s own, signed by its CA with the DNS names of TLS listeners; CONSUL_GRPC_ADDR' -r
complete -c gw -n "__fish_gw_using_subcommand ingress" -l grpc-ca-file -d 'PEM: whom its certificate must be from; CONSUL_GRPC_CACERT' -r
complete -c gw -n "__fish_gw_using_subcommand ingress" -l wan-address -d 'Where clients of other datacenters connect, if that is another address; a mesh gateway listens there too' -r
complete -c gw -n "__fish_gw_using_subcommand ingress" -l deregister-after-critical -d 'After which the agent forgets the gateway if it is gone' -r
complete -c gw -n "__fish_gw_using_subcommand ingress" -l state-dir -d 'Where the last good state is kept, keys included; without the flag STATE_DIRECTORY, or gw below XDG_STATE_HOME or ~/.local/state' -r -F
complete -c gw -n "__fish_gw_using_subcommand ingress" -l admin-bind -d 'Where the admin listener binds; without the flag the gw.toml\'s, or 127.0.0.1:19000' -r
complete -c gw -n "__fish_gw_using_subcommand ingress" -l admin-token-file -d 'What who asks there has to show (authorization: Bearer ..): needed where it binds off loopback' -r -F
complete -c gw -n "__fish_gw_using_subcommand ingress" -l metrics-bind -d 'Where metrics are told too, and nothing else: off loopback, for who scrapes' -r
complete -c gw -n "__fish_gw_using_subcommand ingress" -l access-log -d 'Write an access record for every request and connection' -r -F
complete -c gw -n "__fish_gw_using_subcommand ingress" -l access-log-format -d 'How records are written; without the flag as the gw.toml says, or in JSON' -r -f -a "json\t'An object a line, with the keys of Consul\'s default access log'
text\t'A line as Envoy\'s default format has it'"
complete -c gw -n "__fish_gw_using_subcommand ingress" -l otlp-endpoint -d 'Where spans of requests are sent, by OTLP over HTTP: http://127.0.0.1:4318' -r
complete -c gw -n "__fish_gw_using_subcommand ingress" -l trace-ratio -d 'The share of requests that is traced where the client does not say whether it is, 0 to 1' -r
complete -c gw -n "__fish_gw_using_subcommand ingress" -l drain-time -d 'How long connections may take to finish after TERM or INT' -r
complete -c gw -n "__fish_gw_using_subcommand ingress" -l workers -d 'Worker threads; without the flag one a core' -r
complete -c gw -n "__fish_gw_using_subcommand ingress" -l log -d 'What is logged to stderr, such as info or gw=debug' -r
complete -c gw -n "__fish_gw_using_subcommand ingress" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand ingress" -l register -d 'Register with the agent once it listens, and take it back at the end'
complete -c gw -n "__fish_gw_using_subcommand ingress" -l log-json -d 'Log JSON lines'
complete -c gw -n "__fish_gw_using_subcommand ingress" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand mesh" -s c -l config -d 'The gw.toml: gateways, services, where the entries and certificates are' -r -F
complete -c gw -n "__fish_gw_using_subcommand mesh" -l config-dir -d 'A folder of config entries (repeatable)' -r -F
complete -c gw -n "__fish_gw_using_subcommand mesh" -l listen -d 'Listen on [IP:]PORT; a port alone is on 127.0.0.1' -r
complete -c gw -n "__fish_gw_using_subcommand mesh" -l service -d 'The gateway\'s service name; an entry of its kind has the same name' -r
complete -c gw -n "__fish_gw_using_subcommand mesh" -l address -d 'Where it listens; without the flag the gw.toml\'s address, or 127.0.0.1:8443' -r
complete -c gw -n "__fish_gw_using_subcommand mesh" -l http-addr -d 'Consul\'s HTTP API: host:port, http://.., https://.. or unix:///path; CONSUL_HTTP_ADDR, else 127.0.0.1:8500' -r
complete -c gw -n "__fish_gw_using_subcommand mesh" -l token -d 'The token that is shown to Consul; CONSUL_HTTP_TOKEN. Others may see it among the processes: rather --token-file' -r
complete -c gw -n "__fish_gw_using_subcommand mesh" -l token-file -d 'The file that holds it; CONSUL_HTTP_TOKEN_FILE' -r
complete -c gw -n "__fish_gw_using_subcommand mesh" -l ca-file -d 'PEM: whom Consul\'s certificate must be from; CONSUL_CACERT' -r
complete -c gw -n "__fish_gw_using_subcommand mesh" -l ca-path -d 'A folder of such files; CONSUL_CAPATH' -r
complete -c gw -n "__fish_gw_using_subcommand mesh" -l client-cert -d 'PEM: the certificate that is shown to Consul; CONSUL_CLIENT_CERT' -r
complete -c gw -n "__fish_gw_using_subcommand mesh" -l client-key -d 'PEM: its key; CONSUL_CLIENT_KEY' -r
complete -c gw -n "__fish_gw_using_subcommand mesh" -l tls-server-name -d 'The name in Consul\'s certificate, where it is not the address; CONSUL_TLS_SERVER_NAME' -r
complete -c gw -n "__fish_gw_using_subcommand mesh" -l grpc-addr -d 'The gRPC port of a Consul server: keys of one\'s own, signed by its CA with the DNS names of TLS listeners; CONSUL_GRPC_ADDR' -r
complete -c gw -n "__fish_gw_using_subcommand mesh" -l grpc-ca-file -d 'PEM: whom its certificate must be from; CONSUL_GRPC_CACERT' -r
complete -c gw -n "__fish_gw_using_subcommand mesh" -l wan-address -d 'Where clients of other datacenters connect, if that is another address; a mesh gateway listens there too' -r
complete -c gw -n "__fish_gw_using_subcommand mesh" -l deregister-after-critical -d 'After which the agent forgets the gateway if it is gone' -r
complete -c gw -n "__fish_gw_using_subcommand mesh" -l state-dir -d 'Where the last good state is kept, keys included; without the flag STATE_DIRECTORY, or gw below XDG_STATE_HOME or ~/.local/state' -r -F
complete -c gw -n "__fish_gw_using_subcommand mesh" -l admin-bind -d 'Where the admin listener binds; without the flag the gw.toml\'s, or 127.0.0.1:19000' -r
complete -c gw -n "__fish_gw_using_subcommand mesh" -l admin-token-file -d 'What who asks there has to show (authorization: Bearer ..): needed where it binds off loopback' -r -F
complete -c gw -n "__fish_gw_using_subcommand mesh" -l metrics-bind -d 'Where metrics are told too, and nothing else: off loopback, for who scrapes' -r
complete -c gw -n "__fish_gw_using_subcommand mesh" -l access-log -d 'Write an access record for every request and connection' -r -F
complete -c gw -n "__fish_gw_using_subcommand mesh" -l access-log-format -d 'How records are written; without the flag as the gw.toml says, or in JSON' -r -f -a "json\t'An object a line, with the keys of Consul\'s default access log'
text\t'A line as Envoy\'s default format has it'"
complete -c gw -n "__fish_gw_using_subcommand mesh" -l otlp-endpoint -d 'Where spans of requests are sent, by OTLP over HTTP: http://127.0.0.1:4318' -r
complete -c gw -n "__fish_gw_using_subcommand mesh" -l trace-ratio -d 'The share of requests that is traced where the client does not say whether it is, 0 to 1' -r
complete -c gw -n "__fish_gw_using_subcommand mesh" -l drain-time -d 'How long connections may take to finish after TERM or INT' -r
complete -c gw -n "__fish_gw_using_subcommand mesh" -l workers -d 'Worker threads; without the flag one a core' -r
complete -c gw -n "__fish_gw_using_subcommand mesh" -l log -d 'What is logged to stderr, such as info or gw=debug' -r
complete -c gw -n "__fish_gw_using_subcommand mesh" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand mesh" -l expose-servers -d 'Carry what Consul\'s servers of federated datacenters say to each other: WAN gossip and RPC'
complete -c gw -n "__fish_gw_using_subcommand mesh" -l register -d 'Register with the agent once it listens, and take it back at the end'
complete -c gw -n "__fish_gw_using_subcommand mesh" -l log-json -d 'Log JSON lines'
complete -c gw -n "__fish_gw_using_subcommand mesh" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand terminating" -s c -l config -d 'The gw.toml: gateways, services, where the entries and certificates are' -r -F
complete -c gw -n "__fish_gw_using_subcommand terminating" -l config-dir -d 'A folder of config entries (repeatable)' -r -F
complete -c gw -n "__fish_gw_using_subcommand terminating" -l listen -d 'Listen on [IP:]PORT; a port alone is on 127.0.0.1' -r
complete -c gw -n "__fish_gw_using_subcommand terminating" -l service -d 'The gateway\'s service name; an entry of its kind has the same name' -r
complete -c gw -n "__fish_gw_using_subcommand terminating" -l address -d 'Where it listens; without the flag the gw.toml\'s address, or 127.0.0.1:8443' -r
complete -c gw -n "__fish_gw_using_subcommand terminating" -l http-addr -d 'Consul\'s HTTP API: host:port, http://.., https://.. or unix:///path; CONSUL_HTTP_ADDR, else 127.0.0.1:8500' -r
complete -c gw -n "__fish_gw_using_subcommand terminating" -l token -d 'The token that is shown to Consul; CONSUL_HTTP_TOKEN. Others may see it among the processes: rather --token-file' -r
complete -c gw -n "__fish_gw_using_subcommand terminating" -l token-file -d 'The file that holds it; CONSUL_HTTP_TOKEN_FILE' -r
complete -c gw -n "__fish_gw_using_subcommand terminating" -l ca-file -d 'PEM: whom Consul\'s certificate must be from; CONSUL_CACERT' -r
complete -c gw -n "__fish_gw_using_subcommand terminating" -l ca-path -d 'A folder of such files; CONSUL_CAPATH' -r
complete -c gw -n "__fish_gw_using_subcommand terminating" -l client-cert -d 'PEM: the certificate that is shown to Consul; CONSUL_CLIENT_CERT' -r
complete -c gw -n "__fish_gw_using_subcommand terminating" -l client-key -d 'PEM: its key; CONSUL_CLIENT_KEY' -r
complete -c gw -n "__fish_gw_using_subcommand terminating" -l tls-server-name -d 'The name in Consul\'s certificate, where it is not the address; CONSUL_TLS_SERVER_NAME' -r
complete -c gw -n "__fish_gw_using_subcommand terminating" -l grpc-addr -d 'The gRPC port of a Consul server: keys of one\'s own, signed by its CA with the DNS names of TLS listeners; CONSUL_GRPC_ADDR' -r
complete -c gw -n "__fish_gw_using_subcommand terminating" -l grpc-ca-file -d 'PEM: whom its certificate must be from; CONSUL_GRPC_CACERT' -r
complete -c gw -n "__fish_gw_using_subcommand terminating" -l wan-address -d 'Where clients of other datacenters connect, if that is another address; a mesh gateway listens there too' -r
complete -c gw -n "__fish_gw_using_subcommand terminating" -l deregister-after-critical -d 'After which the agent forgets the gateway if it is gone' -r
complete -c gw -n "__fish_gw_using_subcommand terminating" -l state-dir -d 'Where the last good state is kept, keys included; without the flag STATE_DIRECTORY, or gw below XDG_STATE_HOME or ~/.local/state' -r -F
complete -c gw -n "__fish_gw_using_subcommand terminating" -l admin-bind -d 'Where the admin listener binds; without the flag the gw.toml\'s, or 127.0.0.1:19000' -r
complete -c gw -n "__fish_gw_using_subcommand terminating" -l admin-token-file -d 'What who asks there has to show (authorization: Bearer ..): needed where it binds off loopback' -r -F
complete -c gw -n "__fish_gw_using_subcommand terminating" -l metrics-bind -d 'Where metrics are told too, and nothing else: off loopback, for who scrapes' -r
complete -c gw -n "__fish_gw_using_subcommand terminating" -l access-log -d 'Write an access record for every request and connection' -r -F
complete -c gw -n "__fish_gw_using_subcommand terminating" -l access-log-format -d 'How records are written; without the flag as the gw.toml says, or in JSON' -r -f -a "json\t'An object a line, with the keys of Consul\'s default access log'
text\t'A line as Envoy\'s default format has it'"
complete -c gw -n "__fish_gw_using_subcommand terminating" -l otlp-endpoint -d 'Where spans of requests are sent, by OTLP over HTTP: http://127.0.0.1:4318' -r
complete -c gw -n "__fish_gw_using_subcommand terminating" -l trace-ratio -d 'The share of requests that is traced where the client does not say whether it is, 0 to 1' -r
complete -c gw -n "__fish_gw_using_subcommand terminating" -l drain-time -d 'How long connections may take to finish after TERM or INT' -r
complete -c gw -n "__fish_gw_using_subcommand terminating" -l workers -d 'Worker threads; without the flag one a core' -r
complete -c gw -n "__fish_gw_using_subcommand terminating" -l log -d 'What is logged to stderr, such as info or gw=debug' -r
complete -c gw -n "__fish_gw_using_subcommand terminating" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand terminating" -l register -d 'Register with the agent once it listens, and take it back at the end'
complete -c gw -n "__fish_gw_using_subcommand terminating" -l log-json -d 'Log JSON lines'
complete -c gw -n "__fish_gw_using_subcommand terminating" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand run" -s c -l config -d 'The gw.toml, or a folder of config entries; without the flag ./gw.toml, or ./gw.d' -r -F
complete -c gw -n "__fish_gw_using_subcommand run" -l http-addr -d 'Consul\'s HTTP API: host:port, http://.., https://.. or unix:///path; CONSUL_HTTP_ADDR, else 127.0.0.1:8500' -r
complete -c gw -n "__fish_gw_using_subcommand run" -l token -d 'The token that is shown to Consul; CONSUL_HTTP_TOKEN. Others may see it among the processes: rather --token-file' -r
complete -c gw -n "__fish_gw_using_subcommand run" -l token-file -d 'The file that holds it; CONSUL_HTTP_TOKEN_FILE' -r
complete -c gw -n "__fish_gw_using_subcommand run" -l ca-file -d 'PEM: whom Consul\'s certificate must be from; CONSUL_CACERT' -r
complete -c gw -n "__fish_gw_using_subcommand run" -l ca-path -d 'A folder of such files; CONSUL_CAPATH' -r
complete -c gw -n "__fish_gw_using_subcommand run" -l client-cert -d 'PEM: the certificate that is shown to Consul; CONSUL_CLIENT_CERT' -r
complete -c gw -n "__fish_gw_using_subcommand run" -l client-key -d 'PEM: its key; CONSUL_CLIENT_KEY' -r
complete -c gw -n "__fish_gw_using_subcommand run" -l tls-server-name -d 'The name in Consul\'s certificate, where it is not the address; CONSUL_TLS_SERVER_NAME' -r
complete -c gw -n "__fish_gw_using_subcommand run" -l grpc-addr -d 'The gRPC port of a Consul server: keys of one\'s own, signed by its CA with the DNS names of TLS listeners; CONSUL_GRPC_ADDR' -r
complete -c gw -n "__fish_gw_using_subcommand run" -l grpc-ca-file -d 'PEM: whom its certificate must be from; CONSUL_GRPC_CACERT' -r
complete -c gw -n "__fish_gw_using_subcommand run" -l wan-address -d 'Where clients of other datacenters connect, if that is another address; a mesh gateway listens there too' -r
complete -c gw -n "__fish_gw_using_subcommand run" -l deregister-after-critical -d 'After which the agent forgets the gateway if it is gone' -r
complete -c gw -n "__fish_gw_using_subcommand run" -l state-dir -d 'Where the last good state is kept, keys included; without the flag STATE_DIRECTORY, or gw below XDG_STATE_HOME or ~/.local/state' -r -F
complete -c gw -n "__fish_gw_using_subcommand run" -l admin-bind -d 'Where the admin listener binds; without the flag the gw.toml\'s, or 127.0.0.1:19000' -r
complete -c gw -n "__fish_gw_using_subcommand run" -l admin-token-file -d 'What who asks there has to show (authorization: Bearer ..): needed where it binds off loopback' -r -F
complete -c gw -n "__fish_gw_using_subcommand run" -l metrics-bind -d 'Where metrics are told too, and nothing else: off loopback, for who scrapes' -r
complete -c gw -n "__fish_gw_using_subcommand run" -l access-log -d 'Write an access record for every request and connection' -r -F
complete -c gw -n "__fish_gw_using_subcommand run" -l access-log-format -d 'How records are written; without the flag as the gw.toml says, or in JSON' -r -f -a "json\t'An object a line, with the keys of Consul\'s default access log'
text\t'A line as Envoy\'s default format has it'"
complete -c gw -n "__fish_gw_using_subcommand run" -l otlp-endpoint -d 'Where spans of requests are sent, by OTLP over HTTP: http://127.0.0.1:4318' -r
complete -c gw -n "__fish_gw_using_subcommand run" -l trace-ratio -d 'The share of requests that is traced where the client does not say whether it is, 0 to 1' -r
complete -c gw -n "__fish_gw_using_subcommand run" -l drain-time -d 'How long connections may take to finish after TERM or INT' -r
complete -c gw -n "__fish_gw_using_subcommand run" -l workers -d 'Worker threads; without the flag one a core' -r
complete -c gw -n "__fish_gw_using_subcommand run" -l log -d 'What is logged to stderr, such as info or gw=debug' -r
complete -c gw -n "__fish_gw_using_subcommand run" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand run" -l register -d 'Register with the agent once it listens, and take it back at the end'
complete -c gw -n "__fish_gw_using_subcommand run" -l log-json -d 'Log JSON lines'
complete -c gw -n "__fish_gw_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand certs; and not __fish_seen_subcommand_from init issue sign renew rotate inspect verify needs-renewal list" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand certs; and not __fish_seen_subcommand_from init issue sign renew rotate inspect verify needs-renewal list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand certs; and not __fish_seen_subcommand_from init issue sign renew rotate inspect verify needs-renewal list" -f -a "init" -d 'Make a CA: a root, and an intermediate below it if asked for'
complete -c gw -n "__fish_gw_using_subcommand certs; and not __fish_seen_subcommand_from init issue sign renew rotate inspect verify needs-renewal list" -f -a "issue" -d 'Issue a leaf with a new key'
complete -c gw -n "__fish_gw_using_subcommand certs; and not __fish_seen_subcommand_from init issue sign renew rotate inspect verify needs-renewal list" -f -a "sign" -d 'Sign a request (PKCS #10), whose key stays where it is'
complete -c gw -n "__fish_gw_using_subcommand certs; and not __fish_seen_subcommand_from init issue sign renew rotate inspect verify needs-renewal list" -f -a "renew" -d 'Renew leaves: the same names, a new key'
complete -c gw -n "__fish_gw_using_subcommand certs; and not __fish_seen_subcommand_from init issue sign renew rotate inspect verify needs-renewal list" -f -a "rotate" -d 'Put another root in the place of the one there is'
complete -c gw -n "__fish_gw_using_subcommand certs; and not __fish_seen_subcommand_from init issue sign renew rotate inspect verify needs-renewal list" -f -a "inspect" -d 'Show what certificates say, and what is wrong with them'
complete -c gw -n "__fish_gw_using_subcommand certs; and not __fish_seen_subcommand_from init issue sign renew rotate inspect verify needs-renewal list" -f -a "verify" -d 'Ask whether a certificate is trusted: chain, dates, purpose, name'
complete -c gw -n "__fish_gw_using_subcommand certs; and not __fish_seen_subcommand_from init issue sign renew rotate inspect verify needs-renewal list" -f -a "needs-renewal" -d 'Ask whether a certificate is far enough in its life to be renewed'
complete -c gw -n "__fish_gw_using_subcommand certs; and not __fish_seen_subcommand_from init issue sign renew rotate inspect verify needs-renewal list" -f -a "list" -d 'List the leaves of a folder, and how far they are in their life'
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from init" -l dir -d 'The folder of the CA and its certificates' -r -F
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from init" -l trust-domain -d 'The name of the mesh; without the flag a new one, UUID.consul as Consul\'s' -r
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from init" -l datacenter -d 'The datacenter that leaves are issued for; without the flag dc1' -r
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from init" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from init" -l intermediate -d 'Sign leaves by a CA below the root'
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from init" -l force -d 'Overwrite a CA that is there: whatever it signed is worthless then'
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from issue" -l kind -d 'What it is for' -r -f -a "service\t''
server\t''
client\t''
dns\t''"
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from issue" -l san -d 'One more DNS name or IP address (repeatable)' -r
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from issue" -l ttl -d 'How long it is valid, such as 72h' -r
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from issue" -l datacenter -d 'The datacenter; without the flag that of gw certs init' -r
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from issue" -l trust-domain -d 'The name of the mesh, where the CA\'s certificate does not say it' -r
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from issue" -l dir -d 'The folder of the CA and its certificates' -r -F
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from issue" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from issue" -l force -d 'Overwrite what is there'
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from issue" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from sign" -l service -d 'Whose certificate it is: the service, or the name of another --kind' -r
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from sign" -l kind -d 'What it is for' -r -f -a "service\t''
server\t''
client\t''
dns\t''"
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from sign" -l san -d 'One more DNS name or IP address (repeatable)' -r
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from sign" -l ttl -d 'How long it is valid, such as 72h' -r
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from sign" -l datacenter -d 'The datacenter; without the flag that of gw certs init' -r
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from sign" -l trust-domain -d 'The name of the mesh, where the CA\'s certificate does not say it' -r
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from sign" -l dir -d 'The folder of the CA and its certificates' -r -F
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from sign" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from sign" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from renew" -l at -d 'The share of a life after which a leaf is renewed' -r
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from renew" -l exec -d 'A command of the shell after something was renewed' -r
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from renew" -l dir -d 'The folder of the CA and its certificates' -r -F
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from renew" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from renew" -l daemon -d 'Go on, and renew each leaf when its time has come'
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from renew" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from rotate" -l dir -d 'The folder of the CA and its certificates' -r -F
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from rotate" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from rotate" -l finish -d 'End the rotation: the old root is trusted no more'
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from rotate" -l force -d 'With --finish: also while leaves are of the old root'
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from rotate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from inspect" -l sni -d 'The server name to ask for; without the flag HOST, if it is a name' -r
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from inspect" -l alpn -d 'A protocol to offer, such as h2 (repeatable)' -r
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from inspect" -s o -l output -d 'How it is printed' -r -f -a "table\t'Columns, a list of steps, or a line'
wide\t'More columns, where there are more'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names or codes alone'"
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from inspect" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from inspect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from verify" -l roots -d 'The certificates that are trusted' -r -F
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from verify" -l spiffe -d 'Whose it must be: the id of a service' -r
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from verify" -l dns -d 'The host name or address it must be for' -r
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from verify" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from needs-renewal" -l at -d 'The share of its life after which it needs it' -r
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from needs-renewal" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from needs-renewal" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from list" -l dir -d 'The folder of the CA and its certificates' -r -F
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from list" -s o -l output -d 'How it is printed' -r -f -a "table\t'Columns, a list of steps, or a line'
wide\t'More columns, where there are more'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names or codes alone'"
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from list" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand certs; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand config; and not __fish_seen_subcommand_from validate test gen convert diff apply read list delete" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand config; and not __fish_seen_subcommand_from validate test gen convert diff apply read list delete" -s h -l help -d 'Print help'
complete -c gw -n "__fish_gw_using_subcommand config; and not __fish_seen_subcommand_from validate test gen convert diff apply read list delete" -f -a "validate" -d 'Check config entries, one by one and all together'
complete -c gw -n "__fish_gw_using_subcommand config; and not __fish_seen_subcommand_from validate test gen convert diff apply read list delete" -f -a "test" -d 'Ask a configuration what is expected of it, without a network; or what changes with another one'
complete -c gw -n "__fish_gw_using_subcommand config; and not __fish_seen_subcommand_from validate test gen convert diff apply read list delete" -f -a "gen" -d 'Print a commented entry to begin with, valid as it is; or the least ACL policy for the token of a gateway'
complete -c gw -n "__fish_gw_using_subcommand config; and not __fish_seen_subcommand_from validate test gen convert diff apply read list delete" -f -a "convert" -d 'Print entries as HCL, JSON or TOML'
complete -c gw -n "__fish_gw_using_subcommand config; and not __fish_seen_subcommand_from validate test gen convert diff apply read list delete" -f -a "diff" -d 'Show what gw config apply would change in Consul'
complete -c gw -n "__fish_gw_using_subcommand config; and not __fish_seen_subcommand_from validate test gen convert diff apply read list delete" -f -a "apply" -d 'Write config entries to Consul, as one change set'
complete -c gw -n "__fish_gw_using_subcommand config; and not __fish_seen_subcommand_from validate test gen convert diff apply read list delete" -f -a "read" -d 'Print a config entry that Consul has'
complete -c gw -n "__fish_gw_using_subcommand config; and not __fish_seen_subcommand_from validate test gen convert diff apply read list delete" -f -a "list" -d 'List the config entries that Consul has'
complete -c gw -n "__fish_gw_using_subcommand config; and not __fish_seen_subcommand_from validate test gen convert diff apply read list delete" -f -a "delete" -d 'Delete a config entry of Consul\'s'
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from validate" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from validate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from test" -l against -d 'What was there before: what changes since is told' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from test" -l log -d 'An access log in JSON, whose requests are asked; - is stdin' -r -F
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from test" -l junit -d 'Write what became of every expectation as JUnit\'s XML, too' -r -F
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from test" -s o -l output -d 'How it is printed: wide has every step of every answer, name the places of what is not as expected' -r -f -a "table\t'Columns, a list of steps, or a line'
wide\t'More columns, where there are more'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names or codes alone'"
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from test" -s c -l config -d 'Files: a gw.toml, or a folder of config entries; GW_CONFIG' -r -F
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from test" -l admin -d 'A gateway that runs: its admin listener; GW_ADMIN' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from test" -l dump -d 'What gw inspect dump has printed' -r -F
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from test" -l service -l gateway -d 'The gateway, where there are several' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from test" -l kind -d 'Its kind, where a Consul is asked: without the flag that of its entry' -r -f -a "ingress\t''
mesh\t''
terminating\t''"
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from test" -l http-addr -d 'Consul\'s HTTP API: host:port, http://.., https://.. or unix:///path; CONSUL_HTTP_ADDR, else 127.0.0.1:8500' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from test" -l token -d 'The token that is shown to Consul; CONSUL_HTTP_TOKEN. Others may see it among the processes: rather --token-file' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from test" -l token-file -d 'The file that holds it; CONSUL_HTTP_TOKEN_FILE' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from test" -l ca-file -d 'PEM: whom Consul\'s certificate must be from; CONSUL_CACERT' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from test" -l ca-path -d 'A folder of such files; CONSUL_CAPATH' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from test" -l client-cert -d 'PEM: the certificate that is shown to Consul; CONSUL_CLIENT_CERT' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from test" -l client-key -d 'PEM: its key; CONSUL_CLIENT_KEY' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from test" -l tls-server-name -d 'The name in Consul\'s certificate, where it is not the address; CONSUL_TLS_SERVER_NAME' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from test" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from gen" -l for -d 'The kind of gateway that the policy is for' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from gen" -l service -d 'A service that the terminating gateway speaks for; * is all (repeatable)' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from gen" -s c -l config -d 'A gw.toml, a file of config entries, or a folder of them, whose terminating-gateway entry names the services' -r -F
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from gen" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from gen" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from convert" -l to -d 'The syntax to print' -r -f -a "hcl\t''
json\t''
toml\t''"
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from convert" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from convert" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from diff" -s o -l output -d 'How it is printed' -r -f -a "table\t'Columns, a list of steps, or a line'
wide\t'More columns, where there are more'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names or codes alone'"
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from diff" -l http-addr -d 'Consul\'s HTTP API: host:port, http://.., https://.. or unix:///path; CONSUL_HTTP_ADDR, else 127.0.0.1:8500' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from diff" -l token -d 'The token that is shown to Consul; CONSUL_HTTP_TOKEN. Others may see it among the processes: rather --token-file' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from diff" -l token-file -d 'The file that holds it; CONSUL_HTTP_TOKEN_FILE' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from diff" -l ca-file -d 'PEM: whom Consul\'s certificate must be from; CONSUL_CACERT' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from diff" -l ca-path -d 'A folder of such files; CONSUL_CAPATH' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from diff" -l client-cert -d 'PEM: the certificate that is shown to Consul; CONSUL_CLIENT_CERT' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from diff" -l client-key -d 'PEM: its key; CONSUL_CLIENT_KEY' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from diff" -l tls-server-name -d 'The name in Consul\'s certificate, where it is not the address; CONSUL_TLS_SERVER_NAME' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from diff" -l datacenter -d 'The datacenter that is asked; without the flag the agent\'s own' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from diff" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from diff" -l prune -d 'Entries that Consul has and the files do not count as deleted'
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from apply" -s o -l output -d 'How it is printed' -r -f -a "table\t'Columns, a list of steps, or a line'
wide\t'More columns, where there are more'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names or codes alone'"
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from apply" -l http-addr -d 'Consul\'s HTTP API: host:port, http://.., https://.. or unix:///path; CONSUL_HTTP_ADDR, else 127.0.0.1:8500' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from apply" -l token -d 'The token that is shown to Consul; CONSUL_HTTP_TOKEN. Others may see it among the processes: rather --token-file' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from apply" -l token-file -d 'The file that holds it; CONSUL_HTTP_TOKEN_FILE' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from apply" -l ca-file -d 'PEM: whom Consul\'s certificate must be from; CONSUL_CACERT' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from apply" -l ca-path -d 'A folder of such files; CONSUL_CAPATH' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from apply" -l client-cert -d 'PEM: the certificate that is shown to Consul; CONSUL_CLIENT_CERT' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from apply" -l client-key -d 'PEM: its key; CONSUL_CLIENT_KEY' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from apply" -l tls-server-name -d 'The name in Consul\'s certificate, where it is not the address; CONSUL_TLS_SERVER_NAME' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from apply" -l datacenter -d 'The datacenter that is asked; without the flag the agent\'s own' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from apply" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from apply" -l prune -d 'Delete the entries that Consul has and the files do not'
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from apply" -l dry-run -d 'Only say what would be done'
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from apply" -l force -d 'Write also what kills a Consul server of version 1.21 (GW0409)'
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from apply" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from read" -s o -l output -d 'The syntax to print' -r -f -a "json\t''
hcl\t''
toml\t''"
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from read" -l http-addr -d 'Consul\'s HTTP API: host:port, http://.., https://.. or unix:///path; CONSUL_HTTP_ADDR, else 127.0.0.1:8500' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from read" -l token -d 'The token that is shown to Consul; CONSUL_HTTP_TOKEN. Others may see it among the processes: rather --token-file' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from read" -l token-file -d 'The file that holds it; CONSUL_HTTP_TOKEN_FILE' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from read" -l ca-file -d 'PEM: whom Consul\'s certificate must be from; CONSUL_CACERT' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from read" -l ca-path -d 'A folder of such files; CONSUL_CAPATH' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from read" -l client-cert -d 'PEM: the certificate that is shown to Consul; CONSUL_CLIENT_CERT' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from read" -l client-key -d 'PEM: its key; CONSUL_CLIENT_KEY' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from read" -l tls-server-name -d 'The name in Consul\'s certificate, where it is not the address; CONSUL_TLS_SERVER_NAME' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from read" -l datacenter -d 'The datacenter that is asked; without the flag the agent\'s own' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from read" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from read" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from list" -s o -l output -d 'How it is printed' -r -f -a "table\t'Columns, a list of steps, or a line'
wide\t'More columns, where there are more'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names or codes alone'"
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from list" -l http-addr -d 'Consul\'s HTTP API: host:port, http://.., https://.. or unix:///path; CONSUL_HTTP_ADDR, else 127.0.0.1:8500' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from list" -l token -d 'The token that is shown to Consul; CONSUL_HTTP_TOKEN. Others may see it among the processes: rather --token-file' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from list" -l token-file -d 'The file that holds it; CONSUL_HTTP_TOKEN_FILE' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from list" -l ca-file -d 'PEM: whom Consul\'s certificate must be from; CONSUL_CACERT' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from list" -l ca-path -d 'A folder of such files; CONSUL_CAPATH' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from list" -l client-cert -d 'PEM: the certificate that is shown to Consul; CONSUL_CLIENT_CERT' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from list" -l client-key -d 'PEM: its key; CONSUL_CLIENT_KEY' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from list" -l tls-server-name -d 'The name in Consul\'s certificate, where it is not the address; CONSUL_TLS_SERVER_NAME' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from list" -l datacenter -d 'The datacenter that is asked; without the flag the agent\'s own' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from list" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from delete" -s o -l output -d 'How it is printed' -r -f -a "table\t'Columns, a list of steps, or a line'
wide\t'More columns, where there are more'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names or codes alone'"
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from delete" -l http-addr -d 'Consul\'s HTTP API: host:port, http://.., https://.. or unix:///path; CONSUL_HTTP_ADDR, else 127.0.0.1:8500' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from delete" -l token -d 'The token that is shown to Consul; CONSUL_HTTP_TOKEN. Others may see it among the processes: rather --token-file' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from delete" -l token-file -d 'The file that holds it; CONSUL_HTTP_TOKEN_FILE' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from delete" -l ca-file -d 'PEM: whom Consul\'s certificate must be from; CONSUL_CACERT' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from delete" -l ca-path -d 'A folder of such files; CONSUL_CAPATH' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from delete" -l client-cert -d 'PEM: the certificate that is shown to Consul; CONSUL_CLIENT_CERT' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from delete" -l client-key -d 'PEM: its key; CONSUL_CLIENT_KEY' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from delete" -l tls-server-name -d 'The name in Consul\'s certificate, where it is not the address; CONSUL_TLS_SERVER_NAME' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from delete" -l datacenter -d 'The datacenter that is asked; without the flag the agent\'s own' -r
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from delete" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from delete" -l dry-run -d 'Only say what would be done'
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from delete" -l force -d 'Write also what kills a Consul server of version 1.21 (GW0409)'
complete -c gw -n "__fish_gw_using_subcommand config; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and not __fish_seen_subcommand_from init plan status test" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and not __fish_seen_subcommand_from init plan status test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and not __fish_seen_subcommand_from init plan status test" -f -a "init" -d 'Write what a datacenter needs to be federated: configuration and certificates of servers, the gateway\'s command'
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and not __fish_seen_subcommand_from init plan status test" -f -a "plan" -d 'Say what is needed for a federation and what of it is there, without doing anything'
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and not __fish_seen_subcommand_from init plan status test" -f -a "status" -d 'Show datacenter by datacenter how they stand to each other'
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and not __fish_seen_subcommand_from init plan status test" -f -a "test" -d 'Probe every way between datacenters, and name what is wrong with the cause and the fix'
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from init" -l role -d 'Whether it is the primary datacenter, whose CA, ACLs and entries are everybody\'s, or a secondary' -r -f -a "primary\t''
secondary\t''"
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from init" -l dc -d 'Its name' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from init" -l primary-dc -d 'The primary datacenter\'s name, for a secondary' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from init" -l primary-gateway -d 'Where a mesh gateway of the primary is reached from here, its WAN address (repeatable; for a secondary)' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from init" -l server -d 'A server: its node, and where it listens (repeatable; without the flag one, DC-s1)' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from init" -l consul-version -d 'The version of Consul that is configured; without the flag that of the agent of --http-addr, else the newest known' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from init" -l gateway-address -d 'Where the mesh gateway listens in its datacenter' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from init" -l gateway-wan-address -d 'Where other datacenters reach it, if that is another address' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from init" -l mode -d 'How services reach those of other datacenters: through the own gateways, those over there, or themselves' -r -f -a "local\t''
remote\t''
none\t''"
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from init" -l data-dir -d 'Where servers keep what they know' -r -F
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from init" -l out -d 'The folder that files are written to' -r -F
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from init" -l ca -d 'The folder of the CA that certifies servers, as gw certs makes one; without the flag the primary\'s init makes DIR/agent-ca' -r -F
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from init" -l ca-cert -d 'The certificate of that CA, such as consul-agent-ca.pem' -r -F
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from init" -l ca-key -d 'Its key, such as consul-agent-ca-key.pem' -r -F
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from init" -l http-addr -d 'An agent\'s HTTP API (repeatable: one in each datacenter shows both directions); CONSUL_HTTP_ADDR, else 127.0.0.1:8500' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from init" -l token -d 'The token that is shown to Consul; CONSUL_HTTP_TOKEN. Others may see it among the processes: rather --token-file' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from init" -l token-file -d 'The file that holds it; CONSUL_HTTP_TOKEN_FILE' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from init" -l ca-file -d 'PEM: whom Consul\'s certificate must be from; CONSUL_CACERT' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from init" -l ca-path -d 'A folder of such files; CONSUL_CAPATH' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from init" -l client-cert -d 'PEM: the certificate that is shown to Consul; CONSUL_CLIENT_CERT' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from init" -l client-key -d 'PEM: its key; CONSUL_CLIENT_KEY' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from init" -l tls-server-name -d 'The name in Consul\'s certificate, where it is not the address; CONSUL_TLS_SERVER_NAME' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from init" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from init" -l force -d 'Overwrite what is there, but for the CA'
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from plan" -l role -d 'Whether it is the primary datacenter, whose CA, ACLs and entries are everybody\'s, or a secondary' -r -f -a "primary\t''
secondary\t''"
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from plan" -l dc -d 'Its name' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from plan" -l primary-dc -d 'The primary datacenter\'s name, for a secondary' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from plan" -l primary-gateway -d 'Where a mesh gateway of the primary is reached from here, its WAN address (repeatable; for a secondary)' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from plan" -l server -d 'A server: its node, and where it listens (repeatable; without the flag one, DC-s1)' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from plan" -l consul-version -d 'The version of Consul that is configured; without the flag that of the agent of --http-addr, else the newest known' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from plan" -l gateway-address -d 'Where the mesh gateway listens in its datacenter' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from plan" -l gateway-wan-address -d 'Where other datacenters reach it, if that is another address' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from plan" -l mode -d 'How services reach those of other datacenters: through the own gateways, those over there, or themselves' -r -f -a "local\t''
remote\t''
none\t''"
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from plan" -l data-dir -d 'Where servers keep what they know' -r -F
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from plan" -l out -d 'The folder that files are written to' -r -F
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from plan" -l ca -d 'The folder of the CA that certifies servers, as gw certs makes one; without the flag the primary\'s init makes DIR/agent-ca' -r -F
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from plan" -l ca-cert -d 'The certificate of that CA, such as consul-agent-ca.pem' -r -F
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from plan" -l ca-key -d 'Its key, such as consul-agent-ca-key.pem' -r -F
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from plan" -l http-addr -d 'An agent\'s HTTP API (repeatable: one in each datacenter shows both directions); CONSUL_HTTP_ADDR, else 127.0.0.1:8500' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from plan" -l token -d 'The token that is shown to Consul; CONSUL_HTTP_TOKEN. Others may see it among the processes: rather --token-file' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from plan" -l token-file -d 'The file that holds it; CONSUL_HTTP_TOKEN_FILE' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from plan" -l ca-file -d 'PEM: whom Consul\'s certificate must be from; CONSUL_CACERT' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from plan" -l ca-path -d 'A folder of such files; CONSUL_CAPATH' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from plan" -l client-cert -d 'PEM: the certificate that is shown to Consul; CONSUL_CLIENT_CERT' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from plan" -l client-key -d 'PEM: its key; CONSUL_CLIENT_KEY' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from plan" -l tls-server-name -d 'The name in Consul\'s certificate, where it is not the address; CONSUL_TLS_SERVER_NAME' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from plan" -s o -l output -d 'How it is printed; name has what is to be done alone' -r -f -a "table\t'Columns, a list of steps, or a line'
wide\t'More columns, where there are more'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names or codes alone'"
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from plan" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from plan" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from status" -l http-addr -d 'An agent\'s HTTP API (repeatable: one in each datacenter shows both directions); CONSUL_HTTP_ADDR, else 127.0.0.1:8500' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from status" -l token -d 'The token that is shown to Consul; CONSUL_HTTP_TOKEN. Others may see it among the processes: rather --token-file' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from status" -l token-file -d 'The file that holds it; CONSUL_HTTP_TOKEN_FILE' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from status" -l ca-file -d 'PEM: whom Consul\'s certificate must be from; CONSUL_CACERT' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from status" -l ca-path -d 'A folder of such files; CONSUL_CAPATH' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from status" -l client-cert -d 'PEM: the certificate that is shown to Consul; CONSUL_CLIENT_CERT' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from status" -l client-key -d 'PEM: its key; CONSUL_CLIENT_KEY' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from status" -l tls-server-name -d 'The name in Consul\'s certificate, where it is not the address; CONSUL_TLS_SERVER_NAME' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from status" -s c -l config -d 'The gw.toml, where no Consul is asked' -r -F
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from status" -l interval -d 'How long it waits between two looks' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from status" -s o -l output -d 'How it is printed: json with --watch is a line each time, jsonl has a line for each way and each thing that is wrong, name what is wrong alone' -r -f -a "table\t'Columns, a list of steps, or a line'
wide\t'More columns, where there are more'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names or codes alone'"
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from status" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from status" -l watch -d 'Look again and again, and print what became another one'
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from test" -l http-addr -d 'An agent\'s HTTP API (repeatable: one in each datacenter shows both directions); CONSUL_HTTP_ADDR, else 127.0.0.1:8500' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from test" -l token -d 'The token that is shown to Consul; CONSUL_HTTP_TOKEN. Others may see it among the processes: rather --token-file' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from test" -l token-file -d 'The file that holds it; CONSUL_HTTP_TOKEN_FILE' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from test" -l ca-file -d 'PEM: whom Consul\'s certificate must be from; CONSUL_CACERT' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from test" -l ca-path -d 'A folder of such files; CONSUL_CAPATH' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from test" -l client-cert -d 'PEM: the certificate that is shown to Consul; CONSUL_CLIENT_CERT' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from test" -l client-key -d 'PEM: its key; CONSUL_CLIENT_KEY' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from test" -l tls-server-name -d 'The name in Consul\'s certificate, where it is not the address; CONSUL_TLS_SERVER_NAME' -r
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from test" -s c -l config -d 'A gw.toml, whose mesh gateways are probed, too' -r -F
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from test" -l ca -d 'PEM: the CA that certifies servers (their ca_file)' -r -F
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from test" -l cert -d 'PEM: the certificate of an agent, which is shown to servers' -r -F
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from test" -l key -d 'PEM: its key' -r -F
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from test" -l junit -d 'Write every probe as JUnit\'s XML, too' -r -F
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from test" -s o -l output -d 'How it is printed: table is what is wrong, wide every probe before it, jsonl a line for each of both, name what is wrong alone' -r -f -a "table\t'Columns, a list of steps, or a line'
wide\t'More columns, where there are more'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names or codes alone'"
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from test" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand wan-fed; and __fish_seen_subcommand_from test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand inspect; and not __fish_seen_subcommand_from status problems route routes listeners services certs intentions datacenters connections tap top chain authz sni explain batch dump" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand inspect; and not __fish_seen_subcommand_from status problems route routes listeners services certs intentions datacenters connections tap top chain authz sni explain batch dump" -s h -l help -d 'Print help'
complete -c gw -n "__fish_gw_using_subcommand inspect; and not __fish_seen_subcommand_from status problems route routes listeners services certs intentions datacenters connections tap top chain authz sni explain batch dump" -f -a "status" -d 'Tell where the state of a running gateway comes from, how fresh it is, and what is wrong with it'
complete -c gw -n "__fish_gw_using_subcommand inspect; and not __fish_seen_subcommand_from status problems route routes listeners services certs intentions datacenters connections tap top chain authz sni explain batch dump" -f -a "problems" -d 'List everything that is wrong or soon will be: where, why it matters, and what to type'
complete -c gw -n "__fish_gw_using_subcommand inspect; and not __fish_seen_subcommand_from status problems route routes listeners services certs intentions datacenters connections tap top chain authz sni explain batch dump" -f -a "route" -d 'Show where a request goes, every step and near miss, and the rule that decided'
complete -c gw -n "__fish_gw_using_subcommand inspect; and not __fish_seen_subcommand_from status problems route routes listeners services certs intentions datacenters connections tap top chain authz sni explain batch dump" -f -a "routes" -d 'List what is served: listeners, hosts, routes, targets'
complete -c gw -n "__fish_gw_using_subcommand inspect; and not __fish_seen_subcommand_from status problems route routes listeners services certs intentions datacenters connections tap top chain authz sni explain batch dump" -f -a "listeners" -d 'List where gateways listen, and what is spoken there'
complete -c gw -n "__fish_gw_using_subcommand inspect; and not __fish_seen_subcommand_from status problems route routes listeners services certs intentions datacenters connections tap top chain authz sni explain batch dump" -f -a "services" -d 'List the services that are known, and how their instances are'
complete -c gw -n "__fish_gw_using_subcommand inspect; and not __fish_seen_subcommand_from status problems route routes listeners services certs intentions datacenters connections tap top chain authz sni explain batch dump" -f -a "certs" -d 'List the certificates that gateways show or trust, and how long they last'
complete -c gw -n "__fish_gw_using_subcommand inspect; and not __fish_seen_subcommand_from status problems route routes listeners services certs intentions datacenters connections tap top chain authz sni explain batch dump" -f -a "intentions" -d 'List the intentions, the strongest first'
complete -c gw -n "__fish_gw_using_subcommand inspect; and not __fish_seen_subcommand_from status problems route routes listeners services certs intentions datacenters connections tap top chain authz sni explain batch dump" -f -a "datacenters" -d 'List other datacenters and peers, and the gateways by which they are reached'
complete -c gw -n "__fish_gw_using_subcommand inspect; and not __fish_seen_subcommand_from status problems route routes listeners services certs intentions datacenters connections tap top chain authz sni explain batch dump" -f -a "connections" -d 'List the open tcp connections of a running gateway: files and Consul have none'
complete -c gw -n "__fish_gw_using_subcommand inspect; and not __fish_seen_subcommand_from status problems route routes listeners services certs intentions datacenters connections tap top chain authz sni explain batch dump" -f -a "tap" -d 'Watch requests and tcp connections of a running gateway as they pass'
complete -c gw -n "__fish_gw_using_subcommand inspect; and not __fish_seen_subcommand_from status problems route routes listeners services certs intentions datacenters connections tap top chain authz sni explain batch dump" -f -a "top" -d 'Watch what a running gateway does: rates, errors, latency and connections, by listener and service'
complete -c gw -n "__fish_gw_using_subcommand inspect; and not __fish_seen_subcommand_from status problems route routes listeners services certs intentions datacenters connections tap top chain authz sni explain batch dump" -f -a "chain" -d 'Show the discovery chain of a service: router, splitter, resolver, targets'
complete -c gw -n "__fish_gw_using_subcommand inspect; and not __fish_seen_subcommand_from status problems route routes listeners services certs intentions datacenters connections tap top chain authz sni explain batch dump" -f -a "authz" -d 'Show whether a service may talk to another one, and the intention that decides'
complete -c gw -n "__fish_gw_using_subcommand inspect; and not __fish_seen_subcommand_from status problems route routes listeners services certs intentions datacenters connections tap top chain authz sni explain batch dump" -f -a "sni" -d 'Show what a server name (SNI) names, and where a mesh or terminating gateway leads it'
complete -c gw -n "__fish_gw_using_subcommand inspect; and not __fish_seen_subcommand_from status problems route routes listeners services certs intentions datacenters connections tap top chain authz sni explain batch dump" -f -a "explain" -d 'Say what a code means: of an answer (no_route) or of a finding (GW0102)'
complete -c gw -n "__fish_gw_using_subcommand inspect; and not __fish_seen_subcommand_from status problems route routes listeners services certs intentions datacenters connections tap top chain authz sni explain batch dump" -f -a "batch" -d 'Answer JSON questions, one a line, from stdin'
complete -c gw -n "__fish_gw_using_subcommand inspect; and not __fish_seen_subcommand_from status problems route routes listeners services certs intentions datacenters connections tap top chain authz sni explain batch dump" -f -a "dump" -d 'Print everything that a gateway goes by, without keys and tokens: --dump FILE asks it'
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from status" -s o -l output -d 'How it is printed' -r -f -a "table\t'Columns, a list of steps, or a line'
wide\t'More columns, where there are more'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names or codes alone'"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from status" -s c -l config -d 'Files: a gw.toml, or a folder of config entries; GW_CONFIG' -r -F
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from status" -l admin -d 'A gateway that runs: its admin listener; GW_ADMIN' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from status" -l dump -d 'What gw inspect dump has printed' -r -F
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from status" -l service -l gateway -d 'The gateway, where there are several' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from status" -l kind -d 'Its kind, where a Consul is asked: without the flag that of its entry' -r -f -a "ingress\t''
mesh\t''
terminating\t''"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from status" -l http-addr -d 'Consul\'s HTTP API: host:port, http://.., https://.. or unix:///path; CONSUL_HTTP_ADDR, else 127.0.0.1:8500' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from status" -l token -d 'The token that is shown to Consul; CONSUL_HTTP_TOKEN. Others may see it among the processes: rather --token-file' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from status" -l token-file -d 'The file that holds it; CONSUL_HTTP_TOKEN_FILE' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from status" -l ca-file -d 'PEM: whom Consul\'s certificate must be from; CONSUL_CACERT' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from status" -l ca-path -d 'A folder of such files; CONSUL_CAPATH' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from status" -l client-cert -d 'PEM: the certificate that is shown to Consul; CONSUL_CLIENT_CERT' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from status" -l client-key -d 'PEM: its key; CONSUL_CLIENT_KEY' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from status" -l tls-server-name -d 'The name in Consul\'s certificate, where it is not the address; CONSUL_TLS_SERVER_NAME' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from status" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from problems" -s o -l output -d 'How it is printed' -r -f -a "table\t'Columns, a list of steps, or a line'
wide\t'More columns, where there are more'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names or codes alone'"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from problems" -s c -l config -d 'Files: a gw.toml, or a folder of config entries; GW_CONFIG' -r -F
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from problems" -l admin -d 'A gateway that runs: its admin listener; GW_ADMIN' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from problems" -l dump -d 'What gw inspect dump has printed' -r -F
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from problems" -l service -l gateway -d 'The gateway, where there are several' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from problems" -l kind -d 'Its kind, where a Consul is asked: without the flag that of its entry' -r -f -a "ingress\t''
mesh\t''
terminating\t''"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from problems" -l http-addr -d 'Consul\'s HTTP API: host:port, http://.., https://.. or unix:///path; CONSUL_HTTP_ADDR, else 127.0.0.1:8500' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from problems" -l token -d 'The token that is shown to Consul; CONSUL_HTTP_TOKEN. Others may see it among the processes: rather --token-file' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from problems" -l token-file -d 'The file that holds it; CONSUL_HTTP_TOKEN_FILE' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from problems" -l ca-file -d 'PEM: whom Consul\'s certificate must be from; CONSUL_CACERT' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from problems" -l ca-path -d 'A folder of such files; CONSUL_CAPATH' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from problems" -l client-cert -d 'PEM: the certificate that is shown to Consul; CONSUL_CLIENT_CERT' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from problems" -l client-key -d 'PEM: its key; CONSUL_CLIENT_KEY' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from problems" -l tls-server-name -d 'The name in Consul\'s certificate, where it is not the address; CONSUL_TLS_SERVER_NAME' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from problems" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from problems" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from route" -s H -l header -d 'A header, NAME: VALUE (repeatable)' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from route" -l roll -d 'What the dice show, as an access record logs it: 0 to 9999' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from route" -l source -d 'The client\'s address' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from route" -l sni -d 'At a gateway that goes by server names: that of the handshake, in full or the service alone; without the flag the URL\'s host' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from route" -l peer -d 'At a terminating gateway: who connects, a service of the mesh or a SPIFFE id' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from route" -s o -l output -d 'How it is printed: table is a list of steps, name the target or the code alone' -r -f -a "table\t'Columns, a list of steps, or a line'
wide\t'More columns, where there are more'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names or codes alone'"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from route" -s c -l config -d 'Files: a gw.toml, or a folder of config entries; GW_CONFIG' -r -F
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from route" -l admin -d 'A gateway that runs: its admin listener; GW_ADMIN' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from route" -l dump -d 'What gw inspect dump has printed' -r -F
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from route" -l service -l gateway -d 'The gateway, where there are several' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from route" -l kind -d 'Its kind, where a Consul is asked: without the flag that of its entry' -r -f -a "ingress\t''
mesh\t''
terminating\t''"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from route" -l http-addr -d 'Consul\'s HTTP API: host:port, http://.., https://.. or unix:///path; CONSUL_HTTP_ADDR, else 127.0.0.1:8500' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from route" -l token -d 'The token that is shown to Consul; CONSUL_HTTP_TOKEN. Others may see it among the processes: rather --token-file' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from route" -l token-file -d 'The file that holds it; CONSUL_HTTP_TOKEN_FILE' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from route" -l ca-file -d 'PEM: whom Consul\'s certificate must be from; CONSUL_CACERT' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from route" -l ca-path -d 'A folder of such files; CONSUL_CAPATH' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from route" -l client-cert -d 'PEM: the certificate that is shown to Consul; CONSUL_CLIENT_CERT' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from route" -l client-key -d 'PEM: its key; CONSUL_CLIENT_KEY' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from route" -l tls-server-name -d 'The name in Consul\'s certificate, where it is not the address; CONSUL_TLS_SERVER_NAME' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from route" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from route" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from routes" -s o -l output -d 'How it is printed: wide has instances and rules too, name the rules alone' -r -f -a "table\t'Columns, a list of steps, or a line'
wide\t'More columns, where there are more'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names or codes alone'"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from routes" -s c -l config -d 'Files: a gw.toml, or a folder of config entries; GW_CONFIG' -r -F
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from routes" -l admin -d 'A gateway that runs: its admin listener; GW_ADMIN' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from routes" -l dump -d 'What gw inspect dump has printed' -r -F
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from routes" -l service -l gateway -d 'The gateway, where there are several' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from routes" -l kind -d 'Its kind, where a Consul is asked: without the flag that of its entry' -r -f -a "ingress\t''
mesh\t''
terminating\t''"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from routes" -l http-addr -d 'Consul\'s HTTP API: host:port, http://.., https://.. or unix:///path; CONSUL_HTTP_ADDR, else 127.0.0.1:8500' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from routes" -l token -d 'The token that is shown to Consul; CONSUL_HTTP_TOKEN. Others may see it among the processes: rather --token-file' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from routes" -l token-file -d 'The file that holds it; CONSUL_HTTP_TOKEN_FILE' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from routes" -l ca-file -d 'PEM: whom Consul\'s certificate must be from; CONSUL_CACERT' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from routes" -l ca-path -d 'A folder of such files; CONSUL_CAPATH' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from routes" -l client-cert -d 'PEM: the certificate that is shown to Consul; CONSUL_CLIENT_CERT' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from routes" -l client-key -d 'PEM: its key; CONSUL_CLIENT_KEY' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from routes" -l tls-server-name -d 'The name in Consul\'s certificate, where it is not the address; CONSUL_TLS_SERVER_NAME' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from routes" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from routes" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from listeners" -s o -l output -d 'How it is printed' -r -f -a "table\t'Columns, a list of steps, or a line'
wide\t'More columns, where there are more'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names or codes alone'"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from listeners" -s c -l config -d 'Files: a gw.toml, or a folder of config entries; GW_CONFIG' -r -F
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from listeners" -l admin -d 'A gateway that runs: its admin listener; GW_ADMIN' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from listeners" -l dump -d 'What gw inspect dump has printed' -r -F
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from listeners" -l service -l gateway -d 'The gateway, where there are several' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from listeners" -l kind -d 'Its kind, where a Consul is asked: without the flag that of its entry' -r -f -a "ingress\t''
mesh\t''
terminating\t''"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from listeners" -l http-addr -d 'Consul\'s HTTP API: host:port, http://.., https://.. or unix:///path; CONSUL_HTTP_ADDR, else 127.0.0.1:8500' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from listeners" -l token -d 'The token that is shown to Consul; CONSUL_HTTP_TOKEN. Others may see it among the processes: rather --token-file' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from listeners" -l token-file -d 'The file that holds it; CONSUL_HTTP_TOKEN_FILE' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from listeners" -l ca-file -d 'PEM: whom Consul\'s certificate must be from; CONSUL_CACERT' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from listeners" -l ca-path -d 'A folder of such files; CONSUL_CAPATH' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from listeners" -l client-cert -d 'PEM: the certificate that is shown to Consul; CONSUL_CLIENT_CERT' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from listeners" -l client-key -d 'PEM: its key; CONSUL_CLIENT_KEY' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from listeners" -l tls-server-name -d 'The name in Consul\'s certificate, where it is not the address; CONSUL_TLS_SERVER_NAME' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from listeners" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from listeners" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from services" -s o -l output -d 'How it is printed' -r -f -a "table\t'Columns, a list of steps, or a line'
wide\t'More columns, where there are more'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names or codes alone'"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from services" -s c -l config -d 'Files: a gw.toml, or a folder of config entries; GW_CONFIG' -r -F
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from services" -l admin -d 'A gateway that runs: its admin listener; GW_ADMIN' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from services" -l dump -d 'What gw inspect dump has printed' -r -F
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from services" -l service -l gateway -d 'The gateway, where there are several' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from services" -l kind -d 'Its kind, where a Consul is asked: without the flag that of its entry' -r -f -a "ingress\t''
mesh\t''
terminating\t''"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from services" -l http-addr -d 'Consul\'s HTTP API: host:port, http://.., https://.. or unix:///path; CONSUL_HTTP_ADDR, else 127.0.0.1:8500' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from services" -l token -d 'The token that is shown to Consul; CONSUL_HTTP_TOKEN. Others may see it among the processes: rather --token-file' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from services" -l token-file -d 'The file that holds it; CONSUL_HTTP_TOKEN_FILE' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from services" -l ca-file -d 'PEM: whom Consul\'s certificate must be from; CONSUL_CACERT' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from services" -l ca-path -d 'A folder of such files; CONSUL_CAPATH' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from services" -l client-cert -d 'PEM: the certificate that is shown to Consul; CONSUL_CLIENT_CERT' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from services" -l client-key -d 'PEM: its key; CONSUL_CLIENT_KEY' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from services" -l tls-server-name -d 'The name in Consul\'s certificate, where it is not the address; CONSUL_TLS_SERVER_NAME' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from services" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from services" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from certs" -s o -l output -d 'How it is printed' -r -f -a "table\t'Columns, a list of steps, or a line'
wide\t'More columns, where there are more'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names or codes alone'"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from certs" -s c -l config -d 'Files: a gw.toml, or a folder of config entries; GW_CONFIG' -r -F
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from certs" -l admin -d 'A gateway that runs: its admin listener; GW_ADMIN' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from certs" -l dump -d 'What gw inspect dump has printed' -r -F
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from certs" -l service -l gateway -d 'The gateway, where there are several' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from certs" -l kind -d 'Its kind, where a Consul is asked: without the flag that of its entry' -r -f -a "ingress\t''
mesh\t''
terminating\t''"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from certs" -l http-addr -d 'Consul\'s HTTP API: host:port, http://.., https://.. or unix:///path; CONSUL_HTTP_ADDR, else 127.0.0.1:8500' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from certs" -l token -d 'The token that is shown to Consul; CONSUL_HTTP_TOKEN. Others may see it among the processes: rather --token-file' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from certs" -l token-file -d 'The file that holds it; CONSUL_HTTP_TOKEN_FILE' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from certs" -l ca-file -d 'PEM: whom Consul\'s certificate must be from; CONSUL_CACERT' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from certs" -l ca-path -d 'A folder of such files; CONSUL_CAPATH' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from certs" -l client-cert -d 'PEM: the certificate that is shown to Consul; CONSUL_CLIENT_CERT' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from certs" -l client-key -d 'PEM: its key; CONSUL_CLIENT_KEY' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from certs" -l tls-server-name -d 'The name in Consul\'s certificate, where it is not the address; CONSUL_TLS_SERVER_NAME' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from certs" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from certs" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from intentions" -s o -l output -d 'How it is printed' -r -f -a "table\t'Columns, a list of steps, or a line'
wide\t'More columns, where there are more'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names or codes alone'"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from intentions" -s c -l config -d 'Files: a gw.toml, or a folder of config entries; GW_CONFIG' -r -F
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from intentions" -l admin -d 'A gateway that runs: its admin listener; GW_ADMIN' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from intentions" -l dump -d 'What gw inspect dump has printed' -r -F
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from intentions" -l service -l gateway -d 'The gateway, where there are several' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from intentions" -l kind -d 'Its kind, where a Consul is asked: without the flag that of its entry' -r -f -a "ingress\t''
mesh\t''
terminating\t''"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from intentions" -l http-addr -d 'Consul\'s HTTP API: host:port, http://.., https://.. or unix:///path; CONSUL_HTTP_ADDR, else 127.0.0.1:8500' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from intentions" -l token -d 'The token that is shown to Consul; CONSUL_HTTP_TOKEN. Others may see it among the processes: rather --token-file' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from intentions" -l token-file -d 'The file that holds it; CONSUL_HTTP_TOKEN_FILE' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from intentions" -l ca-file -d 'PEM: whom Consul\'s certificate must be from; CONSUL_CACERT' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from intentions" -l ca-path -d 'A folder of such files; CONSUL_CAPATH' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from intentions" -l client-cert -d 'PEM: the certificate that is shown to Consul; CONSUL_CLIENT_CERT' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from intentions" -l client-key -d 'PEM: its key; CONSUL_CLIENT_KEY' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from intentions" -l tls-server-name -d 'The name in Consul\'s certificate, where it is not the address; CONSUL_TLS_SERVER_NAME' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from intentions" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from intentions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from datacenters" -s o -l output -d 'How it is printed' -r -f -a "table\t'Columns, a list of steps, or a line'
wide\t'More columns, where there are more'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names or codes alone'"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from datacenters" -s c -l config -d 'Files: a gw.toml, or a folder of config entries; GW_CONFIG' -r -F
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from datacenters" -l admin -d 'A gateway that runs: its admin listener; GW_ADMIN' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from datacenters" -l dump -d 'What gw inspect dump has printed' -r -F
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from datacenters" -l service -l gateway -d 'The gateway, where there are several' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from datacenters" -l kind -d 'Its kind, where a Consul is asked: without the flag that of its entry' -r -f -a "ingress\t''
mesh\t''
terminating\t''"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from datacenters" -l http-addr -d 'Consul\'s HTTP API: host:port, http://.., https://.. or unix:///path; CONSUL_HTTP_ADDR, else 127.0.0.1:8500' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from datacenters" -l token -d 'The token that is shown to Consul; CONSUL_HTTP_TOKEN. Others may see it among the processes: rather --token-file' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from datacenters" -l token-file -d 'The file that holds it; CONSUL_HTTP_TOKEN_FILE' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from datacenters" -l ca-file -d 'PEM: whom Consul\'s certificate must be from; CONSUL_CACERT' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from datacenters" -l ca-path -d 'A folder of such files; CONSUL_CAPATH' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from datacenters" -l client-cert -d 'PEM: the certificate that is shown to Consul; CONSUL_CLIENT_CERT' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from datacenters" -l client-key -d 'PEM: its key; CONSUL_CLIENT_KEY' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from datacenters" -l tls-server-name -d 'The name in Consul\'s certificate, where it is not the address; CONSUL_TLS_SERVER_NAME' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from datacenters" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from datacenters" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from connections" -l admin -d 'The admin listener of a running gateway' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from connections" -l sort -d 'Which come first' -r -f -a "age\t'The oldest'
bytes\t'Those with the most bytes, both ways together'"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from connections" -l limit -d 'How many are printed at most' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from connections" -s o -l output -d 'How it is printed' -r -f -a "table\t'Columns, a list of steps, or a line'
wide\t'More columns, where there are more'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names or codes alone'"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from connections" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from connections" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from tap" -l admin -d 'The admin listener of a running gateway' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from tap" -l gateway -d 'What comes to this gateway, where a process has several' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from tap" -l listener -d 'What comes to this listener: edge:8080, or its port' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from tap" -l service -d 'What goes to this service' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from tap" -l source -d 'What comes from there: the service of a certificate, its SPIFFE id, or an IP address' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from tap" -l code -d 'What ends in this code (gw inspect explain); repeatable' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from tap" -l status -d 'What is answered with this status, such as 404 or 5xx; repeatable' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from tap" -l path-prefix -d 'Requests for paths that begin so' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from tap" -l host -d 'Requests for this host; *.shop.test is all below' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from tap" -l sample -d 'One of N, by chance' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from tap" -l limit -d 'It is over after so many' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from tap" -l for -d 'It is over after this time, such as 30s' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from tap" -l header -d 'Tell this header of requests, too; repeatable' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from tap" -s o -l output -d 'How it is printed: table is a line each, jsonl has lines that tell of the tap itself, name the codes alone' -r -f -a "table\t'Columns, a list of steps, or a line'
wide\t'More columns, where there are more'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names or codes alone'"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from tap" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from tap" -l query -d 'Tell what stands behind the ? of a path, too'
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from tap" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from top" -l admin -d 'The admin listener of a running gateway' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from top" -l interval -d 'How long each reading is after the last' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from top" -l sort -d 'Which come first' -r -f -a "rate\t'Those with the most requests or connections'
errors\t'Those with the most errors'
p99\t'The slowest'
bytes\t'Those with the most bytes, both ways together'
open\t'Those with the most under way'"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from top" -s o -l output -d 'How it is printed, each time: table is the whole terminal, and columns on a pipe; name the services of which there is something to say' -r -f -a "table\t'Columns, a list of steps, or a line'
wide\t'More columns, where there are more'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names or codes alone'"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from top" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from top" -l once -d 'Print one interval, and end'
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from top" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from chain" -l datacenter -d 'Compile for this datacenter' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from chain" -l override-protocol -d 'Consul\'s OverrideProtocol' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from chain" -l override-mesh-gateway -d 'Consul\'s OverrideMeshGateway' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from chain" -l override-connect-timeout -d 'Consul\'s OverrideConnectTimeout' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from chain" -s o -l output -d 'How it is printed: table is a tree, name the targets alone, consul the shape of Consul\'s /v1/discovery-chain' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from chain" -s c -l config -d 'Files: a gw.toml, or a folder of config entries; GW_CONFIG' -r -F
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from chain" -l admin -d 'A gateway that runs: its admin listener; GW_ADMIN' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from chain" -l dump -d 'What gw inspect dump has printed' -r -F
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from chain" -l service -l gateway -d 'The gateway, where there are several' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from chain" -l kind -d 'Its kind, where a Consul is asked: without the flag that of its entry' -r -f -a "ingress\t''
mesh\t''
terminating\t''"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from chain" -l http-addr -d 'Consul\'s HTTP API: host:port, http://.., https://.. or unix:///path; CONSUL_HTTP_ADDR, else 127.0.0.1:8500' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from chain" -l token -d 'The token that is shown to Consul; CONSUL_HTTP_TOKEN. Others may see it among the processes: rather --token-file' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from chain" -l token-file -d 'The file that holds it; CONSUL_HTTP_TOKEN_FILE' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from chain" -l ca-file -d 'PEM: whom Consul\'s certificate must be from; CONSUL_CACERT' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from chain" -l ca-path -d 'A folder of such files; CONSUL_CAPATH' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from chain" -l client-cert -d 'PEM: the certificate that is shown to Consul; CONSUL_CLIENT_CERT' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from chain" -l client-key -d 'PEM: its key; CONSUL_CLIENT_KEY' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from chain" -l tls-server-name -d 'The name in Consul\'s certificate, where it is not the address; CONSUL_TLS_SERVER_NAME' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from chain" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from chain" -l verify -d 'Lay the chain that Consul compiles itself beside'
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from chain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from authz" -l method -d 'The method of a request; GET, if only its path or a header is given' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from authz" -l path -d 'Path and query of a request; / if only its method or a header is given' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from authz" -s H -l header -d 'A header of a request, NAME: VALUE (repeatable)' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from authz" -l who-can -d 'Every caller of a destination' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from authz" -l reach -d 'Every destination of a caller' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from authz" -s o -l output -d 'How it is printed: table is a list of steps, or columns; name says allowed or denied, and of many pairs who is not denied' -r -f -a "table\t'Columns, a list of steps, or a line'
wide\t'More columns, where there are more'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names or codes alone'"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from authz" -s c -l config -d 'Files: a gw.toml, or a folder of config entries; GW_CONFIG' -r -F
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from authz" -l admin -d 'A gateway that runs: its admin listener; GW_ADMIN' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from authz" -l dump -d 'What gw inspect dump has printed' -r -F
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from authz" -l service -l gateway -d 'The gateway, where there are several' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from authz" -l kind -d 'Its kind, where a Consul is asked: without the flag that of its entry' -r -f -a "ingress\t''
mesh\t''
terminating\t''"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from authz" -l http-addr -d 'Consul\'s HTTP API: host:port, http://.., https://.. or unix:///path; CONSUL_HTTP_ADDR, else 127.0.0.1:8500' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from authz" -l token -d 'The token that is shown to Consul; CONSUL_HTTP_TOKEN. Others may see it among the processes: rather --token-file' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from authz" -l token-file -d 'The file that holds it; CONSUL_HTTP_TOKEN_FILE' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from authz" -l ca-file -d 'PEM: whom Consul\'s certificate must be from; CONSUL_CACERT' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from authz" -l ca-path -d 'A folder of such files; CONSUL_CAPATH' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from authz" -l client-cert -d 'PEM: the certificate that is shown to Consul; CONSUL_CLIENT_CERT' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from authz" -l client-key -d 'PEM: its key; CONSUL_CLIENT_KEY' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from authz" -l tls-server-name -d 'The name in Consul\'s certificate, where it is not the address; CONSUL_TLS_SERVER_NAME' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from authz" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from authz" -l matrix -d 'Every caller and every destination'
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from authz" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from sni" -s o -l output -d 'How it is printed: table is a list of steps, name the target or the code alone' -r -f -a "table\t'Columns, a list of steps, or a line'
wide\t'More columns, where there are more'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names or codes alone'"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from sni" -s c -l config -d 'Files: a gw.toml, or a folder of config entries; GW_CONFIG' -r -F
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from sni" -l admin -d 'A gateway that runs: its admin listener; GW_ADMIN' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from sni" -l dump -d 'What gw inspect dump has printed' -r -F
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from sni" -l service -l gateway -d 'The gateway, where there are several' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from sni" -l kind -d 'Its kind, where a Consul is asked: without the flag that of its entry' -r -f -a "ingress\t''
mesh\t''
terminating\t''"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from sni" -l http-addr -d 'Consul\'s HTTP API: host:port, http://.., https://.. or unix:///path; CONSUL_HTTP_ADDR, else 127.0.0.1:8500' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from sni" -l token -d 'The token that is shown to Consul; CONSUL_HTTP_TOKEN. Others may see it among the processes: rather --token-file' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from sni" -l token-file -d 'The file that holds it; CONSUL_HTTP_TOKEN_FILE' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from sni" -l ca-file -d 'PEM: whom Consul\'s certificate must be from; CONSUL_CACERT' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from sni" -l ca-path -d 'A folder of such files; CONSUL_CAPATH' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from sni" -l client-cert -d 'PEM: the certificate that is shown to Consul; CONSUL_CLIENT_CERT' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from sni" -l client-key -d 'PEM: its key; CONSUL_CLIENT_KEY' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from sni" -l tls-server-name -d 'The name in Consul\'s certificate, where it is not the address; CONSUL_TLS_SERVER_NAME' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from sni" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from sni" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from explain" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from batch" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from batch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from dump" -s o -l output -d 'How it is printed: json, or jsonl, which is the same in one line' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from dump" -s c -l config -d 'Files: a gw.toml, or a folder of config entries; GW_CONFIG' -r -F
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from dump" -l admin -d 'A gateway that runs: its admin listener; GW_ADMIN' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from dump" -l dump -d 'What gw inspect dump has printed' -r -F
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from dump" -l service -l gateway -d 'The gateway, where there are several' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from dump" -l kind -d 'Its kind, where a Consul is asked: without the flag that of its entry' -r -f -a "ingress\t''
mesh\t''
terminating\t''"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from dump" -l http-addr -d 'Consul\'s HTTP API: host:port, http://.., https://.. or unix:///path; CONSUL_HTTP_ADDR, else 127.0.0.1:8500' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from dump" -l token -d 'The token that is shown to Consul; CONSUL_HTTP_TOKEN. Others may see it among the processes: rather --token-file' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from dump" -l token-file -d 'The file that holds it; CONSUL_HTTP_TOKEN_FILE' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from dump" -l ca-file -d 'PEM: whom Consul\'s certificate must be from; CONSUL_CACERT' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from dump" -l ca-path -d 'A folder of such files; CONSUL_CAPATH' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from dump" -l client-cert -d 'PEM: the certificate that is shown to Consul; CONSUL_CLIENT_CERT' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from dump" -l client-key -d 'PEM: its key; CONSUL_CLIENT_KEY' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from dump" -l tls-server-name -d 'The name in Consul\'s certificate, where it is not the address; CONSUL_TLS_SERVER_NAME' -r
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from dump" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand inspect; and __fish_seen_subcommand_from dump" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand admin; and not __fish_seen_subcommand_from reload drain stop log" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand admin; and not __fish_seen_subcommand_from reload drain stop log" -s h -l help -d 'Print help'
complete -c gw -n "__fish_gw_using_subcommand admin; and not __fish_seen_subcommand_from reload drain stop log" -f -a "reload" -d 'Read the configuration again, as HUP does, and say what came of it'
complete -c gw -n "__fish_gw_using_subcommand admin; and not __fish_seen_subcommand_from reload drain stop log" -f -a "drain" -d 'Take no new connection, let those that are open finish, and end; waits for that'
complete -c gw -n "__fish_gw_using_subcommand admin; and not __fish_seen_subcommand_from reload drain stop log" -f -a "stop" -d 'End now: open connections are cut'
complete -c gw -n "__fish_gw_using_subcommand admin; and not __fish_seen_subcommand_from reload drain stop log" -f -a "log" -d 'Log something else from now on, or say what is logged'
complete -c gw -n "__fish_gw_using_subcommand admin; and __fish_seen_subcommand_from reload" -l admin -d 'The admin listener of a running gateway' -r
complete -c gw -n "__fish_gw_using_subcommand admin; and __fish_seen_subcommand_from reload" -s o -l output -d 'How it is printed' -r -f -a "table\t'Columns, a list of steps, or a line'
wide\t'More columns, where there are more'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names or codes alone'"
complete -c gw -n "__fish_gw_using_subcommand admin; and __fish_seen_subcommand_from reload" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand admin; and __fish_seen_subcommand_from reload" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand admin; and __fish_seen_subcommand_from drain" -l timeout -d 'How long connections may take to finish; without it as long as the gateway\'s --drain-time' -r
complete -c gw -n "__fish_gw_using_subcommand admin; and __fish_seen_subcommand_from drain" -l admin -d 'The admin listener of a running gateway' -r
complete -c gw -n "__fish_gw_using_subcommand admin; and __fish_seen_subcommand_from drain" -s o -l output -d 'How it is printed' -r -f -a "table\t'Columns, a list of steps, or a line'
wide\t'More columns, where there are more'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names or codes alone'"
complete -c gw -n "__fish_gw_using_subcommand admin; and __fish_seen_subcommand_from drain" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand admin; and __fish_seen_subcommand_from drain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand admin; and __fish_seen_subcommand_from stop" -l admin -d 'The admin listener of a running gateway' -r
complete -c gw -n "__fish_gw_using_subcommand admin; and __fish_seen_subcommand_from stop" -s o -l output -d 'How it is printed' -r -f -a "table\t'Columns, a list of steps, or a line'
wide\t'More columns, where there are more'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names or codes alone'"
complete -c gw -n "__fish_gw_using_subcommand admin; and __fish_seen_subcommand_from stop" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand admin; and __fish_seen_subcommand_from stop" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand admin; and __fish_seen_subcommand_from log" -l admin -d 'The admin listener of a running gateway' -r
complete -c gw -n "__fish_gw_using_subcommand admin; and __fish_seen_subcommand_from log" -s o -l output -d 'How it is printed' -r -f -a "table\t'Columns, a list of steps, or a line'
wide\t'More columns, where there are more'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names or codes alone'"
complete -c gw -n "__fish_gw_using_subcommand admin; and __fish_seen_subcommand_from log" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand admin; and __fish_seen_subcommand_from log" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand completions" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand man" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gw -n "__fish_gw_using_subcommand version" -l error-format -d 'How errors are printed: full (as rustc does), short (a line each) or json (an object each)' -r -f -a "full\t''
short\t''
json\t''"
complete -c gw -n "__fish_gw_using_subcommand version" -s h -l help -d 'Print help (see more with \'--help\')'
