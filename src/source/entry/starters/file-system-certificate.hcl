# Files of the machine that the api gateway runs on: a chain, the gateway's own certificate first, and its key.
Certificate = "/etc/gw/example.pem"
PrivateKey  = "/etc/gw/example-key.pem"
