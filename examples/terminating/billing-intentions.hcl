# The first permission that matches decides; where none does, the default policy: deny.
Kind = "service-intentions"
Name = "billing"

Sources = [
  {
    Name = "web"

    Permissions = [
      {
        Action = "deny"

        HTTP = {
          PathPrefix = "/admin"
        }
      },
      {
        Action = "allow"

        HTTP = {
          PathPrefix = "/"
          Methods    = ["GET", "POST"]
        }
      },
    ]
  }
]
