# Services outside the mesh that the gateway speaks for. Who may reach them is said by service-intentions.
Services = [
  {
    Name = "billing"
  },
  # With TLS, towards a certificate that leads to the CAFile and has the name of the SNI.
  # {
  #   Name   = "payments"
  #   CAFile = "/etc/gw/payments-ca.pem"
  #   SNI    = "payments.example.com"
  #   # A certificate of the gateway's own, if the service asks for one.
  #   CertFile = "/etc/gw/client.pem"
  #   KeyFile  = "/etc/gw/client-key.pem"
  #   # Host is rewritten to the service's host name, unless the service wants the one that was asked for.
  #   DisableAutoHostRewrite = true
  # },
  # Every other service that has no sidecar.
  # {
  #   Name = "*"
  # },
]
