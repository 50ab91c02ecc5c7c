# The first route that matches counts; what none matches goes to the service itself.
# The service must be http, http2 or grpc (service-defaults).
Routes = [
  {
    Match = {
      HTTP = {
        # One of PathExact, PathPrefix, PathRegex.
        PathPrefix = "/api/"
        # Methods    = ["GET", "POST"]
        # Header     = [{ Name = "x-canary", Present = true }]
        # QueryParam = [{ Name = "debug", Exact = "1" }]
      }
    }
    Destination = {
      Service       = "api"
      PrefixRewrite = "/"
      # RequestTimeout        = "15s"
      # NumRetries            = 2
      # RetryOnConnectFailure = true
    }
  },
]
