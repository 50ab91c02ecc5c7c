# One listener a port. Its Protocol is tcp, http, http2 or grpc, and must be that of the services behind it (service-defaults).
Listeners = [
  {
    Port     = 8080
    Protocol = "tcp"
    Services = [
      {
        Name = "web"
      },
    ]
  },
  # Requests by Host, for services that are http in their service-defaults.
  # {
  #   Port     = 8081
  #   Protocol = "http"
  #   Services = [
  #     {
  #       Name  = "shop"
  #       Hosts = ["*"]
  #       RequestHeaders = {
  #         Set = { x-from = "edge" }
  #       }
  #     },
  #   ]
  # },
]

# TLS with certificates of the mesh, for clients that trust its CA. Hosts must be names then, "*" is not allowed.
# TLS = {
#   Enabled       = true
#   TLSMinVersion = "TLSv1_2"
# }

# Limits towards every service that has none of its own.
# Defaults = {
#   MaxConnections = 1024
# }
