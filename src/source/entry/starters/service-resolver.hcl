ConnectTimeout = "5s"

# Subsets are instances that a filter takes.
DefaultSubset = "v1"
Subsets = {
  v1 = {
    Filter = "Service.Meta.version == v1"
  }
  v2 = {
    Filter      = "Service.Meta.version == v2"
    OnlyPassing = true
  }
}

# Where requests go when no instance is healthy: by subset, "*" is every subset.
# Failover = {
#   "*" = {
#     Datacenters = ["dc2"]
#   }
# }

# LoadBalancer = {
#   Policy = "least_request"
# }
