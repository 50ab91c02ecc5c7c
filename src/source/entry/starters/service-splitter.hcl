# Weights are percent and must sum to 100. The service must be http, http2 or grpc (service-defaults).
Splits = [
  {
    Weight = 90
    # ServiceSubset = "v1" # of the service's resolver
  },
  {
    Weight  = 10
    Service = "web-next"
  },
]
