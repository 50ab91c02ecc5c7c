# tcp, http, http2 or grpc. Without a protocol the service is tcp, whatever proxy-defaults say.
Protocol = "http"

# How other datacenters are reached: none, local or remote.
# MeshGateway = {
#   Mode = "local"
# }

# A service outside the mesh that is addressed by this name.
# ExternalSNI = "web.example.com"
