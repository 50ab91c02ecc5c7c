# There is one mesh entry, and it has no Name.
HTTP = {
  # What clients say of themselves is not believed: x-forwarded-client-cert is written anew.
  SanitizeXForwardedClientCert = true

  # How paths are made plain before intentions look at them.
  Incoming = {
    RequestNormalization = {
      MergeSlashes = true
      # KEEP_UNCHANGED, REJECT_REQUEST, UNESCAPE_AND_REDIRECT or UNESCAPE_AND_FORWARD.
      PathWithEscapedSlashesAction = "REJECT_REQUEST"
      # ALLOW, REJECT_REQUEST or DROP_HEADER.
      HeadersWithUnderscoresAction = "REJECT_REQUEST"
    }
  }
}

# What connections within the mesh are negotiated with.
# TLS = {
#   Incoming = {
#     TLSMinVersion = "TLSv1_2"
#   }
#   Outgoing = {
#     TLSMinVersion = "TLSv1_2"
#   }
# }
