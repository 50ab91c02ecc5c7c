Kind = "service-router"
Name = "web"
Routes = [
  {
    Match { HTTP { PathPrefix = "/api/" } }
    Destination {
      Service       = "api"
      PrefixRewrite = "/"
    }
  },
  {
    Match {
      HTTP {
        Header = [{ Name = "x-version", Exact = "v2" }]
      }
    }
    Destination { Service = "web", ServiceSubset = "v2" }
  },
]
