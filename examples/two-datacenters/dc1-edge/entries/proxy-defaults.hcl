Kind = "proxy-defaults"
Name = "global"

Config = {
  protocol = "http"
}

# Whoever asks goes through a gateway of its own datacenter, which goes through one of the other.
MeshGateway = {
  Mode = "local"
}
