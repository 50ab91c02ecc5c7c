# What is linked is reached through the gateway. For TLS towards the service add, here or for one service alone:
#   CAFile = "/etc/ssl/billing-ca.pem"   (or "system"), SNI = "billing.example.com", CertFile and KeyFile
Kind = "terminating-gateway"
Name = "exit"

Services = [
  {
    Name = "billing"
  }
]
