Kind = "ingress-gateway"
Name = "edge"

Listeners = [
  {
    Port     = 8080
    Protocol = "http"

    Services = [
      {
        Name  = "web"
        Hosts = ["*"]
      }
    ]
  }
]
