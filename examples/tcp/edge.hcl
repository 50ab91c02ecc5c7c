Kind = "ingress-gateway"
Name = "edge"

Listeners = [
  {
    Port     = 9000
    Protocol = "tcp"
    Services = [
      {
        Name = "db"
      },
    ]
  },
]
