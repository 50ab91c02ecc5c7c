# The api gateways that it is for; SectionName is the name of one of a gateway's listeners.
Parents = [
  {
    Name = "edge"
    # SectionName = "web"
  },
]

# Without hosts it takes those of the listener.
Hostnames = ["www.example.com"]

# Of all rules for a host the longest path goes first, however they are written.
Rules = [
  {
    Matches = [
      {
        # Match is exact, prefix or regex.
        Path = {
          Match = "prefix"
          Value = "/api/"
        }
        # Method  = "GET"
        # Headers = [{ Match = "exact", Name = "x-canary", Value = "1" }] # or prefix, suffix, regex, present
        # Query   = [{ Match = "present", Name = "debug" }] # or exact, regex
      },
    ]
    # Filters = {
    #   URLRewrite    = { Path = "/" }
    #   TimeoutFilter = { RequestTimeout = "15s" }
    #   RetryFilter   = { NumRetries = 2, RetryOnConnectFailure = true }
    #   Headers       = [{ Set = { x-from = "edge" } }]
    # }

    # Weights are shares of their sum.
    Services = [
      {
        Name   = "api"
        Weight = 90
      },
      {
        Name   = "api-next"
        Weight = 10
      },
    ]
  },
]
