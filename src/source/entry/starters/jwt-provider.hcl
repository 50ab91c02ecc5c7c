# Whose tokens intentions may ask for.
Issuer    = "https://idp.example.com"
Audiences = ["web"]

# The keys that tokens are signed with: asked for, or Local = { Filename = .. }, a file of every proxy.
JSONWebKeySet = {
  Remote = {
    URI           = "https://idp.example.com/.well-known/jwks.json"
    CacheDuration = "5m"
    # JWKSCluster = {
    #   TLSCertificates = { TrustedCA = { Filename = "/etc/ssl/certs/ca-certificates.crt" } }
    # }
  }
}

# Where the token stands, if not in "Authorization: Bearer".
# Locations = [{ Cookie = { Name = "token" } }]

# How the service is told what the token says.
# Forwarding = {
#   HeaderName = "x-jwt-payload"
# }
