Kind = "service-splitter"
Name = "web"

Splits = [
  {
    Weight        = 90
    ServiceSubset = "v1"
    ResponseHeaders {
      Set = {
        x-web-version = "v1"
      }
    }
  },
  {
    Weight        = 10
    ServiceSubset = "v2"
    ResponseHeaders {
      Set = {
        x-web-version = "v2"
      }
    }
  },
]
