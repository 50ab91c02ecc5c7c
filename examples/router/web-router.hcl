# First match wins; what matches none goes to web itself.
Kind = "service-router"
Name = "web"

Routes = [
  {
    Match {
      HTTP {
        PathPrefix = "/api/"
      }
    }
    Destination {
      Service       = "api"
      PrefixRewrite = "/"
    }
  },
  {
    Match {
      HTTP {
        PathRegex = "/orders/[0-9]+"
        Methods   = ["POST", "PUT"]
      }
    }
    Destination {
      Service        = "api"
      RequestTimeout = "5s"
    }
  },
  {
    Match {
      HTTP {
        Header = [
          {
            Name  = "x-version"
            Exact = "v2"
          },
        ]
      }
    }
    Destination {
      ServiceSubset = "v2"
    }
  },
  {
    Match {
      HTTP {
        QueryParam = [
          {
            Name    = "preview"
            Present = true
          },
        ]
      }
    }
    Destination {
      ServiceSubset = "v2"
    }
  },
]
