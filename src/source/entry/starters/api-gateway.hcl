# What an api gateway listens on; which requests go where is said by http-route and tcp-route entries that name it.
Listeners = [
  {
    Name     = "web"
    Port     = 8080
    Protocol = "http" # or tcp
    # Without it the listener takes every host.
    # Hostname = "*.example.com"
  },
  # With TLS, by certificates of other entries.
  # {
  #   Name     = "web-tls"
  #   Port     = 8443
  #   Protocol = "http"
  #   TLS = {
  #     MinVersion   = "TLSv1_2"
  #     Certificates = [{ Kind = "file-system-certificate", Name = "example" }]
  #   }
  # },
]
