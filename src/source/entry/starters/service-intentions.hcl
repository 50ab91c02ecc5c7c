# Who may talk to this service; Name = "*" at the top is every service, as a source it is everybody.
# A source by its name goes before "*", and an entry for this service before one for "*".
Sources = [
  {
    Name   = "web"
    Action = "allow"
  },
  # By request, for services that are http in their service-defaults. The first permission that matches counts.
  # What none matches falls to the default policy, not to the next source.
  # {
  #   Name = "admin"
  #   Permissions = [
  #     {
  #       Action = "deny"
  #       HTTP = {
  #         PathPrefix = "/internal/"
  #       }
  #     },
  #     {
  #       Action = "allow"
  #       HTTP = {
  #         PathPrefix = "/"
  #         Methods    = ["GET", "POST"]
  #         Header     = [{ Name = "x-team", Exact = "ops" }]
  #       }
  #     },
  #   ]
  # },
  {
    Name   = "*"
    Action = "deny"
  },
]
