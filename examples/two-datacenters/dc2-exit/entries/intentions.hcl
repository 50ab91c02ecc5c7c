# dc1's ingress gateway, and nobody else.
Kind = "service-intentions"
Name = "web"

Sources = [
  {
    Name   = "edge"
    Action = "allow"
  }
]
