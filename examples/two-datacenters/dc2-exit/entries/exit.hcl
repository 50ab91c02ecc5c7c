Kind = "terminating-gateway"
Name = "exit"

Services = [
  {
    Name = "web"
  }
]
