Kind = "ingress-gateway"
Name = "edge"

Listeners = [
  {
    Port     = 8080
    Protocol = "http"
    Services = [
      {
        Name  = "store"
        Hosts = ["*"]
      },
    ]
  },
  {
    Port     = 8081
    Protocol = "http"
    Services = [
      {
        Name  = "pay"
        Hosts = ["*"]
      },
    ]
  },
]
