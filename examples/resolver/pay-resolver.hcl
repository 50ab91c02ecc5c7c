# Strict: pay-backup is used only while pay has no healthy instance.
Kind           = "service-resolver"
Name           = "pay"
ConnectTimeout = "1s"

Failover = {
  "*" = {
    Service = "pay-backup"
  }
}
