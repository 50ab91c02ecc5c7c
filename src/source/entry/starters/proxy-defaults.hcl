# What every service has that says nothing itself.
Config = {
  protocol = "http"
}

# MeshGateway = {
#   Mode = "local"
# }

# AccessLogs = {
#   Enabled = true
# }
