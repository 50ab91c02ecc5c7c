Kind = "service-resolver"
Name = "web"

Redirect = {
  Datacenter = "dc2"
}
